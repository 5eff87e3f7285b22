/*
 * Metrics: sums over samples and a formula at the end. Every microbatch contributes `width` doubles; contributions are
 * added exactly over microbatches, ranks and batches; result is computed once from the totals. Formulas:
 * src/nn/KERAS.md, section 5.
 */
#ifndef LS_NN_METRIC_H
#define LS_NN_METRIC_H

#include "base/options.h"
#include "nn/loss.h"

typedef struct ls_metric_call {
    size_t positions;    /* R: samples x T */
    size_t n;            /* C */
    const float *target; /* (R, C), or (R, 1) for sparse targets */
    const float *pred;   /* (R, C): the output after its activation */
    const float *weight; /* (R), or NULL */
    bool binary_labels;  /* needs_binary_check: every label of the global batch is 0 or 1 */
    double *sums;        /* [width] out, overwritten */
} ls_metric_call;

typedef struct ls_metric_ops {
    ls_ops ops;
    bool sparse_targets; /* targets are class indices, one per position */
    /* OPTIONAL. The same where it depends on the configuration. */
    bool (*sparse)(const void *config);
    bool needs_binary_check;                                            /* hinges */
    enum { LS_METRIC_UP, LS_METRIC_DOWN, LS_METRIC_UNKNOWN } direction; /* what callbacks' mode: auto means */
    /* REQUIRED. How many sums, given the last axis of the prediction. */
    size_t (*width)(const void *config, size_t n);
    /* REQUIRED. One microbatch's contribution; sums in a fixed order. */
    void (*update)(const void *config, const ls_metric_call *call);
    /* REQUIRED. The value from the totals. */
    double (*result)(const void *config, const double *totals, size_t n);
    /* OPTIONAL. Does the configuration fit an output of n classes? Fails with ls_config_fail(at, ...). */
    ls_status (*fits)(const void *config, size_t n, const ls_config *at);
} ls_metric_ops;

extern const ls_registry ls_metrics;

/*
 * "accuracy" and "acc" mean one of three things, by the shapes: Keras's rule. Other names are left as they are. out is
 * a copy of its own. The entry "accuracy" itself has no functions: it must be resolved before it is used. sparse: the
 * target has one value per position while the prediction has several.
 */
ls_status ls_metric_resolve(const ls_component *named, size_t n, bool sparse, ls_component *out);

/* Does the metric (resolved) fit this output and these targets? As ls_loss_check. */
ls_status ls_metric_check(const ls_component *metric, const ls_shape *output, const ls_shape *target,
                          const ls_config *at);

#endif
