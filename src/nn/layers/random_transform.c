/*
 * random_rotation, random_translation, random_zoom: in training, every pixel (x, y) of the output is that of the image
 * at (a0 x + a1 y + a2, b0 x + b1 y + b2), with a matrix per sample; places between pixels and beyond the edge by
 * `interpolation` and `fill_mode`.
 */
#include <math.h>

#include "nn/layers/augmentation.h"
#include "tensor/math.h"

enum { REFLECT, WRAP, CONSTANT, NEAREST_EDGE };
static const char *const fill_modes[] = {"reflect", "wrap", "constant", "nearest", NULL};
enum { NEAREST, BILINEAR };
static const char *const interpolations[] = {"nearest", "bilinear", NULL};

typedef struct random_transform {
    ls_floats factor, height_factor, width_factor;
    double fill_value;
    int64_t seed; /* -1: that of the experiment */
    int fill_mode, interpolation, data_format;
} random_transform;

typedef struct matrix {
    float a[3], b[3];
} matrix;

/* ---- matrices ---- */

typedef matrix draw_matrix(const ls_call *call, size_t row);

static matrix draw_rotation(const ls_call *call, size_t row)
{
    const random_transform *config = call->layer->config;
    const ls_range range = ls_range_of(&config->factor, -1.0);
    const ls_image_size size = ls_image_size_of(call->layer);
    const float cx = 0.5f * (float)(size.width - 1), cy = 0.5f * (float)(size.height - 1);
    float u, turn, s, c;
    matrix m;

    ls_draw(call, config->seed, row, 1, &u);
    turn = ls_in_range(u, (double)range.low, (double)range.high); /* of a full one */
    ls_sin_cos_2pi(&turn, &s, &c, 1);
    m = (matrix){.a = {c, -s, 0}, .b = {s, c, 0}};
    m.a[2] = cx - cx * m.a[0] - cy * m.a[1];
    m.b[2] = cy - cx * m.b[0] - cy * m.b[1];
    return m;
}

static matrix draw_translation(const ls_call *call, size_t row)
{
    const random_transform *config = call->layer->config;
    const ls_range height = ls_range_of(&config->height_factor, -1.0), width = ls_range_of(&config->width_factor, -1.0);
    const ls_image_size size = ls_image_size_of(call->layer);
    float u[2];

    ls_draw(call, config->seed, row, 2, u);
    return (matrix){.a = {1, 0, -ls_in_range(u[1], (double)width.low, (double)width.high) * (float)size.width},
                    .b = {0, 1, -ls_in_range(u[0], (double)height.low, (double)height.high) * (float)size.height}};
}

static matrix draw_zoom(const ls_call *call, size_t row)
{
    const random_transform *config = call->layer->config;
    const bool both = config->width_factor.count > 0;
    const ls_range height = ls_range_of(&config->height_factor, -1.0);
    const ls_range width = both ? ls_range_of(&config->width_factor, -1.0) : height;
    const ls_image_size size = ls_image_size_of(call->layer);
    float u[2], y, x;

    ls_draw(call, config->seed, row, 2, u);
    y = ls_in_range(u[0], 1.0 + (double)height.low, 1.0 + (double)height.high);
    x = both ? ls_in_range(u[1], 1.0 + (double)width.low, 1.0 + (double)width.high) : y;
    return (matrix){.a = {x, 0, ((float)size.width - 1.0f) / 2.0f * (1.0f - x)},
                    .b = {0, y, ((float)size.height - 1.0f) / 2.0f * (1.0f - y)}};
}

/* ---- places ---- */

static float clamp(float x, float last)
{
    return x < 0.0f ? 0.0f : x > last ? last : x;
}

/* A coordinate of an axis of n pixels, brought into the image. */
static float reflect(float x, size_t n)
{
    const float last = (float)(n - 1), twice = 2.0f * (float)n;

    if (x < 0.0f && n > 1) {
        if (x < twice)
            x = twice * floorf(-x / twice) + x;
        x = x < -(float)n ? x + twice : -x - 1.0f;
    } else if (x > last && n > 1) {
        x -= twice * floorf(x / twice);
        if (x >= (float)n)
            x = twice - x - 1.0f;
    }
    return clamp(x, last);
}

static float wrap(float x, size_t n)
{
    const float last = (float)(n - 1);

    if (x < 0.0f && n > 1)
        x += (float)n * (floorf(-x / last) + 1.0f);
    else if (x > last && n > 1)
        x -= (float)n * floorf(x / last);
    return clamp(x, last);
}

static float into_image(int fill_mode, float x, size_t n)
{
    switch (fill_mode) {
    case REFLECT:
        return reflect(x, n);
    case WRAP:
        return wrap(x, n);
    case NEAREST_EDGE:
        return clamp(x, (float)(n - 1));
    default:
        return x;
    }
}

/* What a pixel is made of: pixels of the image with their weights, and the share of what lies beyond it. */
typedef struct taps {
    size_t n;
    size_t pixel[4];
    float weight[4];
    float beyond;
} taps;

static void add_tap(taps *t, const ls_image_size *size, float x, float y, float weight)
{
    if (x >= 0.0f && y >= 0.0f && x < (float)size->width && y < (float)size->height) {
        t->pixel[t->n] = (size_t)y * size->width + (size_t)x;
        t->weight[t->n++] = weight;
    } else {
        t->beyond += weight;
    }
}

static taps taps_of(const random_transform *config, const ls_image_size *size, const matrix *m, size_t column,
                    size_t line)
{
    const float i = (float)column, j = (float)line;
    const float x = into_image(config->fill_mode, m->a[0] * i + m->a[1] * j + m->a[2], size->width);
    const float y = into_image(config->fill_mode, m->b[0] * i + m->b[1] * j + m->b[2], size->height);
    taps t = {.n = 0};

    if (config->interpolation == NEAREST) {
        add_tap(&t, size, roundf(x), roundf(y), 1.0f);
    } else {
        const float left = floorf(x), top = floorf(y), right = left + 1.0f, bottom = top + 1.0f;

        add_tap(&t, size, left, top, (bottom - y) * (right - x));
        add_tap(&t, size, right, top, (bottom - y) * (x - left));
        add_tap(&t, size, left, bottom, (y - top) * (right - x));
        add_tap(&t, size, right, bottom, (y - top) * (x - left));
    }
    return t;
}

static void forward_transform(const ls_call *call, draw_matrix *draw)
{
    const random_transform *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t pixels = size.height * size.width, c = size.channels;

    if (!call->training) {
        ls_forward_copy(call);
        return;
    }
    for (size_t r = 0; r < call->rows; r++) {
        const matrix m = draw(call, r);
        const float *X = call->X[0] + r * pixels * c;

        for (size_t p = 0; p < pixels; p++) {
            const taps t = taps_of(config, &size, &m, p % size.width, p / size.width);
            float *y = call->Y + (r * pixels + p) * c;

            for (size_t k = 0; k < c; k++) {
                y[k] = t.beyond * (float)config->fill_value;
                for (size_t q = 0; q < t.n; q++)
                    y[k] += t.weight[q] * X[t.pixel[q] * c + k];
            }
        }
    }
}

static void backward_transform(const ls_call *call, draw_matrix *draw)
{
    const random_transform *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t pixels = size.height * size.width, c = size.channels;

    if (!ls_backward_begins(call))
        return;
    for (size_t r = 0; r < call->rows; r++) {
        const matrix m = draw(call, r);
        float *dX = call->dX[0] + r * pixels * c;

        for (size_t p = 0; p < pixels; p++) {
            const taps t = taps_of(config, &size, &m, p % size.width, p / size.width);
            const float *dy = call->dY + (r * pixels + p) * c;

            for (size_t q = 0; q < t.n; q++)
                for (size_t k = 0; k < c; k++)
                    dX[t.pixel[q] * c + k] += t.weight[q] * dy[k];
        }
    }
}

static void forward_rotation(const ls_call *call)
{
    forward_transform(call, draw_rotation);
}

static void backward_rotation(const ls_call *call)
{
    backward_transform(call, draw_rotation);
}

static void forward_translation(const ls_call *call)
{
    forward_transform(call, draw_translation);
}

static void backward_translation(const ls_call *call)
{
    backward_transform(call, draw_translation);
}

static void forward_zoom(const ls_call *call)
{
    forward_transform(call, draw_zoom);
}

static void backward_zoom(const ls_call *call)
{
    backward_transform(call, draw_zoom);
}

/* ---- tables ---- */

static ls_status check_rotation(const void *config, const ls_config *at)
{
    return ls_check_range(&((const random_transform *)config)->factor, "factor", at);
}

static ls_status check_translation(const void *config, const ls_config *at)
{
    LS_TRY(ls_check_range(&((const random_transform *)config)->height_factor, "height_factor", at));
    return ls_check_range(&((const random_transform *)config)->width_factor, "width_factor", at);
}

static ls_status check_zoom(const void *config, const ls_config *at)
{
    const random_transform *z = config;

    LS_TRY(ls_check_range(&z->height_factor, "height_factor", at));
    return z->width_factor.count ? ls_check_range(&z->width_factor, "width_factor", at) : LS_OK;
}

#define FACTOR(field, least, is_open)                                                                          \
    {                                                                                                          \
        .name = #field, .kind = LS_OPTION_FLOATS, .offset = offsetof(random_transform, field), .min = (least), \
        .max = 1, .open_min = (is_open)                                                                        \
    }
#define REST                                                  \
    {.name = "fill_mode",                                     \
     .kind = LS_OPTION_CHOICE,                                \
     .offset = offsetof(random_transform, fill_mode),         \
     .initial = "reflect",                                    \
     .choices = fill_modes},                                  \
        {.name = "interpolation",                             \
         .kind = LS_OPTION_CHOICE,                            \
         .offset = offsetof(random_transform, interpolation), \
         .initial = "bilinear",                               \
         .choices = interpolations},                          \
        LS_AUGMENTATION_SEED(random_transform),               \
        {.name = "fill_value",                                \
         .kind = LS_OPTION_FLOAT,                             \
         .offset = offsetof(random_transform, fill_value),    \
         .initial = "0.0"},                                   \
        LS_DATA_FORMAT_OPTION(random_transform),              \
    {                                                         \
        .name = NULL                                          \
    }

static const ls_option rotation_options[] = {FACTOR(factor, -1, false), REST};
static const ls_option translation_options[] = {FACTOR(height_factor, -1, false), FACTOR(width_factor, -1, false),
                                                REST};
static const ls_option zoom_options[] = {
    FACTOR(height_factor, -1, true),
    {.name = "width_factor",
     .kind = LS_OPTION_FLOATS,
     .offset = offsetof(random_transform, width_factor),
     .min = -1,
     .max = 1,
     .open_min = true,
     .initial = "null",
     .nullable = true},
    REST,
};

#define TRANSFORM(what, class)                            \
    const ls_layer_ops ls_layer_random_##what = {         \
        .ops = {.name = "random_" #what,                  \
                .keras_name = class,                      \
                .options = what##_options,                \
                .config_bytes = sizeof(random_transform), \
                .check = check_##what},                   \
        .inputs_min = 1,                                  \
        .inputs_max = 1,                                  \
        .build = ls_build_augmentation,                   \
        .forward = forward_##what,                        \
        .backward = backward_##what,                      \
    };

TRANSFORM(rotation, "RandomRotation")
TRANSFORM(translation, "RandomTranslation")
TRANSFORM(zoom, "RandomZoom")
