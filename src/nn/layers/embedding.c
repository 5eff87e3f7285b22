/*
 * embedding: every input number i becomes row i of the table.  X (R,…)  embeddings (input_dim,output_dim)
 * Y (R,…,output_dim). Numbers that are not whole are cut to integers. A number outside [0, input_dim) gives NaN;
 * whoever runs the model finds it first: in the data (ls_array_check_rows) or in what other layers gave
 * (ls_engine_check_rows).
 *
 * The gradient is dense: rows of dY are added to the rows of the table they came from, in order. Inputs get none.
 */
#include "nn/layers/layers.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct embedding {
    int64_t input_dim, output_dim;
    ls_component embeddings_initializer, embeddings_regularizer, embeddings_constraint, activity_regularizer;
    bool mask_zero;
} embedding;

static ls_status build_embedding(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const embedding *config = layer->config;
    const ls_shape table = {.axes = 2, .dim = {(size_t)config->input_dim, (size_t)config->output_dim}};

    if (in[0].axes == LS_AXES_MAX)
        return ls_layer_fail(layer, "takes inputs of at most %d axes besides the batch", LS_AXES_MAX - 1);
    *out = in[0];
    out->dim[out->axes++] = (size_t)config->output_dim;
    LS_TRY(ls_shape_check(out, "the output of embedding"));
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    layer->activity_regularizer = config->activity_regularizer;
    return ls_layer_add_param(layer, "embeddings", &table, true, &config->embeddings_initializer,
                              &config->embeddings_regularizer, &config->embeddings_constraint);
}

/* With mask_zero the number 0 stands for no input at all. */
static ls_status mask_shape_embedding(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                      ls_shape *out)
{
    (void)in;
    (void)inputs;
    *has = ((const embedding *)layer->config)->mask_zero;
    *out = layer->in_shape[0];
    return LS_OK;
}

static void write_mask_embedding(const ls_call *call, float *mask)
{
    ls_mask_of_values(call->X[0], 0.0f, call->rows * ls_shape_size(&call->layer->in_shape[0]), 1, mask);
}

/* Row of the table for an input number; SIZE_MAX if there is none. */
static size_t row_of(const embedding *config, float x)
{
    return x > -1.0f && (double)x < (double)config->input_dim ? (size_t)x : SIZE_MAX;
}

static size_t table_rows(const ls_layer *layer)
{
    return (size_t)((const embedding *)layer->config)->input_dim;
}

static void forward_embedding(const ls_call *call)
{
    const embedding *config = call->layer->config;
    const size_t n = (size_t)config->output_dim, positions = call->rows * ls_shape_size(&call->layer->in_shape[0]);
    const float *table = call->layer->param[0].value;

    for (size_t p = 0; p < positions; p++) {
        const size_t row = row_of(config, call->X[0][p]);

        if (row != SIZE_MAX)
            ls_copy(table + row * n, call->Y + p * n, n);
        for (size_t i = 0; row == SIZE_MAX && i < n; i++)
            call->Y[p * n + i] = NAN;
    }
}

static size_t tiles_embedding(const ls_layer *layer)
{
    const ls_shape *table = &layer->param[0].shape;
    const size_t rows = ls_tile_rows(table->dim[1]);

    return (table->dim[0] + rows - 1) / rows;
}

static void tile_range_embedding(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const size_t whole = ls_pad_block(layer->param[0].size);
    const size_t size = ls_tile_rows(layer->param[0].shape.dim[1]) * layer->param[0].shape.dim[1];

    *first = tile * size;
    *n = *first + size < whole ? size : whole - *first;
}

static void backward_params_embedding(const ls_call *call, size_t tile, float *out)
{
    const embedding *config = call->layer->config;
    const ls_shape *table = &call->layer->param[0].shape;
    const size_t n = table->dim[1], positions = call->rows * ls_shape_size(&call->layer->in_shape[0]);
    const size_t tile_rows = ls_tile_rows(n), first = tile * tile_rows;
    const size_t rows = table->dim[0] - first < tile_rows ? table->dim[0] - first : tile_rows;

    memset(out, 0, rows * n * sizeof *out);
    for (size_t p = 0; p < positions; p++) {
        const size_t row = row_of(config, call->X[0][p]);

        if (row != SIZE_MAX && row >= first && row - first < rows)
            ls_add(call->dY + p * n, out + (row - first) * n, n);
    }
}

static const ls_option options[] = {
    {.name = "input_dim",
     .kind = LS_OPTION_INT,
     .offset = offsetof(embedding, input_dim),
     .min = 1,
     .max = 1 << 24 /* indices arrive as float32, which has no larger whole numbers in a row */},
    {.name = "output_dim", .kind = LS_OPTION_INT, .offset = offsetof(embedding, output_dim), .min = 1, .max = INT_MAX},
    LS_COMPONENT_OPTION(embedding, embeddings_initializer, ls_initializers, "uniform"),
    LS_COMPONENT_OPTION(embedding, embeddings_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(embedding, activity_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(embedding, embeddings_constraint, ls_constraints, "null"),
    {.name = "mask_zero", .kind = LS_OPTION_BOOL, .offset = offsetof(embedding, mask_zero), .initial = "false"},
    {.name = NULL},
};

const ls_layer_ops ls_layer_embedding = {
    .ops = {.name = "embedding", .keras_name = "Embedding", .options = options, .config_bytes = sizeof(embedding)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_embedding,
    .mask_shape = mask_shape_embedding,
    .write_mask = write_mask_embedding,
    .mask_kind = LS_MASK_OF_NUMBERS,
    .table_rows = table_rows,
    .forward = forward_embedding,
    .backward_params = backward_params_embedding,
    .tiles = tiles_embedding,
    .tile_range = tile_range_embedding,
};
