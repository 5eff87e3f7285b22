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

static const config_type *config_of(const ls_call *call)
{
    return call->layer->config;
}

static const float *gamma_of(const ls_layer *layer)
{
    return ((const config_type *)layer->config)->scale ? layer->param[0].value : NULL;
}

static const float *beta_of(const ls_layer *layer)
{
    const config_type *config = layer->config;

    return config->center ? layer->param[config->scale].value : NULL;
}

static float *moving_mean_of(const ls_layer *layer)
{
    return layer->param[layer->params - 2].value;
}

static float *moving_variance_of(const ls_layer *layer)
{
    return layer->param[layer->params - 1].value;
}

size_t ls_layer_microbatch_unit(const ls_layer *layer)
{
    if (layer->ops != &ls_layer_ghost_normalization)
        return 1;
    return (size_t)((const config_type *)layer->config)->groups;
}

/* ---- what both ways share ---- */

/* Scratch is aligned like every buffer of the engine, so it may begin with doubles. */
ls_channels ls_channels_in(const ls_call *call)
{
    const size_t C = ls_channels_count(call->layer);
    double *doubles = (double *)(void *)call->scratch;
    float *floats = (float *)(void *)(doubles + 2 * C);

    return (ls_channels){doubles, doubles + C, floats, floats + C, floats + 2 * C, floats + 3 * C, floats + 4 * C};
}

void ls_channel_set(const ls_call *call, const ls_channels *channels, size_t c, double mean, double variance)
{
    const float *gamma = gamma_of(call->layer);

    channels->mean[c] = (float)mean;
    channels->inv[c] = (float)(1.0 / sqrt(variance + config_of(call)->epsilon));
    channels->gain[c] = gamma ? gamma[c] * channels->inv[c] : channels->inv[c];
}

void ls_channels_set_moving(const ls_call *call, const ls_channels *channels)
{
    const size_t C = ls_channels_count(call->layer);

    for (size_t c = 0; c < C; c++) {
        ls_channel_set(call, channels, c, (double)moving_mean_of(call->layer)[c],
                       (double)moving_variance_of(call->layer)[c]);
        channels->dy_mean[c] = 0.0f;
        channels->slope[c] = 0.0f;
    }
}

LS_CLONES void ls_channel_sums(const float *restrict X, size_t rows, size_t C, double *restrict out)
{
    memset(out, 0, C * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++)
            out[c] += (double)X[r * C + c];
}

LS_CLONES void ls_channel_square_sums(const float *restrict X, const double *restrict mean, size_t rows, size_t C,
                                      double *restrict out)
{
    memset(out, 0, C * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++) {
            const double d = (double)X[r * C + c] - mean[c];

            out[c] += d * d;
        }
}

LS_CLONES void ls_channel_gradient_sums(const float *restrict X, const float *restrict dY, const ls_channels *channels,
                                        size_t rows, size_t C, double *restrict dbeta, double *restrict dgamma)
{
    const float *restrict mean = channels->mean, *restrict inv = channels->inv;

    memset(dbeta, 0, C * sizeof *dbeta);
    memset(dgamma, 0, C * sizeof *dgamma);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++) {
            const float dy = dY[r * C + c];

            dbeta[c] += (double)dy;
            dgamma[c] += (double)(dy * ((X[r * C + c] - mean[c]) * inv[c]));
        }
}

static LS_CLONES void normalize(const float *restrict X, const float *restrict mean, const float *restrict gain,
                                float *restrict Y, size_t rows, size_t C)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++)
            Y[r * C + c] = (X[r * C + c] - mean[c]) * gain[c];
}

void ls_normalize_rows(const ls_call *call, const ls_channels *channels, const float *X, float *Y, size_t rows)
{
    const size_t C = ls_channels_count(call->layer);
    const float *beta = beta_of(call->layer);

    normalize(X, channels->mean, channels->gain, Y, rows, C);
    if (beta)
        ls_add_rows(Y, beta, rows, C);
}

static LS_CLONES void add_gradient(const float *restrict X, const float *restrict dY, const ls_channels *channels,
                                   float *restrict dX, size_t rows, size_t C)
{
    const float *restrict mean = channels->mean, *restrict inv = channels->inv, *restrict gain = channels->gain;
    const float *restrict dy_mean = channels->dy_mean, *restrict slope = channels->slope;

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++) {
            const float xh = (X[r * C + c] - mean[c]) * inv[c];

            dX[r * C + c] += gain[c] * (dY[r * C + c] - dy_mean[c] - xh * slope[c]);
        }
}

void ls_normalize_rows_backward(const ls_call *call, const ls_channels *channels, const float *X, const float *dY,
                                float *dX, size_t rows)
{
    add_gradient(X, dY, channels, dX, rows, ls_channels_count(call->layer));
}

static LS_CLONES void add_dgamma(const float *restrict X, const float *restrict dY, const ls_channels *channels,
                                 float *restrict dgamma, size_t rows, size_t C)
{
    const float *restrict mean = channels->mean, *restrict inv = channels->inv;

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++)
            dgamma[c] += dY[r * C + c] * ((X[r * C + c] - mean[c]) * inv[c]);
}

void ls_normalize_rows_params(const ls_call *call, const ls_channels *channels, const float *X, const float *dY,
                              float *out, size_t rows)
{
    const size_t C = ls_channels_count(call->layer);

    if (config_of(call)->scale) {
        add_dgamma(X, dY, channels, out, rows, C);
        out += ls_pad_block(C);
    }
    for (size_t r = 0; config_of(call)->center && r < rows; r++)
        ls_add(dY + r * C, out, C);
}

void ls_forward_moving(const ls_call *call)
{
    const ls_channels channels = ls_channels_in(call);

    ls_channels_set_moving(call, &channels);
    ls_normalize_rows(call, &channels, call->X[0], call->Y, call->rows * ls_positions(call->layer));
}

void ls_backward_moving(const ls_call *call)
{
    const ls_channels channels = ls_channels_in(call);

    ls_channels_set_moving(call, &channels);
    ls_normalize_rows_backward(call, &channels, call->X[0], call->dY, call->dX[0],
                               call->rows * ls_positions(call->layer));
}

void ls_moving_update(ls_layer *layer, size_t c, double mean, double variance)
{
    const double momentum = ((const config_type *)layer->config)->momentum;
    float *moving_mean = moving_mean_of(layer), *moving_variance = moving_variance_of(layer);

    moving_mean[c] = (float)((double)moving_mean[c] * momentum + mean * (1.0 - momentum));
    moving_variance[c] = (float)((double)moving_variance[c] * momentum + variance * (1.0 - momentum));
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
    const size_t C = ls_channels_count(call->layer), trained = config_of(call)->scale + config_of(call)->center;
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

/* ---- tables ---- */

const ls_option ls_batch_normalization_options[] = {
    {.name = "axis",
     .kind = LS_OPTION_INT,
     .offset = offsetof(config_type, axis),
     .initial = "-1",
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    {.name = "momentum",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(config_type, momentum),
     .initial = "0.99",
     .max = 1},
    {.name = "epsilon",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(config_type, epsilon),
     .initial = "0.001",
     .max = INFINITY},
    {.name = "center", .kind = LS_OPTION_BOOL, .offset = offsetof(config_type, center), .initial = "true"},
    {.name = "scale", .kind = LS_OPTION_BOOL, .offset = offsetof(config_type, scale), .initial = "true"},
    LS_COMPONENT_OPTION(config_type, beta_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(config_type, gamma_initializer, ls_initializers, "ones"),
    LS_COMPONENT_OPTION(config_type, moving_mean_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(config_type, moving_variance_initializer, ls_initializers, "ones"),
    LS_COMPONENT_OPTION(config_type, beta_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(config_type, gamma_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(config_type, beta_constraint, ls_constraints, "null"),
    LS_COMPONENT_OPTION(config_type, gamma_constraint, ls_constraints, "null"),
    /* Keras: statistics over all devices. Here they always are; the option is read for its files. */
    {.name = "synchronized", .kind = LS_OPTION_BOOL, .offset = offsetof(config_type, synchronized), .initial = "false"},
    {.name = "groups",
     .kind = LS_OPTION_INT,
     .offset = offsetof(config_type, groups),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = INT_MAX},
    {.name = NULL},
};

const ls_layer_ops ls_layer_batch_normalization = {
    .ops = {.name = "batch_normalization",
            .keras_name = "BatchNormalization",
            .options = ls_batch_normalization_options,
            .config_bytes = sizeof(config_type)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_batch_normalization,
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
