/* Loss, metrics and outputs of a split in inference mode. The same numbers on any number of ranks. */
#ifndef LS_TRAIN_EVALUATE_H
#define LS_TRAIN_EVALUATE_H

#include "base/watchdog.h"
#include "train/scores.h"
#include "train/task.h"

/* An engine for ls_evaluate, or without losses for ls_predict, at this batch size and microbatch. */
ls_status ls_evaluate_engine(const ls_task *task, bool with_losses, uint64_t batch_size, uint64_t microbatch,
                             ls_engine **out);

/*
 * Collective. batch_size samples at a time over all ranks, the first `steps` batches or, if there are fewer, all. Every
 * sample counts once; the result of all does not depend on batch_size, except for losses that look at the labels of a
 * whole batch (hinge). watchdog may be NULL.
 */
ls_status ls_evaluate(const ls_task *task, ls_engine *engine, const ls_split *split, uint64_t batch_size,
                      uint64_t microbatch, uint64_t steps, ls_watchdog *watchdog, ls_scores *scores);

/* Collective. The same with an engine and scores made for it, at the batch size of fit. *out: to be freed. */
ls_status ls_evaluate_once(const ls_task *task, const ls_split *split, ls_watchdog *watchdog, ls_scores **out);

/* Receives outputs of samples first … first+n-1 (dataset order), rows of the output's size. On rank 0 only. */
typedef struct ls_prediction_sink {
    void *context;
    ls_status (*rows)(void *context, size_t output, uint64_t first, size_t n, const float *values);
} ls_prediction_sink;

/* Collective. Outputs for every sample, handed to rank 0's sink in dataset order. */
ls_status ls_predict(const ls_task *task, ls_engine *engine, const ls_split *split, uint64_t batch_size,
                     uint64_t microbatch, const ls_prediction_sink *sink);

#endif
