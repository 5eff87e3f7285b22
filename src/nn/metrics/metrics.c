/* The registry of metrics, what "accuracy" means, and whether a metric fits an output and its targets. */
#include "nn/metrics/metrics.h"

#include "nn/losses/losses.h"

static const ls_ops *const entries[] = {
    &ls_accuracy.ops,
    &ls_binary_accuracy.ops,
    &ls_categorical_accuracy.ops,
    &ls_sparse_categorical_accuracy.ops,
    &ls_top_k_categorical_accuracy.ops,
    &ls_sparse_top_k_categorical_accuracy.ops,
    &ls_mean_squared_error_metric.ops,
    &ls_root_mean_squared_error_metric.ops,
    &ls_mean_absolute_error_metric.ops,
    &ls_mean_absolute_percentage_error_metric.ops,
    &ls_mean_squared_logarithmic_error_metric.ops,
    &ls_r2_score.ops,
    &ls_auc.ops,
    &ls_precision.ops,
    &ls_recall.ops,
    &ls_cosine_similarity_metric.ops,
    &ls_log_cosh_metric.ops,
    &ls_kl_divergence_metric.ops,
    &ls_poisson_metric.ops,
    &ls_categorical_hinge_metric.ops,
    &ls_binary_crossentropy_metric.ops,
    &ls_categorical_crossentropy_metric.ops,
    &ls_sparse_categorical_crossentropy_metric.ops,
    NULL,
};

const ls_registry ls_metrics = {"metric", entries};

ls_status ls_metric_resolve(const ls_component *named, size_t n, bool sparse, ls_component *out)
{
    if (named->ops != &ls_accuracy.ops)
        return ls_component_copy(named, out);
    return ls_component_default(&ls_metrics,
                                n == 1   ? "binary_accuracy"
                                : sparse ? "sparse_categorical_accuracy"
                                         : "categorical_accuracy",
                                out);
}

ls_status ls_metric_check(const ls_component *metric, const ls_shape *output, const ls_shape *target,
                          const ls_config *at)
{
    const ls_metric_ops *const ops = (const ls_metric_ops *)metric->ops;
    size_t positions;

    LS_TRY(ls_target_check("metric", ops->ops.name, ops->sparse_targets, false, output, target, at, &positions));
    return ops->fits ? ops->fits(metric->config, output->dim[output->rank - 1], at) : LS_OK;
}
