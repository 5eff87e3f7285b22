/*
 * max_pooling2d and average_pooling2d over images (height, width, channels).
 *
 * Padding counts as -Inf for the maximum and not at all for the average, whose divisor is the number of real cells. The
 * gradient of a maximum goes to its first place in row-major order of the window.
 */
#include "nn/layers/window.h"

typedef struct pooling2d {
    ls_ints pool_size, strides; /* strides of count 0: the pool size */
    int padding, data_format;
    ls_window window; /* set by build */
} pooling2d;

static ls_status build_pooling2d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    pooling2d *config = layer->config;
    ls_window *w = &config->window;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    LS_TRY(ls_window_init(layer, &in[0], &config->pool_size,
                          config->strides.count ? &config->strides : &config->pool_size, NULL, config->padding, w));
    *out = (ls_shape){3, {w->y.out, w->x.out, w->channels}};
    return LS_OK;
}

/* The cells of one window, clipped to the image: rows [y0,y1) x columns [x0,x1). Never empty. */
typedef struct cells {
    size_t y0, y1, x0, x1;
} cells;

static void clip(const ls_window_axis *axis, size_t o, size_t *from, size_t *to)
{
    const size_t start = o * axis->stride, end = start + axis->kernel; /* counted from the first padding cell */

    *from = start > axis->before ? start - axis->before : 0;
    *to = end - axis->before < axis->size ? end - axis->before : axis->size;
}

static cells cells_of(const ls_window *w, size_t oy, size_t ox)
{
    cells c;

    clip(&w->y, oy, &c.y0, &c.y1);
    clip(&w->x, ox, &c.x0, &c.x1);
    return c;
}

/* Calls visit for every window of the microbatch: its cells, the image it lies in and the element of the output. */
static inline void for_windows(const ls_call *call,
                               void (*visit)(const ls_call *call, const cells *c, size_t image, size_t out))
{
    const ls_window *w = &((const pooling2d *)call->layer->config)->window;
    size_t out = 0;

    for (size_t r = 0; r < call->rows; r++)
        for (size_t oy = 0; oy < w->y.out; oy++)
            for (size_t ox = 0; ox < w->x.out; ox++, out += w->channels) {
                const cells c = cells_of(w, oy, ox);

                visit(call, &c, r * w->y.size * w->x.size * w->channels, out);
            }
}

static const ls_window *window_of(const ls_call *call)
{
    return &((const pooling2d *)call->layer->config)->window;
}

/* ---- maximum ---- */

static inline void larger(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i]; /* NaN wins, so that it is seen */
}

static inline void max_window(const ls_call *call, const cells *c, size_t image, size_t out)
{
    const ls_window *w = window_of(call);

    ls_copy(call->X[0] + image + (c->y0 * w->x.size + c->x0) * w->channels, call->Y + out, w->channels);
    for (size_t y = c->y0; y < c->y1; y++)
        for (size_t x = c->x0; x < c->x1; x++)
            larger(call->X[0] + image + (y * w->x.size + x) * w->channels, call->Y + out, w->channels);
}

static LS_CLONES void forward_max(const ls_call *call)
{
    for_windows(call, max_window);
}

#define CHANNELS ((size_t)64) /* worked on at a time */

/* What is left of the gradient g goes to the cells that are the maximum: all of it to the first one. */
static inline void hand_out(const float *restrict x, const float *restrict best, float *restrict g, float *restrict dx,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bool found = x[i] == best[i];

        dx[i] += found ? g[i] : 0.0f;
        g[i] = found ? 0.0f : g[i];
    }
}

/* Without branches on data: which cell is the largest cannot be predicted. */
static LS_CLONES void max_window_backward(const ls_call *call, const cells *c, size_t image, size_t out)
{
    const ls_window *w = window_of(call);
    const float *X = call->X[0] + image;
    float *dX = call->dX[0] + image, best[CHANNELS], g[CHANNELS];

    for (size_t done = 0, n; done < w->channels; done += n) {
        n = w->channels - done < CHANNELS ? w->channels - done : CHANNELS;
        ls_copy(X + (c->y0 * w->x.size + c->x0) * w->channels + done, best, n);
        ls_copy(call->dY + out + done, g, n);
        for (size_t y = c->y0; y < c->y1; y++)
            for (size_t x = c->x0; x < c->x1; x++)
                larger(X + (y * w->x.size + x) * w->channels + done, best, n);
        for (size_t y = c->y0; y < c->y1; y++)
            for (size_t x = c->x0; x < c->x1; x++) {
                const size_t at = (y * w->x.size + x) * w->channels + done;

                hand_out(X + at, best, g, dX + at, n);
            }
    }
}

static void backward_max(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_windows(call, max_window_backward);
}

/* ---- average ---- */

static float cells_count(const cells *c)
{
    return (float)((c->y1 - c->y0) * (c->x1 - c->x0));
}

static void average_window(const ls_call *call, const cells *c, size_t image, size_t out)
{
    const ls_window *w = window_of(call);
    float *y_out = call->Y + out;

    for (size_t i = 0; i < w->channels; i++)
        y_out[i] = 0.0f;
    for (size_t y = c->y0; y < c->y1; y++)
        for (size_t x = c->x0; x < c->x1; x++)
            ls_add(call->X[0] + image + (y * w->x.size + x) * w->channels, y_out, w->channels);
    for (size_t i = 0; i < w->channels; i++)
        y_out[i] /= cells_count(c);
}

static void forward_average(const ls_call *call)
{
    for_windows(call, average_window);
}

static void average_window_backward(const ls_call *call, const cells *c, size_t image, size_t out)
{
    const ls_window *w = window_of(call);
    const float *dy = call->dY + out;

    for (size_t y = c->y0; y < c->y1; y++)
        for (size_t x = c->x0; x < c->x1; x++) {
            float *dx = call->dX[0] + image + (y * w->x.size + x) * w->channels;

            for (size_t i = 0; i < w->channels; i++)
                dx[i] += dy[i] / cells_count(c);
        }
}

static void backward_average(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_windows(call, average_window_backward);
}

/* ---- options ---- */

#define OPTIONS_BUT_POOL_SIZE                    \
    {.name = "strides",                          \
     .kind = LS_OPTION_INTS,                     \
     .offset = offsetof(pooling2d, strides),     \
     .initial = "null",                          \
     .nullable = true,                           \
     .repeat = 2,                                \
     .min = 1,                                   \
     .max = 65536},                              \
        {.name = "padding",                      \
         .kind = LS_OPTION_CHOICE,               \
         .offset = offsetof(pooling2d, padding), \
         .initial = "valid",                     \
         .choices = ls_paddings},                \
        LS_DATA_FORMAT_OPTION(pooling2d),        \
    {                                            \
        .name = NULL                             \
    }

static const ls_option max_options[] = {
    {.name = "pool_size",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(pooling2d, pool_size),
     .initial = "2",
     .repeat = 2,
     .min = 1,
     .max = 65536},
    OPTIONS_BUT_POOL_SIZE,
};

/* Keras gives the pool size a default for the maximum only. */
static const ls_option average_options[] = {
    {.name = "pool_size",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(pooling2d, pool_size),
     .repeat = 2,
     .min = 1,
     .max = 65536},
    OPTIONS_BUT_POOL_SIZE,
};

const ls_layer_ops ls_layer_max_pooling2d = {
    .ops = {.name = "max_pooling2d",
            .keras_name = "MaxPooling2D",
            .aliases = (const char *const[]){"max_pool2d", "MaxPool2D", NULL},
            .options = max_options,
            .config_bytes = sizeof(pooling2d)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_pooling2d,
    .forward = forward_max,
    .backward = backward_max,
};

const ls_layer_ops ls_layer_average_pooling2d = {
    .ops = {.name = "average_pooling2d",
            .keras_name = "AveragePooling2D",
            .aliases = (const char *const[]){"avg_pool2d", "AvgPool2D", NULL},
            .options = average_options,
            .config_bytes = sizeof(pooling2d)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_pooling2d,
    .forward = forward_average,
    .backward = backward_average,
};
