/* Recurrent layers: options, shapes, where things lie in a record, and gradients of weights. recurrent.h explains. */
#include "nn/layers/recurrent.h"

#include <string.h>

#include "base/memory.h"

enum { KERNEL, RECURRENT, BIAS };

ls_status ls_recurrent_mask_shape(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                  ls_shape *out)
{
    const ls_recurrent *c = layer->config;

    if (in[0] && (in[0]->axes != 1 || in[0]->dim[0] != c->steps))
        return ls_layer_fail(layer, "takes a mask of one number for each of its %zu steps", c->steps);
    LS_TRY(ls_mask_pass(layer, in, inputs, has, out));
    *has &= c->return_sequences;
    return LS_OK;
}

ls_status ls_recurrent_check(const void *config, const ls_config *at)
{
    const ls_recurrent *c = config;

    if (c->stateful)
        return ls_config_fail(at, "stateful: true is not supported: sample i of a batch would go on from sample i of "
                                  "the batch before, which is another one in every epoch and on every number of ranks; "
                                  "use longer sequences");
    if (c->return_state)
        return ls_config_fail(at, "return_state: true is not supported: a layer has one output here; "
                                  "return_sequences: true gives the states h of all steps");
    return LS_OK;
}

static bool reads_input(const ls_activation_ops *act)
{
    return act && act->backward_reads == LS_FROM_INPUT;
}

/* Places in a record: see recurrent.h. */
static void place_record(ls_recurrent *c)
{
    const size_t u = c->u;
    size_t at = c->width;

    c->inner = at;
    at += c->filled - c->width;
    c->operand = at;
    at += c->operands * u;
    c->h = at;
    at += u;
    c->c = at;
    c->act_c = at + u;
    at += c->cell->carries ? 2 * u : 0;
    c->before = reads_input(c->act) || reads_input(c->gate_act) ? at : SIZE_MAX;
    at += c->before == SIZE_MAX ? 0 : c->width;
    c->record = c->step = at;
}

/*
 * Which products a step has: one for all gates, unless recurrent_dropout gives every gate a mask of its own, or gru
 * keeps its last gate's apart.
 */
static void plan_groups(ls_recurrent *c)
{
    const size_t u = c->u, gates = c->cell->gates;
    const bool each = c->recurrent_dropout > 0 && gates > 1, apart = c->filled > c->width || c->cell->reset;
    const size_t last = apart ? 1 : 0, n = each ? gates : 1 + last;

    c->operands = each ? gates : c->cell->reset ? 2 : 1;
    c->groups = n;
    place_record(c);
    for (size_t g = 0; g < n; g++) {
        const bool is_last = apart && g + 1 == n;
        const size_t column = each ? g * u : is_last ? (gates - 1) * u : 0;

        c->group[g] = (ls_recurrent_group){
            .operand = c->operand + (each || (is_last && c->cell->reset) ? g * u : 0),
            .column = column,
            .columns = each || is_last ? u : (gates - last) * u,
            .into = is_last && !c->cell->reset ? c->inner : column,
        };
    }
}

static ls_status add_weights(ls_layer *layer)
{
    const ls_recurrent *c = layer->config;
    const ls_shape kernel = {2, {c->in, c->width}}, recurrent = {2, {c->u, c->width}};
    const ls_shape bias = c->filled > c->width ? (ls_shape){2, {2, c->width}} : (ls_shape){1, {c->width}};

    LS_TRY(ls_layer_add_param(layer, "kernel", &kernel, true, &c->kernel_initializer, &c->kernel_regularizer,
                              &c->kernel_constraint));
    LS_TRY(ls_layer_add_param(layer, "recurrent_kernel", &recurrent, true, &c->recurrent_initializer,
                              &c->recurrent_regularizer, &c->recurrent_constraint));
    if (c->use_bias)
        LS_TRY(ls_layer_add_param(layer, "bias", &bias, true, &c->bias_initializer, &c->bias_regularizer,
                                  &c->bias_constraint));
    for (size_t p = 0; p < layer->params; p++)
        strcpy(layer->param[p].group, "cell");
    return LS_OK;
}

/* What ls_recurrent_run and its kin take of call->scratch: see scratch_of. */
static ls_status plan_scratch(ls_layer *layer)
{
    const ls_recurrent *c = layer->config;
    const size_t masked = c->input_masks ? c->input_masks * c->in + c->steps * c->in : 0;

    layer->scratch_per_sample = masked + (c->recurrent_dropout > 0 ? c->operands * c->u : 0) + 4 * c->u;
    layer->scratch_fixed = c->width + c->u + c->filled;
    if (!ls_size_mul(c->steps, c->record, &layer->saved_per_sample))
        return ls_layer_fail(layer, "a sequence of %zu steps is too long", c->steps);
    return LS_OK;
}

ls_status ls_recurrent_build(ls_layer *layer, const ls_recurrent_cell *cell, const ls_shape *in, size_t inputs,
                             ls_shape *out)
{
    ls_recurrent *c = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes != 2)
        return ls_layer_fail(layer, "takes sequences of vectors, (samples, steps, features), not %s",
                             ls_shape_format_batch(in, text));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    c->cell = cell;
    c->u = (size_t)c->units;
    *out = c->return_sequences ? (ls_shape){2, {in->dim[0], c->u}} : (ls_shape){1, {c->u}};
    LS_TRY(ls_shape_check(out, "the output of a recurrent layer"));
    if (layer->built)
        return LS_OK;

    c->act = ls_activation(&c->activation);
    c->gate_act = ls_activation(&c->recurrent_activation);
    c->steps = in->dim[0];
    c->in = in->dim[1];
    c->width = cell->gates * c->u;
    c->filled = c->width + (c->reset_after && !cell->reset ? c->u : 0);
    c->input_masks = c->dropout > 0 ? (c->recurrent_dropout > 0 ? cell->gates : 1) : 0;
    plan_groups(c);
    layer->activity_regularizer = c->activity_regularizer;
    LS_TRY(add_weights(layer));
    return plan_scratch(layer);
}

/* --- gradients of weights: tiles of rows of the kernel, of the recurrent kernel, the bias ------------------------- */

static size_t matrix_tiles(const ls_layer *layer, size_t param)
{
    const ls_shape *shape = &layer->param[param].shape;
    const size_t rows = ls_tile_rows(shape->dim[1]);

    return (shape->dim[0] + rows - 1) / rows;
}

size_t ls_recurrent_tiles(const ls_layer *layer)
{
    return matrix_tiles(layer, KERNEL) + matrix_tiles(layer, RECURRENT) + (layer->params > BIAS);
}

/* The parameter that a tile belongs to; the tile becomes one of that parameter. */
static size_t param_of_tile(const ls_layer *layer, size_t *tile)
{
    for (size_t p = KERNEL; p < BIAS; p++) {
        const size_t tiles = matrix_tiles(layer, p);

        if (*tile < tiles)
            return p;
        *tile -= tiles;
    }
    return BIAS;
}

void ls_recurrent_tile_range(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const size_t p = param_of_tile(layer, &tile), whole = ls_pad_block(layer->param[p].size);
    const size_t columns = layer->param[p].shape.dim[layer->param[p].shape.axes - 1];
    const size_t size = p == BIAS ? whole : ls_tile_rows(columns) * columns, begin = tile * size;

    *first = begin;
    for (size_t before = 0; before < p; before++)
        *first += ls_pad_block(layer->param[before].size);
    *n = begin + size < whole ? size : whole - begin;
}

/* out (n) = the sum of what lies at `at` of all records, in order */
static void sum_records(const ls_recurrent *c, const float *records, size_t n_records, size_t at, size_t n, float *out)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n_records; i++)
        ls_add(records + i * c->step + at, out, n);
}

void ls_recurrent_params(const ls_layer *layer, const ls_call *call, const float *records, size_t tile, float *out)
{
    const ls_recurrent *c = layer->config;
    const size_t p = param_of_tile(layer, &tile), n = call->rows * c->steps, width = c->width;
    const size_t tile_rows = ls_tile_rows(width), first = tile * tile_rows;
    const size_t left = p == BIAS ? 0 : layer->param[p].shape.dim[0] - first;
    const size_t rows = left < tile_rows ? left : tile_rows;

    if (p == KERNEL)
        ls_recurrent_kernel_rows(layer, call, records, first, rows, out);
    if (p == BIAS)
        sum_records(c, records, n, 0, width, out);
    for (size_t g = 0; g < c->groups && p != KERNEL; g++) {
        const ls_recurrent_group *group = &c->group[g];

        if (p == RECURRENT)
            ls_multiply(call->arithmetic, 't', 'n', rows, group->columns, n, records + group->operand + first, c->step,
                        records + group->into, c->step, false, out + group->column, width);
        else if (c->filled > width)
            sum_records(c, records, n, group->into, group->columns, out + width + group->column);
    }
}

ls_product_sum ls_recurrent_kernel_product(const ls_layer *layer, const ls_call *call, const float *records)
{
    const ls_recurrent *c = layer->config;

    if (c->input_masks > 0)
        return (ls_product_sum){.A = {.at = NULL}};
    return (ls_product_sum){.A = ls_product_matrix(call->X[0], c->in, true, c->in, call->rows * c->steps),
                            .B = records,
                            .ldb = c->step,
                            .n = c->width,
                            .length = c->steps};
}

/* --- a layer of one direction ------------------------------------------------------------------------------------- */

void ls_recurrent_layer_forward(const ls_call *call)
{
    const ls_recurrent *c = call->layer->config;
    const size_t outputs = c->return_sequences ? c->steps : 1;

    ls_recurrent_run(call->layer, call, call->saved);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t k = 0; k < outputs; k++) {
            float *const y = call->Y + (r * outputs + k) * c->u;
            const float *h = ls_recurrent_output(c, call, call->saved, r, c->return_sequences ? k : c->steps - 1);

            if (h)
                ls_copy(h, y, c->u);
            else
                memset(y, 0, c->u * sizeof *y);
        }
}

static void add_output_gradient(const ls_call *call, size_t row, size_t k, float *dh)
{
    const ls_recurrent *c = call->layer->config;

    if (!ls_recurrent_output(c, call, call->saved, row, k))
        return;
    if (c->return_sequences)
        ls_add(call->dY + (row * c->steps + k) * c->u, dh, c->u);
    else if (k + 1 == c->steps)
        ls_add(call->dY + row * c->u, dh, c->u);
}

void ls_recurrent_layer_prepare(const ls_call *call)
{
    ls_recurrent_run_back(call->layer, call, call->saved, add_output_gradient);
}

void ls_recurrent_layer_backward(const ls_call *call)
{
    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    ls_recurrent_input_gradient(call->layer, call, call->saved);
}

ls_product_sum ls_recurrent_layer_product(const ls_call *call)
{
    return ls_recurrent_kernel_product(call->layer, call, call->saved);
}

void ls_recurrent_layer_params(const ls_call *call, size_t tile, float *out)
{
    ls_recurrent_params(call->layer, call, call->saved, tile, out);
}
