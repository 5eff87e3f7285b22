/* The registry of initializers. */
#include "nn/initializers/initializers.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_INITIALIZER_LIST(ENTRY) NULL};

const ls_registry ls_initializers = {"initializer", entries};

ls_status ls_initializer_fill(const ls_component *initializer, const ls_shape *shape, const ls_stream *stream,
                              float *out)
{
    const ls_initializer_ops *const ops = initializer->ops ? (const ls_initializer_ops *)initializer->ops : &ls_zeros;

    return ops->fill(initializer->config, shape, stream, out);
}
