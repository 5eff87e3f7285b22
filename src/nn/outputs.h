/*
 * The `compile:` entry of an experiment against a model: which loss, loss weight and metrics belong to which output.
 */
#ifndef LS_NN_OUTPUTS_H
#define LS_NN_OUTPUTS_H

#include "nn/metric.h"
#include "nn/model.h"

/* What one output is trained on and measured by. */
typedef struct ls_output_spec {
    ls_component loss; /* ops NULL: none */
    bool sums;         /* the loss of a batch is the sum over its samples, not their mean (reduction: sum) */
    double loss_weight;
    ls_component *metric;       /* as written; "accuracy" is resolved once shapes are known */
    char **metric_name;         /* as typed, or as its `name` says */
    size_t metrics, unweighted; /* metrics[0..unweighted) ignore sample weights, the rest use them */
} ls_output_spec;

/*
 * One spec per output. loss, loss_weights, metrics and weighted_metrics of compile (may be NULL) go by output name, are
 * lists in the order of the outputs, or stand alone: a loss then for all outputs, the others when there is one. Names
 * and ranges are checked, all faults told together; "accuracy" stays as it is until the shapes of the targets are known
 * (ls_metric_resolve).
 */
ls_status ls_outputs_read(const ls_config *compile, const ls_model *model, ls_output_spec **out);
void ls_outputs_free(ls_output_spec *outputs, size_t n);

typedef struct ls_output_names {
    const char *const *name; /* [n] */
    size_t n;
} ls_output_names;

/* ls_outputs_read of outputs with these names, before there is a model; freed as those are. */
ls_status ls_outputs_read_named(const ls_config *compile, const ls_output_names *names, ls_output_spec **out);
/* What that would say. */
ls_status ls_outputs_check(const ls_config *compile, const ls_output_names *names);

#endif
