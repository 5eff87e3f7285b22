/* permute: axis i of the output is axis dims[i] of the input, counted from 1 without the batch axis (Keras). */
#include "nn/layers/layers.h"
#include "nn/layers/walk.h"

typedef struct permute_config {
    ls_ints dims;
} permute_config;

static ls_status build_permute(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const ls_ints *dims = &((const permute_config *)layer->config)->dims;
    bool seen[LS_AXES_MAX] = {false};
    char text[LS_SHAPE_TEXT_BYTES];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    out->axes = in[0].axes;
    if (dims->count != in[0].axes)
        return ls_layer_fail(layer, "dims has %zu entries, but the input is %s", dims->count,
                             ls_shape_format_batch(&in[0], text));
    for (size_t i = 0; i < dims->count; i++) {
        const size_t axis = (size_t)dims->value[i] - 1;

        if (axis >= in[0].axes || seen[axis])
            return ls_layer_fail(layer, "dims must hold every number from 1 to %zu once", in[0].axes);
        seen[axis] = true;
        out->dim[i] = in[0].dim[axis];
    }
    return LS_OK;
}

/* Strides of the input along the axes of the output. */
static void strides_of(const ls_layer *layer, size_t stride[LS_AXES_MAX])
{
    const ls_ints *dims = &((const permute_config *)layer->config)->dims;
    const ls_shape *in = &layer->in_shape[0];

    for (size_t i = 0; i < in->axes; i++) {
        stride[i] = 1;
        for (size_t k = (size_t)dims->value[i]; k < in->axes; k++)
            stride[i] *= in->dim[k];
    }
}

static void forward_permute(const ls_call *call)
{
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    size_t stride[LS_AXES_MAX];

    strides_of(call->layer, stride);
    for (size_t r = 0; r < call->rows; r++) {
        ls_walk w = {.shape = &call->layer->out_shape, .stride = stride};

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            call->Y[r * n + i] = call->X[0][r * n + w.offset];
    }
}

static void backward_permute(const ls_call *call)
{
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float *dX = call->dX[0];
    size_t stride[LS_AXES_MAX];

    if (!dX)
        return;
    strides_of(call->layer, stride);
    for (size_t r = 0; r < call->rows; r++) {
        ls_walk w = {.shape = &call->layer->out_shape, .stride = stride};

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            dX[r * n + w.offset] = (call->first_use ? 0.0f : dX[r * n + w.offset]) + call->dY[r * n + i];
    }
}

static const ls_option options[] = {
    {.name = "dims", .kind = LS_OPTION_INTS, .offset = offsetof(permute_config, dims), .min = 1, .max = LS_AXES_MAX},
    {.name = NULL},
};

const ls_layer_ops ls_layer_permute = {
    .ops = {.name = "permute", .keras_name = "Permute", .options = options, .config_bytes = sizeof(permute_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .moves_values = true,
    .build = build_permute,
    .forward = forward_permute,
    .backward = backward_permute,
};
