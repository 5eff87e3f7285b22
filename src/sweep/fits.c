#include "sweep/fits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "random/philox.h"

/*
 * --- small statistics ----------------------------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double ls_quantile(const double *sorted, size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t below = (size_t)at < n - 1 ? (size_t)at : n - 1;
    const double next = below + 1 < n ? sorted[below + 1] : sorted[below];

    return sorted[below] + (at - (double)below) * (next - sorted[below]);
}

double ls_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return ls_quantile(x, n, 0.5);
}

/*
 * --- updates against batch size ------------------------------------------------------------------------------------
 */

const char *const ls_regimes[] = {"perfect scaling", "diminishing returns", "saturated"};

/* S = a + b / B by weighted least squares; false: the points do not determine both, or not as positive numbers. */
static bool fit_line(const ls_steps_point *point, size_t n, double *a, double *b)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;

    for (size_t i = 0; i < n; i++) {
        const double weight = 1 / (point[i].updates * point[i].updates), u = 1 / point[i].batch_size;

        w += weight;
        x += weight * u;
        y += weight * point[i].updates;
        xx += weight * u * u;
        xy += weight * u * point[i].updates;
    }
    *b = (w * xy - x * y) / (w * xx - x * x);
    *a = (y - *b * x) / w;
    return isfinite(*a) && isfinite(*b) && *a > 0 && *b > 0;
}

static int by_batch_size(const void *a, const void *b)
{
    const ls_steps_point *x = a, *y = b;

    if (x->batch_size != y->batch_size)
        return x->batch_size > y->batch_size ? 1 : -1;
    return (x->updates > y->updates) - (x->updates < y->updates);
}

/* Every point replaced by one of the same batch size. Points are sorted by it. */
static void resample(const ls_steps_point *point, size_t n, const ls_stream *stream, uint64_t round,
                     ls_steps_point *out)
{
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && point[end].batch_size == point[begin].batch_size;)
            end++;
        for (size_t i = begin; i < end; i++) {
            float u;

            ls_stream_uniform(stream, round * n + i, 1, &u);
            out[i] = point[begin + (size_t)((double)u * (double)(end - begin))];
        }
    }
}

static ls_interval interval(double value, double *sample, size_t n, bool varied)
{
    ls_interval out = {value, NAN, NAN};

    if (!varied || n < 2)
        return out;
    qsort(sample, n, sizeof *sample, ascending);
    out.low = ls_quantile(sample, n, 0.025);
    out.high = ls_quantile(sample, n, 0.975);
    return out;
}

/* sorted: by batch size. */
static ls_status bootstrap(const ls_steps_point *sorted, size_t n, size_t resamples, uint64_t seed, ls_steps_fit *out)
{
    const ls_stream stream = ls_stream_at(seed, LS_PURPOSE_SEARCH, 1, 0);
    ls_steps_point *drawn = ls_calloc(n, sizeof *drawn, "a fit");
    double *value = ls_calloc(3 * resamples + 1, sizeof *value, "a fit"); /* S_min, E_min, B_crit of every resample */
    size_t good = 0;
    size_t sizes = 1;
    bool varied = false;

    if (!drawn || !value) {
        ls_free(drawn);
        ls_free(value);
        return LS_ERR_MEMORY;
    }
    for (size_t i = 1; i < n; i++) {
        varied |= sorted[i].batch_size == sorted[i - 1].batch_size;
        sizes += sorted[i].batch_size != sorted[i - 1].batch_size;
    }
    varied &= sizes > 2;
    for (size_t r = 0; varied && r < resamples; r++) {
        double a, b;

        resample(sorted, n, &stream, r, drawn);
        if (!fit_line(drawn, n, &a, &b))
            continue;
        value[good] = a;
        value[resamples + good] = b;
        value[2 * resamples + good++] = b / a;
    }
    out->min_updates = interval(out->min_updates.value, value, good, varied);
    out->min_samples = interval(out->min_samples.value, value + resamples, good, varied);
    out->critical = interval(out->critical.value, value + 2 * resamples, good, varied);
    ls_free(drawn);
    ls_free(value);
    return LS_OK;
}

ls_status ls_steps_fit_make(const ls_steps_point *point, size_t n, size_t resamples, uint64_t seed, ls_steps_fit *out)
{
    ls_steps_point *sorted;
    double a, b;
    ls_status st = LS_OK;

    *out = (ls_steps_fit){.error = NAN};
    for (size_t i = 0; i < n; i++)
        if (!(point[i].batch_size > 0 && point[i].updates > 0))
            return ls_fail(LS_ERR_ARG, "point %zu of a fit has batch size %g and %g updates: both must be positive", i,
                           point[i].batch_size, point[i].updates);
    if (!(sorted = ls_calloc(n, sizeof *sorted, "a fit")))
        return LS_ERR_MEMORY;
    if (n > 0) /* point may be NULL */
        memcpy(sorted, point, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_batch_size); /* the same fit, whatever the order */
    if (n < 2 || sorted[0].batch_size == sorted[n - 1].batch_size) {
        st = ls_fail(LS_ERR_DATA, "a curve over batch sizes needs at least two of them that reached the target");
        goto cleanup;
    }
    if (!fit_line(sorted, n, &a, &b)) {
        st = ls_fail(LS_ERR_DATA,
                     "updates to the target do not fall with the batch size as a + b/B with positive a and b: "
                     "no critical batch size can be read off them");
        goto cleanup;
    }
    out->min_updates.value = a;
    out->min_samples.value = b;
    out->critical.value = b / a;
    out->low_edge = b / a < sorted[0].batch_size;
    out->high_edge = b / a > sorted[n - 1].batch_size;
    out->error = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = ls_steps_fit_at(out, sorted[i].batch_size) / sorted[i].updates - 1;

        out->error += e * e / (double)n;
    }
    out->error = sqrt(out->error);
    st = bootstrap(sorted, n, resamples, seed, out);
cleanup:
    ls_free(sorted);
    return st;
}

double ls_steps_fit_at(const ls_steps_fit *fit, double batch_size)
{
    return fit->min_updates.value + fit->min_samples.value / batch_size;
}

ls_regime ls_steps_fit_regime(const ls_steps_fit *fit, double batch_size)
{
    const double ratio = batch_size / fit->critical.value;

    return ratio <= LS_PERFECT_BELOW    ? LS_REGIME_PERFECT
           : ratio < LS_SATURATED_ABOVE ? LS_REGIME_DIMINISHING
                                        : LS_REGIME_SATURATED;
}

/*
 * --- the time of an update against ranks ---------------------------------------------------------------------------
 */

#define TERMS 4

static void terms_of(double ranks, double microbatches, double x[TERMS])
{
    x[0] = 1;
    x[1] = ceil(microbatches / ranks);
    x[2] = 2 * (ranks - 1);
    x[3] = (ranks - 1) / ranks;
}

/*
 * Least squares of relative errors with the terms in `subset` alone, by Gaussian elimination with pivoting. False: they
 * are not determined, or some factor is negative.
 */
static bool solve(const ls_scaling_point *point, size_t n, unsigned subset, double c[TERMS])
{
    double m[TERMS][TERMS + 1] = {{0}}, scale[TERMS] = {0};
    size_t column[TERMS], k = 0;

    for (size_t j = 0; j < TERMS; j++) {
        c[j] = 0;
        if (subset >> j & 1u)
            column[k++] = j;
    }
    for (size_t i = 0; i < n; i++) {
        double x[TERMS];

        terms_of(point[i].ranks, point[i].microbatches, x);
        for (size_t a = 0; a < k; a++) {
            const double u = x[column[a]] / point[i].seconds;

            for (size_t b = 0; b < k; b++)
                m[a][b] += u * x[column[b]] / point[i].seconds;
            m[a][k] += u;
            scale[a] += u * u;
        }
    }
    for (size_t p = 0; p < k; p++) {
        size_t best = p;

        for (size_t a = p + 1; a < k; a++)
            if (fabs(m[a][p]) > fabs(m[best][p]))
                best = a;
        if (fabs(m[best][p]) <= 1e-12 * scale[p])
            return false;
        for (size_t b = 0; b <= k; b++) {
            const double t = m[p][b];

            m[p][b] = m[best][b];
            m[best][b] = t;
        }
        for (size_t a = 0; a < k; a++) {
            const double f = a == p ? 0 : m[a][p] / m[p][p];

            for (size_t b = p; b <= k; b++)
                m[a][b] -= f * m[p][b];
        }
    }
    for (size_t p = 0; p < k; p++) {
        c[column[p]] = m[p][k] / m[p][p];
        if (!(c[column[p]] >= 0))
            return false;
    }
    return true;
}

static double squared_error(const ls_scaling_point *point, size_t n, const double c[TERMS])
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double x[TERMS], t = 0;

        terms_of(point[i].ranks, point[i].microbatches, x);
        for (size_t j = 0; j < TERMS; j++)
            t += c[j] * x[j];
        sum += (t / point[i].seconds - 1) * (t / point[i].seconds - 1);
    }
    return sum;
}

ls_status ls_scaling_fit_make(const ls_scaling_point *point, size_t n, ls_scaling_fit *out)
{
    double best[TERMS] = {0}, least = INFINITY, most = 0;
    bool varied = false;

    *out = (ls_scaling_fit){.serial = NAN, .error = NAN};
    for (size_t i = 0; i < n; i++) {
        if (!(point[i].ranks >= 1 && point[i].microbatches >= 1 && point[i].seconds > 0))
            return ls_fail(LS_ERR_DATA, "point %zu of a scaling fit: %g ranks, %g microbatches, %g s", i,
                           point[i].ranks, point[i].microbatches, point[i].seconds);
        varied |= point[i].ranks != point[0].ranks;
        most = fmax(most, point[i].microbatches);
    }
    if (!varied)
        return ls_fail(LS_ERR_DATA, "a curve over ranks needs runs on at least two numbers of them");
    /* Non-negative least squares: the best of all choices of terms whose own optimum is not negative. */
    for (unsigned subset = 1; subset < 1u << TERMS; subset++) {
        double c[TERMS], error;

        if (solve(point, n, subset, c) && (error = squared_error(point, n, c)) < least * (1 - 1e-9)) {
            least = error;
            memcpy(best, c, sizeof best);
        }
    }
    if (!isfinite(least))
        return ls_fail(LS_ERR_DATA, "the times of updates determine no curve over ranks");
    *out = (ls_scaling_fit){.fixed_s = best[0],
                            .microbatch_s = best[1],
                            .alpha_s = best[2],
                            .wire_s = best[3],
                            .error = sqrt(least / (double)n)};
    out->serial = best[0] / (best[0] + best[1] * most);
    if (out->error > LS_SCATTER_MAX)
        return ls_fail(
            LS_ERR_DATA,
            "the times scatter by %.0f %% about any curve over ranks, more than %.0f %%: other work was on the "
            "machine; measure again, with more seeds, when it is quiet",
            100 * out->error, 100 * LS_SCATTER_MAX);
    return LS_OK;
}

double ls_scaling_fit_at(const ls_scaling_fit *fit, double ranks, double microbatches)
{
    double x[TERMS];

    terms_of(ranks, microbatches, x);
    return fit->fixed_s * x[0] + fit->microbatch_s * x[1] + fit->alpha_s * x[2] + fit->wire_s * x[3];
}
