/* The registry of activations. */
#include "nn/activations/activations.h"

#define ENTRY(name) &ls_activation_##name.ops,

static const ls_ops *const entries[] = {LS_ACTIVATION_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there. */
static const char *const lacking[] = {
    "celu",        "glu",        "hard_shrink", "hard_silu", "hard_swish",  "hard_tanh",   "log_sigmoid",
    "log_softmax", "mish",       "prelu",       "relu6",     "soft_shrink", "sparse_plus", "sparse_sigmoid",
    "sparsemax",   "squareplus", "tanh_shrink", "threshold", NULL};

const ls_registry ls_activations = {.what = "activation", .entries = entries, .lacking = lacking};

const ls_activation_ops *ls_activation(const ls_component *component)
{
    const ls_activation_ops *ops;

    if (!component->ops || component->ops == &ls_activation_linear.ops)
        return NULL;
    ops = (const ls_activation_ops *)component->ops;
    return ops->variant ? ops->variant(component->config) : ops;
}
