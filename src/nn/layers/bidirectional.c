/*
 * bidirectional (Schuster, Paliwal, 1997): a recurrent layer and a second one, with weights of its own, that walks the
 * other way; their outputs for the same time are put side by side, added, multiplied or averaged.
 *
 * Records of both directions lie one behind the other, step by step, so that each direction's are an arithmetic
 * progression again (recurrent.h).
 */
#include <string.h>

#include "base/memory.h"
#include "nn/layers/recurrent.h"

enum { CONCAT, SUM, MUL, AVE };
static const char *const merge_modes[] = {"concat", "sum", "mul", "ave", NULL};

typedef struct bidirectional {
    ls_component layer, backward_layer;
    int merge_mode;
    ls_layer direction[2];
} bidirectional;

static const char *const names[2][3] = {{"forward_kernel", "forward_recurrent_kernel", "forward_bias"},
                                        {"backward_kernel", "backward_recurrent_kernel", "backward_bias"}};
static const char *const groups[2] = {"forward_layer", "backward_layer"};

static const ls_recurrent *recurrent_of(const ls_component *component)
{
    return component->config;
}

static const ls_recurrent *direction_of(const ls_call *call, size_t d)
{
    return ((const bidirectional *)call->layer->config)->direction[d].config;
}

static ls_status check_bidirectional(const void *config, const ls_config *at)
{
    const bidirectional *b = config;
    const ls_recurrent *one = recurrent_of(&b->layer), *two = recurrent_of(&b->backward_layer);

    if (two ? one->go_backwards == two->go_backwards : one->go_backwards)
        return ls_config_fail(at, "one of layer and backward_layer has go_backwards: true, the other has not; without "
                                  "a backward_layer, layer has not");
    if (two && (one->return_sequences != two->return_sequences || one->units != two->units))
        return ls_config_fail(at, "layer and backward_layer must have the same units and return_sequences");
    if (b->merge_mode != CONCAT && (one->activity_regularizer.ops || (two && two->activity_regularizer.ops)))
        return ls_config_fail(at, "an activity_regularizer acts on the outputs of both directions, which only "
                                  "merge_mode: concat keeps");
    if (two && one->activity_regularizer.ops != two->activity_regularizer.ops)
        return ls_config_fail(at, "layer and backward_layer must have the same activity_regularizer");
    return LS_OK;
}

/* The second direction is the first one the other way, unless it is given. */
static ls_status make_second(bidirectional *b)
{
    ls_recurrent *two;

    if (b->backward_layer.ops)
        return LS_OK;
    LS_TRY(ls_component_copy(&b->layer, &b->backward_layer));
    two = b->backward_layer.config;
    two->go_backwards = true;
    return LS_OK;
}

static ls_status build_bidirectional(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    bidirectional *b = layer->config;
    ls_layer *const one = &b->direction[0], *const two = &b->direction[1];
    ls_recurrent *first, *second;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    LS_TRY(make_second(b));
    first = b->layer.config;
    second = b->backward_layer.config;
    first->zero_output_for_mask = second->zero_output_for_mask = first->return_sequences; /* as Keras has it */
    LS_TRY(ls_layer_build_inner(one, layer, &b->layer, in, out));
    LS_TRY(ls_layer_build_inner(two, layer, &b->backward_layer, in, out));
    if (b->merge_mode == CONCAT)
        out->dim[out->axes - 1] *= 2;
    if (layer->built)
        return LS_OK;
    for (size_t d = 0; d < 2; d++)
        LS_TRY(ls_layer_add_inner_params(layer, &b->direction[d], names[d], groups[d]));
    first->step = second->step = first->record + second->record;
    second->first_random = first->input_masks * first->in + first->operands * first->u;
    layer->activity_regularizer = one->activity_regularizer;
    layer->scratch_fixed = one->scratch_fixed > two->scratch_fixed ? one->scratch_fixed : two->scratch_fixed;
    layer->scratch_per_sample =
        one->scratch_per_sample > two->scratch_per_sample ? one->scratch_per_sample : two->scratch_per_sample;
    if (!ls_size_mul(first->steps, first->step, &layer->saved_per_sample))
        return ls_layer_fail(layer, "a sequence of %zu steps is too long", first->steps);
    return LS_OK;
}

static ls_status mask_shape_bidirectional(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                          ls_shape *out)
{
    return ls_recurrent_mask_shape(&((const bidirectional *)layer->config)->direction[0], in, inputs, has, out);
}

static void placed_bidirectional(ls_layer *layer)
{
    bidirectional *b = layer->config;

    ls_layer_place_inner(layer, 0, &b->direction[0]);
    ls_layer_place_inner(layer, b->direction[0].params, &b->direction[1]);
}

static void initialize_bidirectional(const ls_layer *layer)
{
    const bidirectional *b = layer->config;

    for (size_t d = 0; d < 2; d++)
        if (b->direction[d].ops->initialize)
            b->direction[d].ops->initialize(&b->direction[d]);
}

static float *records_of(const ls_call *call, size_t d)
{
    return call->saved + (d ? direction_of(call, 0)->record : 0);
}

/* Outputs of one sample. */
static size_t positions_of(const ls_call *call)
{
    const ls_recurrent *one = direction_of(call, 0);

    return one->return_sequences ? one->steps : 1;
}

/* h of direction d at position p of the output: the second direction's last step is the first position. */
static const float *output_of(const ls_call *call, size_t d, size_t row, size_t p)
{
    const ls_recurrent *l = direction_of(call, d);
    const size_t k = !l->return_sequences ? l->steps - 1 : d ? l->steps - 1 - p : p;

    return ls_recurrent_output(l, call, records_of(call, d), row, k);
}

static LS_CLONES void merge(int mode, const float *restrict a, const float *restrict b, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = mode == MUL ? a[i] * b[i] : mode == AVE ? (a[i] + b[i]) / 2.0f : a[i] + b[i];
}

static void forward_bidirectional(const ls_call *call)
{
    const bidirectional *b = call->layer->config;
    const size_t u = direction_of(call, 0)->u, positions = positions_of(call);
    const size_t width = b->merge_mode == CONCAT ? 2 * u : u;

    for (size_t d = 0; d < 2; d++)
        ls_recurrent_run(&b->direction[d], call, records_of(call, d));
    for (size_t r = 0; r < call->rows; r++)
        for (size_t p = 0; p < positions; p++) {
            float *y = call->Y + (r * positions + p) * width;
            const float *one = output_of(call, 0, r, p), *two = output_of(call, 1, r, p);

            if (!one || !two) { /* a masked step */
                memset(y, 0, width * sizeof *y);
            } else if (b->merge_mode == CONCAT) {
                ls_copy(one, y, u);
                ls_copy(two, y + u, u);
            } else {
                merge(b->merge_mode, one, two, y, u);
            }
        }
}

static LS_CLONES void add_half(const float *restrict x, float *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += x[i] / 2.0f;
}

static void add_gradient(const ls_call *call, size_t d, size_t row, size_t k, float *dh)
{
    const bidirectional *b = call->layer->config;
    const ls_recurrent *l = direction_of(call, d);
    const size_t u = l->u, positions = positions_of(call), p = positions == 1 ? 0 : d ? l->steps - 1 - k : k;
    const float *dy = call->dY + (row * positions + p) * (b->merge_mode == CONCAT ? 2 * u : u);

    if ((!l->return_sequences && k + 1 != l->steps) || !output_of(call, d, row, p))
        return;
    switch (b->merge_mode) {
    case CONCAT:
        ls_add(dy + d * u, dh, u);
        break;
    case SUM:
        ls_add(dy, dh, u);
        break;
    case MUL:
        ls_add_products(dy, output_of(call, 1 - d, row, p), dh, u);
        break;
    case AVE:
        add_half(dy, dh, u);
        break;
    }
}

static void add_first_gradient(const ls_call *call, size_t row, size_t k, float *dh)
{
    add_gradient(call, 0, row, k, dh);
}

static void add_second_gradient(const ls_call *call, size_t row, size_t k, float *dh)
{
    add_gradient(call, 1, row, k, dh);
}

static void prepare_bidirectional(const ls_call *call)
{
    const bidirectional *b = call->layer->config;

    ls_recurrent_run_back(&b->direction[0], call, records_of(call, 0), add_first_gradient);
    ls_recurrent_run_back(&b->direction[1], call, records_of(call, 1), add_second_gradient);
}

static void backward_bidirectional(const ls_call *call)
{
    const bidirectional *b = call->layer->config;

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for (size_t d = 0; d < 2; d++)
        ls_recurrent_input_gradient(&b->direction[d], call, records_of(call, d));
}

/* Tiles of the first direction, then of the second. */

static size_t tiles_bidirectional(const ls_layer *layer)
{
    const bidirectional *b = layer->config;

    return ls_recurrent_tiles(&b->direction[0]) + ls_recurrent_tiles(&b->direction[1]);
}

static size_t direction_of_tile(const bidirectional *b, size_t *tile)
{
    const size_t first = ls_recurrent_tiles(&b->direction[0]);

    if (*tile < first)
        return 0;
    *tile -= first;
    return 1;
}

static void tile_range_bidirectional(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const bidirectional *b = layer->config;
    const size_t d = direction_of_tile(b, &tile);

    ls_recurrent_tile_range(&b->direction[d], tile, first, n);
    for (size_t p = 0; d && p < b->direction[0].params; p++)
        *first += ls_pad_block(b->direction[0].param[p].size);
}

static void backward_params_bidirectional(const ls_call *call, size_t tile, float *out)
{
    const bidirectional *b = call->layer->config;
    const size_t d = direction_of_tile(b, &tile);

    ls_recurrent_params(&b->direction[d], call, records_of(call, d), tile, out);
}

static ls_product_sum first_param_product_bidirectional(const ls_call *call)
{
    const bidirectional *b = call->layer->config;

    return ls_recurrent_kernel_product(&b->direction[0], call, records_of(call, 0));
}

static const ls_ops *const recurrent[] = {&ls_layer_simple_rnn.ops, &ls_layer_gru.ops, &ls_layer_lstm.ops, NULL};
static const ls_registry recurrent_layers = {.what = "layer", .entries = recurrent};

static const ls_option options[] = {
    {.name = "layer",
     .kind = LS_OPTION_COMPONENT,
     .offset = offsetof(bidirectional, layer),
     .registry = &recurrent_layers},
    {.name = "merge_mode",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(bidirectional, merge_mode),
     .initial = "concat",
     .choices = merge_modes,
     .nullable = true,
     .advice = "null, which is two outputs, is not supported: a layer has one"},
    {.name = "backward_layer",
     .kind = LS_OPTION_COMPONENT,
     .offset = offsetof(bidirectional, backward_layer),
     .initial = "null",
     .registry = &recurrent_layers,
     .nullable = true},
    {.name = NULL},
};

const ls_layer_ops ls_layer_bidirectional = {
    .ops = {.name = "bidirectional",
            .keras_name = "Bidirectional",
            .options = options,
            .config_bytes = sizeof(bidirectional),
            .check = check_bidirectional},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_bidirectional,
    .mask_shape = mask_shape_bidirectional,
    .takes_mask = true,
    .placed = placed_bidirectional,
    .initialize = initialize_bidirectional,
    .forward = forward_bidirectional,
    .prepare_backward = prepare_bidirectional,
    .backward = backward_bidirectional,
    .backward_params = backward_params_bidirectional,
    .first_param_product = first_param_product_bidirectional,
    .tiles = tiles_bidirectional,
    .tile_range = tile_range_bidirectional,
};
