/*
 * Log-cosh, with x = p - t: mean log(cosh x) over the last axis, as |x| + log1p(exp(-2 |x|)) - log 2, which neither
 * overflows nor cancels for large x. Derivative tanh x.
 */
#include "nn/losses/losses.h"

#include <math.h>

#include "tensor/math.h"

#define LOG_2 0.693147180559945309f

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config, (void)call;
    for (size_t i = 0; i < n; i++)
        value[i] = -2.0f * fabsf(p[i] - t[i]);
    ls_exp(value, value, n);
    ls_log1p(value, value, n);
    for (size_t i = 0; i < n; i++)
        value[i] = fabsf(p[i] - t[i]) + (value[i] - LOG_2);
    if (slope) {
        for (size_t i = 0; i < n; i++)
            slope[i] = p[i] - t[i];
        ls_tanh(slope, slope, n);
    }
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_log_cosh = {
    .ops = {.name = "log_cosh", .keras_name = "LogCosh", .aliases = (const char *const[]){"logcosh", NULL}},
    .evaluate = evaluate,
};
