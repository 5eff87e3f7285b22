/* Shapes of one sample: sizes, checks and their text in Python's tuple form. */
#include "tensor/shape.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SIZE_LIMIT ((size_t)1 << 40) /* elements of one sample */

size_t ls_shape_size(const ls_shape *shape)
{
    size_t size = 1;

    for (size_t i = 0; i < shape->axes; i++)
        size *= shape->dim[i];
    return size;
}

ls_status ls_shape_check(const ls_shape *shape, const char *what)
{
    char text[LS_SHAPE_TEXT_BYTES];
    size_t size = 1;

    if (shape->axes > LS_AXES_MAX)
        return ls_fail(LS_ERR_SHAPE, "%s has %zu dimensions; at most %d are possible", what, shape->axes, LS_AXES_MAX);
    for (size_t i = 0; i < shape->axes; i++) {
        if (shape->dim[i] == 0)
            return ls_fail(LS_ERR_SHAPE, "%s has shape %s: dimension %zu is 0", what, ls_shape_format(shape, text), i);
        if (shape->dim[i] > INT_MAX)
            return ls_fail(LS_ERR_SHAPE, "%s has shape %s: dimension %zu is above %d", what,
                           ls_shape_format(shape, text), i, INT_MAX);
        if (shape->dim[i] > SIZE_LIMIT / size)
            return ls_fail(LS_ERR_SHAPE, "%s has shape %s: more than 2^40 elements per sample", what,
                           ls_shape_format(shape, text));
        size *= shape->dim[i];
    }
    return LS_OK;
}

ls_shape ls_shape_channels_last(const ls_shape *shape)
{
    ls_shape out = *shape;

    for (size_t i = 0; i < shape->axes; i++)
        out.dim[i] = shape->dim[(i + 1) % shape->axes];
    return out;
}

bool ls_shape_equal(const ls_shape *a, const ls_shape *b)
{
    if (a->axes != b->axes)
        return false;
    for (size_t i = 0; i < a->axes; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

/* Six numbers of 20 digits and their punctuation fit in LS_SHAPE_TEXT_BYTES. */
static const char *format_tuple(const ls_shape *shape, bool batch, char out[LS_SHAPE_TEXT_BYTES])
{
    const size_t axes = shape->axes < LS_AXES_MAX ? shape->axes : LS_AXES_MAX;
    size_t used = 0, items = 0;

    out[used++] = '(';
    if (batch) {
        memcpy(out + used, "None", 4);
        used += 4;
        items++;
    }
    for (size_t i = 0; i < axes; i++, items++)
        used += (size_t)snprintf(out + used, LS_SHAPE_TEXT_BYTES - used, "%s%zu", items ? ", " : "", shape->dim[i]);
    snprintf(out + used, LS_SHAPE_TEXT_BYTES - used, "%s", items == 1 ? ",)" : ")");
    return out;
}

const char *ls_shape_format(const ls_shape *shape, char out[LS_SHAPE_TEXT_BYTES])
{
    return format_tuple(shape, false, out);
}

const char *ls_shape_format_batch(const ls_shape *shape, char out[LS_SHAPE_TEXT_BYTES])
{
    return format_tuple(shape, true, out);
}
