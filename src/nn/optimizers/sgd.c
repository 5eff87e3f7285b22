/*
 * Gradient descent with momentum mu: m = mu m - lr g; w += m, or with Nesterov's look-ahead w += mu m - lr g.
 * Without momentum w -= lr g. The rate is folded into m, so a new rate changes only new contributions.
 */
#include "nn/optimizers/optimizers.h"

typedef struct sgd {
    double momentum;
    bool nesterov;
} sgd;

enum { LR, MOMENTUM };

static unsigned slots(const void *config)
{
    return ((const sgd *)config)->momentum > 0.0;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    (void)t, (void)scalars;
    h[LR] = lr;
    h[MOMENTUM] = (float)((const sgd *)config)->momentum;
}

LS_CLONES static void plain(const float *h, float *restrict w, const float *restrict g, size_t n)
{
    const float lr = h[LR];

    for (size_t i = 0; i < n; i++)
        w[i] -= lr * g[i];
}

LS_CLONES static void heavy_ball(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                                 size_t n)
{
    const float lr = h[LR], mu = h[MOMENTUM];

    for (size_t i = 0; i < n; i++) {
        m[i] = mu * m[i] - lr * g[i];
        w[i] += m[i];
    }
}

LS_CLONES static void nesterov(const float *h, float *restrict w, const float *restrict g, float *restrict m, size_t n)
{
    const float lr = h[LR], mu = h[MOMENTUM];

    for (size_t i = 0; i < n; i++) {
        m[i] = mu * m[i] - lr * g[i];
        w[i] += mu * m[i] - lr * g[i];
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    if (!slot[0])
        plain(h, w, g, n);
    else if (((const sgd *)config)->nesterov)
        nesterov(h, w, g, slot[0], n);
    else
        heavy_ball(h, w, g, slot[0], n);
}

static const ls_option options[] = {
    {.name = "momentum", .kind = LS_OPTION_FLOAT, .offset = offsetof(sgd, momentum), .initial = "0.0", .max = 1.0},
    LS_OPTIMIZER_FLAG(sgd, nesterov),
    {.name = NULL},
};

const ls_optimizer_ops ls_sgd = {
    .ops = {.name = "sgd", .keras_name = "SGD", .options = options, .config_bytes = sizeof(sgd)},
    .learning_rate = 0.01,
    .weight_decay = NAN,
    .slots_max = 1,
    .slot_names = {"momentum"},
    .slots = slots,
    .prepare = prepare,
    .update = update,
};
