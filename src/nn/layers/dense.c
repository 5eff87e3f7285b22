/*
 * Fully connected layer over the last axis, Y = X K + b.
 *
 * X (R,…,in)  K (in,units)  b (units)  Y (R,…,units), row-major float32. The axes between batch and last are positions:
 * GEMM sees R x positions rows.
 */
#include "nn/layers/layers.h"

#include <limits.h>

typedef struct dense {
    int64_t units;
    ls_component activation;
    bool use_bias;
    ls_component kernel_initializer, bias_initializer;
    ls_component kernel_regularizer, bias_regularizer, activity_regularizer;
    ls_component kernel_constraint, bias_constraint;
} dense;

enum { KERNEL, BIAS };

static ls_status build_dense(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const dense *config = layer->config;
    const size_t units = (size_t)config->units;
    ls_shape kernel, bias = {.axes = 1, .dim = {units}};

    if (in->axes == 0)
        return ls_layer_fail(layer, "takes inputs of at least one axis besides the batch, not single numbers");
    *out = *in;
    out->dim[in->axes - 1] = units;
    LS_TRY(ls_shape_check(out, "the output of dense"));
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);

    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    kernel = (ls_shape){.axes = 2, .dim = {in->dim[in->axes - 1], units}};
    layer->does_relu = true;
    LS_TRY(ls_layer_add_param(layer, "kernel", &kernel, true, &config->kernel_initializer, &config->kernel_regularizer,
                              &config->kernel_constraint));
    if (config->use_bias)
        LS_TRY(ls_layer_add_param(layer, "bias", &bias, true, &config->bias_initializer, &config->bias_regularizer,
                                  &config->bias_constraint));
    return LS_OK;
}

static size_t inputs_of(const ls_layer *layer)
{
    return layer->param[KERNEL].shape.dim[0];
}

static size_t units_of(const ls_layer *layer)
{
    return layer->param[KERNEL].shape.dim[1];
}

/* Rows of the GEMMs: samples x positions. */
static size_t rows_of(const ls_call *call)
{
    return call->rows * (ls_shape_size(&call->layer->in_shape[0]) / inputs_of(call->layer));
}

/* Segment by segment of the sum: the same additions, each with rows of the kernel that lie one behind the other. */
static void run_as_weights_arrive(const ls_call *call, const ls_product *product)
{
    const size_t in = inputs_of(call->layer), segments = ls_product_segments(in);

    for (size_t s = 0; s < segments; s++) {
        const size_t begin = ls_product_segment_begin(in, s), end = ls_product_segment_begin(in, s + 1);
        const bool last = s + 1 == segments;
        ls_product p = *product;

        call->arrival->wait(call->arrival->context, call->layer, last ? SIZE_MAX : end * p.n);
        p.A.at += begin;
        p.A.sum.count[2] = end - begin;
        p.B += begin * p.n;
        p.add = s > 0;
        if (!last) {
            p.bias = NULL;
            p.relu = false;
        }
        ls_product_run(&p);
    }
}

static void forward_dense(const ls_call *call)
{
    const ls_layer *layer = call->layer;
    const size_t rows = rows_of(call), in = inputs_of(layer), units = units_of(layer);
    const float *const K = layer->param[KERNEL].value;
    const float *const bias = layer->params > BIAS ? layer->param[BIAS].value : NULL;

    if (call->arithmetic == LS_ARITHMETIC_PORTABLE) {
        const ls_product product = {.A = ls_product_matrix(call->X[0], in, false, rows, in),
                                    .B = K,
                                    .ldb = units,
                                    .n = units,
                                    .C = call->Y,
                                    .ldc = units,
                                    .bias = bias,
                                    .relu = call->relu};

        if (call->arrival)
            run_as_weights_arrive(call, &product);
        else
            ls_product_run(&product);
        return;
    }
    ls_multiply(call->arithmetic, 'n', 'n', rows, units, in, call->X[0], in, K, units, false, call->Y, units);
    if (bias)
        ls_add_rows(call->Y, bias, rows, units);
}

/* dX = dY K^T */
static void backward_dense(const ls_call *call)
{
    const ls_layer *layer = call->layer;
    const size_t rows = rows_of(call), in = inputs_of(layer), units = units_of(layer);

    if (call->dX[0])
        ls_multiply(call->arithmetic, 'n', 't', rows, in, units, call->dY, units, layer->param[KERNEL].value, units,
                    !call->first_use, call->dX[0], in);
}

/* Tiles: rows of the kernel, ls_tile_rows at a time; then the bias. */

static size_t kernel_tiles(const ls_layer *layer)
{
    const size_t rows = ls_tile_rows(units_of(layer));

    return (inputs_of(layer) + rows - 1) / rows;
}

static size_t tiles_dense(const ls_layer *layer)
{
    return kernel_tiles(layer) + (layer->params > BIAS);
}

static void tile_range_dense(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const size_t kernel = ls_pad_block(layer->param[KERNEL].size),
                 size = ls_tile_rows(units_of(layer)) * units_of(layer);

    if (tile == kernel_tiles(layer)) {
        *first = kernel;
        *n = ls_pad_block(layer->param[BIAS].size);
        return;
    }
    *first = tile * size;
    *n = *first + size < kernel ? size : kernel - *first;
}

/* dK[r0…r1) = X[:, r0…r1)^T dY; db = sum of the rows of dY. */
static void backward_params_dense(const ls_call *call, size_t tile, float *out)
{
    const ls_layer *layer = call->layer;
    const size_t rows = rows_of(call), in = inputs_of(layer), units = units_of(layer);
    const size_t tile_rows = ls_tile_rows(units), first = tile * tile_rows;

    if (tile == kernel_tiles(layer))
        ls_sum_rows(call->dY, rows, units, out);
    else
        ls_multiply(call->arithmetic, 't', 'n', in - first < tile_rows ? in - first : tile_rows, units, rows,
                    call->X[0] + first, in, call->dY, units, false, out, units);
}

static ls_product_sum first_param_product_dense(const ls_call *call)
{
    const size_t rows = rows_of(call), in = inputs_of(call->layer), units = units_of(call->layer);

    return (ls_product_sum){.A = ls_product_matrix(call->X[0], in, true, in, rows),
                            .B = call->dY,
                            .ldb = units,
                            .n = units,
                            .length = rows / call->rows};
}

static const ls_option options[] = {
    {.name = "units", .kind = LS_OPTION_INT, .offset = offsetof(dense, units), .min = 1, .max = INT_MAX},
    LS_COMPONENT_OPTION(dense, activation, ls_activations, "null"),
    {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = offsetof(dense, use_bias), .initial = "true"},
    LS_COMPONENT_OPTION(dense, kernel_initializer, ls_initializers, "glorot_uniform"),
    LS_COMPONENT_OPTION(dense, bias_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(dense, kernel_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(dense, bias_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(dense, activity_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(dense, kernel_constraint, ls_constraints, "null"),
    LS_COMPONENT_OPTION(dense, bias_constraint, ls_constraints, "null"),
    {.name = NULL},
};

const ls_layer_ops ls_layer_dense = {
    .ops = {.name = "dense", .keras_name = "Dense", .options = options, .config_bytes = sizeof(dense)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_dense,
    .mask_shape = ls_mask_pass,
    .forward = forward_dense,
    .reads_in_order = true,
    .backward = backward_dense,
    .backward_params = backward_params_dense,
    .first_param_product = first_param_product_dense,
    .tiles = tiles_dense,
    .tile_range = tile_range_dense,
};
