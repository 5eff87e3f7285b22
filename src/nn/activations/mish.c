/*
 * mish (Misra, 2019), y = x tanh(softplus x). With e = e^-|x|, tanh(log(1 + e^x)) is
 *
 *     x >= 0   (1 + 2 e) / (1 + 2 e + 2 e^2)      x < 0   e (e + 2) / (e (e + 2) + 2)
 *
 * so that nothing overflows and one exponential is enough. Slope: t + x (1 - t^2) sigmoid(x), t being that tanh.
 */
#include "nn/activations/activations.h"

static inline float tanh_softplus(float x, float e)
{
    const float above = (1.0f + 2.0f * e) / (1.0f + 2.0f * e + 2.0f * e * e), p = e * (e + 2.0f);

    return x < 0.0f ? p / (p + 2.0f) : above;
}

/* e = e^-|x| */
static LS_CLONES void value(const float *x, const float *restrict e, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * tanh_softplus(x[i], e[i]);
}

/* 1 - t^2 from e too: (1 - t)(1 + t) would cancel where t is near 1. */
static LS_CLONES void slope(const float *restrict x, const float *restrict e, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float t = tanh_softplus(x[i], e[i]), s = (x[i] < 0.0f ? e[i] : 1.0f) / (1.0f + e[i]);
        const float left = x[i] < 0.0f ? 2.0f / (e[i] * (e[i] + 2.0f) + 2.0f)
                                       : 2.0f * e[i] * e[i] / (1.0f + 2.0f * e[i] + 2.0f * e[i] * e[i]);

        dY[i] *= t + x[i] * left * (1.0f + t) * s;
    }
}

static void forward_mish_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_exp_negative_magnitude(Z, e, n);
    value(Z, e, Y, n);
}

static void forward_mish(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_mish_piece);
}

static void backward_mish_piece(const void *config, const float *V, float *dY, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_exp_negative_magnitude(V, e, n);
    slope(V, e, dY, n);
}

static void backward_mish(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_mish_piece);
}

const ls_activation_ops ls_activation_mish = {
    .ops = {.name = "mish", .keras_name = "mish"},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_mish,
    .backward = backward_mish,
};
