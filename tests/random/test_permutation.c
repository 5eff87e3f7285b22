/* The order of an epoch: really a permutation, different per epoch and seed, uniform, independent of the call order. */
#include "ls_test.h"

#include <stdlib.h>

#include "random/permutation.h"

static ls_permutation *create(uint64_t n, uint64_t seed)
{
    ls_permutation *p = NULL;

    assert_true(ok(ls_permutation_create(n, seed, &p)));
    return p;
}

static const uint64_t lengths[] = {0, 1, 2, 3, 10, 255, 256, 257, 65535, 65536, 65537, 100000};

static void every_sample_comes_exactly_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < count_of(lengths); k++) {
        const uint64_t n = lengths[k];
        ls_permutation *p = create(n, 42);
        unsigned char *seen = calloc(n + 1, 1);

        assert_non_null(seen);
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            ls_permutation_set_epoch(p, epoch);
            for (uint64_t i = 0; i < n; i++) {
                const uint64_t sample = ls_permutation_at(p, i);

                assert_true(sample < n);
                assert_int_equal(seen[sample], epoch);
                seen[sample]++;
            }
        }
        free(seen);
        ls_permutation_free(p);
    }
}

/* How many of the first 200 positions two orders share. By chance one, for any n (Poisson): 8 or more has odds 1e-5. */
static uint64_t shared(uint64_t n, uint64_t seed_a, uint64_t epoch_a, uint64_t seed_b, uint64_t epoch_b)
{
    ls_permutation *a = create(n, seed_a), *b = create(n, seed_b);
    uint64_t same = 0;

    ls_permutation_set_epoch(a, epoch_a);
    ls_permutation_set_epoch(b, epoch_b);
    for (uint64_t i = 0; i < n && i < 200; i++)
        same += ls_permutation_at(a, i) == ls_permutation_at(b, i);
    ls_permutation_free(a);
    ls_permutation_free(b);
    return same;
}

static void orders_differ_by_epoch_and_seed(void **state)
{
    static const uint64_t n[] = {200, 65535, 65536, 100000};
    const uint64_t high = UINT64_C(1) << 40;

    (void)state;
    for (size_t k = 0; k < count_of(n); k++) {
        assert_int_equal(shared(n[k], 1, 5, 1, 5), 200);
        assert_true(shared(n[k], 1, 0, 1, 1) < 8);
        assert_true(shared(n[k], 1, 0, 2, 0) < 8);
        assert_true(shared(n[k], 1, 2, 2, 1) < 8); /* seed + epoch must not be all that counts */
        assert_true(shared(n[k], 1, 0, 1, high) < 8);
        assert_true(shared(n[k], 1, 0, 1 + high, 0) < 8);
    }
}

static void orders_do_not_depend_on_the_calls_before(void **state)
{
    enum { LOOKS = 200 };
    static const uint64_t n[] = {2, 257, 65535, 65536, 100000};

    (void)state;
    for (size_t k = 0; k < count_of(n); k++) {
        ls_permutation *a = create(n[k], 7), *b = create(n[k], 7);
        uint64_t want[LOOKS];

        ls_permutation_set_epoch(a, 9);
        for (uint64_t i = 0; i < LOOKS; i++)
            want[i] = ls_permutation_at(a, i * 31 % n[k]);
        /* Other epochs first, backwards, and one position twice: the answers are the same. */
        for (uint64_t epoch = 0; epoch < 12; epoch++)
            ls_permutation_set_epoch(b, epoch);
        ls_permutation_at(b, n[k] - 1);
        ls_permutation_set_epoch(b, 9);
        ls_permutation_set_epoch(b, 9);
        for (uint64_t i = LOOKS; i-- > 0;) {
            assert_int_equal(ls_permutation_at(b, i * 31 % n[k]), want[i]);
            assert_int_equal(ls_permutation_at(b, i * 31 % n[k]), want[i]);
        }
        ls_permutation_free(a);
        ls_permutation_free(b);
    }
}

static void the_first_epoch_is_zero(void **state)
{
    (void)state;
    for (uint64_t n = 1000; n < 100000; n += 90000) {
        ls_permutation *fresh = create(n, 3), *chosen = create(n, 3);

        ls_permutation_set_epoch(chosen, 1);
        ls_permutation_set_epoch(chosen, 0);
        for (uint64_t i = 0; i < n; i++)
            assert_int_equal(ls_permutation_at(fresh, i), ls_permutation_at(chosen, i));
        ls_permutation_free(fresh);
        ls_permutation_free(chosen);
    }
}

/*
 * chi^2 of equally likely cells; k cells have k-1 degrees of freedom, mean k-1, variance 2(k-1). Bound: 5 deviations.
 */
static bool uniform(const uint64_t *count, size_t cells, uint64_t total)
{
    const double expected = (double)total / (double)cells, freedom = (double)cells - 1;
    double chi = 0;

    for (size_t i = 0; i < cells; i++)
        chi += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    if (fabs(chi - freedom) <= 5 * sqrt(2 * freedom))
        return true;
    print_error("chi^2 is %g for %g degrees of freedom\n", chi, freedom);
    return false;
}

/* Four samples have 24 orders: each as often as any other. */
static void all_orders_of_four_come_equally_often(void **state)
{
    enum { EPOCHS = 240000 };
    uint64_t count[256] = {0}, orders[24];
    ls_permutation *p = create(4, 11);
    size_t n = 0;

    (void)state;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        size_t code = 0;

        ls_permutation_set_epoch(p, epoch);
        for (uint64_t i = 0; i < 4; i++)
            code = code * 4 + (size_t)ls_permutation_at(p, i);
        count[code]++;
    }
    for (size_t i = 0; i < count_of(count); i++)
        if (count[i]) {
            assert_true(n < 24);
            orders[n++] = count[i];
        }
    assert_int_equal(n, 24);
    assert_true(uniform(orders, 24, EPOCHS));
    ls_permutation_free(p);
}

/* Which tenth of the samples a position shows, over many epochs; and how far apart two neighbouring positions are. */
static void check_positions(uint64_t n, uint64_t epochs)
{
    static const double place[] = {0, 0.25, 0.5, 0.999};
    ls_permutation *p = create(n, 123);

    for (size_t k = 0; k < count_of(place); k++) {
        const uint64_t position = (uint64_t)(place[k] * (double)(n - 1));
        uint64_t where[10] = {0}, distance[10] = {0}, low_digit[10] = {0};

        for (uint64_t epoch = 0; epoch < epochs; epoch++) {
            uint64_t x, y;

            ls_permutation_set_epoch(p, epoch);
            x = ls_permutation_at(p, position);
            y = ls_permutation_at(p, position + 1);
            where[x * 10 / n]++;
            distance[(y + n - x) % n * 10 / n]++;
            low_digit[x % 10]++;
        }
        assert_true(uniform(where, 10, epochs));
        assert_true(uniform(distance, 10, epochs));
        assert_true(uniform(low_digit, 10, epochs));
    }
    ls_permutation_free(p);
}

static void positions_are_uniform(void **state)
{
    (void)state;
    check_positions(1000, 2000);     /* table */
    check_positions(65540, 100000);  /* network on 18 bits: most of its range is walked over */
    check_positions(200000, 100000); /* network on 18 bits, mostly used */
    check_positions(UINT64_C(1000000007), 20000);
    check_positions((UINT64_C(1) << 62) / 10 * 3, 20000); /* beyond 32-bit halves' products */
}

/* Within one epoch: neighbouring positions must not show neighbouring samples, nor any other favoured distance. */
static void neighbours_favour_no_distance(void **state)
{
    enum { CELLS = 64 };
    static const uint64_t n[] = {65535, 65536, 100000, 1 << 20};

    (void)state;
    for (size_t k = 0; k < count_of(n); k++) {
        ls_permutation *p = create(n[k], 77);
        uint64_t count[CELLS] = {0};

        for (uint64_t i = 0; i + 1 < n[k]; i++)
            count[(ls_permutation_at(p, i + 1) + n[k] - ls_permutation_at(p, i)) % n[k] * CELLS / n[k]]++;
        assert_true(uniform(count, CELLS, n[k] - 1));
        ls_permutation_free(p);
    }
}

static void null_may_be_freed(void **state)
{
    (void)state;
    ls_permutation_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_comes_exactly_once),
        cmocka_unit_test(orders_differ_by_epoch_and_seed),
        cmocka_unit_test(orders_do_not_depend_on_the_calls_before),
        cmocka_unit_test(the_first_epoch_is_zero),
        cmocka_unit_test(all_orders_of_four_come_equally_often),
        cmocka_unit_test(positions_are_uniform),
        cmocka_unit_test(neighbours_favour_no_distance),
        cmocka_unit_test(null_may_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
