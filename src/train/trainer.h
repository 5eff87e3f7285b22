/*
 * A training run in progress: everything a step needs, and the step itself.
 *
 * One update: wave by wave load, forward, losses, backward; reduce-scatter of buckets, agree that the sums are exact
 * (else once more, on a raised grid), update the own shard, all-gather. All functions are collective.
 */
#ifndef LS_TRAIN_TRAINER_H
#define LS_TRAIN_TRAINER_H

#include <signal.h>

#include "base/watchdog.h"
#include "comm/exact_sums.h"
#include "train/epoch_plan.h"
#include "train/gradients.h"
#include "train/history.h"
#include "train/noise_scale.h"
#include "train/scores.h"
#include "train/task.h"
#include "train/trace.h"
#include "train/updater.h"

/*
 * What training makes besides the weights, and leaves for more training of the same model and optimizer: a trainer
 * takes it over when it is made and gives it back when it is freed.
 */
typedef struct ls_training_state {
    ls_updater *updater;     /* owned */
    ls_gradients *gradients; /* owned: exponents of the grid, and which part of the optimizer's state this rank has */
    ls_history *history;     /* owned: of the last training; NULL: there was none */
    uint64_t update;         /* updates done */
} ls_training_state;

/* Collective. As before the first update. experiment and model must outlive it. After a failure it is empty. */
ls_status ls_training_state_create(const ls_comm *comm, const ls_experiment *experiment, ls_model *model,
                                   ls_training_state *state);
void ls_training_state_reset(ls_training_state *state);

typedef struct ls_trainer {
    const ls_comm *comm;             /* borrowed */
    const ls_experiment *experiment; /* borrowed */
    const ls_task *task;             /* borrowed */
    ls_model *model;                 /* the task's */
    ls_engine *engine;
    ls_gradients *gradients;
    ls_updater *updater;
    ls_scores *scores;     /* of the running epoch */
    ls_permutation *order; /* NULL: shuffle is off */
    ls_exact_sums sums;
    ls_history *history;
    ls_noise_scale *noise;        /* NULL: not measured */
    ls_trace *trace;              /* NULL: none wanted */
    uint64_t *order_hash;         /* [local microbatches] when tracing */
    double *loss_sums, *activity; /* [local microbatches x outputs], [local microbatches] */
    bool *binary_labels;          /* [outputs] */
    bool needs_label_check;
    bool penalized; /* the loss has a part that comes of the weights */
    /*
     * An update may return while its weights are still on their way, which the next one waits for: nobody else looks at
     * them within an epoch. False at first.
     */
    bool overlaps;
    ls_watchdog *watchdog;             /* borrowed; NULL: none */
    const volatile sig_atomic_t *stop; /* borrowed; NULL: none */
    ls_training_state *state;          /* to give back to; borrowed; NULL: none */

    uint64_t epoch, batch; /* the next batch to train on; both from 0 */
    bool begun;            /* the callbacks have heard that it begins */
    uint64_t update;       /* updates done */
    ls_epoch_plan plan;    /* of the epoch; plan.batches is its length */
    uint64_t redone;       /* steps that were done twice for a raised grid */
} ls_trainer;

typedef struct ls_trainer_options {
    const ls_trace_sink *trace;        /* NULL: none; borrowed */
    const ls_fault *fault;             /* NULL: none; borrowed */
    ls_watchdog *watchdog;             /* NULL: none; borrowed */
    const volatile sig_atomic_t *stop; /* once it is set, the update at hand is given up; NULL: none; borrowed */
    bool own_weights;                  /* somebody else may write the weights: ranks shall not share one copy of them */
    ls_training_state *state;          /* to go on from, with the weights that the model has; NULL: none; borrowed */
    size_t wave;                       /* samples that go through the model together, at most; 0: chosen */
} ls_trainer_options;

/* Fresh weights from the seed or from initial_weights, unless there is a state to go on from. */
ls_status ls_trainer_create(const ls_task *task, const ls_trainer_options *options, ls_trainer **out);
void ls_trainer_free(ls_trainer *trainer);

/* Choose the order of trainer->epoch; clears the scores when its first batch is next. */
void ls_trainer_begin_epoch(ls_trainer *trainer);

/*
 * One update on batch trainer->batch, which then moves on (to the end of the epoch, not beyond). *stop: some rank was
 * told to stop (ls_trainer_options) before the gradients were complete; then nothing has happened, and trainer->batch
 * stays. *loss: of the batch.
 */
ls_status ls_trainer_update(ls_trainer *trainer, bool *stop, double *loss);

/*
 * Collective, right after an update. The gradient of its batch: the mean of the loss over its samples, without what
 * penalties of weights, accumulation and clipping do to it afterwards. Rank 0 gets all of it; gradient
 * [trainable_size].
 */
ls_status ls_trainer_gradient(const ls_trainer *trainer, float *gradient);

/* All weights become those [size], which are the same on all ranks. */
void ls_trainer_restore(ls_trainer *trainer, const float *weights);

/* Loss and metrics of the validation split in inference mode, into scores (cleared first). */
ls_status ls_trainer_evaluate(ls_trainer *trainer, const ls_split *split, ls_scores *scores);

#endif
