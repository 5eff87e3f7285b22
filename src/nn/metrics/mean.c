/* Losses as metrics: weighted means over positions, divided by the sum of weights (a loss divides by their number). */
#include "nn/metrics/metrics.h"

#include <math.h>

#include "nn/losses/losses.h"

size_t ls_mean_width(const void *config, size_t n)
{
    (void)config, (void)n;
    return 2;
}

double ls_mean_result(const void *config, const double *totals, size_t n)
{
    (void)config, (void)n;
    return ls_divide_no_nan(totals[0], totals[1]);
}

static double negative_result(const void *config, const double *totals, size_t n)
{
    return -ls_mean_result(config, totals, n);
}

static double root_result(const void *config, const double *totals, size_t n)
{
    return sqrt(ls_mean_result(config, totals, n));
}

static void update_from(const ls_loss_ops *loss, const void *config, const ls_metric_call *call)
{
    double total = 0.0;

    loss->evaluate(config, &(const ls_loss_call){
                               .positions = call->positions,
                               .n = call->n,
                               .target = call->target,
                               .pred = call->pred,
                               .on_logits = loss->from_logits && loss->from_logits(config),
                               .weight = call->weight,
                               .binary_labels = call->binary_labels,
                               .sum = &call->sums[0],
                           });
    for (size_t r = 0; r < call->positions; r++)
        total += ls_metric_weight(call, r);
    call->sums[1] = total;
}

/* The update function of a metric on a loss, and the part of its table that they all have alike. */
#define FROM_LOSS(id, loss)                                                 \
    static void update_##id(const void *config, const ls_metric_call *call) \
    {                                                                       \
        update_from(&loss, config, call);                                   \
    }
#define MEAN(id) .direction = LS_METRIC_DOWN, .width = ls_mean_width, .update = update_##id, .result = ls_mean_result

FROM_LOSS(mean_squared_error, ls_mean_squared_error)
FROM_LOSS(mean_absolute_error, ls_mean_absolute_error)
FROM_LOSS(mean_absolute_percentage_error, ls_mean_absolute_percentage_error)
FROM_LOSS(mean_squared_logarithmic_error, ls_mean_squared_logarithmic_error)
FROM_LOSS(log_cosh, ls_log_cosh)
FROM_LOSS(kl_divergence, ls_kl_divergence)
FROM_LOSS(poisson, ls_poisson)
FROM_LOSS(hinge, ls_hinge)
FROM_LOSS(squared_hinge, ls_squared_hinge)
FROM_LOSS(categorical_hinge, ls_categorical_hinge)
FROM_LOSS(binary_crossentropy, ls_binary_crossentropy)
FROM_LOSS(categorical_crossentropy, ls_categorical_crossentropy)
FROM_LOSS(sparse_categorical_crossentropy, ls_sparse_categorical_crossentropy)
FROM_LOSS(cosine_similarity, ls_cosine_similarity_loss)

const ls_metric_ops ls_mean_squared_error_metric = {
    .ops = {.name = "mean_squared_error",
            .keras_name = "MeanSquaredError",
            .aliases = (const char *const[]){"mse", "MSE", NULL}},
    MEAN(mean_squared_error),
};

const ls_metric_ops ls_mean_absolute_error_metric = {
    .ops = {.name = "mean_absolute_error",
            .keras_name = "MeanAbsoluteError",
            .aliases = (const char *const[]){"mae", "MAE", NULL}},
    MEAN(mean_absolute_error),
};

const ls_metric_ops ls_mean_absolute_percentage_error_metric = {
    .ops = {.name = "mean_absolute_percentage_error",
            .keras_name = "MeanAbsolutePercentageError",
            .aliases = (const char *const[]){"mape", "MAPE", NULL}},
    MEAN(mean_absolute_percentage_error),
};

const ls_metric_ops ls_mean_squared_logarithmic_error_metric = {
    .ops = {.name = "mean_squared_logarithmic_error",
            .keras_name = "MeanSquaredLogarithmicError",
            .aliases = (const char *const[]){"msle", "MSLE", NULL}},
    MEAN(mean_squared_logarithmic_error),
};

const ls_metric_ops ls_log_cosh_metric = {
    .ops = {.name = "log_cosh", .keras_name = "LogCoshError", .aliases = (const char *const[]){"logcosh", NULL}},
    MEAN(log_cosh),
};

const ls_metric_ops ls_kl_divergence_metric = {
    .ops = {.name = "kl_divergence",
            .keras_name = "KLDivergence",
            .aliases = (const char *const[]){"kld", "KLD", NULL}},
    MEAN(kl_divergence),
};

const ls_metric_ops ls_poisson_metric = {
    .ops = {.name = "poisson", .keras_name = "Poisson"},
    MEAN(poisson),
};

const ls_metric_ops ls_hinge_metric = {
    .ops = {.name = "hinge", .keras_name = "Hinge"},
    .needs_binary_check = true,
    MEAN(hinge),
};

const ls_metric_ops ls_squared_hinge_metric = {
    .ops = {.name = "squared_hinge", .keras_name = "SquaredHinge"},
    .needs_binary_check = true,
    MEAN(squared_hinge),
};

const ls_metric_ops ls_categorical_hinge_metric = {
    .ops = {.name = "categorical_hinge", .keras_name = "CategoricalHinge"},
    MEAN(categorical_hinge),
};

const ls_metric_ops ls_binary_crossentropy_metric = {
    .ops = {.name = "binary_crossentropy",
            .keras_name = "BinaryCrossentropy",
            .aliases = (const char *const[]){"bce", "BCE", NULL},
            .options = ls_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    MEAN(binary_crossentropy),
};

const ls_metric_ops ls_categorical_crossentropy_metric = {
    .ops = {.name = "categorical_crossentropy",
            .keras_name = "CategoricalCrossentropy",
            .options = ls_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    MEAN(categorical_crossentropy),
};

const ls_metric_ops ls_sparse_categorical_crossentropy_metric = {
    .ops = {.name = "sparse_categorical_crossentropy",
            .keras_name = "SparseCategoricalCrossentropy",
            .options = ls_sparse_crossentropy_options,
            .config_bytes = sizeof(ls_crossentropy)},
    .sparse_targets = true,
    MEAN(sparse_categorical_crossentropy),
};

/* The root of the mean over all elements, not the mean of roots. */
const ls_metric_ops ls_root_mean_squared_error_metric = {
    .ops = {.name = "root_mean_squared_error",
            .keras_name = "RootMeanSquaredError",
            .aliases = (const char *const[]){"rmse", "RMSE", NULL}},
    .direction = LS_METRIC_DOWN,
    .width = ls_mean_width,
    .update = update_mean_squared_error,
    .result = root_result,
};

/* As a metric it is positive: 1 for equal directions. */
const ls_metric_ops ls_cosine_similarity_metric = {
    .ops = {.name = "cosine_similarity", .keras_name = "CosineSimilarity"},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_cosine_similarity,
    .result = negative_result,
};
