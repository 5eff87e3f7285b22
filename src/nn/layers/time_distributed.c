/*
 * time_distributed: a layer applied to every step of a sequence by itself, X (R,T,…) -> Y (R,T,…). To the layer the
 * steps are so many more rows.
 */
#include "nn/layers/layers.h"

#include "base/memory.h"

typedef struct time_distributed {
    ls_component layer;
    ls_layer inner;
    size_t steps;
    bool masks_inner; /* the mask says what counts within a step, too */
} time_distributed;

static ls_status check_inner(const ls_layer *layer, const ls_layer_ops *inner)
{
    if (inner->forward_rounds > 0)
        return ls_layer_fail(layer,
                             "cannot wrap '%s': Keras takes its statistics step by step, one after the other; without "
                             "time_distributed it takes them over all steps",
                             inner->ops.name);
    if (inner->table_rows)
        return ls_layer_fail(layer, "cannot wrap '%s', which takes inputs of any number of axes by itself",
                             inner->ops.name);
    return LS_OK;
}

static ls_status build_time_distributed(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    time_distributed *c = layer->config;
    ls_shape one = {.axes = in->axes - 1}, each;
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes < 2)
        return ls_layer_fail(layer, "takes sequences, (samples, steps, …), not %s", ls_shape_format_batch(in, text));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    for (size_t i = 1; i < in->axes; i++)
        one.dim[i - 1] = in->dim[i];
    LS_TRY(check_inner(layer, (const ls_layer_ops *)c->layer.ops));
    LS_TRY(ls_layer_build_inner(&c->inner, layer, &c->layer, &one, &each));
    if (each.axes == LS_AXES_MAX)
        return ls_layer_fail(layer, "an output of more than %d axes besides the batch", LS_AXES_MAX);
    *out = (ls_shape){.axes = each.axes + 1, .dim = {in->dim[0]}};
    for (size_t i = 0; i < each.axes; i++)
        out->dim[i + 1] = each.dim[i];
    LS_TRY(ls_shape_check(out, "the output of time_distributed"));
    if (layer->built)
        return LS_OK;
    c->steps = in->dim[0];
    layer->activation = c->inner.activation;
    layer->activity_regularizer = c->inner.activity_regularizer;
    layer->scratch_fixed = c->inner.scratch_fixed;
    if (!ls_size_mul(c->steps, c->inner.saved_per_sample, &layer->saved_per_sample) ||
        !ls_size_mul(c->steps, c->inner.scratch_per_sample, &layer->scratch_per_sample))
        return ls_layer_fail(layer, "a sequence of %zu steps is too long", c->steps);
    return ls_layer_add_inner_params(layer, &c->inner, NULL, "layer");
}

static const ls_layer *inner_of(const ls_layer *layer)
{
    return &((const time_distributed *)layer->config)->inner;
}

/* The mask of the steps goes on. One that goes on into a step is the inner layer's; it does not fit what that gives. */
static ls_status mask_shape_time_distributed(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                             ls_shape *out)
{
    time_distributed *c = layer->config;
    const ls_layer *inner = inner_of(layer);
    const ls_shape *one = NULL;
    ls_shape within = {0}, ignored;
    bool any;

    LS_TRY(ls_mask_pass(layer, in, inputs, has, out));
    c->masks_inner = in[0] && in[0]->axes > 1;
    if (in[0] && !c->masks_inner && inner->ops->takes_mask)
        return ls_layer_fail(layer,
                             "hands the mask on to '%s', but it has nothing within a step: put a layer that "
                             "takes no mask (reshape) before it",
                             inner->ops->ops.name);
    if (!c->masks_inner)
        return LS_OK;
    *has = false;
    within.axes = in[0]->axes - 1;
    for (size_t i = 0; i < within.axes; i++)
        within.dim[i] = in[0]->dim[i + 1];
    one = &within;
    return inner->ops->mask_shape ? inner->ops->mask_shape(inner, &one, 1, &any, &ignored) : LS_OK;
}

static void placed_time_distributed(ls_layer *layer)
{
    ls_layer_place_inner(layer, 0, &((time_distributed *)layer->config)->inner);
}

static void initialize_time_distributed(const ls_layer *layer)
{
    const ls_layer *inner = inner_of(layer);

    if (inner->ops->initialize)
        inner->ops->initialize(inner);
}

static ls_call inner_call(const ls_call *call)
{
    const time_distributed *c = call->layer->config;
    ls_call own = *call;

    own.layer = &c->inner;
    own.rows = call->rows * c->steps;
    own.mask = c->masks_inner ? call->mask : NULL;
    own.steps = c->steps * (call->steps ? call->steps : 1);
    return own;
}

static void forward_time_distributed(const ls_call *call)
{
    const ls_call own = inner_call(call);

    own.layer->ops->forward(&own);
}

static void prepare_time_distributed(const ls_call *call)
{
    const ls_call own = inner_call(call);

    if (own.layer->ops->prepare_backward)
        own.layer->ops->prepare_backward(&own);
}

static void backward_time_distributed(const ls_call *call)
{
    const ls_call own = inner_call(call);

    own.layer->ops->backward(&own);
}

static void backward_params_time_distributed(const ls_call *call, size_t tile, float *out)
{
    const ls_call own = inner_call(call);

    own.layer->ops->backward_params(&own, tile, out);
}

static ls_product_sum first_param_product_time_distributed(const ls_call *call)
{
    const ls_call own = inner_call(call);
    ls_product_sum products = {.A = {.at = NULL}};

    if (own.layer->ops->first_param_product)
        products = own.layer->ops->first_param_product(&own);
    products.length *= ((const time_distributed *)call->layer->config)->steps;
    return products;
}

static size_t tiles_time_distributed(const ls_layer *layer)
{
    const ls_layer *inner = inner_of(layer);

    return inner->ops->tiles ? inner->ops->tiles(inner) : 1;
}

static void tile_range_time_distributed(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const ls_layer *inner = inner_of(layer);

    *first = *n = 0;
    if (inner->ops->tiles)
        inner->ops->tile_range(inner, tile, first, n);
    else
        for (size_t p = 0; p < inner->params && inner->param[p].trainable; p++)
            *n += ls_pad_block(inner->param[p].size);
}

/* What can be wrapped is any layer; build refuses the few that cannot. */
#define ENTRY(name) &ls_layer_##name.ops,
static const ls_ops *const entries[] = {LS_LAYER_LIST(ENTRY) NULL};
static const ls_registry any_layer = {.what = "layer", .entries = entries};

static const ls_option options[] = {
    {.name = "layer", .kind = LS_OPTION_COMPONENT, .offset = offsetof(time_distributed, layer), .registry = &any_layer},
    {.name = NULL},
};

const ls_layer_ops ls_layer_time_distributed = {
    .ops = {.name = "time_distributed",
            .keras_name = "TimeDistributed",
            .options = options,
            .config_bytes = sizeof(time_distributed)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_time_distributed,
    .mask_shape = mask_shape_time_distributed,
    .takes_mask = true,
    .placed = placed_time_distributed,
    .initialize = initialize_time_distributed,
    .forward = forward_time_distributed,
    .prepare_backward = prepare_time_distributed,
    .backward = backward_time_distributed,
    .backward_params = backward_params_time_distributed,
    .first_param_product = first_param_product_time_distributed,
    .tiles = tiles_time_distributed,
    .tile_range = tile_range_time_distributed,
};
