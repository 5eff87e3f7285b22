/* squareplus (Barron, 2021), y = (x + sqrt(x^2 + b)) / 2; slope (1 + x / sqrt(x^2 + b)) / 2. */
#include "nn/activations/activations.h"

#include <math.h>

typedef struct squareplus_config {
    double b;
} squareplus_config;

/* Below zero the two terms nearly cancel: there y = b / (2 (sqrt(x^2 + b) - x)), which does not. */
static LS_CLONES void value(const float *Z, float *Y, size_t n, float b)
{
    for (size_t i = 0; i < n; i++) {
        const float x = Z[i], root = sqrtf(x * x + b);

        Y[i] = x < 0.0f ? 0.5f * b / (root - x) : 0.5f * (x + root);
    }
}

static LS_CLONES void slope(const float *restrict Z, float *restrict dY, size_t n, float b)
{
    for (size_t i = 0; i < n; i++) {
        const float x = Z[i], root = sqrtf(x * x + b);

        dY[i] *= x < 0.0f ? 0.5f * b / (root * (root - x)) : 0.5f * (1.0f + x / root);
    }
}

static void forward_squareplus(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    value(Z, Y, rows * n, (float)((const squareplus_config *)config)->b);
}

static void backward_squareplus(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    slope(V, dY, rows * n, (float)((const squareplus_config *)config)->b);
}

static const ls_option options[] = {
    {.name = "b",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(squareplus_config, b),
     .initial = "4",
     .max = INFINITY,
     .open_min = true},
    {.name = NULL},
};

const ls_activation_ops ls_activation_squareplus = {
    .ops = {.name = "squareplus",
            .keras_name = "squareplus",
            .options = options,
            .config_bytes = sizeof(squareplus_config)},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_squareplus,
    .backward = backward_squareplus,
};
