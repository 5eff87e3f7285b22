/*
 * conv1d, conv2d, conv3d: cross-correlation of lines, images, volumes with `filters` kernels, plus bias. Of images:
 *
 * X (R,H,W,Cin)  kernel (kh,kw,Cin/groups,F)  bias (F)  Y (R,oh,ow,F). Group g takes channels [g,g+1) Cin/groups to
 * filters [g,g+1) F/groups.
 *
 * Y = C kernel, dC = dY kernel^T and dkernel = C^T dY are products with the matrix C (samples oh ow, K) whose rows are
 * windows, K = kh kw Cin/groups. In portable arithmetic Y and dkernel read C from the images themselves, copied with
 * their padding where there is some; else, and for volumes, C is written out ("im2col"), a few samples at once. How
 * many depends on the layer alone.
 */
#include "nn/layers/columns.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

typedef struct convolution {
    int64_t filters;
    ls_ints kernel_size, strides, dilation_rate;
    int padding, data_format;
    int64_t groups;
    ls_component activation;
    bool use_bias;
    ls_component kernel_initializer, bias_initializer;
    ls_component kernel_regularizer, bias_regularizer, activity_regularizer;
    ls_component kernel_constraint, bias_constraint;

    /* set by build */
    ls_window window;
    size_t places;        /* of a window */
    size_t K;             /* columns of C */
    size_t samples;       /* at once */
    size_t rows, columns; /* of an image with the cells around it that windows reach */
    bool padded;          /* there are such cells */
    bool from_images;     /* portable arithmetic reads windows where they lie, unless padding is more than they are */
} convolution;

static ls_status check_convolution(const void *data, const ls_config *at)
{
    const convolution *config = data;
    bool strided = false, dilated = false;

    for (size_t i = 0; i < config->strides.count; i++) {
        strided |= config->strides.value[i] > 1;
        dilated |= config->dilation_rate.value[i] > 1;
    }
    if (strided && dilated)
        return ls_config_fail(at, "a convolution has strides above 1 or a dilation_rate above 1, not both");
    if (config->filters % config->groups != 0)
        return ls_config_fail(at, "a convolution's %lld filters cannot be dealt to %lld groups",
                              (long long)config->filters, (long long)config->groups);
    return LS_OK;
}

/* Cells along an axis that windows reach, padding and what lies behind the last window included. */
static size_t reached(const ls_window_axis *axis)
{
    const size_t end = (axis->out - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1;

    return end > axis->before + axis->size ? end : axis->before + axis->size;
}

/* *scratch (floats, for C of one group) is raised to what padded images need, if that is not more than all of C. */
static void plan_images(convolution *config, size_t *scratch)
{
    const ls_window *w = &config->window;
    size_t image = 0;

    config->rows = reached(&w->y);
    config->columns = reached(&w->x);
    config->padded = config->rows > w->y.size || config->columns > w->x.size;
    config->from_images = !config->padded;
    if (config->padded && ls_size_mul(config->rows, config->columns, &image) &&
        ls_size_mul(image, w->channels, &image) && image <= config->places * config->K * (size_t)config->groups) {
        config->from_images = true;
        if (config->samples * image > *scratch)
            *scratch = config->samples * image;
    }
}

/* (kernel, channels of a group, filters) */
static ls_shape kernel_shape(const convolution *config, size_t axes)
{
    ls_shape kernel = {.axes = axes + 2};

    for (size_t i = 0; i < axes; i++)
        kernel.dim[i] = (size_t)config->kernel_size.value[i];
    kernel.dim[axes] = config->window.channels / (size_t)config->groups;
    kernel.dim[axes + 1] = (size_t)config->filters;
    return kernel;
}

static ls_status build_convolution(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, size_t axes)
{
    convolution *config = layer->config;
    const size_t filters = (size_t)config->filters, groups = (size_t)config->groups;
    const ls_shape bias = {.axes = 1, .dim = {filters}};
    ls_window *w = &config->window;
    ls_shape kernel;

    LS_TRY(ls_window_init(layer, &in[0], axes, &config->kernel_size, &config->strides, &config->dilation_rate,
                          config->padding, w));
    *out = ls_window_output(w, axes, filters);
    LS_TRY(ls_shape_check(out, "the output of a convolution"));
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    if (w->channels % groups != 0)
        return ls_layer_fail(layer, "%zu channels cannot be dealt to %zu groups", w->channels, groups);

    kernel = kernel_shape(config, axes);
    LS_TRY(ls_layer_add_param(layer, "kernel", &kernel, true, &config->kernel_initializer, &config->kernel_regularizer,
                              &config->kernel_constraint));
    if (config->use_bias)
        LS_TRY(ls_layer_add_param(layer, "bias", &bias, true, &config->bias_initializer, &config->bias_regularizer,
                                  &config->bias_constraint));
    config->places = ls_window_places(w);
    config->K = ls_shape_size(&kernel) / filters;
    config->samples = LS_COLUMNS_FLOATS / (config->places * config->K) + 1;
    layer->scratch_fixed = config->samples * config->places * config->K;
    if (axes < 3) /* the products read windows along two axes */
        plan_images(config, &layer->scratch_fixed);
    layer->does_relu = config->from_images;
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    return LS_OK;
}

static ls_status build_conv1d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_convolution(layer, in, inputs, out, 1);
}

static ls_status build_conv2d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_convolution(layer, in, inputs, out, 2);
}

static ls_status build_conv3d(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_convolution(layer, in, inputs, out, 3);
}

/* Samples from r on that are taken at once. */
static size_t samples_at(const ls_call *call, size_t r)
{
    const convolution *config = call->layer->config;

    return call->rows - r < config->samples ? call->rows - r : config->samples;
}

/* --- windows of images -------------------------------------------------------------------------------------------- */

/* Images with zeros around them. */
static void pad_images(const convolution *config, const float *X, size_t samples, float *out)
{
    const ls_window *w = &config->window;
    const size_t row = config->columns * w->channels, own = w->x.size * w->channels;

    memset(out, 0, samples * config->rows * row * sizeof *out);
    for (size_t s = 0; s < samples; s++)
        for (size_t y = 0; y < w->y.size; y++)
            memcpy(out + (s * config->rows + w->y.before + y) * row + w->x.before * w->channels,
                   X + (s * w->y.size + y) * own, own * sizeof *out);
}

/* C of samples [r, r+samples) and a group, as it lies in X or, with its padding, in scratch. */
static ls_product_left windows_at(const ls_call *call, size_t r, size_t samples, size_t group)
{
    const convolution *config = call->layer->config;
    const ls_window *w = &config->window;
    const size_t cell = w->channels, row = config->columns * cell, share = cell / (size_t)config->groups;
    const float *images = call->X[0] + r * w->y.size * w->x.size * cell;

    if (config->padded) {
        if (group == 0)
            pad_images(config, images, samples, call->scratch);
        images = call->scratch;
    }
    return (ls_product_left){
        .at = images + group * share,
        .row = {{samples, w->y.out, w->x.out}, {config->rows * row, w->y.stride * row, w->x.stride * cell}},
        .sum = {{w->y.kernel, w->x.kernel, share}, {w->y.dilation * row, w->x.dilation * cell, 1}},
    };
}

static void forward_windows(const ls_call *call)
{
    const convolution *config = call->layer->config;
    const ls_param *const param = call->layer->param;
    const size_t filters = (size_t)config->filters, groups = (size_t)config->groups, share = filters / groups;

    for (size_t r = 0; r < call->rows; r += config->samples)
        for (size_t g = 0; g < groups; g++)
            ls_product_run(&(ls_product){.A = windows_at(call, r, samples_at(call, r), g),
                                         .B = param[0].value + g * share,
                                         .ldb = filters,
                                         .n = share,
                                         .C = call->Y + r * config->places * filters + g * share,
                                         .ldc = filters,
                                         .bias = config->use_bias ? param[1].value + g * share : NULL,
                                         .relu = call->relu});
}

/* dkernel (K, filters) = C^T dY */
static void kernel_gradient_windows(const ls_call *call, float *out)
{
    const convolution *config = call->layer->config;
    const size_t filters = (size_t)config->filters, groups = (size_t)config->groups, share = filters / groups;

    for (size_t r = 0; r < call->rows; r += config->samples)
        for (size_t g = 0; g < groups; g++) {
            const ls_product_left C = windows_at(call, r, samples_at(call, r), g);

            ls_product_run(&(ls_product){.A = {.at = C.at, .row = C.sum, .sum = C.row},
                                         .B = call->dY + r * config->places * filters + g * share,
                                         .ldb = filters,
                                         .n = share,
                                         .C = out + g * share,
                                         .ldc = filters,
                                         .add = r > 0});
        }
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

static void forward_convolution(const ls_call *call)
{
    const convolution *config = call->layer->config;
    const size_t image = ls_shape_size(&call->layer->in_shape[0]), filters = (size_t)config->filters;
    const size_t groups = (size_t)config->groups, share = filters / groups;

    if (call->arithmetic == LS_ARITHMETIC_PORTABLE && config->from_images) {
        forward_windows(call);
        return;
    }
    for (size_t r = 0; r < call->rows; r += config->samples)
        for (size_t g = 0; g < groups; g++) {
            const size_t samples = samples_at(call, r);

            ls_columns_write(&config->window, groups, g, call->X[0] + r * image, call->scratch, samples);
            ls_multiply(call->arithmetic, 'n', 'n', samples * config->places, share, config->K, call->scratch,
                        config->K, call->layer->param[0].value + g * share, filters, false,
                        call->Y + r * config->places * filters + g * share, filters);
        }
    if (config->use_bias)
        ls_add_rows(call->Y, call->layer->param[1].value, call->rows * config->places, filters);
}

static void backward_convolution(const ls_call *call)
{
    const convolution *config = call->layer->config;
    const size_t image = ls_shape_size(&call->layer->in_shape[0]), filters = (size_t)config->filters;
    const size_t groups = (size_t)config->groups, share = filters / groups;

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * image);
    for (size_t r = 0; r < call->rows; r += config->samples)
        for (size_t g = 0; g < groups; g++) {
            const size_t samples = samples_at(call, r);

            ls_multiply(call->arithmetic, 'n', 't', samples * config->places, config->K, share,
                        call->dY + r * config->places * filters + g * share, filters,
                        call->layer->param[0].value + g * share, filters, false, call->scratch, config->K);
            ls_columns_add(&config->window, groups, g, call->dX[0] + r * image, call->scratch, samples);
        }
}

static void kernel_gradient_columns(const ls_call *call, float *out)
{
    const convolution *config = call->layer->config;
    const size_t image = ls_shape_size(&call->layer->in_shape[0]), filters = (size_t)config->filters;
    const size_t groups = (size_t)config->groups, share = filters / groups;

    for (size_t r = 0; r < call->rows; r += config->samples)
        for (size_t g = 0; g < groups; g++) {
            const size_t samples = samples_at(call, r);

            ls_columns_write(&config->window, groups, g, call->X[0] + r * image, call->scratch, samples);
            ls_multiply(call->arithmetic, 't', 'n', config->K, share, samples * config->places, call->scratch,
                        config->K, call->dY + r * config->places * filters + g * share, filters, r != 0,
                        out + g * share, filters);
        }
}

static void backward_params_convolution(const ls_call *call, size_t tile, float *out)
{
    const convolution *config = call->layer->config;
    const size_t filters = (size_t)config->filters;

    (void)tile;
    if (call->arithmetic == LS_ARITHMETIC_PORTABLE && config->from_images)
        kernel_gradient_windows(call, out);
    else
        kernel_gradient_columns(call, out);
    if (config->use_bias)
        ls_sum_rows(call->dY, call->rows * config->places, filters, out + ls_pad_block(config->K * filters));
}

#define INTS(field, axes, ...)                                                                                    \
    {                                                                                                             \
        .name = #field, .kind = LS_OPTION_INTS, .offset = offsetof(convolution, field), .repeat = axes, .min = 1, \
        .max = 65536, __VA_ARGS__                                                                                 \
    }
#define OPTIONS(axes, paddings)                                                                      \
    {                                                                                                \
        {.name = "filters",                                                                          \
         .kind = LS_OPTION_INT,                                                                      \
         .offset = offsetof(convolution, filters),                                                   \
         .min = 1,                                                                                   \
         .max = INT_MAX},                                                                            \
            INTS(kernel_size, axes, ), INTS(strides, axes, .initial = "1"),                          \
            {.name = "padding",                                                                      \
             .kind = LS_OPTION_CHOICE,                                                               \
             .offset = offsetof(convolution, padding),                                               \
             .initial = "valid",                                                                     \
             .choices = paddings},                                                                   \
            LS_DATA_FORMAT_OPTION(convolution), INTS(dilation_rate, axes, .initial = "1"),           \
            {.name = "groups",                                                                       \
             .kind = LS_OPTION_INT,                                                                  \
             .offset = offsetof(convolution, groups),                                                \
             .initial = "1",                                                                         \
             .min = 1,                                                                               \
             .max = INT_MAX},                                                                        \
            LS_COMPONENT_OPTION(convolution, activation, ls_activations, "null"),                    \
            {.name = "use_bias",                                                                     \
             .kind = LS_OPTION_BOOL,                                                                 \
             .offset = offsetof(convolution, use_bias),                                              \
             .initial = "true"},                                                                     \
            LS_COMPONENT_OPTION(convolution, kernel_initializer, ls_initializers, "glorot_uniform"), \
            LS_COMPONENT_OPTION(convolution, bias_initializer, ls_initializers, "zeros"),            \
            LS_COMPONENT_OPTION(convolution, kernel_regularizer, ls_regularizers, "null"),           \
            LS_COMPONENT_OPTION(convolution, bias_regularizer, ls_regularizers, "null"),             \
            LS_COMPONENT_OPTION(convolution, activity_regularizer, ls_regularizers, "null"),         \
            LS_COMPONENT_OPTION(convolution, kernel_constraint, ls_constraints, "null"),             \
            LS_COMPONENT_OPTION(convolution, bias_constraint, ls_constraints, "null"),               \
        {                                                                                            \
            .name = NULL                                                                             \
        }                                                                                            \
    }

#define CONVOLUTION(axes, paddings)                                                                       \
    static const ls_option options_##axes[] = OPTIONS(axes, paddings);                                    \
                                                                                                          \
    const ls_layer_ops ls_layer_conv##axes##d = {                                                         \
        .ops = {.name = "conv" #axes "d",                                                                 \
                .keras_name = "Conv" #axes "D",                                                           \
                .aliases = (const char *const[]){"convolution" #axes "d", "Convolution" #axes "D", NULL}, \
                .options = options_##axes,                                                                \
                .config_bytes = sizeof(convolution),                                                      \
                .check = check_convolution},                                                              \
        .inputs_min = 1,                                                                                  \
        .inputs_max = 1,                                                                                  \
        .build = build_conv##axes##d,                                                                     \
        .forward = forward_convolution,                                                                   \
        .backward = backward_convolution,                                                                 \
        .backward_params = backward_params_convolution,                                                   \
    }

CONVOLUTION(1, ls_paddings_of_lines);
CONVOLUTION(2, ls_paddings);
CONVOLUTION(3, ls_paddings);
