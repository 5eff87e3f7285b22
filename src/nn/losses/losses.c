/* The registry of losses, and whether a loss fits an output and its targets. */
#include "nn/losses/losses.h"

static const ls_ops *const entries[] = {
    &ls_mean_squared_error.ops,
    &ls_mean_absolute_error.ops,
    &ls_mean_absolute_percentage_error.ops,
    &ls_mean_squared_logarithmic_error.ops,
    &ls_huber.ops,
    &ls_log_cosh.ops,
    &ls_binary_crossentropy.ops,
    &ls_categorical_crossentropy.ops,
    &ls_sparse_categorical_crossentropy.ops,
    &ls_kl_divergence.ops,
    &ls_hinge.ops,
    &ls_squared_hinge.ops,
    &ls_categorical_hinge.ops,
    &ls_cosine_similarity_loss.ops,
    &ls_poisson.ops,
    NULL,
};

const ls_registry ls_losses = {"loss", entries};

ls_status ls_loss_check(const ls_component *loss, const ls_shape *output, const ls_shape *target, const ls_config *at,
                        size_t *positions)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;

    return ls_target_check("loss", ops->ops.name, ops->sparse_targets, ops->sums_axis, output, target, at, positions);
}
