/*
 * Categorical focal cross-entropy (Lin et al., 2017): sum over classes of -alpha t (1 - q)^gamma log q, t smoothed to
 * t (1 - ls) + ls / C, q = p / sum p clipped to [eps, 1 - eps]. From logits, p = softmax z. Unlike the cross-entropy
 * it works on the probabilities that a softmax before it gives.
 *
 * With h = d/dq where q is not clipped, else 0: dp = (h - sum h q) / sum p, dz = p (h - sum h q).
 */
#include "nn/losses/losses.h"

#include <math.h>

#include "tensor/kernels.h"
#include "tensor/math.h"

typedef struct categorical_focal {
    double alpha, gamma;
    bool from_logits;
    double label_smoothing;
} categorical_focal;

/* q before it is clipped: p over the sum, or e^(z - max) over the sum. */
typedef struct shares {
    const float *x;
    bool logits;
    double max, sum;
} shares;

static shares shares_of(const float *x, size_t n, bool logits)
{
    shares s = {.x = x, .logits = logits};
    float max = 0.0f;

    s.sum = logits ? ls_loss_exp_sum(x, n, NULL, &max) : ls_sum(x, n);
    s.max = (double)max;
    return s;
}

static double share(const shares *s, size_t i)
{
    return s->logits ? ls_exp_double((double)s->x[i] - s->max) / s->sum : (double)s->x[i] / s->sum;
}

/* The value of a row; d (n), unless it is NULL, gets factor x its gradient. */
static double row(const categorical_focal *c, const float *t, const shares *s, size_t n, double factor, float *d)
{
    const double low = (double)LS_LOSS_EPSILON, high = 1.0 - low;
    const double keep = 1.0 - c->label_smoothing, add = c->label_smoothing / (double)n;
    double value = 0.0, dot = 0.0;

    for (size_t i = 0; i < n; i++) {
        const double q = share(s, i), inside = q < low ? low : q > high ? high : q, u = keep * (double)t[i] + add;
        const double power = ls_pow_double(1.0 - inside, c->gamma - 1.0), log_q = ls_log_double(inside);

        value -= c->alpha * u * power * (1.0 - inside) * log_q;
        if (d && q >= low && q <= high) {
            const double h = -c->alpha * u * power * ((1.0 - q) / q - c->gamma * log_q);

            d[i] = (float)h;
            dot += h * q;
        } else if (d) {
            d[i] = 0.0f;
        }
    }
    for (size_t i = 0; d && i < n; i++)
        d[i] = (float)(factor * ((double)d[i] - dot) * (s->logits ? share(s, i) : 1.0 / s->sum));
    return value;
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    double sum = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const size_t first = r * call->n;
        const double weight = ls_loss_weight(call, r);
        const shares s = shares_of(call->pred + first, call->n, call->on_logits);

        sum += weight * row(config, call->target + first, &s, call->n, call->scale * weight,
                            call->dpred ? call->dpred + first : NULL);
    }
    *call->sum = sum;
}

static bool is_from_logits(const void *config)
{
    return ((const categorical_focal *)config)->from_logits;
}

static const ls_option options[] = {
    {.name = "alpha",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(categorical_focal, alpha),
     .initial = "0.25",
     .max = INFINITY},
    {.name = "gamma",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(categorical_focal, gamma),
     .initial = "2.0",
     .max = INFINITY},
    {.name = "from_logits",
     .kind = LS_OPTION_BOOL,
     .offset = offsetof(categorical_focal, from_logits),
     .initial = "false"},
    {.name = "label_smoothing",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(categorical_focal, label_smoothing),
     .initial = "0.0",
     .max = 1.0},
    {.name = NULL},
};

const ls_loss_ops ls_categorical_focal_crossentropy = {
    .ops = {.name = "categorical_focal_crossentropy",
            .keras_name = "CategoricalFocalCrossentropy",
            .options = options,
            .config_bytes = sizeof(categorical_focal)},
    .sums_axis = true,
    .shares = true,
    .from_logits = is_from_logits,
    .evaluate = evaluate,
};
