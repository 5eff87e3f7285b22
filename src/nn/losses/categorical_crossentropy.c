/*
 * Cross-entropy with a distribution t per position: -sum t log p, t smoothed to t (1 - ls) + ls / C.
 *
 * From logits, with S = sum exp(z - max z): sum t (log S - (z - max z)), gradient (sum t) softmax(z) - t.
 * From probabilities, as Keras: q = p / s with s = sum p, clipped to [eps, 1 - eps]. With G = the sum of t where q is
 * not clipped, the gradient is (G - t/q) / s there, and G / s where q is clipped.
 */
#include "nn/losses/losses.h"

#include "tensor/kernels.h"
#include "tensor/math.h"

typedef struct smoothing {
    float keep, add; /* t <- keep t + add */
} smoothing;

static double from_logits(smoothing s, const float *t, const float *z, size_t n, double factor, float *d)
{
    double S, weight = 0.0, dot = 0.0;
    float max;

    S = ls_loss_exp_sum(z, n, d, &max);
    for (size_t i = 0; i < n; i++) {
        const double u = (double)(s.keep * t[i] + s.add);

        weight += u;
        dot += u * ((double)z[i] - (double)max);
    }
    if (d) {
        const float a = (float)(factor * weight / S), b = (float)factor;

        for (size_t i = 0; i < n; i++)
            d[i] = a * d[i] - b * (s.keep * t[i] + s.add);
    }
    return weight * ls_log_double(S) - dot;
}

static double from_probabilities(smoothing s, const float *t, const float *p, size_t n, double factor, float *d)
{
    const float low = LS_LOSS_EPSILON, high = 1.0f - LS_LOSS_EPSILON;
    const double total = ls_sum(p, n);
    float log_q[LS_LOSS_CHUNK];
    double value = 0.0, inside = 0.0;

    for (size_t first = 0; first < n; first += LS_LOSS_CHUNK) {
        const size_t m = n - first < LS_LOSS_CHUNK ? n - first : LS_LOSS_CHUNK;

        for (size_t i = 0; i < m; i++) {
            const float q = (float)((double)p[first + i] / total);

            log_q[i] = q < low ? low : q > high ? high : q;
            if (q >= low && q <= high)
                inside += (double)(s.keep * t[first + i] + s.add);
        }
        ls_log(log_q, log_q, m);
        for (size_t i = 0; i < m; i++)
            value -= (double)(s.keep * t[first + i] + s.add) * (double)log_q[i];
    }
    if (d)
        for (size_t i = 0; i < n; i++) {
            const float q = (float)((double)p[i] / total);
            const bool free = q >= low && q <= high;
            const double u = free ? (double)(s.keep * t[i] + s.add) / (double)q : 0.0;

            d[i] = (float)(factor / total * (inside - u));
        }
    return value;
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    const double ls = ((const ls_crossentropy *)config)->label_smoothing;
    const smoothing s = {(float)(1.0 - ls), (float)(ls / (double)call->n)};
    double sum = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const size_t first = r * call->n;
        float *const d = call->dpred ? call->dpred + first : NULL;
        const double weight = ls_loss_weight(call, r), factor = call->scale * weight;

        sum += weight * (call->on_logits ? from_logits : from_probabilities)(s, call->target + first,
                                                                             call->pred + first, call->n, factor, d);
    }
    *call->sum = sum;
}

const ls_loss_ops ls_categorical_crossentropy = {
    .ops = {.name = "categorical_crossentropy",
            .keras_name = "CategoricalCrossentropy",
            .options = ls_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    .sums_axis = true,
    .shares = true,
    .fused_logits = LS_LOGITS_SOFTMAX,
    .from_logits = ls_crossentropy_from_logits,
    .evaluate = evaluate,
};
