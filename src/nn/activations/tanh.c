/*
 * tanh; dz = dy (1 - y^2), as (1 - y)(1 + y), which loses less near |y| = 1.
 * tanh_shrink, y = x - tanh x; slope tanh^2 x.
 */
#include "nn/activations/activations.h"

#include "tensor/math.h"

static void forward_tanh(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    ls_tanh(Z, Y, rows * n);
}

static LS_CLONES void slope(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= (1.0f - Y[i]) * (1.0f + Y[i]);
}

static void backward_tanh(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    slope(V, dY, rows * n);
}

const ls_activation_ops ls_activation_tanh = {
    .ops = {.name = "tanh", .keras_name = "tanh"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_tanh,
    .backward = backward_tanh,
};

static LS_CLONES void subtract_from(const float *x, const float *restrict t, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] - t[i];
}

static void forward_tanh_shrink_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float t[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_tanh(Z, t, n);
    subtract_from(Z, t, Y, n);
}

static void forward_tanh_shrink(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_tanh_shrink_piece);
}

static LS_CLONES void multiply_squares(const float *restrict t, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= t[i] * t[i];
}

static void backward_tanh_shrink_piece(const void *config, const float *V, float *dY, size_t n)
{
    float t[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_tanh(V, t, n);
    multiply_squares(t, dY, n);
}

static void backward_tanh_shrink(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_tanh_shrink_piece);
}

const ls_activation_ops ls_activation_tanh_shrink = {
    .ops = {.name = "tanh_shrink", .keras_name = "tanh_shrink"},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_tanh_shrink,
    .backward = backward_tanh_shrink,
};
