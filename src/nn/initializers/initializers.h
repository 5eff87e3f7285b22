/* The initializers of this folder. */
#ifndef LS_NN_INITIALIZERS_INITIALIZERS_H
#define LS_NN_INITIALIZERS_INITIALIZERS_H

#include "nn/initializer.h"

/* All initializers, in the order of messages and tests. A new initializer is a file in this folder and a line here. */
#define LS_INITIALIZER_LIST(X) \
    X(zeros)                   \
    X(ones)                    \
    X(constant)                \
    X(identity)                \
    X(random_uniform)          \
    X(random_normal)           \
    X(truncated_normal)        \
    X(glorot_uniform)          \
    X(glorot_normal)           \
    X(he_uniform)              \
    X(he_normal)               \
    X(lecun_uniform)           \
    X(lecun_normal)            \
    X(orthogonal)              \
    X(variance_scaling)

#define LS_INITIALIZER_DECLARE(name) extern const ls_initializer_ops ls_##name;
LS_INITIALIZER_LIST(LS_INITIALIZER_DECLARE)

/* x <- offset + factor x. */
void ls_affine(float *x, size_t n, float factor, float offset);

/* `seed`, as Keras has it: NULL is the experiment's. The config needs an int64_t seed. */
#define LS_SEED_OPTION(type)                                                                                        \
    {                                                                                                               \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(type, seed), .initial = "null", .nullable = true, \
        .max = 0x1p62                                                                                               \
    }

#endif
