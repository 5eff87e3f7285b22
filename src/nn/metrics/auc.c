/*
 * Area under the ROC or precision-recall curve, as Keras approximates it with T thresholds. multi_label: of every label
 * by itself, and then their mean, weighted by label_weights. Otherwise label_weights weigh the elements.
 *
 * Sums (of each label) are two histograms of T buckets: the weight of positives, then of negatives, by prediction.
 * Bucket b holds what lies above threshold b and not above threshold b + 1; so the weight above threshold i is the sum
 * of buckets i ... T-1.
 */
#include "nn/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "tensor/math.h"

enum { ROC, PR };
enum { INTERPOLATION, MINORING, MAJORING };

static const char *const curves[] = {"ROC", "PR", NULL};
static const char *const methods[] = {"interpolation", "minoring", "majoring", NULL};

typedef struct auc {
    int64_t num_thresholds;
    int curve, summation_method;
    ls_floats thresholds; /* between the end points; count 0: evenly spaced */
    bool multi_label;
    int64_t num_labels; /* 0: not given */
    ls_floats label_weights;
    bool from_logits;
} auc;

static size_t thresholds(const auc *c)
{
    return c->thresholds.count > 0 ? c->thresholds.count + 2 : (size_t)c->num_thresholds;
}

static size_t width(const void *config, size_t n)
{
    return 2 * thresholds(config) * (((const auc *)config)->multi_label ? n : 1);
}

static ls_status fits(const void *config, size_t n, const ls_config *at)
{
    const auc *const c = config;

    if (c->multi_label && c->num_labels && (size_t)c->num_labels != n)
        return ls_config_fail(at, "num_labels is %lld, but the output has %zu", (long long)c->num_labels, n);
    if (c->label_weights.count && c->label_weights.count != n)
        return ls_config_fail(at, "label_weights holds %zu numbers, but the output has %zu labels",
                              c->label_weights.count, n);
    return LS_OK;
}

/* ---- update ---- */

/* p in [0, 1]. The first threshold is below 0 and the last above 1, so bucket 0 exists and T - 1 stays empty. */
static size_t bucket(const auc *c, float p)
{
    size_t above = 0;

    if (c->thresholds.count == 0) {
        const float b = ceilf(p * (float)(c->num_thresholds - 1)) - 1.0f;

        return b > 0.0f ? (size_t)b : 0;
    }
    for (size_t i = 0; i < c->thresholds.count; i++)
        above += p > (float)c->thresholds.value[i];
    return above;
}

static void update(const void *config, const ls_metric_call *call)
{
    const auc *const c = config;
    const size_t T = thresholds(c);

    for (size_t i = 0; i < width(config, call->n); i++)
        call->sums[i] = 0.0;
    for (size_t r = 0; r < call->positions; r++)
        for (size_t i = 0; i < call->n; i++) {
            const bool weighted = c->label_weights.count && !c->multi_label;
            const double weight = ls_metric_weight(call, r) * (weighted ? c->label_weights.value[i] : 1.0);
            double *const sums = call->sums + (c->multi_label ? 2 * T * i : 0);
            float p = call->pred[r * call->n + i];

            if (c->from_logits)
                p = (float)(1.0 / (1.0 + ls_exp_double(-(double)p)));
            p = p > 0.0f ? p < 1.0f ? p : 1.0f : 0.0f;
            sums[(call->target[r * call->n + i] != 0.0f ? 0 : T) + bucket(c, p)] += weight;
        }
}

/* ---- result ---- */

/* Counts of positives and negatives above a threshold. */
typedef struct counts {
    double tp, fp;
} counts;

/* The part of the ROC curve between two neighbouring thresholds, `low` being the lower one. */
static double roc_part(int method, counts all, counts low, counts high)
{
    const double x0 = ls_divide_no_nan(low.fp, all.fp), x1 = ls_divide_no_nan(high.fp, all.fp);
    const double y0 = ls_divide_no_nan(low.tp, all.tp), y1 = ls_divide_no_nan(high.tp, all.tp);

    return (x0 - x1) * (method == MINORING ? fmin(y0, y1) : method == MAJORING ? fmax(y0, y1) : (y0 + y1) / 2.0);
}

/* Precision over recall, by rectangles or a trapezoid's bounds. */
static double pr_part(int method, counts all, counts low, counts high)
{
    const double x0 = ls_divide_no_nan(low.tp, all.tp), x1 = ls_divide_no_nan(high.tp, all.tp);
    const double y0 = ls_divide_no_nan(low.tp, low.tp + low.fp), y1 = ls_divide_no_nan(high.tp, high.tp + high.fp);

    return (x0 - x1) * (method == MINORING ? fmin(y0, y1) : fmax(y0, y1));
}

/* Interpolated precision (Davis and Goadrich 2006): true positives are linear in predicted positives. */
static double pr_interpolated_part(counts all, counts low, counts high)
{
    const double P0 = low.tp + low.fp, P1 = high.tp + high.fp, dtp = low.tp - high.tp;
    const double slope = ls_divide_no_nan(dtp, P0 > P1 ? P0 - P1 : 0.0), intercept = high.tp - slope * P1;
    const double log_ratio = P0 > 0.0 && P1 > 0.0 ? ls_log_double(P0 / P1) : 0.0;

    return ls_divide_no_nan(slope * (dtp + intercept * log_ratio), all.tp);
}

static double area_of(const auc *c, const double *totals)
{
    const size_t T = thresholds(c);
    counts all = {0.0, 0.0}, high = {0.0, 0.0};
    double area = 0.0;

    for (size_t i = 0; i < T; i++) {
        all.tp += totals[i];
        all.fp += totals[T + i];
    }
    high = (counts){totals[T - 1], totals[2 * T - 1]};
    for (size_t i = T - 1; i-- > 0;) {
        const counts low = {high.tp + totals[i], high.fp + totals[T + i]};

        if (c->curve == ROC)
            area += roc_part(c->summation_method, all, low, high);
        else if (c->summation_method == INTERPOLATION)
            area += pr_interpolated_part(all, low, high);
        else
            area += pr_part(c->summation_method, all, low, high);
        high = low;
    }
    return area;
}

static double result(const void *config, const double *totals, size_t n)
{
    const auc *const c = config;
    double sum = 0.0, weights = 0.0;

    if (!c->multi_label)
        return area_of(c, totals);
    for (size_t i = 0; i < n; i++) {
        const double weight = c->label_weights.count ? c->label_weights.value[i] : 1.0;

        sum += weight * area_of(c, totals + 2 * thresholds(c) * i);
        weights += weight;
    }
    return ls_divide_no_nan(sum, weights);
}

static const ls_option options[] = {
    {.name = "num_thresholds",
     .kind = LS_OPTION_INT,
     .offset = offsetof(auc, num_thresholds),
     .initial = "200",
     .min = 2.0,
     .max = 65536.0},
    {.name = "curve", .kind = LS_OPTION_CHOICE, .offset = offsetof(auc, curve), .initial = "ROC", .choices = curves},
    {.name = "summation_method",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(auc, summation_method),
     .initial = "interpolation",
     .choices = methods},
    {.name = "thresholds",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(auc, thresholds),
     .initial = "null",
     .nullable = true,
     .max = 1.0},
    {.name = "multi_label", .kind = LS_OPTION_BOOL, .offset = offsetof(auc, multi_label), .initial = "false"},
    {.name = "num_labels",
     .kind = LS_OPTION_INT,
     .offset = offsetof(auc, num_labels),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 0x1p31},
    {.name = "label_weights",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(auc, label_weights),
     .initial = "null",
     .nullable = true,
     .max = INFINITY},
    {.name = "from_logits", .kind = LS_OPTION_BOOL, .offset = offsetof(auc, from_logits), .initial = "false"},
    {.name = NULL},
};

const ls_metric_ops ls_auc = {
    .ops = {.name = "auc", .keras_name = "AUC", .options = options, .config_bytes = sizeof(auc)},
    .direction = LS_METRIC_UP,
    .fits = fits,
    .width = width,
    .update = update,
    .result = result,
};
