/* flatten: (…) -> (product). Rows lie one after the other already, so it is a copy. */
#include "nn/layers/layers.h"

typedef struct flatten_config {
    int data_format;
} flatten_config;

static ls_status build_flatten(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = (ls_shape){.axes = 1, .dim = {ls_shape_size(in)}};
    return ls_shape_check(out, "the output of flatten");
}

static const ls_option options[] = {
    LS_DATA_FORMAT_OPTION(flatten_config),
    {.name = NULL},
};

const ls_layer_ops ls_layer_flatten = {
    .ops = {.name = "flatten", .keras_name = "Flatten", .options = options, .config_bytes = sizeof(flatten_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .moves_values = true,
    .build = build_flatten,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};
