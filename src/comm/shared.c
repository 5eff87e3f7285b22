/*
 * The ranks of a node add up through memory that they share: nothing is sent, and what is gathered need not be moved.
 *
 *     slices  [P] of every rank its own sums: the others read their chunks from it
 *     common  one copy of what is gathered (weights): every rank writes its chunk, then all read all
 *     stage   for what is gathered elsewhere: every rank copies its chunk there, then all copy the others'
 *
 * Numbers of every rank, which only grow, say how far it is: `arrived`, vectors whose values it has all put in; `read`,
 * vectors of which it has taken what it owns; `written`, chunks it has put where others see them; `copied`, vectors it
 * has copied from there. A rank takes its chunk when all have arrived; it may write into its sums again when all have
 * read, and into the stage of a lane when all have copied what that had before.
 *
 * float32 values are added in the ring's order, so that `fast` gives the same bits with either.
 */
#include "comm/reducer.h"

#include <string.h>

#include "base/memory.h"
#include "comm/wait.h"

typedef struct progress_of {
    ls_counter arrived, read, written, copied;
} progress_of;

typedef struct shared_lane {
    ls_vector v;
    uint32_t number; /* among the vectors of its half, from 1 */
    bool staged;     /* not in common memory */
    bool written;    /* this rank's chunk is where others see it */
} shared_lane;

typedef struct shared {
    progress_of *of;        /* [P] the node's */
    char *slices;           /* [P x sums_bytes] the node's */
    char *stage;            /* [LS_LANES x max_bytes] the node's */
    uint32_t sums, gathers; /* vectors so far */
    shared_lane lane[LS_LANES];
} shared;

#define PIECE 1024 /* elements that are added up at a time: they stay in the first cache */

/* The chunk of this rank: ((a[c+1] + a[c+2]) + ...) + a[c], where a[c] is its own. */
static void add_up(const ls_reducer *reducer, const ls_vector *v)
{
    const shared *s = reducer->state;
    const size_t P = (size_t)reducer->comm->size, rank = (size_t)reducer->comm->rank;
    const size_t bytes = ls_element_bytes(v->element), at = (size_t)((const char *)v->buf - reducer->sums);

    for (size_t i = v->begin[rank]; i < v->end[rank]; i += PIECE) {
        const size_t left = v->end[rank] - i, n = left < PIECE ? left : PIECE;
        const char *const theirs = s->slices + at + i * bytes;
        char *const mine = (char *)v->buf + i * bytes;
        union {
            double float64[PIECE];
            float float32[PIECE];
        } sum;

        if (P == 2) {
            ls_element_add(v->element, mine, theirs + (1 - rank) * reducer->sums_bytes, n);
            continue;
        }
        memcpy(&sum, theirs + (rank + 1) % P * reducer->sums_bytes, n * bytes);
        for (size_t k = 2; k < P; k++)
            ls_element_add(v->element, &sum, theirs + (rank + k) % P * reducer->sums_bytes, n);
        ls_element_add(v->element, mine, &sum, n);
    }
}

static ls_counter *counter_of(const shared *s, int rank, ls_half half)
{
    return half == LS_REDUCE_SCATTER ? &s->of[rank].arrived : &s->of[rank].written;
}

static ls_status start_shared(ls_reducer *reducer, size_t number, const ls_vector *v)
{
    shared *const s = reducer->state;
    shared_lane *const lane = &s->lane[number];
    const char *const buf = v->buf;

    lane->v = *v;
    lane->number = v->half == LS_REDUCE_SCATTER ? ++s->sums : ++s->gathers;
    lane->staged = !(reducer->common && buf >= reducer->common && buf < reducer->common + reducer->common_bytes);
    lane->written = false;
    if (v->half == LS_REDUCE_SCATTER)
        ls_counter_raise(&s->of[reducer->comm->rank].arrived, lane->number);
    return LS_OK;
}

/* Has every rank come so far? */
static bool all_reached(const shared *s, int P, const shared_lane *lane)
{
    for (int r = 0; r < P; r++)
        if (!ls_counter_reached(counter_of(s, r, lane->v.half), lane->number))
            return false;
    return true;
}

/* The stage of a lane is free when all have copied what went through it LS_LANES vectors ago. */
static bool stage_is_free(const shared *s, int P, const shared_lane *lane)
{
    for (int r = 0; r < P; r++)
        if (!ls_counter_reached(&s->of[r].copied, lane->number - LS_LANES))
            return false;
    return true;
}

static char *stage_of(const ls_reducer *reducer, const shared_lane *lane)
{
    return ((shared *)reducer->state)->stage + lane->number % LS_LANES * reducer->max_bytes;
}

static void copy_others(const ls_reducer *reducer, const shared_lane *lane)
{
    const size_t bytes = ls_element_bytes(lane->v.element);

    for (int r = 0; r < reducer->comm->size; r++)
        if (r != reducer->comm->rank)
            memcpy((char *)lane->v.buf + lane->v.begin[r] * bytes, stage_of(reducer, lane) + lane->v.begin[r] * bytes,
                   (lane->v.end[r] - lane->v.begin[r]) * bytes);
}

/* This rank's chunk goes where the others see it. Chunks are shown in the order of their vectors. */
static void write_own(const ls_reducer *reducer, shared_lane *lane)
{
    shared *const s = reducer->state;
    const int rank = reducer->comm->rank;
    const size_t bytes = ls_element_bytes(lane->v.element), at = lane->v.begin[rank] * bytes;

    if (!ls_counter_reached(&s->of[rank].written, lane->number - 1))
        return;
    if (lane->staged && !stage_is_free(s, reducer->comm->size, lane))
        return;
    if (lane->staged)
        memcpy(stage_of(reducer, lane) + at, (char *)lane->v.buf + at,
               (lane->v.end[rank] - lane->v.begin[rank]) * bytes);
    ls_counter_raise(&s->of[rank].written, lane->number);
    lane->written = true;
}

static ls_status advance_shared(ls_reducer *reducer, size_t number, bool *done)
{
    shared *const s = reducer->state;
    shared_lane *const lane = &s->lane[number];
    progress_of *const mine = &s->of[reducer->comm->rank];

    if (lane->v.half == LS_ALL_GATHER && !lane->written)
        write_own(reducer, lane);
    if (!all_reached(s, reducer->comm->size, lane))
        return LS_OK;
    if (lane->v.half == LS_REDUCE_SCATTER) {
        add_up(reducer, &lane->v);
        ls_counter_raise(&mine->read, lane->number);
    } else {
        if (lane->staged)
            copy_others(reducer, lane);
        ls_counter_raise(&mine->copied, lane->number);
    }
    *done = true;
    return LS_OK;
}

static void wait_shared(ls_reducer *reducer, size_t number)
{
    shared *const s = reducer->state;
    const shared_lane *lane = &s->lane[number];

    for (int r = 0; r < reducer->comm->size; r++)
        if (lane->v.half == LS_ALL_GATHER && !lane->written)
            ls_counter_wait(&s->of[r].copied, lane->number - LS_LANES);
        else
            ls_counter_wait(counter_of(s, r, lane->v.half), lane->number);
}

static void settle_shared(ls_reducer *reducer)
{
    shared *const s = reducer->state;

    for (int r = 0; r < reducer->comm->size; r++)
        ls_counter_wait(&s->of[r].read, s->sums);
}

static void meet_shared(ls_reducer *reducer)
{
    shared *const s = reducer->state;
    progress_of *const mine = &s->of[reducer->comm->rank];

    s->gathers++;
    ls_counter_raise(&mine->written, s->gathers);
    for (int r = 0; r < reducer->comm->size; r++)
        ls_counter_wait(&s->of[r].written, s->gathers);
    ls_counter_raise(&mine->copied, s->gathers);
}

/* reducer->memory is there: that of all ranks. */
static ls_status setup_shared(ls_reducer *reducer)
{
    const ls_sharing *sharing = ls_node_memory_sharing(reducer->memory);
    const size_t P = (size_t)reducer->comm->size;
    void *of, *slices, *stage;
    size_t all_sums = 0, all_lanes = 0;
    shared *s = reducer->state = ls_calloc(1, sizeof *s, "the state of allreduce 'shared'");
    ls_status st = s ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK &&
        (!ls_size_mul(P, reducer->sums_bytes, &all_sums) || !ls_size_mul(LS_LANES, reducer->max_bytes, &all_lanes)))
        st = ls_fail(LS_ERR_MEMORY, "the gradients of %zu ranks, %zu bytes each, are more than can be addressed", P,
                     reducer->sums_bytes);
    LS_TRY(ls_agree(reducer->comm, st));
    LS_TRY(sharing->allocate(sharing->context, P * sizeof *s->of, "the progress of the ranks of a node", &of));
    LS_TRY(sharing->allocate(sharing->context, all_sums, "the gradients of the ranks of a node", &slices));
    LS_TRY(sharing->allocate(sharing->context, all_lanes, "the weights that the ranks of a node exchange", &stage));
    s->of = of;
    s->slices = slices;
    s->stage = stage;
    reducer->sums = s->slices + (size_t)reducer->comm->rank * reducer->sums_bytes;
    return LS_OK;
}

static void destroy_shared(ls_reducer *reducer)
{
    ls_free(reducer->state);
    reducer->state = NULL;
}

const ls_reducer_ops ls_reducer_shared = {
    .name = "shared",
    .setup = setup_shared,
    .destroy = destroy_shared,
    .start = start_shared,
    .advance = advance_shared,
    .wait = wait_shared,
    .settle = settle_shared,
    .meet = meet_shared,
};
