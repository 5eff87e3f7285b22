/*
 * Coefficient of determination, per output: r = 1 - sum w (t-p)^2 / (sum w t^2 - (sum w t)^2 / sum w), then the mean
 * over outputs, or the mean weighted by the denominators. With p regressors adjusted: 1 - (1-r)(k-1)/(k-p-1), k the
 * number of positions with a weight other than 0.
 *
 * Sums: (sum w t, sum w t^2, sum w (t-p)^2) of every output, then sum w and k.
 */
#include "nn/metrics/metrics.h"

#include <math.h>

enum { UNIFORM_AVERAGE, VARIANCE_WEIGHTED_AVERAGE };
enum { SUM, SQUARES, RESIDUAL, PER_OUTPUT };

static const char *const aggregations[] = {"uniform_average", "variance_weighted_average", NULL};

typedef struct r2 {
    int class_aggregation;
    int64_t num_regressors;
} r2;

static size_t width(const void *config, size_t n)
{
    (void)config;
    return PER_OUTPUT * n + 2;
}

static void update(const void *config, const ls_metric_call *call)
{
    const size_t n = call->n;
    double *const sums = call->sums;

    for (size_t i = 0; i < width(config, n); i++)
        sums[i] = 0.0;
    for (size_t r = 0; r < call->positions; r++) {
        const double weight = ls_metric_weight(call, r);

        for (size_t i = 0; i < n; i++) {
            const double t = (double)call->target[r * n + i], p = (double)call->pred[r * n + i];

            sums[PER_OUTPUT * i + SUM] += weight * t;
            sums[PER_OUTPUT * i + SQUARES] += weight * t * t;
            sums[PER_OUTPUT * i + RESIDUAL] += weight * (t - p) * (t - p);
        }
        sums[PER_OUTPUT * n] += weight;
        sums[PER_OUTPUT * n + 1] += weight != 0.0;
    }
}

static double result(const void *config, const double *totals, size_t n)
{
    const r2 *const c = config;
    const double weight = totals[PER_OUTPUT * n], k = totals[PER_OUTPUT * n + 1], p = (double)c->num_regressors;
    double sum = 0.0, weights = 0.0, r;

    for (size_t i = 0; i < n; i++) {
        const double *const s = totals + PER_OUTPUT * i;
        const double spread = s[SQUARES] - s[SUM] * s[SUM] / weight;
        const double weight_i = c->class_aggregation == UNIFORM_AVERAGE ? 1.0 : spread;
        double r_i = 1.0 - s[RESIDUAL] / spread;

        if (isinf(r_i)) /* constant targets, missed; Keras counts 0, and NaN where they are hit */
            r_i = 0.0;
        sum += weight_i * r_i;
        weights += weight_i;
    }
    r = sum / weights;
    return p > 0.0 && p < k - 1.0 ? 1.0 - (1.0 - r) * (k - 1.0) / (k - p - 1.0) : r;
}

static const ls_option options[] = {
    {.name = "class_aggregation",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(r2, class_aggregation),
     .initial = "uniform_average",
     .choices = aggregations},
    {.name = "num_regressors",
     .kind = LS_OPTION_INT,
     .offset = offsetof(r2, num_regressors),
     .initial = "0",
     .max = 0x1p40},
    {.name = NULL},
};

const ls_metric_ops ls_r2_score = {
    .ops = {.name = "r2_score",
            .keras_name = "R2Score",
            .aliases = (const char *const[]){"r2", NULL},
            .options = options,
            .config_bytes = sizeof(r2)},
    .direction = LS_METRIC_UP,
    .width = width,
    .update = update,
    .result = result,
};
