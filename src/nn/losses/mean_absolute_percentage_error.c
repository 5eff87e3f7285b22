/* Mean absolute percentage error: 100 mean |t - p| / max(|t|, eps) over the last axis. */
#include "nn/losses/losses.h"

#include <math.h>

static float percent(float t)
{
    return 100.0f / (fabsf(t) > LS_LOSS_EPSILON ? fabsf(t) : LS_LOSS_EPSILON);
}

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = percent(t[i]) * fabsf(p[i] - t[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = percent(t[i]) * (float)((p[i] > t[i]) - (p[i] < t[i]));
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_mean_absolute_percentage_error = {
    .ops = {.name = "mean_absolute_percentage_error",
            .keras_name = "MeanAbsolutePercentageError",
            .aliases = (const char *const[]){"mape", "MAPE", NULL}},
    .evaluate = evaluate,
};
