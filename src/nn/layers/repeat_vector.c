/* repeat_vector: a vector becomes a sequence of n of it, (features) -> (n, features). */
#include "nn/layers/layers.h"

typedef struct repeat_vector {
    int64_t n;
} repeat_vector;

static ls_status build_repeat_vector(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const repeat_vector *config = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];

    if (in->axes != 1)
        return ls_layer_fail(layer, "takes vectors, (samples, features), not %s", ls_shape_format_batch(in, text));
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = (ls_shape){2, {(size_t)config->n, in->dim[0]}};
    return ls_shape_check(out, "the output of repeat_vector");
}

static void forward_repeat_vector(const ls_call *call)
{
    const size_t n = call->layer->out_shape.dim[0], features = call->layer->out_shape.dim[1];

    for (size_t r = 0; r < call->rows; r++)
        for (size_t k = 0; k < n; k++)
            ls_copy(call->X[0] + r * features, call->Y + (r * n + k) * features, features);
}

static void backward_repeat_vector(const ls_call *call)
{
    const size_t n = call->layer->out_shape.dim[0], features = call->layer->out_shape.dim[1];

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * features);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t k = 0; k < n; k++)
            ls_add(call->dY + (r * n + k) * features, call->dX[0] + r * features, features);
}

static const ls_option options[] = {
    {.name = "n", .kind = LS_OPTION_INT, .offset = offsetof(repeat_vector, n), .min = 1, .max = 0x1p31},
    {.name = NULL},
};

const ls_layer_ops ls_layer_repeat_vector = {
    .ops = {.name = "repeat_vector",
            .keras_name = "RepeatVector",
            .options = options,
            .config_bytes = sizeof(repeat_vector)},
    .inputs_min = 1,
    .inputs_max = 1,
    .moves_values = true,
    .build = build_repeat_vector,
    .forward = forward_repeat_vector,
    .backward = backward_repeat_vector,
};
