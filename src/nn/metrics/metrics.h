/* The metrics of this folder, and what they share. */
#ifndef LS_NN_METRICS_METRICS_H
#define LS_NN_METRICS_METRICS_H

#include "nn/metric.h"

/* All metrics, in the order of messages and tests. A new metric is a file in this folder and a line here. */
#define LS_METRIC_LIST(X)                    \
    X(accuracy)                              \
    X(binary_accuracy)                       \
    X(categorical_accuracy)                  \
    X(sparse_categorical_accuracy)           \
    X(top_k_categorical_accuracy)            \
    X(sparse_top_k_categorical_accuracy)     \
    X(mean_squared_error_metric)             \
    X(root_mean_squared_error_metric)        \
    X(mean_absolute_error_metric)            \
    X(mean_absolute_percentage_error_metric) \
    X(mean_squared_logarithmic_error_metric) \
    X(r2_score)                              \
    X(auc)                                   \
    X(precision)                             \
    X(recall)                                \
    X(true_positives)                        \
    X(true_negatives)                        \
    X(false_positives)                       \
    X(false_negatives)                       \
    X(sensitivity_at_specificity)            \
    X(specificity_at_sensitivity)            \
    X(precision_at_recall)                   \
    X(recall_at_precision)                   \
    X(f1_score)                              \
    X(fbeta_score)                           \
    X(iou)                                   \
    X(mean_iou)                              \
    X(one_hot_iou)                           \
    X(one_hot_mean_iou)                      \
    X(binary_iou)                            \
    X(pearson_correlation)                   \
    X(concordance_correlation)               \
    X(cosine_similarity_metric)              \
    X(log_cosh_metric)                       \
    X(kl_divergence_metric)                  \
    X(poisson_metric)                        \
    X(hinge_metric)                          \
    X(squared_hinge_metric)                  \
    X(categorical_hinge_metric)              \
    X(binary_crossentropy_metric)            \
    X(categorical_crossentropy_metric)       \
    X(sparse_categorical_crossentropy_metric)

#define LS_METRIC_DECLARE(name) extern const ls_metric_ops ls_##name;
LS_METRIC_LIST(LS_METRIC_DECLARE)

/* The weight of position r. */
static inline double ls_metric_weight(const ls_metric_call *call, size_t r)
{
    return call->weight ? (double)call->weight[r] : 1.0;
}

/* a / b, or 0 if b is 0. */
static inline double ls_divide_no_nan(double a, double b)
{
    return b != 0.0 ? a / b : 0.0;
}

/* Does the output, of n classes, have the class? -1 is all of them. LS_ERR_CONFIG at `at`. */
static inline ls_status ls_metric_check_class(int64_t class_id, size_t n, const ls_config *at)
{
    if (class_id >= 0 && (size_t)class_id >= n)
        return ls_config_fail(at, "class_id %lld does not exist: the output has %zu classes, 0 to %zu",
                              (long long)class_id, n, n - 1);
    return LS_OK;
}

/* Metrics that are weighted means hold two sums: of weight x value, and of weights. */
size_t ls_mean_width(const void *config, size_t n);
double ls_mean_result(const void *config, const double *totals, size_t n);

#endif
