/*
 * RMSprop: v = rho v + (1-rho) g^2; step = lr g / sqrt(v + eps), epsilon inside the root; centered: v less the square
 * of a = rho a + (1-rho) g. With momentum mu: m = mu m + step, w -= m; without: w -= step.
 */
#include "nn/optimizers/optimizers.h"

typedef struct rmsprop {
    double rho, momentum, epsilon;
    bool centered;
} rmsprop;

enum { VELOCITY, MOMENTUM_SLOT, AVERAGE };
enum { LR, RHO, NEW, MOMENTUM, EPSILON };

static unsigned slots(const void *config)
{
    const rmsprop *const c = config;

    return 1u << VELOCITY | (unsigned)(c->momentum > 0.0) << MOMENTUM_SLOT | (unsigned)c->centered << AVERAGE;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const rmsprop *const c = config;

    (void)t, (void)scalars;
    h[LR] = lr;
    h[RHO] = (float)c->rho;
    h[NEW] = (float)(1.0 - c->rho);
    h[MOMENTUM] = (float)c->momentum;
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void plain(const float *h, float *restrict w, const float *restrict g, float *restrict v, size_t n)
{
    const float lr = h[LR], rho = h[RHO], new = h[NEW], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        v[i] = rho * v[i] + new *(g[i] * g[i]);
        w[i] -= lr * g[i] / sqrtf(v[i] + epsilon);
    }
}

LS_CLONES static void with_momentum(const float *h, float *restrict w, const float *restrict g, float *restrict v,
                                    float *restrict m, size_t n)
{
    const float lr = h[LR], rho = h[RHO], new = h[NEW], mu = h[MOMENTUM], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        v[i] = rho * v[i] + new *(g[i] * g[i]);
        m[i] = mu * m[i] + lr * g[i] / sqrtf(v[i] + epsilon);
        w[i] -= m[i];
    }
}

LS_CLONES static void centered(const float *h, float *restrict w, const float *restrict g, float *restrict v,
                               float *restrict a, size_t n)
{
    const float lr = h[LR], rho = h[RHO], new = h[NEW], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        v[i] = rho * v[i] + new *(g[i] * g[i]);
        a[i] = rho * a[i] + new *g[i];
        w[i] -= lr * g[i] / sqrtf(v[i] - a[i] * a[i] + epsilon);
    }
}

LS_CLONES static void centered_with_momentum(const float *h, float *restrict w, const float *restrict g,
                                             float *restrict v, float *restrict m, float *restrict a, size_t n)
{
    const float lr = h[LR], rho = h[RHO], new = h[NEW], mu = h[MOMENTUM], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        v[i] = rho * v[i] + new *(g[i] * g[i]);
        a[i] = rho * a[i] + new *g[i];
        m[i] = mu * m[i] + lr * g[i] / sqrtf(v[i] - a[i] * a[i] + epsilon);
        w[i] -= m[i];
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    float *const v = slot[VELOCITY], *const m = slot[MOMENTUM_SLOT], *const a = slot[AVERAGE];

    (void)config;
    if (m && a)
        centered_with_momentum(h, w, g, v, m, a, n);
    else if (a)
        centered(h, w, g, v, a, n);
    else if (m)
        with_momentum(h, w, g, v, m, n);
    else
        plain(h, w, g, v, n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(rmsprop, rho, "0.9"),
    {.name = "momentum", .kind = LS_OPTION_FLOAT, .offset = offsetof(rmsprop, momentum), .initial = "0.0", .max = 1.0},
    LS_OPTIMIZER_EPSILON(rmsprop),
    LS_OPTIMIZER_FLAG(rmsprop, centered),
    {.name = NULL},
};

const ls_optimizer_ops ls_rmsprop = {
    .ops = {.name = "rmsprop", .keras_name = "RMSprop", .options = options, .config_bytes = sizeof(rmsprop)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 3,
    .slot_names = {"velocity", "momentum", "average_gradient"},
    .slots = slots,
    .prepare = prepare,
    .update = update,
};
