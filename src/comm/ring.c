/*
 * The ring: every rank sends to its right neighbour and receives from its left one, P-1 chunks in each half.
 *
 * Reduce-scatter, P = 4, what rank r sends (its own values added to what came from the left), chunk by chunk:
 *
 *     rank 0:  3 2 1        A chunk starts at the rank right of its owner, travels once around, and is complete when
 *     rank 1:  0 3 2        its owner has added the last values: chunk c is ((a[c+1] + a[c+2]) + ...) + a[c].
 *     rank 2:  1 0 3        (rank numbers modulo P)
 *     rank 3:  2 1 0
 *
 * All-gather is the same walk one chunk later: rank r sends r, r-1, ..., r-P+2.
 *
 * Chunks travel as segments: a segment is sent on as soon as it was received and added, so that the ring is busy all
 * around, and adding one segment overlaps with moving the next. Segments of a rank form one stream, in an order both
 * sides know, so messages need no numbers: MPI keeps their order. Patarasuk and Yuan, J. Parallel Distrib. Comput. 69
 * (2009); about 2 n (P-1)/P elements sent per rank for both halves.
 *
 * No deadlock: sends are non-blocking and waited for only after all receives; receives are posted ahead, in stream
 * order, without waiting for anything but earlier ones. A segment on its way out is not touched again in the same half.
 */
#include "comm/reducer.h"

#include "base/memory.h"
#include "tensor/kernels.h"

#define AHEAD 4 /* receives posted ahead */

typedef struct ring {
    char *scratch;     /* [AHEAD x segment_bytes] what was received and is not yet added */
    MPI_Request *send; /* one for every segment a rank can have to send */
    MPI_Request receive[AHEAD];
} ring;

/* The stream of segments: first those of chunk `chunk`, in order, then those of the chunk before it, ... */
typedef struct stream {
    const size_t *bounds;
    size_t segment; /* elements */
    size_t P;
    size_t chunk, chunks_left; /* the one `next` is in, and how many with it */
    size_t next;               /* element */
} stream;

static stream stream_begin(const size_t *bounds, size_t segment, size_t chunk, size_t P, size_t chunks)
{
    return (stream){bounds, segment, P, chunk, chunks, bounds[chunk]};
}

/* The next segment: count elements from `first` on; false after the last, and ever after. Empty chunks have none. */
static bool stream_next(stream *s, size_t *first, size_t *count)
{
    size_t left;

    while (s->next == s->bounds[s->chunk + 1]) {
        if (s->chunks_left == 1)
            return false;
        s->chunks_left--;
        s->chunk = (s->chunk + s->P - 1) % s->P;
        s->next = s->bounds[s->chunk];
    }
    left = s->bounds[s->chunk + 1] - s->next;
    *first = s->next;
    *count = left < s->segment ? left : s->segment;
    s->next += *count;
    return true;
}

LS_CLONES static void add_float32(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

LS_CLONES static void add_float64(double *restrict y, const double *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void add(char *buf, const char *received, ls_element element, size_t n)
{
    if (element == LS_FLOAT32)
        add_float32((float *)(void *)buf, (const float *)(const void *)received, n);
    else
        add_float64((double *)(void *)buf, (const double *)(const void *)received, n);
}

/* One half of the ring, under way. */
typedef struct half_ring {
    ls_reducer *reducer;
    ring *ring;
    char *buf;
    ls_element element;
    size_t bytes; /* of an element */
    bool adds;    /* what arrives is added; otherwise it is stored */
    int tag;
    stream posted;
    size_t sends, posts; /* so far */
} half_ring;

/* Keep AHEAD receives posted. Number k uses slot k mod AHEAD: free again once arrival k - AHEAD was dealt with. */
static ls_status post_receives(half_ring *half, size_t arrivals)
{
    const ls_comm *comm = half->reducer->comm;
    size_t first, count;

    while (half->posts < arrivals + AHEAD && stream_next(&half->posted, &first, &count)) {
        const size_t slot = half->posts++ % AHEAD;
        char *into =
            half->adds ? half->ring->scratch + slot * half->reducer->segment_bytes : half->buf + first * half->bytes;

        LS_TRY(ls_mpi_check(MPI_Irecv(into, (int)count, ls_element_mpi(half->element),
                                      (comm->rank + comm->size - 1) % comm->size, half->tag, comm->mpi,
                                      &half->ring->receive[slot]),
                            "the ring cannot receive"));
    }
    return LS_OK;
}

static ls_status send_segment(half_ring *half, size_t first, size_t count)
{
    const ls_comm *comm = half->reducer->comm;

    return ls_mpi_check(MPI_Isend(half->buf + first * half->bytes, (int)count, ls_element_mpi(half->element),
                                  (comm->rank + 1) % comm->size, half->tag, comm->mpi,
                                  &half->ring->send[half->sends++]),
                        "the ring cannot send");
}

/* P-1 chunks around the ring, beginning by sending chunk `chunk`. */
static ls_status travel(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds, size_t chunk,
                        bool adds, int tag)
{
    const size_t P = (size_t)reducer->comm->size, bytes = ls_element_bytes(element);
    const size_t segment = reducer->segment_bytes / bytes, last = (chunk + 1) % P;
    half_ring half = {.reducer = reducer,
                      .ring = reducer->state,
                      .buf = buf,
                      .element = element,
                      .bytes = bytes,
                      .adds = adds,
                      .tag = tag,
                      .posted = stream_begin(bounds, segment, (chunk + P - 1) % P, P, P - 1)};
    stream own = stream_begin(bounds, segment, chunk, P, 1), received = half.posted;
    size_t first, count;

    LS_TRY(post_receives(&half, 0));
    while (stream_next(&own, &first, &count))
        LS_TRY(send_segment(&half, first, count));
    for (size_t arrivals = 0; stream_next(&received, &first, &count); arrivals++) {
        const size_t slot = arrivals % AHEAD;

        LS_TRY(ls_mpi_check(MPI_Wait(&half.ring->receive[slot], MPI_STATUS_IGNORE), "the ring cannot receive"));
        if (adds)
            add(half.buf + first * bytes, half.ring->scratch + slot * reducer->segment_bytes, element, count);
        if (received.chunk != last)
            LS_TRY(send_segment(&half, first, count));
        LS_TRY(post_receives(&half, arrivals + 1));
    }
    for (size_t i = 0; i < half.sends; i++)
        LS_TRY(ls_mpi_check(MPI_Wait(&half.ring->send[i], MPI_STATUS_IGNORE), "the ring cannot send"));
    return LS_OK;
}

static ls_status reduce_scatter_ring(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds)
{
    const size_t P = (size_t)reducer->comm->size, rank = (size_t)reducer->comm->rank;

    LS_TRY(ls_reducer_check(reducer, element, bounds));
    if (P == 1)
        return LS_OK;
    return travel(reducer, buf, element, bounds, (rank + P - 1) % P, true, LS_TAG_REDUCE_SCATTER);
}

static ls_status all_gather_ring(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds)
{
    LS_TRY(ls_reducer_check(reducer, element, bounds));
    if (reducer->comm->size == 1)
        return LS_OK;
    return travel(reducer, buf, element, bounds, (size_t)reducer->comm->rank, false, LS_TAG_ALL_GATHER);
}

static ls_status setup_ring(ls_reducer *reducer)
{
    /* Every chunk but one is sent once, and its last segment may be short. */
    const size_t sends = reducer->max_bytes / reducer->segment_bytes + (size_t)reducer->comm->size;
    ring *state = reducer->state = ls_calloc(1, sizeof *state, "the state of the ring");

    if (!state)
        return LS_ERR_MEMORY;
    if (reducer->comm->size == 1)
        return LS_OK;
    state->scratch = ls_calloc(AHEAD, reducer->segment_bytes, "the ring's receive buffers");
    state->send = ls_calloc(sends, sizeof *state->send, "the ring's send requests");
    return state->scratch && state->send ? LS_OK : LS_ERR_MEMORY;
}

static void destroy_ring(ls_reducer *reducer)
{
    ring *state = reducer->state;

    if (!state)
        return;
    ls_free(state->scratch);
    ls_free(state->send);
    ls_free(state);
}

const ls_reducer_ops ls_reducer_ring = {
    .name = "ring",
    .reduce_scatter = reduce_scatter_ring,
    .all_gather = all_gather_ring,
    .setup = setup_ring,
    .destroy = destroy_ring,
};
