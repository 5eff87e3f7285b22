#include "comm/exact_sums.h"

#include <limits.h>

#include "base/memory.h"
#include "comm/wait.h"

ls_status ls_exact_sums_init(ls_exact_sums *sums, const ls_comm *comm, size_t width_max)
{
    if (width_max > INT_MAX / LS_WIDE_WORDS)
        return ls_fail(LS_ERR_CONFIG, "a layer sums %zu values over the batch, more than one reduction can carry",
                       width_max);
    sums->comm = comm;
    sums->width_max = width_max;
    return (sums->sum = ls_calloc(width_max, sizeof *sums->sum, "the sums of layers")) ? LS_OK : LS_ERR_MEMORY;
}

void ls_exact_sums_reset(ls_exact_sums *sums)
{
    ls_free(sums->sum);
    *sums = (ls_exact_sums){0};
}

static ls_status add(void *context, const double *values, size_t n)
{
    ls_exact_sums *sums = context;

    if (n > sums->width_max)
        return ls_fail(LS_ERR_INTERNAL, "%zu sums, but %zu were planned", n, sums->width_max);
    for (size_t i = 0; i < n; i++)
        ls_wide_add(&sums->sum[i], values[i]);
    return LS_OK;
}

static ls_status total(void *context, size_t n, double *totals)
{
    ls_exact_sums *sums = context;

    if (n > sums->width_max)
        return ls_fail(LS_ERR_INTERNAL, "%zu sums, but %zu were planned", n, sums->width_max);
    if (sums->comm->size > 1) {
        int code;

        ls_wait_begin("for a layer's sums over the batch");
        code = MPI_Allreduce(MPI_IN_PLACE, sums->sum, (int)(n * LS_WIDE_WORDS), MPI_INT64_T, MPI_SUM, sums->comm->mpi);
        ls_wait_end();
        LS_TRY(ls_mpi_check(code, "adding up a layer's sums over the batch"));
    }
    for (size_t i = 0; i < n; i++)
        totals[i] = ls_wide_value(&sums->sum[i]);
    ls_wide_clear(sums->sum, n);
    return LS_OK;
}

ls_batch_sums ls_exact_sums_interface(ls_exact_sums *sums)
{
    return (ls_batch_sums){.context = sums, .add = add, .total = total};
}
