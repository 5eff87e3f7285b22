/* exponential, y = e^x; dz = dy y. */
#include "nn/activations/activations.h"

#include "tensor/math.h"

static void forward_exponential(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    ls_exp(Z, Y, rows * n);
}

static LS_CLONES void multiply(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= Y[i];
}

static void backward_exponential(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    multiply(V, dY, rows * n);
}

const ls_activation_ops ls_activation_exponential = {
    .ops = {.name = "exponential", .keras_name = "exponential"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_exponential,
    .backward = backward_exponential,
};
