/* batch_normalization over the global batch. Formulas and terms: batch_normalization.h. */
#include "nn/layers/batch_normalization.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef ls_batch_normalization config_type;

/* ---- weights: gamma, beta, moving_mean, moving_variance, the first two only if asked for ---- */

static ls_status build_batch_normalization(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const config_type *config = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];
    ls_shape channels;
    size_t axis;

    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    if (!ls_axis_index(config->axis, in[0].axes, &axis) || axis + 1 != in[0].axes)
        return ls_layer_fail(layer, "axis must be the last axis of %s: -1", ls_shape_format_batch(&in[0], text));
    channels = (ls_shape){1, {in[0].dim[axis]}};
    if (config->scale)
        LS_TRY(ls_layer_add_param(layer, "gamma", &channels, true, &config->gamma_initializer,
                                  &config->gamma_regularizer, &config->gamma_constraint));
    if (config->center)
        LS_TRY(ls_layer_add_param(layer, "beta", &channels, true, &config->beta_initializer, &config->beta_regularizer,
                                  &config->beta_constraint));
    LS_TRY(ls_layer_add_param(layer, "moving_mean", &channels, false, &config->moving_mean_initializer, NULL, NULL));
    LS_TRY(ls_layer_add_param(layer, "moving_variance", &channels, false, &config->moving_variance_initializer, NULL,
                              NULL));
    layer->scratch_fixed = LS_CHANNELS_FLOATS * channels.dim[0];
    if (config->groups)
        layer->ops = &ls_layer_ghost_normalization;
    return LS_OK;
}

size_t ls_layer_microbatch_unit(const ls_layer *layer)
{
    if (layer->ops != &ls_layer_ghost_normalization)
        return 1;
    return (size_t)((const config_type *)layer->config)->groups;
}

/*
 * ---- statistics of the global batch ----
 *
 * Totals, 2 C wide:  [sum x, 0]  [sum (x - mean)^2, 0]  [dbeta, dgamma]
 */

static double values_per_channel(const ls_layer *layer, uint64_t batch_size)
{
    return (double)batch_size * (double)ls_positions(layer);
}

static double total_mean(const ls_layer *layer, const double *totals, uint64_t batch_size, size_t c)
{
    return totals[c] / values_per_channel(layer, batch_size);
}

static double total_variance(const ls_layer *layer, const double *totals, uint64_t batch_size, size_t c)
{
    return totals[2 * ls_channels_count(layer) + c] / values_per_channel(layer, batch_size);
}

static void set_batch(const ls_call *call, const ls_channels *channels)
{
    const size_t C = ls_channels_count(call->layer);

    for (size_t c = 0; c < C; c++)
        ls_channel_set(call, channels, c, total_mean(call->layer, call->totals, call->batch_size, c),
                       total_variance(call->layer, call->totals, call->batch_size, c));
}

static size_t sum_width(const ls_layer *layer)
{
    return 2 * ls_channels_count(layer);
}

static void forward_sums(const ls_call *call, size_t round)
{
    const size_t C = ls_channels_count(call->layer), rows = call->rows * ls_positions(call->layer);
    const ls_channels channels = ls_channels_in(call);

    memset(call->sums, 0, 2 * C * sizeof *call->sums);
    if (!ls_uses_batch(call))
        return;
    if (round == 0) {
        ls_channel_sums(call->X[0], rows, C, call->sums);
        return;
    }
    for (size_t c = 0; c < C; c++)
        channels.mean_sum[c] = total_mean(call->layer, call->totals, call->batch_size, c);
    ls_channel_square_sums(call->X[0], channels.mean_sum, rows, C, call->sums);
}

static void forward_batch_normalization(const ls_call *call)
{
    const ls_channels channels = ls_channels_in(call);

    if (!ls_uses_batch(call)) {
        ls_forward_moving(call);
        return;
    }
    set_batch(call, &channels);
    ls_normalize_rows(call, &channels, call->X[0], call->Y, call->rows * ls_positions(call->layer));
}

static void backward_sums(const ls_call *call, size_t round)
{
    const size_t C = ls_channels_count(call->layer);
    const ls_channels channels = ls_channels_in(call);

    (void)round;
    memset(call->sums, 0, 2 * C * sizeof *call->sums);
    if (!ls_uses_batch(call))
        return;
    set_batch(call, &channels);
    ls_channel_gradient_sums(call->X[0], call->dY, &channels, call->rows * ls_positions(call->layer), C, call->sums,
                             call->sums + C);
}

static void backward_batch_normalization(const ls_call *call)
{
    const size_t C = ls_channels_count(call->layer), rows = call->rows * ls_positions(call->layer);
    const double n = values_per_channel(call->layer, call->batch_size);
    const ls_channels channels = ls_channels_in(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], rows * C);
    if (!ls_uses_batch(call)) {
        ls_backward_moving(call);
        return;
    }
    set_batch(call, &channels);
    for (size_t c = 0; c < C; c++) {
        channels.dy_mean[c] = (float)(call->totals[4 * C + c] / n);
        channels.slope[c] = (float)(call->totals[5 * C + c] / n);
    }
    ls_normalize_rows_backward(call, &channels, call->X[0], call->dY, call->dX[0], rows);
}

static void backward_params_batch_normalization(const ls_call *call, size_t tile, float *out)
{
    const config_type *config = call->layer->config;
    const size_t C = ls_channels_count(call->layer), trained = config->scale + config->center;
    const ls_channels channels = ls_channels_in(call);

    (void)tile;
    for (size_t p = 0; p < trained; p++)
        memset(out + p * ls_pad_block(C), 0, C * sizeof *out);
    set_batch(call, &channels);
    ls_normalize_rows_params(call, &channels, call->X[0], call->dY, out, call->rows * ls_positions(call->layer));
}

static void commit_batch_normalization(ls_layer *layer, const double *totals, uint64_t batch_size)
{
    const size_t C = ls_channels_count(layer);

    for (size_t c = 0; layer->trainable && c < C; c++)
        ls_moving_update(layer, c, total_mean(layer, totals, batch_size, c),
                         total_variance(layer, totals, batch_size, c));
}

static ls_status mask_shape_batch_normalization(const ls_layer *layer, const ls_shape *const *in, size_t inputs,
                                                bool *has, ls_shape *out)
{
    if (in[0])
        return ls_layer_fail(layer, "does not take a masked sequence: its statistics would have to leave the masked "
                                    "positions out, which lockstep does not have; layer_normalization takes masks");
    return ls_mask_pass(layer, in, inputs, has, out);
}

/* ---- tables ---- */

const ls_layer_ops ls_layer_batch_normalization = {
    .ops = {.name = "batch_normalization",
            .keras_name = "BatchNormalization",
            .options = ls_batch_normalization_options,
            .config_bytes = sizeof(config_type)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_batch_normalization,
    .mask_shape = mask_shape_batch_normalization,
    .forward = forward_batch_normalization,
    .backward = backward_batch_normalization,
    .backward_params = backward_params_batch_normalization,
    .forward_rounds = 2,
    .backward_rounds = 1,
    .sum_width = sum_width,
    .forward_sums = forward_sums,
    .backward_sums = backward_sums,
    .commit = commit_batch_normalization,
};
