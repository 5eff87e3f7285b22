/* What the layers share. */
#include "nn/layers/layers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const ls_data_formats[] = {"channels_last", NULL};

ls_status ls_layer_add_param(ls_layer *layer, const char *name, const ls_shape *shape, bool trainable,
                             const ls_component *initializer, const ls_component *regularizer,
                             const ls_component *constraint)
{
    ls_param *param;

    if (layer->params == LS_LAYER_PARAMS_MAX)
        return ls_layer_fail(layer, "more than %d weights", LS_LAYER_PARAMS_MAX);
    if (trainable && layer->params > 0 && !layer->param[layer->params - 1].trainable)
        return ls_layer_fail(layer, "trainable weight '%s' is declared after one that is not", name);
    LS_TRY(ls_shape_check(shape, name));
    param = &layer->param[layer->params++];
    *param = (ls_param){.name = name, .shape = *shape, .size = ls_shape_size(shape), .trainable = trainable};
    if (initializer)
        param->initializer = *initializer;
    if (regularizer)
        param->regularizer = *regularizer;
    if (constraint)
        param->constraint = *constraint;
    return LS_OK;
}

ls_status(ls_layer_fail)(const ls_layer *layer, const char *format, ...)
{
    char message[800];
    const ls_config *at = layer->at;
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ls_fail(LS_ERR_SHAPE, "layer '%s' (%s): %s", layer->name ? layer->name : "?", layer->ops->ops.name, message);
    if (at && at->file && at->line > 0)
        return ls_fail_in(LS_ERR_SHAPE, "%s:%d:%d", at->file, at->line, at->column);
    if (at && at->file)
        return ls_fail_in(LS_ERR_SHAPE, "%s", at->file);
    return LS_ERR_SHAPE;
}

ls_stream ls_call_stream(const ls_call *call, ls_purpose purpose, size_t row)
{
    const size_t steps = call->steps ? call->steps : 1;

    return ls_stream_at(call->place.seed, purpose, call->place.update ^ ((uint64_t)(row % steps) << 40),
                        ((uint64_t)call->node << 40) ^ (call->place.position + row / steps));
}

ls_status ls_layer_build_inner(ls_layer *inner, const ls_layer *wrapper, const ls_component *component,
                               const ls_shape *in, ls_shape *out)
{
    if (!wrapper->built)
        *inner = (ls_layer){.ops = (const ls_layer_ops *)component->ops,
                            .name = wrapper->name,
                            .config = component->config,
                            .trainable = true,
                            .at = wrapper->at};
    if (inner->ops->inputs_min != 1)
        return ls_layer_fail(wrapper, "cannot wrap '%s', which takes several inputs", inner->ops->ops.name);
    LS_TRY(inner->ops->build(inner, in, 1, out));
    inner->in_count = 1;
    inner->in_shape[0] = *in;
    inner->out_shape = *out;
    inner->built = true;
    return LS_OK;
}

ls_status ls_layer_add_inner_params(ls_layer *wrapper, const ls_layer *inner, const char *const *names,
                                    const char *group)
{
    for (size_t p = 0; p < inner->params; p++) {
        const ls_param *param = &inner->param[p];
        ls_param *own;

        LS_TRY(ls_layer_add_param(wrapper, names ? names[p] : param->name, &param->shape, param->trainable,
                                  &param->initializer, &param->regularizer, &param->constraint));
        own = &wrapper->param[wrapper->params - 1];
        if (snprintf(own->group, sizeof own->group, "%s%s%s", group, *param->group ? "/" : "", param->group) >=
            (int)sizeof own->group)
            return ls_layer_fail(wrapper, "has too many layers within each other");
    }
    return LS_OK;
}

void ls_layer_place_inner(const ls_layer *wrapper, size_t first, ls_layer *inner)
{
    for (size_t p = 0; p < inner->params; p++) {
        inner->param[p].value = wrapper->param[first + p].value;
        inner->param[p].offset = wrapper->param[first + p].offset;
    }
    if (inner->ops->placed)
        inner->ops->placed(inner);
}

ls_status ls_mask_pass(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has, ls_shape *out)
{
    (void)layer;
    (void)inputs;
    *has = in[0] != NULL;
    if (*has)
        *out = *in[0];
    return LS_OK;
}

const float *ls_call_mask(const ls_call *call, size_t input)
{
    return call->mask ? call->mask[input] : NULL;
}

void ls_mask_of_values(const float *x, float value, size_t n, size_t run, float *mask)
{
    for (size_t i = 0; i < n; i++) {
        bool any = false;

        for (size_t k = 0; k < run; k++)
            any |= x[i * run + k] != value;
        mask[i] = any;
    }
}

#define TILE_FLOATS ((size_t)32768)

size_t ls_tile_rows(size_t columns)
{
    size_t a = columns, b = LS_BLOCK, step;

    while (b > 0) {
        const size_t rest = a % b;

        a = b;
        b = rest;
    }
    step = LS_BLOCK / a; /* a is the greatest common divisor: step rows are whole blocks */
    return step * columns >= TILE_FLOATS ? step : TILE_FLOATS / (step * columns) * step;
}

ls_status ls_layer_same_inputs(const ls_layer *layer, const ls_shape *in, size_t inputs)
{
    const size_t kept = sizeof layer->in_shape / sizeof layer->in_shape[0];
    char built[LS_SHAPE_TEXT_BYTES], called[LS_SHAPE_TEXT_BYTES];

    if (inputs != layer->in_count)
        return ls_layer_fail(layer, "is shared: it was built for %zu inputs and is called with %zu", layer->in_count,
                             inputs);
    for (size_t i = 0; i < inputs && i < kept; i++)
        if (!ls_shape_equal(&in[i], &layer->in_shape[i]))
            return ls_layer_fail(layer, "is shared: it was built for input shape %s and is called with %s",
                                 ls_shape_format_batch(&layer->in_shape[i], built),
                                 ls_shape_format_batch(&in[i], called));
    return LS_OK;
}

void ls_give(const ls_call *call, const float *v, float *dX, size_t n)
{
    if (call->first_use)
        ls_copy(v, dX, n);
    else
        ls_add(v, dX, n);
}

void ls_forward_copy(const ls_call *call)
{
    ls_copy(call->X[0], call->Y, call->rows * ls_shape_size(&call->layer->in_shape[0]));
}

void ls_backward_copy(const ls_call *call)
{
    if (call->dX[0])
        ls_give(call, call->dY, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
}

void ls_clear_if_first(const ls_call *call, float *dX, size_t n)
{
    if (call->first_use && n > 0)
        memset(dX, 0, n * sizeof *dX);
}

bool ls_axis_index(int64_t axis, size_t axes, size_t *index)
{
    const int64_t all = (int64_t)axes + 1, counted = axis < 0 ? axis + all : axis;

    *index = counted > 0 ? (size_t)counted - 1 : 0;
    return counted >= 1 && counted < all;
}
