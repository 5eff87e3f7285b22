/* Mean squared error: mean (t - p)^2 over the last axis. */
#include "nn/losses/losses.h"

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = (p[i] - t[i]) * (p[i] - t[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = 2.0f * (p[i] - t[i]);
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_mean_squared_error = {
    .ops = {.name = "mean_squared_error",
            .keras_name = "MeanSquaredError",
            .aliases = (const char *const[]){"mse", "MSE", NULL}},
    .evaluate = evaluate,
};
