/*
 * Binary cross-entropy, mean over the last axis; t smoothed to t (1 - ls) + ls / 2.
 *
 * From logits: max(z,0) - z t + log1p(exp(-|z|)), gradient sigmoid(z) - t. From probabilities, as Keras: p clipped to
 * [eps, 1 - eps], -(t log p + (1-t) log(1-p)); where clipped, no gradient.
 */
#include "nn/losses/losses.h"

#include "tensor/math.h"

static void from_logits(const float *restrict t, const float *restrict z, size_t n, float *restrict value,
                        float *restrict slope)
{
    for (size_t i = 0; i < n; i++)
        value[i] = z[i] > 0.0f ? -z[i] : z[i];
    ls_exp(value, value, n);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = (z[i] > 0.0f ? 1.0f : value[i]) / (1.0f + value[i]) - t[i];
    ls_log1p(value, value, n);
    for (size_t i = 0; i < n; i++)
        value[i] += (z[i] > 0.0f ? z[i] : 0.0f) - z[i] * t[i];
}

static float clip(float p)
{
    const float low = LS_LOSS_EPSILON, high = 1.0f - LS_LOSS_EPSILON;

    return p < low ? low : p > high ? high : p;
}

static void from_probabilities(const float *restrict t, const float *restrict p, size_t n, float *restrict value,
                               float *restrict slope)
{
    float log_no[LS_LOSS_CHUNK] = {0}; /* log(1 - p) */

    for (size_t i = 0; i < n; i++) {
        value[i] = clip(p[i]);
        log_no[i] = 1.0f - value[i];
    }
    ls_log(value, value, n);
    ls_log(log_no, log_no, n);
    for (size_t i = 0; i < n; i++)
        value[i] = -(t[i] * value[i] + (1.0f - t[i]) * log_no[i]);
    if (slope)
        for (size_t i = 0; i < n; i++)
            slope[i] = p[i] == clip(p[i]) ? (1.0f - t[i]) / (1.0f - p[i]) - t[i] / p[i] : 0.0f;
}

static void element(const void *config, const ls_loss_call *call, const float *t, const float *p, size_t n,
                    float *value, float *slope)
{
    const double ls = ((const ls_crossentropy *)config)->label_smoothing;
    const float keep = (float)(1.0 - ls), add = (float)(ls / 2.0);
    float smooth[LS_LOSS_CHUNK];

    for (size_t i = 0; i < n; i++)
        smooth[i] = keep * t[i] + add;
    (call->on_logits ? from_logits : from_probabilities)(smooth, p, n, value, slope);
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

const ls_loss_ops ls_binary_crossentropy = {
    .ops = {.name = "binary_crossentropy",
            .keras_name = "BinaryCrossentropy",
            .aliases = (const char *const[]){"bce", "BCE", NULL},
            .options = ls_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    .shares = true,
    .fused_logits = LS_LOGITS_SIGMOID,
    .from_logits = ls_crossentropy_from_logits,
    .evaluate = evaluate,
};
