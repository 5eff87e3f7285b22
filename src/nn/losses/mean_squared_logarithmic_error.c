/*
 * Mean squared logarithmic error: mean (log(1 + max(p, eps)) - log(1 + max(t, eps)))^2 over the last axis; below eps a
 * prediction gets no gradient.
 */
#include "nn/losses/losses.h"

#include "tensor/math.h"

#define NO_MORE_THAN 1e30f /* to ls_log1p, which is infinite from 1e38 on; here 1 + x is x long since */

/* NaN passes through. */
static void log_plus_one(const float *restrict x, size_t n, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < LS_LOSS_EPSILON ? LS_LOSS_EPSILON : x[i] > NO_MORE_THAN ? NO_MORE_THAN : x[i];
    ls_log1p(y, y, n);
    for (size_t i = 0; i < n; i++)
        if (x[i] > NO_MORE_THAN)
            y[i] = (float)ls_log_double((double)x[i]);
}

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    float log_t[LS_LOSS_CHUNK] = {0}, log_p[LS_LOSS_CHUNK] = {0};

    (void)config, (void)call;
    log_plus_one(t, n, log_t);
    log_plus_one(p, n, log_p);
    for (size_t i = 0; i < n; i++)
        value[i] = (log_p[i] - log_t[i]) * (log_p[i] - log_t[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = p[i] >= LS_LOSS_EPSILON ? 2.0f * (log_p[i] - log_t[i]) / (1.0f + p[i]) : 0.0f;
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_mean_squared_logarithmic_error = {
    .ops = {.name = "mean_squared_logarithmic_error",
            .keras_name = "MeanSquaredLogarithmicError",
            .aliases = (const char *const[]){"msle", "MSLE", NULL}},
    .evaluate = evaluate,
};
