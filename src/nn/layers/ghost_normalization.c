/*
 * batch_normalization with `groups: g`: statistics of every g consecutive samples of the batch. A microbatch holds
 * whole groups (ls_layer_microbatch_unit), the last of a batch perhaps a short one, so forward and backward are its own
 * affair; only the moving statistics need a round over the batch: they take the mean over all groups of the groups'
 * means and variances. Formulas and terms: batch_normalization.h.
 */
#include "nn/layers/batch_normalization.h"

#include <string.h>

/* A group inside a microbatch, as rows of channels. */
typedef struct group {
    size_t first, rows; /* of channels */
} group;

static size_t group_samples(const ls_layer *layer)
{
    return (size_t)((const ls_batch_normalization *)layer->config)->groups;
}

static size_t groups_of(const ls_call *call)
{
    const size_t g = group_samples(call->layer);

    return (call->rows + g - 1) / g;
}

static group group_at(const ls_call *call, size_t index)
{
    const size_t g = group_samples(call->layer), positions = ls_positions(call->layer), start = index * g;

    return (group){start * positions, (call->rows - start < g ? call->rows - start : g) * positions};
}

/* Mean and variance of a group into channels->mean_sum and variance_sum, and what follows from them. */
static void set_group(const ls_call *call, const ls_channels *channels, const group *at)
{
    const size_t C = ls_channels_count(call->layer);
    const float *X = call->X[0] + at->first * C;

    ls_channel_sums(X, at->rows, C, channels->mean_sum);
    for (size_t c = 0; c < C; c++)
        channels->mean_sum[c] /= (double)at->rows;
    ls_channel_square_sums(X, channels->mean_sum, at->rows, C, channels->variance_sum);
    for (size_t c = 0; c < C; c++) {
        channels->variance_sum[c] /= (double)at->rows;
        ls_channel_set(call, channels, c, channels->mean_sum[c], channels->variance_sum[c]);
    }
}

static size_t sum_width(const ls_layer *layer)
{
    return 2 * ls_channels_count(layer);
}

/* [sum of the groups' means, sum of the groups' variances] */
static void forward_sums(const ls_call *call, size_t round)
{
    const size_t C = ls_channels_count(call->layer);
    const ls_channels channels = ls_channels_in(call);

    (void)round;
    memset(call->sums, 0, 2 * C * sizeof *call->sums);
    for (size_t i = 0; ls_uses_batch(call) && i < groups_of(call); i++) {
        const group at = group_at(call, i);

        set_group(call, &channels, &at);
        for (size_t c = 0; c < C; c++) {
            call->sums[c] += channels.mean_sum[c];
            call->sums[C + c] += channels.variance_sum[c];
        }
    }
}

static void forward_ghost(const ls_call *call)
{
    const size_t C = ls_channels_count(call->layer);
    const ls_channels channels = ls_channels_in(call);

    if (!ls_uses_batch(call)) {
        ls_forward_moving(call);
        return;
    }
    for (size_t i = 0; i < groups_of(call); i++) {
        const group at = group_at(call, i);

        set_group(call, &channels, &at);
        ls_normalize_rows(call, &channels, call->X[0] + at.first * C, call->Y + at.first * C, at.rows);
    }
}

static void backward_ghost(const ls_call *call)
{
    const size_t C = ls_channels_count(call->layer);
    const ls_channels channels = ls_channels_in(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_positions(call->layer) * C);
    if (!ls_uses_batch(call)) {
        ls_backward_moving(call);
        return;
    }
    for (size_t i = 0; i < groups_of(call); i++) {
        const group at = group_at(call, i);
        const float *X = call->X[0] + at.first * C, *dY = call->dY + at.first * C;

        set_group(call, &channels, &at);
        ls_channel_gradient_sums(X, dY, &channels, at.rows, C, channels.mean_sum, channels.variance_sum);
        for (size_t c = 0; c < C; c++) {
            channels.dy_mean[c] = (float)(channels.mean_sum[c] / (double)at.rows);
            channels.slope[c] = (float)(channels.variance_sum[c] / (double)at.rows);
        }
        ls_normalize_rows_backward(call, &channels, X, dY, call->dX[0] + at.first * C, at.rows);
    }
}

static void backward_params_ghost(const ls_call *call, size_t tile, float *out)
{
    const ls_batch_normalization *config = call->layer->config;
    const size_t C = ls_channels_count(call->layer), trained = config->scale + config->center;
    const ls_channels channels = ls_channels_in(call);

    (void)tile;
    for (size_t p = 0; p < trained; p++)
        memset(out + p * ls_pad_block(C), 0, C * sizeof *out);
    for (size_t i = 0; i < groups_of(call); i++) {
        const group at = group_at(call, i);

        set_group(call, &channels, &at);
        ls_normalize_rows_params(call, &channels, call->X[0] + at.first * C, call->dY + at.first * C, out, at.rows);
    }
}

static void commit_ghost(ls_layer *layer, const double *totals, uint64_t batch_size)
{
    const size_t C = ls_channels_count(layer), g = group_samples(layer);
    const double groups = (double)((batch_size + g - 1) / g);

    for (size_t c = 0; layer->trainable && c < C; c++)
        ls_moving_update(layer, c, totals[c] / groups, totals[C + c] / groups);
}

/* Further nodes of a shared layer come here, after batch_normalization's build has put this table in its place. */
static ls_status build_ghost(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    return ls_layer_same_inputs(layer, in, inputs);
}

const ls_layer_ops ls_layer_ghost_normalization = {
    .ops = {.name = "batch_normalization",
            .keras_name = "BatchNormalization",
            .options = ls_batch_normalization_options,
            .config_bytes = sizeof(ls_batch_normalization)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_ghost,
    .forward = forward_ghost,
    .backward = backward_ghost,
    .backward_params = backward_params_ghost,
    .forward_rounds = 1,
    .sum_width = sum_width,
    .forward_sums = forward_sums,
    .commit = commit_ghost,
};
