/*
 * When a run got how far: timings.csv beside history.csv. Rank 0 keeps it. It is no part of a checkpoint, which has the
 * same bytes on any machine, and reaches no weight.
 *
 *     epochs,updates,samples,seconds,train_seconds,ranks
 *
 * One row per epoch (epochs is whole, from 1), and one per checkpoint within an epoch, so that a run that goes on from
 * there goes on counting. Seconds are those of the work that led here: pauses, and what was lost when a run was killed,
 * do not count. `seconds` is all of it; `train_seconds` updates alone, without validation, callbacks and checkpoints.
 */
#ifndef LS_RUN_TIMINGS_H
#define LS_RUN_TIMINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

typedef struct ls_timing {
    double epochs;
    uint64_t updates, samples;     /* so far */
    double seconds, train_seconds; /* so far */
    int ranks;                     /* that worked since the row before */
} ls_timing;

typedef struct ls_timings {
    ls_timing *row; /* [n] */
    size_t n, capacity;
    bool known; /* false: the beginning of the run was not timed, so that no row can be told */
} ls_timings;

/*
 * What is known of the run that goes on after `updates` updates; 0: a new one, the file is not looked at. A file that
 * is missing, damaged or without that moment makes `known` false: no reason not to train.
 */
ls_status ls_timings_read(const char *path, uint64_t updates, ls_timings *out);
void ls_timings_reset(ls_timings *timings);

/*
 * Replaces a row of the same update. Of the rows within an epoch the last keep + 1 stay: that of the checkpoint which
 * is about to be written, and of the `keep` before it, any of which may be the one that survives.
 */
ls_status ls_timings_add(ls_timings *timings, const ls_timing *row, size_t keep);
ls_status ls_timings_csv(const ls_timings *timings, ls_text *out);

#endif
