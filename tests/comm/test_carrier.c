/*
 * Carriers and their exponents. What "exact" means is checked against two independent oracles: integers on the grid
 * (128 bits, rounded by hand), and exact sums of the contributions themselves (ls_wide).
 *
 * Accuracy is judged per block by the largest absolute error over its 256 weights: grids are per block, so what an
 * exact carrier promises is small against the block's largest contribution, not against each single weight.
 */
#include "ls_test.h"

#include <stdlib.h>

#include "comm/carrier.h"
#include "tensor/wide.h"

__extension__ typedef __int128 wide_int;

static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state >> 12; /* xorshift64* */
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Uniform in (-1, 1), 24 bits. */
static float random_float(uint64_t *state)
{
    return (float)((double)(int64_t)(random_bits(state) >> 39 << 1) * 0x1p-25 - 1.0 + 0x1p-24);
}

static float *new_blocks(size_t n)
{
    float *a = calloc(n * LS_BLOCK, sizeof *a);

    assert_non_null(a);
    return a;
}

/* The smallest e with |a| < 2^e for all n, by frexp; finite values. */
static int16_t exponent_by_frexp(const float *a, size_t n)
{
    int largest = LS_EXPONENT_NONE, e;

    for (size_t i = 0; i < n; i++)
        if (a[i] != 0.0f) {
            frexp((double)a[i], &e);
            largest = e > largest ? e : largest;
        }
    return (int16_t)largest;
}

/* a as a multiple of 2^unit, rounded to nearest even, in integers. */
static wide_int on_grid(double a, int unit)
{
    int e;
    const int64_t m = (int64_t)ldexp(frexp(fabs(a), &e), 53); /* |a| = m x 2^(e-53), m < 2^53 */
    const int shift = e - 53 - unit;
    wide_int q;

    if (m == 0 || shift < -60)
        return 0;
    if (shift >= 0) {
        assert_true(shift < 70);
        q = (wide_int)m << shift;
    } else {
        const int64_t half = INT64_C(1) << (-shift - 1), rest = m & (2 * half - 1);

        q = m >> -shift;
        if (rest > half || (rest == half && (q & 1)))
            q++;
    }
    return a < 0 ? -q : q;
}

static bool same_double(double got, double want, size_t i)
{
    if (memcmp(&got, &want, sizeof got) == 0)
        return true;
    print_error("element %zu: got %a, want %a\n", i, got, want);
    return false;
}

/* acc holds exactly the sum of the M blocks on the grids of the carrier. */
static bool matches_integers(const ls_carrier_ops *carrier, const double *acc, const float *a, size_t M, int16_t E,
                             int h)
{
    const bool two = carrier == &ls_carrier_static;
    const int unit = two ? -30 : E + h - 52, unit_lo = -30 + h - 53;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        wide_int sum = 0, sum_lo = 0;

        for (size_t k = 0; k < M; k++) {
            const double x = (double)a[k * LS_BLOCK + i];
            const wide_int q = on_grid(x, unit);

            sum += q;
            if (two)
                sum_lo += on_grid(x - ldexp((double)q, unit), unit_lo);
        }
        assert_true(sum <= (wide_int)1 << 53 && sum >= -((wide_int)1 << 53));
        if (!same_double(acc[i], ldexp((double)(int64_t)sum, unit), i) ||
            (two && !same_double(acc[LS_BLOCK + i], ldexp((double)(int64_t)sum_lo, unit_lo), LS_BLOCK + i)))
            return false;
    }
    return true;
}

static int16_t add_all(const ls_carrier_ops *carrier, void *acc, const float *a, size_t M, int16_t E, int h)
{
    int16_t largest = LS_EXPONENT_NONE;

    for (size_t k = 0; k < M; k++) {
        const int16_t e = carrier->add(acc, a + k * LS_BLOCK, E, h, k == 0);

        largest = e > largest ? e : largest;
    }
    return largest;
}

static void h_counts_contributions(void **unused)
{
    const struct {
        uint64_t contributions;
        int h;
    } known[] = {{0, 2}, {1, 2}, {4, 2}, {5, 3}, {8, 3}, {9, 4}, {1000, 10}, {1024, 10}, {1025, 11}, {1 << 24, 24}};
    int h = 0;

    (void)unused;
    for (size_t i = 0; i < count_of(known); i++) {
        assert_true(ok(ls_carrier_h(known[i].contributions, &h)));
        assert_int_equal(h, known[i].h);
    }
    FAILS(ls_carrier_h((1 << 24) + 1, &h), LS_ERR_CONFIG, "16777217", "microbatch");
}

static void blocks_have_exponents_of_their_own(void **unused)
{
    static const struct {
        float value;
        int16_t e;
    } known[] = {{0.0f, LS_EXPONENT_NONE},
                 {-0.0f, LS_EXPONENT_NONE},
                 {1.0f, 1},
                 {-0x1.fffffep-1f, 0},
                 {0.5f, 0},
                 {-2.0f, 2},
                 {0x1p-149f, -148},
                 {-0x1.8p-148f, -147},
                 {0x1.fffffcp-127f, -126}, /* the largest denormal */
                 {0x1p-126f, -125},
                 {0x1.fffffep127f, 128},
                 {INFINITY, LS_EXPONENT_NONFINITE},
                 {-INFINITY, LS_EXPONENT_NONFINITE},
                 {NAN, LS_EXPONENT_NONFINITE},
                 {-NAN, LS_EXPONENT_NONFINITE}};
    const ls_carrier_ops *const carriers[] = {&ls_carrier_carried, &ls_carrier_static, &ls_carrier_fast};
    double acc[2 * LS_BLOCK];
    float a[LS_BLOCK];

    (void)unused;
    for (size_t c = 0; c < count_of(carriers); c++)
        for (size_t i = 0; i < count_of(known); i++)
            for (size_t at = 0; at < LS_BLOCK; at += i % 2 ? 51 : 255) {
                memset(a, 0, sizeof a);
                a[(at + 7) % LS_BLOCK] = 0x1p-149f * (float)(known[i].e > -148);
                a[at] = known[i].value;
                assert_int_equal(carriers[c]->add(acc, a, 3, 4, true), known[i].e);
            }
}

static void what_fits_is_known(void **unused)
{
    const int16_t none = LS_EXPONENT_NONE, nonfinite = LS_EXPONENT_NONFINITE;

    (void)unused;
    assert_true(ls_carrier_carried.fits(5, 5, 2) && !ls_carrier_carried.fits(6, 5, 2));
    assert_true(ls_carrier_carried.fits(none, none, 2) && !ls_carrier_carried.fits(-148, none, 2));
    assert_true(ls_carrier_carried.fits(none, 5, 2) && !ls_carrier_carried.fits(nonfinite, 134, 2));
    assert_true(ls_carrier_static.fits(21, none, 2) && !ls_carrier_static.fits(22, none, 2));
    assert_true(ls_carrier_static.fits(13, 0, 10) && !ls_carrier_static.fits(14, 0, 10));
    assert_true(ls_carrier_static.fits(none, none, 24) && !ls_carrier_static.fits(nonfinite, none, 2));
    assert_true(ls_carrier_fast.fits(128, none, 2) && ls_carrier_fast.fits(none, none, 2));
    assert_false(ls_carrier_fast.fits(nonfinite, none, 2));
}

/* Contributions of `spread` binades below 2^top, in 1 ... 1024 microbatches. */
static void fill(float *a, size_t M, int top, int spread, uint64_t *state)
{
    for (size_t i = 0; i < M * LS_BLOCK; i++)
        a[i] = (float)ldexp((double)random_float(state), top - (int)(random_bits(state) % (uint64_t)(spread + 1)));
}

static void sums_are_those_of_integers_on_the_grid(void **unused)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 7, 16, 33, 100, 1000, 1024};
    float *a = new_blocks(1024);
    double acc[2 * LS_BLOCK];
    uint64_t state = 11;

    (void)unused;
    for (size_t c = 0; c < count_of(counts); c++)
        for (int spread = 0; spread <= 120; spread += 40)
            for (int variant = 0; variant < 2; variant++) {
                const ls_carrier_ops *carrier = variant ? &ls_carrier_static : &ls_carrier_carried;
                const size_t M = counts[c];
                int16_t e, E;
                int h, top;

                assert_true(ok(ls_carrier_h(M, &h)));
                /* The largest values allowed; for carried also the head-room a grid usually has. */
                top = variant ? 23 - h : 90 - (int)(random_bits(&state) % 180);
                E = (int16_t)(top + (spread % 80 ? LS_HEADROOM : 0));
                fill(a, M, top, spread, &state);
                e = add_all(carrier, acc, a, M, E, h);
                assert_int_equal(e, exponent_by_frexp(a, M * LS_BLOCK));
                assert_true(carrier->fits(e, E, h));
                assert_true(matches_integers(carrier, acc, a, M, E, h));
            }
    free(a);
}

/* As many contributions as h allows, all as large as fits and of one sign: the sum uses every bit there is. */
static void sums_hold_at_the_limit(void **unused)
{
    float *a = new_blocks(1024);
    double acc[2 * LS_BLOCK];

    (void)unused;
    for (int h = 2; h <= 10; h++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const size_t M = (size_t)1 << h;

            for (size_t i = 0; i < M * LS_BLOCK; i++)
                a[i] = (float)sign * 0x1.fffffep-1f;
            assert_int_equal(add_all(&ls_carrier_carried, acc, a, M, 0, h), 0);
            assert_true(matches_integers(&ls_carrier_carried, acc, a, M, 0, h));
            assert_true(same_double(acc[17], (double)sign * (double)M * 0x1.fffffep-1, 17)); /* nothing was rounded */

            for (size_t i = 0; i < M * LS_BLOCK; i++)
                a[i] = (float)ldexp((double)sign * 0x1.fffffep-1, 23 - h);
            assert_int_equal(add_all(&ls_carrier_static, acc, a, M, 0, h), 23 - h);
            assert_true(matches_integers(&ls_carrier_static, acc, a, M, 0, h));
        }
    /* Smallest and largest grids there are. */
    for (size_t i = 0; i < 4 * LS_BLOCK; i++)
        a[i] = i % 3 ? 0x1p-149f * (float)(i % 5) : -0x1.8p-140f;
    assert_int_equal(add_all(&ls_carrier_carried, acc, a, 4, -139, 24), -139);
    assert_true(matches_integers(&ls_carrier_carried, acc, a, 4, -139, 24));
    for (size_t i = 0; i < 4 * LS_BLOCK; i++)
        a[i] = 0x1.fffffep127f;
    assert_int_equal(add_all(&ls_carrier_carried, acc, a, 4, 128 + LS_HEADROOM, 24), 128);
    assert_true(matches_integers(&ls_carrier_carried, acc, a, 4, 128 + LS_HEADROOM, 24));
    free(a);
}

/* Any order of the contributions, dealt to any number of ranks, and any order of the ranks' sums. */
static void order_and_grouping_do_not_matter(void **unused)
{
    enum { M = 300, RANKS = 9 };
    const ls_carrier_ops *const carriers[] = {&ls_carrier_carried, &ls_carrier_static};
    static double acc[RANKS][2 * LS_BLOCK];
    float *a = new_blocks(M), want[LS_BLOCK] = {0}, got[LS_BLOCK], plain[LS_BLOCK];
    size_t order[M];
    uint64_t state = 23;
    bool plain_differs = false;

    (void)unused;
    for (size_t k = 0; k < M; k++)
        order[k] = k;
    fill(a, M, 3, 60, &state);
    for (size_t c = 0; c < count_of(carriers); c++)
        for (int trial = 0; trial < 30; trial++) {
            const size_t per_weight = carriers[c]->per_weight, ranks = 1 + random_bits(&state) % RANKS;
            bool started[RANKS] = {false};
            float sum[LS_BLOCK];

            for (size_t k = M - 1; k > 0; k--) {
                const size_t j = random_bits(&state) % (k + 1), swap = order[k];

                order[k] = order[j];
                order[j] = swap;
            }
            memset(acc, 0, sizeof acc); /* a rank without contributions takes part with zeros */
            for (size_t k = 0; k < M; k++) {
                const size_t rank = random_bits(&state) % ranks;

                carriers[c]->add(acc[rank], a + order[k] * LS_BLOCK, 3 + LS_HEADROOM, 9, !started[rank]);
                ls_carrier_fast.add(sum, a + order[k] * LS_BLOCK, 0, 9, k == 0);
                started[rank] = true;
            }
            for (size_t r = ranks - 1; r > 0; r--) { /* a tree of random shape */
                const size_t into = random_bits(&state) % r;

                for (size_t i = 0; i < per_weight * LS_BLOCK; i++)
                    acc[into][i] = acc[r][i] + acc[into][i];
            }
            carriers[c]->finish(acc[0], (double)M, got);
            ls_carrier_fast.finish(sum, (double)M, plain);
            if (trial == 0)
                memcpy(want, got, sizeof want);
            plain_differs |= memcmp(plain, got, sizeof got) != 0;
            assert_true(same_bits(got, want, LS_BLOCK));
        }
    assert_true(plain_differs); /* the data would have told */
    free(a);
}

/*
 * The largest |g - exact| over a block. exact: the sum of all contributions / divisor, rounded once to double. Without
 * fmax, which gcc 12 for aarch64 cannot compile in such a loop (an internal error of its vectoriser).
 */
static double largest_error(const float *g, const double *exact)
{
    double largest = 0.0;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        const double error = fabs((double)g[i] - exact[i]);

        largest = error > largest ? error : largest;
    }
    return largest;
}

static void exact_sums(const float *a, size_t M, double divisor, double *exact)
{
    for (size_t i = 0; i < LS_BLOCK; i++) {
        ls_wide sum;

        ls_wide_clear(&sum, 1);
        for (size_t k = 0; k < M; k++)
            ls_wide_add(&sum, (double)a[k * LS_BLOCK + i]);
        exact[i] = ls_wide_value(&sum) / divisor;
    }
}

static void never_less_accurate_than_float32(void **unused)
{
    static const size_t counts[] = {4, 16, 64, 1000};
    float *a = new_blocks(1000), g[LS_BLOCK], g_static[LS_BLOCK], g_fast[LS_BLOCK];
    double acc[2 * LS_BLOCK], exact[LS_BLOCK];
    uint64_t state = 77;

    (void)unused;
    for (size_t c = 0; c < count_of(counts); c++) {
        const size_t M = counts[c];
        const double divisor = 32.0 * (double)M;
        double total = 0.0, total_fast = 0.0;
        int h;

        assert_true(ok(ls_carrier_h(M, &h)));
        for (int trial = 0; trial < (M == 1000 ? 40 : 400); trial++) {
            const int top = (int)(random_bits(&state) % 20) - 12, spread = (int)(random_bits(&state) % 12);
            double error, error_static, error_fast, bound;
            int16_t e;

            fill(a, M, top, spread, &state);
            exact_sums(a, M, divisor, exact);
            e = add_all(&ls_carrier_fast, acc, a, M, 0, h);
            ls_carrier_fast.finish(acc, divisor, g_fast);
            add_all(&ls_carrier_carried, acc, a, M, (int16_t)(e + LS_HEADROOM), h);
            ls_carrier_carried.finish(acc, divisor, g);
            add_all(&ls_carrier_static, acc, a, M, 0, h);
            ls_carrier_static.finish(acc, divisor, g_static);

            error = largest_error(g, exact);
            error_static = largest_error(g_static, exact);
            error_fast = largest_error(g_fast, exact);
            assert_true(error <= error_fast && error_static <= error_fast);
            /* What is promised: half a unit of the grid per contribution, and the rounding to float32. */
            for (size_t i = 0; i < LS_BLOCK; i++) {
                bound = ldexp((double)M / divisor, e + LS_HEADROOM + h - 53) + fabs(exact[i]) * 0x1.0001p-24;
                assert_true(close_to((double)g[i], exact[i], bound, 0.0));
                bound = ldexp((double)M / divisor, h - 84) + fabs(exact[i]) * 0x1.0001p-24;
                assert_true(close_to((double)g_static[i], exact[i], bound, 0.0));
            }
            total += error;
            total_fast += error_fast;
        }
        assert_true(total * (M >= 64 ? 4.0 : 1.2) < total_fast); /* and on the whole clearly more accurate */
    }
    free(a);
}

static void hostile_contributions_are_summed_or_noticed(void **unused)
{
    enum { M = 16 };
    float *a = new_blocks(M), g[LS_BLOCK];
    double acc[2 * LS_BLOCK];
    uint64_t state = 5;
    int16_t e;

    (void)unused;
    /* 1e-30 ... 1e30 in one block. */
    for (size_t i = 0; i < M * LS_BLOCK; i++)
        a[i] = random_float(&state) * powf(10.0f, (float)(random_bits(&state) % 61) - 30.0f);
    e = add_all(&ls_carrier_carried, acc, a, M, 101, 4);
    assert_int_equal(e, exponent_by_frexp(a, M * LS_BLOCK));
    assert_true(e > 90 && e <= 101 && matches_integers(&ls_carrier_carried, acc, a, M, 101, 4));
    assert_false(ls_carrier_static.fits(e, 0, 4));

    /* Everything cancels, whatever stands between. The zero is +0. */
    fill(a, M / 2, 10, 100, &state);
    for (size_t i = 0; i < M / 2 * LS_BLOCK; i++)
        a[(M - 1) * LS_BLOCK - i / LS_BLOCK * LS_BLOCK + i % LS_BLOCK] = -a[i];
    add_all(&ls_carrier_carried, acc, a, M, 10, 4);
    ls_carrier_carried.finish(acc, 512.0, g);
    for (size_t i = 0; i < LS_BLOCK; i++)
        assert_true(g[i] == 0.0f && !signbit(g[i]));
    add_all(&ls_carrier_static, acc, a, M, 10, 4);
    ls_carrier_static.finish(acc, 512.0, g);
    for (size_t i = 0; i < LS_BLOCK; i++)
        assert_true(g[i] == 0.0f && !signbit(g[i]));

    /* One huge value among small ones. */
    fill(a, M, 0, 10, &state);
    a[3 * LS_BLOCK + 200] = 0x1p60f;
    assert_int_equal(add_all(&ls_carrier_carried, acc, a, M, 61, 4), 61);
    assert_true(matches_integers(&ls_carrier_carried, acc, a, M, 61, 4));

    /* Denormals only. */
    for (size_t i = 0; i < M * LS_BLOCK; i++)
        a[i] = 0x1p-149f * (float)(int)(random_bits(&state) % 2000) - 0x1p-140f;
    e = add_all(&ls_carrier_carried, acc, a, M, -130, 4);
    assert_true(e == -138 && matches_integers(&ls_carrier_carried, acc, a, M, -130, 4));
    ls_carrier_carried.finish(acc, 1.0, g);
    for (size_t i = 0; i < LS_BLOCK; i++) /* nothing was lost: multiples of 2^-149 fit in float32 here */
        assert_true((double)g[i] == acc[i]);

    /* Zeros of both signs, also on the grid of a block without history. */
    for (size_t i = 0; i < M * LS_BLOCK; i++)
        a[i] = i % 2 ? -0.0f : 0.0f;
    assert_int_equal(add_all(&ls_carrier_carried, acc, a, M, LS_EXPONENT_NONE, 4), LS_EXPONENT_NONE);
    for (size_t i = 0; i < LS_BLOCK; i++)
        assert_true(same_double(acc[i], 0.0, i));

    /* `start` forgets what was there, also the NaN of an attempt that failed. */
    a[9] = NAN;
    assert_int_equal(ls_carrier_carried.add(acc, a, 1, 4, false), LS_EXPONENT_NONFINITE);
    assert_true(isnan(acc[9]));
    a[9] = 0.25f;
    assert_int_equal(ls_carrier_carried.add(acc, a, 1, 4, true), -1);
    assert_true(same_double(acc[9], 0.25, 9) && same_double(acc[8], 0.0, 8));
    free(a);
}

static void finishing_divides_once(void **unused)
{
    double acc[2 * LS_BLOCK];
    float g[LS_BLOCK], total[LS_BLOCK];

    (void)unused;
    for (size_t i = 0; i < LS_BLOCK; i++) {
        acc[i] = 3.0 * (double)i - 100.0;
        acc[LS_BLOCK + i] = (double)i * 0x1p-40;
        total[i] = (float)i - 7.0f;
    }
    ls_carrier_carried.finish(acc, 3.0, g);
    assert_true(g[34] == (float)(2.0 / 3.0) && g[255] == (float)(665.0 / 3.0));
    ls_carrier_static.finish(acc, 4.0, g);
    assert_true(g[1] == (float)((-97.0 + 0x1p-40) / 4.0) && g[100] == (float)((200.0 + 100.0 * 0x1p-40) / 4.0));
    ls_carrier_fast.finish(total, 3.0, g);
    assert_true(g[0] == (float)(-7.0 / 3.0) && g[17] == (float)(10.0 / 3.0));
}

static void exponents_rise_where_they_must(void **unused)
{
    const int16_t none = LS_EXPONENT_NONE;
    const int16_t first[] = {-3, none, 10, 128}, second[] = {3, -140, 17, none}, third[] = {10, none, none, none};
    ls_exponents x;

    (void)unused;
    assert_true(ok(ls_exponents_init(&x, 4)));
    for (size_t b = 0; b < 4; b++)
        assert_true(x.E[b] == none && x.seen[b] == none);
    assert_false(ls_exponents_rise(&x, first));
    assert_true(x.E[0] == 3 && x.E[1] == none && x.E[2] == 16 && x.E[3] == 134);
    assert_true(ls_exponents_rise(&x, first)); /* the step done again fits */
    assert_false(ls_exponents_rise(&x, second));
    assert_true(x.E[0] == 9 && x.E[1] == -134 && x.E[2] == 23 && x.E[3] == 134); /* all get their head-room back */
    assert_true(ls_exponents_rise(&x, second));
    assert_false(ls_exponents_rise(&x, third));
    assert_true(x.E[0] == 16 && x.E[1] == -134);
    ls_exponents_reset(&x);
    assert_true(ok(ls_exponents_init(&x, 0)));
    assert_true(ls_exponents_rise(&x, first));
    ls_exponents_settle(&x, first, LS_EXPONENT_WINDOW);
    ls_exponents_reset(&x);
    ls_exponents_reset(&x);
}

static void exponents_settle_at_windows(void **unused)
{
    const int16_t none = LS_EXPONENT_NONE;
    int16_t step[] = {10, 0, 5};
    ls_exponents x;

    (void)unused;
    assert_true(ok(ls_exponents_init(&x, 3)));
    assert_false(ls_exponents_rise(&x, step));
    for (uint64_t update = 1; update <= 2 * LS_EXPONENT_WINDOW; update++) {
        step[0] = update == 30 ? 4 : update == 70 ? -2 : -5; /* shrinks */
        step[1] = update == 50 ? 6 : -1;                     /* uses its head-room up */
        step[2] = update < 64 ? 5 : none;                    /* shows nothing in the second window */
        assert_true(ls_exponents_rise(&x, step));
        ls_exponents_settle(&x, step, update);
        if (update < 64)
            assert_true(x.E[0] == 16 && x.E[1] == 6 && x.E[2] == 11);
        else if (update < 128)
            assert_true(x.E[0] == 10 && x.E[1] == 12 && x.E[2] == 11);
        else
            assert_true(x.E[0] == 4 && x.E[1] == 5 && x.E[2] == 11);
    }
    assert_true(x.seen[0] == none && x.seen[1] == none && x.seen[2] == none);
    ls_exponents_reset(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h_counts_contributions),
        cmocka_unit_test(blocks_have_exponents_of_their_own),
        cmocka_unit_test(what_fits_is_known),
        cmocka_unit_test(sums_are_those_of_integers_on_the_grid),
        cmocka_unit_test(sums_hold_at_the_limit),
        cmocka_unit_test(order_and_grouping_do_not_matter),
        cmocka_unit_test(never_less_accurate_than_float32),
        cmocka_unit_test(hostile_contributions_are_summed_or_noticed),
        cmocka_unit_test(finishing_divides_once),
        cmocka_unit_test(exponents_rise_where_they_must),
        cmocka_unit_test(exponents_settle_at_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
