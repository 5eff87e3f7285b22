/* The registry of losses, and whether a loss fits an output and its targets. */
#include "nn/losses/losses.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_LOSS_LIST(ENTRY) NULL};

const ls_registry ls_losses = {"loss", entries};

ls_status ls_loss_check(const ls_component *loss, const ls_shape *output, const ls_shape *target, const ls_config *at,
                        size_t *positions)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;

    return ls_target_check("loss", ops->ops.name, ops->sparse_targets, ops->sums_axis, output, target, at, positions);
}
