/*
 * Activations made of pieces of lines and parabolas. Slopes where pieces meet are TensorFlow's.
 *
 *     relu6            min(max(x, 0), 6)                              slope 0 at both ends
 *     hard_tanh        min(max(x, -1), 1)                             slope 1 at both ends
 *     hard_silu        x min(max(x / 6 + 1/2, 0), 1)
 *     hard_shrink      x if |x| > threshold, else 0
 *     soft_shrink      x - threshold, x + threshold, or 0 between -threshold and threshold
 *     threshold        x if x > threshold, else default_value
 *     sparse_plus      0, (x + 1)^2 / 4, x: below -1, between, above 1
 *     sparse_sigmoid   0, (x + 1) / 2, 1
 *
 * NaN passes through.
 */
#include "nn/activations/activations.h"

#include <math.h>

/* The loops of one function of x with up to two parameters, a and b. */
#define PIECEWISE(name, value, slope)                                                                               \
    static LS_CLONES void values_of_##name(const float *Z, float *Y, size_t n, float a, float b)                    \
    {                                                                                                               \
        (void)a, (void)b;                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                            \
            const float x = Z[i];                                                                                   \
                                                                                                                    \
            Y[i] = (value);                                                                                         \
        }                                                                                                           \
    }                                                                                                               \
                                                                                                                    \
    static LS_CLONES void slopes_of_##name(const float *restrict Z, float *restrict dY, size_t n, float a, float b) \
    {                                                                                                               \
        (void)a, (void)b;                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                            \
            const float x = Z[i];                                                                                   \
                                                                                                                    \
            dY[i] *= (slope);                                                                                       \
        }                                                                                                           \
    }                                                                                                               \
                                                                                                                    \
    static void forward_##name(const void *config, const float *Z, float *Y, size_t rows, size_t n)                 \
    {                                                                                                               \
        values_of_##name(Z, Y, rows *n, first_of(config), second_of(config));                                       \
    }                                                                                                               \
                                                                                                                    \
    static void backward_##name(const void *config, const float *V, float *dY, size_t rows, size_t n)               \
    {                                                                                                               \
        slopes_of_##name(V, dY, rows *n, first_of(config), second_of(config));                                      \
    }

typedef struct piecewise {
    double threshold, default_value;
} piecewise;

static float first_of(const void *config)
{
    return config ? (float)((const piecewise *)config)->threshold : 0.0f;
}

static float second_of(const void *config)
{
    return config ? (float)((const piecewise *)config)->default_value : 0.0f;
}

PIECEWISE(relu6, x<0.0f ? 0.0f : x> 6.0f ? 6.0f : x, x > 0.0f && x < 6.0f ? 1.0f : 0.0f)
PIECEWISE(hard_tanh, x<-1.0f ? -1.0f : x> 1.0f ? 1.0f : x, x<-1.0f || x> 1.0f ? 0.0f : 1.0f)
PIECEWISE(hard_silu,
          x <= -3.0f  ? 0.0f
          : x >= 3.0f ? x
                      : x * ((x + 3.0f) / 6.0f),
          x <= -3.0f  ? 0.0f
          : x >= 3.0f ? 1.0f
                      : (2.0f * x + 3.0f) / 6.0f)
PIECEWISE(hard_shrink, fabsf(x) <= a ? 0.0f : x, fabsf(x) <= a ? 0.0f : 1.0f)
PIECEWISE(soft_shrink, x > a ? x - a : x < -a ? x + a : x != x ? x : 0.0f, x > a || x < -a ? 1.0f : 0.0f)
PIECEWISE(threshold, x <= a ? b : x, x <= a ? 0.0f : 1.0f)
PIECEWISE(sparse_plus,
          x <= -1.0f  ? 0.0f
          : x >= 1.0f ? x
                      : 0.25f * (x + 1.0f) * (x + 1.0f),
          x <= -1.0f  ? 0.0f
          : x >= 1.0f ? 1.0f
                      : 0.5f * (x + 1.0f))
PIECEWISE(sparse_sigmoid,
          x <= -1.0f  ? 0.0f
          : x >= 1.0f ? 1.0f
                      : 0.5f * (x + 1.0f),
          x <= -1.0f || x >= 1.0f ? 0.0f : 0.5f)

#define TABLE(id, ...)                                        \
    const ls_activation_ops ls_activation_##id = {            \
        .ops = {.name = #id, .keras_name = #id, __VA_ARGS__}, \
        .backward_reads = LS_FROM_INPUT,                      \
        .forward = forward_##id,                              \
        .backward = backward_##id,                            \
    }

static const ls_option shrink_options[] = {
    {.name = "threshold",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(piecewise, threshold),
     .initial = "0.5",
     .max = INFINITY},
    {.name = NULL},
};

/* Keras's function has no defaults. */
static const ls_option threshold_options[] = {
    {.name = "threshold", .kind = LS_OPTION_FLOAT, .offset = offsetof(piecewise, threshold)},
    {.name = "default_value", .kind = LS_OPTION_FLOAT, .offset = offsetof(piecewise, default_value)},
    {.name = NULL},
};

TABLE(relu6, );
TABLE(hard_tanh, );
TABLE(hard_silu, .aliases = (const char *const[]){"hard_swish", NULL});
TABLE(hard_shrink, .options = shrink_options, .config_bytes = sizeof(piecewise));
TABLE(soft_shrink, .options = shrink_options, .config_bytes = sizeof(piecewise));
TABLE(threshold, .options = threshold_options, .config_bytes = sizeof(piecewise));
TABLE(sparse_plus, );
TABLE(sparse_sigmoid, );
