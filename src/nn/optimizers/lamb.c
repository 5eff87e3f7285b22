/*
 * Optimizers that give every weight (a kernel, a bias) a rate of its own, by the norm of the weight and that of the
 * direction it is about to take.
 *
 *     lamb (You et al. 2020)                   m, v as Adam's; u = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
 *                                              w -= lr |w| / |u| u
 *     lars (You, Gitman, Ginsburg 2017)        m = mu m + lr r (g + b w), r = trust |w| / (|g| + b |w|);  w -= m
 *
 * Where one of the norms is 0, the factor is 1. b is weight_decay_rate: the paper's beta.
 */
#include "nn/optimizers/optimizers.h"

typedef struct lamb {
    double beta_1, beta_2, epsilon;
} lamb;

enum { MOMENTUM, VELOCITY };
enum { LR, NEW_1, NEW_2, CORRECTION_1, CORRECTION_2, EPSILON };

static unsigned slots_lamb(const void *config)
{
    (void)config;
    return 1u << MOMENTUM | 1u << VELOCITY;
}

static void prepare_lamb(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const lamb *const c = config;

    (void)scalars;
    h[LR] = lr;
    h[NEW_1] = (float)(1.0 - c->beta_1);
    h[NEW_2] = (float)(1.0 - c->beta_2);
    h[CORRECTION_1] = 1.0f - ls_optimizer_power(c->beta_1, t);
    h[CORRECTION_2] = 1.0f - ls_optimizer_power(c->beta_2, t);
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void adapt(const float *h, const float *restrict g, float *restrict m, float *restrict v,
                            float *restrict u, size_t n)
{
    const float new_1 = h[NEW_1], new_2 = h[NEW_2], first = h[CORRECTION_1], second = h[CORRECTION_2];
    const float epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * new_1;
        v[i] += (g[i] * g[i] - v[i]) * new_2;
        u[i] = m[i] / first / (sqrtf(v[i] / second) + epsilon);
    }
}

static void direct_lamb(const void *config, const float h[8], const float *g, float *const *slot, float *u, size_t n)
{
    (void)config;
    adapt(h, g, slot[MOMENTUM], slot[VELOCITY], u, n);
}

static double trust_lamb(const void *config, double w_norm, double u_norm)
{
    (void)config;
    return w_norm > 0.0 && u_norm > 0.0 ? w_norm / u_norm : 1.0;
}

LS_CLONES static void step(float rate, float *restrict w, const float *restrict u, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w[i] -= rate * u[i];
}

static void update_lamb(const void *config, const float h[8], float *w, const float *u, float *const *slot, size_t n)
{
    (void)config, (void)slot;
    step(h[LS_OPTIMIZER_TRUST] * h[LR], w, u, n);
}

static const ls_option lamb_options[] = {
    LS_OPTIMIZER_DECAY(lamb, beta_1, "0.9"),
    LS_OPTIMIZER_DECAY(lamb, beta_2, "0.999"),
    LS_OPTIMIZER_EPSILON(lamb),
    {.name = NULL},
};

const ls_optimizer_ops ls_lamb = {
    .ops = {.name = "lamb", .keras_name = "Lamb", .options = lamb_options, .config_bytes = sizeof(lamb)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"momentum", "velocity"},
    .slots = slots_lamb,
    .prepare = prepare_lamb,
    .direct = direct_lamb,
    .trust = trust_lamb,
    .update = update_lamb,
    .slots_interleaved = 2,
};

/* ---- lars ---- */

typedef struct lars {
    double momentum, weight_decay_rate, trust_coefficient;
} lars;

enum { LARS_LR, LARS_MOMENTUM, LARS_DECAY };

static unsigned slots_lars(const void *config)
{
    (void)config;
    return 1u << MOMENTUM;
}

static void prepare_lars(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const lars *const c = config;

    (void)t, (void)scalars;
    h[LARS_LR] = lr;
    h[LARS_MOMENTUM] = (float)c->momentum;
    h[LARS_DECAY] = (float)c->weight_decay_rate;
}

static void direct_lars(const void *config, const float h[8], const float *g, float *const *slot, float *u, size_t n)
{
    (void)config, (void)h, (void)slot;
    ls_copy(g, u, n);
}

static double trust_lars(const void *config, double w_norm, double g_norm)
{
    const lars *const c = config;

    return w_norm > 0.0 && g_norm > 0.0 ? c->trust_coefficient * w_norm / (g_norm + c->weight_decay_rate * w_norm)
                                        : 1.0;
}

LS_CLONES static void heavy_ball(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                                 size_t n)
{
    const float rate = h[LARS_LR] * h[LS_OPTIMIZER_TRUST], mu = h[LARS_MOMENTUM], decay = h[LARS_DECAY];

    for (size_t i = 0; i < n; i++) {
        m[i] = mu * m[i] + rate * (g[i] + decay * w[i]);
        w[i] -= m[i];
    }
}

static void update_lars(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    heavy_ball(h, w, g, slot[MOMENTUM], n);
}

static const ls_option lars_options[] = {
    LS_OPTIMIZER_DECAY(lars, momentum, "0.9"),
    {.name = "weight_decay_rate",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(lars, weight_decay_rate),
     .initial = "0.0",
     .max = FLT_MAX},
    {.name = "trust_coefficient",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(lars, trust_coefficient),
     .initial = "0.001",
     .max = FLT_MAX,
     .open_min = true},
    {.name = NULL},
};

/* Keras has none. */
const ls_optimizer_ops ls_lars = {
    .ops = {.name = "lars", .options = lars_options, .config_bytes = sizeof(lars)},
    .learning_rate = 0.1,
    .weight_decay = NAN,
    .slots_max = 1,
    .slot_names = {"momentum"},
    .slots = slots_lars,
    .prepare = prepare_lars,
    .direct = direct_lars,
    .trust = trust_lars,
    .update = update_lars,
};
