/* Mean absolute error: mean |t - p| over the last axis; the derivative at 0 is 0. */
#include "nn/losses/losses.h"

#include <math.h>

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = fabsf(p[i] - t[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = (float)((p[i] > t[i]) - (p[i] < t[i]));
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_mean_absolute_error = {
    .ops = {.name = "mean_absolute_error",
            .keras_name = "MeanAbsoluteError",
            .aliases = (const char *const[]){"mae", "MAE", NULL}},
    .evaluate = evaluate,
};
