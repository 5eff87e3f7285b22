/*
 * depthwise_conv1d, depthwise_conv2d: every channel c of X (R,H,W,C) is correlated with `depth_multiplier` kernels of
 * its own, to channels c M … c M + M of the output. kernel (kh,kw,C,M)  bias (C M).
 *
 * separable_conv1d, separable_conv2d: the same without a bias, then a 1 x 1 convolution of the C M channels Z to
 * `filters` ones: Y = Z P + bias. depthwise_kernel (kh,kw,C,M)  pointwise_kernel (1,1,C M,filters)  bias (filters).
 *
 * Sums go over the cells of a window in row-major order, padding left out; weights are summed over places in order.
 */
#include "nn/layers/window.h"

#include <limits.h>
#include <string.h>

typedef struct depthwise {
    int64_t depth_multiplier, filters; /* filters: 0 of depthwise layers */
    ls_ints kernel_size, strides, dilation_rate;
    int padding, data_format;
    ls_component activation;
    bool use_bias;
    ls_component depthwise_initializer, pointwise_initializer, bias_initializer;
    ls_component depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer;
    ls_component depthwise_constraint, pointwise_constraint, bias_constraint;

    /* set by build */
    ls_window window;
    size_t places, deep; /* deep: channels times multiplier */
} depthwise;

enum { DEPTHWISE, POINTWISE };

static ls_status check_depthwise(const void *data, const ls_config *at)
{
    const depthwise *config = data;
    const ls_ints *strides = &config->strides, *dilation = &config->dilation_rate;

    for (size_t i = 0; i < strides->count; i++)
        for (size_t k = 0; k < dilation->count; k++)
            if (strides->value[i] > 1 && dilation->value[k] > 1)
                return ls_config_fail(at, "a convolution has strides above 1 or a dilation_rate above 1, not both");
    if (strides->count == 2 && strides->value[0] != strides->value[1])
        return ls_config_fail(at, "a depthwise convolution has the same stride along both axes");
    return LS_OK;
}

static ls_status add_params(ls_layer *layer, size_t axes)
{
    const depthwise *config = layer->config;
    const bool separable = config->filters > 0;
    const size_t last = separable ? (size_t)config->filters : config->deep;
    const ls_shape bias = {.axes = 1, .dim = {last}};
    ls_shape kernel = {.axes = axes + 2}, point = {.axes = axes + 2};

    for (size_t i = 0; i < axes; i++) {
        kernel.dim[i] = (size_t)config->kernel_size.value[i];
        point.dim[i] = 1;
    }
    kernel.dim[axes] = config->window.channels;
    kernel.dim[axes + 1] = (size_t)config->depth_multiplier;
    point.dim[axes] = config->deep;
    point.dim[axes + 1] = last;
    LS_TRY(ls_layer_add_param(layer, separable ? "depthwise_kernel" : "kernel", &kernel, true,
                              &config->depthwise_initializer, &config->depthwise_regularizer,
                              &config->depthwise_constraint));
    if (separable)
        LS_TRY(ls_layer_add_param(layer, "pointwise_kernel", &point, true, &config->pointwise_initializer,
                                  &config->pointwise_regularizer, &config->pointwise_constraint));
    if (config->use_bias)
        LS_TRY(ls_layer_add_param(layer, "bias", &bias, true, &config->bias_initializer, &config->bias_regularizer,
                                  &config->bias_constraint));
    return LS_OK;
}

static ls_status build_depthwise(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    depthwise *config = layer->config;
    ls_window *w = &config->window;

    LS_TRY(ls_window_init(layer, &in[0], axes, &config->kernel_size, &config->strides, &config->dilation_rate,
                          config->padding, w));
    config->places = ls_window_places(w);
    config->deep = w->channels * (size_t)config->depth_multiplier;
    *out = ls_window_output(w, axes, config->filters ? (size_t)config->filters : config->deep);
    LS_TRY(ls_shape_check(out, "the output of a convolution"));
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    if (config->filters) /* Z, and its gradient */
        layer->scratch_per_sample = 2 * config->places * config->deep;
    return add_params(layer, axes);
}

/* ---- the depthwise part ---- */

/* Calls visit(x, k, z) for every cell of every window: its channels, the kernel's, the window's. In order. */
static inline void for_cells(const depthwise *config, size_t rows, float *X, float *kernel, float *Z,
                             void (*visit)(float *x, float *k, float *z, size_t channels, size_t multiplier))
{
    const ls_window *w = &config->window;

    for (size_t i = 0; i < rows * config->places; i++, Z += config->deep) {
        const size_t ox = i % w->x.out, oy = i / w->x.out % w->y.out;
        float *const sample = X + i / config->places * ls_window_cells(w) * w->channels;

        for (size_t ky = 0; ky < w->y.kernel; ky++)
            for (size_t kx = 0; kx < w->x.kernel; kx++) {
                const size_t y = ls_window_cell(&w->y, oy, ky), x = ls_window_cell(&w->x, ox, kx);

                if (y != SIZE_MAX && x != SIZE_MAX)
                    visit(sample + (y * w->x.size + x) * w->channels, kernel + (ky * w->x.kernel + kx) * config->deep,
                          Z, w->channels, (size_t)config->depth_multiplier);
            }
    }
}

static inline void multiply(float *restrict x, float *restrict k, float *restrict z, size_t channels, size_t multiplier)
{
    if (multiplier == 1)
        for (size_t c = 0; c < channels; c++)
            z[c] += x[c] * k[c];
    else
        for (size_t c = 0; c < channels; c++)
            for (size_t m = 0; m < multiplier; m++)
                z[c * multiplier + m] += x[c] * k[c * multiplier + m];
}

static inline void to_input(float *restrict dx, float *restrict k, float *restrict dz, size_t channels,
                            size_t multiplier)
{
    if (multiplier == 1)
        for (size_t c = 0; c < channels; c++)
            dx[c] += dz[c] * k[c];
    else
        for (size_t c = 0; c < channels; c++)
            for (size_t m = 0; m < multiplier; m++)
                dx[c] += dz[c * multiplier + m] * k[c * multiplier + m];
}

static inline void to_kernel(float *restrict x, float *restrict dk, float *restrict dz, size_t channels,
                             size_t multiplier)
{
    if (multiplier == 1)
        for (size_t c = 0; c < channels; c++)
            dk[c] += x[c] * dz[c];
    else
        for (size_t c = 0; c < channels; c++)
            for (size_t m = 0; m < multiplier; m++)
                dk[c * multiplier + m] += x[c] * dz[c * multiplier + m];
}

static LS_CLONES void depthwise_forward(const ls_call *call, float *Z)
{
    const depthwise *config = call->layer->config;

    memset(Z, 0, call->rows * config->places * config->deep * sizeof *Z);
    for_cells(config, call->rows, (float *)(uintptr_t)call->X[0], call->layer->param[DEPTHWISE].value, Z, multiply);
}

static LS_CLONES void depthwise_backward(const ls_call *call, const float *dZ)
{
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for_cells(call->layer->config, call->rows, call->dX[0], call->layer->param[DEPTHWISE].value, (float *)(uintptr_t)dZ,
              to_input);
}

static LS_CLONES void depthwise_gradient(const ls_call *call, const float *dZ, float *out)
{
    memset(out, 0, call->layer->param[DEPTHWISE].size * sizeof *out);
    for_cells(call->layer->config, call->rows, (float *)(uintptr_t)call->X[0], out, (float *)(uintptr_t)dZ, to_kernel);
}

/* ---- both layers ---- */

static void add_bias(const ls_call *call)
{
    const depthwise *config = call->layer->config;
    const ls_param *bias = &call->layer->param[call->layer->params - 1];

    if (config->use_bias)
        ls_add_rows(call->Y, bias->value, call->rows * config->places, bias->size);
}

static void forward_depthwise(const ls_call *call)
{
    depthwise_forward(call, call->Y);
    add_bias(call);
}

static void backward_depthwise(const ls_call *call)
{
    if (call->dX[0])
        depthwise_backward(call, call->dY);
}

static void backward_params_depthwise(const ls_call *call, size_t tile, float *out)
{
    const depthwise *config = call->layer->config;

    (void)tile;
    depthwise_gradient(call, call->dY, out);
    if (config->use_bias)
        ls_sum_rows(call->dY, call->rows * config->places, config->deep,
                    out + ls_pad_block(call->layer->param[DEPTHWISE].size));
}

static void forward_separable(const ls_call *call)
{
    const depthwise *config = call->layer->config;
    const size_t filters = (size_t)config->filters;

    depthwise_forward(call, call->scratch);
    ls_multiply(call->arithmetic, 'n', 'n', call->rows * config->places, filters, config->deep, call->scratch,
                config->deep, call->layer->param[POINTWISE].value, filters, false, call->Y, filters);
    add_bias(call);
}

/* dZ = dY P^T, into the second part of scratch. */
static const float *gradient_within(const ls_call *call)
{
    const depthwise *config = call->layer->config;
    const size_t filters = (size_t)config->filters, rows = call->rows * config->places;
    float *const dZ = call->scratch + rows * config->deep;

    ls_multiply(call->arithmetic, 'n', 't', rows, config->deep, filters, call->dY, filters,
                call->layer->param[POINTWISE].value, filters, false, dZ, config->deep);
    return dZ;
}

static void backward_separable(const ls_call *call)
{
    if (call->dX[0])
        depthwise_backward(call, gradient_within(call));
}

/* dP = Z^T dY; Z is made again. */
static void backward_params_separable(const ls_call *call, size_t tile, float *out)
{
    const depthwise *config = call->layer->config;
    const ls_param *param = call->layer->param;
    const size_t filters = (size_t)config->filters, rows = call->rows * config->places;

    (void)tile;
    depthwise_gradient(call, gradient_within(call), out);
    out += ls_pad_block(param[DEPTHWISE].size);
    depthwise_forward(call, call->scratch);
    ls_multiply(call->arithmetic, 't', 'n', config->deep, filters, rows, call->scratch, config->deep, call->dY, filters,
                false, out, filters);
    if (config->use_bias)
        ls_sum_rows(call->dY, rows, filters, out + ls_pad_block(param[POINTWISE].size));
}

/* ---- tables ---- */

#define INTS(field, axes, ...)                                                                                  \
    {                                                                                                           \
        .name = #field, .kind = LS_OPTION_INTS, .offset = offsetof(depthwise, field), .repeat = axes, .min = 1, \
        .max = 65536, __VA_ARGS__                                                                               \
    }
#define WINDOWS(axes)                                                                                       \
    INTS(kernel_size, axes, ), INTS(strides, axes, .initial = "1"),                                         \
        {.name = "padding",                                                                                 \
         .kind = LS_OPTION_CHOICE,                                                                          \
         .offset = offsetof(depthwise, padding),                                                            \
         .initial = "valid",                                                                                \
         .choices = ls_paddings},                                                                           \
        LS_DATA_FORMAT_OPTION(depthwise), INTS(dilation_rate, axes, .initial = "1"),                        \
    {                                                                                                       \
        .name = "depth_multiplier", .kind = LS_OPTION_INT, .offset = offsetof(depthwise, depth_multiplier), \
        .initial = "1", .min = 1, .max = 65536                                                              \
    }
#define BIAS_AND_ACTIVATION                                                                                       \
    LS_COMPONENT_OPTION(depthwise, activation, ls_activations, "null"),                                           \
        {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = offsetof(depthwise, use_bias), .initial = "true"}, \
        LS_COMPONENT_OPTION(depthwise, depthwise_initializer, ls_initializers, "glorot_uniform"),                 \
        LS_COMPONENT_OPTION(depthwise, bias_initializer, ls_initializers, "zeros"),                               \
        LS_COMPONENT_OPTION(depthwise, depthwise_regularizer, ls_regularizers, "null"),                           \
        LS_COMPONENT_OPTION(depthwise, bias_regularizer, ls_regularizers, "null"),                                \
        LS_COMPONENT_OPTION(depthwise, activity_regularizer, ls_regularizers, "null"),                            \
        LS_COMPONENT_OPTION(depthwise, depthwise_constraint, ls_constraints, "null"),                             \
        LS_COMPONENT_OPTION(depthwise, bias_constraint, ls_constraints, "null")

#define TABLE(id, class_name, alias, alias_class, axes, way)                \
    const ls_layer_ops ls_layer_##id = {                                    \
        .ops = {.name = #id,                                                \
                .keras_name = class_name,                                   \
                .aliases = (const char *const[]){alias, alias_class, NULL}, \
                .options = way##_options##axes,                             \
                .config_bytes = sizeof(depthwise),                          \
                .check = check_depthwise},                                  \
        .inputs_min = 1,                                                    \
        .inputs_max = 1,                                                    \
        .build = build_depthwise##axes,                                     \
        .forward = forward_##way,                                           \
        .backward = backward_##way,                                         \
        .backward_params = backward_params_##way,                           \
    }

#define OVER(axes)                                                                                                    \
    static ls_status build_depthwise##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)         \
    {                                                                                                                 \
        return build_depthwise(layer, in, inputs, out, axes);                                                         \
    }                                                                                                                 \
                                                                                                                      \
    static const ls_option depthwise_options##axes[] = {WINDOWS(axes), BIAS_AND_ACTIVATION, {.name = NULL}};          \
    static const ls_option separable_options##axes[] = {                                                              \
        {.name = "filters", .kind = LS_OPTION_INT, .offset = offsetof(depthwise, filters), .min = 1, .max = INT_MAX}, \
        WINDOWS(axes),                                                                                                \
        BIAS_AND_ACTIVATION,                                                                                          \
        LS_COMPONENT_OPTION(depthwise, pointwise_initializer, ls_initializers, "glorot_uniform"),                     \
        LS_COMPONENT_OPTION(depthwise, pointwise_regularizer, ls_regularizers, "null"),                               \
        LS_COMPONENT_OPTION(depthwise, pointwise_constraint, ls_constraints, "null"),                                 \
        {.name = NULL},                                                                                               \
    };                                                                                                                \
    TABLE(depthwise_conv##axes##d, "DepthwiseConv" #axes "D", NULL, NULL, axes, depthwise);                           \
    TABLE(separable_conv##axes##d, "SeparableConv" #axes "D", "separable_convolution" #axes "d",                      \
          "SeparableConvolution" #axes "D", axes, separable)

OVER(1);
OVER(2);
