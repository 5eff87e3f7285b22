/* softmax over the last axis: y = e^(x - max x) / sum. dz = y (dy - sum dy y). Sums in double in a fixed order. */
#include "nn/activations/activations.h"

#include "tensor/math.h"

#define LANES 8

/* A row may hold NaN: then its maximum is arbitrary, and the sum below makes the whole row NaN. */
static inline float maximum(const float *x, size_t n)
{
    float largest[LANES], result;
    size_t i = 0;

    for (size_t j = 0; j < LANES; j++)
        largest[j] = x[0];
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            largest[j] = x[i + j] > largest[j] ? x[i + j] : largest[j];
    for (; i < n; i++)
        largest[0] = x[i] > largest[0] ? x[i] : largest[0];
    result = largest[0];
    for (size_t j = 1; j < LANES; j++)
        result = largest[j] > result ? largest[j] : result;
    return result;
}

static LS_CLONES void subtract_maxima(const float *Z, float *Y, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        const float m = maximum(Z + r * n, n);

        for (size_t i = 0; i < n; i++)
            Y[r * n + i] = Z[r * n + i] - m;
    }
}

static LS_CLONES void divide(float *y, float divisor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] /= divisor;
}

static void forward_softmax(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    if (n == 0)
        return;
    subtract_maxima(Z, Y, rows, n);
    ls_exp(Y, Y, rows * n);
    for (size_t r = 0; r < rows; r++)
        divide(Y + r * n, (float)ls_sum(Y + r * n, n), n);
}

static LS_CLONES void centred_product(const float *restrict y, float *restrict dy, float mean, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] * (dy[i] - mean);
}

static void backward_softmax(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    for (size_t r = 0; r < rows; r++)
        centred_product(V + r * n, dY + r * n, (float)ls_dot(V + r * n, dY + r * n, n), n);
}

const ls_activation_ops ls_activation_softmax = {
    .ops = {.name = "softmax", .keras_name = "softmax"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_softmax,
    .backward = backward_softmax,
    .logits = LS_LOGITS_SOFTMAX,
    .shares = true,
};
