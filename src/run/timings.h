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
    char *path;      /* NULL: no rows are kept */
    ls_timing last;  /* all zero: there is none */
    ls_text earlier; /* rows of the run that goes on; empty once they are in the file */
    bool has_begun;  /* this process has written the file */
} ls_timings;

/*
 * What is known of the run that goes on after `updates` updates; 0: a new one, the file is not looked at. A file that
 * is missing, damaged or without that moment cannot be gone on with: it is removed, and no rows are kept.
 */
ls_status ls_timings_open(const char *path, uint64_t updates, ls_timings *out);
void ls_timings_reset(ls_timings *timings);

/* Writes a row at the end of the file, unless the last one is of the same update. */
ls_status ls_timings_add(ls_timings *timings, const ls_timing *row);

#endif
