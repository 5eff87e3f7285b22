/*
 * true_positives, true_negatives, false_positives, false_negatives: sums of weights. Predictions above the threshold
 * are positive, labels other than 0 are.
 */
#include "nn/metrics/metrics.h"

#include <math.h>

typedef struct counts {
    double thresholds; /* NAN: the standard 0.5 */
} counts;

static size_t width(const void *config, size_t n)
{
    (void)config, (void)n;
    return 1;
}

/* The weight of what is predicted to be `positive` and is `wanted` or not. */
static void count(const void *config, const ls_metric_call *call, bool positive, bool wanted)
{
    const double given = ((const counts *)config)->thresholds;
    const float limit = isnan(given) ? 0.5f : (float)given;
    double sum = 0.0;

    for (size_t r = 0; r < call->positions; r++)
        for (size_t i = r * call->n; i < (r + 1) * call->n; i++)
            if ((call->pred[i] > limit) == positive && (call->target[i] != 0.0f) == wanted)
                sum += ls_metric_weight(call, r);
    call->sums[0] = sum;
}

static double result(const void *config, const double *totals, size_t n)
{
    (void)config, (void)n;
    return totals[0];
}

static const ls_option options[] = {
    {.name = "thresholds",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(counts, thresholds),
     .initial = "null",
     .nullable = true,
     .max = 1.0},
    {.name = NULL},
};

#define COUNT(id, class_name, positive, wanted, better)                                                     \
    static void update_##id(const void *config, const ls_metric_call *call)                                 \
    {                                                                                                       \
        count(config, call, positive, wanted);                                                              \
    }                                                                                                       \
                                                                                                            \
    const ls_metric_ops ls_##id = {                                                                         \
        .ops = {.name = #id, .keras_name = class_name, .options = options, .config_bytes = sizeof(counts)}, \
        .direction = better,                                                                                \
        .width = width,                                                                                     \
        .update = update_##id,                                                                              \
        .result = result,                                                                                   \
    }

COUNT(true_positives, "TruePositives", true, true, LS_METRIC_UP);
COUNT(true_negatives, "TrueNegatives", false, false, LS_METRIC_UP);
COUNT(false_positives, "FalsePositives", true, false, LS_METRIC_DOWN);
COUNT(false_negatives, "FalseNegatives", false, true, LS_METRIC_DOWN);
