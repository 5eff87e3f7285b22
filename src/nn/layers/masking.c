/*
 * masking: a step whose features are all mask_value is left out by the layers behind it: Y = X, or 0 there, and a mask
 * over all axes but the last.
 */
#include "nn/layers/layers.h"

#include <math.h>

typedef struct masking {
    double mask_value;
} masking;

static ls_status build_masking(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    if (in->axes == 0)
        return ls_layer_fail(layer, "takes inputs of at least one axis besides the batch, not single numbers");
    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = in[0];
    return LS_OK;
}

static ls_status mask_shape_masking(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                    ls_shape *out)
{
    (void)in;
    (void)inputs;
    *has = true;
    *out = layer->in_shape[0];
    out->axes--;
    return LS_OK;
}

static size_t features_of(const ls_call *call)
{
    return call->layer->in_shape[0].dim[call->layer->in_shape[0].axes - 1];
}

static bool is_masked(const ls_call *call, size_t position)
{
    float counts;

    ls_mask_of_values(call->X[0] + position * features_of(call),
                      (float)((const masking *)call->layer->config)->mask_value, 1, features_of(call), &counts);
    return counts == 0.0f;
}

static size_t positions_of(const ls_call *call)
{
    return call->rows * (ls_shape_size(&call->layer->in_shape[0]) / features_of(call));
}

static void write_mask_masking(const ls_call *call, float *mask)
{
    ls_mask_of_values(call->X[0], (float)((const masking *)call->layer->config)->mask_value, positions_of(call),
                      features_of(call), mask);
}

static void forward_masking(const ls_call *call)
{
    const size_t n = features_of(call);

    for (size_t p = 0; p < positions_of(call); p++) {
        const bool masked = is_masked(call, p);

        for (size_t i = 0; i < n; i++)
            call->Y[p * n + i] = masked ? 0.0f : call->X[0][p * n + i];
    }
}

static void backward_masking(const ls_call *call)
{
    const size_t n = features_of(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], positions_of(call) * n);
    for (size_t p = 0; p < positions_of(call); p++)
        if (!is_masked(call, p))
            ls_add(call->dY + p * n, call->dX[0] + p * n, n);
}

static const ls_option options[] = {
    {.name = "mask_value", .kind = LS_OPTION_FLOAT, .offset = offsetof(masking, mask_value), .initial = "0"},
    {.name = NULL},
};

const ls_layer_ops ls_layer_masking = {
    .ops = {.name = "masking", .keras_name = "Masking", .options = options, .config_bytes = sizeof(masking)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_masking,
    .mask_shape = mask_shape_masking,
    .write_mask = write_mask_masking,
    .mask_kind = LS_MASK_OF_STEPS,
    .forward = forward_masking,
    .backward = backward_masking,
};
