/* rescaling: Y = X scale + offset. */
#include "nn/layers/layers.h"

typedef struct rescaling {
    double scale, offset;
} rescaling;

static ls_status build_rescaling(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    return layer->built ? ls_layer_same_inputs(layer, in, inputs) : LS_OK;
}

static LS_CLONES void scale_to(const float *restrict x, float *restrict y, size_t n, float scale, float offset)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale + offset;
}

static void forward_rescaling(const ls_call *call)
{
    const rescaling *config = call->layer->config;

    scale_to(call->X[0], call->Y, call->rows * ls_shape_size(&call->layer->in_shape[0]), (float)config->scale,
             (float)config->offset);
}

static LS_CLONES void add_scaled(const float *restrict dy, float *restrict dx, size_t n, float scale, bool first_use)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = (first_use ? 0.0f : dx[i]) + dy[i] * scale;
}

static void backward_rescaling(const ls_call *call)
{
    if (call->dX[0])
        add_scaled(call->dY, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]),
                   (float)((const rescaling *)call->layer->config)->scale, call->first_use);
}

static const ls_option options[] = {
    {.name = "scale", .kind = LS_OPTION_FLOAT, .offset = offsetof(rescaling, scale)},
    {.name = "offset", .kind = LS_OPTION_FLOAT, .offset = offsetof(rescaling, offset), .initial = "0.0"},
    {.name = NULL},
};

const ls_layer_ops ls_layer_rescaling = {
    .ops = {.name = "rescaling", .keras_name = "Rescaling", .options = options, .config_bytes = sizeof(rescaling)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_rescaling,
    .mask_shape = ls_mask_pass,
    .forward = forward_rescaling,
    .backward = backward_rescaling,
};
