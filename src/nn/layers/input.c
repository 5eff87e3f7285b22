/*
 * Input: where a batch enters the graph. Its output buffer is filled by the trainer; there is nothing to compute. And
 * where something enters a model within the model: Y = X.
 */
#include <stddef.h>

#include "nn/layers/layers.h"

typedef struct input_config {
    ls_ints shape;
} input_config;

static const ls_option options[] = {
    {.name = "shape",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(input_config, shape),
     .initial = "null",
     .nullable = true, /* a scalar per sample: shape: [] */
     .min = 1,
     .max = 1e12},
    {.name = NULL},
};

static ls_status build_input(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const input_config *config = layer->config;

    (void)in;
    (void)inputs;
    if (config->shape.count > LS_AXES_MAX)
        return ls_layer_fail(layer, "an input has at most %d axes besides the samples", LS_AXES_MAX);
    out->axes = config->shape.count;
    for (size_t i = 0; i < out->axes; i++)
        out->dim[i] = (size_t)config->shape.value[i];
    return ls_shape_check(out, "input");
}

static void forward_input(const ls_call *call)
{
    (void)call;
}

const ls_layer_ops ls_input_layer = {
    .ops = {.name = "input", .keras_name = "InputLayer", .options = options, .config_bytes = sizeof(input_config)},
    .inputs_min = 0,
    .inputs_max = 0,
    .build = build_input,
    .forward = forward_input,
};

static ls_status build_inner_input(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const input_config *config = layer->config;
    char want[LS_SHAPE_TEXT_BYTES], got[LS_SHAPE_TEXT_BYTES];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = *in;
    if (config->shape.count == 0) /* its own description does not say */
        return LS_OK;
    LS_TRY(build_input(layer, in, inputs, out));
    if (ls_shape_equal(out, in))
        return LS_OK;
    return ls_layer_fail(layer, "the model takes inputs of shape %s, but gets %s", ls_shape_format(out, want),
                         ls_shape_format(in, got));
}

const ls_layer_ops ls_inner_input_layer = {
    .ops = {.name = "input", .keras_name = "InputLayer", .options = options, .config_bytes = sizeof(input_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_inner_input,
    .moves_values = true,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};

bool ls_layer_is_input(const ls_layer *layer)
{
    return layer->ops == &ls_input_layer || layer->ops == &ls_inner_input_layer;
}
