/*
 * The MPI library's own collectives behind the table of reducers: the oracle of the others, and the way to in-network
 * reduction. Counts and displacements are int, so vectors of more than INT_MAX elements are the ring's. Chunks must
 * touch.
 *
 * Collectives of a communicator must be called in one order everywhere. When a vector gets its lane depends on the
 * rank, so these have a communicator of their own.
 */
#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

typedef struct mpi_lane {
    ls_vector v;
    int *count, *first; /* [P] elements of a chunk, and where it begins */
    void *own;          /* [max_bytes] this rank's sums: MPICH cannot reduce to scattered places in place */
    MPI_Request request;
} mpi_lane;

typedef struct mpi_state {
    ls_comm *comm; /* owned */
    mpi_lane lane[LS_LANES];
} mpi_state;

static ls_status start_mpi(ls_reducer *reducer, size_t number, const ls_vector *v)
{
    mpi_state *const s = reducer->state;
    mpi_lane *const lane = &s->lane[number];
    const MPI_Datatype type = ls_element_mpi(v->element);

    lane->v = *v;
    for (size_t p = 0; p < (size_t)reducer->comm->size; p++) {
        lane->first[p] = (int)v->begin[p];
        lane->count[p] = (int)(v->end[p] - v->begin[p]);
    }
    if (v->half == LS_REDUCE_SCATTER)
        return ls_mpi_check(
            MPI_Ireduce_scatter(v->buf, lane->own, lane->count, type, MPI_SUM, s->comm->mpi, &lane->request),
            "MPI_Ireduce_scatter failed");
    return ls_mpi_check(
        MPI_Iallgatherv(MPI_IN_PLACE, 0, type, v->buf, lane->count, lane->first, type, s->comm->mpi, &lane->request),
        "MPI_Iallgatherv failed");
}

static ls_status advance_mpi(ls_reducer *reducer, size_t number, bool *done)
{
    mpi_lane *const lane = &((mpi_state *)reducer->state)->lane[number];
    const size_t bytes = ls_element_bytes(lane->v.element), rank = (size_t)reducer->comm->rank;
    int here = 0;

    LS_TRY(ls_mpi_check(MPI_Test(&lane->request, &here, MPI_STATUS_IGNORE), "MPI's reduction failed"));
    if (here && lane->v.half == LS_REDUCE_SCATTER)
        memcpy((char *)lane->v.buf + lane->v.begin[rank] * bytes, lane->own, (size_t)lane->count[rank] * bytes);
    *done = here != 0;
    return LS_OK;
}

static ls_status setup_mpi(ls_reducer *reducer)
{
    mpi_state *s = reducer->state = ls_calloc(1, sizeof *s, "the state of allreduce 'mpi'");
    ls_status st = s ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK && reducer->max_bytes / sizeof(float) > INT_MAX)
        st = ls_fail(LS_ERR_ARG, "allreduce 'mpi' takes up to %d elements, not %zu: use 'ring'", INT_MAX,
                     reducer->max_bytes / sizeof(float));
    for (size_t i = 0; i < LS_LANES && st == LS_OK; i++) {
        s->lane[i].count = ls_calloc((size_t)reducer->comm->size, sizeof(int), "the counts of allreduce 'mpi'");
        s->lane[i].first = ls_calloc((size_t)reducer->comm->size, sizeof(int), "the offsets of allreduce 'mpi'");
        s->lane[i].own = ls_calloc(reducer->max_bytes, 1, "the sums of allreduce 'mpi'");
        if (!s->lane[i].count || !s->lane[i].first || !s->lane[i].own)
            st = LS_ERR_MEMORY;
    }
    LS_TRY(ls_agree(reducer->comm, st));
    return ls_comm_create(reducer->comm->mpi, &s->comm);
}

static void destroy_mpi(ls_reducer *reducer)
{
    mpi_state *s = reducer->state;

    for (size_t i = 0; s && i < LS_LANES; i++) {
        ls_free(s->lane[i].count);
        ls_free(s->lane[i].first);
        ls_free(s->lane[i].own);
    }
    if (s)
        ls_comm_free(s->comm);
    ls_free(s);
}

const ls_reducer_ops ls_reducer_mpi = {
    .name = "mpi",
    .setup = setup_mpi,
    .destroy = destroy_mpi,
    .start = start_mpi,
    .advance = advance_mpi,
};
