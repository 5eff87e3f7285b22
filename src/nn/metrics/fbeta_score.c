/*
 * fbeta_score = (1 + beta^2) precision recall / (beta^2 precision + recall), of each class, and their average;
 * f1_score: beta 1. Without a threshold the largest prediction of a position is positive, else what is above it.
 *
 * Sums: (true positives, false positives, false negatives, positives) of every class; micro: of all together. Keras
 * adds 1e-7 to every divisor.
 */
#include "nn/metrics/metrics.h"

#include <math.h>

#define EPSILON 1e-7

enum { MACRO, MICRO, WEIGHTED };
static const char *const averages[] = {"macro", "micro", "weighted", NULL};

enum { TP, FP, FN, POSITIVES, PER_CLASS };

typedef struct fbeta {
    int average;
    double beta;
    double threshold; /* NAN: the largest */
} fbeta;

static size_t classes(const void *config, size_t n)
{
    return ((const fbeta *)config)->average == MICRO ? 1 : n;
}

static size_t width(const void *config, size_t n)
{
    return PER_CLASS * classes(config, n);
}

static bool is_positive(const fbeta *c, float p, float largest)
{
    return isnan(c->threshold) ? p >= largest && fabsf(p) > 1e-9f : p > (float)c->threshold;
}

static void update(const void *config, const ls_metric_call *call)
{
    const fbeta *const c = config;
    const size_t n = call->n;

    for (size_t i = 0; i < width(config, n); i++)
        call->sums[i] = 0.0;
    for (size_t r = 0; r < call->positions; r++) {
        const float *const t = call->target + r * n, *const p = call->pred + r * n;
        const double weight = ls_metric_weight(call, r);
        float largest = p[0];

        for (size_t i = 1; i < n; i++)
            largest = p[i] > largest ? p[i] : largest;
        for (size_t i = 0; i < n; i++) {
            double *const sums = call->sums + (c->average == MICRO ? 0 : PER_CLASS * i);
            const double y = (double)t[i], positive = is_positive(c, p[i], largest);

            sums[TP] += weight * positive * y;
            sums[FP] += weight * positive * (1.0 - y);
            sums[FN] += weight * (1.0 - positive) * y;
            sums[POSITIVES] += weight * y;
        }
    }
}

static double result(const void *config, const double *totals, size_t n)
{
    const fbeta *const c = config;
    const double square = c->beta * c->beta;
    double sum = 0.0, weights = 0.0, all = 0.0;

    for (size_t i = 0; i < classes(config, n); i++)
        all += totals[PER_CLASS * i + POSITIVES];
    for (size_t i = 0; i < classes(config, n); i++) {
        const double *const s = totals + PER_CLASS * i;
        const double precision = s[TP] / (s[TP] + s[FP] + EPSILON), recall = s[TP] / (s[TP] + s[FN] + EPSILON);
        const double score = precision * recall / (square * precision + recall + EPSILON) * (1.0 + square);
        const double weight = c->average == WEIGHTED ? s[POSITIVES] / (all + EPSILON) : 1.0;

        sum += weight * score;
        weights += weight;
    }
    return c->average == WEIGHTED ? sum : sum / weights;
}

#define AVERAGE /* Keras's default, a score for every class, is no number */                                  \
    {                                                                                                         \
        .name = "average", .kind = LS_OPTION_CHOICE, .offset = offsetof(fbeta, average), .choices = averages, \
        .advice = "Keras's null, a score for every class, is more than one number"                            \
    }
#define THRESHOLD                                                                                              \
    {                                                                                                          \
        .name = "threshold", .kind = LS_OPTION_FLOAT, .offset = offsetof(fbeta, threshold), .initial = "null", \
        .nullable = true, .max = 1.0, .open_min = true                                                         \
    }

static const ls_option fbeta_options[] = {
    AVERAGE,
    {.name = "beta",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(fbeta, beta),
     .initial = "1.0",
     .max = INFINITY,
     .open_min = true},
    THRESHOLD,
    {.name = NULL},
};

static const ls_option f1_options[] = {AVERAGE, THRESHOLD, {.name = NULL}};

static double result_f1(const void *config, const double *totals, size_t n)
{
    fbeta c = *(const fbeta *)config;

    c.beta = 1.0;
    return result(&c, totals, n);
}

const ls_metric_ops ls_fbeta_score = {
    .ops = {.name = "fbeta_score",
            .keras_name = "FBetaScore",
            .aliases = (const char *const[]){"f_beta_score", NULL},
            .options = fbeta_options,
            .config_bytes = sizeof(fbeta)},
    .direction = LS_METRIC_UP,
    .width = width,
    .update = update,
    .result = result,
};

const ls_metric_ops ls_f1_score = {
    .ops = {.name = "f1_score", .keras_name = "F1Score", .options = f1_options, .config_bytes = sizeof(fbeta)},
    .direction = LS_METRIC_UP,
    .width = width,
    .update = update,
    .result = result_f1,
};
