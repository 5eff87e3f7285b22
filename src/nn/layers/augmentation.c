#include "nn/layers/augmentation.h"

#include <math.h>

ls_image_size ls_image_size_of(const ls_layer *layer)
{
    const ls_shape *in = &layer->in_shape[0];

    return (ls_image_size){in->dim[0], in->dim[1], in->dim[2]};
}

ls_status ls_build_augmentation(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    char shape[LS_SHAPE_TEXT_BYTES];

    if (in->axes != 3)
        return ls_layer_fail(layer,
                             "takes images (height, width, channels), not inputs of shape %s: put 'reshape' "
                             "before it",
                             ls_shape_format(in, shape));
    *out = in[0];
    return layer->built ? ls_layer_same_inputs(layer, in, inputs) : LS_OK;
}

static ls_stream stream_of(const ls_call *call, int64_t seed, size_t row)
{
    ls_call own = *call;

    if (seed >= 0)
        own.place.seed = (uint64_t)seed;
    return ls_call_stream(&own, LS_PURPOSE_AUGMENTATION, row);
}

void ls_draw(const ls_call *call, int64_t seed, size_t row, size_t n, float *u)
{
    const ls_stream stream = stream_of(call, seed, row);

    ls_stream_uniform(&stream, 0, n, u);
}

void ls_draw_normal(const ls_call *call, int64_t seed, size_t row, size_t first, size_t n, float *normal)
{
    const ls_stream stream = stream_of(call, seed, row);

    ls_stream_normal(&stream, first, n, normal);
}

ls_range ls_range_of(const ls_floats *factor, double least)
{
    const double a = factor->value[0], b = factor->count == 2 ? factor->value[1] : 0;

    if (factor->count == 2)
        return (ls_range){(float)(a < b ? a : b), (float)(a < b ? b : a)};
    return (ls_range){(float)(-fabs(a) > least ? -fabs(a) : least), (float)fabs(a)};
}

float ls_in_range(float u, double low, double high)
{
    const float from = (float)low, length = (float)high - from;

    return u * length + from;
}

ls_status ls_check_range(const ls_floats *factor, const char *name, const ls_config *at)
{
    if (factor->count == 1 || factor->count == 2)
        return LS_OK;
    return ls_config_fail(at, "%s must be a number, or the two ends of a range: %s: [-0.1, 0.2]", name, name);
}

ls_status ls_check_value_range(const ls_floats *range, const ls_config *at)
{
    if (range->count == 2 && range->value[0] < range->value[1])
        return LS_OK;
    return ls_config_fail(at,
                          "value_range must be the smallest and the largest value of a pixel: value_range: [0, 255]");
}

bool ls_backward_begins(const ls_call *call)
{
    if (!call->training)
        ls_backward_copy(call);
    else if (call->dX[0])
        ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    return call->training && call->dX[0];
}
