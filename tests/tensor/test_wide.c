/*
 * The superaccumulator against sums by hand, 128-bit integers, and correctly rounded sums computed with Python's
 * fractions.Fraction (exact rationals; float() of one rounds once, to nearest even).
 */
#include "ls_test.h"

#include "tensor/wide.h"

static double sum_of(const double *x, size_t n)
{
    ls_wide sum;

    ls_wide_clear(&sum, 1);
    for (size_t i = 0; i < n; i++)
        ls_wide_add(&sum, x[i]);
    return ls_wide_value(&sum);
}
#define SUM(...) sum_of((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static bool same_double(double got, double want)
{
    if (memcmp(&got, &want, sizeof got) == 0)
        return true;
    print_error("got %a, want %a\n", got, want);
    return false;
}

/* xorshift64*: numbers for tests, the same in every run. */
static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static void a_single_number_comes_back(void **unused)
{
    const double x[] = {0x1p-331, 1.0,    -1.0,    0x1.fffffffffffffp0, -0x1.fffffffffffffp382, 0x1p382, 3.0,
                        1e100,    -1e-90, 0x1p-384};
    uint64_t state = 5;

    (void)unused;
    for (size_t i = 0; i < count_of(x); i++)
        assert_true(same_double(SUM(x[i]), x[i]));
    /* Every position of the last bit within the limbs. */
    for (int e = -331; e <= 382; e++) {
        const double y = ldexp(1.0 + (double)(random_bits(&state) >> 12) * 0x1p-52, e);

        assert_true(same_double(SUM(y), y));
        assert_true(same_double(SUM(-y), -y));
    }
    assert_true(same_double(SUM(-0.0), 0.0));
    assert_true(same_double(SUM(1.5, -1.5), 0.0));
}

static void cancellation_leaves_what_is_small(void **unused)
{
    (void)unused;
    assert_true(same_double(SUM(0x1p300, 1.0, -0x1p300), 1.0));
    assert_true(same_double(SUM(-0x1p300, -1.0, 0x1p300), -1.0));
    assert_true(same_double(SUM(0x1p382, 0x1p-384, -0x1p382), 0x1p-384));
    assert_true(same_double(SUM(1.0, -0x1p-60), 1.0));
    assert_true(same_double(SUM(1.0, -0x1p-60, -1.0), -0x1p-60));
    assert_true(same_double(SUM(0x1p200, -0x1p-200), 0x1p200));
}

static void ties_go_to_even_and_anything_breaks_them(void **unused)
{
    (void)unused;
    /* 2^53 + 1 lies half way between 2^53 (even) and 2^53 + 2; 2^53 + 3 between 2^53 + 2 and 2^53 + 4 (even). */
    assert_true(same_double(SUM(0x1p53, 1.0), 0x1p53));
    assert_true(same_double(SUM(0x1p53, 3.0), 0x1p53 + 4.0));
    assert_true(same_double(SUM(0x1p53, 1.0, 0x1p-384), 0x1p53 + 2.0));
    assert_true(same_double(SUM(0x1p53, 3.0, -0x1p-384), 0x1p53 + 2.0));
    assert_true(same_double(SUM(-0x1p53, -1.0), -0x1p53));
    assert_true(same_double(SUM(-0x1p53, -3.0), -0x1p53 - 4.0));
    assert_true(same_double(SUM(-0x1p53, -1.0, -0x1p-384), -0x1p53 - 2.0));
    /* Wherever below the tie the rest stands. */
    for (int e = -384; e < 0; e++) {
        const double rest = ldexp(1.0, e);

        assert_true(same_double(SUM(0x1p53, 1.0, rest), 0x1p53 + 2.0));
        assert_true(same_double(SUM(0x1p53, 1.0, -rest), 0x1p53));
        assert_true(same_double(SUM(-0x1p53, -3.0, rest), -0x1p53 - 2.0));
    }
    /* All ones, half a unit more: the carry runs to the next power of two. */
    assert_true(same_double(SUM(0x1p53 - 1.0, 0.5), 0x1p53));
    /* At every position of the tie within a limb. */
    for (int e = -200; e < 200; e++) {
        const double unit = ldexp(1.0, e);

        assert_true(same_double(SUM(0x1p53 * unit, unit), 0x1p53 * unit));
        assert_true(same_double(SUM(0x1p53 * unit, unit, 0x1p-300), (0x1p53 + 2.0) * unit));
        assert_true(same_double(SUM(0x1p53 * unit, 3.0 * unit), (0x1p53 + 4.0) * unit));
    }
}

static void infinities_and_nan_are_told_apart(void **unused)
{
    (void)unused;
    assert_true(isnan(SUM(1.0, (double)NAN)));
    assert_true(isnan(SUM(INFINITY, (double)NAN)));
    assert_true(isnan(SUM(INFINITY, -INFINITY)));
    assert_true(isnan(SUM(-(double)NAN, -INFINITY)));
    assert_true(SUM(INFINITY) == INFINITY);
    assert_true(SUM(-INFINITY) == -INFINITY);
    assert_true(SUM(1e30, INFINITY, -1e100, INFINITY) == INFINITY);
    assert_true(SUM(-INFINITY, 1e100, -INFINITY) == -INFINITY);
    assert_true(SUM(0x1p383, 1.0) == INFINITY); /* beyond the limbs, and far beyond any float squared */
    assert_true(SUM(-0x1p383, 1.0) == -INFINITY);
    assert_true(isnan(SUM(-1e300, 1e300)));
}

/* However the values are cut into partial sums, the total is the same. */
static void infinities_survive_partial_sums(void **unused)
{
    static const double kinds[] = {1.0, -0x1p100, INFINITY, -INFINITY, (double)NAN};
    const size_t n = sizeof kinds / sizeof kinds[0];

    (void)unused;
    for (size_t i = 0; i < n * n * n; i++) {
        const double x[] = {kinds[i % n], kinds[i / n % n], kinds[i / n / n]};
        const double want = x[0] + x[1] + x[2];
        ls_wide sum, other;

        ls_wide_clear(&sum, 1);
        ls_wide_clear(&other, 1);
        ls_wide_add(&sum, x[0]);
        ls_wide_add(&other, x[1]);
        ls_wide_add(&other, x[2]);
        ls_wide_add_wide(&sum, &other);
        if (isfinite(want))
            assert_true(isfinite(ls_wide_value(&sum)));
        else
            assert_true(isnan(want) ? isnan(ls_wide_value(&sum)) : ls_wide_value(&sum) == want);
    }
}

static void what_lies_below_is_cut_off(void **unused)
{
    (void)unused;
    assert_true(same_double(SUM(0x1p-385), 0.0));
    assert_true(same_double(SUM(0x1p-384, 0x1p-385), 0x1p-384));
    assert_true(same_double(SUM(0x1.8p-384), 0x1p-384));   /* towards zero, */
    assert_true(same_double(SUM(-0x1.8p-384), -0x1p-384)); /* from both sides */
    assert_true(same_double(SUM(0x1p-1074, -0x1p-1022, 5e-310), 0.0));
    assert_true(same_double(SUM(0x1.fffffffffffffp-333), 0x1.ffffffffffffep-333)); /* its last bit is 2^-385 */
}

static void limbs_take_many_additions(void **unused)
{
    ls_wide sum;

    (void)unused;
    /* (2^53 - 1) x 3 x 2^20 additions, then half of it with the other sign. */
    ls_wide_clear(&sum, 1);
    for (int i = 0; i < 3 << 20; i++)
        ls_wide_add(&sum, 0x1.fffffffffffffp52);
    assert_true(same_double(ls_wide_value(&sum), 3.0 * 0x1p20 * 0x1.fffffffffffffp52));
    for (int i = 0; i < 3 << 19; i++)
        ls_wide_add(&sum, -0x1.fffffffffffffp53);
    assert_true(same_double(ls_wide_value(&sum), 0.0));
    /* Limbs as full as 2^31 additions make them, either sign. */
    for (size_t i = 0; i < LS_WIDE_LIMBS; i++)
        sum.limb[i] = INT64_MAX;
    /* The sum of (2^63 - 1) 2^(32 i - 384) is 2^415 (1 + 2^-32 + terms below 2^-62): rounded, the first two. */
    assert_true(same_double(ls_wide_value(&sum), 0x1p415 * (1.0 + 0x1p-32)));
    for (size_t i = 0; i < LS_WIDE_LIMBS; i++)
        sum.limb[i] = -INT64_MAX;
    assert_true(same_double(ls_wide_value(&sum), -0x1p415 * (1.0 + 0x1p-32)));
}

/* Integers on a grid whose sum stays below 2^106, two doubles' worth of bits. */
static void sums_agree_with_128_bit_integers(void **unused)
{
    __extension__ typedef __int128 wide_int;
    uint64_t state = 99;

    (void)unused;
    for (int trial = 0; trial < 2000; trial++) {
        wide_int exact = 0;
        ls_wide sum;
        double high, low;

        ls_wide_clear(&sum, 1);
        for (int i = 0; i < 50; i++) {
            const int64_t m = (int64_t)(random_bits(&state) >> 12) - (INT64_C(1) << 51);
            const unsigned shift = (unsigned)(random_bits(&state) % 49);

            exact += (wide_int)m * ((wide_int)1 << shift);
            ls_wide_add(&sum, ldexp((double)m, (int)shift - 70));
        }
        /* Take the exact sum away again, in two parts of at most 53 bits: nothing may remain. */
        high = (double)exact;
        exact -= (wide_int)high;
        low = (double)exact;
        exact -= (wide_int)low;
        assert_true(exact == 0);
        assert_true(same_double(ls_wide_value(&sum), ldexp(high, -70))); /* high is the exact sum rounded once */
        ls_wide_add(&sum, ldexp(-high, -70));
        assert_true(same_double(ls_wide_value(&sum), ldexp(low, -70)));
        ls_wide_add(&sum, ldexp(-low, -70));
        assert_true(same_double(ls_wide_value(&sum), 0.0));
    }
}

static void any_order_and_grouping_gives_the_same_bits(void **unused)
{
    enum { N = 500 };
    double x[N];
    uint64_t state = 3;
    double want = 0.0;

    (void)unused;
    for (int i = 0; i < N; i++)
        x[i] = ldexp((double)(int64_t)random_bits(&state), (int)(random_bits(&state) % 400) - 250);
    for (int trial = 0; trial < 50; trial++) {
        const size_t groups = 1 + random_bits(&state) % 9;
        ls_wide part[9];

        for (size_t i = N - 1; i > 0; i--) {
            const size_t j = random_bits(&state) % (i + 1);
            const double swap = x[i];

            x[i] = x[j];
            x[j] = swap;
        }
        ls_wide_clear(part, groups);
        for (size_t i = 0; i < N; i++)
            ls_wide_add(&part[random_bits(&state) % groups], x[i]);
        for (size_t g = 1; g < groups; g++)
            ls_wide_add_wide(&part[0], &part[g]);
        if (trial == 0)
            want = ls_wide_value(&part[0]);
        assert_true(same_double(ls_wide_value(&part[0]), want));
    }
}

/* Python: random.seed(7); float(sum(Fraction(x) for x in xs)). */
static const struct {
    double x[5], want;
} fraction[] = {
    {{0x1.e54e9bc9a7834p+1, -0x1.28b2f3a47e100p+70, -0x1.767727ca98cc2p-173, -0x1.332a1858028d0p+17,
      0x1.1e20b87b382e0p-158},
     -0x1.28b2f3a47e101p+70},
    {{0x1.e43bb74eb2520p+84, -0x1.e518208e498c1p+121, -0x1.277a09a57982bp+2, -0x1.f3d7b58e26346p-178,
      -0x1.288f5635a6592p-129},
     -0x1.e518208e3a6a3p+121},
    {{-0x1.244ecc93be2a8p+85, -0x1.a61dbf29c77f0p+88, -0x1.7d55c80c789aep+78, -0x1.20f4e183d0816p+115,
      -0x1.fc5414d71758ap+70},
     -0x1.20f4e1bd316f1p+115},
    {{0x1.8df0ee141afcbp+37, 0x1.7242a5265ec3cp-75, -0x1.65e29931e8ba8p-77, -0x1.261add5337481p+67,
      0x1.c0120595fb817p+172},
     0x1.c0120595fb817p+172},
    {{0x1.26d9284df25e6p-165, -0x1.061c0f5ac2863p-117, 0x1.3743aaeeeacbcp+47, 0x1.412f93d91b870p+137,
      -0x1.8775d523b7835p+92},
     0x1.412f93d91b7acp+137},
    {{0x1.5c490958ff704p-23, 0x1.28e8063300473p+32, -0x1.ae1041c5fd7a0p+282, 0x1.e57a08d938acap+138,
      -0x1.f10102ecb5080p+154},
     -0x1.ae1041c5fd7a0p+282},
    {{0x1.4b547924fd122p+147, 0x1.236d02dbba75ap-5, 0x1.71abc78672c00p+30, 0x1.5829bf9c65390p-144,
      0x1.e2f460df71db0p+188},
     0x1.e2f460df7280bp+188},
    {{0x1.08e386bd0561cp-77, 0x1.90551e755a3bep+244, 0x1.4a0f9e552df60p+25, 0x1.19503011c81dcp+251,
      -0x1.a378a59b8daaap+241},
     0x1.1c07fc254beedp+251},
    {{0x1.69acd45a9437dp-18, 0x1.ea5bbe8ec4a1fp-124, -0x1.68e4d726bb7d8p-85, -0x1.8b4847c268440p+218,
      -0x1.0d0d7324164e4p-200},
     -0x1.8b4847c268440p+218},
    {{-0x1.ad004fc46d7a0p-13, 0x1.e7fc7388080d8p+152, -0x1.d39a697323e5cp+243, 0x1.979f90b311bd0p-1,
      -0x1.ed14515130668p+3},
     -0x1.d39a697323e5cp+243},
    {{0x1.fdef24c32f250p+62, 0x1.f8265a0d5c604p-1, -0x1.fdef24c32f250p+62, 0x1.f8265a0d5c604p-61,
      -0x1.f8265a0d5c604p-2},
     0x1.f8265a0d5c604p-2},
    {{0x1.c333b094c659cp+76, 0x1.5c37064ce4a18p-2, -0x1.c333b094c659cp+76, 0x1.5c37064ce4a18p-62,
      -0x1.5c37064ce4a18p-3},
     0x1.5c37064ce4a18p-3},
    {{0x1.aeb30868d6320p+45, 0x1.22317609ae531p-1, -0x1.aeb30868d6320p+45, 0x1.22317609ae531p-61,
      -0x1.22317609ae531p-2},
     0x1.22317609ae531p-2},
    {{0x1.12bfaf467e646p+142, 0x1.3a3bc541a1ce7p-1, -0x1.12bfaf467e646p+142, 0x1.3a3bc541a1ce7p-61,
      -0x1.3a3bc541a1ce7p-2},
     0x1.3a3bc541a1ce7p-2},
    {{0x1.200339bfa87e0p+99, 0x1.3a67401814245p-1, -0x1.200339bfa87e0p+99, 0x1.3a67401814245p-61,
      -0x1.3a67401814245p-2},
     0x1.3a67401814245p-2},
    {{0x1.303b3ca268aa8p+111, 0x1.e9331ad63ba15p-1, -0x1.303b3ca268aa8p+111, 0x1.e9331ad63ba15p-61,
      -0x1.e9331ad63ba15p-2},
     0x1.e9331ad63ba15p-2},
    {{0x1.a2ef80ba73a10p-3, -0x1.a7809f046b4c0p-5, -0x1.89e0c49356090p-1, -0x1.86fc601c40540p-6, 0x1.e94a6ebba58aep-1},
     0x1.42eb3acb87658p-2},
    {{-0x1.4134e4211b4c0p-5, -0x1.815392ea03768p-2, -0x1.6c6c76f2eb844p-1, 0x1.ff550a57b6fb4p-2, 0x1.ec3d4343c71b8p-2},
     -0x1.2d819f70ffa38p-3},
    {{-0x1.5e42115e81140p-5, 0x1.89550f29540a4p-2, 0x1.0b9ff02f4cce0p-5, -0x1.2ddc1e06461aep-1, 0x1.cede94439df02p-1},
     0x1.6082dbbf0e960p-1},
    {{-0x1.1b2186da7841cp-2, 0x1.8542278b0d590p-2, 0x1.a815d5037620cp-1, 0x1.0856a0c399170p-1, -0x1.9d83270580f18p-2},
     0x1.0b5d994e4ca55p+0},
    {{0x1.0000000000000p+53, 0x1.0000000000000p+0, 0x1.0000000000000p-300, 0x0.0p+0, 0x0.0p+0}, 0x1.0000000000001p+53},
    {{-0x1.0000000000000p+53, -0x1.0000000000000p+0, -0x1.0000000000000p-300, 0x0.0p+0, 0x0.0p+0},
     -0x1.0000000000001p+53},
    {{0x1.0000000000000p+53, 0x1.0000000000000p+0, -0x1.0000000000000p-300, 0x0.0p+0, 0x0.0p+0}, 0x1.0000000000000p+53},
    {{0x1.fffffffffffffp+52, 0x1.0000000000000p-1, 0x0.0p+0, 0x0.0p+0, 0x0.0p+0}, 0x1.0000000000000p+53},
    {{0x1.e666666666666p+382, 0x1.e666666666666p+382, 0x1.e666666666666p+382, 0x1.e666666666666p+382,
      0x1.e666666666666p+382},
     0x1.3000000000000p+385},
    {{-0x1.e666666666666p+382, -0x1.e666666666666p+382, -0x1.e666666666666p+382, -0x1.e666666666666p+382,
      -0x1.e666666666666p+382},
     -0x1.3000000000000p+385},
};

static void sums_agree_with_exact_rationals(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < count_of(fraction); i++)
        assert_true(same_double(sum_of(fraction[i].x, 5), fraction[i].want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_number_comes_back),
        cmocka_unit_test(cancellation_leaves_what_is_small),
        cmocka_unit_test(ties_go_to_even_and_anything_breaks_them),
        cmocka_unit_test(infinities_and_nan_are_told_apart),
        cmocka_unit_test(infinities_survive_partial_sums),
        cmocka_unit_test(what_lies_below_is_cut_off),
        cmocka_unit_test(limbs_take_many_additions),
        cmocka_unit_test(sums_agree_with_128_bit_integers),
        cmocka_unit_test(any_order_and_grouping_gives_the_same_bits),
        cmocka_unit_test(sums_agree_with_exact_rationals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
