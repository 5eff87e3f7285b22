/*
 * Adam (Kingma and Ba 2015) as Keras has it, the "epsilon-hat" variant: with alpha = lr sqrt(1 - beta2^t) / (1 -
 * beta1^t) m += (g - m)(1 - beta1), v += (g^2 - v)(1 - beta2), w -= alpha m / (sqrt(v) + eps). AMSGrad (Reddi, Kale and
 * Kumar 2018) divides by the largest v so far. AdamW is Adam with a weight decay by default.
 */
#include "nn/optimizers/optimizers.h"

typedef struct adam {
    double beta_1, beta_2, epsilon;
    bool amsgrad;
} adam;

enum { MOMENTUM, VELOCITY, LARGEST };
enum { ALPHA, NEW_1, NEW_2, EPSILON };

static unsigned slots(const void *config)
{
    return 1u << MOMENTUM | 1u << VELOCITY | (unsigned)((const adam *)config)->amsgrad << LARGEST;
}

static void prepare(const void *config, uint64_t t, float lr, double *scalars, float h[8])
{
    const adam *const c = config;

    (void)scalars;
    h[ALPHA] = lr * sqrtf(1.0f - ls_optimizer_power(c->beta_2, t)) / (1.0f - ls_optimizer_power(c->beta_1, t));
    h[NEW_1] = (float)(1.0 - c->beta_1);
    h[NEW_2] = (float)(1.0 - c->beta_2);
    h[EPSILON] = (float)c->epsilon;
}

LS_CLONES static void plain(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                            float *restrict v, size_t n)
{
    const float alpha = h[ALPHA], new_1 = h[NEW_1], new_2 = h[NEW_2], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * new_1;
        v[i] += (g[i] * g[i] - v[i]) * new_2;
        w[i] -= alpha * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

LS_CLONES static void amsgrad(const float *h, float *restrict w, const float *restrict g, float *restrict m,
                              float *restrict v, float *restrict largest, size_t n)
{
    const float alpha = h[ALPHA], new_1 = h[NEW_1], new_2 = h[NEW_2], epsilon = h[EPSILON];

    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * new_1;
        v[i] += (g[i] * g[i] - v[i]) * new_2;
        largest[i] = v[i] > largest[i] ? v[i] : largest[i];
        w[i] -= alpha * m[i] / (sqrtf(largest[i]) + epsilon);
    }
}

static void update(const void *config, const float h[8], float *w, const float *g, float *const *slot, size_t n)
{
    (void)config;
    if (slot[LARGEST])
        amsgrad(h, w, g, slot[MOMENTUM], slot[VELOCITY], slot[LARGEST], n);
    else
        plain(h, w, g, slot[MOMENTUM], slot[VELOCITY], n);
}

static const ls_option options[] = {
    LS_OPTIMIZER_DECAY(adam, beta_1, "0.9"),
    LS_OPTIMIZER_DECAY(adam, beta_2, "0.999"),
    LS_OPTIMIZER_EPSILON(adam),
    LS_OPTIMIZER_FLAG(adam, amsgrad),
    {.name = NULL},
};

#define ADAM                                                                                                        \
    .learning_rate = 0.001, .slots_max = 3, .slot_names = {"momentum", "velocity", "velocity_hat"}, .slots = slots, \
    .prepare = prepare, .update = update, .slots_interleaved = 2

const ls_optimizer_ops ls_adam = {
    .ops = {.name = "adam", .keras_name = "Adam", .options = options, .config_bytes = sizeof(adam)},
    .weight_decay = NAN,
    ADAM,
};

const ls_optimizer_ops ls_adamw = {
    .ops = {.name = "adamw",
            .keras_name = "AdamW",
            .aliases = (const char *const[]){"adam_w", NULL},
            .options = options,
            .config_bytes = sizeof(adam)},
    .weight_decay = 0.004,
    ADAM,
};
