/* The registry of activations. */
#include "nn/activations/activations.h"

static const ls_ops *const entries[] = {
    &ls_activation_linear.ops,   &ls_activation_relu.ops,         &ls_activation_leaky_relu.ops,
    &ls_activation_elu.ops,      &ls_activation_selu.ops,         &ls_activation_sigmoid.ops,
    &ls_activation_tanh.ops,     &ls_activation_hard_sigmoid.ops, &ls_activation_softmax.ops,
    &ls_activation_softplus.ops, &ls_activation_softsign.ops,     &ls_activation_silu.ops,
    &ls_activation_gelu.ops,     &ls_activation_exponential.ops,  NULL,
};

const ls_registry ls_activations = {"activation", entries};

const ls_activation_ops *ls_activation(const ls_component *component)
{
    if (!component->ops || component->ops == &ls_activation_linear.ops)
        return NULL;
    return (const ls_activation_ops *)component->ops;
}
