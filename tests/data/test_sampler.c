/* Slices against their definition, for every rank, over a grid of sizes; update counts against arithmetic by hand. */
#include "ls_test.h"

#include <stdlib.h>

#include "data/sampler.h"

static void updates_per_epoch_are_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(10 * ls_batches(10000, 1000), 100);
    assert_int_equal(20 * ls_batches(10000, 200), 1000);
    assert_int_equal(ls_batches(10000, 128), 79);
    assert_int_equal(ls_batches(0, 128), 0);
    assert_int_equal(ls_batches(1, 128), 1);
    assert_int_equal(ls_batches(128, 128), 1);
    assert_int_equal(ls_batches(129, 128), 2);
    assert_int_equal(ls_batches(5, 1), 5);
    assert_true(ls_batches(UINT64_MAX, 2) == UINT64_C(1) << 63);
}

static void automatic_microbatches_are_those_of_the_table(void **state)
{
    static const uint64_t table[][2] = {{1, 1},    {2, 2},    {15, 15},  {16, 16},  {17, 16},   {64, 16},
                                        {127, 16}, {128, 32}, {255, 32}, {256, 64}, {1000, 64}, {UINT64_MAX, 64}};

    (void)state;
    for (size_t i = 0; i < count_of(table); i++)
        assert_int_equal(ls_microbatch_auto(table[i][0]), table[i][1]);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One epoch of n samples on `size` ranks: every position exactly once, in order, cut at multiples of the microbatch. */
static void check_epoch(uint64_t n, uint64_t batch, uint64_t microbatch, int size)
{
    const uint64_t most = ls_slice_rows_max(batch, microbatch, size);
    uint64_t position = 0, most_seen = 0;

    for (uint64_t k = 0; k < ls_batches(n, batch); k++) {
        const uint64_t end = least((k + 1) * batch, n);
        uint64_t next = 0; /* microbatch */

        assert_int_equal(position, k * batch);
        for (int rank = 0; rank < size; rank++) {
            const ls_slice s = ls_slice_of(n, batch, microbatch, k, rank, size);
            const uint64_t M = ls_batch_microbatches(&s);

            assert_int_equal(s.batch_rows, end - k * batch);
            assert_int_equal(s.microbatch, microbatch);
            assert_int_equal(M, (s.batch_rows + microbatch - 1) / microbatch);
            assert_int_equal(s.first, (uint64_t)rank * M / (uint64_t)size);
            assert_int_equal(s.first, next);
            assert_int_equal(s.begin, position);
            assert_int_equal(s.begin, least(k * batch + s.first * microbatch, end));
            assert_int_equal(s.begin + s.rows, least(k * batch + (s.first + s.count) * microbatch, end));
            assert_true(s.count == M / (uint64_t)size || s.count == M / (uint64_t)size + 1);
            assert_true(s.rows <= most);
            assert_true((s.rows == 0) == (s.count == 0));
            next += s.count;
            position += s.rows;
            if (s.rows > most_seen)
                most_seen = s.rows;
        }
        assert_int_equal(next, (end - k * batch + microbatch - 1) / microbatch);
    }
    assert_int_equal(position, n);
    if (n >= batch)
        assert_int_equal(most_seen, most); /* no more memory than some batch needs */
}

static void every_position_comes_once_on_any_number_of_ranks(void **state)
{
    static const uint64_t samples[] = {0, 1, 2, 5, 16, 31, 32, 33, 100, 257, 1000};
    static const uint64_t batches[] = {1, 2, 3, 7, 10, 13, 16, 32, 100, 128, 1000, 5000};
    static const uint64_t microbatches[] = {1, 2, 3, 4, 8, 16, 32, 64};
    static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 61};

    (void)state;
    for (size_t i = 0; i < count_of(samples); i++)
        for (size_t j = 0; j < count_of(batches); j++)
            for (size_t k = 0; k < count_of(microbatches); k++)
                for (size_t l = 0; l < count_of(sizes); l++)
                    if (microbatches[k] <= batches[j])
                        check_epoch(samples[i], batches[j], microbatches[k], sizes[l]);
}

/* By hand: 10 samples, batch 10, microbatch 4 are the microbatches 4, 4, 2. */
static void slices_are_those_by_hand(void **state)
{
    ls_slice s;

    (void)state;
    s = ls_slice_of(10, 10, 4, 0, 0, 2);
    assert_true(s.begin == 0 && s.rows == 4 && s.first == 0 && s.count == 1 && ls_batch_microbatches(&s) == 3);
    s = ls_slice_of(10, 10, 4, 0, 1, 2);
    assert_true(s.begin == 4 && s.rows == 6 && s.first == 1 && s.count == 2 && s.batch_rows == 10);
    assert_int_equal(ls_slice_rows_max(10, 4, 2), 6);
    /* Seven ranks for three microbatches: [0,0) [0,0) [0,1) [1,1) [1,2) [2,2) [2,3). */
    s = ls_slice_of(10, 10, 4, 0, 3, 7);
    assert_true(s.begin == 4 && s.rows == 0 && s.count == 0);
    s = ls_slice_of(10, 10, 4, 0, 6, 7);
    assert_true(s.begin == 8 && s.rows == 2 && s.count == 1);
    /* The second batch of 13 samples is short. */
    s = ls_slice_of(13, 10, 4, 1, 0, 1);
    assert_true(s.begin == 10 && s.rows == 3 && s.batch_rows == 3 && ls_batch_microbatches(&s) == 1);
    /* Beyond the last batch there is nothing. */
    s = ls_slice_of(13, 10, 4, 2, 0, 1);
    assert_true(s.rows == 0 && s.batch_rows == 0 && ls_batch_microbatches(&s) == 0);
}

/* The samples of a batch and its microbatches do not depend on the number of ranks; huge numbers do not overflow. */
static void huge_numbers_do_not_overflow(void **state)
{
    const uint64_t n = UINT64_C(1) << 50;
    const int size = 1000003;
    const uint64_t exact = (uint64_t)((__uint128_t)n * 500000 / 1000003);
    const ls_slice a = ls_slice_of(n, n, 1, 0, size - 1, size), b = ls_slice_of(n, n, 1, 0, 500000, size);

    (void)state;
    assert_true(a.begin + a.rows == n);
    assert_true(b.first == exact);
    assert_true(b.begin == b.first && b.rows == b.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_per_epoch_are_rounded_up),
        cmocka_unit_test(automatic_microbatches_are_those_of_the_table),
        cmocka_unit_test(every_position_comes_once_on_any_number_of_ranks),
        cmocka_unit_test(slices_are_those_by_hand),
        cmocka_unit_test(huge_numbers_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
