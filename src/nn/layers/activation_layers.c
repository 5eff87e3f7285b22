/*
 * relu, leaky_relu, elu, softmax as layers: the activations of those names with their arguments. The engine applies
 * them as it does for every layer, but for a softmax along another axis than the last.
 */
#include "nn/activations/activations.h"
#include "nn/layers/layers.h"

#include <math.h>

static ls_status build_with(ls_layer *layer, const ls_ops *activation, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    layer->activation = (ls_component){.ops = activation, .config = layer->config};
    return LS_OK;
}

static ls_status build_relu(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_with(layer, &ls_activation_relu.ops, in, inputs, out);
}

static ls_status build_leaky_relu(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_with(layer, &ls_activation_leaky_relu.ops, in, inputs, out);
}

static ls_status build_elu(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return build_with(layer, &ls_activation_elu.ops, in, inputs, out);
}

/* Keras's layer has another default than its function. */
static const ls_option leaky_relu_options[] = {
    {.name = "negative_slope",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_leaky_relu_config, negative_slope),
     .initial = "0.3",
     .max = INFINITY},
    {.name = NULL},
};

const ls_layer_ops ls_layer_relu = {
    .ops = {.name = "relu", .keras_name = "ReLU", .options = ls_relu_options, .config_bytes = sizeof(ls_relu_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_relu,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};

const ls_layer_ops ls_layer_leaky_relu = {
    .ops = {.name = "leaky_relu",
            .keras_name = "LeakyReLU",
            .options = leaky_relu_options,
            .config_bytes = sizeof(ls_leaky_relu_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_leaky_relu,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};

const ls_layer_ops ls_layer_elu = {
    .ops = {.name = "elu", .keras_name = "ELU", .options = ls_elu_options, .config_bytes = sizeof(ls_elu_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_elu,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};

/* ---- softmax ---- */

typedef struct softmax_config {
    int64_t axis;
    size_t n, inner; /* set by build: values of a run, and how far apart they lie; n 0: the engine's activation */
} softmax_config;

static ls_status build_softmax(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    softmax_config *config = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];
    size_t axis;

    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    if (!ls_axis_index(config->axis, in[0].axes, &axis))
        return ls_layer_fail(layer, "axis %lld is not an axis of %s besides the batch", (long long)config->axis,
                             ls_shape_format_batch(&in[0], text));
    if (axis + 1 == in[0].axes) {
        layer->activation = (ls_component){.ops = &ls_activation_softmax.ops};
        return LS_OK;
    }
    config->n = in[0].dim[axis];
    config->inner = 1;
    for (size_t i = axis + 1; i < in[0].axes; i++)
        config->inner *= in[0].dim[i];
    layer->scratch_fixed = 2 * config->n;
    return LS_OK;
}

/* Runs of the whole call, and where run i begins. */
static size_t runs_of(const ls_call *call, const softmax_config *config)
{
    return call->rows * ls_shape_size(&call->layer->in_shape[0]) / config->n;
}

static size_t start_of(const softmax_config *config, size_t run)
{
    return run / config->inner * config->n * config->inner + run % config->inner;
}

static void gather(const float *from, size_t step, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i * step];
}

static void forward_softmax(const ls_call *call)
{
    const softmax_config *config = call->layer->config;
    const size_t n = config->n, inner = config->inner;
    float *y = call->scratch;

    if (n == 0) {
        ls_forward_copy(call);
        return;
    }
    for (size_t run = 0; run < runs_of(call, config); run++) {
        const size_t at = start_of(config, run);

        gather(call->X[0] + at, inner, y, n);
        ls_activation_softmax.forward(NULL, y, y, 1, n);
        for (size_t i = 0; i < n; i++)
            call->Y[at + i * inner] = y[i];
    }
}

static void backward_softmax(const ls_call *call)
{
    const softmax_config *config = call->layer->config;
    const size_t n = config->n, inner = config->inner;
    float *y = call->scratch, *g = y + n, *dX = call->dX[0];

    if (n == 0) {
        ls_backward_copy(call);
        return;
    }
    for (size_t run = 0; dX && run < runs_of(call, config); run++) {
        const size_t at = start_of(config, run);

        gather(call->X[0] + at, inner, y, n);
        gather(call->dY + at, inner, g, n);
        ls_activation_softmax.forward(NULL, y, y, 1, n);
        ls_activation_softmax.backward(NULL, y, g, 1, n);
        for (size_t i = 0; i < n; i++)
            dX[at + i * inner] = (call->first_use ? 0.0f : dX[at + i * inner]) + g[i];
    }
}

static const ls_option softmax_options[] = {
    {.name = "axis",
     .kind = LS_OPTION_INT,
     .offset = offsetof(softmax_config, axis),
     .initial = "-1",
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    {.name = NULL},
};

static ls_status mask_shape_softmax(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                    ls_shape *out)
{
    if (in[0])
        return ls_layer_fail(layer, "does not take a masked sequence: Keras would take the mask for one of the values "
                                    "within a softmax; activation: {activation: softmax} leaves it as it is");
    return ls_mask_pass(layer, in, inputs, has, out);
}

const ls_layer_ops ls_layer_softmax = {
    .ops = {.name = "softmax",
            .keras_name = "Softmax",
            .options = softmax_options,
            .config_bytes = sizeof(softmax_config)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_softmax,
    .mask_shape = mask_shape_softmax,
    .forward = forward_softmax,
    .backward = backward_softmax,
};
