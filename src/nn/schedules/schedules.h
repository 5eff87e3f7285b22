/* The learning-rate schedules of this folder. Formulas: src/nn/KERAS.md, section 8. */
#ifndef LS_NN_SCHEDULES_SCHEDULES_H
#define LS_NN_SCHEDULES_SCHEDULES_H

#include <float.h>
#include <math.h>

#include "nn/optimizer.h"
#include "tensor/math.h"

/* All schedules, in the order of messages and tests. A new schedule is a file in this folder and a line here. */
#define LS_SCHEDULE_LIST(X)     \
    X(exponential_decay)        \
    X(piecewise_constant_decay) \
    X(polynomial_decay)         \
    X(inverse_time_decay)       \
    X(cosine_decay)             \
    X(cosine_decay_restarts)    \
    X(batch_scaling)

#define LS_SCHEDULE_DECLARE(name) extern const ls_schedule_ops ls_##name;
LS_SCHEDULE_LIST(LS_SCHEDULE_DECLARE)

/* Rows of option tables. */
#define LS_SCHEDULE_RATE(type, field) /* required, not negative */                               \
    {                                                                                            \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(type, field), .max = FLT_MAX \
    }
#define LS_SCHEDULE_STEPS(type, field) /* required, at least 1 */                          \
    {                                                                                      \
        .name = #field, .kind = LS_OPTION_INT, .offset = offsetof(type, field), .min = 1.0 \
    }

/* (1 + cos(pi x)) / 2: from 1 at x = 0 to 0 at x = 1. */
static inline double ls_half_cosine(double x)
{
    return 0.5 * (1.0 + ls_cos_double(3.14159265358979323846 * x));
}

#endif
