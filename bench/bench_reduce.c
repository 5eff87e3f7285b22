/*
 * What exactness costs: additions of the carriers, and all-reduces of the ring and of MPI, from one run.
 *
 *     mpirun -n P bench_reduce [largest vector in MiB, default 64]
 *
 * Every number is the median over repetitions in which the candidates take turns, so that a slow spell of the machine
 * meets all of them; an all-reduce begins with a barrier and takes as long as its slowest rank.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/carrier.h"
#include "comm/reducer.h"
#include "tensor/kernels.h"

#define REPETITIONS 21
#define BLOCKS 128 /* of gradients and sums: fits in a second-level cache of 1 MiB also with two doubles per weight */
#define PASSES 40  /* over them, in one repetition */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *seconds)
{
    qsort(seconds, REPETITIONS, sizeof *seconds, compare_doubles);
    return seconds[REPETITIONS / 2];
}

static ls_status bench_carriers(const ls_comm *comm)
{
    const ls_carrier_ops *const carriers[] = {&ls_carrier_fast, &ls_carrier_carried, &ls_carrier_static};
    float *a = ls_calloc((size_t)BLOCKS * LS_BLOCK, sizeof *a, "gradients");
    double *acc = ls_calloc((size_t)2 * BLOCKS * LS_BLOCK, sizeof *acc, "sums");
    double seconds[3][REPETITIONS], ns[3];
    volatile int16_t exponent; /* so that no addition is optimised away */
    ls_status st = LS_OK;

    if (!a || !acc) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < (size_t)BLOCKS * LS_BLOCK; i++)
        a[i] = (float)((double)(i * 7919 % 20011) * 1e-5 - 0.1);
    for (int repetition = 0; repetition < REPETITIONS; repetition++)
        for (size_t c = 0; c < 3; c++) {
            const size_t stride = LS_BLOCK * carriers[c]->per_weight * ls_element_bytes(carriers[c]->element);
            const double begin = MPI_Wtime();

            for (int pass = 0; pass < PASSES; pass++)
                for (size_t b = 0; b < BLOCKS; b++)
                    exponent = carriers[c]->add((char *)acc + b * stride, a + b * LS_BLOCK, 4, 10, pass == 0);
            seconds[c][repetition] = MPI_Wtime() - begin;
        }
    (void)exponent;
    for (size_t c = 0; c < 3; c++)
        ns[c] = median(seconds[c]) * 1e9 / ((double)BLOCKS * LS_BLOCK * PASSES);
    if (comm->rank == 0) {
        printf("adding microbatches, one core, data in L2\n");
        printf("%-10s %12s %8s\n", "carrier", "ns/element", "ratio");
        for (size_t c = 0; c < 3; c++)
            printf("%-10s %12.3f %8.2f\n", carriers[c]->name, ns[c], ns[c] / ns[0]);
        printf("\n");
    }
cleanup:
    ls_free(a);
    ls_free(acc);
    return st;
}

/*
 * What a training step moves: sums of `element` to the owners, float32 back to all. seconds: the slowest rank's. The
 * contents do not matter here, so the results are left in their place.
 */
static ls_status time_step(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds, double *seconds)
{
    double begin;

    LS_TRY(ls_mpi_check(MPI_Barrier(reducer->comm->mpi), "the ranks cannot meet"));
    begin = MPI_Wtime();
    LS_TRY(reducer->ops->reduce_scatter(reducer, buf, element, bounds));
    LS_TRY(reducer->ops->all_gather(reducer, buf, LS_FLOAT32, bounds));
    *seconds = MPI_Wtime() - begin;
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, seconds, 1, MPI_DOUBLE, MPI_MAX, reducer->comm->mpi),
                        "the ranks cannot compare times");
}

enum { RING_FAST, RING_EXACT, MPI_FAST, MPI_EXACT, CANDIDATES };

static ls_status bench_length(ls_reducer *const *reducers, void *buf, size_t n, size_t *bounds, double *ms)
{
    const ls_comm *comm = reducers[0]->comm;
    double seconds[CANDIDATES][REPETITIONS];

    for (int p = 0; p <= comm->size; p++)
        bounds[p] = (size_t)ls_part_begin(n, (uint64_t)p, (uint64_t)comm->size);
    memset(buf, 0, n * sizeof(double));
    for (int repetition = -1; repetition < REPETITIONS; repetition++) /* the first, to warm up, is overwritten */
        for (int c = 0; c < CANDIDATES; c++)
            LS_TRY(time_step(reducers[c / 2], buf, c % 2 ? LS_FLOAT64 : LS_FLOAT32, bounds,
                             &seconds[c][repetition < 0 ? 0 : repetition]));
    for (int c = 0; c < CANDIDATES; c++)
        ms[c] = median(seconds[c]) * 1e3;
    return LS_OK;
}

static ls_status bench_reducers(const ls_comm *comm, size_t max_bytes)
{
    ls_reducer *reducers[2] = {NULL, NULL};
    void *buf = ls_calloc(max_bytes, 1, "the vector");
    size_t *bounds = ls_calloc((size_t)comm->size + 1, sizeof *bounds, "the chunks");
    ls_status st = ls_agree(comm, buf && bounds ? LS_OK : LS_ERR_MEMORY);

    if (st != LS_OK)
        goto cleanup;
    LS_TRY_CLEANUP(ls_reducer_create(comm, "ring", max_bytes, LS_SEGMENT_BYTES_DEFAULT, &reducers[0]));
    LS_TRY_CLEANUP(ls_reducer_create(comm, "mpi", max_bytes, LS_SEGMENT_BYTES_DEFAULT, &reducers[1]));
    if (comm->rank == 0) {
        printf("all-reduce over %d ranks, ms (median of %d, slowest rank)\n", comm->size, REPETITIONS);
        printf("fast: float32 both ways; exact: float64 there, float32 back\n");
        printf("%10s %10s %11s %10s %10s %12s %14s\n", "weights", "ring fast", "ring exact", "mpi fast", "mpi exact",
               "exact/fast", "ring/mpi exact");
    }
    for (size_t n = 2048; n <= max_bytes / sizeof(double); n *= 8) {
        double ms[CANDIDATES];

        LS_TRY_CLEANUP(bench_length(reducers, buf, n, bounds, ms));
        if (comm->rank == 0)
            printf("%10zu %10.3f %11.3f %10.3f %10.3f %12.2f %14.2f\n", n, ms[RING_FAST], ms[RING_EXACT], ms[MPI_FAST],
                   ms[MPI_EXACT], ms[RING_EXACT] / ms[RING_FAST], ms[RING_EXACT] / ms[MPI_EXACT]);
    }
cleanup:
    ls_reducer_free(reducers[0]);
    ls_reducer_free(reducers[1]);
    ls_free(bounds);
    ls_free(buf);
    return st;
}

int main(int argc, char **argv)
{
    const size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
    ls_comm *comm = NULL;
    ls_status st;

    MPI_Init(&argc, &argv);
    if (argc > 2 || mib < 1 || mib > 65536) {
        fprintf(stderr, "usage: bench_reduce [largest vector in MiB, 1 to 65536]\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    LS_TRY_CLEANUP(ls_comm_create(MPI_COMM_WORLD, &comm));
    LS_TRY_CLEANUP(ls_agree(comm, bench_carriers(comm)));
    if (comm->size > 1) /* alone there is nothing to move */
        LS_TRY_CLEANUP(bench_reducers(comm, mib * 1048576));
cleanup:
    if (st != LS_OK) {
        fprintf(stderr, "bench_reduce: %s\n", ls_error_message());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    ls_comm_free(comm);
    MPI_Finalize();
    return 0;
}
