/* The registry of activations. */
#include "nn/activations/activations.h"

#define ENTRY(name) &ls_activation_##name.ops,

static const ls_ops *const entries[] = {LS_ACTIVATION_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"glu",
     "it halves the last axis, which Keras's own layers do not reckon with: what follows gets another shape than "
     "it was built for"},
    {"prelu", "it has weights: write it as a layer, prelu: {}"},
    {"sparsemax", "it is not sparsemax in Keras 3.15, whose threshold adds up running sums: its outputs do not add up "
                  "to 1"},
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
