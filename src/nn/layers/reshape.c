/* reshape: the same elements in row-major order under another shape; one dimension may be -1, "whatever is left". */
#include "nn/layers/layers.h"

typedef struct reshape_config {
    ls_ints target_shape;
} reshape_config;

static ls_status build_reshape(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const ls_ints *target = &((const reshape_config *)layer->config)->target_shape;
    const size_t size = ls_shape_size(&in[0]);
    char text[LS_SHAPE_TEXT_BYTES];
    size_t known = 1, free_axis = SIZE_MAX;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    if (target->count > LS_AXES_MAX)
        return ls_layer_fail(layer, "target_shape has %zu dimensions; at most %d are possible", target->count,
                             LS_AXES_MAX);
    *out = (ls_shape){.axes = target->count};
    for (size_t i = 0; i < target->count; i++) {
        if (target->value[i] == 0 || (target->value[i] == -1 && free_axis != SIZE_MAX))
            return ls_layer_fail(layer, "target_shape takes positive dimensions and at most one -1");
        if (target->value[i] == -1) {
            free_axis = i;
            continue;
        }
        out->dim[i] = (size_t)target->value[i];
        known = out->dim[i] > size ? 0 : known * out->dim[i]; /* 0: too large already */
        if (known == 0 || known > size)
            break;
    }
    if (free_axis != SIZE_MAX && known > 0)
        out->dim[free_axis] = size / known;
    if (known == 0 || size % known != 0 || (free_axis == SIZE_MAX && known != size))
        return ls_layer_fail(layer, "target_shape does not have as many elements as the input %s: %zu",
                             ls_shape_format_batch(&in[0], text), size);
    return LS_OK;
}

static const ls_option options[] = {
    {.name = "target_shape",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(reshape_config, target_shape),
     .min = -1,
     .max = 0x1p31},
    {.name = NULL},
};

const ls_layer_ops ls_layer_reshape = {
    .ops = {.name = "reshape", .keras_name = "Reshape", .options = options, .config_bytes = sizeof(reshape_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .moves_values = true,
    .build = build_reshape,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};
