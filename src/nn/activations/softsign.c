/* softsign, y = x / (1 + |x|); slope 1 / (1 + |x|)^2 = (1 - |y|)^2. */
#include "nn/activations/activations.h"

#include <math.h>

static LS_CLONES void value(const float *Z, float *Y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        Y[i] = Z[i] / (1.0f + fabsf(Z[i]));
}

static LS_CLONES void slope(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= (1.0f - fabsf(Y[i])) * (1.0f - fabsf(Y[i]));
}

static void forward_softsign(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    value(Z, Y, rows * n);
}

static void backward_softsign(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    slope(V, dY, rows * n);
}

const ls_activation_ops ls_activation_softsign = {
    .ops = {.name = "softsign", .keras_name = "softsign"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_softsign,
    .backward = backward_softsign,
};
