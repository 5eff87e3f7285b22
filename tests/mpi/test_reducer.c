/*
 * Every algorithm of the table at every rank count: small integers (exact in float32) against sums by arithmetic, exact
 * carriers against a serial sum and against each other, bit for bit.
 */
#include "mpi_main.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "comm/carrier.h"
#include "comm/reducer.h"
#include "tensor/wide.h"

static ls_comm *world;
static size_t P, rank;

static const size_t segments[] = {8, 16, 64, 1000, LS_SEGMENT_BYTES_DEFAULT};

/* How many cuts `cut` knows, and the cuts: equal, all to one rank, uneven with empty chunks. */
#define CUTS 5
static void cut(int which, size_t n, size_t *bounds)
{
    bounds[0] = 0;
    for (size_t p = 1; p <= P; p++) {
        switch (which) {
        case 0: /* equal */
            bounds[p] = (size_t)ls_part_begin(n, p, P);
            break;
        case 1: /* all to the first rank */
            bounds[p] = n;
            break;
        case 2: /* all to the last */
            bounds[p] = p == P ? n : 0;
            break;
        case 3: /* every other rank owns nothing */
            bounds[p] = p == P ? n : (size_t)ls_part_begin(n, p / 2 * 2, P);
            break;
        default: /* quadratic */
            bounds[p] = (size_t)ls_part_begin(n, p * p, P * P);
            break;
        }
    }
}

/* Different at every index and rank; sums over 7 ranks stay far below 2^24. */
static int value(size_t i, size_t r)
{
    return (int)((i * 7919 + r * 104729) % 20011) - 10000 + (int)r;
}

static double total(size_t i)
{
    int sum = 0;

    for (size_t r = 0; r < P; r++)
        sum += value(i, r);
    return sum;
}

static void put(void *buf, ls_element element, size_t i, double x)
{
    if (element == LS_FLOAT32)
        ((float *)buf)[i] = (float)x;
    else
        ((double *)buf)[i] = x;
}

static double get(const void *buf, ls_element element, size_t i)
{
    return element == LS_FLOAT32 ? (double)((const float *)buf)[i] : ((const double *)buf)[i];
}

/* One reduce-scatter and, from the owners' results + 1, one all-gather. There is a guard behind the vector. */
static bool reduces(ls_reducer *reducer, ls_element element, size_t n, const size_t *bounds)
{
    const double guard = 12345.0;
    double *buf = malloc((n + 1) * sizeof *buf);
    bool good = buf != NULL;

    if (!all_ranks(good))
        return false;
    for (size_t i = 0; i < n; i++)
        put(buf, element, i, value(i, rank));
    put(buf, element, n, guard);
    good = ok(reducer->ops->reduce_scatter(reducer, buf, element, bounds));
    for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++)
        good = close_to(get(buf, element, i), total(i), 0.0, 0.0);
    for (size_t i = 0; i < n; i++)
        put(buf, element, i, i >= bounds[rank] && i < bounds[rank + 1] ? total(i) + 1.0 : -77.0);
    good = ok(reducer->ops->all_gather(reducer, buf, element, bounds)) && good;
    for (size_t i = 0; i < n && good; i++)
        good = close_to(get(buf, element, i), total(i) + 1.0, 0.0, 0.0);
    good = good && get(buf, element, n) == guard;
    if (!good)
        print_error("%s, %zu elements of %s, segments of %zu bytes\n", reducer->ops->name, n,
                    element == LS_FLOAT32 ? "float32" : "float64", reducer->segment_bytes);
    free(buf);
    return all_ranks(good);
}

static void every_algorithm_reduces_and_gathers(void **unused)
{
    const size_t lengths[] = {0, 1, P - 1, P, P + 1, 1000, 100003};
    size_t *bounds = calloc(P + 1, sizeof *bounds);

    (void)unused;
    assert_true(all_ranks(bounds != NULL));
    for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++)
        for (size_t s = 0; s < count_of(segments); s++)
            for (size_t l = 0; l < count_of(lengths); l++) {
                const size_t n = lengths[l];
                ls_reducer *reducer;

                /* MPI libraries search long queues: 100000 messages of 8 bytes would be a test of theirs. */
                if (n > 1000 && segments[s] < 64)
                    continue;
                assert_true(
                    all_ranks(ok(ls_reducer_create(world, (*ops)->name, n * sizeof(double), segments[s], &reducer))));
                for (int which = 0; which<CUTS; which += n> 1000 ? CUTS - 1 : 1) {
                    cut(which, n, bounds);
                    assert_true(reduces(reducer, LS_FLOAT32, n, bounds));
                    assert_true(reduces(reducer, LS_FLOAT64, n, bounds));
                }
                ls_reducer_free(reducer);
            }
    free(bounds);
}

/* One reducer serves many vectors up to its size, of either type, in turn. */
static void a_reducer_can_be_used_again(void **unused)
{
    size_t *bounds = calloc(P + 1, sizeof *bounds);
    ls_reducer *reducer = NULL;

    (void)unused;
    assert_true(all_ranks(bounds && ok(ls_reducer_create(world, "auto", 5000 * sizeof(double), 512, &reducer))));
    assert_true(reducer->ops == &ls_reducer_ring);
    for (size_t n = 5000; n > 0; n = n * 2 / 3) {
        cut((int)(n % CUTS), n, bounds);
        assert_true(reduces(reducer, n % 2 ? LS_FLOAT32 : LS_FLOAT64, n, bounds));
    }
    ls_reducer_free(reducer);
    free(bounds);
}

/* Contribution k of element i: 60 binades, either sign, a pure function of both. */
static float contribution(size_t i, size_t k)
{
    uint64_t x = (i * 1000003 + k + 1) * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 32;
    return (float)ldexp((double)(int64_t)(x >> 40) - 0x1p23, -23 - (int)(x % 61));
}

/*
 * The point of it all: M microbatches dealt to P ranks, added on the carrier's grid, reduced by any algorithm. The same
 * bits as one rank adding them in order.
 */
static void exact_sums_do_not_know_the_ranks(void **unused)
{
    enum { M = 37, BLOCKS = 9, N = BLOCKS * LS_BLOCK, H = 6 };
    const ls_carrier_ops *const carriers[] = {&ls_carrier_carried, &ls_carrier_static};
    const size_t begin = (size_t)ls_part_begin(M, rank, P), end = (size_t)ls_part_begin(M, rank + 1, P);
    static double acc[2 * N], serial[2 * N];

    (void)unused;
    for (size_t c = 0; c < count_of(carriers); c++)
        for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++)
            for (size_t s = 1; s < count_of(segments); s++) {
                const size_t n = N * carriers[c]->per_weight;
                float a[LS_BLOCK];
                ls_reducer *reducer;
                bool good;

                memset(acc, 0, sizeof acc);
                for (size_t b = 0; b < BLOCKS; b++)
                    for (size_t k = 0; k < M; k++) {
                        const size_t first = b * LS_BLOCK;

                        for (size_t i = 0; i < LS_BLOCK; i++)
                            a[i] = contribution(first + i, k);
                        carriers[c]->add(serial + first * carriers[c]->per_weight, a, 1, H, k == 0);
                        if (k >= begin && k < end)
                            carriers[c]->add(acc + first * carriers[c]->per_weight, a, 1, H, k == begin);
                    }
                good = ok(ls_reducer_create(world, (*ops)->name, sizeof acc, segments[s], &reducer));
                assert_true(all_ranks(good));
                good = ok(ls_allreduce(reducer, acc, carriers[c]->element, n));
                for (size_t i = 0; i < n && good; i++)
                    good = memcmp(&acc[i], &serial[i], sizeof acc[i]) == 0;
                assert_true(all_ranks(good));
                ls_reducer_free(reducer);
            }
}

/* float32 sums of the ring: chunk c is ((a[c+1] + a[c+2]) + ...) + a[c], on every rank and in every run. */
static void the_ring_adds_in_its_order(void **unused)
{
    enum { N = 1000 };
    float buf[N], want[N];
    ls_reducer *reducer;

    (void)unused;
    for (size_t c = 0; c < P; c++)
        for (size_t i = (size_t)ls_part_begin(N, c, P); i < ls_part_begin(N, c + 1, P); i++) {
            want[i] = contribution(i, (c + 1) % P);
            for (size_t k = 2; k <= P; k++)
                want[i] += contribution(i, (c + k) % P);
        }
    for (size_t s = 0; s < count_of(segments); s++) {
        for (size_t i = 0; i < N; i++)
            buf[i] = contribution(i, rank);
        assert_true(all_ranks(ok(ls_reducer_create(world, "ring", sizeof buf, segments[s], &reducer))));
        assert_true(all_ranks(ok(ls_allreduce(reducer, buf, LS_FLOAT32, N)) && same_bits(buf, want, N)));
        ls_reducer_free(reducer);
    }
}

static void unknown_names_list_the_known(void **unused)
{
    const char *const words[] = {"'rung'", "auto", "ring", "mpi", NULL};
    ls_reducer *reducer;

    (void)unused;
    assert_true(all_ranks(
        failed_with(ls_reducer_create(world, "rung", 8, LS_SEGMENT_BYTES_DEFAULT, &reducer), LS_ERR_CONFIG, words)));
    assert_null(reducer);
    ls_reducer_free(NULL);
}

static void impossible_sizes_are_refused(void **unused)
{
    const char *const longer[] = {"11 elements", "80 bytes", NULL}, *const ring[] = {"'ring'", NULL};
    const char *const segment[] = {"segment", NULL}, *const memory[] = {"out of memory", NULL};
    size_t *bounds = calloc(P + 1, sizeof *bounds);
    ls_reducer *reducer;
    double buf[20] = {0};

    (void)unused;
    assert_true(all_ranks(bounds != NULL));
    for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++) {
        assert_true(all_ranks(ok(ls_reducer_create(world, (*ops)->name, 80, LS_SEGMENT_BYTES_DEFAULT, &reducer))));
        cut(0, 11, bounds);
        assert_true(
            all_ranks(failed_with((*ops)->reduce_scatter(reducer, buf, LS_FLOAT64, bounds), LS_ERR_ARG, longer)));
        assert_true(all_ranks(failed_with((*ops)->all_gather(reducer, buf, LS_FLOAT64, bounds), LS_ERR_ARG, longer)));
        assert_true(all_ranks(ok((*ops)->all_gather(reducer, buf, LS_FLOAT32, bounds))));
        ls_reducer_free(reducer);
        assert_true(
            all_ranks(failed_with(ls_reducer_create(world, (*ops)->name, 80, 7, &reducer), LS_ERR_ARG, segment)));
        assert_true(all_ranks(failed_with(ls_reducer_create(world, (*ops)->name, 80, (size_t)INT_MAX + 1, &reducer),
                                          LS_ERR_ARG, segment)));
    }
    /* Counts above INT_MAX: MPI's collectives cannot, and say who can. Nothing of the vector is touched. */
    assert_true(all_ranks(ok(ls_reducer_create(world, "mpi", SIZE_MAX, LS_SEGMENT_BYTES_DEFAULT, &reducer))));
    cut(0, (size_t)INT_MAX + 1, bounds);
    assert_true(
        all_ranks(failed_with(ls_reducer_mpi.reduce_scatter(reducer, buf, LS_FLOAT64, bounds), LS_ERR_ARG, ring)));
    ls_reducer_free(reducer);
    /* A ring whose requests fit in no memory; with one rank it needs none. */
    if (P > 1)
        assert_true(
            all_ranks(failed_with(ls_reducer_create(world, "ring", SIZE_MAX, 8, &reducer), LS_ERR_MEMORY, memory)));
    free(bounds);
}

/* The total over ranks of one value each. */
static double wide_total(double mine)
{
    ls_wide sum;

    ls_wide_clear(&sum, 1);
    ls_wide_add(&sum, mine);
    MPI_Allreduce(MPI_IN_PLACE, &sum, LS_WIDE_WORDS, MPI_INT64_T, MPI_SUM, world->mpi);
    return ls_wide_value(&sum);
}

static void wide_infinities_add_over_ranks(void **unused)
{
    const bool last = rank == P - 1;

    (void)unused;
    assert_true(all_ranks(wide_total(last ? INFINITY : -1e30) == INFINITY));
    assert_true(all_ranks(wide_total(last ? -INFINITY : 1e30) == -INFINITY));
    assert_true(all_ranks(isnan(wide_total(last ? (double)NAN : INFINITY))));
    if (P > 1)
        assert_true(all_ranks(isnan(wide_total(last ? INFINITY : -INFINITY))));
}

/* ls_wide travels as plain integers. */
static void wide_sums_add_over_ranks(void **unused)
{
    const double mine[] = {rank % 2 ? -0x1p200 : 0x1p200, (double)rank, P % 2 && rank == P - 1 ? -0x1p200 : 0.0};
    ls_wide sum;

    (void)unused;
    ls_wide_clear(&sum, 1);
    for (size_t i = 0; i < count_of(mine); i++)
        ls_wide_add(&sum, mine[i]);
    MPI_Allreduce(MPI_IN_PLACE, &sum, LS_WIDE_WORDS, MPI_INT64_T, MPI_SUM, world->mpi);
    assert_true(all_ranks(ls_wide_value(&sum) == (double)(P * (P - 1) / 2)));
}

static int set_up(void **state)
{
    (void)state;
    if (ls_comm_create(MPI_COMM_WORLD, &world) != LS_OK)
        return -1;
    P = (size_t)world->size;
    rank = (size_t)world->rank;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ls_comm_free(world);
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_algorithm_reduces_and_gathers),
    cmocka_unit_test(a_reducer_can_be_used_again),
    cmocka_unit_test(exact_sums_do_not_know_the_ranks),
    cmocka_unit_test(the_ring_adds_in_its_order),
    cmocka_unit_test(unknown_names_list_the_known),
    cmocka_unit_test(impossible_sizes_are_refused),
    cmocka_unit_test(wide_sums_add_over_ranks),
    cmocka_unit_test(wide_infinities_add_over_ranks),
};

LS_MPI_MAIN(tests, set_up, tear_down)
