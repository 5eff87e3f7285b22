/*
 * Binary focal cross-entropy (Lin et al., 2017), mean over the last axis: a q^gamma bce, q = t (1 - p) + (1 - t) p
 * being the share that is wrong, t smoothed to t (1 - ls) + ls / 2, and a = t alpha + (1 - t)(1 - alpha) with
 * apply_class_balancing, else 1. bce and its clipping: binary_crossentropy.c; q is of p as it is.
 */
#include "nn/losses/losses.h"

#include <math.h>

#include "tensor/math.h"

typedef struct binary_focal {
    bool apply_class_balancing;
    double alpha, gamma;
    bool from_logits;
    double label_smoothing;
} binary_focal;

/* What a chunk of elements is worked with. */
typedef struct parts {
    float p[LS_LOSS_CHUNK], bce[LS_LOSS_CHUNK], dbce[LS_LOSS_CHUNK]; /* bce and its slope by z, or by p */
    float q[LS_LOSS_CHUNK], power[LS_LOSS_CHUNK];                    /* q^(gamma - 1) */
} parts;

static void from_logits(const float *restrict t, const float *restrict z, size_t n, parts *w)
{
    for (size_t i = 0; i < n; i++)
        w->bce[i] = z[i] > 0.0f ? -z[i] : z[i];
    ls_exp(w->bce, w->bce, n);
    for (size_t i = 0; i < n; i++) {
        const float e = w->bce[i], yes = (z[i] < 0.0f ? e : 1.0f) / (1.0f + e),
                    no = (z[i] < 0.0f ? 1.0f : e) / (1.0f + e);

        w->p[i] = yes;
        w->q[i] = t[i] * no + (1.0f - t[i]) * yes;
        w->dbce[i] = yes - t[i];
    }
    ls_log1p(w->bce, w->bce, n);
    for (size_t i = 0; i < n; i++)
        w->bce[i] += (z[i] > 0.0f ? z[i] : 0.0f) - z[i] * t[i];
}

static void from_probabilities(const float *restrict t, const float *restrict p, size_t n, parts *w)
{
    const float low = LS_LOSS_EPSILON, high = 1.0f - LS_LOSS_EPSILON;

    for (size_t i = 0; i < n; i++) {
        w->bce[i] = p[i] < low ? low : p[i] > high ? high : p[i];
        w->power[i] = 1.0f - w->bce[i];
    }
    ls_log(w->bce, w->bce, n);
    ls_log(w->power, w->power, n);
    for (size_t i = 0; i < n; i++) {
        w->p[i] = p[i];
        w->q[i] = t[i] * (1.0f - p[i]) + (1.0f - t[i]) * p[i];
        w->bce[i] = -(t[i] * w->bce[i] + (1.0f - t[i]) * w->power[i]);
        w->dbce[i] = p[i] >= low && p[i] <= high ? (1.0f - t[i]) / (1.0f - p[i]) - t[i] / p[i] : 0.0f;
    }
}

/* power = q^exponent */
static void raise(parts *w, double exponent, size_t n)
{
    ls_log(w->q, w->power, n);
    for (size_t i = 0; i < n; i++)
        w->power[i] = exponent == 0.0 ? 0.0f : (float)exponent * w->power[i];
    ls_exp(w->power, w->power, n);
}

static void element(const void *config, const ls_loss_call *call, const float *t, const float *p, size_t n,
                    float *value, float *slope)
{
    const binary_focal *c = config;
    const float gamma = (float)c->gamma, alpha = (float)c->alpha;
    const float keep = (float)(1.0 - c->label_smoothing), add = (float)(c->label_smoothing / 2.0);
    float smooth[LS_LOSS_CHUNK] = {0};
    parts w;

    for (size_t i = 0; i < n; i++)
        smooth[i] = keep * t[i] + add;
    (call->on_logits ? from_logits : from_probabilities)(smooth, p, n, &w);
    raise(&w, c->gamma - 1.0, n);
    for (size_t i = 0; i < n; i++) {
        const float u = smooth[i], a = c->apply_class_balancing ? u * alpha + (1.0f - u) * (1.0f - alpha) : 1.0f;
        const float factor = c->gamma == 0.0 ? 1.0f : w.q[i] * w.power[i];
        const float by_logit = call->on_logits ? w.p[i] * (1.0f - w.p[i]) : 1.0f;
        const float dfactor = c->gamma == 0.0 ? 0.0f : gamma * w.power[i] * (1.0f - 2.0f * u) * by_logit;

        value[i] = a * factor * w.bce[i];
        if (slope)
            slope[i] = a * (factor * w.dbce[i] + dfactor * w.bce[i]);
    }
}

static void evaluate(const void *config, const ls_loss_call *call)
{
    ls_loss_elementwise(config, call, element, (double)call->n);
}

static bool is_from_logits(const void *config)
{
    return ((const binary_focal *)config)->from_logits;
}

static const ls_option options[] = {
    {.name = "apply_class_balancing",
     .kind = LS_OPTION_BOOL,
     .offset = offsetof(binary_focal, apply_class_balancing),
     .initial = "false"},
    {.name = "alpha", .kind = LS_OPTION_FLOAT, .offset = offsetof(binary_focal, alpha), .initial = "0.25", .max = 1.0},
    {.name = "gamma",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(binary_focal, gamma),
     .initial = "2.0",
     .max = INFINITY},
    {.name = "from_logits", .kind = LS_OPTION_BOOL, .offset = offsetof(binary_focal, from_logits), .initial = "false"},
    {.name = "label_smoothing",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(binary_focal, label_smoothing),
     .initial = "0.0",
     .max = 1.0},
    {.name = NULL},
};

const ls_loss_ops ls_binary_focal_crossentropy = {
    .ops = {.name = "binary_focal_crossentropy",
            .keras_name = "BinaryFocalCrossentropy",
            .options = options,
            .config_bytes = sizeof(binary_focal)},
    .shares = true,
    .fused_logits = LS_LOGITS_SIGMOID,
    .own_logits_only = true,
    .from_logits = is_from_logits,
    .evaluate = evaluate,
};
