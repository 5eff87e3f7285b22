/*
 * FTRL-Proximal (McMahan et al. 2013) as Keras has it. With n the sum of squares, n' the new one, p =
 * -learning_rate_power and l2' = l2 + beta / (2 lr):
 *
 *     z += g + 2 shrinkage w - (n'^p - n^p) / lr w        w = (clip(z, -l1, l1) - z) / (n'^p / lr + 2 l2')
 */
#include "nn/optimizers/optimizers.h"

typedef struct ftrl {
    double learning_rate_power, initial_accumulator_value;
    double l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength, beta;
} ftrl;

enum { ACCUMULATOR, LINEAR };
enum { LR, POWER, L1, TWICE_L2, TWICE_SHRINKAGE };

static unsigned slots(const void *config)
{
    (void)config;
    return 1u << ACCUMULATOR | 1u << LINEAR;
}

static float slot_initial(const void *config, size_t slot)
{
    return slot == ACCUMULATOR ? (float)((const ftrl *)config)->initial_accumulator_value : 0.0f;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const ftrl *const c = config;

    (void)t, (void)scalars;
    h[LR] = lr;
    h[POWER] = (float)-c->learning_rate_power;
    h[L1] = (float)c->l1_regularization_strength;
    h[TWICE_L2] = 2.0f * ((float)c->l2_regularization_strength + (float)c->beta / (2.0f * lr));
    h[TWICE_SHRINKAGE] = (float)(2.0 * c->l2_shrinkage_regularization_strength);
}

static float power_of(float x, float power)
{
    return power == 0.5f ? sqrtf(x) : (float)ls_pow_double((double)x, (double)power);
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    float *const sum = slot[ACCUMULATOR], *const z = slot[LINEAR];

    (void)config;
    for (size_t i = 0; i < n; i++) {
        const float next = sum[i] + g[i] * g[i], power = power_of(next, h[POWER]);
        const float quadratic = power / h[LR] + h[TWICE_L2];
        float inside;

        z[i] += g[i] + h[TWICE_SHRINKAGE] * w[i] - (power - power_of(sum[i], h[POWER])) / h[LR] * w[i];
        inside = z[i] > h[L1] ? h[L1] : z[i] < -h[L1] ? -h[L1] : z[i];
        w[i] = quadratic > 0.0f ? (inside - z[i]) / quadratic : 0.0f; /* 0 / 0: nothing has happened yet */
        sum[i] = next;
    }
}

#define STRENGTH(field)                                                                                            \
    {                                                                                                              \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(ftrl, field), .initial = "0.0", .max = FLT_MAX \
    }

static const ls_option options[] = {
    {.name = "learning_rate_power",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ftrl, learning_rate_power),
     .initial = "-0.5",
     .min = -FLT_MAX,
     .max = 0.0},
    {.name = "initial_accumulator_value",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ftrl, initial_accumulator_value),
     .initial = "0.1",
     .max = FLT_MAX},
    STRENGTH(l1_regularization_strength),
    STRENGTH(l2_regularization_strength),
    STRENGTH(l2_shrinkage_regularization_strength),
    STRENGTH(beta),
    {.name = NULL},
};

const ls_optimizer_ops ls_ftrl = {
    .ops = {.name = "ftrl", .keras_name = "Ftrl", .options = options, .config_bytes = sizeof(ftrl)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"accumulator", "linear"},
    .slots = slots,
    .slot_initial = slot_initial,
    .prepare = prepare,
    .update = update,
    .slots_interleaved = 2,
};
