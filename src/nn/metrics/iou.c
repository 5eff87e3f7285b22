/*
 * Intersection over union of classes, from the table of true and predicted classes (num_classes x num_classes, the
 * sums):
 *
 *     iou of class c = tp / (row c + column c - tp + 1e-7), and then the mean over the wanted classes that occur
 *
 * iou, mean_iou: targets and predictions are class numbers or, where a sparse_ option is false, one value per class,
 * whose largest counts. one_hot_iou, one_hot_mean_iou: targets are one-hot. binary_iou: the class of a prediction is
 * whether it reaches the threshold. Numbers outside the classes and ignore_class do not count.
 */
#include "nn/metrics/metrics.h"

#define EPSILON 1e-7

typedef struct iou {
    int64_t num_classes;      /* 0: of binary_iou, 2 */
    ls_ints target_class_ids; /* count 0: all */
    int64_t ignore_class;     /* -1: none */
    bool sparse_y_true, sparse_y_pred;
    double threshold; /* of binary_iou */
} iou;

static size_t classes_of(const iou *c)
{
    return c->num_classes ? (size_t)c->num_classes : 2;
}

/* SIZE_MAX: none of the classes. */
static size_t class_of(const iou *c, float value)
{
    return value > -1.0f && value < (float)classes_of(c) ? (size_t)value : SIZE_MAX;
}

static size_t largest_of(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static size_t width(const void *config, size_t n)
{
    const size_t classes = classes_of(config);

    (void)n;
    return classes * classes;
}

static void count(const iou *c, double *sums, size_t truth, size_t predicted, double weight)
{
    const size_t classes = classes_of(c);
    const bool ignored = c->num_classes && c->ignore_class >= 0 && truth == (size_t)c->ignore_class;

    if (truth < classes && predicted < classes && !ignored)
        sums[truth * classes + predicted] += weight;
}

static void clear(const void *config, double *sums)
{
    for (size_t i = 0; i < width(config, 0); i++)
        sums[i] = 0.0;
}

/* Both sparse: an element is a class number on both sides. */
static void update_numbers(const iou *c, const ls_metric_call *call)
{
    for (size_t r = 0; r < call->positions; r++)
        for (size_t i = r * call->n; i < (r + 1) * call->n; i++)
            count(c, call->sums, class_of(c, call->target[i]), class_of(c, call->pred[i]), ls_metric_weight(call, r));
}

static void update(const void *config, const ls_metric_call *call)
{
    const iou *const c = config;

    clear(config, call->sums);
    if (c->sparse_y_true && c->sparse_y_pred) {
        update_numbers(c, call);
        return;
    }
    for (size_t r = 0; r < call->positions; r++) {
        const float *p = call->pred + r * call->n;
        const size_t truth =
            c->sparse_y_true ? class_of(c, call->target[r]) : largest_of(call->target + r * call->n, call->n);

        count(c, call->sums, truth, largest_of(p, call->n), ls_metric_weight(call, r));
    }
}

static void update_binary(const void *config, const ls_metric_call *call)
{
    const iou *const c = config;

    clear(config, call->sums);
    for (size_t r = 0; r < call->positions; r++)
        for (size_t i = r * call->n; i < (r + 1) * call->n; i++)
            count(c, call->sums, class_of(c, call->target[i]), call->pred[i] >= (float)c->threshold,
                  ls_metric_weight(call, r));
}

static double result(const void *config, const double *totals, size_t n)
{
    const iou *const c = config;
    const size_t classes = classes_of(c), wanted = c->target_class_ids.count;
    double sum = 0.0, valid = 0.0;

    (void)n;
    for (size_t k = 0; k < (wanted ? wanted : classes); k++) {
        const size_t id = wanted ? (size_t)c->target_class_ids.value[k] : k;
        double all = -totals[id * classes + id];

        for (size_t i = 0; i < classes; i++)
            all += totals[id * classes + i] + totals[i * classes + id];
        if (all > 1e-9) {
            sum += totals[id * classes + id] / (all + EPSILON);
            valid += 1.0;
        }
    }
    return sum / (valid + EPSILON);
}

static bool sparse(const void *config)
{
    const iou *const c = config;

    return c->sparse_y_true && !c->sparse_y_pred;
}

static ls_status check(const void *config, const ls_config *at)
{
    const iou *const c = config;

    for (size_t i = 0; i < c->target_class_ids.count; i++)
        if (c->target_class_ids.value[i] >= (int64_t)classes_of(c))
            return ls_config_fail(at, "target_class_ids names class %lld, but the classes are 0 to %zu",
                                  (long long)c->target_class_ids.value[i], classes_of(c) - 1);
    if (!c->sparse_y_true && c->sparse_y_pred)
        return ls_config_fail(at, "sparse_y_pred: true with sparse_y_true: false compares one number with several; "
                                  "say sparse_y_pred: false, too");
    return LS_OK;
}

#define NUM_CLASSES                                                                                               \
    {                                                                                                             \
        .name = "num_classes", .kind = LS_OPTION_INT, .offset = offsetof(iou, num_classes), .min = 2, .max = 4096 \
    }
#define IDS .name = "target_class_ids", .kind = LS_OPTION_INTS, .offset = offsetof(iou, target_class_ids), .max = 4095

#define IGNORE                                                                                                   \
    {                                                                                                            \
        .name = "ignore_class", .kind = LS_OPTION_INT, .offset = offsetof(iou, ignore_class), .initial = "null", \
        .nullable = true, .max = 4095                                                                            \
    }
#define SPARSE(field)                                                                             \
    {                                                                                             \
        .name = #field, .kind = LS_OPTION_BOOL, .offset = offsetof(iou, field), .initial = "true" \
    }

static const ls_option iou_options[] = {
    NUM_CLASSES, {IDS}, IGNORE, SPARSE(sparse_y_true), SPARSE(sparse_y_pred), {.name = NULL},
};
static const ls_option mean_options[] = {
    NUM_CLASSES, IGNORE, SPARSE(sparse_y_true), SPARSE(sparse_y_pred), {.name = NULL},
};
static const ls_option one_hot_options[] = {NUM_CLASSES, {IDS}, IGNORE, {.name = NULL}};
static const ls_option one_hot_mean_options[] = {NUM_CLASSES, IGNORE, {.name = NULL}};
static const ls_option binary_options[] = {
    {IDS, .initial = "[0, 1]"},
    {.name = "threshold", .kind = LS_OPTION_FLOAT, .offset = offsetof(iou, threshold), .initial = "0.5"},
    {.name = NULL},
};

#define TABLE(id, class_name, table, counts)                                                                           \
    const ls_metric_ops ls_##id = {                                                                                    \
        .ops = {.name = #id, .keras_name = class_name, .options = table, .config_bytes = sizeof(iou), .check = check}, \
        .direction = LS_METRIC_UP,                                                                                     \
        .sparse = sparse,                                                                                              \
        .width = width,                                                                                                \
        .update = counts,                                                                                              \
        .result = result,                                                                                              \
    }

TABLE(iou, "IoU", iou_options, update);
TABLE(mean_iou, "MeanIoU", mean_options, update);
TABLE(one_hot_iou, "OneHotIoU", one_hot_options, update);
TABLE(one_hot_mean_iou, "OneHotMeanIoU", one_hot_mean_options, update);
TABLE(binary_iou, "BinaryIoU", binary_options, update_binary);
