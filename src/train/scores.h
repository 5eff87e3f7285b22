/*
 * Loss and metrics: contributions of microbatches, summed exactly over the global batch, accumulated over batches, and
 * turned into Keras's logs ("loss", "accuracy", "price_mae", …).
 */
#ifndef LS_TRAIN_SCORES_H
#define LS_TRAIN_SCORES_H

#include "comm/comm.h"
#include "experiment/experiment.h"
#include "tensor/wide.h"
#include "train/split.h"

typedef struct ls_log {
    const char *name; /* borrowed from the scores */
    double value;     /* rounded to float32, as Keras reports */
} ls_log;

typedef struct ls_scores ls_scores;

/*
 * outputs, objective: borrowed, with metrics resolved. Layout of a contribution, per microbatch: one loss sum per
 * output, the activity penalty, then the sums of every metric.
 */
ls_status ls_scores_create(const ls_comm *comm, const ls_model *model, const ls_output_spec *outputs,
                           const ls_objective *objective, ls_scores **out);
void ls_scores_free(ls_scores *scores);

void ls_scores_begin_epoch(ls_scores *scores);
void ls_scores_begin_batch(ls_scores *scores);
/* One local microbatch after ls_engine_losses: its loss sums [outputs], its activity penalty, its metrics. */
void ls_scores_add(ls_scores *scores, ls_engine *engine, const ls_slice *slice, size_t microbatch,
                   const double *loss_sums, double activity, const bool *binary_labels);
/* An output has a mask: every batch has a divisor of its own, so that its totals cannot be those of several batches. */
bool ls_scores_by_batch(const ls_scores *scores);
/* Collective: the batch's totals over all ranks. */
ls_status ls_scores_reduce(ls_scores *scores);
/* Instead of ls_scores_reduce, for sums that travel with others: this rank's, lent, and how many; then the totals. */
size_t ls_scores_sums(const ls_scores *scores, const ls_wide **sums);
void ls_scores_take(ls_scores *scores, const ls_wide *totals);
/* Add the reduced batch to the epoch. penalty: of the weights, as of this batch. Returns the batch's loss. */
double ls_scores_commit(ls_scores *scores, uint64_t batch_size, double penalty);
/* The loss that ls_scores_commit would return. */
double ls_scores_batch_loss(const ls_scores *scores, uint64_t batch_size, double penalty);

/* A batch that counts for nothing else: the loss of the epoch is infinite from here on if that of the batch is, else
 * NAN. */
void ls_scores_spoil(ls_scores *scores, double loss);

/* The epoch so far: *logs is lent and stays valid; values are recomputed by each call. Order: loss, output losses,
 * metrics. */
size_t ls_scores_logs(ls_scores *scores, const ls_log **logs);
/* LS_METRIC_UP or DOWN of a log by its name without "val_"; LS_METRIC_UNKNOWN if it has none. */
int ls_scores_direction(const ls_scores *scores, const char *name);

/* What a checkpoint keeps of an unfinished epoch. */
size_t ls_scores_state_size(const ls_scores *scores);
double *ls_scores_state(ls_scores *scores);

#endif
