/*
 * layer_normalization (Ba, Kiros, Hinton, 2016): every run of n elements along the last axes is brought to mean 0 and
 * variance 1 by itself, the same in training and inference.
 *
 *     xh = (x - mean) / sqrt(var + epsilon)        y = gamma xh + beta        var with divisor n
 *     dx = inv (g - mean(g) - xh mean(g xh)), g = gamma dy
 *
 * gamma, beta have the shape of the normalized axes. A sample has `runs` runs.
 */
#include "nn/layers/layers.h"

#include <math.h>
#include <string.h>

typedef struct layer_normalization {
    ls_ints axis;
    double epsilon;
    bool center, scale;
    ls_component beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint;
    size_t n; /* set by build */
} layer_normalization;

static ls_status build_layer_normalization(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    layer_normalization *config = layer->config;
    const size_t axes = config->axis.count;
    char text[LS_SHAPE_TEXT_BYTES];
    bool normalized[LS_AXES_MAX] = {false};
    ls_shape shape = {.axes = axes};
    size_t distinct = 0;

    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    for (size_t k = 0; k < axes; k++) {
        size_t axis;

        if (!ls_axis_index(config->axis.value[k], in[0].axes, &axis))
            return ls_layer_fail(layer, "axis %lld is not an axis of %s besides the batch",
                                 (long long)config->axis.value[k], ls_shape_format_batch(&in[0], text));
        distinct += !normalized[axis];
        normalized[axis] = true;
    }
    for (size_t k = 0; k < axes; k++)
        if (distinct != axes || axes > in[0].axes || !normalized[in[0].axes - axes + k])
            return ls_layer_fail(layer, "axis must name the last axes of %s, each once",
                                 ls_shape_format_batch(&in[0], text));
    if (axes == 0)
        return ls_layer_fail(layer, "axis names no axis");
    for (size_t k = 0; k < axes; k++)
        shape.dim[k] = in[0].dim[in[0].axes - axes + k];
    config->n = ls_shape_size(&shape);
    layer->scratch_fixed = 2 * config->n;
    if (config->scale)
        LS_TRY(ls_layer_add_param(layer, "gamma", &shape, true, &config->gamma_initializer, &config->gamma_regularizer,
                                  &config->gamma_constraint));
    if (config->center)
        LS_TRY(ls_layer_add_param(layer, "beta", &shape, true, &config->beta_initializer, &config->beta_regularizer,
                                  &config->beta_constraint));
    return LS_OK;
}

static const float *gamma_of(const ls_layer *layer)
{
    return ((const layer_normalization *)layer->config)->scale ? layer->param[0].value : NULL;
}

static const float *beta_of(const ls_layer *layer)
{
    const layer_normalization *config = layer->config;

    return config->center ? layer->param[config->scale].value : NULL;
}

static size_t runs_of(const ls_call *call)
{
    const layer_normalization *config = call->layer->config;

    return call->rows * ls_shape_size(&call->layer->in_shape[0]) / config->n;
}

static LS_CLONES void shift(const float *restrict x, float by, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + by;
}

/* xh of one run; gives inv = 1 / sqrt(var + epsilon). */
static float normalize(const float *x, float *xh, size_t n, double epsilon)
{
    float inv;

    shift(x, -(float)(ls_sum(x, n) / (double)n), xh, n);
    inv = (float)(1.0 / sqrt(ls_sum_squares(xh, n) / (double)n + epsilon));
    ls_scale(xh, inv, n);
    return inv;
}

static LS_CLONES void multiply(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i];
}

static void forward_layer_normalization(const ls_call *call)
{
    const layer_normalization *config = call->layer->config;
    const size_t n = config->n, runs = runs_of(call);

    for (size_t r = 0; r < runs; r++) {
        float *y = call->Y + r * n;

        normalize(call->X[0] + r * n, y, n, config->epsilon);
        if (config->scale)
            multiply(gamma_of(call->layer), y, n);
        if (config->center)
            ls_add(beta_of(call->layer), y, n);
    }
}

static LS_CLONES void add_gradient(const float *restrict g, const float *restrict xh, float *restrict dx, size_t n,
                                   float inv, float mean, float slope)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += inv * (g[i] - mean - xh[i] * slope);
}

static void backward_layer_normalization(const ls_call *call)
{
    const layer_normalization *config = call->layer->config;
    const size_t n = config->n, runs = runs_of(call);
    float *xh = call->scratch, *g = xh + n;

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], runs * n);
    for (size_t r = 0; r < runs; r++) {
        const float inv = normalize(call->X[0] + r * n, xh, n, config->epsilon);

        ls_copy(call->dY + r * n, g, n);
        if (config->scale)
            multiply(gamma_of(call->layer), g, n);
        add_gradient(g, xh, call->dX[0] + r * n, n, inv, (float)(ls_sum(g, n) / (double)n),
                     (float)(ls_dot(g, xh, n) / (double)n));
    }
}

/* dgamma = sum dy xh, dbeta = sum dy, runs in order. */
static void backward_params_layer_normalization(const ls_call *call, size_t tile, float *out)
{
    const layer_normalization *config = call->layer->config;
    const size_t n = config->n, runs = runs_of(call);
    float *dbeta = config->scale ? out + ls_pad_block(n) : out;

    (void)tile;
    if (config->scale) {
        memset(out, 0, n * sizeof *out);
        for (size_t r = 0; r < runs; r++) {
            normalize(call->X[0] + r * n, call->scratch, n, config->epsilon);
            ls_add_products(call->dY + r * n, call->scratch, out, n);
        }
    }
    if (config->center)
        ls_sum_rows(call->dY, runs, n, dbeta);
}

static const ls_option options[] = {
    {.name = "axis",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(layer_normalization, axis),
     .initial = "-1",
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    {.name = "epsilon",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(layer_normalization, epsilon),
     .initial = "0.001",
     .max = INFINITY},
    {.name = "center", .kind = LS_OPTION_BOOL, .offset = offsetof(layer_normalization, center), .initial = "true"},
    {.name = "scale", .kind = LS_OPTION_BOOL, .offset = offsetof(layer_normalization, scale), .initial = "true"},
    LS_COMPONENT_OPTION(layer_normalization, beta_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(layer_normalization, gamma_initializer, ls_initializers, "ones"),
    LS_COMPONENT_OPTION(layer_normalization, beta_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(layer_normalization, gamma_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(layer_normalization, beta_constraint, ls_constraints, "null"),
    LS_COMPONENT_OPTION(layer_normalization, gamma_constraint, ls_constraints, "null"),
    {.name = NULL},
};

const ls_layer_ops ls_layer_layer_normalization = {
    .ops = {.name = "layer_normalization",
            .keras_name = "LayerNormalization",
            .options = options,
            .config_bytes = sizeof(layer_normalization)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_layer_normalization,
    .mask_shape = ls_mask_pass,
    .forward = forward_layer_normalization,
    .backward = backward_layer_normalization,
    .backward_params = backward_params_layer_normalization,
};
