/*
 * Ranks that do not help are named, once, in one line: ranks of a host that share a core, and jobs that take longer
 * than one rank would. Said at the end of the first epoch by which two seconds were spent in updates; shorter runs
 * are nobody's trouble.
 */
#ifndef LS_RUN_RANK_ADVICE_H
#define LS_RUN_RANK_ADVICE_H

#include <stdint.h>

#include "base/text.h"
#include "comm/comm.h"

#define LS_HOST_BYTES 64
#define LS_CORE_WORDS 16 /* 1024 cores of a host */

/* What a rank tells of its updates so far. */
typedef struct ls_rank_effort {
    char host[LS_HOST_BYTES];
    uint64_t core[LS_CORE_WORDS]; /* that it may run on, a bit each */
    int32_t cores;                /* that the host has */
    double took_s, waited_s;      /* of it, for other ranks */
} ls_rank_effort;

/* The calling process's, but for the times. */
void ls_rank_effort_look(ls_rank_effort *effort);

/*
 * What is to be said about these [ranks], as a line for people; empty: they help. By the model that one rank would take
 * as long as all together work: what none of them spent waiting.
 */
void ls_rank_advice_write(const ls_rank_effort *effort, int ranks, ls_text *out);

/*
 * Collective, after an epoch. took_s, waited_s: of this rank, so far. *done: it was looked at, and need not be again.
 * Rank 0 gets the line, or an empty text.
 */
ls_status ls_rank_advice(const ls_comm *comm, double took_s, double waited_s, bool *done, ls_text *out);

#endif
