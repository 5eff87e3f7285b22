/* Weights from one given law: random_uniform, random_normal, truncated_normal (resampled until within two stddev). */
#include "nn/initializers/initializers.h"

#include <float.h>

typedef struct uniform {
    double minval, maxval;
    int64_t seed;
} uniform;

typedef struct normal {
    double mean, stddev;
    int64_t seed;
} normal;

void ls_affine(float *x, size_t n, float factor, float offset)
{
    for (size_t i = 0; i < n; i++)
        x[i] = offset + factor * x[i];
}

static ls_status fill_uniform(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    const uniform *const c = config;
    const size_t n = ls_shape_size(shape);

    ls_stream_uniform(stream, 0, n, out);
    ls_affine(out, n, (float)(c->maxval - c->minval), (float)c->minval);
    return LS_OK;
}

static ls_status fill_normal(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    const normal *const c = config;
    const size_t n = ls_shape_size(shape);

    ls_stream_normal(stream, 0, n, out);
    ls_affine(out, n, (float)c->stddev, (float)c->mean);
    return LS_OK;
}

static ls_status fill_truncated(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    const normal *const c = config;
    const size_t n = ls_shape_size(shape);

    ls_stream_truncated_normal(stream, 0, n, out);
    ls_affine(out, n, (float)c->stddev, (float)c->mean);
    return LS_OK;
}

static ls_status check_uniform(const void *config, const ls_config *at)
{
    const uniform *const c = config;

    if (c->minval > c->maxval)
        return ls_config_fail(at, "random_uniform: minval %g is above maxval %g", c->minval, c->maxval);
    return LS_OK;
}

static const ls_option uniform_options[] = {
    {.name = "minval",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(uniform, minval),
     .initial = "-0.05",
     .min = -FLT_MAX,
     .max = FLT_MAX},
    {.name = "maxval",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(uniform, maxval),
     .initial = "0.05",
     .min = -FLT_MAX,
     .max = FLT_MAX},
    LS_SEED_OPTION(uniform),
    {.name = NULL},
};

static const ls_option normal_options[] = {
    {.name = "mean",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(normal, mean),
     .initial = "0.0",
     .min = -FLT_MAX,
     .max = FLT_MAX},
    {.name = "stddev", .kind = LS_OPTION_FLOAT, .offset = offsetof(normal, stddev), .initial = "0.05", .max = FLT_MAX},
    LS_SEED_OPTION(normal),
    {.name = NULL},
};

const ls_initializer_ops ls_random_uniform = {
    .ops = {.name = "random_uniform",
            .keras_name = "RandomUniform",
            .aliases = (const char *const[]){"uniform", NULL},
            .options = uniform_options,
            .config_bytes = sizeof(uniform),
            .check = check_uniform},
    .fill = fill_uniform,
};

const ls_initializer_ops ls_random_normal = {
    .ops = {.name = "random_normal",
            .keras_name = "RandomNormal",
            .aliases = (const char *const[]){"normal", NULL},
            .options = normal_options,
            .config_bytes = sizeof(normal)},
    .fill = fill_normal,
};

const ls_initializer_ops ls_truncated_normal = {
    .ops = {.name = "truncated_normal",
            .keras_name = "TruncatedNormal",
            .options = normal_options,
            .config_bytes = sizeof(normal)},
    .fill = fill_truncated,
};
