/* What is packed comes back to the bit, whatever it is, and takes the bytes that its largest integers need. */
#include "ls_test.h"

#include <math.h>

#include "comm/carrier.h"
#include "comm/wire.h"

enum { N = 3 * LS_BLOCK + 77, H = 5 };

static double x[N], y[N];
static char packed[LS_WIRE_BYTES(N)];

/* Integers of up to `bits` bits times the unit of E and H, of either sign; the largest there are among them. */
static void fill(int E, int bits, double *grid)
{
    const double unit = ldexp(1, E + H - 52);
    uint64_t state = (uint64_t)(bits * 1000 + E + 1);

    for (size_t b = 0; b < (N + LS_BLOCK - 1) / LS_BLOCK; b++)
        grid[b] = ls_carrier_grid((int16_t)E, H);
    for (size_t i = 0; i < N; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        x[i] = (double)((int64_t)state >> (63 - bits)) * unit;
        if (i % 50 == 3)
            x[i] = (ldexp(1, bits) - 1) * (i % 100 == 3 ? unit : -unit);
        y[i] = 0;
    }
}

static void sums_come_back_to_the_bit(void **state)
{
    static const int exponents[] = {-149, -20, 0, 100};
    static const size_t firsts[] = {0, 1, LS_BLOCK - 1, LS_BLOCK, LS_BLOCK + 5};
    double grid[4];

    (void)state;
    for (size_t e = 0; e < count_of(exponents); e++)
        for (int bits = 1; bits <= 52; bits++)
            for (size_t f = 0; f < count_of(firsts); f++) {
                const size_t first = firsts[f], count = N - first, width = bits <= 39 ? 5 : bits <= 47 ? 6 : 8;
                size_t bytes;

                fill(exponents[e], bits, grid);
                bytes = ls_wire_pack(x, first, count, grid, packed);
                if (first != LS_BLOCK - 1) /* a piece of one element, which may be short */
                    assert_int_equal(bytes, count * width + (N - 1) / LS_BLOCK - first / LS_BLOCK + 1);
                assert_true(bytes <= LS_WIRE_BYTES(count));
                ls_wire_add(packed, first, count, grid, y);
                for (size_t i = first; i < N; i++)
                    assert_true(y[i] == x[i]);
                for (size_t i = 0; i < first; i++)
                    assert_true(y[i] == 0);
                ls_wire_add(packed, first, count, grid, y);
                assert_true(y[N - 1] == 2 * x[N - 1]);
            }
}

/* A step that will be done again, or has failed: no integers of the grid, or no numbers. */
static void what_does_not_fit_travels_as_it_is(void **state)
{
    static const double odd[] = {INFINITY, -INFINITY, NAN, 1e300, -0x1p60};
    double grid[4];

    (void)state;
    for (size_t o = 0; o < count_of(odd); o++)
        for (size_t at = 0; at < N; at += 37) {
            fill(0, 20, grid);
            x[at] = odd[o];
            ls_wire_pack(x, 0, N, grid, packed);
            ls_wire_add(packed, 0, N, grid, y);
            for (size_t i = 0; i < N; i++)
                assert_true(y[i] == x[i] || (isnan(y[i]) && isnan(x[i])));
        }
}

static void no_elements_take_no_bytes(void **state)
{
    double grid[4];

    (void)state;
    fill(0, 20, grid);
    assert_int_equal(ls_wire_pack(x, 5, 0, grid, packed), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_come_back_to_the_bit),
        cmocka_unit_test(what_does_not_fit_travels_as_it_is),
        cmocka_unit_test(no_elements_take_no_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
