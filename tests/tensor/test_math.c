/*
 * Elementary functions: accuracy against libm's float64 (at most 1.1 ulp, SLEEF's u10 promise plus rounding), special
 * values, and bits that do not depend on where in an array a value stands.
 */
#include "ls_test.h"

#include <float.h>

#include "tensor/math.h"

typedef void (*map_function)(const float *, float *, size_t);
typedef double (*oracle_function)(double);

static const struct {
    const char *name;
    map_function map;
    oracle_function oracle;
    double from, to;
} functions[] = {
    {"exp", ls_exp, exp, -104.0, 88.7},      {"exp near 0", ls_exp, exp, -1e-3, 1e-3},
    {"expm1", ls_expm1, expm1, -20.0, 88.7}, {"expm1 near 0", ls_expm1, expm1, -1e-3, 1e-3},
    {"log", ls_log, log, 1e-38, 3e38},       {"log near 1", ls_log, log, 0.5, 2.0},
    {"log1p", ls_log1p, log1p, -0.999, 1e6}, {"log1p near 0", ls_log1p, log1p, -1e-3, 1e-3},
    {"tanh", ls_tanh, tanh, -12.0, 12.0},    {"tanh near 0", ls_tanh, tanh, -1e-3, 1e-3},
    {"erf", ls_erf, erf, -4.0, 4.0},         {"erf near 0", ls_erf, erf, -1e-3, 1e-3},
};

/* Distance in units of the last place of the float nearest to want (subnormals: of the smallest). */
static double ulps(float got, double want)
{
    int exponent;

    if (!isfinite(got))
        return INFINITY;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static void accuracy(void **state)
{
    enum { N = 20011 };
    static float x[N], y[N];

    (void)state;
    for (size_t f = 0; f < count_of(functions); f++) {
        double worst = 0.0;
        size_t at = 0;

        for (size_t i = 0; i < N; i++) {
            const double part = (double)i / (N - 1);

            x[i] = functions[f].from > 0 && functions[f].to > 1e30
                       ? (float)(functions[f].from * pow(functions[f].to / functions[f].from, part))
                       : (float)(functions[f].from + part * (functions[f].to - functions[f].from));
        }
        functions[f].map(x, y, N);
        for (size_t i = 0; i < N; i++)
            if (ulps(y[i], functions[f].oracle((double)x[i])) > worst) {
                worst = ulps(y[i], functions[f].oracle((double)x[i]));
                at = i;
            }
        if (worst > 1.1) {
            print_error("%s(%.9g) = %.9g is off by %.2f ulp\n", functions[f].name, (double)x[at], (double)y[at], worst);
            fail();
        }
    }
}

static void special_values(void **state)
{
    const float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 200.0f, -200.0f, -1.0f, 1.0f};
    float y[count_of(x)];

    (void)state;
    ls_exp(x, y, count_of(x));
    assert_true(y[0] == 1.0f && y[1] == 1.0f && isinf(y[2]) && y[3] == 0.0f && isnan(y[4]) && isinf(y[5]) &&
                y[6] == 0.0f);
    ls_expm1(x, y, count_of(x));
    assert_true(y[0] == 0.0f && isinf(y[2]) && y[3] == -1.0f && isnan(y[4]) && isinf(y[5]) && y[6] == -1.0f);
    ls_log(x, y, count_of(x));
    assert_true(isinf(y[0]) && y[0] < 0 && isinf(y[2]) && isnan(y[3]) && isnan(y[4]) && isnan(y[7]) && y[8] == 0.0f);
    ls_log1p(x, y, count_of(x));
    assert_true(y[0] == 0.0f && isinf(y[2]) && isnan(y[4]) && isnan(y[6]) && isinf(y[7]) && y[7] < 0);
    ls_tanh(x, y, count_of(x));
    assert_true(y[0] == 0.0f && y[2] == 1.0f && y[3] == -1.0f && isnan(y[4]) && y[5] == 1.0f && y[6] == -1.0f);
    ls_erf(x, y, count_of(x));
    assert_true(y[0] == 0.0f && y[2] == 1.0f && y[3] == -1.0f && isnan(y[4]) && y[5] == 1.0f && y[6] == -1.0f);
}

static void sine_and_cosine(void **state)
{
    enum { N = 8191 };
    static float x[N], s[N], c[N];
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)i / 4096.0f - 1.0f;
    ls_sin_cos_2pi(x, s, c, N);
    for (size_t i = 0; i < N; i++) {
        const double angle = 6.283185307179586476925 * (double)x[i];

        worst = fmax(worst, fabs((double)s[i] - sin(angle)));
        worst = fmax(worst, fabs((double)c[i] - cos(angle)));
    }
    assert_true(worst < 0x1p-24);
    assert_true(s[0] == 0.0f && c[0] == 1.0f && s[4096] == 0.0f && c[4096] == 1.0f && s[5120] == 1.0f &&
                c[5120] == 0.0f);
}

/* Every function at every offset 0…9 and length 1…9 gives, element by element, what it gives in one long call. */
static void bits_do_not_depend_on_place(void **state)
{
    enum { N = 64 };
    float x[N], whole[N], s[N], c[N];

    (void)state;
    for (size_t f = 0; f < count_of(functions); f++) {
        for (size_t i = 0; i < N; i++)
            x[i] = 0.013f + 0.0371f * (float)i;
        functions[f].map(x, whole, N);
        for (size_t offset = 0; offset < 10; offset++)
            for (size_t n = 1; n < 10; n++) {
                float part[16], guard = 77.0f;

                part[n] = guard;
                functions[f].map(x + offset, part, n);
                assert_true(same_bits(part, whole + offset, n));
                assert_true(part[n] == guard);
                memcpy(part, x + offset, n * sizeof *x);
                functions[f].map(part, part, n);
                assert_true(same_bits(part, whole + offset, n));
            }
    }
    for (size_t i = 0; i < N; i++)
        x[i] = (float)i / 67.0f;
    ls_sin_cos_2pi(x, s, c, N);
    for (size_t offset = 0; offset < 10; offset++)
        for (size_t n = 1; n < 10; n++) {
            float part_s[16], part_c[16];

            part_s[n] = part_c[n] = 77.0f;
            ls_sin_cos_2pi(x + offset, part_s, part_c, n);
            assert_true(same_bits(part_s, s + offset, n) && same_bits(part_c, c + offset, n));
            assert_true(part_s[n] == 77.0f && part_c[n] == 77.0f);
        }
}

/* The bits themselves: the correctly rounded results, from arithmetic in float64. Another SLEEF must give the same. */
static void known_bits(void **state)
{
    static const float x[4] = {0.5f, 1.5f, -2.5f, 0.0625f}, positive[4] = {0.5f, 1.5f, 2.5f, 0.0625f};
    static const float want_exp[4] = {0x1.a61298p+0f, 0x1.1ed3fep+2f, 0x1.50385cp-4f, 0x1.1082b6p+0f};
    static const float want_expm1[4] = {0x1.4c2532p-1f, 0x1.bda7fcp+1f, -0x1.d5f8f4p-1f, 0x1.082b58p-4f};
    static const float want_tanh[4] = {0x1.d9353ep-2f, 0x1.cf6f98p-1f, -0x1.f92582p-1f, 0x1.ff559ap-5f};
    static const float want_erf[4] = {0x1.0a7ef6p-1f, 0x1.eea556p-1f, -0x1.ffcaa8p-1f, 0x1.207d48p-4f};
    static const float want_log1p[4] = {0x1.9f323ep-2f, 0x1.d5241p-1f, 0x1.40b512p+0f, 0x1.f0a30cp-5f};
    static const float want_log[4] = {-0x1.62e43p-1f, 0x1.9f323ep-2f, 0x1.d5241p-1f, -0x1.62e43p+1f};
    float y[4];

    (void)state;
    ls_exp(x, y, 4);
    assert_true(same_bits(y, want_exp, 4));
    ls_expm1(x, y, 4);
    assert_true(same_bits(y, want_expm1, 4));
    ls_tanh(x, y, 4);
    assert_true(same_bits(y, want_tanh, 4));
    ls_erf(x, y, 4);
    assert_true(same_bits(y, want_erf, 4));
    ls_log1p(positive, y, 4);
    assert_true(same_bits(y, want_log1p, 4));
    ls_log(positive, y, 4);
    assert_true(same_bits(y, want_log, 4));
}

static void doubles(void **state)
{
    (void)state;
    for (int i = -200; i <= 200; i++) {
        const double x = 0.37 * i;

        assert_true(close_to(ls_exp_double(x), exp(x), 0, 4e-16));
        assert_true(close_to(ls_cos_double(x), cos(x), 3e-16, 0));
        if (i > 0) {
            assert_true(close_to(ls_log_double(x), log(x), 3e-16, 4e-16));
            assert_true(close_to(ls_pow_double(0.999, x), pow(0.999, x), 0, 4e-16));
            assert_true(close_to(ls_pow_double(x, 1.5), pow(x, 1.5), 0, 4e-16));
        }
    }
    assert_true(ls_exp_double(0.0) == 1.0 && ls_log_double(1.0) == 0.0 && ls_pow_double(0.9, 1.0) == 0.9);
    assert_true(ls_pow_double(0.9, 0.0) == 1.0 && ls_cos_double(0.0) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accuracy),        cmocka_unit_test(special_values),
        cmocka_unit_test(sine_and_cosine), cmocka_unit_test(bits_do_not_depend_on_place),
        cmocka_unit_test(known_bits),      cmocka_unit_test(doubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
