/*
 * relu:        y = x > t ? min(x, max_value) : slope (x - t), t = threshold
 * leaky_relu:  y = x >= 0 ? x : slope x
 *
 * The plain relu and leaky_relu know from the sign of y on which side their x was, so that backward needs y alone. With
 * a threshold or a limit it reads x, and where x is just that the slope is TensorFlow's: 0 at the threshold, 1 at the
 * limit, but 0 at a limit of 6 (there it runs relu6). NaN passes through.
 */
#include "nn/activations/activations.h"

#include <math.h>

static LS_CLONES void forward_plain(const float *Z, float *Y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        Y[i] = Z[i] <= 0.0f ? 0.0f : Z[i];
}

static LS_CLONES void backward_plain(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] = Y[i] > 0.0f ? dY[i] : 0.0f;
}

/* A slope of 0 times -Inf would be NaN, hence the third case. */
static LS_CLONES void forward_general(const float *Z, float *Y, size_t n, float slope, float limit, float threshold)
{
    for (size_t i = 0; i < n; i++) {
        const float above = Z[i] > limit ? limit : Z[i];
        const float below = slope * (Z[i] - threshold);

        Y[i] = Z[i] <= threshold ? (slope == 0.0f ? 0.0f : below) : above;
    }
}

static LS_CLONES void backward_leaky(const float *restrict Y, float *restrict dY, size_t n, float slope)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= Y[i] > 0.0f ? 1.0f : slope;
}

static LS_CLONES void backward_general(const float *restrict Z, float *restrict dY, size_t n, float slope, float limit,
                                       float at_limit, float threshold)
{
    for (size_t i = 0; i < n; i++) {
        const float above = Z[i] < limit ? 1.0f : Z[i] > limit ? 0.0f : at_limit;
        const float below = Z[i] < threshold ? slope : 0.0f;

        dY[i] *= Z[i] > threshold ? above : below;
    }
}

/* Neither a threshold nor a limit. */
static bool is_open(const ls_relu_config *c)
{
    return isnan(c->max_value) && c->threshold == 0;
}

static bool is_plain(const ls_relu_config *c)
{
    return c->negative_slope == 0 && is_open(c);
}

static float limit_of(const ls_relu_config *c)
{
    return isnan(c->max_value) ? INFINITY : (float)c->max_value;
}

static void forward_relu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    const ls_relu_config *c = config;

    if (is_plain(c))
        forward_plain(Z, Y, rows * n);
    else
        forward_general(Z, Y, rows * n, (float)c->negative_slope, limit_of(c), (float)c->threshold);
}

static void backward_relu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    const ls_relu_config *c = config;

    if (is_plain(c))
        backward_plain(V, dY, rows * n);
    else
        backward_leaky(V, dY, rows * n, (float)c->negative_slope);
}

static void backward_bounded(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    const ls_relu_config *c = config;
    const bool relu6 = c->max_value == 6 && c->threshold == 0;

    backward_general(V, dY, rows * n, (float)c->negative_slope, limit_of(c), relu6 ? 0.0f : 1.0f, (float)c->threshold);
}

const ls_option ls_relu_options[] = {
    {.name = "negative_slope",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_relu_config, negative_slope),
     .initial = "0.0",
     .max = INFINITY},
    {.name = "max_value",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_relu_config, max_value),
     .initial = "null",
     .max = INFINITY,
     .nullable = true},
    {.name = "threshold",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_relu_config, threshold),
     .initial = "0.0",
     .max = INFINITY},
    {.name = NULL},
};

/* relu with a threshold or a limit. */
static const ls_activation_ops bounded_relu = {
    .ops = {.name = "relu", .keras_name = "relu", .options = ls_relu_options, .config_bytes = sizeof(ls_relu_config)},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_relu,
    .backward = backward_bounded,
};

static const ls_activation_ops *variant_of_relu(const void *config)
{
    return is_open(config) ? &ls_activation_relu : &bounded_relu;
}

static bool is_plain_relu(const void *config)
{
    return is_plain(config);
}

const ls_activation_ops ls_activation_relu = {
    .ops = {.name = "relu", .keras_name = "relu", .options = ls_relu_options, .config_bytes = sizeof(ls_relu_config)},
    .variant = variant_of_relu,
    .is_relu = is_plain_relu,
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_relu,
    .backward = backward_relu,
};

static LS_CLONES void forward_leaky(const float *Z, float *Y, size_t n, float slope)
{
    for (size_t i = 0; i < n; i++) {
        const float factor = Z[i] < 0.0f ? slope : 1.0f;

        Y[i] = factor * Z[i];
    }
}

static void forward_leaky_relu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    forward_leaky(Z, Y, rows * n, (float)((const ls_leaky_relu_config *)config)->negative_slope);
}

static void backward_leaky_relu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    backward_leaky(V, dY, rows * n, (float)((const ls_leaky_relu_config *)config)->negative_slope);
}

static const ls_option leaky_relu_options[] = {
    {.name = "negative_slope",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_leaky_relu_config, negative_slope),
     .initial = "0.2",
     .max = INFINITY},
    {.name = NULL},
};

const ls_activation_ops ls_activation_leaky_relu = {
    .ops = {.name = "leaky_relu",
            .keras_name = "leaky_relu",
            .options = leaky_relu_options,
            .config_bytes = sizeof(ls_leaky_relu_config)},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_leaky_relu,
    .backward = backward_leaky_relu,
};
