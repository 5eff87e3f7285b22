/*
 * Hinge losses: mean max(1 - t p, 0) over the last axis, or the mean of its square. Labels are -1 and 1; if every label
 * of the global batch is 0 or 1, they stand for -1 and 1. At a margin of 0 the slope is that of the line, as in
 * TensorFlow. NaN passes through.
 */
#include "nn/losses/losses.h"

static float label(const ls_loss_call *call, float t)
{
    return call->binary_labels ? 2.0f * t - 1.0f : t;
}

static void element(const void *config, const ls_loss_call *call, const float *restrict t, const float *restrict p,
                    size_t n, float *restrict value, float *restrict slope)
{
    (void)config;
    for (size_t i = 0; i < n; i++) {
        const float margin = 1.0f - label(call, t[i]) * p[i];

        value[i] = margin < 0.0f ? 0.0f : margin;
        if (slope)
            slope[i] = margin < 0.0f ? 0.0f : -label(call, t[i]);
    }
}

static void element_squared(const void *config, const ls_loss_call *call, const float *restrict t,
                            const float *restrict p, size_t n, float *restrict value, float *restrict slope)
{
    element(config, call, t, p, n, value, slope);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] *= 2.0f * value[i];
    for (size_t i = 0; i < n; i++)
        value[i] *= value[i];
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

static void evaluate_squared(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element_squared, (double)call->n);
}

const ls_loss_ops ls_hinge = {
    .ops = {.name = "hinge", .keras_name = "Hinge"},
    .needs_binary_check = true,
    .signs = true,
    .evaluate = evaluate,
};

const ls_loss_ops ls_squared_hinge = {
    .ops = {.name = "squared_hinge", .keras_name = "SquaredHinge"},
    .needs_binary_check = true,
    .signs = true,
    .evaluate = evaluate_squared,
};
