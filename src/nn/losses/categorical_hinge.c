/*
 * Categorical hinge: max(neg - pos + 1, 0) with pos = sum t p and neg = max (1 - t) p. Elements that reach the maximum
 * together share its gradient; at a margin of 0 it is that of the line, as in TensorFlow.
 */
#include "nn/losses/losses.h"

#include "tensor/kernels.h"

static double evaluate_row(const float *t, const float *p, size_t n, double factor, float *d)
{
    float neg = (1.0f - t[0]) * p[0];
    size_t tops = 0;
    double margin;

    for (size_t i = 1; i < n; i++)
        neg = (1.0f - t[i]) * p[i] > neg ? (1.0f - t[i]) * p[i] : neg;
    for (size_t i = 0; i < n; i++)
        tops += (1.0f - t[i]) * p[i] == neg;
    margin = (double)neg - ls_dot(t, p, n) + 1.0;
    if (d) {
        const float f = margin < 0.0 ? 0.0f : (float)factor, share = f / (float)tops;

        for (size_t i = 0; i < n; i++)
            d[i] = ((1.0f - t[i]) * p[i] == neg ? share * (1.0f - t[i]) : 0.0f) - f * t[i];
    }
    return margin < 0.0 ? 0.0 : margin;
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    double sum = 0.0;

    (void)config;
    for (size_t r = 0; r < call->positions; r++) {
        const size_t first = r * call->n;
        const double weight = ls_loss_weight(call, r);

        sum += weight * evaluate_row(call->target + first, call->pred + first, call->n, call->scale * weight,
                                     call->dpred ? call->dpred + first : NULL);
    }
    *call->sum = sum;
}

const ls_loss_ops ls_categorical_hinge = {
    .ops = {.name = "categorical_hinge", .keras_name = "CategoricalHinge"},
    .sums_axis = true,
    .evaluate = evaluate,
};
