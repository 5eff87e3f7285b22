/* The registry of activations. */
#include "nn/activations/activations.h"

#define ENTRY(name) &ls_activation_##name.ops,

static const ls_ops *const entries[] = {LS_ACTIVATION_LIST(ENTRY) NULL};

const ls_registry ls_activations = {"activation", entries};

const ls_activation_ops *ls_activation(const ls_component *component)
{
    if (!component->ops || component->ops == &ls_activation_linear.ops)
        return NULL;
    return (const ls_activation_ops *)component->ops;
}
