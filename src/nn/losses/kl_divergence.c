/* Kullback-Leibler divergence: sum t log(t / p) over the last axis, both clipped to [eps, 1]; no gradient where
 * clipped. */
#include "nn/losses/losses.h"

#include "tensor/math.h"

static float clip(float x)
{
    return x < LS_LOSS_EPSILON ? LS_LOSS_EPSILON : x > 1.0f ? 1.0f : x;
}

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = clip(t[i]) / clip(p[i]);
    ls_log(value, value, n);
    for (size_t i = 0; i < n; i++)
        value[i] *= clip(t[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = p[i] >= LS_LOSS_EPSILON && p[i] <= 1.0f ? -clip(t[i]) / p[i] : 0.0f;
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, 1.0);
}

const ls_loss_ops ls_kl_divergence = {
    .ops = {.name = "kl_divergence",
            .keras_name = "KLDivergence",
            .aliases = (const char *const[]){"kld", "KLD", NULL}},
    .shares = true,
    .sums_axis = true,
    .evaluate = evaluate,
};
