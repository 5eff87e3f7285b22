/*
 * From exact totals to new weights: everything between reduce-scatter and the next forward pass, in Keras's order
 * (base_optimizer.apply): gradient accumulation, clipping, decoupled weight decay, the update rule, the moving average
 * of weights, all-gather, constraints.
 *
 * Each rank works on its own shard. Slots are allocated whole but written only there, so that their untouched pages
 * cost nothing: memory for optimizer state falls with the number of ranks.
 */
#ifndef LS_TRAIN_UPDATER_H
#define LS_TRAIN_UPDATER_H

#include "nn/optimizer.h"
#include "tensor/wide.h"
#include "train/gradients.h"

typedef struct ls_slot {
    const char *name; /* "momentum" */
    float *value;     /* [trainable_size] */
} ls_slot;

typedef struct ls_updater {
    const ls_optimizer *optimizer; /* borrowed */
    const ls_optimizer_ops *ops;
    ls_model *model;     /* borrowed */
    uint64_t iterations; /* steps so far, as Keras counts them */
    float learning_rate; /* of the next step, when there is no schedule */
    double scalars[LS_OPTIMIZER_SCALARS_MAX];
    ls_slot
        slot[LS_OPTIMIZER_SLOTS_MAX + 2]; /* the rule's own, by their index; then the moving average, the accumulator */
    float *average, *accumulator;         /* NULL: not in use; views of slot[] */
    ls_wide *norm;                        /* [2 x trainable params] squared norms of a step: of gradients or directions,
                                             then of weights */
    float *scale;                         /* [trainable params] the factors that follow from them, when clipping */
    float *direction;                     /* [trainable_size] of a rule with a factor for each weight; NULL: no such */
    float *trust;                         /* [trainable params] those factors */
} ls_updater;

#define LS_SLOT_AVERAGE LS_OPTIMIZER_SLOTS_MAX
#define LS_SLOT_ACCUMULATOR (LS_OPTIMIZER_SLOTS_MAX + 1)

/* Slots start at their initial values on every rank, for the whole buffer where that is not 0. */
ls_status ls_updater_create(const ls_optimizer *optimizer, ls_model *model, ls_updater **out);
void ls_updater_free(ls_updater *updater);

/* Go on from the state in a file of Keras 3 (ls_model_file_optimizer), which every rank reads. */
ls_status ls_updater_load(ls_updater *updater, const char *path);

/* The rate the next step will use. */
float ls_updater_learning_rate(const ls_updater *updater);

/*
 * Collective: one optimizer step from the reduced gradients of a batch; the model's weights are new on every rank once
 * they have arrived (ls_gradients_arrive).
 */
ls_status ls_updater_step(ls_updater *updater, ls_gradients *gradients, uint64_t batch_size);

/* Collective: rank 0 gets the whole of every slot, in place; nothing changes elsewhere. */
ls_status ls_updater_gather(ls_updater *updater, const ls_gradients *gradients);

/* Views of the slots; whole on rank 0 after ls_updater_gather. */
ls_optimizer_state ls_updater_state(const ls_updater *updater);

/* Collective: with use_ema, weights become their moving averages, as Keras does at the end of fit. */
ls_status ls_updater_finish(ls_updater *updater, ls_gradients *gradients);

#endif
