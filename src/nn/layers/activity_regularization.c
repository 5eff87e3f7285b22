/* activity_regularization: Y = X, and the penalty l1 sum |Y| + l2 sum Y^2 over the batch, divided by its size. */
#include "nn/layers/layers.h"

#include <float.h>

static ls_status build_activity_regularization(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    layer->activity_regularizer = ls_regularizer_l1_l2(layer->config);
    return LS_OK;
}

#define FACTOR(field)                                                                                                  \
    {                                                                                                                  \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(ls_l1_l2, field), .initial = "0.0", .max = FLT_MAX \
    }

static const ls_option options[] = {FACTOR(l1), FACTOR(l2), {.name = NULL}};

const ls_layer_ops ls_layer_activity_regularization = {
    .ops = {.name = "activity_regularization",
            .keras_name = "ActivityRegularization",
            .options = options,
            .config_bytes = sizeof(ls_l1_l2)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_activity_regularization,
    .mask_shape = ls_mask_pass,
    .forward = ls_forward_copy,
    .backward = ls_backward_copy,
};
