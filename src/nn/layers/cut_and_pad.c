/*
 * zero_padding1d, 2d, 3d: cells of zeros around a line, an image, a volume. cropping1d, 2d, 3d: cells taken off. Of
 * every axis so many in front and so many behind: padding: 2, padding: [1, 2] (height, width), padding: [[0, 1], [2,
 * 2]].
 */
#include "nn/layers/window.h"

#include <string.h>

typedef struct margins {
    ls_ints cells; /* in front, behind, of every axis */
    int data_format;
    size_t axes; /* set by build */
} margins;

static ls_status build_margins(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes,
                               bool crop)
{
    margins *config = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];

    LS_TRY(ls_window_check_input(layer, &in[0], axes));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    config->axes = axes;
    *out = in[0];
    for (size_t i = 0; i < axes; i++) {
        const size_t both = (size_t)(config->cells.value[2 * i] + config->cells.value[2 * i + 1]);

        if (crop && both >= in[0].dim[i])
            return ls_layer_fail(layer, "takes off %zu cells of an axis of %zu in %s", both, in[0].dim[i],
                                 ls_shape_format_batch(&in[0], text));
        out->dim[i] = crop ? in[0].dim[i] - both : in[0].dim[i] + both;
    }
    return ls_shape_check(out, "the output of a padding");
}

/* Where the small one begins in the large one, and how the rows along its last axis lie in both. */
typedef struct window_of_rows {
    const ls_shape *large, *small;
    size_t first; /* in floats */
    size_t step[2];
} window_of_rows;

static window_of_rows rows_of(const ls_call *call, bool crop)
{
    const margins *config = call->layer->config;
    window_of_rows w = {.large = crop ? &call->layer->in_shape[0] : &call->layer->out_shape,
                        .small = crop ? &call->layer->out_shape : &call->layer->in_shape[0]};
    size_t stride = w.large->dim[config->axes];

    for (size_t i = config->axes; i-- > 0; stride *= w.large->dim[i]) {
        w.first += (size_t)config->cells.value[2 * i] * stride;
        if (config->axes - i >= 2)
            w.step[config->axes - i - 2] = stride;
    }
    return w;
}

/* Calls visit(large, small, n) for every row of floats that lies in one piece in both. */
static inline void for_rows(const ls_call *call, bool crop, float *large, float *small,
                            void (*visit)(float *large, float *small, size_t n))
{
    const window_of_rows w = rows_of(call, crop);
    const size_t axes = w.small->axes - 1, n = w.small->dim[axes - 1] * w.small->dim[axes];
    const size_t middle = axes > 1 ? w.small->dim[axes - 2] : 1, outer = axes > 2 ? w.small->dim[0] : 1;

    for (size_t r = 0; r < call->rows; r++, large += ls_shape_size(w.large))
        for (size_t o = 0; o < outer; o++)
            for (size_t m = 0; m < middle; m++, small += n)
                visit(large + w.first + o * w.step[1] + m * w.step[0], small, n);
}

static void to_large(float *large, float *small, size_t n)
{
    ls_copy(small, large, n);
}

static void to_small(float *large, float *small, size_t n)
{
    ls_copy(large, small, n);
}

static void add_to_large(float *large, float *small, size_t n)
{
    ls_add(small, large, n);
}

static void add_to_small(float *large, float *small, size_t n)
{
    ls_add(large, small, n);
}

static void forward_pad(const ls_call *call)
{
    memset(call->Y, 0, call->rows * ls_shape_size(&call->layer->out_shape) * sizeof *call->Y);
    for_rows(call, false, call->Y, (float *)(uintptr_t)call->X[0], to_large);
}

static void backward_pad(const ls_call *call)
{
    if (call->dX[0])
        for_rows(call, false, (float *)(uintptr_t)call->dY, call->dX[0], call->first_use ? to_small : add_to_small);
}

static void forward_crop(const ls_call *call)
{
    for_rows(call, true, (float *)(uintptr_t)call->X[0], call->Y, to_small);
}

static void backward_crop(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_rows(call, true, call->dX[0], (float *)(uintptr_t)call->dY, add_to_large);
}

#define CELLS(key, axes, standard)                                                                                    \
    {                                                                                                                 \
        .name = key, .kind = LS_OPTION_INTS, .offset = offsetof(margins, cells), .initial = standard, .repeat = axes, \
        .pairs = true, .max = 65536                                                                                   \
    }

#define TABLE(id, class_name, axes, key, standard, crop, way, ...)                                                \
    static ls_status build_##id(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)                \
    {                                                                                                             \
        return build_margins(layer, in, inputs, out, axes, crop);                                                 \
    }                                                                                                             \
                                                                                                                  \
    static const ls_option options_##id[] = {CELLS(key, axes, standard), __VA_ARGS__{.name = NULL}};              \
                                                                                                                  \
    const ls_layer_ops ls_layer_##id = {                                                                          \
        .ops = {.name = #id, .keras_name = class_name, .options = options_##id, .config_bytes = sizeof(margins)}, \
        .inputs_min = 1,                                                                                          \
        .inputs_max = 1,                                                                                          \
        .build = build_##id,                                                                                      \
        .forward = forward_##way,                                                                                 \
        .backward = backward_##way,                                                                               \
    }

/* Keras's defaults; its 1d cropping has no data_format. */
TABLE(zero_padding1d, "ZeroPadding1D", 1, "padding", "1", false, pad, LS_DATA_FORMAT_OPTION(margins), );
TABLE(zero_padding2d, "ZeroPadding2D", 2, "padding", "1", false, pad, LS_DATA_FORMAT_OPTION(margins), );
TABLE(zero_padding3d, "ZeroPadding3D", 3, "padding", "1", false, pad, LS_DATA_FORMAT_OPTION(margins), );
TABLE(cropping1d, "Cropping1D", 1, "cropping", "1", true, crop, );
TABLE(cropping2d, "Cropping2D", 2, "cropping", "0", true, crop, LS_DATA_FORMAT_OPTION(margins), );
TABLE(cropping3d, "Cropping3D", 3, "cropping", "1", true, crop, LS_DATA_FORMAT_OPTION(margins), );
