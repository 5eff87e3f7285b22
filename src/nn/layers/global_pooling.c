/*
 * global_average_pooling1d, 2d, 3d and global_max_pooling1d, 2d, 3d: the mean or the maximum of a channel over all
 * places, (…,C) -> (C), or (1,…,C) with keepdims. The mean over steps leaves masked ones out. The gradient of a maximum
 * goes to its first place.
 */
#include <string.h>

#include "nn/layers/window.h"

typedef struct global_pooling {
    int data_format;
    bool keepdims;
} global_pooling;

static ls_status build_global(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    LS_TRY(ls_window_check_input(layer, &in[0], axes));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = (ls_shape){.axes = 1, .dim = {in[0].dim[axes]}};
    if (((const global_pooling *)layer->config)->keepdims) {
        out->axes = axes + 1;
        for (size_t i = 0; i < axes; i++)
            out->dim[i] = 1;
        out->dim[axes] = in[0].dim[axes];
    }
    return LS_OK;
}

static size_t channels_of(const ls_call *call)
{
    return ls_shape_size(&call->layer->out_shape);
}

static size_t cells_of(const ls_call *call)
{
    return ls_shape_size(&call->layer->in_shape[0]) / channels_of(call);
}

/* Only the mean over steps takes a mask; of places in images none counts in Keras. */
static ls_status mask_shape_steps(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                  ls_shape *out)
{
    (void)inputs;
    (void)out;
    *has = false;
    if (in[0] && (in[0]->axes != 1 || in[0]->dim[0] != layer->in_shape[0].dim[0]))
        return ls_layer_fail(layer, "takes a mask of one number for each step");
    return LS_OK;
}

/* The mask of a sample's steps, NULL if all count, and how many do. */
static const float *steps_of(const ls_call *call, size_t row, float *n)
{
    const float *mask = call->layer->ops->takes_mask ? ls_call_mask(call, 0) : NULL;

    *n = (float)cells_of(call);
    if (!mask)
        return NULL;
    mask += row * cells_of(call);
    *n = (float)ls_sum(mask, cells_of(call));
    return mask;
}

static void forward_average(const ls_call *call)
{
    const size_t cells = cells_of(call), channels = channels_of(call);

    for (size_t r = 0; r < call->rows; r++) {
        const float *x = call->X[0] + r * cells * channels;
        float *y = call->Y + r * channels, n;
        const float *mask = steps_of(call, r, &n);

        if (mask)
            memset(y, 0, channels * sizeof *y);
        else
            ls_sum_rows(x, cells, channels, y);
        for (size_t cell = 0; mask && cell < cells; cell++)
            if (mask[cell] != 0.0f)
                ls_add(x + cell * channels, y, channels);
        for (size_t i = 0; i < channels; i++)
            y[i] /= n;
    }
}

static void backward_average(const ls_call *call)
{
    const size_t cells = cells_of(call), channels = channels_of(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * cells * channels);
    for (size_t r = 0; r < call->rows; r++) {
        float n;
        const float *mask = steps_of(call, r, &n);

        for (size_t cell = 0; cell < cells; cell++)
            for (size_t i = 0; (!mask || mask[cell] != 0.0f) && i < channels; i++)
                call->dX[0][(r * cells + cell) * channels + i] += call->dY[r * channels + i] / n;
    }
}

static void forward_max(const ls_call *call)
{
    const size_t cells = cells_of(call), channels = channels_of(call);

    for (size_t r = 0; r < call->rows; r++) {
        const float *x = call->X[0] + r * cells * channels;
        float *y = call->Y + r * channels;

        ls_copy(x, y, channels);
        for (size_t cell = 1; cell < cells; cell++)
            for (size_t i = 0; i < channels; i++) {
                const float v = x[cell * channels + i];

                y[i] = v > y[i] || v != v ? v : y[i]; /* NaN wins, so that it is seen */
            }
    }
}

static void backward_max(const ls_call *call)
{
    const size_t cells = cells_of(call), channels = channels_of(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * cells * channels);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t i = 0; i < channels; i++) {
            const float *x = call->X[0] + r * cells * channels + i;
            size_t best = 0;

            for (size_t cell = 1; cell < cells; cell++)
                best = x[cell * channels] > x[best * channels] ? cell : best;
            call->dX[0][(r * cells + best) * channels + i] += call->dY[r * channels + i];
        }
}

static const ls_option options[] = {
    LS_DATA_FORMAT_OPTION(global_pooling),
    {.name = "keepdims", .kind = LS_OPTION_BOOL, .offset = offsetof(global_pooling, keepdims), .initial = "false"},
    {.name = NULL},
};

#define TABLE(id, class_name, short_name, short_class, built, way, ...)                                          \
    const ls_layer_ops ls_layer_##id = {.ops = {.name = #id,                                                     \
                                                .keras_name = class_name,                                        \
                                                .aliases = (const char *const[]){short_name, short_class, NULL}, \
                                                .options = options,                                              \
                                                .config_bytes = sizeof(global_pooling)},                         \
                                        .inputs_min = 1,                                                         \
                                        .inputs_max = 1,                                                         \
                                        .build = built,                                                          \
                                        .forward = forward_##way,                                                \
                                        .backward = backward_##way,                                              \
                                        __VA_ARGS__}

#define GLOBAL(axes, ...)                                                                                  \
    static ls_status build_global##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out) \
    {                                                                                                      \
        return build_global(layer, in, inputs, out, axes);                                                 \
    }                                                                                                      \
                                                                                                           \
    TABLE(global_average_pooling##axes##d, "GlobalAveragePooling" #axes "D", "global_avg_pool" #axes "d",  \
          "GlobalAvgPool" #axes "D", build_global##axes, average, __VA_ARGS__);                            \
    TABLE(global_max_pooling##axes##d, "GlobalMaxPooling" #axes "D", "global_max_pool" #axes "d",          \
          "GlobalMaxPool" #axes "D", build_global##axes, max, .takes_mask = false)

GLOBAL(1, .mask_shape = mask_shape_steps, .takes_mask = true);
GLOBAL(2, .takes_mask = false);
GLOBAL(3, .takes_mask = false);
