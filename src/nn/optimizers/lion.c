/* Lion (Chen et al. 2023): w -= lr sign(beta1 m + (1-beta1) g), sign(0) = 0; then m = beta2 m + (1-beta2) g. */
#include "nn/optimizers/optimizers.h"

typedef struct lion {
    double beta_1, beta_2;
} lion;

enum { LR, BETA_1, NEW_1, BETA_2, NEW_2 };

static unsigned slots(const void *config)
{
    (void)config;
    return 1u;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const lion *const c = config;

    (void)t, (void)scalars;
    h[LR] = lr;
    h[BETA_1] = (float)c->beta_1;
    h[NEW_1] = (float)(1.0 - c->beta_1);
    h[BETA_2] = (float)c->beta_2;
    h[NEW_2] = (float)(1.0 - c->beta_2);
}

LS_CLONES static void step(const float *h, float *restrict w, const float *restrict g, float *restrict m, size_t n)
{
    const float lr = h[LR], beta_1 = h[BETA_1], new_1 = h[NEW_1], beta_2 = h[BETA_2], new_2 = h[NEW_2];

    for (size_t i = 0; i < n; i++) {
        const float direction = beta_1 * m[i] + new_1 * g[i];

        w[i] -= direction > 0.0f ? lr : direction < 0.0f ? -lr : 0.0f;
        m[i] = beta_2 * m[i] + new_2 * g[i];
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    step(h, w, g, slot[0], n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(lion, beta_1, "0.9"),
    LS_OPTIMIZER_DECAY(lion, beta_2, "0.99"),
    {.name = NULL},
};

const ls_optimizer_ops ls_lion = {
    .ops = {.name = "lion", .keras_name = "Lion", .options = options, .config_bytes = sizeof(lion)},
    .learning_rate = 0.001,
    .weight_decay = NAN,
    .slots_max = 1,
    .slot_names = {"momentum"},
    .slots = slots,
    .prepare = prepare,
    .update = update,
};
