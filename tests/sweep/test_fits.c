/* Fits of sweeps: curves that points were taken from are found again; quantiles as NumPy gives them. */
#include "ls_test.h"

#include "sweep/fits.h"

static void quantiles_are_those_by_hand(void **state)
{
    double x[] = {7, 1, 4, 2};
    static const double sorted[] = {1, 2, 4, 7};

    (void)state;
    assert_true(ls_median(x, 4) == 3);
    assert_true(ls_median(x, 1) == 1); /* sorted by now */
    /* numpy.quantile([1, 2, 4, 7], [0, 0.025, 0.3, 0.975, 1]) */
    assert_true(close_to(ls_quantile(sorted, 4, 0), 1, 0, 0));
    assert_true(close_to(ls_quantile(sorted, 4, 0.025), 1.075, 0, 1e-15));
    assert_true(close_to(ls_quantile(sorted, 4, 0.3), 1.9, 0, 1e-15));
    assert_true(close_to(ls_quantile(sorted, 4, 0.975), 6.775, 0, 1e-15));
    assert_true(close_to(ls_quantile(sorted, 4, 1), 7, 0, 0));
}

/* S_min = 100, B_crit = 640: S(64) = 1100, S(640) = 200, S(6400) = 110. */
static void a_fit_finds_the_hyperbola(void **state)
{
    static const ls_steps_point point[] = {{6400, 110}, {64, 1100}, {640, 200}, {160, 500}};
    ls_steps_fit fit;

    (void)state;
    assert_int_equal(ls_steps_fit_make(point, 4, 100, 1, &fit), LS_OK);
    assert_true(close_to(fit.min_updates.value, 100, 0, 1e-12));
    assert_true(close_to(fit.min_samples.value, 64000, 0, 1e-12));
    assert_true(close_to(fit.critical.value, 640, 0, 1e-12));
    assert_true(close_to(ls_steps_fit_at(&fit, 320), 300, 0, 1e-12));
    assert_true(fit.error < 1e-12);
    assert_true(isnan(fit.critical.low) && isnan(fit.critical.high)); /* one seed says nothing about seeds */
    assert_false(fit.low_edge || fit.high_edge);
    assert_int_equal(ls_steps_fit_regime(&fit, 159), LS_REGIME_PERFECT);
    assert_int_equal(ls_steps_fit_regime(&fit, 640), LS_REGIME_DIMINISHING);
    assert_int_equal(ls_steps_fit_regime(&fit, 2561), LS_REGIME_SATURATED);
    /*
     * What the two bounds stand for: 2 B_crit / 4 takes (1 + 2) / (1 + 4) of the updates, 8 B_crit 0.9 of those at 4.
     */
    assert_true(close_to(ls_steps_fit_at(&fit, 320) / ls_steps_fit_at(&fit, 160), 0.6, 0, 1e-12));
    assert_true(close_to(ls_steps_fit_at(&fit, 5120) / ls_steps_fit_at(&fit, 2560), 0.9, 0, 1e-12));
    assert_int_equal(ls_steps_fit_make(point, 2, 100, 1, &fit), LS_OK); /* 64 and 6400 determine it as well */
    assert_true(close_to(fit.critical.value, 640, 0, 1e-12));
}

/* Relative weights by hand: S = 2 at 1/B = 0, 4 and 8 at 1/B = 1: normal equations 3.25 a + .. see below. */
static void a_fit_weighs_relative_errors(void **state)
{
    /*
     * Points (1/B, S): (1, 4), (1, 8), (0.5, 4). Weights 1/16, 1/64, 1/16. Sums: w = 9/64, wx = 7/64, wy = 5/8,
     * wxx = 6/64, wxy = 1/2. b = (w wxy - wx wy) / (w wxx - wx wx) = (9/128 - 35/512) / (54/4096 - 49/4096) = 8/5,
     * a = (5/8 - 8/5 * 7/64) / (9/64) = 16/5.
     */
    static const ls_steps_point point[] = {{1, 4}, {1, 8}, {2, 4}};
    ls_steps_fit fit;

    (void)state;
    assert_int_equal(ls_steps_fit_make(point, 3, 50, 1, &fit), LS_OK);
    assert_true(close_to(fit.min_samples.value, 1.6, 0, 1e-12));
    assert_true(close_to(fit.min_updates.value, 3.2, 0, 1e-12));
    assert_true(fit.low_edge); /* 0.5 lies below 1 */
}

/* Twenty seeds with 10 % of noise about a known curve: the interval holds the truth and is of the right width. */
static void intervals_hold_the_truth(void **state)
{
    static const double batch[] = {32, 64, 128, 256, 512, 1024, 2048, 4096};
    ls_steps_point point[24];
    ls_steps_fit fit, again;
    int inside = 0;

    (void)state;
    for (unsigned world = 0; world < 40; world++) {
        unsigned long long z = world;

        for (size_t i = 0; i < 24; i++) {
            double noise = 0;

            for (int k = 0; k < 12; k++) { /* twelve uniforms: variance 1, nearly normal */
                z = z * 6364136223846793005ULL + 1442695040888963407ULL;
                noise += (double)(z >> 11) * 0x1p-53 - 0.5;
            }
            point[i] = (ls_steps_point){batch[i / 3], (50 + 20000 / batch[i / 3]) * (1 + 0.1 * noise)};
        }
        assert_int_equal(ls_steps_fit_make(point, 24, 400, 7, &fit), LS_OK);
        inside += fit.critical.low <= 400 && 400 <= fit.critical.high;
        assert_true(fit.critical.low > 200 && fit.critical.high < 800);
        assert_true(fit.error > 0.04 && fit.error < 0.16);
    }
    assert_in_range(inside, 28, 40); /* percentile intervals from three trials per batch size are somewhat narrow */
    /* The order of the points does not matter, and nothing is left to chance. */
    for (size_t i = 0; i < 12; i++) {
        const ls_steps_point p = point[i];

        point[i] = point[23 - i];
        point[23 - i] = p;
    }
    assert_int_equal(ls_steps_fit_make(point, 24, 400, 7, &again), LS_OK);
    assert_memory_equal(&fit.critical, &again.critical, sizeof fit.critical);
}

static void refuses_what_does_not_bend(void **state)
{
    static const ls_steps_point rising[] = {{32, 100}, {64, 200}}, steep[] = {{32, 100}, {64, 40}},
                                one[] = {{32, 100}, {32, 120}}, none[] = {{32, 0}, {64, 10}};
    ls_steps_fit fit;

    (void)state;
    assert_int_equal(ls_steps_fit_make(rising, 2, 10, 1, &fit), LS_ERR_DATA);
    assert_int_equal(ls_steps_fit_make(steep, 2, 10, 1, &fit), LS_ERR_DATA); /* faster than perfect scaling */
    assert_int_equal(ls_steps_fit_make(one, 2, 10, 1, &fit), LS_ERR_DATA);
    assert_int_equal(ls_steps_fit_make(none, 2, 10, 1, &fit), LS_ERR_ARG);
    assert_int_equal(ls_steps_fit_make(NULL, 0, 10, 1, &fit), LS_ERR_DATA);
}

/* T = 2 ms + 3 ms ceil(M/P) + 0.1 ms 2 (P-1) + 4 ms (P-1)/P */
static double seconds_of(double p, double m)
{
    return 1e-3 * (2 + 3 * ceil(m / p) + 0.2 * (p - 1) + 4 * (p - 1) / p);
}

static void a_fit_finds_the_times(void **state)
{
    ls_scaling_point point[12];
    ls_scaling_fit fit;
    size_t n = 0;

    (void)state;
    for (double m = 4; m <= 64; m *= 4)
        for (double p = 1; p <= 8; p *= 2)
            point[n++] = (ls_scaling_point){p, m, seconds_of(p, m)};
    assert_int_equal(ls_scaling_fit_make(point, n, &fit), LS_OK);
    assert_true(close_to(fit.fixed_s, 2e-3, 0, 1e-8));
    assert_true(close_to(fit.microbatch_s, 3e-3, 0, 1e-8));
    assert_true(close_to(fit.alpha_s, 1e-4, 0, 1e-7));
    assert_true(close_to(fit.wire_s, 4e-3, 0, 1e-7));
    assert_true(close_to(fit.serial, 2 / 194.0, 0, 1e-8));
    assert_true(close_to(ls_scaling_fit_at(&fit, 16, 64), seconds_of(16, 64), 0, 1e-7));
}

/* Two numbers of ranks cannot tell four terms apart: no term is negative, and the points are still met. */
static void times_are_never_negative(void **state)
{
    static const ls_scaling_point two[] = {{1, 4, 0.010}, {2, 4, 0.006}}, better[] = {{1, 4, 0.012}, {2, 4, 0.005}};
    static const ls_scaling_point bad[] = {{1, 4, 0.01}, {2, 4, 0}};
    ls_scaling_fit fit;

    (void)state;
    assert_int_equal(ls_scaling_fit_make(two, 2, &fit), LS_OK);
    assert_true(fit.fixed_s >= 0 && fit.microbatch_s >= 0 && fit.alpha_s >= 0 && fit.wire_s >= 0);
    assert_true(fit.error < 1e-9);
    assert_int_equal(ls_scaling_fit_make(better, 2, &fit), LS_OK); /* better than linear: only microbatches are left */
    assert_true(fit.fixed_s == 0 && fit.alpha_s == 0 && fit.wire_s == 0 && fit.microbatch_s > 0);
    assert_int_equal(ls_scaling_fit_make(two, 1, &fit), LS_ERR_DATA);
    assert_int_equal(ls_scaling_fit_make(bad, 2, &fit), LS_ERR_DATA);
}

static void two_batch_sizes_give_no_interval(void **state)
{
    const ls_steps_point two[] = {{16, 1000}, {16, 1100}, {64, 500}, {64, 450}};
    const ls_steps_point three[] = {{16, 1000}, {16, 1100}, {64, 500}, {64, 450}, {256, 300}, {256, 320}};
    ls_steps_fit fit;

    (void)state;
    assert_int_equal(ls_steps_fit_make(two, 4, 200, 1, &fit), LS_OK);
    assert_true(fit.critical.value > 0 && isnan(fit.critical.low) && isnan(fit.min_updates.high));
    assert_int_equal(ls_steps_fit_make(three, 6, 200, 1, &fit), LS_OK);
    assert_true(fit.critical.low <= fit.critical.value && fit.critical.value <= fit.critical.high);
}

static void noise_is_no_curve_over_ranks(void **state)
{
    /* Two ranks once half and once twice as fast as one: whatever the four terms are, the error stays above 20 %. */
    const ls_scaling_point noise[] = {{1, 4, 1.0}, {2, 4, 0.25}, {2, 4, 1.0}, {1, 8, 2.0}, {2, 8, 0.6}, {2, 8, 2.4}};
    const ls_scaling_point quiet[] = {{1, 4, 1.0}, {2, 4, 0.55}, {1, 8, 2.0}, {2, 8, 1.08}};
    ls_scaling_fit fit;

    (void)state;
    assert_int_equal(ls_scaling_fit_make(noise, 6, &fit), LS_ERR_DATA);
    assert_true(fit.error > LS_SCATTER_MAX);
    assert_non_null(strstr(ls_error_message(), "measure again"));
    assert_int_equal(ls_scaling_fit_make(quiet, 4, &fit), LS_OK);
    assert_true(fit.error < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_by_hand),  cmocka_unit_test(a_fit_finds_the_hyperbola),
        cmocka_unit_test(a_fit_weighs_relative_errors), cmocka_unit_test(intervals_hold_the_truth),
        cmocka_unit_test(refuses_what_does_not_bend),   cmocka_unit_test(a_fit_finds_the_times),
        cmocka_unit_test(times_are_never_negative),     cmocka_unit_test(two_batch_sizes_give_no_interval),
        cmocka_unit_test(noise_is_no_curve_over_ranks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
