/*
 * In training, per image: random_brightness adds one number to all pixels, random_contrast moves them away from the
 * mean of their channel or towards it, (x - mean) f + mean, random_erasing writes over a rectangle. Brightness and
 * contrast keep within value_range.
 */
#include <math.h>

#include "nn/layers/augmentation.h"

typedef struct random_color {
    ls_floats factor, value_range;
    int64_t seed; /* -1: that of the experiment */
    int data_format;
} random_color;

static float clip(float x, const ls_floats *range)
{
    const float low = (float)range->value[0], high = (float)range->value[1];

    return x < low ? low : x > high ? high : x;
}

/* Outside of it nothing that changes x changes the result. */
static bool within(float x, const ls_floats *range)
{
    return x >= (float)range->value[0] && x <= (float)range->value[1];
}

/* ---- random_brightness ---- */

static float draw_delta(const ls_call *call, size_t row)
{
    const random_color *config = call->layer->config;
    const ls_range range = ls_range_of(&config->factor, -1.0);
    float u;

    ls_draw(call, config->seed, row, 1, &u);
    return ls_in_range(u, (double)range.low, (double)range.high) *
           (float)(config->value_range.value[1] - config->value_range.value[0]);
}

static void forward_brightness(const ls_call *call)
{
    const random_color *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);

    if (!call->training) {
        ls_forward_copy(call);
        return;
    }
    for (size_t r = 0; r < call->rows; r++) {
        const float delta = draw_delta(call, r);

        for (size_t i = r * n; i < (r + 1) * n; i++)
            call->Y[i] = clip(call->X[0][i] + delta, &config->value_range);
    }
}

static void backward_brightness(const ls_call *call)
{
    const random_color *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);

    if (!ls_backward_begins(call))
        return;
    for (size_t r = 0; r < call->rows; r++) {
        const float delta = draw_delta(call, r);

        for (size_t i = r * n; i < (r + 1) * n; i++)
            if (within(call->X[0][i] + delta, &config->value_range))
                call->dX[0][i] += call->dY[i];
    }
}

/* ---- random_contrast ---- */

static float draw_contrast(const ls_call *call, size_t row)
{
    const random_color *config = call->layer->config;
    const ls_range range = ls_range_of(&config->factor, 0.0);
    float u;

    ls_draw(call, config->seed, row, 1, &u);
    return ls_in_range(u, 1.0 - (double)range.low, 1.0 + (double)range.high);
}

/* The mean of channel k of an image. */
static float channel_mean(const float *image, const ls_image_size *size, size_t k)
{
    const size_t pixels = size->height * size->width;
    double sum = 0;

    for (size_t p = 0; p < pixels; p++)
        sum += (double)image[p * size->channels + k];
    return (float)(sum / (double)pixels);
}

static void forward_contrast(const ls_call *call)
{
    const random_color *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t n = size.height * size.width * size.channels;

    if (!call->training) {
        ls_forward_copy(call);
        return;
    }
    for (size_t r = 0; r < call->rows; r++) {
        const float f = draw_contrast(call, r);

        for (size_t k = 0; k < size.channels; k++) {
            const float mean = channel_mean(call->X[0] + r * n, &size, k);

            for (size_t i = r * n + k; i < (r + 1) * n; i += size.channels)
                call->Y[i] = clip((call->X[0][i] - mean) * f + mean, &config->value_range);
        }
    }
}

/* With g = dy where it was not clipped: dx = f g + (1 - f) mean g. */
static void backward_contrast(const ls_call *call)
{
    const random_color *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t n = size.height * size.width * size.channels;

    if (!ls_backward_begins(call))
        return;
    for (size_t r = 0; r < call->rows; r++) {
        const float f = draw_contrast(call, r);

        for (size_t k = 0; k < size.channels; k++) {
            const float mean = channel_mean(call->X[0] + r * n, &size, k);
            double sum = 0;
            float share;

            for (size_t i = r * n + k; i < (r + 1) * n; i += size.channels)
                if (within((call->X[0][i] - mean) * f + mean, &config->value_range)) {
                    call->dX[0][i] += f * call->dY[i];
                    sum += (double)call->dY[i];
                }
            share = (1.0f - f) * (float)(sum / (double)(size.height * size.width));
            for (size_t i = r * n + k; i < (r + 1) * n; i += size.channels)
                call->dX[0][i] += share;
        }
    }
}

static ls_status check_color(const void *config, const ls_config *at)
{
    const random_color *c = config;

    LS_TRY(ls_check_range(&c->factor, "factor", at));
    return ls_check_value_range(&c->value_range, at);
}

#define COLOR_OPTIONS(least)                                                                                          \
    {.name = "factor", .kind = LS_OPTION_FLOATS, .offset = offsetof(random_color, factor), .min = (least), .max = 1}, \
        LS_VALUE_RANGE(random_color), LS_AUGMENTATION_SEED(random_color), LS_DATA_FORMAT_OPTION(random_color),        \
    {                                                                                                                 \
        .name = NULL                                                                                                  \
    }

static const ls_option brightness_options[] = {COLOR_OPTIONS(-1)};
static const ls_option contrast_options[] = {COLOR_OPTIONS(0)};

#define COLOR_LAYER(what, keras)                      \
    const ls_layer_ops ls_layer_random_##what = {     \
        .ops = {.name = "random_" #what,              \
                .keras_name = keras,                  \
                .options = what##_options,            \
                .config_bytes = sizeof(random_color), \
                .check = check_color},                \
        .inputs_min = 1,                              \
        .inputs_max = 1,                              \
        .build = ls_build_augmentation,               \
        .forward = forward_##what,                    \
        .backward = backward_##what,                  \
    }

COLOR_LAYER(brightness, "RandomBrightness");
COLOR_LAYER(contrast, "RandomContrast");

/* ---- random_erasing ---- */

typedef struct random_erasing {
    ls_floats factor, scale, fill_value, value_range;
    int64_t seed; /* -1: that of the experiment */
    int data_format;
} random_erasing;

enum { SIDE_X, SIDE_Y, LEFT, TOP, PROBABILITY, THRESHOLD, DRAWS };
#define FIRST_NORMAL 8 /* of the row's numbers: those of the pixels come after the draws */

/* Columns [x0, x1) and lines [y0, y1), between pixels too. */
typedef struct rectangle {
    float x0, x1, y0, y1;
} rectangle;

/* What is erased of a row; empty if nothing is. */
static rectangle draw_rectangle(const ls_call *call, size_t row)
{
    const random_erasing *config = call->layer->config;
    const ls_range factor = ls_range_of(&config->factor, 0.0), scale = ls_range_of(&config->scale, 0.0);
    const ls_image_size size = ls_image_size_of(call->layer);
    float u[DRAWS], width, height;
    rectangle e;

    ls_draw(call, config->seed, row, DRAWS, u);
    width = sqrtf(ls_in_range(u[SIDE_X], (double)scale.low, (double)scale.high)) * (float)size.width;
    height = sqrtf(ls_in_range(u[SIDE_Y], (double)scale.low, (double)scale.high)) * (float)size.height;
    e.x0 = u[LEFT] * ((float)size.width - width);
    e.y0 = u[TOP] * ((float)size.height - height);
    e.x1 = e.x0 + width;
    e.y1 = e.y0 + height;
    return u[THRESHOLD] < ls_in_range(u[PROBABILITY], (double)factor.low, (double)factor.high) ? e : (rectangle){0};
}

static bool is_in(const rectangle *e, const ls_image_size *size, size_t pixel)
{
    const float x = (float)(pixel % size->width), y = (float)(pixel / size->width);

    return x >= e->x0 && x < e->x1 && y >= e->y0 && y < e->y1;
}

/* What pixel p of a row is written over with. */
static void fill_pixel(const ls_call *call, size_t row, size_t pixel, float *out)
{
    const random_erasing *config = call->layer->config;
    const size_t c = ls_image_size_of(call->layer).channels;
    float normal[2];

    for (size_t k = 0; k < c; k++) {
        const size_t i = pixel * c + k;

        if (config->fill_value.count > 0) {
            out[k] = (float)config->fill_value.value[config->fill_value.count == 1 ? 0 : k];
        } else {
            ls_draw_normal(call, config->seed, row, FIRST_NORMAL + i / 2 * 2, 2, normal);
            out[k] = normal[i % 2] * (float)config->value_range.value[1];
        }
        out[k] = clip(out[k], &config->value_range);
    }
}

static ls_status build_erasing(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const random_erasing *config = layer->config;

    LS_TRY(ls_build_augmentation(layer, in, inputs, out));
    if (config->fill_value.count > 1 && config->fill_value.count != in->dim[2])
        return ls_layer_fail(layer, "fill_value has %zu numbers, but the images have %zu channel%s",
                             config->fill_value.count, in->dim[2], in->dim[2] == 1 ? "" : "s");
    return LS_OK;
}

static void forward_erasing(const ls_call *call)
{
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t pixels = size.height * size.width, c = size.channels;

    ls_forward_copy(call);
    for (size_t r = 0; call->training && r < call->rows; r++) {
        const rectangle e = draw_rectangle(call, r);

        for (size_t p = 0; p < pixels; p++)
            if (is_in(&e, &size, p))
                fill_pixel(call, r, p, call->Y + (r * pixels + p) * c);
    }
}

static void backward_erasing(const ls_call *call)
{
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t pixels = size.height * size.width, c = size.channels;

    if (!ls_backward_begins(call))
        return;
    for (size_t r = 0; r < call->rows; r++) {
        const rectangle e = draw_rectangle(call, r);

        for (size_t p = 0; p < pixels; p++)
            if (!is_in(&e, &size, p))
                ls_add(call->dY + (r * pixels + p) * c, call->dX[0] + (r * pixels + p) * c, c);
    }
}

static ls_status check_erasing(const void *config, const ls_config *at)
{
    const random_erasing *e = config;

    LS_TRY(ls_check_range(&e->factor, "factor", at));
    LS_TRY(ls_check_range(&e->scale, "scale", at));
    if (e->fill_value.count > 1 && e->fill_value.count != 3)
        return ls_config_fail(at, "fill_value must be null, a number, or three numbers");
    return ls_check_value_range(&e->value_range, at);
}

static const ls_option erasing_options[] = {
    {.name = "factor",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(random_erasing, factor),
     .initial = "1.0",
     .min = 0,
     .max = 1},
    {.name = "scale",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(random_erasing, scale),
     .initial = "[0.02, 0.33]",
     .min = 0,
     .max = 1},
    {.name = "fill_value",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(random_erasing, fill_value),
     .initial = "null",
     .nullable = true},
    LS_VALUE_RANGE(random_erasing),
    LS_AUGMENTATION_SEED(random_erasing),
    LS_DATA_FORMAT_OPTION(random_erasing),
    {.name = NULL},
};

const ls_layer_ops ls_layer_random_erasing = {
    .ops = {.name = "random_erasing",
            .keras_name = "RandomErasing",
            .options = erasing_options,
            .config_bytes = sizeof(random_erasing),
            .check = check_erasing},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_erasing,
    .forward = forward_erasing,
    .backward = backward_erasing,
};
