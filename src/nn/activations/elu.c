/*
 * elu:   y = x > 0 ? x : alpha (e^x - 1)
 * celu:  y = x > 0 ? x : alpha (e^(x / alpha) - 1)        (Barron, "Continuously differentiable exponential linear
 *        units", 2017)
 * selu:  y = scale (x > 0 ? x : alpha (e^x - 1)) with the constants of Klambauer et al., "Self-normalizing neural
 *        networks", 2017
 *
 * Below zero the slope is scale alpha e^x = y + scale alpha, so that backward needs y alone (alpha >= 0). At zero elu
 * has the slope of the curve, selu that of the line, as TensorFlow's have.
 */
#include "nn/activations/activations.h"

#include <math.h>

#include "tensor/math.h"

#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772

/* e = e^x - 1; y may be x. */
static LS_CLONES void elu_of_parts(const float *x, const float *restrict e, float *y, size_t n, float scale,
                                   float factor)
{
    for (size_t i = 0; i < n; i++) {
        const float line = x[i] > 0.0f ? x[i] : 0.0f, curve = x[i] > 0.0f ? 0.0f : e[i];

        y[i] = scale * line + factor * curve; /* one of them is 0; a choice of products would not be vectorised */
    }
}

/* y = x > 0 ? scale x : factor (e^x - 1) */
static void forward_scaled(const float *x, float *y, size_t n, float scale, float factor)
{
    float e[LS_ACTIVATION_CHUNK];

    for (size_t i = 0; i < n; i += LS_ACTIVATION_CHUNK) {
        const size_t m = n - i < LS_ACTIVATION_CHUNK ? n - i : LS_ACTIVATION_CHUNK;

        ls_expm1(x + i, e, m);
        elu_of_parts(x + i, e, y + i, m, scale, factor);
    }
}

/* at_zero: the slope there. */
static LS_CLONES void backward_scaled(const float *restrict Y, float *restrict dY, size_t n, float scale, float factor,
                                      float at_zero)
{
    for (size_t i = 0; i < n; i++) {
        const float curve = Y[i] > 0.0f ? 0.0f : Y[i], slope = Y[i] > 0.0f ? scale : factor;

        dY[i] *= Y[i] == 0.0f ? at_zero : curve + slope;
    }
}

static void forward_elu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    forward_scaled(Z, Y, rows * n, 1.0f, (float)((const ls_elu_config *)config)->alpha);
}

static void backward_elu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    const float alpha = (float)((const ls_elu_config *)config)->alpha;

    backward_scaled(V, dY, rows * n, 1.0f, alpha, alpha);
}

const ls_option ls_elu_options[] = {
    {.name = "alpha",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_elu_config, alpha),
     .initial = "1.0",
     .max = INFINITY},
    {.name = NULL},
};

const ls_activation_ops ls_activation_elu = {
    .ops = {.name = "elu", .keras_name = "elu", .options = ls_elu_options, .config_bytes = sizeof(ls_elu_config)},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_elu,
    .backward = backward_elu,
};

static LS_CLONES void divide(const float *x, float *y, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / by;
}

static void forward_celu_piece(const void *config, const float *Z, float *Y, size_t n)
{
    const float alpha = (float)((const ls_elu_config *)config)->alpha;
    float e[LS_ACTIVATION_CHUNK];

    divide(Z, e, alpha, n);
    ls_expm1(e, e, n);
    elu_of_parts(Z, e, Y, n, 1.0f, alpha);
}

static void forward_celu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_celu_piece);
}

static LS_CLONES void slope_of_celu(const float *restrict Y, float *restrict dY, size_t n, float alpha)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= (Y[i] > 0.0f ? 0.0f : Y[i]) / alpha + 1.0f;
}

static void backward_celu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    slope_of_celu(V, dY, rows * n, (float)((const ls_elu_config *)config)->alpha);
}

static const ls_option celu_options[] = {
    {.name = "alpha",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_elu_config, alpha),
     .initial = "1.0",
     .max = INFINITY,
     .open_min = true},
    {.name = NULL},
};

const ls_activation_ops ls_activation_celu = {
    .ops = {.name = "celu", .keras_name = "celu", .options = celu_options, .config_bytes = sizeof(ls_elu_config)},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_celu,
    .backward = backward_celu,
};

static void forward_selu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    forward_scaled(Z, Y, rows * n, (float)SELU_SCALE, (float)(SELU_SCALE * SELU_ALPHA));
}

static void backward_selu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    backward_scaled(V, dY, rows * n, (float)SELU_SCALE, (float)(SELU_SCALE * SELU_ALPHA), (float)SELU_SCALE);
}

const ls_activation_ops ls_activation_selu = {
    .ops = {.name = "selu", .keras_name = "selu"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_selu,
    .backward = backward_selu,
};
