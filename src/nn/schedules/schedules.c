/* The registry of learning-rate schedules. */
#include "nn/schedules/schedules.h"

static const ls_ops *const entries[] = {
    &ls_exponential_decay.ops, &ls_piecewise_constant_decay.ops, &ls_polynomial_decay.ops, &ls_inverse_time_decay.ops,
    &ls_cosine_decay.ops,      &ls_cosine_decay_restarts.ops,    &ls_batch_scaling.ops,    NULL,
};

const ls_registry ls_schedules = {"learning-rate schedule", entries};
