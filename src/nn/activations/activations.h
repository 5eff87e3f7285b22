/* The activations of this folder, for the registry, and what their files share. */
#ifndef LS_NN_ACTIVATIONS_ACTIVATIONS_H
#define LS_NN_ACTIVATIONS_ACTIVATIONS_H

#include "nn/activation.h"
#include "tensor/kernels.h"

/* All activations, in the order of messages and tests. A new activation is a file in this folder and a line here. */
#define LS_ACTIVATION_LIST(X) \
    X(linear)                 \
    X(relu)                   \
    X(leaky_relu)             \
    X(relu6)                  \
    X(elu)                    \
    X(celu)                   \
    X(selu)                   \
    X(sigmoid)                \
    X(tanh)                   \
    X(tanh_shrink)            \
    X(hard_sigmoid)           \
    X(hard_silu)              \
    X(hard_tanh)              \
    X(hard_shrink)            \
    X(soft_shrink)            \
    X(threshold)              \
    X(sparse_plus)            \
    X(sparse_sigmoid)         \
    X(softmax)                \
    X(log_softmax)            \
    X(log_sigmoid)            \
    X(softplus)               \
    X(squareplus)             \
    X(softsign)               \
    X(silu)                   \
    X(mish)                   \
    X(gelu)                   \
    X(exponential)

#define LS_ACTIVATION_DECLARE(name) extern const ls_activation_ops ls_activation_##name;
LS_ACTIVATION_LIST(LS_ACTIVATION_DECLARE)

/* Arguments of activations that are layers, too (nn/layers/activation_layers.c), and the tables that read them. */
typedef struct ls_relu_config {
    double negative_slope;
    double max_value; /* NaN: unlimited */
    double threshold;
} ls_relu_config;

typedef struct ls_leaky_relu_config {
    double negative_slope;
} ls_leaky_relu_config;

typedef struct ls_elu_config {
    double alpha;
} ls_elu_config;

extern const ls_option ls_relu_options[], ls_elu_options[];

/* Elements worked at a time when a function needs intermediate arrays: they stay in the first-level cache. */
#define LS_ACTIVATION_CHUNK ((size_t)512)

/* Of n <= LS_ACTIVATION_CHUNK elements: forward y of x, backward dy of what .backward_reads says. */
typedef void ls_activation_piece(const void *config, const float *x, float *y, size_t n);

/* Piece after piece of n elements. */
static inline void ls_activation_walk(const void *config, const float *x, float *y, size_t n,
                                      ls_activation_piece *piece)
{
    for (size_t i = 0; i < n; i += LS_ACTIVATION_CHUNK)
        piece(config, x + i, y + i, n - i < LS_ACTIVATION_CHUNK ? n - i : LS_ACTIVATION_CHUNK);
}

/* y = e^-|x|, in (0, 1]: what sigmoid and softplus are made of without overflow. y may be x. */
void ls_exp_negative_magnitude(const float *x, float *y, size_t n);

/*
 * y = 1 / (1 + e^-x), from e = e^-|x| <= 1 so that nothing overflows: 1 / (1 + e) for x >= 0, else e / (1 + e).
 * y may be x.
 */
void ls_sigmoid(const float *x, float *y, size_t n);

#endif
