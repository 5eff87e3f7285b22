/* The registry of activations. */
#include "nn/activations/activations.h"

#define ENTRY(name) &ls_activation_##name.ops,

static const ls_ops *const entries[] = {LS_ACTIVATION_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"celu", NULL},        {"glu", NULL},
    {"hard_shrink", NULL}, {"hard_silu", NULL},
    {"hard_swish", NULL},  {"hard_tanh", NULL},
    {"log_sigmoid", NULL}, {"log_softmax", NULL},
    {"mish", NULL},        {"prelu", NULL},
    {"relu6", NULL},       {"soft_shrink", NULL},
    {"sparse_plus", NULL}, {"sparse_sigmoid", NULL},
    {"sparsemax", NULL},   {"squareplus", NULL},
    {"tanh_shrink", NULL}, {"threshold", NULL},
    {NULL, NULL},
};

const ls_registry ls_activations = {.what = "activation", .entries = entries, .lacking = lacking};

const ls_activation_ops *ls_activation(const ls_component *component)
{
    const ls_activation_ops *ops;

    if (!component->ops || component->ops == &ls_activation_linear.ops)
        return NULL;
    ops = (const ls_activation_ops *)component->ops;
    return ops->variant ? ops->variant(component->config) : ops;
}
