#include "comm/mixed.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define SHORT_BYTES ((size_t)8)
#define LONG_BYTES ((size_t)1 << 20)
#define REPETITIONS 9 /* of which the median counts: networks take a first burst faster than they can go on */

#define SLOW_BYTE_S 1e-9 /* to pack an element and unpack it costs about what two bytes take on such a network */

enum { RING, HALVING, ALGORITHMS };

typedef struct mixed {
    ls_link link;
    size_t halving_bytes;
    ls_reducer inner[ALGORITHMS];
    size_t taken[LS_LANES]; /* the lane's algorithm */
} mixed;

static double median_of(double *seconds)
{
    for (int i = 1; i < REPETITIONS; i++)
        for (int j = i; j > 0 && seconds[j] < seconds[j - 1]; j--) {
            const double larger = seconds[j - 1];

            seconds[j - 1] = seconds[j];
            seconds[j] = larger;
        }
    return seconds[REPETITIONS / 2];
}

/* To the right neighbour and from the left one at once. */
static ls_status time_shift(const ls_comm *comm, char *out, char *in, size_t bytes, double *seconds)
{
    const int right = (comm->rank + 1) % comm->size, left = (comm->rank + comm->size - 1) % comm->size;
    double took[REPETITIONS];

    for (int i = 0; i < REPETITIONS; i++) {
        const double begin = ls_now_s();

        LS_TRY(ls_mpi_check(MPI_Sendrecv(out, (int)bytes, MPI_BYTE, right, LS_TAG_LANE, in, (int)bytes, MPI_BYTE, left,
                                         LS_TAG_LANE, comm->mpi, MPI_STATUS_IGNORE),
                            "cannot measure the network"));
        took[i] = ls_now_s() - begin;
    }
    *seconds = median_of(took);
    return LS_OK;
}

static double time_adding(char *y, char *x)
{
    double took[REPETITIONS];

    for (int i = 0; i < REPETITIONS; i++) {
        const double begin = ls_now_s();

        memcpy(x, y, LONG_BYTES);
        ls_element_add(LS_FLOAT64, y, x, LONG_BYTES / sizeof(double));
        took[i] = ls_now_s() - begin;
    }
    return median_of(took);
}

ls_status ls_link_measure(const ls_comm *comm, ls_link *out)
{
    char *buf = ls_calloc(2, LONG_BYTES, "what the network is measured with");
    double seconds[3] = {0};
    ls_status st;

    LS_TRY_CLEANUP(ls_agree(comm, buf ? LS_OK : LS_ERR_MEMORY));
    LS_TRY_CLEANUP(time_shift(comm, buf, buf + LONG_BYTES, SHORT_BYTES, &seconds[0]));
    LS_TRY_CLEANUP(time_shift(comm, buf, buf + LONG_BYTES, LONG_BYTES, &seconds[1]));
    seconds[2] = time_adding(buf, buf + LONG_BYTES);
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, seconds, 3, MPI_DOUBLE, MPI_MAX, comm->mpi),
                                "cannot compare measurements"));
    *out = (ls_link){.latency_s = seconds[0],
                     .byte_s = seconds[1] > seconds[0] ? (seconds[1] - seconds[0]) / (double)LONG_BYTES : 0,
                     .add_byte_s = seconds[2] / (double)LONG_BYTES};
cleanup:
    ls_free(buf);
    return st;
}

static int log2_up(int ranks)
{
    int rounds = 0;

    while ((1 << rounds) < ranks)
        rounds++;
    return rounds;
}

size_t ls_link_halving_bytes(const ls_link *link, int ranks)
{
    const double messages = ranks - 1 - log2_up(ranks), P = ranks;

    if (messages <= 0 || !(link->add_byte_s > 0))
        return 0;
    return (size_t)(messages * link->latency_s / (link->add_byte_s * (P - 1) / P));
}

void ls_link_describe(const ls_link *link, int ranks, bool packs, ls_text *out)
{
    const size_t bytes = ls_link_halving_bytes(link, ranks);

    if (bytes > 0)
        ls_text_add(out, "halving below %zu KiB, above it the ring", bytes / 1024);
    else
        ls_text_add(out, "the ring");
    if (packs)
        ls_text_add(out, ", packed");
    ls_text_add(out, " (a message takes %.1f us, a byte %.2f ns, and %.2f ns to be added)", link->latency_s * 1e6,
                link->byte_s * 1e9, link->add_byte_s * 1e9);
}

const ls_link *ls_reducer_mixed_link(const ls_reducer *reducer)
{
    return &((const mixed *)reducer->state)->link;
}

static ls_status start_mixed(ls_reducer *reducer, size_t lane, const ls_vector *v)
{
    mixed *const m = reducer->state;
    size_t elements = 0;

    for (int p = 0; p < reducer->comm->size; p++)
        elements += v->end[p] - v->begin[p];
    m->taken[lane] = elements * ls_element_bytes(v->element) < m->halving_bytes ? HALVING : RING;
    return m->inner[m->taken[lane]].ops->start(&m->inner[m->taken[lane]], lane, v);
}

static ls_status advance_mixed(ls_reducer *reducer, size_t lane, bool *done)
{
    mixed *const m = reducer->state;
    ls_reducer *const inner = &m->inner[m->taken[lane]];

    return inner->ops->advance(inner, lane, done);
}

static ls_status setup_mixed(ls_reducer *reducer)
{
    mixed *m = reducer->state = ls_calloc(1, sizeof *m, "the state of a reducer");
    ls_status st = m ? LS_OK : LS_ERR_MEMORY;

    LS_TRY(ls_agree(reducer->comm, st));
    LS_TRY(ls_link_measure(reducer->comm, &m->link));
    reducer->slow = m->link.byte_s > SLOW_BYTE_S;
    reducer->packs = reducer->wire == LS_WIRE_PACKED || (reducer->wire == LS_WIRE_AUTO && reducer->slow);
    m->halving_bytes = ls_link_halving_bytes(&m->link, reducer->comm->size);
    for (size_t a = 0; a < ALGORITHMS; a++) {
        ls_reducer *const inner = &m->inner[a];
        const size_t bytes = reducer->max_bytes;

        inner->ops = a == RING ? &ls_reducer_ring : &ls_reducer_halving;
        inner->comm = reducer->comm;
        inner->segment_bytes = reducer->segment_bytes;
        inner->packs = reducer->packs;
        inner->max_bytes = a == RING || bytes < m->halving_bytes ? bytes : m->halving_bytes;
        LS_TRY(ls_agree(reducer->comm, inner->ops->setup(inner)));
    }
    return LS_OK;
}

static void destroy_mixed(ls_reducer *reducer)
{
    mixed *m = reducer->state;

    for (size_t a = 0; m && a < ALGORITHMS; a++)
        if (m->inner[a].ops)
            m->inner[a].ops->destroy(&m->inner[a]);
    ls_free(m);
}

const ls_reducer_ops ls_reducer_mixed = {
    .name = "mixed",
    .setup = setup_mixed,
    .destroy = destroy_mixed,
    .start = start_mixed,
    .advance = advance_mixed,
};
