/*
 * Half a cosine from the initial rate to alpha times it over D = decay_steps (Loshchilov and Hutter 2017). With a
 * warmup_target, first a straight line from the initial rate to the target over warmup_steps, and the cosine from
 * there.
 */
#include "nn/schedules/schedules.h"

typedef struct cosine {
    double initial_learning_rate, alpha, warmup_target; /* NAN: no warm-up */
    int64_t decay_steps, warmup_steps;
} cosine;

static double rate(const void *config, uint64_t step)
{
    const cosine *const c = config;
    const uint64_t steps = (uint64_t)c->decay_steps, warmup = isnan(c->warmup_target) ? 0 : (uint64_t)c->warmup_steps;
    const double top = isnan(c->warmup_target) ? c->initial_learning_rate : c->warmup_target;
    double done;

    if (step < warmup)
        return c->initial_learning_rate + (top - c->initial_learning_rate) * ((double)step / (double)warmup);
    done = step - warmup < steps ? (double)(step - warmup) / (double)steps : 1.0;
    return top * ((1.0 - c->alpha) * ls_half_cosine(done) + c->alpha);
}

static const ls_option options[] = {
    LS_SCHEDULE_RATE(cosine, initial_learning_rate),
    LS_SCHEDULE_STEPS(cosine, decay_steps),
    {.name = "alpha", .kind = LS_OPTION_FLOAT, .offset = offsetof(cosine, alpha), .initial = "0.0", .max = FLT_MAX},
    {.name = "warmup_target",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(cosine, warmup_target),
     .initial = "null",
     .nullable = true,
     .max = FLT_MAX},
    {.name = "warmup_steps",
     .kind = LS_OPTION_INT,
     .offset = offsetof(cosine, warmup_steps),
     .initial = "0",
     .max = DBL_MAX},
    {.name = NULL},
};

const ls_schedule_ops ls_cosine_decay = {
    .ops = {.name = "cosine_decay", .keras_name = "CosineDecay", .options = options, .config_bytes = sizeof(cosine)},
    .rate = rate,
};
