/* gaussian_noise: in training, Y = X + stddev x standard normal numbers addressed by the sample's place; else Y = X. */
#include "nn/layers/layers.h"

#define CHUNK ((size_t)1024) /* normal numbers made at a time */

typedef struct gaussian_noise_config {
    double stddev;
    int64_t seed; /* -1: the seed of the experiment */
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

static void forward_gaussian_noise(const ls_call *call)
{
    const gaussian_noise_config *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    ls_call own = *call;
    float normal[CHUNK];

    if (!call->training || config->stddev == 0) {
        ls_forward_copy(call);
        return;
    }
    if (config->seed >= 0)
        own.place.seed = (uint64_t)config->seed;
    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = ls_call_stream(&own, LS_PURPOSE_NOISE, r);

        for (size_t i = 0; i < n; i += CHUNK) {
            const size_t m = n - i < CHUNK ? n - i : CHUNK;

            ls_stream_normal(&stream, i, m, normal);
            add_scaled(call->X[0] + r * n + i, normal, call->Y + r * n + i, m, (float)config->stddev);
        }
    }
}

static const ls_option options[] = {
    {.name = "stddev", .kind = LS_OPTION_FLOAT, .offset = offsetof(gaussian_noise_config, stddev), .max = 1},
    {.name = "seed",
     .kind = LS_OPTION_INT,
     .offset = offsetof(gaussian_noise_config, seed),
     .initial = "null",
     .nullable = true,
     .max = 0x1p62},
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
    .forward = forward_gaussian_noise,
    .backward = ls_backward_copy,
};
