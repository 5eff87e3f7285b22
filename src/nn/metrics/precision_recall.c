/*
 * Precision = tp / (tp + fp) and recall = tp / (tp + fn): predictions above the threshold are positive, labels other
 * than 0 are. All elements count, or with class_id those of one class.
 */
#include "nn/metrics/metrics.h"

#include <inttypes.h>
#include <math.h>

typedef struct confusion {
    double thresholds; /* NAN: the standard 0.5 */
    int64_t class_id;  /* -1: all */
} confusion;

enum { TP, FP, FN, WIDTH };

static size_t width(const void *config, size_t n)
{
    (void)config, (void)n;
    return WIDTH;
}

static void update(const void *config, const ls_metric_call *call)
{
    const confusion *const c = config;
    const bool all = c->class_id < 0;
    const float limit = isnan(c->thresholds) ? 0.5f : (float)c->thresholds;
    double tp = 0.0, fp = 0.0, fn = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const float *const t = call->target + r * call->n, *const p = call->pred + r * call->n;
        const double weight = ls_metric_weight(call, r);

        for (size_t i = 0; i < call->n; i++) {
            const bool positive = p[i] > limit, wanted = t[i] != 0.0f;

            if (!all && i != (size_t)c->class_id)
                continue;
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
    const int64_t class_id = ((const confusion *)config)->class_id;

    if (class_id >= 0 && (size_t)class_id >= n)
        return ls_config_fail(at, "class_id %" PRId64 " does not exist: the output has %zu classes, 0 to %zu", class_id,
                              n, n - 1);
    return LS_OK;
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
