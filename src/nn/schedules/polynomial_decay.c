/*
 * (initial - end) (1 - step/D)^power + end, end after D steps. With `cycle`, D is the next multiple of decay_steps, so
 * that the rate climbs again after every decay_steps, each time from a lower point.
 */
#include "nn/schedules/schedules.h"

typedef struct polynomial {
    double initial_learning_rate, end_learning_rate, power;
    int64_t decay_steps;
    bool cycle;
} polynomial;

static double rate(const void *config, uint64_t step)
{
    const polynomial *const c = config;
    const uint64_t steps = (uint64_t)c->decay_steps;
    double done;

    if (!c->cycle)
        done = step < steps ? (double)step / (double)steps : 1.0;
    else
        done = step == 0 ? 0.0 : (double)step / ((double)steps * (double)(step / steps + (step % steps != 0)));
    return (c->initial_learning_rate - c->end_learning_rate) * ls_pow_double(1.0 - done, c->power) +
           c->end_learning_rate;
}

static const ls_option options[] = {
    LS_SCHEDULE_RATE(polynomial, initial_learning_rate),
    LS_SCHEDULE_STEPS(polynomial, decay_steps),
    {.name = "end_learning_rate",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(polynomial, end_learning_rate),
     .initial = "0.0001",
     .max = FLT_MAX},
    {.name = "power", .kind = LS_OPTION_FLOAT, .offset = offsetof(polynomial, power), .initial = "1.0", .max = FLT_MAX},
    {.name = "cycle", .kind = LS_OPTION_BOOL, .offset = offsetof(polynomial, cycle), .initial = "false"},
    {.name = NULL},
};

const ls_schedule_ops ls_polynomial_decay = {
    .ops = {.name = "polynomial_decay",
            .keras_name = "PolynomialDecay",
            .options = options,
            .config_bytes = sizeof(polynomial)},
    .rate = rate,
};
