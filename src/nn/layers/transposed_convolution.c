/*
 * conv1d_transpose, conv2d_transpose, conv3d_transpose: what a convolution does to gradients of its inputs, plus bias.
 *
 * X (R,places,Cin)  kernel (k…,filters,Cin)  bias (filters)  Y (R,out,filters). Windows go over Y, one for every place
 * of X: with C (places, K) the matrix of these windows (columns.h), K = k… filters, kernel read as (K,Cin),
 *
 *     C = X kernel^T, added up to Y        dX = C(dY) kernel        dkernel = C(dY)^T X
 *
 * Sizes of the output, reach = (kernel - 1) dilation + 1: valid (size - 1) stride + reach + output_padding, by default
 * max(stride - reach, 0); same size stride or, with output_padding, (size - 1) stride + reach mod 2 + output_padding.
 */
#include "nn/layers/columns.h"

#include <limits.h>
#include <string.h>

typedef struct transposed {
    int64_t filters;
    ls_ints kernel_size, strides, dilation_rate, output_padding; /* output_padding of count 0: none given */
    int padding, data_format;
    ls_component activation;
    bool use_bias;
    ls_component kernel_initializer, bias_initializer;
    ls_component kernel_regularizer, bias_regularizer, activity_regularizer;
    ls_component kernel_constraint, bias_constraint;

    /* set by build */
    ls_window window;           /* over the output; its places are the cells of the input */
    size_t K, channels, places; /* columns of C; of the input */
    size_t samples;             /* at once */
} transposed;

static ls_status check_transposed(const void *data, const ls_config *at)
{
    const transposed *config = data;
    bool strided = false, dilated = false;

    for (size_t i = 0; i < config->strides.count; i++) {
        strided |= config->strides.value[i] > 1;
        dilated |= config->dilation_rate.value[i] > 1;
        if (config->output_padding.count && config->output_padding.value[i] >= config->strides.value[i])
            return ls_config_fail(at, "output_padding must be below strides along every axis");
    }
    if (strided && dilated)
        return ls_config_fail(at, "a convolution has strides above 1 or a dilation_rate above 1, not both");
    return LS_OK;
}

static ls_window_axis axis_of(const transposed *config, size_t i, size_t size)
{
    const size_t kernel = (size_t)config->kernel_size.value[i], stride = (size_t)config->strides.value[i];
    const size_t dilation = (size_t)config->dilation_rate.value[i], reach = (kernel - 1) * dilation + 1;
    const size_t span = (size - 1) * stride + reach; /* what the windows cover */
    const bool given = config->output_padding.count > 0;
    const size_t extra = given ? (size_t)config->output_padding.value[i] : 0;
    ls_window_axis axis = {.out = size, .kernel = kernel, .stride = stride, .dilation = dilation};

    if (config->padding == LS_PADDING_VALID)
        axis.size = span + (given ? extra : stride > reach ? stride - reach : 0);
    else
        axis.size = given ? (size - 1) * stride + reach % 2 + extra : size * stride;
    axis.before = span > axis.size ? (span - axis.size) / 2 : 0;
    return axis;
}

static ls_status add_params(ls_layer *layer, size_t axes)
{
    const transposed *config = layer->config;
    const ls_shape bias = {.axes = 1, .dim = {(size_t)config->filters}};
    ls_shape kernel = {.axes = axes + 2};

    for (size_t i = 0; i < axes; i++)
        kernel.dim[i] = (size_t)config->kernel_size.value[i];
    kernel.dim[axes] = (size_t)config->filters;
    kernel.dim[axes + 1] = config->channels;
    LS_TRY(ls_layer_add_param(layer, "kernel", &kernel, true, &config->kernel_initializer, &config->kernel_regularizer,
                              &config->kernel_constraint));
    if (config->use_bias)
        LS_TRY(ls_layer_add_param(layer, "bias", &bias, true, &config->bias_initializer, &config->bias_regularizer,
                                  &config->bias_constraint));
    return LS_OK;
}

static ls_status build_transposed(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    const ls_window_axis none = {.size = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    transposed *config = layer->config;
    ls_window *w = &config->window;

    LS_TRY(ls_window_check_input(layer, &in[0], axes));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *w = (ls_window){none, none, none, (size_t)config->filters};
    *out = (ls_shape){.axes = axes + 1};
    for (size_t i = 0; i < axes; i++) {
        *ls_window_axis_at(w, axes, i) = axis_of(config, i, in[0].dim[i]);
        out->dim[i] = ls_window_axis_at(w, axes, i)->size;
    }
    out->dim[axes] = w->channels;
    LS_TRY(ls_shape_check(out, "the output of a transposed convolution"));
    if (layer->built)
        return LS_OK;
    config->channels = in[0].dim[axes];
    config->places = ls_window_places(w);
    config->K = ls_window_kernel(w) * w->channels;
    config->samples = LS_COLUMNS_FLOATS / (config->places * config->K) + 1;
    layer->scratch_fixed = config->samples * config->places * config->K;
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    return add_params(layer, axes);
}

/* Samples from r on that are taken at once. */
static size_t samples_at(const ls_call *call, size_t r)
{
    const transposed *config = call->layer->config;

    return call->rows - r < config->samples ? call->rows - r : config->samples;
}

static size_t outputs_of(const ls_call *call)
{
    return ls_shape_size(&call->layer->out_shape);
}

static void forward_transposed(const ls_call *call)
{
    const transposed *config = call->layer->config;
    const size_t places = config->places, K = config->K, channels = config->channels;

    memset(call->Y, 0, call->rows * outputs_of(call) * sizeof *call->Y);
    for (size_t r = 0; r < call->rows; r += config->samples) {
        const size_t samples = samples_at(call, r);

        ls_multiply(call->arithmetic, 'n', 't', samples * places, K, channels, call->X[0] + r * places * channels,
                    channels, call->layer->param[0].value, channels, false, call->scratch, K);
        ls_columns_add(&config->window, 1, 0, call->Y + r * outputs_of(call), call->scratch, samples);
    }
    if (config->use_bias)
        ls_add_rows(call->Y, call->layer->param[1].value, call->rows * ls_window_cells(&config->window),
                    config->window.channels);
}

static void backward_transposed(const ls_call *call)
{
    const transposed *config = call->layer->config;
    const size_t places = config->places, K = config->K, channels = config->channels;

    for (size_t r = 0; call->dX[0] && r < call->rows; r += config->samples) {
        const size_t samples = samples_at(call, r);

        ls_columns_write(&config->window, 1, 0, call->dY + r * outputs_of(call), call->scratch, samples);
        ls_multiply(call->arithmetic, 'n', 'n', samples * places, channels, K, call->scratch, K,
                    call->layer->param[0].value, channels, !call->first_use, call->dX[0] + r * places * channels,
                    channels);
    }
}

static void backward_params_transposed(const ls_call *call, size_t tile, float *out)
{
    const transposed *config = call->layer->config;
    const size_t places = config->places, K = config->K, channels = config->channels;

    (void)tile;
    for (size_t r = 0; r < call->rows; r += config->samples) {
        const size_t samples = samples_at(call, r);

        ls_columns_write(&config->window, 1, 0, call->dY + r * outputs_of(call), call->scratch, samples);
        ls_multiply(call->arithmetic, 't', 'n', K, channels, samples * places, call->scratch, K,
                    call->X[0] + r * places * channels, channels, r != 0, out, channels);
    }
    if (config->use_bias)
        ls_sum_rows(call->dY, call->rows * ls_window_cells(&config->window), config->window.channels,
                    out + ls_pad_block(K * channels));
}

#define INTS(field, axes, least, ...)                                                                                \
    {                                                                                                                \
        .name = #field, .kind = LS_OPTION_INTS, .offset = offsetof(transposed, field), .repeat = axes, .min = least, \
        .max = 65536, __VA_ARGS__                                                                                    \
    }
#define OPTIONS(axes)                                                                                                  \
    {                                                                                                                  \
        {.name = "filters", .kind = LS_OPTION_INT, .offset = offsetof(transposed, filters), .min = 1, .max = INT_MAX}, \
            INTS(kernel_size, axes, 1, ), INTS(strides, axes, 1, .initial = "1"),                                      \
            {.name = "padding",                                                                                        \
             .kind = LS_OPTION_CHOICE,                                                                                 \
             .offset = offsetof(transposed, padding),                                                                  \
             .initial = "valid",                                                                                       \
             .choices = ls_paddings},                                                                                  \
            INTS(output_padding, axes, 0, .initial = "null", .nullable = true), LS_DATA_FORMAT_OPTION(transposed),     \
            INTS(dilation_rate, axes, 1, .initial = "1"),                                                              \
            LS_COMPONENT_OPTION(transposed, activation, ls_activations, "null"),                                       \
            {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = offsetof(transposed, use_bias), .initial = "true"}, \
            LS_COMPONENT_OPTION(transposed, kernel_initializer, ls_initializers, "glorot_uniform"),                    \
            LS_COMPONENT_OPTION(transposed, bias_initializer, ls_initializers, "zeros"),                               \
            LS_COMPONENT_OPTION(transposed, kernel_regularizer, ls_regularizers, "null"),                              \
            LS_COMPONENT_OPTION(transposed, bias_regularizer, ls_regularizers, "null"),                                \
            LS_COMPONENT_OPTION(transposed, activity_regularizer, ls_regularizers, "null"),                            \
            LS_COMPONENT_OPTION(transposed, kernel_constraint, ls_constraints, "null"),                                \
            LS_COMPONENT_OPTION(transposed, bias_constraint, ls_constraints, "null"),                                  \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }

#define TRANSPOSED(axes)                                                                                              \
    static ls_status build_transposed##axes(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)        \
    {                                                                                                                 \
        return build_transposed(layer, in, inputs, out, axes);                                                        \
    }                                                                                                                 \
                                                                                                                      \
    static const ls_option options_##axes[] = OPTIONS(axes);                                                          \
                                                                                                                      \
    const ls_layer_ops ls_layer_conv##axes##d_transpose = {                                                           \
        .ops = {.name = "conv" #axes "d_transpose",                                                                   \
                .keras_name = "Conv" #axes "DTranspose",                                                              \
                .aliases =                                                                                            \
                    (const char *const[]){"convolution" #axes "d_transpose", "Convolution" #axes "DTranspose", NULL}, \
                .options = options_##axes,                                                                            \
                .config_bytes = sizeof(transposed),                                                                   \
                .check = check_transposed},                                                                           \
        .inputs_min = 1,                                                                                              \
        .inputs_max = 1,                                                                                              \
        .build = build_transposed##axes,                                                                              \
        .forward = forward_transposed,                                                                                \
        .backward = backward_transposed,                                                                              \
        .backward_params = backward_params_transposed,                                                                \
    }

TRANSPOSED(1);
TRANSPOSED(2);
TRANSPOSED(3);
