/*
 * Recursive halving and doubling for any number of ranks: few messages, for short vectors and many ranks.
 *
 * Let block i of rank r be what it has of chunk (r + i) mod P: block 0 is its own. The P blocks are halved: from s'
 * blocks the upper ones, s = ceil(s'/2) to s' - 1, go to rank r + s, for which they are blocks 0 to s' - s - 1, and the
 * same come from rank r - s and are added. P = 7, what is sent by every rank r:
 *
 *     s' = 7:  blocks 4 5 6 to r + 4      After ceil(log2 P) rounds block 0 is left, with everybody's values: a value
 *     s' = 4:  blocks 2 3   to r + 2      of block i only ever moves up i ranks in all, to the owner of its chunk, and
 *     s' = 2:  block  1     to r + 1      is sent on in the first round with s <= i.
 *
 * The all-gather is the same backwards: from s blocks to s', blocks 0 to s' - s - 1 go to rank r - s. Each half sends
 * (P-1)/P of the vector, the least possible, in ceil(log2 P) messages, also where P is no power of two, which
 * Rabenseifner's halving by exclusive or needs extra rounds for. Bruck, Ho, Kipnis, Upfal and Weathersby, IEEE Trans.
 * Parallel Distrib. Syst. 8 (1997); Traeff, "Optimal, Non-pipelined Reduce-scatter and Allreduce Algorithms" (2024).
 */
#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

typedef struct halving_lane {
    ls_vector v;
    char *out, *in; /* [max_bytes] the blocks of a round, one after another */
    MPI_Request request[2];
    size_t from, to; /* the round: from `to` blocks to `from`, or back */
    bool moves;      /* the round's messages are under way */
    int tag;
} halving_lane;

/* Elements of blocks [first, first + n); they are copied to or from `packed`, or added from it. */
typedef enum use { COUNT, PACK, STORE, ADD } use;
static size_t use_blocks(const ls_reducer *reducer, const halving_lane *lane, size_t first, size_t n, use what,
                         char *packed)
{
    const size_t P = (size_t)reducer->comm->size, bytes = ls_element_bytes(lane->v.element);
    size_t elements = 0;

    for (size_t i = first; i < first + n; i++) {
        const size_t p = ((size_t)reducer->comm->rank + i) % P, count = lane->v.end[p] - lane->v.begin[p];
        char *const here = (char *)lane->v.buf + lane->v.begin[p] * bytes;

        if (what == PACK)
            memcpy(packed + elements * bytes, here, count * bytes);
        else if (what == STORE)
            memcpy(here, packed + elements * bytes, count * bytes);
        else if (what == ADD)
            ls_element_add(lane->v.element, here, packed + elements * bytes, count);
        elements += count;
    }
    return elements;
}

/* Halving: the first round ends at ceil(P/2) blocks. Doubling: the rounds go up through the same numbers. */
static size_t smaller(size_t P, size_t than)
{
    size_t s = P;

    while (s >= than)
        s = (s + 1) / 2;
    return s;
}

static size_t larger(size_t P, size_t than)
{
    size_t s = P;

    while ((s + 1) / 2 > than)
        s = (s + 1) / 2;
    return s;
}

/* The messages of the round between lane->from and lane->to blocks. */
static ls_status begin_round(ls_reducer *reducer, halving_lane *lane)
{
    const ls_comm *comm = reducer->comm;
    const bool halves = lane->v.half == LS_REDUCE_SCATTER;
    const size_t s = lane->from, n = lane->to - s;
    const int up = (int)(((size_t)comm->rank + s) % (size_t)comm->size);
    const int down = (int)(((size_t)comm->rank + (size_t)comm->size - s) % (size_t)comm->size);
    const MPI_Datatype type = ls_element_mpi(lane->v.element);
    const size_t sent = use_blocks(reducer, lane, halves ? s : 0, n, PACK, lane->out);
    const size_t received = use_blocks(reducer, lane, halves ? 0 : s, n, COUNT, NULL);

    LS_TRY(ls_mpi_check(
        MPI_Irecv(lane->in, (int)received, type, halves ? down : up, lane->tag, comm->mpi, &lane->request[0]),
        "halving cannot receive"));
    LS_TRY(
        ls_mpi_check(MPI_Isend(lane->out, (int)sent, type, halves ? up : down, lane->tag, comm->mpi, &lane->request[1]),
                     "halving cannot send"));
    lane->moves = true;
    return LS_OK;
}

static ls_status start_halving(ls_reducer *reducer, size_t number, const ls_vector *v)
{
    halving_lane *const lane = (halving_lane *)reducer->state + number;
    const size_t P = (size_t)reducer->comm->size;

    lane->v = *v;
    lane->tag = LS_TAG_LANE + (int)number;
    lane->to = v->half == LS_REDUCE_SCATTER ? P : larger(P, 1);
    lane->from = smaller(P, lane->to);
    return begin_round(reducer, lane);
}

static ls_status advance_halving(ls_reducer *reducer, size_t number, bool *done)
{
    halving_lane *const lane = (halving_lane *)reducer->state + number;
    const size_t P = (size_t)reducer->comm->size;
    const bool halves = lane->v.half == LS_REDUCE_SCATTER;
    MPI_Status unused[2]; /* MPICH's MPI_STATUSES_IGNORE is a warning of gcc */
    int here;

    for (;;) {
        LS_TRY(ls_mpi_check(MPI_Testall(2, lane->request, &here, unused), "halving cannot go on"));
        if (!here)
            return LS_OK;
        use_blocks(reducer, lane, halves ? 0 : lane->from, lane->to - lane->from, halves ? ADD : STORE, lane->in);
        *done = halves ? lane->from == 1 : lane->to == P;
        if (*done)
            return LS_OK;
        lane->to = halves ? lane->from : larger(P, lane->to);
        lane->from = smaller(P, lane->to);
        LS_TRY(begin_round(reducer, lane));
    }
}

static ls_status setup_halving(ls_reducer *reducer)
{
    halving_lane *lane;

    if (reducer->max_bytes / sizeof(float) > INT_MAX)
        return ls_fail(LS_ERR_ARG, "allreduce 'halving' takes up to %d elements, not %zu: use 'ring'", INT_MAX,
                       reducer->max_bytes / sizeof(float));
    if (!(lane = reducer->state = ls_calloc(LS_LANES, sizeof *lane, "the state of allreduce 'halving'")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < LS_LANES && reducer->comm->size > 1; i++) {
        lane[i].out = ls_calloc(reducer->max_bytes, 1, "the buffers of allreduce 'halving'");
        lane[i].in = ls_calloc(reducer->max_bytes, 1, "the buffers of allreduce 'halving'");
        if (!lane[i].out || !lane[i].in)
            return LS_ERR_MEMORY;
    }
    return LS_OK;
}

static void destroy_halving(ls_reducer *reducer)
{
    halving_lane *lane = reducer->state;

    for (size_t i = 0; lane && i < LS_LANES; i++) {
        ls_free(lane[i].out);
        ls_free(lane[i].in);
    }
    ls_free(lane);
}

const ls_reducer_ops ls_reducer_halving = {
    .name = "halving",
    .setup = setup_halving,
    .destroy = destroy_halving,
    .start = start_halving,
    .advance = advance_halving,
};
