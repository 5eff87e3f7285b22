/*
 * The rate for a batch k times as large as the one the base rate was tuned for: k times the base rate ("linear", Goyal
 * et al. 2017) or sqrt(k) times ("sqrt", Krizhevsky 2014; Hoffer, Hubara and Soudry 2017). As Goyal et al. recommend,
 * the rate rises in a straight line from the base rate during the first warmup_steps updates.
 */
#include "nn/schedules/schedules.h"

enum { LINEAR, SQRT };

static const char *const rules[] = {"linear", "sqrt", NULL};

typedef struct scaling {
    double base_learning_rate;
    int64_t base_batch_size, batch_size, warmup_steps;
    int rule;
} scaling;

static double rate(const void *config, uint64_t step)
{
    const scaling *const c = config;
    const double base = c->base_learning_rate, k = (double)c->batch_size / (double)c->base_batch_size;
    const double target = base * (c->rule == LINEAR ? k : sqrt(k));

    if (step < (uint64_t)c->warmup_steps)
        return base + (target - base) * ((double)step / (double)c->warmup_steps);
    return target;
}

static const ls_option options[] = {
    LS_SCHEDULE_RATE(scaling, base_learning_rate),
    LS_SCHEDULE_STEPS(scaling, base_batch_size),
    LS_SCHEDULE_STEPS(scaling, batch_size),
    {.name = "rule",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(scaling, rule),
     .initial = "linear",
     .choices = rules},
    {.name = "warmup_steps",
     .kind = LS_OPTION_INT,
     .offset = offsetof(scaling, warmup_steps),
     .initial = "0",
     .max = DBL_MAX},
    {.name = NULL},
};

const ls_schedule_ops ls_batch_scaling = {
    .ops = {.name = "batch_scaling", .options = options, .config_bytes = sizeof(scaling)},
    .rate = rate,
};
