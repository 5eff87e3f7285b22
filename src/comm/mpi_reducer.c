/*
 * The MPI library's own collectives behind the table of reducers: the oracle of the others, and the way to in-network
 * reduction. Counts and displacements are int, so vectors of more than INT_MAX elements are the ring's.
 */
#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

typedef struct counts {
    int *count, *first; /* [P] elements of a chunk, and where it begins */
} counts;

static ls_status count_chunks(ls_reducer *reducer, ls_element element, const size_t *bounds)
{
    counts *state = reducer->state;
    const size_t P = (size_t)reducer->comm->size;

    LS_TRY(ls_reducer_check(reducer, element, bounds));
    if (bounds[P] > INT_MAX)
        return ls_fail(LS_ERR_ARG, "allreduce 'mpi' takes up to %d elements, not %zu: use 'ring'", INT_MAX, bounds[P]);
    for (size_t p = 0; p < P; p++) {
        state->first[p] = (int)bounds[p];
        state->count[p] = (int)(bounds[p + 1] - bounds[p]);
    }
    return LS_OK;
}

static ls_status reduce_scatter_mpi(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds)
{
    const size_t bytes = ls_element_bytes(element), rank = (size_t)reducer->comm->rank;
    const counts *state = reducer->state;

    LS_TRY(count_chunks(reducer, element, bounds));
    LS_TRY(ls_mpi_check(
        MPI_Reduce_scatter(MPI_IN_PLACE, buf, state->count, ls_element_mpi(element), MPI_SUM, reducer->comm->mpi),
        "MPI_Reduce_scatter failed"));
    /* In place, MPI leaves the result at the beginning of the vector. */
    memmove((char *)buf + bounds[rank] * bytes, buf, (bounds[rank + 1] - bounds[rank]) * bytes);
    return LS_OK;
}

static ls_status all_gather_mpi(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds)
{
    const MPI_Datatype type = ls_element_mpi(element);
    const counts *state = reducer->state;

    LS_TRY(count_chunks(reducer, element, bounds));
    return ls_mpi_check(
        MPI_Allgatherv(MPI_IN_PLACE, 0, type, buf, state->count, state->first, type, reducer->comm->mpi),
        "MPI_Allgatherv failed");
}

static ls_status setup_mpi(ls_reducer *reducer)
{
    counts *state = reducer->state = ls_calloc(1, sizeof *state, "the state of allreduce 'mpi'");

    if (!state)
        return LS_ERR_MEMORY;
    state->count = ls_calloc((size_t)reducer->comm->size, sizeof *state->count, "the counts of allreduce 'mpi'");
    state->first = ls_calloc((size_t)reducer->comm->size, sizeof *state->first, "the offsets of allreduce 'mpi'");
    return state->count && state->first ? LS_OK : LS_ERR_MEMORY;
}

static void destroy_mpi(ls_reducer *reducer)
{
    counts *state = reducer->state;

    if (!state)
        return;
    ls_free(state->count);
    ls_free(state->first);
    ls_free(state);
}

const ls_reducer_ops ls_reducer_mpi = {
    .name = "mpi",
    .reduce_scatter = reduce_scatter_mpi,
    .all_gather = all_gather_mpi,
    .setup = setup_mpi,
    .destroy = destroy_mpi,
};
