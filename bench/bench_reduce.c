/*
 * What exactness costs: additions of the carriers, and all-reduces by every algorithm, from one run.
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
#include "train/accumulator.h"

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
static ls_status time_step(ls_reducer *reducer, void *weights, ls_element element, const size_t *bounds,
                           double *seconds)
{
    ls_vector v = {.half = LS_REDUCE_SCATTER, .element = element, .begin = bounds, .end = bounds + 1};
    double begin;

    LS_TRY(ls_mpi_check(MPI_Barrier(reducer->comm->mpi), "the ranks cannot meet"));
    begin = MPI_Wtime();
    v.buf = reducer->sums;
    LS_TRY(ls_reducer_run(reducer, &v));
    v = (ls_vector){.half = LS_ALL_GATHER, .element = LS_FLOAT32, .buf = weights, .begin = bounds, .end = bounds + 1};
    LS_TRY(ls_reducer_run(reducer, &v));
    *seconds = MPI_Wtime() - begin;
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, seconds, 1, MPI_DOUBLE, MPI_MAX, reducer->comm->mpi),
                        "the ranks cannot compare times");
}

/*
 * All of it by sums that are together: from each rank's float32 gradients to float32 values that all have. *after_s: of
 * it, what is left when the last contribution is in, as it is after the products of a training step. The slowest
 * rank's.
 */
static ls_status time_together(ls_accumulator *a, const float *gradients, float *weights, const size_t *bounds,
                               double *seconds, double *after_s)
{
    ls_reducer *const reducer = a->reducer;
    ls_vector v = {
        .half = LS_REDUCE_SCATTER, .element = LS_FLOAT64, .buf = a->sums, .begin = bounds, .end = bounds + 1};
    double begin, added, both[2], sum[LS_ACCUMULATOR_DOUBLES];

    LS_TRY(ls_mpi_check(MPI_Barrier(reducer->comm->mpi), "the ranks cannot meet"));
    begin = MPI_Wtime();
    ls_accumulator_begin(a);
    for (size_t b = 0; b < a->blocks; b++) /* as microbatches are added */
        ls_carrier_carried.add(ls_accumulator_at(a, b), gradients + b * LS_BLOCK, 4, 10,
                               ls_accumulator_open(a, b, b + 1));
    ls_accumulator_close(a, 0, a->blocks);
    added = MPI_Wtime();
    LS_TRY(ls_reducer_run(reducer, &v));
    for (size_t i = bounds[reducer->comm->rank]; i < bounds[reducer->comm->rank + 1]; i += LS_BLOCK)
        ls_carrier_carried.finish(ls_accumulator_total(a, i / LS_BLOCK, sum), 128, weights + i);
    ls_accumulator_release(a);
    v = (ls_vector){.half = LS_ALL_GATHER, .element = LS_FLOAT32, .buf = weights, .begin = bounds, .end = bounds + 1};
    LS_TRY(ls_reducer_run(reducer, &v));
    both[0] = MPI_Wtime() - begin;
    both[1] = MPI_Wtime() - added;
    LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, both, 2, MPI_DOUBLE, MPI_MAX, reducer->comm->mpi),
                        "the ranks cannot compare times"));
    *seconds = both[0];
    *after_s = both[1];
    return LS_OK;
}

/* What a float32 trainer would do: MPI_Allreduce of the gradients. */
static ls_status time_allreduce(const ls_comm *comm, float *gradients, size_t n, double *seconds)
{
    double begin;

    LS_TRY(ls_mpi_check(MPI_Barrier(comm->mpi), "the ranks cannot meet"));
    begin = MPI_Wtime();
    LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, gradients, (int)n, MPI_FLOAT, MPI_SUM, comm->mpi),
                        "MPI_Allreduce failed"));
    *seconds = MPI_Wtime() - begin;
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, seconds, 1, MPI_DOUBLE, MPI_MAX, comm->mpi),
                        "the ranks cannot compare times");
}

enum { SHARED_EXACT, RING_EXACT, HALVING_EXACT, MPI_EXACT, RING_FAST, MPI_FAST, AFTER, CANDIDATES };
#define REDUCERS 4

static const char *const algorithms[REDUCERS] = {"shared", "ring", "halving", "mpi"};

/* Weights; whole blocks. */
static const size_t lengths[] = {2048, 16384, 102400, 401408, 1048576, 4194304, 25600000};

static ls_status bench_length(ls_reducer *const *reducers, float *const *weights, size_t n, size_t *bounds, double *ms)
{
    const ls_comm *comm = reducers[0]->comm;
    double seconds[CANDIDATES][REPETITIONS];
    ls_accumulator together = {0};

    for (int p = 0; p <= comm->size; p++)
        bounds[p] = (size_t)ls_part_begin(n / LS_BLOCK, (uint64_t)p, (uint64_t)comm->size) * LS_BLOCK;
    LS_TRY(ls_accumulator_init(&together, reducers[SHARED_EXACT], n / LS_BLOCK, LS_BLOCK * sizeof(double)));
    for (int r = 1; r < REDUCERS; r++)
        memset(reducers[r]->sums, 0, n * sizeof(double));
    for (int repetition = -1; repetition < REPETITIONS; repetition++) { /* the first, to warm up, is overwritten */
        const int at = repetition < 0 ? 0 : repetition;

        LS_TRY(time_together(&together, weights[MPI_EXACT], weights[SHARED_EXACT], bounds, &seconds[SHARED_EXACT][at],
                             &seconds[AFTER][at]));
        for (int c = 1; c < REDUCERS; c++)
            LS_TRY(time_step(reducers[c], weights[c], LS_FLOAT64, bounds, &seconds[c][at]));
        LS_TRY(time_step(reducers[RING_EXACT], weights[RING_EXACT], LS_FLOAT32, bounds, &seconds[RING_FAST][at]));
        LS_TRY(time_allreduce(comm, weights[MPI_EXACT], n, &seconds[MPI_FAST][at]));
    }
    ls_accumulator_reset(&together);
    for (int c = 0; c < CANDIDATES; c++)
        ms[c] = median(seconds[c]) * 1e3;
    return LS_OK;
}

static ls_status bench_reducers(const ls_comm *comm, size_t max_bytes)
{
    ls_reducer *reducers[REDUCERS] = {NULL};
    float *weights[REDUCERS] = {NULL}, *own = ls_calloc(max_bytes, 1, "the weights");
    size_t *bounds = ls_calloc((size_t)comm->size + 1, sizeof *bounds, "the chunks");
    ls_status st = ls_agree(comm, own && bounds ? LS_OK : LS_ERR_MEMORY);

    if (st != LS_OK)
        goto cleanup;
    for (int r = 0; r < REDUCERS; r++) {
        const ls_reducer_options options = {.algorithm = algorithms[r],
                                            .max_bytes = max_bytes,
                                            .segment_bytes = LS_SEGMENT_BYTES_DEFAULT,
                                            .sums_bytes = max_bytes,
                                            .vectors = 1,
                                            .any_order = true,
                                            .together = r == SHARED_EXACT};
        void *common;

        LS_TRY_CLEANUP(ls_reducer_create(comm, &options, &reducers[r]));
        LS_TRY_CLEANUP(ls_reducer_share(reducers[r], max_bytes, 0, &common));
        weights[r] = common ? common : own;
    }
    if (comm->rank == 0) {
        printf("all-reduce over %d ranks, ms (median of %d, slowest rank); shared is %s\n", comm->size, REPETITIONS,
               reducers[0]->why);
        printf(
            "shared: from float32 gradients to float32 values, adding them up included; after: what of that is left "
            "when the\nlast gradient is added, which products do in passing. ring, halving, mpi: float64 sums there, float32 "
            "back;\nfast: float32 both ways; MPI_Allreduce of float32\n");
        printf("%10s %8s %8s %8s %8s %8s %10s %14s %17s %16s\n", "weights", "shared", "after", "ring", "halving", "mpi",
               "ring fast", "MPI_Allreduce", "shared/Allreduce", "after/Allreduce");
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const size_t n = lengths[i];
        double ms[CANDIDATES];

        if (n > max_bytes / sizeof(double))
            break;
        LS_TRY_CLEANUP(bench_length(reducers, weights, n, bounds, ms));
        if (comm->rank == 0)
            printf("%10zu %8.3f %8.3f %8.3f %8.3f %8.3f %10.3f %14.3f %17.2f %16.2f\n", n, ms[SHARED_EXACT], ms[AFTER],
                   ms[RING_EXACT], ms[HALVING_EXACT], ms[MPI_EXACT], ms[RING_FAST], ms[MPI_FAST],
                   ms[SHARED_EXACT] / ms[MPI_FAST], ms[AFTER] / ms[MPI_FAST]);
    }
cleanup:
    for (int r = 0; r < REDUCERS; r++)
        ls_reducer_free(reducers[r]);
    ls_free(bounds);
    ls_free(own);
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
