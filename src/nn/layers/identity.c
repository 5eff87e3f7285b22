/* identity: Y = X. */
#include "nn/layers/layers.h"

static ls_status build_identity(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    return layer->built ? ls_layer_same_inputs(layer, in, inputs) : LS_OK;
}

const ls_layer_ops ls_layer_identity = {
    .ops = {.name = "identity", .keras_name = "Identity"},
    .inputs_min = 1,
    .inputs_max = 1,
    .moves_values = true,
    .build = build_identity,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};
