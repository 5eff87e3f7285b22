/* Shares of positions that are right: by threshold, by the largest score, or among the k largest. */
#include "nn/metrics/metrics.h"

typedef struct threshold {
    double threshold;
} threshold;

typedef struct top_k {
    int64_t k;
} top_k;

/* The first of the largest. */
static size_t argmax(const float *x, size_t n)
{
    size_t top = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[top])
            top = i;
    return top;
}

/* The class a position's target names. */
static size_t dense_label(const ls_metric_call *call, size_t r)
{
    return argmax(call->target + r * call->n, call->n);
}

static size_t sparse_label(const ls_metric_call *call, size_t r)
{
    return (size_t)call->target[r];
}

typedef size_t (*label_of)(const ls_metric_call *call, size_t r);

/* ---- updates ---- */

static void update_binary(const void *config, const ls_metric_call *call)
{
    const float limit = (float)((const threshold *)config)->threshold;
    double right = 0.0, total = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const float *const t = call->target + r * call->n, *const p = call->pred + r * call->n;
        const double weight = ls_metric_weight(call, r);
        size_t hits = 0;

        for (size_t i = 0; i < call->n; i++)
            hits += t[i] == (p[i] > limit ? 1.0f : 0.0f);
        right += weight * (double)hits / (double)call->n;
        total += weight;
    }
    call->sums[0] = right;
    call->sums[1] = total;
}

static void update_largest(const ls_metric_call *call, label_of label)
{
    double right = 0.0, total = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const double weight = ls_metric_weight(call, r);

        if (argmax(call->pred + r * call->n, call->n) == label(call, r))
            right += weight;
        total += weight;
    }
    call->sums[0] = right;
    call->sums[1] = total;
}

static void update_categorical(const void *config, const ls_metric_call *call)
{
    (void)config;
    update_largest(call, dense_label);
}

static void update_sparse(const void *config, const ls_metric_call *call)
{
    (void)config;
    update_largest(call, sparse_label);
}

/* Right if fewer than k scores are strictly greater than the label's. */
static void update_among(const top_k *config, const ls_metric_call *call, label_of label)
{
    double right = 0.0, total = 0.0;

    for (size_t r = 0; r < call->positions; r++) {
        const float *const p = call->pred + r * call->n, score = p[label(call, r)];
        const double weight = ls_metric_weight(call, r);
        size_t greater = 0;

        for (size_t i = 0; i < call->n; i++)
            greater += p[i] > score;
        if (greater < (size_t)config->k)
            right += weight;
        total += weight;
    }
    call->sums[0] = right;
    call->sums[1] = total;
}

static void update_top_k(const void *config, const ls_metric_call *call)
{
    update_among(config, call, dense_label);
}

static void update_sparse_top_k(const void *config, const ls_metric_call *call)
{
    update_among(config, call, sparse_label);
}

/* ---- tables ---- */

static const ls_option threshold_options[] = {
    {.name = "threshold", .kind = LS_OPTION_FLOAT, .offset = offsetof(threshold, threshold), .initial = "0.5"},
    {.name = NULL},
};

static const ls_option top_k_options[] = {
    {.name = "k", .kind = LS_OPTION_INT, .offset = offsetof(top_k, k), .initial = "5", .min = 1.0},
    {.name = NULL},
};

/* Stands for one of the three below until ls_metric_resolve has seen the shapes, so it computes nothing itself. */
const ls_metric_ops ls_accuracy = {
    .ops = {.name = "accuracy", .aliases = (const char *const[]){"acc", NULL}},
    .direction = LS_METRIC_UP,
};

const ls_metric_ops ls_binary_accuracy = {
    .ops = {.name = "binary_accuracy",
            .keras_name = "BinaryAccuracy",
            .options = threshold_options,
            .config_bytes = sizeof(threshold)},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_binary,
    .result = ls_mean_result,
};

const ls_metric_ops ls_categorical_accuracy = {
    .ops = {.name = "categorical_accuracy", .keras_name = "CategoricalAccuracy"},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_categorical,
    .result = ls_mean_result,
};

const ls_metric_ops ls_sparse_categorical_accuracy = {
    .ops = {.name = "sparse_categorical_accuracy", .keras_name = "SparseCategoricalAccuracy"},
    .sparse_targets = true,
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_sparse,
    .result = ls_mean_result,
};

const ls_metric_ops ls_top_k_categorical_accuracy = {
    .ops = {.name = "top_k_categorical_accuracy",
            .keras_name = "TopKCategoricalAccuracy",
            .options = top_k_options,
            .config_bytes = sizeof(top_k)},
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_top_k,
    .result = ls_mean_result,
};

const ls_metric_ops ls_sparse_top_k_categorical_accuracy = {
    .ops = {.name = "sparse_top_k_categorical_accuracy",
            .keras_name = "SparseTopKCategoricalAccuracy",
            .options = top_k_options,
            .config_bytes = sizeof(top_k)},
    .sparse_targets = true,
    .direction = LS_METRIC_UP,
    .width = ls_mean_width,
    .update = update_sparse_top_k,
    .result = ls_mean_result,
};
