/*
 * Every algorithm of the table at every rank count: small integers (exact in float32) against sums by arithmetic, exact
 * carriers against a serial sum and against each other, bit for bit.
 */
#include "mpi_main.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "comm/agreement.h"
#include "comm/carrier.h"
#include "comm/reducer.h"
#include "tensor/wide.h"
#include "train/accumulator.h"

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

static ls_status make(const char *algorithm, size_t bytes, size_t segment, ls_reducer **reducer)
{
    const ls_reducer_options options = {.algorithm = algorithm,
                                        .max_bytes = bytes,
                                        .segment_bytes = segment,
                                        .sums_bytes = bytes + sizeof(double),
                                        .vectors = 1,
                                        .wire = LS_WIRE_PACKED}; /* vectors that say their grid */

    return ls_reducer_create(world, &options, reducer);
}

static ls_status run(ls_reducer *reducer, ls_half half, ls_element element, void *buf, const size_t *bounds)
{
    return ls_reducer_run(
        reducer, &(ls_vector){.half = half, .element = element, .buf = buf, .begin = bounds, .end = bounds + 1});
}

/* The owners' results + 1, gathered: in common memory each rank writes what it owns, elsewhere the rest is filled. */
static bool gathers(ls_reducer *reducer, ls_element element, size_t n, const size_t *bounds, void *buf, bool common)
{
    bool good;

    ls_reducer_meet(reducer);
    for (size_t i = 0; i < n; i++) {
        const bool own = i >= bounds[rank] && i < bounds[rank + 1];

        if (own || !common)
            put(buf, element, i, own ? total(i) + 1.0 : -77.0);
    }
    good = ok(run(reducer, LS_ALL_GATHER, element, buf, bounds));
    for (size_t i = 0; i < n && good; i++)
        good = close_to(get(buf, element, i), total(i) + 1.0, 0.0, 0.0);
    return good;
}

/* One reduce-scatter and all-gathers of what memory there is. There is a guard behind the vectors. */
static bool reduces(ls_reducer *reducer, ls_element element, size_t n, const size_t *bounds)
{
    const double guard = 12345.0;
    void *buf = malloc((n + 1) * sizeof(double)), *common = reducer->common;
    bool good = buf != NULL;

    if (!all_ranks(good))
        return false;
    ls_reducer_settle(reducer);
    for (size_t i = 0; i < n; i++)
        put(reducer->sums, element, i, value(i, rank));
    put(reducer->sums, element, n, guard);
    put(buf, element, n, guard);
    good = ok(run(reducer, LS_REDUCE_SCATTER, element, reducer->sums, bounds));
    for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++)
        good = close_to(get(reducer->sums, element, i), total(i), 0.0, 0.0);
    good = gathers(reducer, element, n, bounds, buf, false) && good;
    if (common)
        good = gathers(reducer, element, n, bounds, common, true) && good;
    good = good && get(buf, element, n) == guard && get(reducer->sums, element, n) == guard;
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
                void *common;

                /* MPI libraries search long queues: 100000 messages of 8 bytes would be a test of theirs. */
                if (n > 1000 && segments[s] < 64)
                    continue;
                assert_true(all_ranks(ok(make((*ops)->name, n * sizeof(double), segments[s], &reducer))));
                assert_true(P == 1 || reducer->ops == (*ops == &ls_reducer_hierarchical ? &ls_reducer_shared : *ops));
                assert_true(all_ranks(ok(ls_reducer_share(reducer, ls_pad_block(n) * sizeof(double), 8, &common))));
                for (int which = 0; which<CUTS; which += n> 1000 ? CUTS - 1 : 1) {
                    cut(which, n, bounds);
                    assert_true(reduces(reducer, LS_FLOAT32, n, bounds));
                    assert_true(reduces(reducer, LS_FLOAT64, n, bounds));
                }
                ls_reducer_free(reducer);
            }
    free(bounds);
}

/* Nodes of one, two and three ranks of this machine's, where they come out even; else nodes of one rank. */
static void nodes_add_up_and_exchange(void **unused)
{
    const size_t lengths[] = {0, 1, P - 1, P + 1, 1000, 40003};
    size_t bounds[8];

    (void)unused;
    for (int node_ranks = 1; node_ranks <= 3; node_ranks++)
        for (int any_order = 0; any_order < 2; any_order++)
            for (size_t l = 0; l < count_of(lengths); l++) {
                const size_t n = lengths[l];
                const ls_reducer_options options = {.algorithm = "hierarchical",
                                                    .max_bytes = n * sizeof(double),
                                                    .segment_bytes = 512,
                                                    .sums_bytes = (n + 1) * sizeof(double),
                                                    .vectors = 1,
                                                    .node_ranks = node_ranks,
                                                    .any_order = any_order != 0};
                ls_reducer *reducer;
                void *common;

                assert_true(all_ranks(ok(ls_reducer_create(world, &options, &reducer))));
                if (P > 3)
                    assert_true(reducer->ops == &ls_reducer_hierarchical &&
                                reducer->fell_back == (P % (size_t)node_ranks != 0));
                assert_true(all_ranks(ok(ls_reducer_share(reducer, ls_pad_block(n) * sizeof(double), 8, &common))));
                for (int which = 0; which < CUTS; which++) {
                    cut(which, n, bounds);
                    assert_true(reduces(reducer, LS_FLOAT32, n, bounds));
                    assert_true(reduces(reducer, LS_FLOAT64, n, bounds));
                }
                ls_reducer_free(reducer);
            }
}

/* One reducer serves many vectors up to its size, of either type, in turn. */
static void a_reducer_can_be_used_again(void **unused)
{
    size_t *bounds = calloc(P + 1, sizeof *bounds);
    ls_reducer *reducer = NULL;

    (void)unused;
    assert_true(all_ranks(bounds && ok(make("auto", 5000 * sizeof(double), 512, &reducer))));
    assert_true(reducer->ops == (P > 1 ? &ls_reducer_shared : &ls_reducer_ring)); /* tests have one node */
    assert_false(reducer->fell_back);
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
    static double serial[2 * N];
    double grid[BLOCKS];
    size_t bounds[8];

    (void)unused;
    for (size_t b = 0; b < BLOCKS; b++)
        grid[b] = ls_carrier_grid(1, H);
    for (size_t c = 0; c < count_of(carriers); c++)
        for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++)
            for (size_t s = 1; s < count_of(segments); s++) {
                const size_t n = N * carriers[c]->per_weight;
                float a[LS_BLOCK];
                ls_reducer *reducer;
                double *acc;
                bool good;

                assert_true(all_ranks(ok(make((*ops)->name, sizeof serial, segments[s], &reducer))));
                acc = (double *)(void *)reducer->sums;
                for (size_t b = 0; b < BLOCKS; b++)
                    for (size_t k = 0; k < M; k++) {
                        const size_t first = b * LS_BLOCK;

                        for (size_t i = 0; i < LS_BLOCK; i++)
                            a[i] = contribution(first + i, k);
                        carriers[c]->add(serial + first * carriers[c]->per_weight, a, 1, H, k == 0);
                        if (k >= begin && k < end)
                            carriers[c]->add(acc + first * carriers[c]->per_weight, a, 1, H, k == begin);
                    }
                cut(0, n, bounds);
                good = ok(ls_reducer_run(reducer, &(ls_vector){.half = LS_REDUCE_SCATTER,
                                                               .element = carriers[c]->element,
                                                               .buf = acc,
                                                               .begin = bounds,
                                                               .end = bounds + 1,
                                                               .grid = c == 0 ? grid : NULL}));
                for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++)
                    good = memcmp(&acc[i], &serial[i], sizeof acc[i]) == 0;
                assert_true(all_ranks(good));
                ls_reducer_free(reducer);
            }
}

/* float32 sums of ring and shared: chunk c is ((a[c+1] + a[c+2]) + ...) + a[c], on every rank and in every run. */
static void fast_sums_have_the_order_of_the_ring(void **unused)
{
    static const char *const names[] = {"ring", "shared"};
    enum { N = 3000 };
    float want[N];
    size_t bounds[8];

    (void)unused;
    cut(0, N, bounds);
    for (size_t c = 0; c < P; c++)
        for (size_t i = bounds[c]; i < bounds[c + 1]; i++) {
            want[i] = contribution(i, (c + 1) % P);
            for (size_t k = 2; k <= P; k++)
                want[i] += contribution(i, (c + k) % P);
        }
    for (size_t a = 0; a < count_of(names); a++)
        for (size_t s = 0; s < count_of(segments); s++) {
            ls_reducer *reducer;
            float *buf;

            assert_true(all_ranks(ok(make(names[a], sizeof want, segments[s], &reducer))));
            buf = (float *)(void *)reducer->sums;
            for (size_t i = 0; i < N; i++)
                buf[i] = contribution(i, rank);
            assert_true(all_ranks(ok(run(reducer, LS_REDUCE_SCATTER, LS_FLOAT32, buf, bounds)) &&
                                  same_bits(buf + bounds[rank], want + bounds[rank], bounds[rank + 1] - bounds[rank])));
            ls_reducer_free(reducer);
        }
}

/*
 * More vectors under way than there are lanes, of both halves, in turns and begun together, while single ranks are late
 * everywhere; each round's values are others, and every result is looked at before the next round may begin.
 */
static void vectors_overlap_and_ranks_are_late(void **unused)
{
    enum { VECTORS = 2 * LS_LANES + 3, N = 700, ROUNDS = 12 };
    static double gathered[VECTORS][N];
    size_t bounds[8];

    (void)unused;
    for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++) {
        const ls_reducer_options options = {.algorithm = (*ops)->name,
                                            .node_ranks = *ops == &ls_reducer_hierarchical ? P % 2 ? 1 : 2 : 0,
                                            .any_order = true,
                                            .max_bytes = N * sizeof(double),
                                            .segment_bytes = 512,
                                            .sums_bytes = sizeof gathered,
                                            .vectors = 2 * VECTORS};
        ls_reducer *reducer;
        bool good = true;

        assert_true(all_ranks(ok(ls_reducer_create(world, &options, &reducer))));
        for (size_t round = 0; round < ROUNDS; round++) {
            double(*sums)[N] = (void *)reducer->sums;
            uint64_t number[VECTORS], last = 0;

            cut((int)(round % CUTS), N, bounds);
            ls_reducer_settle(reducer);
            for (size_t v = 0; v < VECTORS; v++) {
                for (size_t i = 0; i < N; i++)
                    sums[v][i] = value(i + 31 * v + round, rank);
                be_late(world, round * VECTORS + v);
                good &= ok(ls_reducer_start(reducer,
                                            &(ls_vector){.half = LS_REDUCE_SCATTER,
                                                         .element = LS_FLOAT64,
                                                         .buf = sums[v],
                                                         .begin = bounds,
                                                         .end = bounds + 1},
                                            &number[v]));
                be_late(world, round + v * 7);
                good &= ok(ls_reducer_progress(reducer));
            }
            for (size_t v = 0; v < VECTORS; v++) {
                good &= ok(ls_reducer_finish(reducer, number[v]));
                memcpy(gathered[v] + bounds[rank], sums[v] + bounds[rank],
                       (bounds[rank + 1] - bounds[rank]) * sizeof(double));
                be_late(world, round * 3 + v);
                good &= ok(ls_reducer_start(reducer,
                                            &(ls_vector){.half = LS_ALL_GATHER,
                                                         .element = LS_FLOAT64,
                                                         .buf = gathered[v],
                                                         .begin = bounds,
                                                         .end = bounds + 1},
                                            &last));
            }
            good &= ok(ls_reducer_finish(reducer, last));
            for (size_t v = 0; v < VECTORS; v++)
                for (size_t i = 0; i < N && good; i++)
                    good = gathered[v][i] == total(i + 31 * v + round);
            if (!good)
                print_error("%s, round %zu\n", (*ops)->name, round);
        }
        assert_true(all_ranks(good));
        ls_reducer_free(reducer);
    }
}

/* A step that is done again: sums after sums, with nothing in between, while a rank is late to add up the first. */
static void sums_can_follow_sums(void **unused)
{
    enum { N = 5000, ROUNDS = 40 };
    size_t bounds[8];

    (void)unused;
    cut(0, N, bounds);
    for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++) {
        ls_reducer *reducer;
        bool good = true;

        assert_true(all_ranks(ok(make((*ops)->name, N * sizeof(double), 512, &reducer))));
        for (size_t round = 0; round < ROUNDS; round++) {
            const ls_vector v = {.half = LS_REDUCE_SCATTER,
                                 .element = LS_FLOAT64,
                                 .buf = reducer->sums,
                                 .begin = bounds,
                                 .end = bounds + 1};
            uint64_t number;

            ls_reducer_settle(reducer);
            for (size_t i = 0; i < N; i++)
                put(reducer->sums, LS_FLOAT64, i, value(i + round, rank));
            good &= ok(ls_reducer_start(reducer, &v, &number));
            be_late(world, round);
            good &= ok(ls_reducer_finish(reducer, number));
            for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++)
                good = get(reducer->sums, LS_FLOAT64, i) == total(i + round);
        }
        if (!good)
            print_error("%s\n", (*ops)->name);
        assert_true(all_ranks(good));
        ls_reducer_free(reducer);
    }
}

/*
 * Vectors of `shared` are taken in their order: when both are there, and the second is looked at first, it waits. (It
 * was taken once, and told the others that the first had been read.) The calls are the algorithm's own, so that nothing
 * looks at the first in between.
 */
static void shared_takes_no_vector_before_its_turn(void **unused)
{
    enum { N = 100 };
    size_t bounds[8];
    ls_reducer *reducer;
    bool good = true;

    (void)unused;
    if (P == 1)
        return;
    cut(0, N, bounds);
    assert_true(all_ranks(ok(make("shared", 2 * N * sizeof(double), 512, &reducer))));
    for (int half = 0; half < 2 && strcmp(reducer->ops->name, "shared") == 0; half++) {
        ls_vector v[2];
        bool done[2] = {false, false};

        for (size_t k = 0; k < 2; k++) {
            v[k] = (ls_vector){.half = half ? LS_ALL_GATHER : LS_REDUCE_SCATTER,
                               .element = LS_FLOAT64,
                               .buf = reducer->sums + (half ? 0 : k * N * sizeof(double)),
                               .begin = bounds,
                               .end = bounds + 1};
            for (size_t i = 0; i < N && half == 0; i++)
                put(v[k].buf, LS_FLOAT64, i, value(i + k, rank));
            good &= ok(reducer->ops->start(reducer, k, &v[k]));
        }
        MPI_Barrier(world->mpi); /* all have come to both */
        good &= ok(reducer->ops->advance(reducer, 1, &done[1])) && !done[1];
        MPI_Barrier(world->mpi);
        for (size_t round = 0; round < 1000000 && !(done[0] && done[1]); round++)
            for (size_t k = 0; k < 2; k++)
                if (!done[k])
                    good &= ok(reducer->ops->advance(reducer, k, &done[k]));
        good &= done[0] && done[1];
        for (size_t k = 0; k < 2 && half == 0; k++)
            for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++)
                good = get(v[k].buf, LS_FLOAT64, i) == total(i + k);
        MPI_Barrier(world->mpi);
    }
    assert_true(all_ranks(good));
    ls_reducer_free(reducer);
}

/* In a round one rank adds nothing (or all do), one to all blocks, and the others to some. */
static bool adds_to(size_t block, size_t r, size_t round)
{
    return P == 1 || (r != round % (P + 1) && (r == (round + 1) % P || (block + r + round) % 3 != 0));
}

/*
 * Whoever wants a total takes it from all ranks of the node: each adds to some of its blocks and not to others, some
 * are late, some have nothing to add, one reads its totals long after the others have gone on to the next step. The
 * steps are those of a training.
 */
static void totals_are_taken_from_all_ranks(void **unused)
{
    enum { BLOCKS = 53, N = BLOCKS * LS_BLOCK, ROUNDS = 12 };
    const int node_ranks[] = {0, 1, 2};
    size_t bounds[8];

    (void)unused;
    for (size_t p = 0; p <= P; p++)
        bounds[p] = (size_t)ls_part_begin(BLOCKS, p, P) * LS_BLOCK;
    for (size_t k = 0; k < 3; k++) {
        const ls_reducer_options options = {.algorithm = "auto",
                                            .max_bytes = N * sizeof(double),
                                            .segment_bytes = 4096,
                                            .sums_bytes = N * sizeof(double),
                                            .vectors = 1,
                                            .node_ranks = node_ranks[k],
                                            .any_order = true,
                                            .together = true};
        ls_accumulator a = {0};
        ls_reducer *reducer;
        bool good = true;

        assert_true(all_ranks(ok(ls_reducer_create(world, &options, &reducer))));
        good = ok(ls_accumulator_init(&a, reducer, BLOCKS, LS_BLOCK * sizeof(double)));
        assert_true(all_ranks(good));
        for (size_t round = 0; round < ROUNDS; round++) {
            const ls_vector v = {
                .half = LS_REDUCE_SCATTER, .element = LS_FLOAT64, .buf = a.sums, .begin = bounds, .end = bounds + 1};

            ls_accumulator_begin(&a);
            be_late(world, round);
            for (size_t i = 0; i < 2 * BLOCKS; i++) { /* twice: half of it each time */
                const size_t b = i % BLOCKS;
                double *const at = (double *)(void *)ls_accumulator_at(&a, b);
                bool fresh;

                if (!adds_to(b, rank, round))
                    continue;
                fresh = ls_accumulator_open(&a, b, b + 1);
                good &= fresh == (i < BLOCKS);
                for (size_t j = 0; j < LS_BLOCK; j++)
                    at[j] = (fresh ? 0 : at[j]) + 0.5 * value(b * LS_BLOCK + j + round, rank);
            }
            ls_accumulator_close(&a, 0, BLOCKS);
            good &= ok(ls_reducer_run(reducer, &v));
            be_late(world, round + 50); /* others are at the next step meanwhile */
            for (size_t i = bounds[rank]; i < bounds[rank + 1] && good; i++) {
                double sum[LS_ACCUMULATOR_DOUBLES], expected = 0;
                const double *const block = ls_accumulator_total(&a, i / LS_BLOCK, sum);

                for (size_t r = 0; r < P; r++)
                    expected += adds_to(i / LS_BLOCK, r, round) ? value(i + round, r) : 0;
                good = block[i % LS_BLOCK] == expected;
            }
            if (round % 3 == 0)
                ls_accumulator_release(&a);
        }
        if (!good)
            print_error("%s\n", reducer->why);
        assert_true(all_ranks(good));
        ls_accumulator_reset(&a);
        ls_reducer_free(reducer);
    }
}

/* The largest and the sum, each round of other numbers, by messages and through common memory. */
static void ranks_agree_in_one_message(void **unused)
{
    enum { MAXIMA = 301, SUMS = 5, ROUNDS = 20 };
    ls_node_memory *node;

    (void)unused;
    assert_true(all_ranks(ok(ls_node_memory_create(world, 0, &node))));
    for (int shares = 0; shares < 2; shares++) {
        ls_agreement *agreement;
        bool good = true;

        assert_true(all_ranks(ok(ls_agreement_create(world, shares ? node : NULL, MAXIMA, SUMS, &agreement))));
        for (size_t round = 0; round < ROUNDS; round++) {
            int16_t *const maxima = ls_agreement_maxima(agreement);
            ls_wide *const sums = ls_agreement_sums(agreement);

            ls_wide_clear(sums, SUMS);
            for (size_t i = 0; i < MAXIMA; i++)
                maxima[i] = (int16_t)value(i + round, rank);
            for (size_t i = 0; i < SUMS; i++)
                ls_wide_add(&sums[i], value(i + 1000 * round, rank) * 0x1p-40);
            be_late(world, round);
            good &= ok(ls_agreement_start(agreement));
            be_late(world, round + 100);
            good &= ok(ls_agreement_finish(agreement));
            for (size_t i = 0; i < MAXIMA; i++) {
                int largest = INT_MIN;

                for (size_t r = 0; r < P; r++)
                    largest = value(i + round, r) > largest ? value(i + round, r) : largest;
                good &= maxima[i] == largest;
            }
            for (size_t i = 0; i < SUMS; i++)
                good &= ls_wide_value(&sums[i]) == total(i + 1000 * round) * 0x1p-40;
        }
        if (!good)
            print_error("%s\n", shares ? "through common memory" : "by messages");
        assert_true(all_ranks(good));
        ls_agreement_free(agreement);
    }
    ls_node_memory_free(node);
}

static void unknown_names_list_the_known(void **unused)
{
    const char *const words[] = {"'rung'", "auto", "ring", "halving", "shared", "hierarchical", "mpi", NULL};
    ls_reducer *reducer;

    (void)unused;
    assert_true(all_ranks(failed_with(make("rung", 8, LS_SEGMENT_BYTES_DEFAULT, &reducer), LS_ERR_CONFIG, words)));
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
        assert_true(all_ranks(ok(make((*ops)->name, 80, LS_SEGMENT_BYTES_DEFAULT, &reducer))));
        cut(0, 11, bounds);
        for (int half = LS_REDUCE_SCATTER; half <= LS_ALL_GATHER; half++)
            assert_true(
                all_ranks(failed_with(run(reducer, (ls_half)half, LS_FLOAT64, buf, bounds), LS_ERR_ARG, longer)));
        assert_true(all_ranks(ok(run(reducer, LS_ALL_GATHER, LS_FLOAT32, buf, bounds))));
        ls_reducer_free(reducer);
        assert_true(all_ranks(failed_with(make((*ops)->name, 80, 7, &reducer), LS_ERR_ARG, segment)));
        assert_true(all_ranks(failed_with(make((*ops)->name, 80, (size_t)INT_MAX + 1, &reducer), LS_ERR_ARG, segment)));
    }
    /* Counts above INT_MAX: MPI's collectives cannot, and say who can. */
    assert_true(P == 1 || all_ranks(failed_with(make("mpi", (size_t)INT_MAX * 4 + 4, 8, &reducer), LS_ERR_ARG, ring)));
    assert_true(P == 1 ||
                all_ranks(failed_with(make("halving", (size_t)INT_MAX * 4 + 4, 8, &reducer), LS_ERR_ARG, ring)));
    /* A ring whose requests fit in no memory; with one rank it needs none. */
    if (P > 1)
        assert_true(all_ranks(failed_with(make("ring", SIZE_MAX - 100, 8, &reducer), LS_ERR_MEMORY, memory)));
    free(bounds);
}

/* Sums that fit in no common memory: round the ring instead, and a word why; here they fit nowhere. */
static void what_cannot_be_shared_says_so(void **unused)
{
    const ls_reducer_options options = {
        .algorithm = "shared", .max_bytes = 8, .segment_bytes = 8, .sums_bytes = SIZE_MAX / 2, .vectors = 1};
    const char *const words[] = {"gradient", NULL};
    ls_reducer *reducer;

    (void)unused;
    assert_true(all_ranks(failed_with(ls_reducer_create(world, &options, &reducer), LS_ERR_MEMORY, words)));
}

/* Files may be small here, so that what the ranks share may be, too: they go round the ring, and say why. */
static void without_common_memory_the_ring_goes_on(void **unused)
{
    enum { N = 5000 };
    const struct rlimit small = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};
    struct rlimit before;
    size_t bounds[8];
    ls_reducer *reducer;
    bool good;

    (void)unused;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    if (!all_ranks(before.rlim_max == RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &small) == 0))
        skip();
    good = ok(make("auto", N * sizeof(double), 512, &reducer));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(all_ranks(good));
    assert_true(reducer->ops == &ls_reducer_ring);
    assert_true(P == 1 || (reducer->fell_back && strstr(reducer->why, "ring: ") && strstr(reducer->why, "ulimit -f")));
    cut(0, N, bounds);
    assert_true(reduces(reducer, LS_FLOAT64, N, bounds));
    ls_reducer_free(reducer);
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
    cmocka_unit_test(nodes_add_up_and_exchange),
    cmocka_unit_test(a_reducer_can_be_used_again),
    cmocka_unit_test(exact_sums_do_not_know_the_ranks),
    cmocka_unit_test(fast_sums_have_the_order_of_the_ring),
    cmocka_unit_test(vectors_overlap_and_ranks_are_late),
    cmocka_unit_test(shared_takes_no_vector_before_its_turn),
    cmocka_unit_test(totals_are_taken_from_all_ranks),
    cmocka_unit_test(ranks_agree_in_one_message),
    cmocka_unit_test(unknown_names_list_the_known),
    cmocka_unit_test(impossible_sizes_are_refused),
    cmocka_unit_test(sums_can_follow_sums),
    cmocka_unit_test(without_common_memory_the_ring_goes_on),
    cmocka_unit_test(what_cannot_be_shared_says_so),
};

LS_MPI_MAIN(tests, set_up, tear_down)
