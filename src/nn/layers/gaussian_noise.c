/*
 * gaussian_noise: in training, Y = X + stddev N, N standard normal numbers addressed by the sample's place; else Y = X.
 * gaussian_dropout (Srivastava et al., 2014): in training, Y = X (1 + sqrt(rate / (1 - rate)) N).
 */
#include "nn/layers/layers.h"

#include <math.h>

#define CHUNK ((size_t)1024) /* normal numbers made at a time */

typedef struct gaussian_noise_config {
    double stddev; /* of gaussian_dropout: the rate */
    int64_t seed;  /* -1: the seed of the experiment */
} gaussian_noise_config;

static ls_status build_gaussian_noise(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    return layer->built ? ls_layer_same_inputs(layer, in, inputs) : LS_OK;
}

static LS_CLONES void add_scaled(const float *restrict x, const float *restrict normal, float *restrict y, size_t n,
                                 float stddev)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + stddev * normal[i];
}

static bool is_identity(const ls_call *call)
{
    return !call->training || ((const gaussian_noise_config *)call->layer->config)->stddev == 0;
}

static ls_stream stream_of(const ls_call *call, size_t row)
{
    const gaussian_noise_config *config = call->layer->config;
    ls_call own = *call;

    if (config->seed >= 0)
        own.place.seed = (uint64_t)config->seed;
    return ls_call_stream(&own, LS_PURPOSE_NOISE, row);
}

static void forward_gaussian_noise(const ls_call *call)
{
    const gaussian_noise_config *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float normal[CHUNK];

    if (is_identity(call)) {
        ls_forward_copy(call);
        return;
    }
    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        for (size_t i = 0; i < n; i += CHUNK) {
            const size_t m = n - i < CHUNK ? n - i : CHUNK;

            ls_stream_normal(&stream, i, m, normal);
            add_scaled(call->X[0] + r * n + i, normal, call->Y + r * n + i, m, (float)config->stddev);
        }
    }
}

#define SEED                                                                                                       \
    {                                                                                                              \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(gaussian_noise_config, seed), .initial = "null", \
        .nullable = true, .max = 0x1p62                                                                            \
    }

static const ls_option options[] = {
    {.name = "stddev", .kind = LS_OPTION_FLOAT, .offset = offsetof(gaussian_noise_config, stddev), .max = 1},
    SEED,
    {.name = NULL},
};

const ls_layer_ops ls_layer_gaussian_noise = {
    .ops = {.name = "gaussian_noise",
            .keras_name = "GaussianNoise",
            .options = options,
            .config_bytes = sizeof(gaussian_noise_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_gaussian_noise,
    .mask_shape = ls_mask_pass,
    .forward = forward_gaussian_noise,
    .backward = ls_backward_copy,
};

/* ---- gaussian_dropout ---- */

static LS_CLONES void scale_by(const float *restrict x, const float *restrict normal, float *restrict y, size_t n,
                               float stddev, bool add)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (add ? y[i] : 0.0f) + x[i] * (1.0f + stddev * normal[i]);
}

/* to = factors x from, or to += factors x from. */
static void apply_factors(const ls_call *call, const float *from, float *to, bool add)
{
    const double rate = ((const gaussian_noise_config *)call->layer->config)->stddev;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float normal[CHUNK];

    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        for (size_t i = 0; i < n; i += CHUNK) {
            const size_t m = n - i < CHUNK ? n - i : CHUNK;

            ls_stream_normal(&stream, i, m, normal);
            scale_by(from + r * n + i, normal, to + r * n + i, m, (float)sqrt(rate / (1.0 - rate)), add);
        }
    }
}

static void forward_gaussian_dropout(const ls_call *call)
{
    if (is_identity(call))
        ls_forward_copy(call);
    else
        apply_factors(call, call->X[0], call->Y, false);
}

static void backward_gaussian_dropout(const ls_call *call)
{
    if (is_identity(call))
        ls_backward_copy(call);
    else if (call->dX[0])
        apply_factors(call, call->dY, call->dX[0], !call->first_use);
}

static const ls_option dropout_options[] = {
    {.name = "rate",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(gaussian_noise_config, stddev),
     .max = 1,
     .open_max = true},
    SEED,
    {.name = NULL},
};

const ls_layer_ops ls_layer_gaussian_dropout = {
    .ops = {.name = "gaussian_dropout",
            .keras_name = "GaussianDropout",
            .options = dropout_options,
            .config_bytes = sizeof(gaussian_noise_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_gaussian_noise,
    .mask_shape = ls_mask_pass,
    .forward = forward_gaussian_dropout,
    .backward = backward_gaussian_dropout,
};
