/* Do targets fit an output? Keras's alignment of ranks, per sample: a last axis of 1 may be missing on either side. */
#include "nn/losses/losses.h"

/* The shape without a last axis of 1. */
static ls_shape squeezed(const ls_shape *shape)
{
    ls_shape s = *shape;

    if (s.axes > 0 && s.dim[s.axes - 1] == 1)
        s.axes--;
    return s;
}

static ls_status locate(ls_status st, const ls_config *at)
{
    return at && at->file ? ls_fail_in(st, "%s:%d:%d", at->file, at->line, at->column) : st;
}

ls_status ls_target_check(const char *what, const char *name, bool sparse, bool sums_axis, const ls_shape *output,
                          const ls_shape *target, const ls_config *at, size_t *positions)
{
    char out_text[LS_SHAPE_TEXT_BYTES], target_text[LS_SHAPE_TEXT_BYTES], want_text[LS_SHAPE_TEXT_BYTES];
    const size_t n = output->axes > 0 ? output->dim[output->axes - 1] : 0;
    ls_shape leading = *output, bare = squeezed(target);

    if (output->axes == 0)
        return locate(ls_fail(LS_ERR_SHAPE,
                              "%s '%s' needs an output with at least one axis per sample, the output has shape (); "
                              "end the model with a dense layer of 1 unit, for example",
                              what, name),
                      at);
    leading.axes--;
    ls_shape_format(output, out_text);
    ls_shape_format(target, target_text);
    *positions = ls_shape_size(&leading);
    if (sparse) {
        if (n < 2)
            return locate(ls_fail(LS_ERR_SHAPE,
                                  "%s '%s' needs one output per class, at least 2; the output has shape %s; for a "
                                  "single yes-no output use binary_crossentropy and binary_accuracy",
                                  what, name, out_text),
                          at);
        if (ls_shape_equal(target, &leading) || (target->axes == output->axes && ls_shape_equal(&bare, &leading)))
            return LS_OK;
        return locate(ls_fail(LS_ERR_SHAPE,
                              "%s '%s' takes one class index per position: targets of shape %s for the output %s, but "
                              "they have shape %s; for one-hot targets use the categorical form without 'sparse_'",
                              what, name, ls_shape_format(&leading, want_text), out_text, target_text),
                      at);
    }
    if (ls_shape_equal(target, output))
        return LS_OK;
    /* Keras then reduces the axis before the last; for a mean over the whole sample that makes no difference. */
    if ((target->axes + 1 == output->axes && n == 1 && ls_shape_equal(target, &leading) &&
         (output->axes == 1 || !sums_axis)) ||
        (target->axes == output->axes + 1 && ls_shape_equal(&bare, output)))
        return LS_OK;
    return locate(ls_fail(LS_ERR_SHAPE, "%s '%s' needs targets of the output's shape %s, but they have shape %s%s",
                          what, name, out_text, target_text,
                          n > 1 && ls_shape_size(target) == *positions
                              ? "; for class indices use sparse_categorical_crossentropy, sparse_categorical_accuracy "
                                "or one_hot targets"
                              : ""),
                  at);
}
