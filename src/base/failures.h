/*
 * Failures that are told together: a reader that can go on after a fault keeps its message, and ends with all of them,
 * one line each.
 *
 *     ls_failures all = {0};
 *
 *     LS_GATHER(&all, read_seed(e));
 *     LS_GATHER(&all, read_data(e));
 *     return ls_failures_end(&all);
 */
#ifndef LS_BASE_FAILURES_H
#define LS_BASE_FAILURES_H

#include "base/text.h"

/* Starts as {0}. */
typedef struct ls_failures {
    ls_text lines;
    size_t n;
    ls_status status; /* of the first */
} ls_failures;

/*
 * Keeps what the error record says, if st is no success: lines that name a place in a file go before those that name a
 * later one in it, and what is there already is not kept twice. False if nothing more can be found: for want of memory
 * or for a fault of lockstep or MPI, which is then all that will be told.
 */
bool ls_failures_add(ls_failures *failures, ls_status st);

/* LS_OK if nothing failed; else the first status, and the error record holds all lines. */
ls_status ls_failures_end(ls_failures *failures);

/* Return from the calling function if nothing more can be found. Only where nothing is held. */
#define LS_GATHER(failures, expression)                 \
    do {                                                \
        if (!ls_failures_add((failures), (expression))) \
            return ls_failures_end(failures);           \
    } while (0)

#endif
