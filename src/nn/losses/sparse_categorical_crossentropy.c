/*
 * Cross-entropy with class indices: -log p[t].
 *
 * From logits, with S = sum exp(z - max z): log S - (z[t] - max z), gradient softmax(z) - onehot(t).
 * From probabilities, as TensorFlow: p is clipped to [eps, 1 - eps], then divided by its sum s; where clipped, no
 * gradient.
 */
#include "nn/losses/losses.h"

#include "tensor/math.h"

static double from_logits(const float *z, size_t n, size_t label, double factor, float *d)
{
    float max;
    const double S = ls_loss_exp_sum(z, n, d, &max);

    if (d) {
        const float a = (float)(factor / S);

        for (size_t i = 0; i < n; i++)
            d[i] *= a;
        d[label] -= (float)factor;
    }
    return ls_log_double(S) - ((double)z[label] - (double)max);
}

static double clip(double p, double low, double high)
{
    return p < low ? low : p > high ? high : p;
}

static double from_probabilities(const float *p, size_t n, size_t label, double factor, float *d)
{
    const double low = (double)LS_LOSS_EPSILON, high = (double)(1.0f - LS_LOSS_EPSILON);
    const double q = clip((double)p[label], low, high);
    double s = 0.0;

    for (size_t i = 0; i < n; i++)
        s += clip((double)p[i], low, high);
    for (size_t i = 0; d && i < n; i++)
        d[i] = (double)p[i] >= low && (double)p[i] <= high ? (float)(factor * (1.0 / s - (i == label ? 1.0 / q : 0.0)))
                                                           : 0.0f;
    return ls_log_double(s) - ls_log_double(q);
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    double sum = 0.0;

    (void)config;
    for (size_t r = 0; r < call->positions; r++) {
        const float *const row = call->pred + r * call->n;
        float *const d = call->dpred ? call->dpred + r * call->n : NULL;
        const size_t label = (size_t)call->target[r];
        const double weight = ls_loss_weight(call, r), factor = call->scale * weight;

        sum += weight * (call->on_logits ? from_logits(row, call->n, label, factor, d)
                                         : from_probabilities(row, call->n, label, factor, d));
    }
    *call->sum = sum;
}

const ls_loss_ops ls_sparse_categorical_crossentropy = {
    .ops = {.name = "sparse_categorical_crossentropy",
            .keras_name = "SparseCategoricalCrossentropy",
            .options = ls_sparse_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    .sparse_targets = true,
    .labels = LS_CLASSES_SPARSE,
    .fused_logits = LS_LOGITS_SOFTMAX,
    .from_logits = ls_crossentropy_from_logits,
    .evaluate = evaluate,
};
