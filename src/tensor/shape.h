/* Shapes of one sample: the batch axis is never part of a shape. Row-major (C order), channels last. */
#ifndef LS_TENSOR_SHAPE_H
#define LS_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define LS_AXES_MAX 6

typedef struct ls_shape {
    size_t axes; /* 0: a scalar per sample */
    size_t dim[LS_AXES_MAX];
} ls_shape;

/* Elements of one sample; 1 without axes. Shapes are checked with ls_shape_check when made, so this cannot overflow. */
size_t ls_shape_size(const ls_shape *shape);
/* LS_ERR_SHAPE if a dimension is 0 or above INT_MAX (BLAS counts in int), or the product does not fit in 2^40. */
ls_status ls_shape_check(const ls_shape *shape, const char *what);
/* The shape of (channels, …) as (…, channels); of fewer than two axes, itself. */
ls_shape ls_shape_channels_last(const ls_shape *shape);
bool ls_shape_equal(const ls_shape *a, const ls_shape *b);
/* "(28, 28)", "(10,)", "()" into out, which is also returned. */
#define LS_SHAPE_TEXT_BYTES 160
const char *ls_shape_format(const ls_shape *shape, char out[LS_SHAPE_TEXT_BYTES]);
/* The Keras way, with the batch axis: "(None, 28, 28)". */
const char *ls_shape_format_batch(const ls_shape *shape, char out[LS_SHAPE_TEXT_BYTES]);

#endif
