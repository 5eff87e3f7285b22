/*
 * max_pooling1d, 2d, 3d and average_pooling1d, 2d, 3d over lines, images and volumes; adaptive_max_pooling1d, … and
 * adaptive_average_pooling1d, …, whose windows are [floor(o size / out), ceil((o + 1) size / out)).
 *
 * Padding counts as -Inf for the maximum and not at all for the average, whose divisor is the number of real cells. The
 * gradient of a maximum goes to its first place in row-major order of the window.
 */
#include "nn/layers/window.h"

typedef struct pooling {
    ls_ints pool_size, strides; /* pool_size of adaptive pooling: the output's; strides of count 0: the pool size */
    int padding, data_format;
    bool adaptive;    /* this one and the next two are set by build */
    bool tiles;       /* every cell lies in one window */
    ls_window window; /* adaptive: sizes and outputs only */
} pooling;

static ls_status build_pooling(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    pooling *config = layer->config;
    ls_window *w = &config->window;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    LS_TRY(ls_window_init(layer, &in[0], axes, &config->pool_size,
                          config->strides.count ? &config->strides : &config->pool_size, NULL, config->padding, w));
    config->tiles = true;
    for (size_t i = 0; i < axes; i++) {
        const ls_window_axis *axis = ls_window_axis_at(w, axes, i);

        config->tiles &= axis->stride == axis->kernel && axis->before == 0 && axis->out * axis->stride >= axis->size;
    }
    *out = ls_window_output(w, axes, w->channels);
    return LS_OK;
}

static ls_status build_adaptive(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    pooling *config = layer->config;
    const ls_ints cell = {.value = {1, 1, 1}, .count = axes};
    ls_window *w = &config->window;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    LS_TRY(ls_window_init(layer, &in[0], axes, &cell, NULL, NULL, LS_PADDING_VALID, w));
    config->adaptive = true;
    for (size_t i = 0; i < axes; i++)
        ls_window_axis_at(w, axes, i)->out = (size_t)config->pool_size.value[i];
    *out = ls_window_output(w, axes, w->channels);
    return ls_shape_check(out, "the output of adaptive pooling");
}

/* The cells of one window, clipped to the sample: [z0,z1) x [y0,y1) x [x0,x1). Never empty. */
typedef struct cells {
    size_t z0, z1, y0, y1, x0, x1;
} cells;

static void clip(const ls_window_axis *axis, bool adaptive, size_t o, size_t *from, size_t *to)
{
    const size_t start = o * axis->stride, end = start + axis->kernel; /* counted from the first padding cell */

    if (adaptive) {
        *from = o * axis->size / axis->out;
        *to = ((o + 1) * axis->size + axis->out - 1) / axis->out;
        return;
    }
    *from = start > axis->before ? start - axis->before : 0;
    *to = end - axis->before < axis->size ? end - axis->before : axis->size;
}

static size_t cell_at(const ls_window *w, size_t z, size_t y, size_t x)
{
    return ((z * w->y.size + y) * w->x.size + x) * w->channels;
}

/* Calls visit for every window of the microbatch: its cells, the sample it lies in and the element of the output. */
static inline __attribute__((always_inline)) void
for_windows(const ls_call *call, void (*visit)(const ls_call *call, const cells *c, size_t sample, size_t out))
{
    const pooling *config = call->layer->config;
    const ls_window *w = &config->window;
    size_t out = 0;
    cells c;

    for (size_t r = 0; r < call->rows; r++)
        for (size_t oz = 0; oz < w->z.out; oz++) {
            clip(&w->z, config->adaptive, oz, &c.z0, &c.z1);
            for (size_t oy = 0; oy < w->y.out; oy++) {
                clip(&w->y, config->adaptive, oy, &c.y0, &c.y1);
                for (size_t ox = 0; ox < w->x.out; ox++, out += w->channels) {
                    clip(&w->x, config->adaptive, ox, &c.x0, &c.x1);
                    visit(call, &c, r * ls_window_cells(w) * w->channels, out);
                }
            }
        }
}

static const ls_window *window_of(const ls_call *call)
{
    return &((const pooling *)call->layer->config)->window;
}

/* Calls visit for every cell of a window, in row-major order: where it lies in the sample. */
#define FOR_CELLS(w, c, at)                                                                                    \
    for (size_t cell_z = (c)->z0; cell_z < (c)->z1; cell_z++)                                                  \
        for (size_t cell_y = (c)->y0; cell_y < (c)->y1; cell_y++)                                              \
            for (size_t at = cell_at(w, cell_z, cell_y, (c)->x0), end_x = cell_at(w, cell_z, cell_y, (c)->x1); \
                 at < end_x; at += (w)->channels)

/* ---- maximum ---- */

static inline void larger(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i]; /* NaN wins, so that it is seen */
}

static inline void max_window(const ls_call *call, const cells *c, size_t sample, size_t out)
{
    const ls_window *w = window_of(call);

    const float *first = call->X[0] + sample + cell_at(w, c->z0, c->y0, c->x0);

    for (size_t i = 0; i < w->channels; i++)
        call->Y[out + i] = first[i];
    FOR_CELLS(w, c, at)
    larger(call->X[0] + sample + at, call->Y + out, w->channels);
}

static LS_CLONES void forward_max(const ls_call *call)
{
    for_windows(call, max_window);
}

#define CHANNELS ((size_t)64) /* worked on at a time */

/*
 * What is left of the gradient g goes to the cells that are the maximum: all of it to the first one. `written`: dx
 * holds nothing yet. Without branches on data: which cell is the largest cannot be predicted.
 */
static inline void hand_out(const float *restrict x, const float *restrict best, float *restrict g, float *restrict dx,
                            size_t n, bool written)
{
    for (size_t i = 0; i < n; i++) {
        const bool found = x[i] == best[i];

        dx[i] = (written ? dx[i] : 0.0f) + (found ? g[i] : 0.0f);
        g[i] = found ? 0.0f : g[i];
    }
}

static inline __attribute__((always_inline)) void hand_out_window(const ls_call *call, const cells *c, size_t sample,
                                                                  size_t out, bool written)
{
    const ls_window *w = window_of(call);
    const float *X = call->X[0] + sample, *first = X + cell_at(w, c->z0, c->y0, c->x0), *dY = call->dY + out;
    float *dX = call->dX[0] + sample, best[CHANNELS], g[CHANNELS];

    for (size_t done = 0, n; done < w->channels; done += n) {
        n = w->channels - done < CHANNELS ? w->channels - done : CHANNELS;
        for (size_t i = 0; i < n; i++) {
            best[i] = first[done + i];
            g[i] = dY[done + i];
        }
        FOR_CELLS(w, c, at)
        larger(X + at + done, best, n);
        FOR_CELLS(w, c, at)
        hand_out(X + at + done, best, g, dX + at + done, n, written);
    }
}

static inline __attribute__((always_inline)) void add_window(const ls_call *call, const cells *c, size_t sample,
                                                             size_t out)
{
    hand_out_window(call, c, sample, out, true);
}

static inline __attribute__((always_inline)) void write_window(const ls_call *call, const cells *c, size_t sample,
                                                               size_t out)
{
    hand_out_window(call, c, sample, out, false);
}

static LS_CLONES void add_windows(const ls_call *call)
{
    for_windows(call, add_window);
}

static LS_CLONES void write_windows(const ls_call *call)
{
    for_windows(call, write_window);
}

static void backward_max(const ls_call *call)
{
    if (!call->dX[0])
        return;
    if (call->first_use && ((const pooling *)call->layer->config)->tiles) {
        write_windows(call);
        return;
    }
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    add_windows(call);
}

/* ---- average ---- */

static float cells_count(const cells *c)
{
    return (float)((c->z1 - c->z0) * (c->y1 - c->y0) * (c->x1 - c->x0));
}

static void average_window(const ls_call *call, const cells *c, size_t sample, size_t out)
{
    const ls_window *w = window_of(call);
    float *y_out = call->Y + out;

    for (size_t i = 0; i < w->channels; i++)
        y_out[i] = 0.0f;
    FOR_CELLS(w, c, at)
    ls_add(call->X[0] + sample + at, y_out, w->channels);
    for (size_t i = 0; i < w->channels; i++)
        y_out[i] /= cells_count(c);
}

static void forward_average(const ls_call *call)
{
    for_windows(call, average_window);
}

static void average_window_backward(const ls_call *call, const cells *c, size_t sample, size_t out)
{
    const ls_window *w = window_of(call);
    const float *dy = call->dY + out;

    FOR_CELLS(w, c, at)
    for (size_t i = 0; i < w->channels; i++)
        call->dX[0][sample + at + i] += dy[i] / cells_count(c);
}

static void backward_average(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_windows(call, average_window_backward);
}

/* ---- tables ---- */

#define SIZE(key, axes, ...)                                                                                   \
    {                                                                                                          \
        .name = key, .kind = LS_OPTION_INTS, .offset = offsetof(pooling, pool_size), .repeat = axes, .min = 1, \
        .max = 65536, __VA_ARGS__                                                                              \
    }
#define STRIDES_AND_PADDING(axes)                                                                              \
    {.name = "strides",                                                                                        \
     .kind = LS_OPTION_INTS,                                                                                   \
     .offset = offsetof(pooling, strides),                                                                     \
     .initial = "null",                                                                                        \
     .nullable = true,                                                                                         \
     .repeat = axes,                                                                                           \
     .min = 1,                                                                                                 \
     .max = 65536},                                                                                            \
    {                                                                                                          \
        .name = "padding", .kind = LS_OPTION_CHOICE, .offset = offsetof(pooling, padding), .initial = "valid", \
        .choices = ls_paddings                                                                                 \
    }

#define TABLE(id, class_name, short_name, short_class, table, built, way)        \
    const ls_layer_ops ls_layer_##id = {                                         \
        .ops = {.name = #id,                                                     \
                .keras_name = class_name,                                        \
                .aliases = (const char *const[]){short_name, short_class, NULL}, \
                .options = table,                                                \
                .config_bytes = sizeof(pooling)},                                \
        .inputs_min = 1,                                                         \
        .inputs_max = 1,                                                         \
        .build = built,                                                          \
        .forward = forward_##way,                                                \
        .backward = backward_##way,                                              \
    }

/* The four layers over so many axes. Keras gives the pool size a default for the maximum only. */
#define POOLING(axes)                                                                                                 \
    static ls_status build_pooling##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)           \
    {                                                                                                                 \
        return build_pooling(layer, in, inputs, out, axes);                                                           \
    }                                                                                                                 \
                                                                                                                      \
    static ls_status build_adaptive##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)          \
    {                                                                                                                 \
        return build_adaptive(layer, in, inputs, out, axes);                                                          \
    }                                                                                                                 \
                                                                                                                      \
    static const ls_option max_options##axes[] = {SIZE("pool_size", axes, .initial = "2"),                            \
                                                  STRIDES_AND_PADDING(axes),                                          \
                                                  LS_DATA_FORMAT_OPTION(pooling),                                     \
                                                  {.name = NULL}};                                                    \
    static const ls_option average_options##axes[] = {                                                                \
        SIZE("pool_size", axes, ), STRIDES_AND_PADDING(axes), LS_DATA_FORMAT_OPTION(pooling), {.name = NULL}};        \
    static const ls_option adaptive_options##axes[] = {                                                               \
        SIZE("output_size", axes, ), LS_DATA_FORMAT_OPTION(pooling), {.name = NULL}};                                 \
                                                                                                                      \
    TABLE(max_pooling##axes##d, "MaxPooling" #axes "D", "max_pool" #axes "d", "MaxPool" #axes "D", max_options##axes, \
          build_pooling##axes, max);                                                                                  \
    TABLE(average_pooling##axes##d, "AveragePooling" #axes "D", "avg_pool" #axes "d", "AvgPool" #axes "D",            \
          average_options##axes, build_pooling##axes, average);                                                       \
    TABLE(adaptive_max_pooling##axes##d, "AdaptiveMaxPooling" #axes "D", NULL, NULL, adaptive_options##axes,          \
          build_adaptive##axes, max);                                                                                 \
    TABLE(adaptive_average_pooling##axes##d, "AdaptiveAveragePooling" #axes "D", NULL, NULL, adaptive_options##axes,  \
          build_adaptive##axes, average)

POOLING(1);
POOLING(2);
POOLING(3);
