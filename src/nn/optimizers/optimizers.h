/* The optimizers of this folder, and what several of them share. */
#ifndef LS_NN_OPTIMIZERS_OPTIMIZERS_H
#define LS_NN_OPTIMIZERS_OPTIMIZERS_H

#include <float.h>
#include <math.h>

#include "nn/optimizer.h"
#include "tensor/kernels.h"
#include "tensor/math.h"

/* All optimizers, in the order of messages and tests. A new optimizer is a file in this folder and a line here. */
#define LS_OPTIMIZER_LIST(X) \
    X(sgd)                   \
    X(rmsprop)               \
    X(adagrad)               \
    X(adadelta)              \
    X(adam)                  \
    X(adamw)                 \
    X(adamax)                \
    X(nadam)                 \
    X(lion)                  \
    X(ftrl)                  \
    X(lamb)                  \
    X(lars)                  \
    X(schedule_free_adamw)

#define LS_OPTIMIZER_DECLARE(name) extern const ls_optimizer_ops ls_##name;
LS_OPTIMIZER_LIST(LS_OPTIMIZER_DECLARE)

/* Rows of option tables. */
#define LS_OPTIMIZER_DECAY(type, field, standard) /* a decay rate in [0, 1) */                                     \
    {                                                                                                              \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(type, field), .initial = standard, .max = 1.0, \
        .open_max = true                                                                                           \
    }
#define LS_OPTIMIZER_EPSILON(type) /* above 0, or 0/0 would appear wherever a gradient is 0 */             \
    {                                                                                                      \
        .name = "epsilon", .kind = LS_OPTION_FLOAT, .offset = offsetof(type, epsilon), .initial = "1e-07", \
        .min = FLT_MIN, .max = FLT_MAX                                                                     \
    }
#define LS_OPTIMIZER_FLAG(type, field)                                                              \
    {                                                                                               \
        .name = #field, .kind = LS_OPTION_BOOL, .offset = offsetof(type, field), .initial = "false" \
    }

/* beta^t, both as float32 as Keras has them, rounded to float32. */
static inline float ls_optimizer_power(double beta, uint64_t t)
{
    return (float)ls_pow_double((double)(float)beta, (double)(float)t);
}

#endif
