/* The registry of initializers. */
#include "nn/initializers/initializers.h"

#include <string.h>

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_INITIALIZER_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"stft", "it is for a Fourier transform in a layer of a program's own"},
    {"stft_initializer", "it is for a Fourier transform in a layer of a program's own"},
    {NULL, NULL},
};

const ls_registry ls_initializers = {.what = "initializer", .entries = entries, .lacking = lacking};

/* The initializer's own seed; -1: none. */
static int64_t seed_of(const ls_component *initializer)
{
    for (const ls_option *o = initializer->ops ? initializer->ops->options : NULL; o && o->name; o++)
        if (strcmp(o->name, "seed") == 0)
            return *(const int64_t *)(const void *)((const char *)initializer->config + o->offset);
    return -1;
}

ls_status ls_initializer_fill(const ls_component *initializer, const ls_shape *shape, const ls_stream *stream,
                              float *out)
{
    const ls_initializer_ops *const ops = initializer->ops ? (const ls_initializer_ops *)initializer->ops : &ls_zeros;

    const int64_t seed = seed_of(initializer);
    const ls_stream own = ls_stream_at((uint64_t)seed, LS_PURPOSE_INITIAL_WEIGHTS, 0, 0);

    return ops->fill(initializer->config, shape, seed < 0 ? stream : &own, out);
}
