/*
 * Layers that drop elements in training, and else are the identity.
 *
 *     dropout              keeps an element with probability 1 - rate and scales it by 1 / (1 - rate) (Srivastava et
 *                          al., 2014)
 *     spatial_dropout1d …  the same for whole channels (Tompson et al., 2015)
 *     alpha_dropout        sets an element to -1.7580993 instead of 0, then y = a x + b, which keeps mean 0 and
 * variance 1 (Klambauer et al., 2017)
 *
 * The mask of a sample is a pure function of its place (seed, update, node, position), so it does not depend on how the
 * batch is cut, and backward makes it again instead of keeping it.
 */
#include "nn/layers/layers.h"

#include <math.h>
#include <string.h>

#define CHUNK ((size_t)1024) /* uniform numbers made at a time */

typedef struct dropout_config {
    double rate;
    ls_ints noise_shape; /* count 0: a number of its own for every element */
    int64_t seed;        /* -1: the seed of the experiment */
    int data_format;     /* spatial_dropout2d, 3d */
} dropout_config;

/*
 * noise_shape is the shape of one sample's mask: where it is 1 and the input is not, all elements along the axis share
 * their fate; null is the input's. Keras's begins with the samples: null, which is taken off.
 */
static ls_status build_dropout(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    ls_ints *noise = &((dropout_config *)layer->config)->noise_shape;
    char text[LS_SHAPE_TEXT_BYTES];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = in[0];
    if (noise->count == 0)
        return LS_OK;
    if (noise->count == in[0].axes + 1 && noise->value[0] == 0)
        memmove(noise->value, noise->value + 1, --noise->count * sizeof *noise->value);
    if (noise->count != in[0].axes)
        return ls_layer_fail(layer,
                             "noise_shape has %zu dimensions, but a sample is %s: it has one number for each axis, "
                             "behind a null for the samples or without it",
                             noise->count, ls_shape_format(&in[0], text));
    for (size_t i = 0; i < noise->count; i++)
        if (noise->value[i] == 0)
            noise->value[i] = (int64_t)in[0].dim[i];
        else if (noise->value[i] != 1 && (size_t)noise->value[i] != in[0].dim[i])
            return ls_layer_fail(layer, "noise_shape must hold 1 or the dimension of the sample %s on every axis",
                                 ls_shape_format(&in[0], text));
    return LS_OK;
}

static ls_stream stream_of(const ls_call *call, size_t row)
{
    const dropout_config *config = call->layer->config;
    ls_call own = *call;

    if (config->seed >= 0)
        own.place.seed = (uint64_t)config->seed;
    return ls_call_stream(&own, LS_PURPOSE_DROPOUT, row);
}

static LS_CLONES void keep_or_drop(const float *x, const float *restrict uniform, float *y, size_t n, float rate,
                                   float scale)
{
    for (size_t i = 0; i < n; i++) {
        const float factor = uniform[i] >= rate ? scale : 0.0f; /* a choice of products would not be vectorised */

        y[i] = x[i] * factor;
    }
}

static LS_CLONES void keep_or_drop_add(const float *restrict x, const float *restrict uniform, float *restrict y,
                                       size_t n, float rate, float scale)
{
    for (size_t i = 0; i < n; i++) {
        const float factor = uniform[i] >= rate ? scale : 0.0f;

        y[i] += x[i] * factor;
    }
}

/* The element of the mask that decides about element i of the sample. */
static size_t mask_index(const ls_shape *shape, const ls_ints *noise, size_t i)
{
    size_t index = 0, stride = 1;

    for (size_t axis = shape->axes; axis-- > 0; i /= shape->dim[axis])
        if (noise->value[axis] != 1) {
            index += i % shape->dim[axis] * stride;
            stride *= shape->dim[axis];
        }
    return index;
}

/* The numbers that decide about elements i … i+m of a sample. */
static void uniform_numbers(const ls_call *call, const ls_stream *stream, size_t i, size_t m, float *uniform)
{
    const ls_ints *noise = &((const dropout_config *)call->layer->config)->noise_shape;

    if (noise->count == 0)
        ls_stream_uniform(stream, i, m, uniform);
    else
        for (size_t k = 0; k < m; k++)
            ls_stream_uniform(stream, mask_index(&call->layer->in_shape[0], noise, i + k), 1, &uniform[k]);
}

/* to = mask x from, or to += mask x from. */
static void apply_mask(const ls_call *call, const float *from, float *to, bool add, float scale)
{
    const dropout_config *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    const float rate = (float)config->rate;
    float uniform[CHUNK];

    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        for (size_t i = 0; i < n; i += CHUNK) {
            const size_t m = n - i < CHUNK ? n - i : CHUNK, at = r * n + i;

            uniform_numbers(call, &stream, i, m, uniform);
            if (add)
                keep_or_drop_add(from + at, uniform, to + at, m, rate, scale);
            else
                keep_or_drop(from + at, uniform, to + at, m, rate, scale);
        }
    }
}

static bool is_identity(const ls_call *call)
{
    return !call->training || ((const dropout_config *)call->layer->config)->rate == 0;
}

static float scale_of(const ls_call *call)
{
    const double rate = ((const dropout_config *)call->layer->config)->rate;

    return rate < 1.0 ? (float)(1.0 / (1.0 - rate)) : 0.0f;
}

static void forward_dropout(const ls_call *call)
{
    if (is_identity(call))
        ls_forward_copy(call);
    else
        apply_mask(call, call->X[0], call->Y, false, scale_of(call));
}

static void backward_dropout(const ls_call *call)
{
    if (is_identity(call))
        ls_backward_copy(call);
    else if (call->dX[0])
        apply_mask(call, call->dY, call->dX[0], !call->first_use, scale_of(call));
}

#define RATE                                                                                        \
    {                                                                                               \
        .name = "rate", .kind = LS_OPTION_FLOAT, .offset = offsetof(dropout_config, rate), .max = 1 \
    }
#define NOISE_SHAPE                                                                                     \
    {                                                                                                   \
        .name = "noise_shape", .kind = LS_OPTION_INTS, .offset = offsetof(dropout_config, noise_shape), \
        .initial = "null", .nullable = true, .nulls = true, .min = 1, .max = 0x1p31                     \
    }
#define SEED                                                                                                \
    {                                                                                                       \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(dropout_config, seed), .initial = "null", \
        .nullable = true, .max = 0x1p62                                                                     \
    }

static const ls_option options[] = {RATE, NOISE_SHAPE, SEED, {.name = NULL}};

const ls_layer_ops ls_layer_dropout = {
    .ops = {.name = "dropout", .keras_name = "Dropout", .options = options, .config_bytes = sizeof(dropout_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_dropout,
    .mask_shape = ls_mask_pass,
    .forward = forward_dropout,
    .backward = backward_dropout,
};

/* ---- spatial_dropout1d, 2d, 3d: one number for all places of a channel ---- */

static ls_status build_spatial(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t places)
{
    ls_ints *noise = &((dropout_config *)layer->config)->noise_shape;
    char text[LS_SHAPE_TEXT_BYTES];

    if (in[0].axes != places + 1)
        return ls_layer_fail(layer, "takes inputs of %zu axes and channels, not %s", places,
                             ls_shape_format_batch(&in[0], text));
    noise->count = in[0].axes;
    for (size_t i = 0; i < places; i++)
        noise->value[i] = 1;
    noise->value[places] = (int64_t)in[0].dim[places];
    return build_dropout(layer, in, inputs, out);
}

static ls_status build_spatial1d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_spatial(layer, in, inputs, out, 1);
}

static ls_status build_spatial2d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_spatial(layer, in, inputs, out, 2);
}

static ls_status build_spatial3d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_spatial(layer, in, inputs, out, 3);
}

static const ls_option line_options[] = {RATE, SEED, {.name = NULL}};
static const ls_option places_options[] = {RATE, SEED, LS_DATA_FORMAT_OPTION(dropout_config), {.name = NULL}};

#define SPATIAL(places, table)                                 \
    const ls_layer_ops ls_layer_spatial_dropout##places##d = { \
        .ops = {.name = "spatial_dropout" #places "d",         \
                .keras_name = "SpatialDropout" #places "D",    \
                .options = table,                              \
                .config_bytes = sizeof(dropout_config)},       \
        .inputs_min = 1,                                       \
        .inputs_max = 1,                                       \
        .build = build_spatial##places##d,                     \
        .mask_shape = ls_mask_pass,                            \
        .forward = forward_dropout,                            \
        .backward = backward_dropout,                          \
    }

SPATIAL(1, line_options);
SPATIAL(2, places_options);
SPATIAL(3, places_options);

/* ---- alpha_dropout ---- */

#define DROPPED (-1.7580993408473766) /* what selu tends to: -1.0507009873554805 x 1.6732632423543772 */

/* The factor a and the addend b that bring mean and variance back. */
static void affine_of(const ls_call *call, float *a, float *b)
{
    const double rate = ((const dropout_config *)call->layer->config)->rate;
    const double factor = 1.0 / sqrt((1.0 - rate) * (1.0 + rate * DROPPED * DROPPED));

    *a = (float)factor;
    *b = (float)(-factor * DROPPED * rate);
}

static LS_CLONES void add_to_all(float *y, size_t n, const float *restrict uniform, float rate, float kept,
                                 float dropped)
{
    for (size_t i = 0; i < n; i++)
        y[i] += uniform[i] >= rate ? kept : dropped;
}

static void forward_alpha(const ls_call *call)
{
    const float rate = (float)((const dropout_config *)call->layer->config)->rate;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float uniform[CHUNK], a, b;

    if (is_identity(call)) {
        ls_forward_copy(call);
        return;
    }
    affine_of(call, &a, &b);
    apply_mask(call, call->X[0], call->Y, false, a);
    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        for (size_t i = 0; i < n; i += CHUNK) {
            const size_t m = n - i < CHUNK ? n - i : CHUNK;

            uniform_numbers(call, &stream, i, m, uniform);
            add_to_all(call->Y + r * n + i, m, uniform, rate, b, a * (float)DROPPED + b);
        }
    }
}

static void backward_alpha(const ls_call *call)
{
    float a, b;

    affine_of(call, &a, &b);
    if (is_identity(call))
        ls_backward_copy(call);
    else if (call->dX[0])
        apply_mask(call, call->dY, call->dX[0], !call->first_use, a);
}

/* At a rate of 1 there is nothing left whose variance could be kept. */
static const ls_option alpha_options[] = {
    {.name = "rate", .kind = LS_OPTION_FLOAT, .offset = offsetof(dropout_config, rate), .max = 1, .open_max = true},
    NOISE_SHAPE,
    SEED,
    {.name = NULL},
};

const ls_layer_ops ls_layer_alpha_dropout = {
    .ops = {.name = "alpha_dropout",
            .keras_name = "AlphaDropout",
            .options = alpha_options,
            .config_bytes = sizeof(dropout_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_dropout,
    .mask_shape = ls_mask_pass,
    .forward = forward_alpha,
    .backward = backward_alpha,
};
