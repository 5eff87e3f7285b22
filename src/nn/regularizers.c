/* The registry of regularizers, and the one formula they share. */
#include "nn/regularizer.h"

#include <float.h>
#include <math.h>

#include "nn/model.h"
#include "tensor/kernels.h"

/* A regularizer without one of the two options has 0 there. */
static void factors(const void *config, double *l1, double *l2)
{
    const ls_l1_l2 *const c = config;

    *l1 = c->l1;
    *l2 = c->l2;
}

#define FACTOR(field, standard)                                                                            \
    {                                                                                                      \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(ls_l1_l2, field), .initial = standard, \
        .max = FLT_MAX                                                                                     \
    }

static const ls_option l1_options[] = {FACTOR(l1, "0.01"), {.name = NULL}};
static const ls_option l2_options[] = {FACTOR(l2, "0.01"), {.name = NULL}};
static const ls_option l1_l2_options[] = {FACTOR(l1, "0.0"), FACTOR(l2, "0.0"), {.name = NULL}};

static const ls_regularizer_ops l1 = {
    .ops = {.name = "l1", .keras_name = "L1", .options = l1_options, .config_bytes = sizeof(ls_l1_l2)},
    .factors = factors,
};

static const ls_regularizer_ops l2 = {
    .ops = {.name = "l2", .keras_name = "L2", .options = l2_options, .config_bytes = sizeof(ls_l1_l2)},
    .factors = factors,
};

static const ls_regularizer_ops l1_l2 = {
    .ops = {.name = "l1_l2",
            .keras_name = "L1L2",
            .aliases = (const char *const[]){"l1l2", NULL},
            .options = l1_l2_options,
            .config_bytes = sizeof(ls_l1_l2)},
    .factors = factors,
};

static const ls_ops *const entries[] = {&l1.ops, &l2.ops, &l1_l2.ops, NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"orthogonal_regularizer", "it is about whole matrices, and a rank has the gradient of a piece only"},
    {NULL, NULL},
};

const ls_registry ls_regularizers = {.what = "regularizer", .entries = entries, .lacking = lacking};

ls_component ls_regularizer_l1_l2(ls_l1_l2 *config)
{
    return (ls_component){.ops = &l1_l2.ops, .config = config};
}

void ls_regularizer_factors(const ls_component *regularizer, double *l1_factor, double *l2_factor)
{
    *l1_factor = *l2_factor = 0.0;
    if (regularizer->ops)
        ((const ls_regularizer_ops *)regularizer->ops)->factors(regularizer->config, l1_factor, l2_factor);
}

/* Eight running sums, added pairwise, as in tensor/kernels.h. */
LS_CLONES static double sum_magnitudes(const float *x, size_t n)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)fabsf(x[i + j]);
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)fabsf(x[i]);
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

double ls_penalty(double l1_factor, double l2_factor, const float *w, size_t n)
{
    double magnitudes = 0.0, squares = 0.0;

    for (size_t first = 0; first < n; first += LS_BLOCK) {
        const size_t m = n - first < LS_BLOCK ? n - first : LS_BLOCK;

        if (l1_factor != 0.0)
            magnitudes += sum_magnitudes(w + first, m);
        if (l2_factor != 0.0)
            squares += ls_sum_squares(w + first, m);
    }
    return l1_factor * magnitudes + l2_factor * squares;
}

LS_CLONES void ls_penalty_gradient(double l1_factor, double l2_factor, const float *w, float *g, size_t n)
{
    const float a = (float)l1_factor, b = (float)(2.0 * l2_factor);

    for (size_t i = 0; i < n; i++)
        g[i] += a * (float)((w[i] > 0.0f) - (w[i] < 0.0f)) + b * w[i];
}
