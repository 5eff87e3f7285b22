/* Generalized cross-entropy (Zhang and Sabuncu, 2018) of a class number t: (1 - p[t]^q) / q; gradient -p[t]^(q - 1). */
#include "nn/losses/losses.h"

#include "tensor/math.h"

typedef struct generalized {
    double q;
} generalized;

static void evaluate(const void *config, const ls_loss_call *call)
{
    const double q = ((const generalized *)config)->q;
    double sum = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const size_t at = r * call->n + (size_t)call->target[r];
        const double p = (double)call->pred[at], weight = ls_loss_weight(call, r);

        sum += weight * (1.0 - ls_pow_double(p, q)) / q;
        for (size_t i = r * call->n; call->dpred && i < (r + 1) * call->n; i++)
            call->dpred[i] = i == at ? (float)(-call->scale * weight * ls_pow_double(p, q - 1.0)) : 0.0f;
    }
    *call->sum = sum;
}

static const ls_option options[] = {
    {.name = "q",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(generalized, q),
     .initial = "0.5",
     .max = 1.0,
     .open_min = true,
     .open_max = true},
    {.name = NULL},
};

const ls_loss_ops ls_categorical_generalized_cross_entropy = {
    .ops = {.name = "categorical_generalized_cross_entropy",
            .keras_name = "CategoricalGeneralizedCrossEntropy",
            .options = options,
            .config_bytes = sizeof(generalized)},
    .sparse_targets = true,
    .labels = LS_CLASSES_SPARSE,
    .sums_axis = true,
    .evaluate = evaluate,
};
