/* The registry of metrics, what "accuracy" means, and whether a metric fits an output and its targets. */
#include "nn/metrics/metrics.h"

#include "nn/losses/losses.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_METRIC_LIST(ENTRY) NULL};

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
    return ops->fits ? ops->fits(metric->config, output->dim[output->axes - 1], at) : LS_OK;
}
