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
    X(elu)                    \
    X(selu)                   \
    X(sigmoid)                \
    X(tanh)                   \
    X(hard_sigmoid)           \
    X(softmax)                \
    X(softplus)               \
    X(softsign)               \
    X(silu)                   \
    X(gelu)                   \
    X(exponential)

#define LS_ACTIVATION_DECLARE(name) extern const ls_activation_ops ls_activation_##name;
LS_ACTIVATION_LIST(LS_ACTIVATION_DECLARE)

/* Elements worked at a time when a function needs intermediate arrays: they stay in the first-level cache. */
#define LS_ACTIVATION_CHUNK ((size_t)512)

/* y = e^-|x|, in (0, 1]: what sigmoid and softplus are made of without overflow. y may be x. */
void ls_exp_negative_magnitude(const float *x, float *y, size_t n);

/*
 * y = 1 / (1 + e^-x), from e = e^-|x| <= 1 so that nothing overflows: 1 / (1 + e) for x >= 0, else e / (1 + e).
 * y may be x.
 */
void ls_sigmoid(const float *x, float *y, size_t n);

#endif
