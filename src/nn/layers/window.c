/* Sizes and padding of sliding windows. */
#include "nn/layers/window.h"

#include <stdio.h>
#include <string.h>

const char *const ls_paddings[] = {"valid", "same", NULL};
const char *const ls_paddings_of_lines[] = {"valid", "same", "causal", NULL};

static bool axis_init(size_t size, size_t kernel, size_t stride, size_t dilation, int padding, ls_window_axis *out)
{
    const size_t reach = (kernel - 1) * dilation + 1;

    *out = (ls_window_axis){.size = size, .kernel = kernel, .stride = stride, .dilation = dilation};
    if (padding == LS_PADDING_VALID) {
        if (reach > size)
            return false;
        out->out = (size - reach) / stride + 1;
    } else {
        size_t covered;

        out->out = (size - 1) / stride + 1;
        covered = (out->out - 1) * stride + reach;
        out->before = covered > size ? (covered - size) / 2 : 0;
        if (padding == LS_PADDING_CAUSAL)
            out->before = reach - 1;
    }
    return true;
}

ls_status ls_window_check_input(const ls_layer *layer, const ls_shape *in, size_t axes)
{
    static const char *const inputs[] = {"lines of shape (None, steps, channels)",
                                         "images of shape (None, height, width, channels)",
                                         "volumes of shape (None, depth, height, width, channels)"};
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes != axes + 1)
        return ls_layer_fail(layer, "takes %s, not %s", inputs[axes - 1], ls_shape_format_batch(in, text));
    return LS_OK;
}

ls_window_axis *ls_window_axis_at(ls_window *window, size_t axes, size_t place)
{
    ls_window_axis *const all[] = {&window->z, &window->y, &window->x};

    return all[3 - axes + place];
}

ls_status ls_window_init(const ls_layer *layer, const ls_shape *in, size_t axes, const ls_ints *kernel,
                         const ls_ints *strides, const ls_ints *dilation, int padding, ls_window *out)
{
    const ls_window_axis none = {.size = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    char text[LS_SHAPE_TEXT_BYTES], sizes[LS_SHAPE_TEXT_BYTES] = "";

    LS_TRY(ls_window_check_input(layer, in, axes));
    *out = (ls_window){none, none, none, in->dim[axes]};
    for (size_t i = 0; i < axes; i++) {
        const size_t size = (size_t)kernel->value[i];

        if (axis_init(in->dim[i], size, strides ? (size_t)strides->value[i] : 1,
                      dilation ? (size_t)dilation->value[i] : 1, padding, ls_window_axis_at(out, axes, i)))
            continue;
        for (size_t k = 0; k < axes; k++)
            snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes), "%s%lld", k ? " x " : "",
                     (long long)kernel->value[k]);
        return ls_layer_fail(layer, "a window of %s does not fit into %s; use padding: same", sizes,
                             ls_shape_format_batch(in, text));
    }
    return LS_OK;
}

ls_shape ls_window_output(const ls_window *window, size_t axes, size_t channels)
{
    const size_t out[] = {window->z.out, window->y.out, window->x.out};
    ls_shape shape = {.axes = axes + 1};

    for (size_t i = 0; i < axes; i++)
        shape.dim[i] = out[3 - axes + i];
    shape.dim[axes] = channels;
    return shape;
}
