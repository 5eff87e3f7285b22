#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

size_t ls_element_bytes(ls_element element)
{
    return element == LS_FLOAT32 ? sizeof(float) : sizeof(double);
}

MPI_Datatype ls_element_mpi(ls_element element)
{
    return element == LS_FLOAT32 ? MPI_FLOAT : MPI_DOUBLE;
}

void ls_reducer_free(ls_reducer *reducer)
{
    if (!reducer)
        return;
    if (reducer->ops->destroy)
        reducer->ops->destroy(reducer);
    ls_free(reducer->equal);
    ls_free(reducer);
}

ls_status ls_reducer_check(const ls_reducer *reducer, ls_element element, const size_t *bounds)
{
    const size_t n = bounds[reducer->comm->size];
    const size_t bytes = ls_element_bytes(element);

    if (n > reducer->max_bytes / bytes)
        return ls_fail(LS_ERR_ARG,
                       "a vector of %zu elements of %zu bytes is longer than the %zu bytes the reducer was made for", n,
                       bytes, reducer->max_bytes);
    return LS_OK;
}

ls_status ls_allreduce(ls_reducer *reducer, void *buf, ls_element element, size_t n)
{
    const uint64_t P = (uint64_t)reducer->comm->size;

    for (uint64_t p = 0; p <= P; p++)
        reducer->equal[p] = (size_t)ls_part_begin(n, p, P);
    LS_TRY(reducer->ops->reduce_scatter(reducer, buf, element, reducer->equal));
    return reducer->ops->all_gather(reducer, buf, element, reducer->equal);
}
