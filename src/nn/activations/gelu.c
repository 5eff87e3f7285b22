/*
 * gelu (Hendrycks and Gimpel, 2016), y = x/2 (1 + g):
 *
 *     exact         g = erf(x / sqrt 2)                            slope (1 + g)/2 + x e^(-x^2/2) / sqrt(2 pi)
 *     approximate   g = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3) slope (1 + g)/2 + x/2 (1 - g^2) u'
 */
#include "nn/activations/activations.h"

#include "tensor/math.h"

#define SQRT_HALF 0.70710678118654752f
#define INV_SQRT_2PI 0.39894228040143268f
#define SQRT_2_OVER_PI 0.79788456080286536f
#define CUBIC 0.044715f

typedef struct gelu_config {
    bool approximate;
} gelu_config;

static LS_CLONES void scale_to(const float *restrict x, float *restrict y, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a * x[i];
}

static LS_CLONES void cubic(const float *restrict x, float *restrict u, size_t n)
{
    for (size_t i = 0; i < n; i++)
        u[i] = SQRT_2_OVER_PI * (x[i] + CUBIC * x[i] * x[i] * x[i]);
}

/* g of n <= LS_ACTIVATION_CHUNK elements. */
static void gate(const gelu_config *c, const float *x, float *g, size_t n)
{
    if (c->approximate) {
        cubic(x, g, n);
        ls_tanh(g, g, n);
    } else {
        scale_to(x, g, SQRT_HALF, n);
        ls_erf(g, g, n);
    }
}

static LS_CLONES void value(const float *x, const float *restrict g, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5f * x[i] * (1.0f + g[i]);
}

static LS_CLONES void negative_half_squares(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = -0.5f * x[i] * x[i];
}

static LS_CLONES void slope_exact(const float *restrict x, const float *restrict g, const float *restrict density,
                                  float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dY[i] *= 0.5f * (1.0f + g[i]) + x[i] * (INV_SQRT_2PI * density[i]);
}

static LS_CLONES void slope_approximate(const float *restrict x, const float *restrict g, float *restrict dY, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float du = SQRT_2_OVER_PI * (1.0f + 3.0f * CUBIC * x[i] * x[i]);

        dY[i] *= 0.5f * (1.0f + g[i]) + 0.5f * x[i] * (1.0f - g[i] * g[i]) * du;
    }
}

static void forward_gelu_piece(const void *config, const float *Z, float *Y, size_t n)
{
    float g[LS_ACTIVATION_CHUNK];

    gate(config, Z, g, n);
    value(Z, g, Y, n);
}

static void forward_gelu(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_activation_walk(config, Z, Y, rows * n, forward_gelu_piece);
}

static void backward_gelu_piece(const void *config, const float *V, float *dY, size_t n)
{
    float g[LS_ACTIVATION_CHUNK], density[LS_ACTIVATION_CHUNK];
    const gelu_config *c = config;

    gate(c, V, g, n);
    if (c->approximate) {
        slope_approximate(V, g, dY, n);
    } else {
        negative_half_squares(V, density, n);
        ls_exp(density, density, n);
        slope_exact(V, g, density, dY, n);
    }
}

static void backward_gelu(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    ls_activation_walk(config, V, dY, rows * n, backward_gelu_piece);
}

static const ls_option options[] = {
    {.name = "approximate", .kind = LS_OPTION_BOOL, .offset = offsetof(gelu_config, approximate), .initial = "false"},
    {.name = NULL},
};

const ls_activation_ops ls_activation_gelu = {
    .ops = {.name = "gelu", .keras_name = "gelu", .options = options, .config_bytes = sizeof(gelu_config)},
    .backward_reads = LS_FROM_INPUT,
    .forward = forward_gelu,
    .backward = backward_gelu,
};
