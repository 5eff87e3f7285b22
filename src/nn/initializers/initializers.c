/* The registry of initializers. */
#include "nn/initializers/initializers.h"

static const ls_ops *const entries[] = {
    &ls_zeros.ops,
    &ls_ones.ops,
    &ls_constant.ops,
    &ls_random_uniform.ops,
    &ls_random_normal.ops,
    &ls_truncated_normal.ops,
    &ls_glorot_uniform.ops,
    &ls_glorot_normal.ops,
    &ls_he_uniform.ops,
    &ls_he_normal.ops,
    &ls_lecun_uniform.ops,
    &ls_lecun_normal.ops,
    &ls_orthogonal.ops,
    &ls_variance_scaling.ops,
    NULL,
};

const ls_registry ls_initializers = {"initializer", entries};

ls_status ls_initializer_fill(const ls_component *initializer, const ls_shape *shape, const ls_stream *stream,
                              float *out)
{
    const ls_initializer_ops *const ops = initializer->ops ? (const ls_initializer_ops *)initializer->ops : &ls_zeros;

    return ops->fill(initializer->config, shape, stream, out);
}
