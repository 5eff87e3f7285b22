/* sigmoid, y = 1 / (1 + e^-x); hard_sigmoid, y = clip(x / 6 + 1/2, 0, 1) (Keras 3). */
#include "nn/activations/activations.h"

#include <math.h>

#include "tensor/math.h"

static LS_CLONES void negative_magnitudes(const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = -fabsf(x[i]);
}

void ls_exp_negative_magnitude(const float *x, float *y, size_t n)
{
    negative_magnitudes(x, y, n);
    ls_exp(y, y, n);
}

/* e = e^-|x|; y may be x. */
static LS_CLONES void sigmoid_of_parts(const float *x, const float *restrict e, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] < 0.0f ? e[i] : 1.0f) / (1.0f + e[i]);
}

void ls_sigmoid(const float *x, float *y, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    for (size_t i = 0; i < n; i += LS_ACTIVATION_CHUNK) {
        const size_t m = n - i < LS_ACTIVATION_CHUNK ? n - i : LS_ACTIVATION_CHUNK;

        ls_exp_negative_magnitude(x + i, e, m);
        sigmoid_of_parts(x + i, e, y + i, m);
    }
}

static void forward_sigmoid(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    ls_sigmoid(Z, Y, rows * n);
}

static LS_CLONES void backward_from_y(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= Y[i] * (1.0f - Y[i]);
}

static void backward_sigmoid(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    backward_from_y(V, dY, rows * n);
}

const ls_activation_ops ls_activation_sigmoid = {
    .ops = {.name = "sigmoid", .keras_name = "sigmoid"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_sigmoid,
    .backward = backward_sigmoid,
    .logits = LS_LOGITS_SIGMOID,
    .shares = true,
};

static LS_CLONES void hard(const float *Z, float *Y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float line = Z[i] / 6.0f + 0.5f;

        Y[i] = line < 0.0f ? 0.0f : line > 1.0f ? 1.0f : line;
    }
}

static LS_CLONES void hard_slope(const float *restrict Y, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float inside = dY[i] / 6.0f;

        dY[i] = Y[i] > 0.0f && Y[i] < 1.0f ? inside : 0.0f;
    }
}

static void forward_hard_sigmoid(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    hard(Z, Y, rows * n);
}

static void backward_hard_sigmoid(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    (void)config;
    hard_slope(V, dY, rows * n);
}

const ls_activation_ops ls_activation_hard_sigmoid = {
    .ops = {.name = "hard_sigmoid", .keras_name = "hard_sigmoid"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_hard_sigmoid,
    .backward = backward_hard_sigmoid,
    .shares = true,
};
