/*
 * Two algorithms for one reducer, each for the lengths it is faster for: halving has few messages, the ring adds while
 * it moves. For reducers between nodes (shared.c).
 *
 * The lengths come of a model of time for a half of n bytes over P ranks, with a message's latency a, seconds per byte
 * on the way b and to copy and add g:
 *
 *     ring     (P - 1) (a + n b / P)
 *     halving  ceil(log2 P) a + n (b + g) (P - 1) / P
 *
 * so that halving is faster below n = (P - 1 - ceil(log2 P)) a / (g (P - 1) / P), which b does not matter to. a, b and
 * g are measured when the reducer is made. Times differ from run to run, and with them what is chosen: that is for
 * exact sums alone.
 */
#ifndef LS_COMM_MIXED_H
#define LS_COMM_MIXED_H

#include "base/text.h"
#include "comm/reducer.h"

typedef struct ls_link {
    double latency_s, byte_s, add_byte_s; /* a, b, g */
} ls_link;

/* Collective, of at least two ranks: the slowest of all, the same everywhere. Takes milliseconds. */
ls_status ls_link_measure(const ls_comm *comm, ls_link *out);
/* Below so many bytes halving is taken; 0: never. */
size_t ls_link_halving_bytes(const ls_link *link, int ranks);
/* What was measured and follows from it, for people. */
void ls_link_describe(const ls_link *link, int ranks, bool packs, ls_text *out);

/* reducer->comm has at least two ranks; setup measures. Not in ls_reducers, since no setting names it. */
extern const ls_reducer_ops ls_reducer_mixed;
/* What setup measured. */
const ls_link *ls_reducer_mixed_link(const ls_reducer *reducer);

#endif
