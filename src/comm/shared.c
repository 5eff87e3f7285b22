/*
 * The ranks of a node add up through memory that they share: nothing is sent, and what is gathered need not be moved.
 * With several nodes of as many ranks each (`hierarchical`), every rank then goes on with its peers: the ranks that
 * have the same place on the other nodes. Place j of two nodes of three ranks:
 *
 *     node A   a0 a1 a2     a1 and b1 are peers. In the reduce-scatter a1 adds up the chunks of both from the sums of
 *     node B   b0 b1 b2     a0, a1, a2, and b1 the same from b0, b1, b2; then they exchange them. In the all-gather a1
 *                           gets b1's chunk first, then the ranks of the node show each other what they have.
 *
 * So all ranks of a node work and send, and each byte crosses the network once for a node.
 *
 *     slices  [parts] of every rank of the node its own sums: the others read their chunks from it. If they do so by
 *             themselves (`together`) nothing is added up here, and `read` counts how often a rank has said that it
 *             reads the sums no more
 *     common  one copy of what is gathered (weights): every rank writes what it has, then all read all
 *     stage   for what is gathered elsewhere: every rank copies its chunks there, then all copy the others'
 *
 * Numbers of every rank, which only grow, say how far it is: `arrived`, vectors whose values it has all put in; `read`,
 * vectors of which it has taken what it is to add up; `written`, vectors it has put its chunks of where others see
 * them; `copied`, vectors it has copied from there. A rank adds up when all have arrived; it may write into its sums
 * again when all have read, and into a stage when all have copied what that had before.
 *
 * float32 values are added in the ring's order on one node, so that `fast` gives the same bits with either.
 */
#include "comm/reducer.h"

#include <string.h>

#include "base/memory.h"
#include "comm/mixed.h"

typedef struct progress_of {
    ls_counter arrived, read, written, copied;
} progress_of;

/* What a lane's vector does next: reduce-scatter goes through the first two, all-gather through the others. */
typedef enum stage_of_way { ADD_UP, EXCHANGE_SUMS, EXCHANGE_WEIGHTS, WRITE, READ } stage_of_way;

typedef struct shared_lane {
    ls_vector v;
    stage_of_way next;
    uint32_t number;     /* among the vectors of its half, from 1 */
    bool staged;         /* not in common memory */
    size_t *begin, *end; /* [nodes] the chunks of this rank and its peers */
} shared_lane;

typedef struct shared {
    int part, parts, nodes;
    int *part_of;           /* [P] the place of every rank on its node */
    int *peer;              /* [nodes] ranks with this one's place, itself among them, by node */
    ls_comm *peers;         /* owned; NULL: one node */
    ls_reducer between;     /* of the peers */
    progress_of *of;        /* [parts] the node's */
    char *slices;           /* [parts x sums_bytes] the node's */
    char *stage;            /* [LS_LANES x max_bytes] the node's */
    uint32_t sums, gathers; /* vectors so far */
    uint32_t taken;         /* of the sums, those that were added up */
    uint32_t released;      /* so often this rank has said that it reads the sums no more */
    shared_lane lane[LS_LANES];
} shared;

#define PIECE 1024 /* elements that are added up at a time: they stay in the first cache */

/* Elements [begin, end) over the node: ((a[j+1] + a[j+2]) + ...) + a[j], where a[j] is this rank's own. */
static void add_up(const ls_reducer *reducer, const ls_vector *v, size_t begin, size_t end)
{
    const shared *s = reducer->state;
    const size_t parts = (size_t)s->parts, part = (size_t)s->part, slice = reducer->sums_bytes;
    const size_t bytes = ls_element_bytes(v->element), at = (size_t)((const char *)v->buf - reducer->sums);

    for (size_t i = begin; i < end; i += PIECE) {
        const size_t n = end - i < PIECE ? end - i : PIECE;
        const char *const theirs = s->slices + at + i * bytes;
        char *const mine = (char *)v->buf + i * bytes;
        union {
            double float64[PIECE];
            float float32[PIECE];
        } sum;

        if (parts == 2) {
            ls_element_add(v->element, mine, theirs + (1 - part) * slice, n);
            continue;
        }
        memcpy(&sum, theirs + (part + 1) % parts * slice, n * bytes);
        for (size_t k = 2; k < parts; k++)
            ls_element_add(v->element, &sum, theirs + (part + k) % parts * slice, n);
        ls_element_add(v->element, mine, &sum, n);
    }
}

static ls_counter *counter_of(const shared *s, int part, ls_half half)
{
    return half == LS_REDUCE_SCATTER ? &s->of[part].arrived : &s->of[part].written;
}

/* The lane's vector sets out to the peers, with the chunks that they and this rank own. */
static ls_status exchange(shared *s, size_t number)
{
    shared_lane *const lane = &s->lane[number];
    const ls_vector v = {.half = lane->v.half,
                         .element = lane->v.element,
                         .buf = lane->v.buf,
                         .begin = lane->begin,
                         .end = lane->end,
                         .grid = lane->v.grid};

    return s->between.ops->start(&s->between, number, &v);
}

static ls_status start_shared(ls_reducer *reducer, size_t number, const ls_vector *v)
{
    shared *const s = reducer->state;
    shared_lane *const lane = &s->lane[number];
    const char *const buf = v->buf;

    lane->v = *v;
    for (int k = 0; k < s->nodes; k++) {
        lane->begin[k] = v->begin[s->peer[k]];
        lane->end[k] = v->end[s->peer[k]];
    }
    if (v->half == LS_REDUCE_SCATTER) {
        lane->number = ++s->sums;
        lane->next = ADD_UP;
        ls_counter_raise(&s->of[s->part].arrived, lane->number);
        return LS_OK;
    }
    lane->number = ++s->gathers;
    lane->staged = !(reducer->common && buf >= reducer->common && buf < reducer->common + reducer->common_bytes);
    lane->next = s->peers ? EXCHANGE_WEIGHTS : WRITE;
    return s->peers ? exchange(s, number) : LS_OK;
}

/*
 * Vectors of a half are taken in their order, which is what `read` and `copied` say: between the look at one lane and
 * the look at the next, the others may have come for both.
 */
static bool comes_next(const shared *s, const shared_lane *lane)
{
    return lane->v.half == LS_REDUCE_SCATTER ? s->taken == lane->number - 1
                                             : ls_counter_reached(&s->of[s->part].copied, lane->number - 1);
}

/* Have the node's ranks all come so far? */
static bool all_reached(const shared *s, const shared_lane *lane)
{
    for (int r = 0; r < s->parts; r++)
        if (!ls_counter_reached(counter_of(s, r, lane->v.half), lane->number))
            return false;
    return true;
}

/* A stage is free when all have copied what went through it LS_LANES vectors ago. */
static bool stage_is_free(const shared *s, const shared_lane *lane)
{
    for (int r = 0; r < s->parts; r++)
        if (!ls_counter_reached(&s->of[r].copied, lane->number - LS_LANES))
            return false;
    return true;
}

/* A chunk to or from the stage of the lane. */
static void copy_chunk(const ls_reducer *reducer, const shared_lane *lane, size_t begin, size_t end, bool out)
{
    const size_t bytes = ls_element_bytes(lane->v.element);
    char *const there = ((shared *)reducer->state)->stage + lane->number % LS_LANES * reducer->max_bytes;
    char *const here = lane->v.buf;

    memcpy((out ? there : here) + begin * bytes, (out ? here : there) + begin * bytes, (end - begin) * bytes);
}

/*
 * What this rank and its peers own goes where the others of the node see it; false: not yet. Chunks are shown in the
 * order of their vectors.
 */
static bool write_own(const ls_reducer *reducer, const shared_lane *lane)
{
    const shared *s = reducer->state;

    if (!ls_counter_reached(&s->of[s->part].written, lane->number - 1))
        return false;
    if (lane->staged && !stage_is_free(s, lane))
        return false;
    for (int k = 0; k < s->nodes && lane->staged; k++)
        copy_chunk(reducer, lane, lane->begin[k], lane->end[k], true);
    ls_counter_raise(&s->of[s->part].written, lane->number);
    return true;
}

static void read_others(const ls_reducer *reducer, const shared_lane *lane)
{
    const shared *s = reducer->state;

    for (int r = 0; r < reducer->comm->size && lane->staged; r++)
        if (s->part_of[r] != s->part)
            copy_chunk(reducer, lane, lane->v.begin[r], lane->v.end[r], false);
    ls_counter_raise(&s->of[s->part].copied, lane->number);
}

static ls_status advance_sums(ls_reducer *reducer, size_t number, bool *done)
{
    shared *const s = reducer->state;
    shared_lane *const lane = &s->lane[number];

    if (lane->next == ADD_UP) {
        if (!comes_next(s, lane) || !all_reached(s, lane))
            return LS_OK;
        for (int k = 0; k < s->nodes && s->parts > 1 && !reducer->together; k++)
            add_up(reducer, &lane->v, lane->begin[k], lane->end[k]);
        s->taken = lane->number;
        if (!reducer->together)
            ls_counter_raise(&s->of[s->part].read, lane->number);
        lane->next = EXCHANGE_SUMS;
        if (s->peers)
            LS_TRY(exchange(s, number));
    }
    *done = !s->peers;
    return s->peers ? s->between.ops->advance(&s->between, number, done) : LS_OK;
}

static ls_status advance_weights(ls_reducer *reducer, size_t number, bool *done)
{
    shared *const s = reducer->state;
    shared_lane *const lane = &s->lane[number];

    if (lane->next == EXCHANGE_WEIGHTS) {
        bool here = false;

        LS_TRY(s->between.ops->advance(&s->between, number, &here));
        if (!here)
            return LS_OK;
        lane->next = WRITE;
    }
    if (lane->next == WRITE && write_own(reducer, lane))
        lane->next = READ;
    if (lane->next != READ || !comes_next(s, lane) || !all_reached(s, lane))
        return LS_OK;
    read_others(reducer, lane);
    *done = true;
    return LS_OK;
}

static ls_status advance_shared(ls_reducer *reducer, size_t number, bool *done)
{
    const shared *s = reducer->state;

    *done = false;
    return s->lane[number].v.half == LS_REDUCE_SCATTER ? advance_sums(reducer, number, done)
                                                       : advance_weights(reducer, number, done);
}

/* With several nodes messages want to be looked after meanwhile: no sleeping on a number then. */
static void wait_shared(ls_reducer *reducer, size_t number)
{
    shared *const s = reducer->state;
    const shared_lane *lane = &s->lane[number];

    if (s->peers) {
        ls_pause_next(&reducer->pause);
        return;
    }
    for (int r = 0; r < s->parts; r++)
        if (lane->next == WRITE)
            ls_counter_wait(&s->of[r].copied, lane->number - LS_LANES);
        else
            ls_counter_wait(counter_of(s, r, lane->v.half), lane->number);
}

static void settle_shared(ls_reducer *reducer)
{
    shared *const s = reducer->state;

    for (int r = 0; r < s->parts; r++)
        ls_counter_wait(&s->of[r].read, reducer->together ? s->released : s->sums);
}

static void release_shared(ls_reducer *reducer)
{
    shared *const s = reducer->state;

    if (reducer->together)
        ls_counter_raise(&s->of[s->part].read, ++s->released);
}

static void meet_shared(ls_reducer *reducer)
{
    shared *const s = reducer->state;

    s->gathers++;
    ls_counter_raise(&s->of[s->part].written, s->gathers);
    for (int r = 0; r < s->parts; r++)
        ls_counter_wait(&s->of[r].written, s->gathers);
    ls_counter_raise(&s->of[s->part].copied, s->gathers);
}

/* Not collective. */
static ls_status plan(ls_reducer *reducer)
{
    const ls_sharing *sharing = ls_node_memory_sharing(reducer->memory);
    const size_t P = (size_t)reducer->comm->size;
    shared *s = reducer->state = ls_calloc(1, sizeof *s, "the state of allreduce 'shared'");
    size_t bytes;

    if (!s)
        return LS_ERR_MEMORY;
    s->part = sharing->part;
    s->parts = sharing->parts;
    s->nodes = reducer->comm->size / sharing->parts;
    s->part_of = ls_calloc(P, sizeof *s->part_of, "the places of ranks on nodes");
    s->peer = ls_calloc((size_t)s->nodes, sizeof *s->peer, "the places of ranks on nodes");
    if (!s->part_of || !s->peer)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < LS_LANES; i++) {
        s->lane[i].begin = ls_calloc((size_t)s->nodes, sizeof(size_t), "the chunks of a rank and its peers");
        s->lane[i].end = ls_calloc((size_t)s->nodes, sizeof(size_t), "the chunks of a rank and its peers");
        if (!s->lane[i].begin || !s->lane[i].end)
            return LS_ERR_MEMORY;
    }
    if (!ls_size_mul((size_t)s->parts, reducer->sums_bytes, &bytes) ||
        !ls_size_mul(LS_LANES, reducer->max_bytes, &bytes))
        return ls_fail(LS_ERR_MEMORY, "the gradients of %d ranks, %zu bytes each, are more than can be addressed",
                       s->parts, reducer->sums_bytes);
    return LS_OK;
}

/* Collective. Who stands where; the peers, and how they add up. */
static ls_status find_peers(ls_reducer *reducer)
{
    shared *const s = reducer->state;
    const ls_comm *comm = reducer->comm;
    MPI_Comm peers = MPI_COMM_NULL;
    ls_status st;

    LS_TRY(ls_mpi_check(MPI_Allgather(&s->part, 1, MPI_INT, s->part_of, 1, MPI_INT, comm->mpi),
                        "cannot find the places of ranks on nodes"));
    for (int r = 0, k = 0; r < comm->size; r++)
        if (s->part_of[r] == s->part)
            s->peer[k++] = r;
    if (s->nodes == 1)
        return LS_OK;
    LS_TRY(ls_mpi_check(MPI_Comm_split(comm->mpi, s->part, comm->rank, &peers), "cannot find the ranks' peers"));
    st = ls_agree(comm, ls_comm_create(peers, &s->peers));
    MPI_Comm_free(&peers);
    LS_TRY(st);
    s->between.ops = reducer->any_order ? &ls_reducer_mixed : &ls_reducer_ring;
    s->between.comm = s->peers;
    s->between.max_bytes = reducer->max_bytes;
    s->between.segment_bytes = reducer->segment_bytes;
    s->between.wire = reducer->wire;
    s->between.packs = reducer->packs;
    LS_TRY(ls_agree(comm, s->between.ops->setup(&s->between)));
    reducer->slow = s->between.slow;
    return LS_OK;
}

/* reducer->memory is there, and every node has as many ranks in it. */
static ls_status setup_shared(ls_reducer *reducer)
{
    const ls_sharing *sharing = ls_node_memory_sharing(reducer->memory);
    void *of, *slices, *stage;
    shared *s;

    LS_TRY(ls_agree(reducer->comm, plan(reducer)));
    s = reducer->state;
    LS_TRY(find_peers(reducer));
    reducer->together = reducer->together && !s->peers; /* what sets out to peers has to be added up before */
    LS_TRY(
        sharing->allocate(sharing->context, (size_t)s->parts * sizeof *s->of, "the progress of a node's ranks", &of));
    LS_TRY(sharing->allocate(sharing->context, (size_t)s->parts * reducer->sums_bytes,
                             "the gradients of the ranks of a node", &slices));
    LS_TRY(sharing->allocate(sharing->context, LS_LANES * reducer->max_bytes,
                             "the weights that the ranks of a node exchange", &stage));
    s->of = of;
    s->slices = slices;
    s->stage = stage;
    reducer->sums = s->slices + (size_t)s->part * reducer->sums_bytes;
    return LS_OK;
}

static void destroy_shared(ls_reducer *reducer)
{
    shared *s = reducer->state;

    for (size_t i = 0; s && i < LS_LANES; i++) {
        ls_free(s->lane[i].begin);
        ls_free(s->lane[i].end);
    }
    if (s) {
        if (s->between.ops)
            s->between.ops->destroy(&s->between);
        ls_comm_free(s->peers);
        ls_free(s->part_of);
        ls_free(s->peer);
    }
    ls_free(s);
    reducer->state = NULL;
}

static ls_status describe_shared(const ls_reducer *reducer, ls_text *out)
{
    const shared *s = reducer->state;

    if (!s->peers)
        ls_text_add(out, "all %d ranks are on one node", s->parts);
    else
        ls_text_add(out, "%d nodes of %d rank%s; between them ", s->nodes, s->parts, s->parts == 1 ? "" : "s");
    if (s->peers && s->between.ops == &ls_reducer_mixed)
        ls_link_describe(ls_reducer_mixed_link(&s->between), s->nodes, s->between.packs, out);
    else if (s->peers)
        ls_text_add(out, "the ring");
    return out->status;
}

const ls_reducer_ops ls_reducer_shared = {
    .name = "shared",
    .setup = setup_shared,
    .destroy = destroy_shared,
    .start = start_shared,
    .advance = advance_shared,
    .wait = wait_shared,
    .settle = settle_shared,
    .release = release_shared,
    .meet = meet_shared,
    .describe = describe_shared,
};

const ls_reducer_ops ls_reducer_hierarchical = {
    .name = "hierarchical",
    .setup = setup_shared,
    .destroy = destroy_shared,
    .start = start_shared,
    .advance = advance_shared,
    .wait = wait_shared,
    .settle = settle_shared,
    .release = release_shared,
    .meet = meet_shared,
    .describe = describe_shared,
};
