/*
 * Which batches an epoch trains on. A pass is one permutation of all samples, cut into batches. An epoch is a pass,
 * unless fit.steps_per_epoch is less than a pass has: then, as in Keras, a pass is cut into epochs of so many batches,
 * the last of which has what is left, and the next epoch begins a new pass.
 *
 *     N = 10, B = 4, steps_per_epoch = 2
 *     pass     |      0      |      1      |
 *     batches  |  0   1   2  |  0   1   2  |
 *     epochs   |    0   | 1  |    2   | 3  |
 *
 * So every sample is still used exactly once per pass. The first epoch, fit.initial_epoch, begins a pass, which has the
 * number of that epoch. Plain arithmetic: an epoch's plan needs nothing of the epochs before it.
 */
#ifndef LS_TRAIN_EPOCH_PLAN_H
#define LS_TRAIN_EPOCH_PLAN_H

#include "experiment/experiment.h"

typedef struct ls_epoch_plan {
    uint64_t pass;    /* chooses the permutation */
    uint64_t first;   /* batch of the pass */
    uint64_t batches; /* from there on; 0 only if there are no samples */
    uint64_t before;  /* batches of all epochs before */
} ls_epoch_plan;

ls_epoch_plan ls_epoch_plan_of(const ls_fit_options *fit, uint64_t samples, uint64_t epoch);

#endif
