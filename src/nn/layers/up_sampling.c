/*
 * up_sampling1d, 2d, 3d: `size` copies of every cell along each axis. With interpolation: bilinear (2d) an output cell
 * mixes the cells around its place, (o + 1/2) / size - 1/2, which is kept within the image.
 */
#include "nn/layers/window.h"

typedef struct up_sampling {
    ls_ints size;
    int64_t times; /* the size of up_sampling1d */
    int interpolation, data_format;
    ls_window window; /* set by build: kernel: the size along the axis, out: cells that come out */
} up_sampling;

enum { NEAREST, BILINEAR };
static const char *const interpolations[] = {"nearest", "bilinear", NULL};

static ls_status build_up_sampling(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    const ls_window_axis none = {.size = 1, .out = 1, .kernel = 1};
    up_sampling *config = layer->config;
    ls_window *w = &config->window;

    LS_TRY(ls_window_check_input(layer, &in[0], axes));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *w = (ls_window){none, none, none, in[0].dim[axes]};
    for (size_t i = 0; i < axes; i++) {
        const size_t times = (size_t)(axes == 1 ? config->times : config->size.value[i]);

        *ls_window_axis_at(w, axes, i) =
            (ls_window_axis){.size = in[0].dim[i], .out = in[0].dim[i] * times, .kernel = times};
    }
    *out = ls_window_output(w, axes, w->channels);
    return ls_shape_check(out, "the output of an upsampling");
}

/* The two cells that output cell o lies between, and the share of the second one. */
typedef struct between {
    size_t low, high;
    float share;
} between;

static between between_of(const ls_window_axis *axis, int interpolation, size_t o)
{
    const float at = ((float)o + 0.5f) / (float)axis->kernel - 0.5f;
    between b = {.low = o / axis->kernel, .high = o / axis->kernel, .share = 0.0f};

    if (interpolation == BILINEAR && at > 0.0f) {
        b.low = (size_t)at;
        b.high = b.low + 1 < axis->size ? b.low + 1 : b.low;
        b.share = at - (float)b.low;
    } else if (interpolation == BILINEAR) {
        b.low = b.high = 0;
    }
    return b;
}

static size_t cell_at(const ls_window *w, size_t z, size_t y, size_t x)
{
    return ((z * w->y.size + y) * w->x.size + x) * w->channels;
}

/* Calls visit(cell of the input, cell of the output, weight, channels) for all that take part, in order. */
static inline void for_cells(const ls_call *call, float *X, float *Y,
                             void (*visit)(float *x, float *y, float weight, size_t n))
{
    const up_sampling *config = call->layer->config;
    const ls_window *w = &config->window;

    for (size_t r = 0; r < call->rows; r++, X += ls_window_cells(w) * w->channels)
        for (size_t oz = 0; oz < w->z.out; oz++)
            for (size_t oy = 0; oy < w->y.out; oy++)
                for (size_t ox = 0; ox < w->x.out; ox++, Y += w->channels) {
                    const between y = between_of(&w->y, config->interpolation, oy);
                    const between x = between_of(&w->x, config->interpolation, ox);
                    const size_t z = oz / w->z.kernel;

                    visit(X + cell_at(w, z, y.low, x.low), Y, (1.0f - y.share) * (1.0f - x.share), w->channels);
                    if (x.share > 0.0f)
                        visit(X + cell_at(w, z, y.low, x.high), Y, (1.0f - y.share) * x.share, w->channels);
                    if (y.share > 0.0f)
                        visit(X + cell_at(w, z, y.high, x.low), Y, y.share * (1.0f - x.share), w->channels);
                    if (x.share > 0.0f && y.share > 0.0f)
                        visit(X + cell_at(w, z, y.high, x.high), Y, y.share * x.share, w->channels);
                }
}

static inline void mix(float *restrict x, float *restrict y, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += weight * x[i];
}

static inline void give_back(float *restrict dx, float *restrict dy, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += weight * dy[i];
}

static LS_CLONES void forward_up_sampling(const ls_call *call)
{
    const size_t n = call->rows * ls_shape_size(&call->layer->out_shape);

    for (size_t i = 0; i < n; i++)
        call->Y[i] = 0.0f;
    for_cells(call, (float *)(uintptr_t)call->X[0], call->Y, mix);
}

static LS_CLONES void backward_up_sampling(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_cells(call, call->dX[0], (float *)(uintptr_t)call->dY, give_back);
}

#define SIZE(axes)                                                                                                     \
    {                                                                                                                  \
        .name = "size", .kind = LS_OPTION_INTS, .offset = offsetof(up_sampling, size), .initial = "2", .repeat = axes, \
        .min = 1, .max = 65536                                                                                         \
    }

static const ls_option options_1[] = {
    {.name = "size",
     .kind = LS_OPTION_INT,
     .offset = offsetof(up_sampling, times),
     .initial = "2",
     .min = 1,
     .max = 65536},
    {.name = NULL},
};
static const ls_option options_2[] = {
    SIZE(2),
    LS_DATA_FORMAT_OPTION(up_sampling),
    {.name = "interpolation",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(up_sampling, interpolation),
     .initial = "nearest",
     .choices = interpolations},
    {.name = NULL},
};
static const ls_option options_3[] = {SIZE(3), LS_DATA_FORMAT_OPTION(up_sampling), {.name = NULL}};

#define UP_SAMPLING(axes)                                                                                       \
    static ls_status build_up_sampling##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out) \
    {                                                                                                           \
        return build_up_sampling(layer, in, inputs, out, axes);                                                 \
    }                                                                                                           \
                                                                                                                \
    const ls_layer_ops ls_layer_up_sampling##axes##d = {                                                        \
        .ops = {.name = "up_sampling" #axes "d",                                                                \
                .keras_name = "UpSampling" #axes "D",                                                           \
                .options = options_##axes,                                                                      \
                .config_bytes = sizeof(up_sampling)},                                                           \
        .inputs_min = 1,                                                                                        \
        .inputs_max = 1,                                                                                        \
        .build = build_up_sampling##axes,                                                                       \
        .forward = forward_up_sampling,                                                                         \
        .backward = backward_up_sampling,                                                                       \
    }

UP_SAMPLING(1);
UP_SAMPLING(2);
UP_SAMPLING(3);
