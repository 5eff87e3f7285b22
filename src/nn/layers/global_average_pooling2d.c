/* global_average_pooling2d: mean over height and width, (H,W,C) -> (C), or (1,1,C) with keepdims. */
#include "nn/layers/layers.h"

typedef struct global_pooling {
    int data_format;
    bool keepdims;
} global_pooling;

static ls_status build_global_average(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    char text[LS_SHAPE_TEXT_BYTES];

    if (in[0].axes != 3)
        return ls_layer_fail(layer, "takes images of shape (None, height, width, channels), not %s",
                             ls_shape_format_batch(&in[0], text));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    if (((const global_pooling *)layer->config)->keepdims)
        *out = (ls_shape){3, {1, 1, in[0].dim[2]}};
    else
        *out = (ls_shape){1, {in[0].dim[2]}};
    return LS_OK;
}

static void forward_global_average(const ls_call *call)
{
    const ls_shape *in = &call->layer->in_shape[0];
    const size_t cells = in->dim[0] * in->dim[1], channels = in->dim[2];

    for (size_t r = 0; r < call->rows; r++) {
        float *y = call->Y + r * channels;

        ls_sum_rows(call->X[0] + r * cells * channels, cells, channels, y);
        for (size_t i = 0; i < channels; i++)
            y[i] /= (float)cells;
    }
}

static void backward_global_average(const ls_call *call)
{
    const ls_shape *in = &call->layer->in_shape[0];
    const size_t cells = in->dim[0] * in->dim[1], channels = in->dim[2];

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * cells * channels);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t cell = 0; cell < cells; cell++)
            for (size_t i = 0; i < channels; i++)
                call->dX[0][(r * cells + cell) * channels + i] += call->dY[r * channels + i] / (float)cells;
}

static const ls_option options[] = {
    LS_DATA_FORMAT_OPTION(global_pooling),
    {.name = "keepdims", .kind = LS_OPTION_BOOL, .offset = offsetof(global_pooling, keepdims), .initial = "false"},
    {.name = NULL},
};

const ls_layer_ops ls_layer_global_average_pooling2d = {
    .ops = {.name = "global_average_pooling2d",
            .keras_name = "GlobalAveragePooling2D",
            .aliases = (const char *const[]){"global_avg_pool2d", "GlobalAvgPool2D", NULL},
            .options = options,
            .config_bytes = sizeof(global_pooling)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_global_average,
    .forward = forward_global_average,
    .backward = backward_global_average,
};
