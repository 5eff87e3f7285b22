/*
 * What tells positions apart, to be added to what stands there:  X (R,…,T,F)  Y (R,…,T,F), the same for every X.
 *
 *     position_embedding        Y[t] = row t of a table (positions,F) that is learned
 *     sine_position_encoding    Y[t,2i] = sin(t w), Y[t,2i+1] = cos(t w), w = max_wavelength^(-2i / F) (Vaswani et al.,
 *                               2017)
 *
 * Both are KerasHub's.
 */
#include "nn/layers/layers.h"

#include <limits.h>
#include <string.h>

#include "tensor/math.h"

typedef struct position_config {
    int64_t sequence_length;
    ls_component initializer;
    double max_wavelength;
} position_config;

static size_t features_of(const ls_shape *in)
{
    return in->dim[in->axes - 1];
}

static size_t positions_of(const ls_shape *in)
{
    return in->dim[in->axes - 2];
}

static ls_status build_positions(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes < 2)
        return ls_layer_fail(layer, "takes sequences of vectors, (samples, …, positions, features), not %s",
                             ls_shape_format_batch(in, text));
    *out = *in;
    return layer->built ? ls_layer_same_inputs(layer, in, inputs) : LS_OK;
}

/* Y of every sequence of the call is that of the first. */
static void repeat_first(const ls_call *call)
{
    const ls_shape *in = &call->layer->in_shape[0];
    const size_t n = positions_of(in) * features_of(in), all = call->rows * ls_shape_size(in);

    for (size_t at = n; at < all; at += n)
        ls_copy(call->Y, call->Y + at, n);
}

/* What X is changes nothing. */
static void backward_positions(const ls_call *call)
{
    if (call->dX[0])
        ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
}

/* ---- position_embedding ---- */

static ls_status build_embedding(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const position_config *config = layer->config;
    const size_t rows = (size_t)config->sequence_length;

    LS_TRY(build_positions(layer, in, inputs, out));
    if (layer->built)
        return LS_OK;
    if (positions_of(in) > rows)
        return ls_layer_fail(layer, "has a table of sequence_length: %zu positions, but its input has %zu", rows,
                             positions_of(in));
    return ls_layer_add_param(layer, "embeddings", &(ls_shape){2, {rows, features_of(in)}}, true, &config->initializer,
                              NULL, NULL);
}

static void forward_embedding(const ls_call *call)
{
    const ls_shape *in = &call->layer->in_shape[0];

    if (call->rows == 0)
        return;
    ls_copy(call->layer->param[0].value, call->Y, positions_of(in) * features_of(in));
    repeat_first(call);
}

/* Sequence by sequence; rows of the table behind the last position get none. */
static void backward_params_embedding(const ls_call *call, size_t tile, float *out)
{
    const ls_shape *in = &call->layer->in_shape[0];
    const size_t n = positions_of(in) * features_of(in), all = call->rows * ls_shape_size(in);

    (void)tile;
    memset(out, 0, call->layer->param[0].size * sizeof *out);
    for (size_t at = 0; at < all; at += n)
        ls_add(call->dY + at, out, n);
}

static const ls_option embedding_options[] = {
    {.name = "sequence_length",
     .kind = LS_OPTION_INT,
     .offset = offsetof(position_config, sequence_length),
     .min = 1,
     .max = INT_MAX},
    LS_COMPONENT_OPTION(position_config, initializer, ls_initializers, "glorot_uniform"),
    {.name = NULL},
};

const ls_layer_ops ls_layer_position_embedding = {
    .ops = {.name = "position_embedding",
            .keras_name = "PositionEmbedding",
            .options = embedding_options,
            .config_bytes = sizeof(position_config)},
    .keras_package = "keras_hub",
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_embedding,
    .mask_shape = ls_mask_pass,
    .forward = forward_embedding,
    .backward = backward_positions,
    .backward_params = backward_params_embedding,
};

/* ---- sine_position_encoding ---- */

#define HALF_PI 1.57079632679489661923

static void forward_sine(const ls_call *call)
{
    const double wavelength = ((const position_config *)call->layer->config)->max_wavelength;
    const ls_shape *in = &call->layer->in_shape[0];
    const size_t positions = positions_of(in), features = features_of(in);

    if (call->rows == 0)
        return;
    for (size_t f = 0; f < features; f++) {
        const double w = ls_pow_double(wavelength, -(double)(f / 2 * 2) / (double)features);

        for (size_t t = 0; t < positions; t++) /* sin x = cos(x - pi / 2) */
            call->Y[t * features + f] = (float)ls_cos_double((double)t * w - (f % 2 ? 0.0 : HALF_PI));
    }
    repeat_first(call);
}

static const ls_option sine_options[] = {
    {.name = "max_wavelength",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(position_config, max_wavelength),
     .initial = "10000",
     .open_min = true},
    {.name = NULL},
};

const ls_layer_ops ls_layer_sine_position_encoding = {
    .ops = {.name = "sine_position_encoding",
            .keras_name = "SinePositionEncoding",
            .options = sine_options,
            .config_bytes = sizeof(position_config)},
    .keras_package = "keras_hub",
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_positions,
    .mask_shape = ls_mask_pass,
    .forward = forward_sine,
    .backward = backward_positions,
};
