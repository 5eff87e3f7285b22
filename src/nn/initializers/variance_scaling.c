/*
 * Weights whose variance is scale / n, with n the number of inputs (fan_in), outputs (fan_out) or their mean (fan_avg)
 * of a unit. Glorot and Bengio 2010: scale 1, fan_avg; He et al. 2015: scale 2, fan_in; LeCun et al. 1998: 1, fan_in.
 */
#include "nn/initializers/initializers.h"

#include <float.h>
#include <math.h>

enum { FAN_IN, FAN_OUT, FAN_AVG };
enum { TRUNCATED_NORMAL, UNIFORM, UNTRUNCATED_NORMAL, NORMAL };

static const char *const modes[] = {"fan_in", "fan_out", "fan_avg", NULL};
static const char *const distributions[] = {"truncated_normal", "uniform", "untruncated_normal", "normal", NULL};

typedef struct scaling {
    double scale;
    int mode, distribution; /* NORMAL is Keras's other name for TRUNCATED_NORMAL */
    int64_t seed;
} scaling;

/* Standard deviation of a standard normal truncated to (-2, 2). */
#define TRUNCATED_STDDEV 0.87962566103423978

/* Keras's compute_fans: all axes but the last two are a receptive field. */
static void fans(const ls_shape *shape, double *fan_in, double *fan_out)
{
    double field = 1.0;

    for (size_t i = 0; i + 2 < shape->axes; i++)
        field *= (double)shape->dim[i];
    *fan_in = *fan_out = shape->axes > 0 ? (double)shape->dim[shape->axes - 1] : 1.0;
    if (shape->axes > 1) {
        *fan_in = (double)shape->dim[shape->axes - 2] * field;
        *fan_out *= field;
    }
}

static ls_status fill(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    const scaling *const c = config;
    const size_t n = ls_shape_size(shape);
    double fan_in, fan_out, fan, variance;

    fans(shape, &fan_in, &fan_out);
    fan = c->mode == FAN_IN ? fan_in : c->mode == FAN_OUT ? fan_out : (fan_in + fan_out) / 2.0;
    variance = c->scale / (fan > 1.0 ? fan : 1.0);
    switch (c->distribution) {
    case UNIFORM: {
        const float limit = (float)sqrt(3.0 * variance);

        ls_stream_uniform(stream, 0, n, out);
        ls_affine(out, n, 2.0f * limit, -limit);
        break;
    }
    case UNTRUNCATED_NORMAL:
        ls_stream_normal(stream, 0, n, out);
        ls_affine(out, n, (float)sqrt(variance), 0.0f);
        break;
    default:
        ls_stream_truncated_normal(stream, 0, n, out);
        ls_affine(out, n, (float)(sqrt(variance) / TRUNCATED_STDDEV), 0.0f);
    }
    return LS_OK;
}

typedef struct seeded {
    int64_t seed;
} seeded;

static const ls_option seed_options[] = {
    LS_SEED_OPTION(seeded),
    {.name = NULL},
};

/* The named cases take no other options: their laws are fixed. */
#define FIXED(id, scale, mode, distribution)                                                                   \
    static ls_status fill_##id(const void *config, const ls_shape *shape, const ls_stream *stream, float *out) \
    {                                                                                                          \
        (void)config;                                                                                          \
        return fill(&(const scaling){scale, mode, distribution, -1}, shape, stream, out);                      \
    }                                                                                                          \
    const ls_initializer_ops ls_##id

FIXED(glorot_uniform, 1.0, FAN_AVG, UNIFORM) = {
    .ops = {.name = "glorot_uniform",
            .keras_name = "GlorotUniform",
            .options = seed_options,
            .config_bytes = sizeof(seeded)},
    .fill = fill_glorot_uniform,
    .by_fans = true,
};

const ls_component ls_initializer_glorot_uniform = {.ops = &ls_glorot_uniform.ops, .config = &(seeded){-1}};

FIXED(glorot_normal, 1.0, FAN_AVG, TRUNCATED_NORMAL) = {
    .ops = {.name = "glorot_normal",
            .keras_name = "GlorotNormal",
            .options = seed_options,
            .config_bytes = sizeof(seeded)},
    .fill = fill_glorot_normal,
    .by_fans = true,
};

FIXED(he_uniform, 2.0, FAN_IN, UNIFORM) = {
    .ops = {.name = "he_uniform", .keras_name = "HeUniform", .options = seed_options, .config_bytes = sizeof(seeded)},
    .fill = fill_he_uniform,
    .by_fans = true,
};

FIXED(he_normal, 2.0, FAN_IN, TRUNCATED_NORMAL) = {
    .ops = {.name = "he_normal", .keras_name = "HeNormal", .options = seed_options, .config_bytes = sizeof(seeded)},
    .fill = fill_he_normal,
    .by_fans = true,
};

FIXED(lecun_uniform, 1.0, FAN_IN, UNIFORM) = {
    .ops = {.name = "lecun_uniform",
            .keras_name = "LecunUniform",
            .options = seed_options,
            .config_bytes = sizeof(seeded)},
    .fill = fill_lecun_uniform,
    .by_fans = true,
};

FIXED(lecun_normal, 1.0, FAN_IN, TRUNCATED_NORMAL) = {
    .ops = {.name = "lecun_normal",
            .keras_name = "LecunNormal",
            .options = seed_options,
            .config_bytes = sizeof(seeded)},
    .fill = fill_lecun_normal,
    .by_fans = true,
};

static const ls_option options[] = {
    {.name = "scale",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(scaling, scale),
     .initial = "1.0",
     .max = FLT_MAX,
     .open_min = true},
    {.name = "mode",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(scaling, mode),
     .initial = "fan_in",
     .choices = modes},
    {.name = "distribution",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(scaling, distribution),
     .initial = "truncated_normal",
     .choices = distributions},
    LS_SEED_OPTION(scaling),
    {.name = NULL},
};

const ls_initializer_ops ls_variance_scaling = {
    .ops = {.name = "variance_scaling",
            .keras_name = "VarianceScaling",
            .options = options,
            .config_bytes = sizeof(scaling)},
    .fill = fill,
    .by_fans = true,
};
