/* initial rate^p and initial / (1 + rate p) with p = step / decay_steps, whole numbers only if `staircase`. */
#include "nn/schedules/schedules.h"

typedef struct decay {
    double initial_learning_rate, decay_rate;
    int64_t decay_steps;
    bool staircase;
} decay;

static double progress(const decay *c, uint64_t step)
{
    const uint64_t steps = (uint64_t)c->decay_steps;

    return c->staircase ? (double)(step / steps) : (double)step / (double)steps;
}

static double exponential(const void *config, uint64_t step)
{
    const decay *const c = config;

    return c->initial_learning_rate * ls_pow_double(c->decay_rate, progress(c, step));
}

static double inverse_time(const void *config, uint64_t step)
{
    const decay *const c = config;

    return c->initial_learning_rate / (1.0 + c->decay_rate * progress(c, step));
}

static const ls_option options[] = {
    LS_SCHEDULE_RATE(decay, initial_learning_rate),
    LS_SCHEDULE_STEPS(decay, decay_steps),
    LS_SCHEDULE_RATE(decay, decay_rate),
    {.name = "staircase", .kind = LS_OPTION_BOOL, .offset = offsetof(decay, staircase), .initial = "false"},
    {.name = NULL},
};

const ls_schedule_ops ls_exponential_decay = {
    .ops = {.name = "exponential_decay",
            .keras_name = "ExponentialDecay",
            .options = options,
            .config_bytes = sizeof(decay)},
    .rate = exponential,
};

const ls_schedule_ops ls_inverse_time_decay = {
    .ops = {.name = "inverse_time_decay",
            .keras_name = "InverseTimeDecay",
            .options = options,
            .config_bytes = sizeof(decay)},
    .rate = inverse_time,
};
