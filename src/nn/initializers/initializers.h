/* The initializers of this folder. */
#ifndef LS_NN_INITIALIZERS_INITIALIZERS_H
#define LS_NN_INITIALIZERS_INITIALIZERS_H

#include "nn/initializer.h"

extern const ls_initializer_ops ls_zeros, ls_ones, ls_constant;
extern const ls_initializer_ops ls_random_uniform, ls_random_normal, ls_truncated_normal;
extern const ls_initializer_ops ls_variance_scaling, ls_glorot_uniform, ls_glorot_normal, ls_he_uniform, ls_he_normal,
    ls_lecun_uniform, ls_lecun_normal;
extern const ls_initializer_ops ls_orthogonal;

/* x <- offset + factor x. */
void ls_affine(float *x, size_t n, float factor, float offset);

#endif
