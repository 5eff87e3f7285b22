/*
 * Precision = tp / (tp + fp) and recall = tp / (tp + fn): predictions above the threshold are positive, labels other
 * than 0 are. All elements count, or with class_id those of one class. With top_k, only the k largest predictions of a
 * position can be positive, of equal ones the first; without a threshold beside it they all are.
 */
#include "nn/metrics/metrics.h"

#include <math.h>

typedef struct confusion {
    double thresholds; /* NAN: the standard 0.5 */
    int64_t top_k;     /* 0: all */
    int64_t class_id;  /* -1: all */
} confusion;

enum { TP, FP, FN, WIDTH };

static size_t width(const void *config, size_t n)
{
    (void)config, (void)n;
    return WIDTH;
}

/* Is prediction i among the k largest of n? */
static bool is_top(const float *p, size_t n, size_t i, size_t k)
{
    size_t before = 0;

    for (size_t j = 0; j < n && before < k; j++)
        before += p[j] > p[i] || (p[j] == p[i] && j < i);
    return before < k;
}

static void update(const void *config, const ls_metric_call *call)
{
    const confusion *const c = config;
    const bool all = c->class_id < 0;
    const float limit = !isnan(c->thresholds) ? (float)c->thresholds : c->top_k ? -INFINITY : 0.5f;
    double tp = 0.0, fp = 0.0, fn = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const float *const t = call->target + r * call->n, *const p = call->pred + r * call->n;
        const double weight = ls_metric_weight(call, r);

        for (size_t i = 0; i < call->n; i++) {
            const bool wanted = t[i] != 0.0f;
            bool positive;

            if (!all && i != (size_t)c->class_id)
                continue;
            positive = p[i] > limit && (!c->top_k || is_top(p, call->n, i, (size_t)c->top_k));
            if (positive && wanted)
                tp += weight;
            else if (positive)
                fp += weight;
            else if (wanted)
                fn += weight;
        }
    }
    call->sums[TP] = tp;
    call->sums[FP] = fp;
    call->sums[FN] = fn;
}

static ls_status fits(const void *config, size_t n, const ls_config *at)
{
    const int64_t k = ((const confusion *)config)->top_k;

    if (k > 0 && (size_t)k > n)
        return ls_config_fail(at, "top_k is %lld, but the output has %zu classes", (long long)k, n);
    return ls_metric_check_class(((const confusion *)config)->class_id, n, at);
}

static double result_precision(const void *config, const double *totals, size_t n)
{
    (void)config, (void)n;
    return ls_divide_no_nan(totals[TP], totals[TP] + totals[FP]);
}

static double result_recall(const void *config, const double *totals, size_t n)
{
    (void)config, (void)n;
    return ls_divide_no_nan(totals[TP], totals[TP] + totals[FN]);
}

static const ls_option options[] = {
    {.name = "thresholds",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(confusion, thresholds),
     .initial = "null",
     .nullable = true,
     .max = 1.0},
    {.name = "top_k",
     .kind = LS_OPTION_INT,
     .offset = offsetof(confusion, top_k),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 0x1p40},
    {.name = "class_id",
     .kind = LS_OPTION_INT,
     .offset = offsetof(confusion, class_id),
     .initial = "null",
     .nullable = true,
     .max = 0x1p40},
    {.name = NULL},
};

const ls_metric_ops ls_precision = {
    .ops = {.name = "precision", .keras_name = "Precision", .options = options, .config_bytes = sizeof(confusion)},
    .direction = LS_METRIC_UP,
    .fits = fits,
    .width = width,
    .update = update,
    .result = result_precision,
};

const ls_metric_ops ls_recall = {
    .ops = {.name = "recall", .keras_name = "Recall", .options = options, .config_bytes = sizeof(confusion)},
    .direction = LS_METRIC_UP,
    .fits = fits,
    .width = width,
    .update = update,
    .result = result_recall,
};
