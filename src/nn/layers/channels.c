/* What batch and ghost normalization share. Formulas and terms: batch_normalization.h. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "nn/layers/batch_normalization.h"

typedef ls_batch_normalization config_type;

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

static LS_CLONES void normalize_and_add(const float *restrict X, const float *restrict mean, const float *restrict gain,
                                        const float *restrict beta, float *restrict Y, size_t rows, size_t C)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++)
            Y[r * C + c] = (X[r * C + c] - mean[c]) * gain[c] + beta[c];
}

void ls_normalize_rows(const ls_call *call, const ls_channels *channels, const float *X, float *Y, size_t rows)
{
    const size_t C = ls_channels_count(call->layer);
    const float *beta = beta_of(call->layer);

    if (beta)
        normalize_and_add(X, channels->mean, channels->gain, beta, Y, rows, C);
    else
        normalize(X, channels->mean, channels->gain, Y, rows, C);
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

static LS_CLONES void add_dbeta(const float *restrict dY, float *restrict dbeta, size_t rows, size_t C)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < C; c++)
            dbeta[c] += dY[r * C + c];
}

void ls_normalize_rows_params(const ls_call *call, const ls_channels *channels, const float *X, const float *dY,
                              float *out, size_t rows)
{
    const size_t C = ls_channels_count(call->layer);

    if (config_of(call)->scale) {
        add_dgamma(X, dY, channels, out, rows, C);
        out += ls_pad_block(C);
    }
    if (config_of(call)->center)
        add_dbeta(dY, out, rows, C);
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
