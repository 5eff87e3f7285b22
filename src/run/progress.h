/*
 * The progress display, on rank 0: Keras's bar on a terminal (verbose 1), one line per epoch elsewhere (verbose 2),
 * nothing (verbose 0). The bar is redrawn at most every 50 ms.
 *
 * Showing may take a hundredth of the run's time, and 50 ms besides: where epochs are so short, or the terminal so
 * slow, that it would take more, epochs are left out until there is time again. The last one is always shown.
 */
#ifndef LS_RUN_PROGRESS_H
#define LS_RUN_PROGRESS_H

#include <stdio.h>

#include "train/scores.h"

typedef struct ls_progress {
    FILE *out;
    int verbose;
    uint64_t epoch, epochs, steps, first_step; /* first_step: steps done before this run of the epoch began */
    double begun_s, drawn_s;
    double started_s, spent_s; /* when the run began; how long showing took since */
    bool shows;                /* this epoch */
    int width;                 /* characters of the last redraw that stand on the line */
    int columns;               /* of the terminal: what is redrawn stays on one line */
} ls_progress;

/* verbose: 0, 1 or 2, as above. */
void ls_progress_init(ls_progress *progress, FILE *out, int verbose);
void ls_progress_begin(ls_progress *progress, uint64_t epoch, uint64_t epochs, uint64_t steps, uint64_t done);
/* Is a redraw due? Cheap; ask before making logs. */
bool ls_progress_due(const ls_progress *progress);
void ls_progress_draw(ls_progress *progress, uint64_t done, const ls_log *logs, size_t n);
/* The epoch is over: the last line, with validation logs. */
void ls_progress_end(ls_progress *progress, const ls_log *logs, size_t n);

#endif
