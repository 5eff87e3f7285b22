/* tanh; dz = dy (1 - y^2), as (1 - y)(1 + y), which loses less near |y| = 1. */
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
