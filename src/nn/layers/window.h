/*
 * Sliding windows over images (height, width, channels), for convolution and pooling: sizes and padding as in Keras.
 *
 *     reach = (kernel - 1) dilation + 1
 *     valid   out = floor((size - reach) / stride) + 1, at least 1; no padding
 *     same    out = ceil(size / stride); padding max(0, (out - 1) stride + reach - size), the odd cell behind
 */
#ifndef LS_NN_LAYERS_WINDOW_H
#define LS_NN_LAYERS_WINDOW_H

#include "nn/layers/layers.h"

/* What a window does along the height or along the width of an image. */
typedef struct ls_window_axis {
    size_t size, out, kernel, stride, dilation;
    size_t before; /* padding cells in front */
} ls_window_axis;

typedef struct ls_window {
    ls_window_axis y, x;
    size_t channels;
} ls_window;

enum { LS_PADDING_VALID, LS_PADDING_SAME };
extern const char *const ls_paddings[];

/* Fails through ls_layer_fail if the input is no image or the window does not fit. strides, dilation NULL: 1. */
ls_status ls_window_init(const ls_layer *layer, const ls_shape *in, const ls_ints *kernel, const ls_ints *strides,
                         const ls_ints *dilation, int padding, ls_window *out);

/* Where cell k of the window at output o lies; SIZE_MAX if in the padding. */
static inline size_t ls_window_cell(const ls_window_axis *axis, size_t o, size_t k)
{
    const size_t at = o * axis->stride + k * axis->dilation; /* counted from the first padding cell */

    return at >= axis->before && at - axis->before < axis->size ? at - axis->before : SIZE_MAX;
}

#endif
