/*
 * prelu (He et al., 2015): y = x > 0 ? x : alpha x, with an alpha for every element of a sample, shared along
 * shared_axes. At 0 the slope is 0, as in Keras, which computes relu(x) - alpha relu(-x).
 */
#include "nn/layers/layers.h"
#include "nn/layers/walk.h"

#include <string.h>

typedef struct prelu {
    ls_component alpha_initializer, alpha_regularizer, alpha_constraint;
    ls_ints shared_axes;        /* from 1 */
    size_t stride[LS_AXES_MAX]; /* set by build: of alpha along the axes of a sample; 0 where it is shared */
} prelu;

static ls_status build_prelu(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    prelu *config = layer->config;
    ls_shape shape = in[0];
    char text[LS_SHAPE_TEXT_BYTES];
    size_t stride = 1;

    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    for (size_t i = 0; i < config->shared_axes.count; i++) {
        size_t axis;

        if (!ls_axis_index(config->shared_axes.value[i], in[0].axes, &axis))
            return ls_layer_fail(layer, "shared_axes names axis %lld, which is not an axis of %s besides the batch",
                                 (long long)config->shared_axes.value[i], ls_shape_format_batch(&in[0], text));
        shape.dim[axis] = 1;
    }
    for (size_t i = shape.axes; i-- > 0; stride *= shape.dim[i])
        config->stride[i] = shape.dim[i] == 1 ? 0 : stride;
    return ls_layer_add_param(layer, "alpha", &shape, true, &config->alpha_initializer, &config->alpha_regularizer,
                              &config->alpha_constraint);
}

static ls_walk walk_of(const ls_call *call)
{
    const prelu *config = call->layer->config;

    return (ls_walk){.shape = &call->layer->in_shape[0], .stride = config->stride};
}

static void forward_prelu(const ls_call *call)
{
    const float *alpha = call->layer->param[0].value, *x = call->X[0];
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float *y = call->Y;

    for (size_t r = 0; r < call->rows; r++, x += n, y += n) {
        ls_walk w = walk_of(call);

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            y[i] = x[i] > 0.0f ? x[i] : alpha[w.offset] * x[i];
    }
}

static void backward_prelu(const ls_call *call)
{
    const float *alpha = call->layer->param[0].value, *x = call->X[0], *dy = call->dY;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);
    float *dx = call->dX[0];

    if (!dx)
        return;
    ls_clear_if_first(call, dx, call->rows * n);
    for (size_t r = 0; r < call->rows; r++, x += n, dy += n, dx += n) {
        ls_walk w = walk_of(call);

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            dx[i] += x[i] > 0.0f ? dy[i] : x[i] < 0.0f ? alpha[w.offset] * dy[i] : 0.0f;
    }
}

static void backward_params_prelu(const ls_call *call, size_t tile, float *out)
{
    const float *x = call->X[0], *dy = call->dY;
    const size_t n = ls_shape_size(&call->layer->in_shape[0]);

    (void)tile;
    memset(out, 0, call->layer->param[0].size * sizeof *out);
    for (size_t r = 0; r < call->rows; r++, x += n, dy += n) {
        ls_walk w = walk_of(call);

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            out[w.offset] += x[i] < 0.0f ? x[i] * dy[i] : 0.0f;
    }
}

static const ls_option options[] = {
    LS_COMPONENT_OPTION(prelu, alpha_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(prelu, alpha_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(prelu, alpha_constraint, ls_constraints, "null"),
    {.name = "shared_axes",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(prelu, shared_axes),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = LS_AXES_MAX},
    {.name = NULL},
};

const ls_layer_ops ls_layer_prelu = {
    .ops = {.name = "prelu", .keras_name = "PReLU", .options = options, .config_bytes = sizeof(prelu)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_prelu,
    .mask_shape = ls_mask_pass,
    .forward = forward_prelu,
    .backward = backward_prelu,
    .backward_params = backward_params_prelu,
};
