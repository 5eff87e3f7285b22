/* Poisson loss: mean p - t log(p + eps) over the last axis. */
#include "nn/losses/losses.h"

#include "tensor/math.h"

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = p[i] + LS_LOSS_EPSILON;
    ls_log(value, value, n);
    for (size_t i = 0; i < n; i++)
        value[i] = p[i] - t[i] * value[i];
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = 1.0f - t[i] / (p[i] + LS_LOSS_EPSILON);
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_poisson = {
    .ops = {.name = "poisson", .keras_name = "Poisson"},
    .counts = true,
    .logs_prediction = true,
    .evaluate = evaluate,
};
