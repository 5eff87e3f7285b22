/*
 * Batch normalization (Ioffe and Szegedy, 2015), its two ways of taking statistics, and what they share.
 *
 *     xh = (x - mean) inv, inv = 1 / sqrt(var + epsilon)        y = gamma xh + beta
 *     dbeta = sum dy       dgamma = sum dy xh
 *     dx = gamma inv (dy - dbeta / n - xh dgamma / n)           mean and var over n values per channel, divisor n
 *
 * The channels are the last axis; everything else is rows. Without `groups` the statistics cover the whole global
 * batch, as Keras means it: two rounds of sums forward, one backward (batch_normalization.c). With `groups: g` every g
 * consecutive samples of the batch are normalized by themselves ("ghost batch normalization", Hoffer et al., 2017):
 * a microbatch, which must hold whole groups, needs nobody else (ghost_normalization.c).
 *
 * Inference, and a layer with trainable: false, use the moving statistics.
 */
#ifndef LS_NN_LAYERS_BATCH_NORMALIZATION_H
#define LS_NN_LAYERS_BATCH_NORMALIZATION_H

#include "nn/layers/layers.h"

typedef struct ls_batch_normalization {
    int64_t axis;
    double momentum, epsilon;
    bool center, scale, synchronized;
    int64_t groups; /* 0: the whole batch */
    ls_component beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer;
    ls_component beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint;
} ls_batch_normalization;

extern const ls_layer_ops ls_layer_ghost_normalization; /* what build puts in place when `groups` is given */
extern const ls_option ls_batch_normalization_options[];

/* Per channel, in scratch: statistics in double to work with, and the numbers the loops over rows need. */
typedef struct ls_channels {
    double *mean_sum, *variance_sum;
    float *mean, *inv, *gain; /* gain = gamma inv */
    float *dy_mean, *slope;   /* dbeta / n, dgamma / n */
} ls_channels;

#define LS_CHANNELS_FLOATS 9 /* of scratch per channel */

static inline size_t ls_channels_count(const ls_layer *layer)
{
    return layer->in_shape[0].dim[layer->in_shape[0].axes - 1];
}

/* Rows of channels in one sample. */
static inline size_t ls_positions(const ls_layer *layer)
{
    return ls_shape_size(&layer->in_shape[0]) / ls_channels_count(layer);
}

/* Whether this call uses the batch's own statistics. */
static inline bool ls_uses_batch(const ls_call *call)
{
    return call->training && call->layer->trainable;
}

ls_channels ls_channels_in(const ls_call *call);
/* mean, inv and gain of channel c. */
void ls_channel_set(const ls_call *call, const ls_channels *channels, size_t c, double mean, double variance);
void ls_channels_set_moving(const ls_call *call, const ls_channels *channels);

/* Over `rows` rows of C channels, in order, in double; out is overwritten. */
void ls_channel_sums(const float *X, size_t rows, size_t C, double *out);
void ls_channel_square_sums(const float *X, const double *mean, size_t rows, size_t C, double *out);
void ls_channel_gradient_sums(const float *X, const float *dY, const ls_channels *channels, size_t rows, size_t C,
                              double *dbeta, double *dgamma);

void ls_normalize_rows(const ls_call *call, const ls_channels *channels, const float *X, float *Y, size_t rows);
/* dX += …; with dy_mean and slope of 0 this is the gradient of fixed statistics. */
void ls_normalize_rows_backward(const ls_call *call, const ls_channels *channels, const float *X, const float *dY,
                                float *dX, size_t rows);
/* Adds these rows' dgamma and dbeta into a gradient tile. */
void ls_normalize_rows_params(const ls_call *call, const ls_channels *channels, const float *X, const float *dY,
                              float *out, size_t rows);

/* forward and backward with the moving statistics. */
void ls_forward_moving(const ls_call *call);
void ls_backward_moving(const ls_call *call);

/* moving = moving momentum + batch (1 - momentum). */
void ls_moving_update(ls_layer *layer, size_t c, double mean, double variance);

#endif
