/* The layers of this folder, for the registry, and what their files share. */
#ifndef LS_NN_LAYERS_LAYERS_H
#define LS_NN_LAYERS_LAYERS_H

#include "nn/constraint.h"
#include "nn/layer.h"
#include "nn/model.h"
#include "nn/regularizer.h"
#include "tensor/kernels.h"

/* All layers, in the order of messages and tests. A new layer is a file in this folder and a line here. */
#define LS_LAYER_LIST(X)          \
    X(dense)                      \
    X(activation)                 \
    X(relu)                       \
    X(leaky_relu)                 \
    X(prelu)                      \
    X(elu)                        \
    X(softmax)                    \
    X(identity)                   \
    X(rescaling)                  \
    X(activity_regularization)    \
    X(einsum_dense)               \
    X(flatten)                    \
    X(reshape)                    \
    X(permute)                    \
    X(dropout)                    \
    X(spatial_dropout1d)          \
    X(spatial_dropout2d)          \
    X(spatial_dropout3d)          \
    X(alpha_dropout)              \
    X(gaussian_noise)             \
    X(gaussian_dropout)           \
    X(random_flip)                \
    X(random_crop)                \
    X(random_translation)         \
    X(random_rotation)            \
    X(random_zoom)                \
    X(random_brightness)          \
    X(random_contrast)            \
    X(random_erasing)             \
    X(embedding)                  \
    X(masking)                    \
    X(simple_rnn)                 \
    X(gru)                        \
    X(lstm)                       \
    X(bidirectional)              \
    X(time_distributed)           \
    X(multi_head_attention)       \
    X(group_query_attention)      \
    X(attention)                  \
    X(additive_attention)         \
    X(position_embedding)         \
    X(sine_position_encoding)     \
    X(repeat_vector)              \
    X(batch_normalization)        \
    X(layer_normalization)        \
    X(rms_normalization)          \
    X(unit_normalization)         \
    X(group_normalization)        \
    X(conv1d)                     \
    X(conv2d)                     \
    X(conv3d)                     \
    X(conv1d_transpose)           \
    X(conv2d_transpose)           \
    X(conv3d_transpose)           \
    X(depthwise_conv1d)           \
    X(depthwise_conv2d)           \
    X(separable_conv1d)           \
    X(separable_conv2d)           \
    X(max_pooling1d)              \
    X(max_pooling2d)              \
    X(max_pooling3d)              \
    X(average_pooling1d)          \
    X(average_pooling2d)          \
    X(average_pooling3d)          \
    X(global_max_pooling1d)       \
    X(global_max_pooling2d)       \
    X(global_max_pooling3d)       \
    X(global_average_pooling1d)   \
    X(global_average_pooling2d)   \
    X(global_average_pooling3d)   \
    X(adaptive_max_pooling1d)     \
    X(adaptive_max_pooling2d)     \
    X(adaptive_max_pooling3d)     \
    X(adaptive_average_pooling1d) \
    X(adaptive_average_pooling2d) \
    X(adaptive_average_pooling3d) \
    X(up_sampling1d)              \
    X(up_sampling2d)              \
    X(up_sampling3d)              \
    X(zero_padding1d)             \
    X(zero_padding2d)             \
    X(zero_padding3d)             \
    X(cropping1d)                 \
    X(cropping2d)                 \
    X(cropping3d)                 \
    X(concatenate)                \
    X(add)                        \
    X(subtract)                   \
    X(multiply)                   \
    X(average)                    \
    X(maximum)                    \
    X(minimum)                    \
    X(dot)

#define LS_LAYER_DECLARE(name) extern const ls_layer_ops ls_layer_##name;
LS_LAYER_LIST(LS_LAYER_DECLARE)

/* One line of an option table: a component named like its field. `initial`: the default by name, or "null". */
#define LS_COMPONENT_OPTION(type, field, choose_from, default_name)                                              \
    {                                                                                                            \
        .name = #field, .kind = LS_OPTION_COMPONENT, .offset = offsetof(type, field), .initial = (default_name), \
        .registry = &(choose_from), .nullable = true                                                             \
    }

/* Images are (height, width, channels); "channels_first" is refused by name. The config needs an int data_format. */
extern const char *const ls_data_formats[];
#define LS_DATA_FORMAT_OPTION(type)                                                                                   \
    {                                                                                                                 \
        .name = "data_format", .kind = LS_OPTION_CHOICE, .offset = offsetof(type, data_format),                       \
        .initial = "channels_last", .choices = ls_data_formats,                                                       \
        .advice = "images whose channels come first are turned around as they are read: say channels_first: true of " \
                  "their array under data"                                                                            \
    }

/* Merging layers keep a table entry per input. */
#define LS_MERGE_INPUTS_MAX 64

/*
 * Rows of a (rows, columns) weight per gradient tile: rows x columns is a multiple of LS_BLOCK, so that tiles begin at
 * block boundaries, and near 32k floats (128 kB), so that a tile stays in the second-level cache while microbatches add
 * to it. Fewer rows do not pay: GEMM then spends its time packing.
 */
size_t ls_tile_rows(size_t columns);

/*
 * Microbatches must be a multiple of this many samples (the last of a batch excepted): the size of the groups of a
 * batch normalization with `groups`; 1 for every other layer. To be checked where the microbatch is chosen.
 */
size_t ls_layer_microbatch_unit(const ls_layer *layer);

/* Build, for a layer called again with other inputs than it was built for: LS_ERR_SHAPE. */
ls_status ls_layer_same_inputs(const ls_layer *layer, const ls_shape *in, size_t inputs);

/* ls_layer_ops.mask_shape of layers whose output's positions are those of their input: its mask goes on. */
ls_status ls_mask_pass(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has, ls_shape *out);
/* The mask of an input, NULL if it has none. */
const float *ls_call_mask(const ls_call *call, size_t input);
/* mask (n) = are any of n runs of `run` values not `value`? */
void ls_mask_of_values(const float *x, float value, size_t n, size_t run, float *mask);

/* forward and backward of layers that only give their input another shape: Y = X, dX = dY. */
void ls_forward_copy(const ls_call *call);
void ls_backward_copy(const ls_call *call);

/* dX = v or dX += v, (n) elements, as call->first_use says. */
void ls_give(const ls_call *call, const float *v, float *dX, size_t n);

/* A start for backward functions that only add: dX (n) starts from 0 at its first use. */
void ls_clear_if_first(const ls_call *call, float *dX, size_t n);

/* An axis as Keras counts (0 is the batch, negative from the end) as an index into a shape; false if out of range. */
bool ls_axis_index(int64_t axis, size_t axes, size_t *index);

#endif
