/*
 * softplus, y = log(1 + e^x) = max(x, 0) + log1p(e^-|x|); its slope is sigmoid(x) = 1 - e^-y.
 * log_sigmoid, y = -softplus(-x) = min(x, 0) - log1p(e^-|x|); its slope is sigmoid(-x) = 1 - e^y.
 */
#include "nn/activations/activations.h"

#include "tensor/math.h"

/* l = log1p(e^-|x|); y may be x. */
static LS_CLONES void softplus_of_parts(const float *x, const float *restrict l, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] > 0.0f ? x[i] : 0.0f) + l[i];
}

static void forward_softplus_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float l[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_exp_negative_magnitude(Z, l, n);
    ls_log1p(l, l, n);
    softplus_of_parts(Z, l, Y, n);
}

static void forward_softplus(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_softplus_piece);
}

static LS_CLONES void negate(const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = -x[i];
}

static LS_CLONES void multiply_negated(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= -x[i];
}

static void backward_softplus_piece(const void *config, const float *V, float *dY, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    (void)config;
    negate(V, e, n);
    ls_expm1(e, e, n);
    multiply_negated(e, dY, n);
}

static void backward_softplus(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_softplus_piece);
}

const ls_activation_ops ls_activation_softplus = {
    .ops = {.name = "softplus", .keras_name = "softplus"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_softplus,
    .backward = backward_softplus,
};

/* l = log1p(e^-|x|); y may be x. */
static LS_CLONES void log_sigmoid_of_parts(const float *x, const float *restrict l, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] < 0.0f ? x[i] : 0.0f) - l[i];
}

static void forward_log_sigmoid_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float l[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_exp_negative_magnitude(Z, l, n);
    ls_log1p(l, l, n);
    log_sigmoid_of_parts(Z, l, Y, n);
}

static void forward_log_sigmoid(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_log_sigmoid_piece);
}

static void backward_log_sigmoid_piece(const void *config, const float *V, float *dY, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    (void)config;
    ls_expm1(V, e, n);
    multiply_negated(e, dY, n);
}

static void backward_log_sigmoid(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_log_sigmoid_piece);
}

const ls_activation_ops ls_activation_log_sigmoid = {
    .ops = {.name = "log_sigmoid", .keras_name = "log_sigmoid"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_log_sigmoid,
    .backward = backward_log_sigmoid,
};
