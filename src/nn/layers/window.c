/* Sizes and padding of sliding windows. */
#include "nn/layers/window.h"

const char *const ls_paddings[] = {"valid", "same", NULL};

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
    }
    return true;
}

ls_status ls_window_init(const ls_layer *layer, const ls_shape *in, const ls_ints *kernel, const ls_ints *strides,
                         const ls_ints *dilation, int padding, ls_window *out)
{
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes != 3)
        return ls_layer_fail(layer, "takes images of shape (None, height, width, channels), not %s",
                             ls_shape_format_batch(in, text));
    out->channels = in->dim[2];
    for (size_t i = 0; i < 2; i++)
        if (!axis_init(in->dim[i], (size_t)kernel->value[i], strides ? (size_t)strides->value[i] : 1,
                       dilation ? (size_t)dilation->value[i] : 1, padding, i == 0 ? &out->y : &out->x))
            return ls_layer_fail(layer, "a window of %lld x %lld does not fit into %s; use padding: same",
                                 (long long)kernel->value[0], (long long)kernel->value[1],
                                 ls_shape_format_batch(in, text));
    return LS_OK;
}
