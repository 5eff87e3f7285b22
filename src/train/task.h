/*
 * An experiment bound to its data: the model with shapes, what its outputs are trained on, the splits, which are in
 * memory once per node or read a window at a time. The common ground of train, evaluate, predict and summary.
 */
#ifndef LS_TRAIN_TASK_H
#define LS_TRAIN_TASK_H

#include "comm/comm.h"
#include "comm/node_memory.h"
#include "experiment/experiment.h"
#include "train/scores.h"
#include "train/split.h"

typedef struct ls_task {
    const ls_comm *comm;             /* borrowed */
    const ls_experiment *experiment; /* borrowed */
    ls_model *model;
    bool borrows_model;
    ls_output_spec *outputs;             /* [model->outputs] metrics resolved once targets are known */
    ls_objective *objective;             /* [model->outputs] */
    ls_split *train, *validation, *test; /* NULL where not asked for */
    ls_class_weight *class_weight;       /* owned: class_weight: balanced, from the training split; NULL: none */
    bool has_loss;                       /* some output has one */
    ls_node_memory *memory;              /* of the splits */
    /* Rank 0 of a training: what import csv fitted, if all of train is in its file; else NULL. */
    struct ls_preprocessing *preprocessing;
} ls_task;

/*
 * Collective. Opens data.train, the validation split and data.test, builds the model (weights zero), checks shapes,
 * losses, metrics and labels, and that all ranks see the same experiment and the same data. An error anywhere is an
 * error everywhere.
 */
ls_status ls_task_create(const ls_comm *comm, const ls_experiment *experiment, ls_task **out);

/*
 * Not collective. What can be known of it without holding the data: as ls_task_create, but the splits have no values,
 * only identities (ls_split_identify), and labels are checked as far as those read them.
 */
ls_status ls_task_describe(const ls_comm *comm, const ls_experiment *experiment, ls_task **out);

/*
 * Collective. As ls_task_create with one split only, described by `spec` (of `evaluate` and `predict`), as task->test.
 */
ls_status ls_task_create_for(const ls_comm *comm, const ls_experiment *experiment, const ls_split_spec *spec,
                             ls_task **out);

/* What stands in for the experiment's own splits; NULL: none. */
typedef struct ls_task_source {
    ls_model *model; /* borrowed; NULL: made from the description */
    const ls_split_spec *train, *validation, *test;
} ls_task_source;

/*
 * Collective. As ls_task_create with these splits: to train if there is data to train on, else as ls_task_create_for.
 * Without validation, the experiment's validation_split cuts one off.
 */
ls_status ls_task_create_from(const ls_comm *comm, const ls_experiment *experiment, const ls_task_source *source,
                              ls_task **out);
void ls_task_free(ls_task *task);

/*
 * The model alone, without a task or data, from a description that names its input shape, or from data.train if it can
 * be opened.
 */
ls_status ls_task_model(const ls_experiment *experiment, ls_model **out);
/* ls_task_model with the input shape of this split. */
ls_status ls_task_model_for(const ls_experiment *experiment, const ls_split_spec *spec, ls_model **out);

/* Fresh weights from the seed, or those of initial_weights. */
ls_status ls_task_init_weights(const ls_experiment *experiment, ls_model *model);

/* LS_ERR_CONFIG naming the first output that has a loss or metrics but no targets in the split: it cannot be scored. */
ls_status ls_task_check_targets(const ls_task *task, const ls_split *split);

/* Does the split have sample weights that the engine must be told about? Plans them. */
ls_status ls_task_plan_weights(const ls_task *task, const ls_split *split, ls_engine *engine);

/*
 * Collective: hinge losses ask whether every label of the global batch is 0 or 1. Goes through the waves of the slice,
 * which have to be loaded again afterwards; sets binary_labels[outputs].
 */
ls_status ls_check_binary_labels(const ls_task *task, const ls_split *split, const ls_permutation *order,
                                 const ls_slice *slice, ls_engine *engine, bool *binary_labels);
bool ls_needs_binary_check(const ls_task *task);

#endif
