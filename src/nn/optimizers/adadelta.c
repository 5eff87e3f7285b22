/*
 * Adadelta (Zeiler 2012): s = rho s + (1-rho) g^2; d = -sqrt(u + eps) / sqrt(s + eps) g; u = rho u + (1-rho) d^2;
 * w += lr d.
 */
#include "nn/optimizers/optimizers.h"

typedef struct adadelta {
    double rho, epsilon;
} adadelta;

enum { LR, RHO, NEW, EPSILON };

static unsigned slots(const void *config)
{
    (void)config;
    return 3u;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const adadelta *const c = config;

    (void)t, (void)scalars;
    h[LR] = lr;
    h[RHO] = (float)c->rho;
    h[NEW] = (float)(1.0 - c->rho);
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict s,
                           float *restrict u, size_t n)
{
    const float lr = h[LR], rho = h[RHO], new = h[NEW], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        float d;

        s[i] = rho * s[i] + new *(g[i] * g[i]);
        d = -sqrtf(u[i] + epsilon) * g[i] / sqrtf(s[i] + epsilon);
        u[i] = rho * u[i] + new *(d * d);
        w[i] += lr * d;
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[0], slot[1], n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(adadelta, rho, "0.95"),
    LS_OPTIMIZER_EPSILON(adadelta),
    {.name = NULL},
};

const ls_optimizer_ops ls_adadelta = {
    .ops = {.name = "adadelta", .keras_name = "Adadelta", .options = options, .config_bytes = sizeof(adadelta)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 2,
    .slot_names = {"accumulated_grad", "accumulated_delta_var"},
    .slots = slots,
    .prepare = prepare,
    .update = update,
    .slots_interleaved = 2,
};
