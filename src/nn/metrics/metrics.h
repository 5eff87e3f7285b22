/* The metrics of this folder, and what they share. */
#ifndef LS_NN_METRICS_METRICS_H
#define LS_NN_METRICS_METRICS_H

#include "nn/metric.h"

extern const ls_metric_ops ls_accuracy, ls_binary_accuracy, ls_categorical_accuracy, ls_sparse_categorical_accuracy,
    ls_top_k_categorical_accuracy, ls_sparse_top_k_categorical_accuracy;
extern const ls_metric_ops ls_mean_squared_error_metric, ls_mean_absolute_error_metric,
    ls_mean_absolute_percentage_error_metric, ls_mean_squared_logarithmic_error_metric,
    ls_root_mean_squared_error_metric, ls_log_cosh_metric, ls_kl_divergence_metric, ls_poisson_metric,
    ls_categorical_hinge_metric, ls_cosine_similarity_metric, ls_binary_crossentropy_metric,
    ls_categorical_crossentropy_metric, ls_sparse_categorical_crossentropy_metric;
extern const ls_metric_ops ls_auc, ls_precision, ls_recall, ls_r2_score;

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

/* Metrics that are weighted means hold two sums: of weight x value, and of weights. */
size_t ls_mean_width(const void *config, size_t n);
double ls_mean_result(const void *config, const double *totals, size_t n);

#endif
