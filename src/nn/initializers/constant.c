/* Weights that are all alike: zeros, ones, constant; identity, gain along the diagonal of a matrix. */
#include "nn/initializers/initializers.h"

typedef struct constant {
    double value;
} constant;

static ls_status fill_all(float value, const ls_shape *shape, float *out)
{
    const size_t n = ls_shape_size(shape);

    for (size_t i = 0; i < n; i++)
        out[i] = value;
    return LS_OK;
}

static ls_status fill_zeros(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    (void)config, (void)stream;
    return fill_all(0.0f, shape, out);
}

static ls_status fill_ones(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    (void)config, (void)stream;
    return fill_all(1.0f, shape, out);
}

static ls_status fill_constant(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    (void)stream;
    return fill_all((float)((const constant *)config)->value, shape, out);
}

static const ls_option options[] = {
    {.name = "value", .kind = LS_OPTION_FLOAT, .offset = offsetof(constant, value), .initial = "0.0"},
    {.name = NULL},
};

const ls_initializer_ops ls_zeros = {
    .ops = {.name = "zeros", .keras_name = "Zeros", .aliases = (const char *const[]){"zero", NULL}},
    .fill = fill_zeros,
};

const ls_initializer_ops ls_ones = {
    .ops = {.name = "ones", .keras_name = "Ones", .aliases = (const char *const[]){"one", NULL}},
    .fill = fill_ones,
};

const ls_component ls_initializer_ones = {.ops = &ls_ones.ops};

const ls_initializer_ops ls_constant = {
    .ops = {.name = "constant", .keras_name = "Constant", .options = options, .config_bytes = sizeof(constant)},
    .fill = fill_constant,
};

static ls_status fill_identity(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    (void)stream;
    if (shape->axes != 2)
        return ls_fail(LS_ERR_SHAPE, "the initializer identity is for matrices, not for weights of %zu axes",
                       shape->axes);
    LS_TRY(fill_all(0.0f, shape, out));
    for (size_t i = 0; i < shape->dim[0] && i < shape->dim[1]; i++)
        out[i * shape->dim[1] + i] = (float)((const constant *)config)->value;
    return LS_OK;
}

static const ls_option identity_options[] = {
    {.name = "gain", .kind = LS_OPTION_FLOAT, .offset = offsetof(constant, value), .initial = "1.0"},
    {.name = NULL},
};

const ls_initializer_ops ls_identity = {
    .ops = {.name = "identity",
            .keras_name = "Identity",
            .aliases = (const char *const[]){"identity_initializer", "IdentityInitializer", NULL},
            .options = identity_options,
            .config_bytes = sizeof(constant)},
    .fill = fill_identity,
};
