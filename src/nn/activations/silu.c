/* silu (swish), y = x s with s = sigmoid(x); slope s (1 + x (1 - s)). Not monotonic: backward needs x. */
#include "nn/activations/activations.h"

static LS_CLONES void multiply(const float *x, const float *restrict s, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * s[i];
}

static LS_CLONES void slope(const float *restrict x, const float *restrict s, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= s[i] * (1.0f + x[i] * (1.0f - s[i]));
}

static void forward_silu_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float s[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_sigmoid(Z, s, n);
    multiply(Z, s, Y, n);
}

static void forward_silu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_silu_piece);
}

static void backward_silu_piece(const void *config, const float *V, float *dY, size_t n)
{
    float s[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_sigmoid(V, s, n);
    slope(V, s, dY, n);
}

static void backward_silu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_silu_piece);
}

static const char *const aliases[] = {"swish", NULL};

const ls_activation_ops ls_activation_silu = {
    .ops = {.name = "silu", .keras_name = "silu", .aliases = aliases},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_silu,
    .backward = backward_silu,
};
