/* activation: Y = act(X). The layer copies; the engine applies its activation as it does for every layer. */
#include "nn/layers/layers.h"

typedef struct activation_config {
    ls_component activation;
} activation_config;

static ls_status build_activation(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    layer->activation = ((const activation_config *)layer->config)->activation;
    return LS_OK;
}

static const ls_option options[] = {
    {.name = "activation",
     .kind = LS_OPTION_COMPONENT,
     .offset = offsetof(activation_config, activation),
     .registry = &ls_activations},
    {.name = NULL},
};

const ls_layer_ops ls_layer_activation = {
    .ops = {.name = "activation",
            .keras_name = "Activation",
            .options = options,
            .config_bytes = sizeof(activation_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_activation,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};
