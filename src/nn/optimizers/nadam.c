/*
 * Nadam (Dozat 2016) as Keras has it: mu_t = beta1 (1 - 0.5 * 0.96^t), PI = the product of mu_1 ... mu_t (kept as
 * float32 in the checkpoint), m and v as Adam;
 * mh = mu_(t+1) m / (1 - PI mu_(t+1)) + (1 - mu_t) g / (1 - PI); w -= lr mh / (sqrt(v / (1 - beta2^t)) + eps).
 */
#include "nn/optimizers/optimizers.h"

typedef struct nadam {
    double beta_1, beta_2, epsilon;
} nadam;

enum { LR, NEW_1, NEW_2, FROM_M, FROM_G, CORRECTION, EPSILON };

static unsigned slots(const void *config)
{
    (void)config;
    return 3u;
}

static float mu(float beta_1, uint64_t t)
{
    return beta_1 * (1.0f - 0.5f * ls_optimizer_power(0.96, t));
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const nadam *const c = config;
    const float now = mu((float)c->beta_1, t), next = mu((float)c->beta_1, t + 1);
    const float product = (float)scalars[0] * now;

    scalars[0] = (double)product;
    h[LR] = lr;
    h[NEW_1] = (float)(1.0 - c->beta_1);
    h[NEW_2] = (float)(1.0 - c->beta_2);
    h[FROM_M] = next / (1.0f - product * next);
    h[FROM_G] = (1.0f - now) / (1.0f - product);
    h[CORRECTION] = 1.0f - ls_optimizer_power(c->beta_2, t);
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                           float *restrict v, size_t n)
{
    const float lr = h[LR], new_1 = h[NEW_1], new_2 = h[NEW_2], from_m = h[FROM_M], from_g = h[FROM_G];
    const float correction = h[CORRECTION], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * new_1;
        v[i] += (g[i] * g[i] - v[i]) * new_2;
        w[i] -= lr * (from_m * m[i] + from_g * g[i]) / (sqrtf(v[i] / correction) + epsilon);
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[0], slot[1], n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(nadam, beta_1, "0.9"),
    LS_OPTIMIZER_DECAY(nadam, beta_2, "0.999"),
    LS_OPTIMIZER_EPSILON(nadam),
    {.name = NULL},
};

const ls_optimizer_ops ls_nadam = {
    .ops = {.name = "nadam", .keras_name = "Nadam", .options = options, .config_bytes = sizeof(nadam)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"momentum", "velocity"},
    .slots = slots,
    .prepare = prepare,
    .scalars_initial = 1.0,
    .scalars = 1,
    .scalar_names = {"u_product"},
    .update = update,
    .slots_interleaved = 2,
};
