/* Adagrad (Duchi, Hazan and Singer 2011): s += g^2, w -= lr g / sqrt(s + eps); s starts above 0. */
#include "nn/optimizers/optimizers.h"

typedef struct adagrad {
    double initial_accumulator_value, epsilon;
} adagrad;

enum { LR, EPSILON };

static unsigned slots(const void *config)
{
    (void)config;
    return 1u;
}

static float slot_initial(const void *config, size_t slot)
{
    (void)slot;
    return (float)((const adagrad *)config)->initial_accumulator_value;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    (void)t, (void)scalars;
    h[LR] = lr;
    h[EPSILON] = (float)((const adagrad *)config)->epsilon;
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict s, size_t n)
{
    const float lr = h[LR], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        s[i] += g[i] * g[i];
        w[i] -= lr * g[i] / sqrtf(s[i] + epsilon);
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[0], n);
}

static const ls_option options[] = {
    {.name = "initial_accumulator_value",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(adagrad, initial_accumulator_value),
     .initial = "0.1",
     .max = FLT_MAX},
    LS_OPTIMIZER_EPSILON(adagrad),
    {.name = NULL},
};

const ls_optimizer_ops ls_adagrad = {
    .ops = {.name = "adagrad", .keras_name = "Adagrad", .options = options, .config_bytes = sizeof(adagrad)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 1,
    .slot_names = {"accumulator"},
    .slots = slots,
    .slot_initial = slot_initial,
    .prepare = prepare,
    .update = update,
};
