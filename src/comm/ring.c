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
 * Several vectors go around at a time, each in a lane with a tag of its own. A lane that a rank has free again may not
 * be free at its neighbours yet; they take messages of one tag in the order of their vectors.
 *
 * Where reducer->packs, sums with a grid are packed (wire.h): what is sent then lies in `packed`, one segment after
 * another.
 *
 * No deadlock: nothing waits for a send; receives are posted ahead, in stream order, without waiting for anything but
 * earlier ones. A segment on its way out is not touched again in the same half.
 */
#include "comm/reducer.h"

#include "base/memory.h"
#include "comm/wire.h"

#define AHEAD 4 /* receives posted ahead */

/* The stream of segments: first those of chunk `chunk`, in order, then those of the chunk before it, ... */
typedef struct stream {
    const size_t *begin, *end;
    size_t segment; /* elements */
    size_t P;
    size_t chunk, chunks_left; /* the one `next` is in, and how many with it */
    size_t next;               /* element */
} stream;

static stream stream_begin(const ls_vector *v, size_t segment, size_t chunk, size_t P, size_t chunks)
{
    return (stream){v->begin, v->end, segment, P, chunk, chunks, v->begin[chunk]};
}

/* The next segment: count elements from `first` on; false after the last, and ever after. Empty chunks have none. */
static bool stream_next(stream *s, size_t *first, size_t *count)
{
    size_t left;

    while (s->next == s->end[s->chunk]) {
        if (s->chunks_left == 1)
            return false;
        s->chunks_left--;
        s->chunk = (s->chunk + s->P - 1) % s->P;
        s->next = s->begin[s->chunk];
    }
    left = s->end[s->chunk] - s->next;
    *first = s->next;
    *count = left < s->segment ? left : s->segment;
    s->next += *count;
    return true;
}

/* A vector going around. */
typedef struct ring_lane {
    char *scratch; /* [AHEAD x slot] what was received and is not yet added */
    char *packed;  /* what was packed to be sent; NULL: nothing ever is */
    size_t packed_bytes;
    const double *grid; /* of the vector; NULL: it is not packed */
    MPI_Request *send;  /* one for every segment a rank can have to send */
    MPI_Request receive[AHEAD];
    char *buf;
    ls_element element;
    size_t bytes; /* of an element */
    bool adds;    /* what arrives is added; otherwise it is stored */
    int tag;
    size_t last; /* the chunk that is not sent on */
    stream posted, received;
    size_t first, count; /* the segment that arrives next, */
    bool more;           /* if there is one */
    size_t arrivals, posts, sends, sent;
} ring_lane;

/* Bytes of scratch for one segment. */
static size_t slot_bytes(const ls_reducer *reducer)
{
    return LS_WIRE_BYTES(reducer->segment_bytes / sizeof(double));
}

/* Keep AHEAD receives posted. Number k uses slot k mod AHEAD: free again once arrival k - AHEAD was dealt with. */
static ls_status post_receives(const ls_reducer *reducer, ring_lane *lane)
{
    const ls_comm *comm = reducer->comm;
    size_t first, count;

    while (lane->posts < lane->arrivals + AHEAD && stream_next(&lane->posted, &first, &count)) {
        const size_t slot = lane->posts++ % AHEAD;
        char *into = lane->adds ? lane->scratch + slot * slot_bytes(reducer) : lane->buf + first * lane->bytes;

        LS_TRY(ls_mpi_check(MPI_Irecv(into, (int)(lane->grid ? LS_WIRE_BYTES(count) : count),
                                      lane->grid ? MPI_BYTE : ls_element_mpi(lane->element),
                                      (comm->rank + comm->size - 1) % comm->size, lane->tag, comm->mpi,
                                      &lane->receive[slot]),
                            "the ring cannot receive"));
    }
    return LS_OK;
}

static ls_status send_segment(const ls_reducer *reducer, ring_lane *lane, size_t first, size_t count)
{
    const ls_comm *comm = reducer->comm;
    MPI_Datatype type = ls_element_mpi(lane->element);
    char *from = lane->buf + first * lane->bytes;

    if (lane->grid) {
        from = lane->packed + lane->packed_bytes;
        type = MPI_BYTE;
        count = ls_wire_pack((const double *)(void *)lane->buf, first, count, lane->grid, from);
        lane->packed_bytes += count;
    }
    return ls_mpi_check(MPI_Isend(from, (int)count, type, (comm->rank + 1) % comm->size, lane->tag, comm->mpi,
                                  &lane->send[lane->sends++]),
                        "the ring cannot send");
}

static void add_segment(const ls_reducer *reducer, const ring_lane *lane, size_t slot)
{
    const char *const received = lane->scratch + slot * slot_bytes(reducer);

    if (lane->grid)
        ls_wire_add(received, lane->first, lane->count, lane->grid, (double *)(void *)lane->buf);
    else
        ls_element_add(lane->element, lane->buf + lane->first * lane->bytes, received, lane->count);
}

static ls_status start_ring(ls_reducer *reducer, size_t number, const ls_vector *v)
{
    ring_lane *const lane = (ring_lane *)reducer->state + number;
    const size_t P = (size_t)reducer->comm->size, rank = (size_t)reducer->comm->rank;
    const size_t chunk = v->half == LS_REDUCE_SCATTER ? (rank + P - 1) % P : rank; /* sent first */
    const size_t segment = reducer->segment_bytes / ls_element_bytes(v->element);
    stream own = stream_begin(v, segment, chunk, P, 1);
    size_t first, count;

    lane->buf = v->buf;
    lane->element = v->element;
    lane->bytes = ls_element_bytes(v->element);
    lane->adds = v->half == LS_REDUCE_SCATTER;
    lane->grid = lane->adds && reducer->packs ? v->grid : NULL;
    lane->packed_bytes = 0;
    lane->tag = LS_TAG_LANE + (int)number;
    lane->last = (chunk + 1) % P;
    lane->posted = lane->received = stream_begin(v, segment, (chunk + P - 1) % P, P, P - 1);
    lane->arrivals = lane->posts = lane->sends = lane->sent = 0;
    lane->more = stream_next(&lane->received, &lane->first, &lane->count);
    LS_TRY(post_receives(reducer, lane));
    while (stream_next(&own, &first, &count))
        LS_TRY(send_segment(reducer, lane, first, count));
    return LS_OK;
}

static ls_status advance_ring(ls_reducer *reducer, size_t number, bool *done)
{
    ring_lane *const lane = (ring_lane *)reducer->state + number;
    int here = 1;

    while (lane->more) {
        const size_t slot = lane->arrivals % AHEAD;

        LS_TRY(ls_mpi_check(MPI_Test(&lane->receive[slot], &here, MPI_STATUS_IGNORE), "the ring cannot receive"));
        if (!here)
            return LS_OK;
        if (lane->adds)
            add_segment(reducer, lane, slot);
        if (lane->received.chunk != lane->last)
            LS_TRY(send_segment(reducer, lane, lane->first, lane->count));
        lane->arrivals++;
        LS_TRY(post_receives(reducer, lane));
        lane->more = stream_next(&lane->received, &lane->first, &lane->count);
    }
    while (here && lane->sent < lane->sends) {
        LS_TRY(ls_mpi_check(MPI_Test(&lane->send[lane->sent], &here, MPI_STATUS_IGNORE), "the ring cannot send"));
        lane->sent += here != 0;
    }
    *done = lane->sent == lane->sends;
    return LS_OK;
}

static ls_status setup_ring(ls_reducer *reducer)
{
    /* Every chunk but one is sent once, and its last segment may be short. */
    const size_t sends = reducer->max_bytes / reducer->segment_bytes + (size_t)reducer->comm->size;
    ring_lane *lane = reducer->state = ls_calloc(LS_LANES, sizeof *lane, "the state of the ring");

    if (!lane)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < LS_LANES && reducer->comm->size > 1; i++) {
        lane[i].scratch = ls_calloc(AHEAD, slot_bytes(reducer), "the ring's receive buffers");
        lane[i].send = ls_calloc(sends, sizeof *lane[i].send, "the ring's send requests");
        if (!lane[i].scratch || !lane[i].send)
            return LS_ERR_MEMORY;
        /* A byte for every piece: of a block, and of a segment. */
        if (reducer->packs &&
            !(lane[i].packed = ls_calloc(LS_WIRE_BYTES(reducer->max_bytes / sizeof(double)) + 2 * sends, 1,
                                         "the ring's packed segments")))
            return LS_ERR_MEMORY;
    }
    return LS_OK;
}

static void destroy_ring(ls_reducer *reducer)
{
    ring_lane *lane = reducer->state;

    for (size_t i = 0; lane && i < LS_LANES; i++) {
        ls_free(lane[i].scratch);
        ls_free(lane[i].packed);
        ls_free(lane[i].send);
    }
    ls_free(lane);
}

const ls_reducer_ops ls_reducer_ring = {
    .name = "ring",
    .setup = setup_ring,
    .destroy = destroy_ring,
    .start = start_ring,
    .advance = advance_ring,
};
