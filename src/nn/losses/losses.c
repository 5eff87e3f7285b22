/* The registry of losses, and whether a loss fits an output and its targets. */
#include "nn/losses/losses.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_LOSS_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"circle", "it compares every sample of a batch with every other, and a rank has its own samples only"},
    {"crossentropy", "say which: binary_crossentropy, categorical_crossentropy or sparse_categorical_crossentropy"},
    {"ctc", "its targets are as long as a label and not as an output, which losses here are not made for"},
    {"dice",
     "it is one number of the whole batch, not a mean over samples, and a gradient is added up sample by sample"},
    {"tversky",
     "it is one number of the whole batch, not a mean over samples, and a gradient is added up sample by sample"},
    {NULL, NULL},
};

const ls_registry ls_losses = {.what = "loss", .entries = entries, .lacking = lacking};

bool ls_loss_takes_logits(const ls_component *loss, const ls_component *activation)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;
    const ls_activation_ops *const last = ls_activation(activation);

    return ops && last && ops->fused_logits != LS_LOGITS_NONE && last->logits != LS_LOGITS_NONE &&
           (!ops->own_logits_only || (int)last->logits == ops->fused_logits);
}

ls_status ls_loss_check(const ls_component *loss, const ls_shape *output, const ls_shape *target, const ls_config *at,
                        size_t *positions)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;

    if (ops == &ls_categorical_crossentropy && output->axes > 0 && output->dim[output->axes - 1] < 2)
        return ls_config_fail(at, "loss 'categorical_crossentropy' of a single output is always 0: it needs one output "
                                  "per class; for a single yes-no output use binary_crossentropy");
    return ls_target_check("loss", ops->ops.name, ops->sparse_targets, ops->sums_axis, output, target, at, positions);
}
