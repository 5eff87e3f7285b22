/*
 * Adamax (Kingma and Ba 2015, section 7.1): m += (g - m)(1 - beta1), u = max(beta2 u, |g|),
 * w -= lr m / ((1 - beta1^t)(u + eps)).
 */
#include "nn/optimizers/optimizers.h"

typedef struct adamax {
    double beta_1, beta_2, epsilon;
} adamax;

enum { LR, NEW_1, BETA_2, CORRECTION, EPSILON };

static unsigned slots(const void *config)
{
    (void)config;
    return 3u;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const adamax *const c = config;

    (void)scalars;
    h[LR] = lr;
    h[NEW_1] = (float)(1.0 - c->beta_1);
    h[BETA_2] = (float)c->beta_2;
    h[CORRECTION] = 1.0f - ls_optimizer_power(c->beta_1, t);
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                           float *restrict u, size_t n)
{
    const float lr = h[LR], new_1 = h[NEW_1], beta_2 = h[BETA_2], correction = h[CORRECTION], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        const float old = beta_2 * u[i], now = fabsf(g[i]);

        m[i] += (g[i] - m[i]) * new_1;
        u[i] = now > old ? now : old;
        w[i] -= lr * m[i] / (correction * (u[i] + epsilon));
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[0], slot[1], n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(adamax, beta_1, "0.9"),
    LS_OPTIMIZER_DECAY(adamax, beta_2, "0.999"),
    LS_OPTIMIZER_EPSILON(adamax),
    {.name = NULL},
};

const ls_optimizer_ops ls_adamax = {
    .ops = {.name = "adamax", .keras_name = "Adamax", .options = options, .config_bytes = sizeof(adamax)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"momentum", "norm"},
    .slots = slots,
    .prepare = prepare,
    .update = update,
    .slots_interleaved = 2,
};
