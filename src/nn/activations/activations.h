/* The activations of this folder, for the registry, and what their files share. */
#ifndef LS_NN_ACTIVATIONS_ACTIVATIONS_H
#define LS_NN_ACTIVATIONS_ACTIVATIONS_H

#include "nn/activation.h"
#include "tensor/kernels.h"

extern const ls_activation_ops ls_activation_linear;
extern const ls_activation_ops ls_activation_relu;
extern const ls_activation_ops ls_activation_leaky_relu;
extern const ls_activation_ops ls_activation_elu;
extern const ls_activation_ops ls_activation_selu;
extern const ls_activation_ops ls_activation_sigmoid;
extern const ls_activation_ops ls_activation_hard_sigmoid;
extern const ls_activation_ops ls_activation_tanh;
extern const ls_activation_ops ls_activation_softmax;
extern const ls_activation_ops ls_activation_softplus;
extern const ls_activation_ops ls_activation_softsign;
extern const ls_activation_ops ls_activation_silu;
extern const ls_activation_ops ls_activation_gelu;
extern const ls_activation_ops ls_activation_exponential;

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
