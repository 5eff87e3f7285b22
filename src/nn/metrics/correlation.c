/*
 * Of targets and predictions along the last axis, then the weighted mean over positions:
 *
 *     pearson_correlation       cov / (deviation t x deviation p), NaN where one of them is constant
 *     concordance_correlation   2 cov / (variance t + variance p + (mean t - mean p)^2 + 1e-7)        (Lin, 1989)
 */
#include "nn/metrics/metrics.h"

#include <math.h>

typedef struct moments {
    double mean_t, mean_p, var_t, var_p, cov; /* with divisor n */
} moments;

static moments moments_of(const float *t, const float *p, size_t n)
{
    moments m = {0};

    for (size_t i = 0; i < n; i++) {
        m.mean_t += (double)t[i];
        m.mean_p += (double)p[i];
    }
    m.mean_t /= (double)n;
    m.mean_p /= (double)n;
    for (size_t i = 0; i < n; i++) {
        const double a = (double)t[i] - m.mean_t, b = (double)p[i] - m.mean_p;

        m.var_t += a * a;
        m.var_p += b * b;
        m.cov += a * b;
    }
    m.var_t /= (double)n;
    m.var_p /= (double)n;
    m.cov /= (double)n;
    return m;
}

static double pearson(const moments *m)
{
    return m->cov / sqrt(m->var_t * m->var_p);
}

static double concordance(const moments *m)
{
    const double apart = m->mean_t - m->mean_p;

    return 2.0 * m->cov / (apart * apart + m->var_t + m->var_p + 1e-7);
}

static void update(const ls_metric_call *call, double (*value)(const moments *m))
{
    call->sums[0] = call->sums[1] = 0.0;
    for (size_t r = 0; r < call->positions; r++) {
        const moments m = moments_of(call->target + r * call->n, call->pred + r * call->n, call->n);

        call->sums[0] += ls_metric_weight(call, r) * value(&m);
        call->sums[1] += ls_metric_weight(call, r);
    }
}

static void update_pearson(const void *config, const ls_metric_call *call)
{
    (void)config;
    update(call, pearson);
}

static void update_concordance(const void *config, const ls_metric_call *call)
{
    (void)config;
    update(call, concordance);
}

const ls_metric_ops ls_pearson_correlation = {
    .ops = {.name = "pearson_correlation", .keras_name = "PearsonCorrelation"},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_pearson,
    .result = ls_mean_result,
};

const ls_metric_ops ls_concordance_correlation = {
    .ops = {.name = "concordance_correlation", .keras_name = "ConcordanceCorrelation"},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_concordance,
    .result = ls_mean_result,
};
