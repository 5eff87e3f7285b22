/* Initializers: fresh weights as a pure function of (seed, parameter, element). Laws: src/nn/KERAS.md, section 3. */
#ifndef LS_NN_INITIALIZER_H
#define LS_NN_INITIALIZER_H

#include "base/options.h"
#include "random/philox.h"
#include "tensor/shape.h"

typedef struct ls_initializer_ops {
    ls_ops ops;
    /* REQUIRED. Fill out (all elements of shape) from the parameter's own stream. */
    ls_status (*fill)(const void *config, const ls_shape *shape, const ls_stream *stream, float *out);
    bool by_fans; /* of the shape it wants to know only how many inputs and outputs a unit has */
} ls_initializer_ops;

extern const ls_registry ls_initializers;
/* For weights whose initializer is no argument of their layer. */
extern const ls_component ls_initializer_ones, ls_initializer_glorot_uniform;

/* stream: of the parameter. An initializer with a seed of its own has a stream of its own, the same for all of them. */
ls_status ls_initializer_fill(const ls_component *initializer, const ls_shape *shape, const ls_stream *stream,
                              float *out);

#endif
