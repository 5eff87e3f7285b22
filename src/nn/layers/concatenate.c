/*
 * concatenate: inputs one after the other along an axis; all other dimensions equal.
 *
 * With the axes before it taken together as `outer` and those from it on as one run per input, the output is, for every
 * outer index, the runs of all inputs in order.
 */
#include "nn/layers/layers.h"

typedef struct concatenate_config {
    int64_t axis;
    size_t run[LS_MERGE_INPUTS_MAX]; /* set by build: floats of each input per outer index */
    size_t outer;                    /* per sample */
} concatenate_config;

static ls_status build_concatenate(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    concatenate_config *config = layer->config;
    char first[LS_SHAPE_TEXT_BYTES], other[LS_SHAPE_TEXT_BYTES];
    size_t axis;

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = in[0];
    if (!ls_axis_index(config->axis, in[0].axes, &axis))
        return ls_layer_fail(layer, "axis %lld is not an axis of %s besides the batch", (long long)config->axis,
                             ls_shape_format_batch(&in[0], first));
    config->outer = 1;
    for (size_t i = 0; i < axis; i++)
        config->outer *= in[0].dim[i];
    for (size_t k = 0; k < inputs; k++) {
        ls_shape aligned = in[k];
        const size_t run = ls_shape_size(&in[k]) / config->outer;

        if (in[k].axes == in[0].axes)
            aligned.dim[axis] = in[0].dim[axis];
        if (!ls_shape_equal(&aligned, &in[0]))
            return ls_layer_fail(layer, "cannot join %s and %s: they may differ only in axis %lld",
                                 ls_shape_format_batch(&in[0], first), ls_shape_format_batch(&in[k], other),
                                 (long long)config->axis);
        if (layer->built && config->run[k] != run)
            return ls_layer_fail(layer, "is shared: it was built for other input shapes than input %zu, %s", k,
                                 ls_shape_format_batch(&in[k], other));
        config->run[k] = run;
        if (k > 0)
            out->dim[axis] += in[k].dim[axis];
    }
    return ls_shape_check(out, "the output of concatenate");
}

static size_t run_of_output(const ls_call *call)
{
    return ls_shape_size(&call->layer->out_shape) / ((const concatenate_config *)call->layer->config)->outer;
}

static void forward_concatenate(const ls_call *call)
{
    const concatenate_config *config = call->layer->config;
    const size_t whole = run_of_output(call);
    size_t start = 0;

    for (size_t k = 0; k < call->inputs; start += config->run[k++])
        for (size_t o = 0; o < call->rows * config->outer; o++)
            ls_copy(call->X[k] + o * config->run[k], call->Y + o * whole + start, config->run[k]);
}

static void backward_concatenate(const ls_call *call)
{
    const concatenate_config *config = call->layer->config;
    const size_t whole = run_of_output(call);
    size_t start = 0;

    for (size_t k = 0; k < call->inputs; start += config->run[k++])
        for (size_t o = 0; call->dX[k] && o < call->rows * config->outer; o++)
            ls_give(call, call->dY + o * whole + start, call->dX[k] + o * config->run[k], config->run[k]);
}

/* --- masks: over all axes but the last; an input without one counts everywhere -------------------------------------
 */

static bool joins_last_axis(const ls_layer *layer)
{
    size_t axis = 0;

    (void)ls_axis_index(((const concatenate_config *)layer->config)->axis, layer->out_shape.axes, &axis);
    return axis + 1 == layer->out_shape.axes;
}

static ls_status mask_shape_concatenate(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                        ls_shape *out)
{
    *has = false;
    *out = layer->out_shape;
    out->axes--;
    for (size_t k = 0; k < inputs; k++) {
        *has |= in[k] != NULL;
        if (in[k] && in[k]->axes != out->axes)
            return ls_layer_fail(layer, "takes masks over all axes but the last");
    }
    return LS_OK;
}

static void write_mask_concatenate(const ls_call *call, float *mask)
{
    const concatenate_config *config = call->layer->config;
    const size_t last = call->layer->out_shape.dim[call->layer->out_shape.axes - 1];
    const size_t whole = run_of_output(call) / last;
    size_t start = 0;

    if (joins_last_axis(call->layer)) { /* a position counts if it does in any input */
        for (size_t i = 0; i < call->rows * call->mask_size; i++) {
            mask[i] = 0.0f;
            for (size_t k = 0; k < call->inputs; k++)
                if (!call->mask[k] || call->mask[k][i] != 0.0f)
                    mask[i] = 1.0f;
        }
        return;
    }
    for (size_t k = 0; k < call->inputs; start += config->run[k++] / last)
        for (size_t o = 0; o < call->rows * config->outer; o++)
            for (size_t i = 0; i < config->run[k] / last; i++)
                mask[o * whole + start + i] = call->mask[k] ? call->mask[k][o * (config->run[k] / last) + i] : 1.0f;
}

static const ls_option options[] = {
    {.name = "axis",
     .kind = LS_OPTION_INT,
     .offset = offsetof(concatenate_config, axis),
     .initial = "-1",
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    {.name = NULL},
};

const ls_layer_ops ls_layer_concatenate = {
    .ops = {.name = "concatenate",
            .keras_name = "Concatenate",
            .options = options,
            .config_bytes = sizeof(concatenate_config)},
    .inputs_min = 1,
    .inputs_max = LS_MERGE_INPUTS_MAX,
    .moves_values = true,
    .build = build_concatenate,
    .mask_shape = mask_shape_concatenate,
    .write_mask = write_mask_concatenate,
    .mask_kind = LS_MASK_JOINS,
    .forward = forward_concatenate,
    .backward = backward_concatenate,
};
