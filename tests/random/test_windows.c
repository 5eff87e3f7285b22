/* Windowed orders: really permutations, made of whole chunks per window, uniform, independent of the call order. */
#include "ls_test.h"

#include <stdlib.h>

#include "random/permutation.h"

static ls_permutation *create(uint64_t n, uint64_t chunk, uint64_t window, uint64_t seed)
{
    const ls_windows windows = {.chunk = chunk, .window = window};
    ls_permutation *p = NULL;

    assert_true(ok(ls_permutation_create_windowed(n, &windows, seed, &p)));
    return p;
}

/* Everything that the header promises of one epoch, by counting. */
static void check_epoch(const ls_permutation *p, uint64_t n, uint64_t chunk, uint64_t window, bool in_order)
{
    const uint64_t c = chunk < n ? chunk : n, chunks = (n + c - 1) / c, K = window < chunks ? window : chunks;
    unsigned char *seen = calloc(n, 1), *row_seen = calloc(n, 1), *chunk_seen = calloc(chunks, 1);
    uint64_t position = 0;

    assert_true(seen && row_seen && chunk_seen);
    assert_int_equal(ls_permutation_windows(p), (chunks + K - 1) / K);
    for (uint64_t w = 0; w < ls_permutation_windows(p); w++) {
        const uint64_t begin = position;
        uint64_t rows = 0;

        assert_int_equal(ls_permutation_window_chunks(p, w), w < chunks / K ? K : chunks % K);
        for (uint64_t k = 0; k < ls_permutation_window_chunks(p, w); k++) {
            const ls_chunk piece = ls_permutation_chunk(p, w, k);

            assert_int_equal(piece.first % c, 0);
            assert_int_equal(piece.rows, piece.first + c <= n ? c : n - piece.first);
            assert_int_equal(piece.row, rows);
            assert_int_equal(chunk_seen[piece.first / c]++, 0);
            if (in_order)
                assert_int_equal(piece.first, begin + rows);
            rows += piece.rows;
        }
        assert_true(rows <= ls_permutation_window_rows_max(p));
        for (; position < begin + rows; position++) {
            const ls_sample_place place = ls_permutation_place(p, position);
            bool found = false;

            assert_int_equal(ls_permutation_at(p, position), place.sample);
            assert_int_equal(ls_permutation_window_of(p, position), w);
            assert_int_equal(place.window, w);
            assert_true(place.sample < n && place.row < rows);
            assert_int_equal(seen[place.sample]++, 0);
            assert_int_equal(row_seen[begin + place.row]++, 0);
            if (in_order)
                assert_int_equal(place.sample, position);
            for (uint64_t k = 0; k < ls_permutation_window_chunks(p, w) && !found; k++) {
                const ls_chunk piece = ls_permutation_chunk(p, w, k);

                found = place.sample >= piece.first && place.sample < piece.first + piece.rows &&
                        place.row == piece.row + (place.sample - piece.first);
            }
            assert_true(found);
        }
    }
    assert_int_equal(position, n);
    free(seen);
    free(row_seen);
    free(chunk_seen);
}

/* No range of `count` positions may touch more windows than announced, and some touches as many or one fewer. */
static void check_touched(ls_permutation *p, uint64_t n, uint64_t count, uint64_t epochs)
{
    const uint64_t promised = ls_permutation_windows_of(p, count);
    uint64_t most = 0;

    for (uint64_t epoch = 0; epoch < epochs; epoch++) {
        ls_permutation_set_epoch(p, epoch);
        for (uint64_t i = 0; i + count <= n; i++) {
            const uint64_t touched = ls_permutation_window_of(p, i + count - 1) - ls_permutation_window_of(p, i) + 1;

            most = touched > most ? touched : most;
        }
    }
    assert_true(most <= promised);
    assert_true(promised <= most + 1);
}

static void every_sample_comes_once_in_whole_chunks(void **state)
{
    static const uint64_t n[] = {1, 2, 3, 7, 64, 100, 101, 1000}, chunk[] = {1, 2, 3, 7, 10, 64, 100, 5000},
                          window[] = {1, 2, 3, 10, 1000};

    (void)state;
    for (size_t i = 0; i < count_of(n); i++)
        for (size_t j = 0; j < count_of(chunk); j++)
            for (size_t k = 0; k < count_of(window); k++) {
                const ls_windows windows = {.chunk = chunk[j], .window = window[k]};
                ls_permutation *p = create(n[i], chunk[j], window[k], 42), *in_order = NULL;

                for (uint64_t epoch = 0; epoch < 3; epoch++) {
                    ls_permutation_set_epoch(p, epoch);
                    check_epoch(p, n[i], chunk[j], window[k], false);
                }
                assert_true(ok(ls_permutation_create_in_order(n[i], &windows, &in_order)));
                check_epoch(in_order, n[i], chunk[j], window[k], true);
                for (uint64_t count = 1; count <= n[i] && n[i] <= 101; count += 1 + count / 4)
                    check_touched(p, n[i], count, 20);
                ls_permutation_free(in_order);
                ls_permutation_free(p);
            }
}

/* More rows in a window, and more chunks, than a table takes. */
static void large_windows_keep_every_promise(void **state)
{
    ls_permutation *p = create(150001, 1000, 100, 1);

    (void)state;
    check_epoch(p, 150001, 1000, 100, false);
    ls_permutation_free(p);
    p = create(150001, 2, 3, 1); /* the short chunk is found by going through the network backwards */
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        ls_permutation_set_epoch(p, epoch);
        check_epoch(p, 150001, 2, 3, false);
    }
    ls_permutation_free(p);
}

/* 10^10 rows and 2^62: nothing of that size is held, and positions map to places that are consistent. */
static void more_rows_than_memory_are_no_trouble(void **state)
{
    static const uint64_t n[] = {UINT64_C(10000000000), (UINT64_C(1) << 62) + 12345};

    (void)state;
    for (size_t k = 0; k < count_of(n); k++) {
        ls_permutation *p = create(n[k], 1024, 64, 9);

        for (uint64_t i = 0; i < 20000; i++) {
            const uint64_t position = n[k] / 20000 * i;
            const ls_sample_place place = ls_permutation_place(p, position);
            const uint64_t of = place.row / 1024;
            const ls_chunk piece = ls_permutation_chunk(p, place.window, of < 64 ? of : 63);

            assert_true(place.sample < n[k]);
            if (piece.rows == 1024 && piece.row == of * 1024)
                assert_int_equal(place.sample, piece.first + place.row % 1024);
        }
        ls_permutation_free(p);
    }
}

static void orders_do_not_depend_on_the_calls_before(void **state)
{
    enum { N = 5000 };
    static uint64_t want[N];
    ls_permutation *a = create(N, 10, 7, 3), *b = create(N, 10, 7, 3);

    (void)state;
    ls_permutation_set_epoch(a, 5);
    for (uint64_t i = 0; i < N; i++)
        want[i] = ls_permutation_at(a, i);
    for (uint64_t epoch = 8; epoch-- > 5;)
        ls_permutation_set_epoch(b, epoch);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(ls_permutation_at(b, i * 1237 % N), want[i * 1237 % N]);
    ls_permutation_free(a);
    ls_permutation_free(b);
}

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

/*
 * Six rows in chunks of two. One window: all 720 orders. Windows of one chunk: 3! orders of chunks, 2^3 of rows. Of
 * two: 3 choices of the last chunk, 4! orders of the first four rows, 2 of the last.
 */
static void all_orders_come_equally_often(void **state)
{
    static const struct {
        uint64_t window, orders, epochs; /* orders: that can come */
    } cases[] = {{3, 720, 360000}, {1, 48, 96000}, {2, 144, 144000}};

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        static uint64_t count[46656];
        ls_permutation *p = create(6, 2, cases[k].window, 11);
        uint64_t orders[720];
        size_t n = 0;

        memset(count, 0, sizeof count);
        for (uint64_t epoch = 0; epoch < cases[k].epochs; epoch++) {
            size_t code = 0;

            ls_permutation_set_epoch(p, epoch);
            for (uint64_t i = 0; i < 6; i++)
                code = code * 6 + (size_t)ls_permutation_at(p, i);
            count[code]++;
        }
        for (size_t i = 0; i < count_of(count); i++)
            if (count[i]) {
                assert_true(n < count_of(orders));
                orders[n++] = count[i];
            }

        assert_int_equal(n, cases[k].orders);
        assert_true(uniform(orders, n, cases[k].epochs));
        ls_permutation_free(p);
    }
}

/*
 * A position shows every tenth of the samples equally often over the epochs; two neighbours keep no favoured distance.
 */
static void positions_are_uniform(void **state)
{
    static const struct {
        uint64_t n, chunk, window, epochs;
    } cases[] = {{1000, 7, 5, 20000}, {1000, 100, 3, 20000}, {UINT64_C(1000000007), 1000, 64, 5000}};

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        const uint64_t n = cases[k].n;
        ls_permutation *p = create(n, cases[k].chunk, cases[k].window, 123);

        for (uint64_t at = 0; at < 3; at++) {
            const uint64_t position = at * (n - 1) / 2;
            uint64_t where[10] = {0}, rest[7] = {0};

            for (uint64_t epoch = 0; epoch < cases[k].epochs; epoch++) {
                uint64_t x;

                ls_permutation_set_epoch(p, epoch);
                x = ls_permutation_at(p, position);
                where[x / ((n + 9) / 10)]++;
                rest[x % 7]++;
            }
            assert_true(uniform(where, 10, cases[k].epochs));
            assert_true(uniform(rest, 7, cases[k].epochs));
        }
        ls_permutation_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_comes_once_in_whole_chunks),
        cmocka_unit_test(large_windows_keep_every_promise),
        cmocka_unit_test(more_rows_than_memory_are_no_trouble),
        cmocka_unit_test(orders_do_not_depend_on_the_calls_before),
        cmocka_unit_test(all_orders_come_equally_often),
        cmocka_unit_test(positions_are_uniform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
