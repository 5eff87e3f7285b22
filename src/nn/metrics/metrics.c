/* The registry of metrics, what "accuracy" means, and whether a metric fits an output and its targets. */
#include "nn/metrics/metrics.h"

#include "nn/losses/losses.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_METRIC_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"accuracy", "it counts values that are equal: write accuracy, which looks for the class, or binary_accuracy"},
    {"mean", "it averages what a program hands it, not targets and predictions"},
    {"sum", "it adds up what a program hands it, not targets and predictions"},
    {"mean_metric_wrapper", "it wraps a function of its program, which no file can hold"},
    {NULL, NULL},
};

const ls_registry ls_metrics = {.what = "metric", .entries = entries, .lacking = lacking};

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

    LS_TRY(ls_target_check("metric", ops->ops.name, ops->sparse ? ops->sparse(metric->config) : ops->sparse_targets,
                           false, output, target, at, &positions));
    return ops->fits ? ops->fits(metric->config, output->dim[output->axes - 1], at) : LS_OK;
}
