/*
 * The largest value of one rate at the thresholds where another one is at least so large:
 *
 *     sensitivity_at_specificity    tp / (tp + fn)  where  tn / (tn + fp) >= specificity
 *     specificity_at_sensitivity    the other way round
 *     precision_at_recall           tp / (tp + fp)  where  tp / (tp + fn) >= recall
 *     recall_at_precision           the other way round
 *
 * T thresholds lie evenly in [0, 1] (one: at 1/2). Sums are two histograms of T + 1 buckets, the weight of positives,
 * then of negatives: bucket b holds what lies above b thresholds. Rates are compared in float32, as Keras does.
 */
#include "nn/metrics/metrics.h"

#include <math.h>

typedef struct at_threshold {
    double value;
    int64_t num_thresholds;
    int64_t class_id; /* -1: all */
} at_threshold;

static size_t width(const void *config, size_t n)
{
    (void)n;
    return 2 * ((size_t)((const at_threshold *)config)->num_thresholds + 1);
}

/* How many thresholds p is above. */
static size_t bucket(const at_threshold *c, float p)
{
    const float inside = p > 0.0f ? p < 1.0f ? p : 1.0f : 0.0f;

    if (c->num_thresholds == 1)
        return p > 0.5f;
    return (size_t)ceilf(inside * (float)(c->num_thresholds - 1));
}

static void update(const void *config, const ls_metric_call *call)
{
    const at_threshold *const c = config;
    const size_t half = (size_t)c->num_thresholds + 1;
    const size_t first = c->class_id < 0 ? 0 : (size_t)c->class_id, end = c->class_id < 0 ? call->n : first + 1;

    for (size_t i = 0; i < 2 * half; i++)
        call->sums[i] = 0.0;
    for (size_t r = 0; r < call->positions; r++)
        for (size_t i = r * call->n + first; i < r * call->n + end; i++)
            call->sums[(call->target[i] != 0.0f ? 0 : half) + bucket(c, call->pred[i])] += ls_metric_weight(call, r);
}

/* Above and not above a threshold, of the positives and of the negatives. */
typedef struct table {
    double tp, fn, fp, tn;
} table;

static float rate(double part, double other)
{
    return (float)ls_divide_no_nan(part, part + other);
}

static float sensitivity(const table *t)
{
    return rate(t->tp, t->fn);
}

static float specificity(const table *t)
{
    return rate(t->tn, t->fp);
}

static float precision(const table *t)
{
    return rate(t->tp, t->fp);
}

static double largest(const void *config, const double *totals, float (*rated)(const table *),
                      float (*constrained)(const table *))
{
    const at_threshold *const c = config;
    const size_t half = (size_t)c->num_thresholds + 1;
    table t = {0};
    float best = 0.0f;

    for (size_t b = 0; b < half; b++) {
        t.tp += totals[b];
        t.fp += totals[half + b];
    }
    for (size_t b = 0; b + 1 < half; b++) {
        t.tp -= totals[b]; /* what is above b thresholds only is not above threshold b */
        t.fn += totals[b];
        t.fp -= totals[half + b];
        t.tn += totals[half + b];
        if (constrained(&t) >= (float)c->value && rated(&t) > best)
            best = rated(&t);
    }
    return (double)best;
}

static ls_status fits(const void *config, size_t n, const ls_config *at)
{
    return ls_metric_check_class(((const at_threshold *)config)->class_id, n, at);
}

#define OPTIONS(argument)                                                                                  \
    {                                                                                                      \
        {.name = #argument, .kind = LS_OPTION_FLOAT, .offset = offsetof(at_threshold, value), .max = 1.0}, \
            {.name = "num_thresholds",                                                                     \
             .kind = LS_OPTION_INT,                                                                        \
             .offset = offsetof(at_threshold, num_thresholds),                                             \
             .initial = "200",                                                                             \
             .min = 1.0,                                                                                   \
             .max = 65536.0},                                                                              \
            {.name = "class_id",                                                                           \
             .kind = LS_OPTION_INT,                                                                        \
             .offset = offsetof(at_threshold, class_id),                                                   \
             .initial = "null",                                                                            \
             .nullable = true,                                                                             \
             .max = 0x1p40},                                                                               \
        {                                                                                                  \
            .name = NULL                                                                                   \
        }                                                                                                  \
    }

#define LARGEST(id, class_name, argument, rated, constrained)                                                          \
    static double result_##id(const void *config, const double *totals, size_t n)                                      \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        return largest(config, totals, rated, constrained);                                                            \
    }                                                                                                                  \
                                                                                                                       \
    static const ls_option options_##id[] = OPTIONS(argument);                                                         \
                                                                                                                       \
    const ls_metric_ops ls_##id = {                                                                                    \
        .ops = {.name = #id, .keras_name = class_name, .options = options_##id, .config_bytes = sizeof(at_threshold)}, \
        .direction = LS_METRIC_UP,                                                                                     \
        .fits = fits,                                                                                                  \
        .width = width,                                                                                                \
        .update = update,                                                                                              \
        .result = result_##id,                                                                                         \
    }

LARGEST(sensitivity_at_specificity, "SensitivityAtSpecificity", specificity, sensitivity, specificity);
LARGEST(specificity_at_sensitivity, "SpecificityAtSensitivity", sensitivity, specificity, sensitivity);
LARGEST(precision_at_recall, "PrecisionAtRecall", recall, precision, sensitivity);
LARGEST(recall_at_precision, "RecallAtPrecision", precision, sensitivity, precision);
