/*
 * Cosine similarity as a loss: -sum n(t) n(p) over the last axis, with n(x) = x / sqrt(max(sum x^2, eps^2)).
 *
 * With a = 1/|t|, b = 1/|p| and c = a b sum t p the gradient is -(a b t - c b^2 p); the second term only where the
 * maximum is not eps^2.
 */
#include "nn/losses/losses.h"

#include <math.h>

#include "tensor/kernels.h"

#define SMALLEST 1e-14 /* eps^2 */

static double evaluate_row(const float *t, const float *p, size_t n, double factor, float *d)
{
    const double tt = ls_sum_squares(t, n), pp = ls_sum_squares(p, n);
    const double a = 1.0 / sqrt(tt < SMALLEST ? SMALLEST : tt), b = 1.0 / sqrt(pp < SMALLEST ? SMALLEST : pp);
    const double cosine = a * b * ls_dot(t, p, n);

    if (d) {
        const float along_t = (float)(-factor * a * b),
                    along_p = (float)(pp < SMALLEST ? 0.0 : factor * cosine * b * b);

        for (size_t i = 0; i < n; i++)
            d[i] = along_t * t[i] + along_p * p[i];
    }
    return -cosine;
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

const ls_loss_ops ls_cosine_similarity_loss = {
    .ops = {.name = "cosine_similarity", .keras_name = "CosineSimilarity"},
    .sums_axis = true,
    .evaluate = evaluate,
};
