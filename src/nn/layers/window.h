/*
 * Sliding windows over lines (steps, channels), images (height, width, channels) and volumes (depth, height, width,
 * channels), for convolution and pooling: sizes and padding as in Keras.
 *
 *     reach = (kernel - 1) dilation + 1
 *     valid     out = floor((size - reach) / stride) + 1, at least 1; no padding
 *     same      out = ceil(size / stride); padding max(0, (out - 1) stride + reach - size), the odd cell behind
 *     causal    out = ceil(size / stride); reach - 1 cells of padding in front
 *
 * All are volumes: an axis that there is none of has one cell, one window and a kernel of 1.
 */
#ifndef LS_NN_LAYERS_WINDOW_H
#define LS_NN_LAYERS_WINDOW_H

#include "nn/layers/layers.h"

/* What a window does along one axis. */
typedef struct ls_window_axis {
    size_t size, out, kernel, stride, dilation;
    size_t before; /* padding cells in front */
} ls_window_axis;

typedef struct ls_window {
    ls_window_axis z, y, x;
    size_t channels;
} ls_window;

enum { LS_PADDING_VALID, LS_PADDING_SAME, LS_PADDING_CAUSAL };
extern const char *const ls_paddings[], *const ls_paddings_of_lines[]; /* only lines have "causal" */

/* LS_ERR_SHAPE unless the input is what a layer over so many axes (1 to 3) and channels takes. */
ls_status ls_window_check_input(const ls_layer *layer, const ls_shape *in, size_t axes);

/* The axis of a window: place 0 … axes - 1 among those that there are. */
ls_window_axis *ls_window_axis_at(ls_window *window, size_t axes, size_t place);

/*
 * Windows along `axes` axes. Fails through ls_layer_fail if the input is none of that kind or the window does not fit.
 * strides, dilation NULL: 1.
 */
ls_status ls_window_init(const ls_layer *layer, const ls_shape *in, size_t axes, const ls_ints *kernel,
                         const ls_ints *strides, const ls_ints *dilation, int padding, ls_window *out);

/* What comes out: one value for each of `channels` per window. */
ls_shape ls_window_output(const ls_window *window, size_t axes, size_t channels);

/* Windows of a sample, and cells of a sample. */
static inline size_t ls_window_places(const ls_window *w)
{
    return w->z.out * w->y.out * w->x.out;
}

static inline size_t ls_window_cells(const ls_window *w)
{
    return w->z.size * w->y.size * w->x.size;
}

/* Cells of one window. */
static inline size_t ls_window_kernel(const ls_window *w)
{
    return w->z.kernel * w->y.kernel * w->x.kernel;
}

/* Where cell k of the window at output o lies; SIZE_MAX if in the padding. */
static inline size_t ls_window_cell(const ls_window_axis *axis, size_t o, size_t k)
{
    const size_t at = o * axis->stride + k * axis->dilation; /* counted from the first padding cell */

    return at >= axis->before && at - axis->before < axis->size ? at - axis->before : SIZE_MAX;
}

#endif
