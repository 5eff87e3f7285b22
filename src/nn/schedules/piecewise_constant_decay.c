/* values[i] up to and including step boundaries[i], then the next; one more value than boundaries. */
#include "nn/schedules/schedules.h"

typedef struct piecewise {
    ls_ints boundaries;
    ls_floats values;
} piecewise;

static double rate(const void *config, uint64_t step)
{
    const piecewise *const c = config;
    size_t i = 0;

    while (i < c->boundaries.count && step > (uint64_t)c->boundaries.value[i])
        i++;
    return c->values.value[i];
}

static ls_status check(const void *config, const ls_config *at)
{
    const piecewise *const c = config;

    if (c->values.count != c->boundaries.count + 1)
        return ls_config_fail(at, "piecewise_constant_decay needs one more value than boundaries, not %zu and %zu",
                              c->values.count, c->boundaries.count);
    for (size_t i = 1; i < c->boundaries.count; i++)
        if (c->boundaries.value[i] <= c->boundaries.value[i - 1])
            return ls_config_fail(at, "piecewise_constant_decay: boundaries must rise, but %lld follows %lld",
                                  (long long)c->boundaries.value[i], (long long)c->boundaries.value[i - 1]);
    return LS_OK;
}

static const ls_option options[] = {
    {.name = "boundaries", .kind = LS_OPTION_INTS, .offset = offsetof(piecewise, boundaries), .max = DBL_MAX},
    {.name = "values", .kind = LS_OPTION_FLOATS, .offset = offsetof(piecewise, values), .max = FLT_MAX},
    {.name = NULL},
};

const ls_schedule_ops ls_piecewise_constant_decay = {
    .ops = {.name = "piecewise_constant_decay",
            .keras_name = "PiecewiseConstantDecay",
            .options = options,
            .config_bytes = sizeof(piecewise),
            .check = check},
    .rate = rate,
};
