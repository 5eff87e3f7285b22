/*
 * Schedule-free AdamW (Defazio et al. 2024) as Keras has it. w lies between z, which takes the steps, and the average
 * x: w = (1 - beta1) z + beta1 x. With lr' = lr min(t / warmup_steps, 1):
 *
 *     x = (w - (1 - beta1) z) / beta1        v += (g^2 - v)(1 - beta2)        z -= lr' g / (sqrt(v / (1 - beta2^t)) +
 * eps) x += (z - x) / t                       w = (1 - beta1) z + beta1 x
 *
 * z starts from the weights.
 */
#include "nn/optimizers/optimizers.h"

typedef struct schedule_free {
    double beta_1, beta_2, epsilon;
    int64_t warmup_steps;
} schedule_free;

enum { MOMENTUM, VELOCITY };
enum { RATE, BETA_1, NEW_2, CORRECTION, EPSILON, SHARE };

static unsigned slots(const void *config)
{
    (void)config;
    return 1u << MOMENTUM | 1u << VELOCITY;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const schedule_free *const c = config;
    const float warm = c->warmup_steps > 0 ? (float)t / (float)c->warmup_steps : 1.0f;

    (void)scalars;
    h[RATE] = lr * (warm < 1.0f ? warm : 1.0f);
    h[BETA_1] = (float)c->beta_1;
    h[NEW_2] = 1.0f - (float)c->beta_2;
    h[CORRECTION] = 1.0f - ls_optimizer_power(c->beta_2, t);
    h[EPSILON] = (float)c->epsilon;
    h[SHARE] = 1.0f / (float)t;
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict z,
                           float *restrict v, size_t n)
{
    const float rate = h[RATE], beta = h[BETA_1], new_2 = h[NEW_2], correction = h[CORRECTION], epsilon = h[EPSILON];
    const float share = h[SHARE], rest = 1.0f - beta;

    for (size_t i = 0; i < n; i++) {
        float x;

        v[i] += (g[i] * g[i] - v[i]) * new_2;
        z[i] -= rate * g[i] / (sqrtf(v[i] / correction) + epsilon);
        x = (1.0f - share) * ((w[i] - rest * z[i]) / beta) + share * z[i];
        w[i] = rest * z[i] + beta * x;
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[MOMENTUM], slot[VELOCITY], n);
}

static const ls_option options[] = {
    {.name = "beta_1",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(schedule_free, beta_1),
     .initial = "0.9",
     .max = 1.0,
     .open_min = true,
     .open_max = true},
    LS_OPTIMIZER_DECAY(schedule_free, beta_2, "0.999"),
    {.name = "epsilon",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(schedule_free, epsilon),
     .initial = "1e-08",
     .min = FLT_MIN,
     .max = FLT_MAX},
    {.name = "warmup_steps",
     .kind = LS_OPTION_INT,
     .offset = offsetof(schedule_free, warmup_steps),
     .initial = "0",
     .max = 0x1p53},
    {.name = NULL},
};

const ls_optimizer_ops ls_schedule_free_adamw = {
    .ops = {.name = "schedule_free_adamw",
            .keras_name = "ScheduleFreeAdamW",
            .aliases = (const char *const[]){"schedule_free_adam_w", NULL},
            .options = options,
            .config_bytes = sizeof(schedule_free)},
    .learning_rate = 0.0025,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"momentum", "velocity"},
    .slots = slots,
    .first_slot_starts_from_weights = true,
    .prepare = prepare,
    .update = update,
    .slots_interleaved = 2,
};
