/*
 * Cosine decay with warm restarts (Loshchilov and Hutter 2017): period i lasts first_decay_steps t_mul^i steps and
 * starts at m_mul^i times the initial rate.
 */
#include "nn/schedules/schedules.h"

typedef struct restarts {
    double initial_learning_rate, t_mul, m_mul, alpha;
    int64_t first_decay_steps;
} restarts;

/* Where period i begins, in first periods: 1 + t + t^2 + ... + t^(i-1). */
static double start(double t, double i)
{
    return t == 1.0 ? i : (ls_pow_double(t, i) - 1.0) / (t - 1.0);
}

static double rate(const void *config, uint64_t step)
{
    const restarts *const c = config;
    const double now = (double)step / (double)c->first_decay_steps, t = c->t_mul;
    double i, within;

    i = floor(t == 1.0 ? now : ls_log_double(1.0 + now * (t - 1.0)) / ls_log_double(t));
    /* The logarithm may miss a restart by a rounding error. */
    if (start(t, i + 1.0) <= now)
        i += 1.0;
    else if (start(t, i) > now)
        i -= 1.0;
    within = (now - start(t, i)) / ls_pow_double(t, i);
    return c->initial_learning_rate *
           ((1.0 - c->alpha) * ls_pow_double(c->m_mul, i) * ls_half_cosine(within) + c->alpha);
}

static const ls_option options[] = {
    LS_SCHEDULE_RATE(restarts, initial_learning_rate),
    LS_SCHEDULE_STEPS(restarts, first_decay_steps),
    {.name = "t_mul",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(restarts, t_mul),
     .initial = "2.0",
     .min = 1.0,
     .max = FLT_MAX},
    {.name = "m_mul", .kind = LS_OPTION_FLOAT, .offset = offsetof(restarts, m_mul), .initial = "1.0", .max = FLT_MAX},
    {.name = "alpha", .kind = LS_OPTION_FLOAT, .offset = offsetof(restarts, alpha), .initial = "0.0", .max = FLT_MAX},
    {.name = NULL},
};

const ls_schedule_ops ls_cosine_decay_restarts = {
    .ops = {.name = "cosine_decay_restarts",
            .keras_name = "CosineDecayRestarts",
            .options = options,
            .config_bytes = sizeof(restarts)},
    .rate = rate,
};
