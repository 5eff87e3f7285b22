"""The cases of the golden data, as tables: what generate.py runs through the real Keras. Layout: README.md."""
import numpy as np

BATCH = 6

# ----------------------------------------------------------------------------------------------------------------------
# Layers: name, lockstep YAML, shapes of one sample of every input (an integer type: indices below it)

LAYERS = [
    ("dense", "dense: {units: 3}", [(4,)]),
    ("dense_tanh", "dense: {units: 3, activation: tanh}", [(4,)]),
    ("dense_relu_no_bias", "dense: {units: 5, activation: relu, use_bias: false}", [(4,)]),
    ("dense_softmax", "dense: {units: 4, activation: softmax}", [(3,)]),
    ("dense_leaky_relu", "dense: {units: 4, activation: {leaky_relu: {negative_slope: 0.1}}}", [(3,)]),
    ("dense_rank3", "dense: {units: 2, activation: sigmoid}", [(3, 4)]),
    ("dense_wide", "dense: {units: 17, activation: gelu}", [(19,)]),
    ("activation_relu", "activation: {activation: relu}", [(5,)]),
    ("activation_softmax_rank3", "activation: {activation: softmax}", [(2, 4)]),
    ("activation_elu", "activation: {activation: {elu: {alpha: 0.5}}}", [(5,)]),
    ("relu", "relu: {}", [(5,)]),
    ("relu_options", "relu: {max_value: 1.0, negative_slope: 0.1, threshold: 0.25}", [(5,)]),
    ("leaky_relu", "leaky_relu: {}", [(2, 3)]),
    ("leaky_relu_slope", "leaky_relu: {negative_slope: 0.05}", [(5,)]),
    ("prelu", "prelu: {}", [(5,)]),
    ("prelu_shared", "prelu: {shared_axes: [1, 2]}", [(3, 2, 4)]),
    ("prelu_shared_middle", "prelu: {shared_axes: [2]}", [(3, 2, 4)]),
    ("elu", "elu: {}", [(5,)]),
    ("elu_alpha", "elu: {alpha: 0.3}", [(2, 3)]),
    ("softmax", "softmax: {}", [(2, 4)]),
    ("softmax_axis", "softmax: {axis: 1}", [(3, 4)]),
    ("softmax_axis_middle", "softmax: {axis: -2}", [(2, 3, 4)]),
    ("identity", "identity: {}", [(2, 3)]),
    ("activity_regularization", "activity_regularization: {}", [(4,)]),
    ("einsum_dense", "einsum_dense: {equation: 'ab,bc->ac', output_shape: 3, bias_axes: c}", [(4,)]),
    ("einsum_dense_sequence",
     "einsum_dense: {equation: 'abc,cd->abd', output_shape: [null, 5], bias_axes: d, activation: tanh}", [(3, 4)]),
    ("einsum_dense_ellipsis", "einsum_dense: {equation: '...x,xy->...y', output_shape: 3, bias_axes: y}",
     [(2, 4)]),
    ("einsum_dense_right", "einsum_dense: {equation: 'ab...,bc->ac...', output_shape: 3, bias_axes: c}",
     [(4, 2)]),
    ("einsum_dense_heads", "einsum_dense: {equation: 'abc,cde->abde', output_shape: [null, 2, 3], bias_axes: de}",
     [(4, 5)]),
    ("einsum_dense_join", "einsum_dense: {equation: 'abcd,cde->abe', output_shape: [null, 4], bias_axes: e}",
     [(2, 3, 2)]),
    ("einsum_dense_groups", "einsum_dense: {equation: 'abc,bcd->abd', output_shape: [3, 4], bias_axes: bd}",
     [(3, 2)]),
    ("einsum_dense_turned", "einsum_dense: {equation: 'abc,db->acd', output_shape: [null, 4]}", [(3, 2)]),
    ("flatten", "flatten: {}", [(2, 3, 2)]),
    ("flatten_rank1", "flatten: {}", [(4,)]),
    ("reshape", "reshape: {target_shape: [3, 4]}", [(2, 6)]),
    ("reshape_infer", "reshape: {target_shape: [2, -1, 3]}", [(12,)]),
    ("permute", "permute: {dims: [2, 1]}", [(3, 4)]),
    ("permute_rank4", "permute: {dims: [3, 1, 2]}", [(2, 3, 4)]),
    ("batch_normalization", "batch_normalization: {}", [(4,)]),
    ("batch_normalization_options", "batch_normalization: {momentum: 0.8, epsilon: 0.01}", [(3,)]),
    ("batch_normalization_no_scale", "batch_normalization: {scale: false}", [(3,)]),
    ("batch_normalization_no_center", "batch_normalization: {center: false}", [(3,)]),
    ("batch_normalization_bare", "batch_normalization: {center: false, scale: false}", [(3,)]),
    ("batch_normalization_rank4", "batch_normalization: {momentum: 0.9}", [(3, 2, 4)]),
    ("batch_normalization_frozen", "batch_normalization: {trainable: false}", [(3,)]),
    ("layer_normalization", "layer_normalization: {}", [(5,)]),
    ("layer_normalization_epsilon", "layer_normalization: {epsilon: 0.1}", [(4,)]),
    ("layer_normalization_no_scale", "layer_normalization: {scale: false}", [(4,)]),
    ("layer_normalization_no_center", "layer_normalization: {center: false}", [(4,)]),
    ("layer_normalization_rank3", "layer_normalization: {}", [(3, 4)]),
    ("embedding", "embedding: {input_dim: 7, output_dim: 3}", [(np.int32(7), 5)]),
    ("embedding_rank3", "embedding: {input_dim: 5, output_dim: 2}", [(np.int32(5), 2, 3)]),
    ("concatenate", "concatenate: {}", [(2,), (3,), (4,)]),
    ("concatenate_axis1", "concatenate: {axis: 1}", [(2, 3), (4, 3)]),
    ("add", "add: {}", [(4,), (4,), (4,)]),
    ("add_rank3", "add: {}", [(2, 3), (2, 3)]),
    ("subtract", "subtract: {}", [(4,), (4,)]),
    ("multiply", "multiply: {}", [(4,), (4,), (4,)]),
    ("average", "average: {}", [(4,), (4,), (4,)]),
    ("maximum", "maximum: {}", [(4,), (4,), (4,)]),
    ("minimum", "minimum: {}", [(4,), (4,), (4,)]),
    ("dot", "dot: {axes: 1}", [(4,), (4,)]),
    ("dot_normalize", "dot: {axes: 1, normalize: true}", [(4,), (4,)]),
    ("dot_last", "dot: {axes: -1, normalize: true}", [(3,), (3,)]),
    ("conv2d", "conv2d: {filters: 3, kernel_size: 3}", [(5, 6, 2)]),
    ("conv2d_same", "conv2d: {filters: 2, kernel_size: [3, 2], padding: same}", [(5, 4, 3)]),
    ("conv2d_same_even", "conv2d: {filters: 2, kernel_size: 4, padding: same, activation: tanh}", [(5, 5, 1)]),
    ("conv2d_strides", "conv2d: {filters: 3, kernel_size: 3, strides: 2}", [(6, 7, 2)]),
    ("conv2d_strides_same", "conv2d: {filters: 2, kernel_size: 3, strides: [2, 3], padding: same, activation: relu}",
     [(6, 7, 2)]),
    ("conv2d_dilation", "conv2d: {filters: 2, kernel_size: 3, dilation_rate: 2}", [(7, 6, 2)]),
    ("conv2d_dilation_same", "conv2d: {filters: 2, kernel_size: [2, 3], dilation_rate: [2, 1], padding: same}",
     [(5, 4, 2)]),
    ("conv2d_groups", "conv2d: {filters: 6, kernel_size: 2, groups: 2}", [(4, 4, 4)]),
    ("conv2d_pointwise", "conv2d: {filters: 3, kernel_size: 1, use_bias: false}", [(3, 3, 4)]),
    ("max_pooling2d", "max_pooling2d: {}", [(4, 6, 2)]),
    ("max_pooling2d_crop", "max_pooling2d: {pool_size: 2}", [(5, 5, 1)]),
    ("max_pooling2d_same", "max_pooling2d: {pool_size: [3, 2], strides: [2, 1], padding: same}", [(5, 4, 2)]),
    ("max_pooling2d_overlap", "max_pooling2d: {pool_size: 3, strides: 1}", [(5, 4, 2)]),
    ("average_pooling2d", "average_pooling2d: {pool_size: 2}", [(4, 6, 2)]),
    ("average_pooling2d_same", "average_pooling2d: {pool_size: 3, strides: 2, padding: same}", [(4, 5, 2)]),
    ("global_average_pooling2d", "global_average_pooling2d: {}", [(3, 4, 2)]),
    ("global_average_pooling2d_keepdims", "global_average_pooling2d: {keepdims: true}", [(3, 4, 2)]),
    ("dropout_inference", "dropout: {rate: 0.5}", [(4,)]),
    ("alpha_dropout_inference", "alpha_dropout: {rate: 0.5}", [(4,)]),
    ("spatial_dropout1d_inference", "spatial_dropout1d: {rate: 0.5}", [(3, 2)]),
    ("spatial_dropout2d_inference", "spatial_dropout2d: {rate: 0.5}", [(3, 2, 2)]),
    ("spatial_dropout3d_inference", "spatial_dropout3d: {rate: 0.5}", [(3, 2, 2, 2)]),
    ("gaussian_dropout_inference", "gaussian_dropout: {rate: 0.3}", [(4,)]),
    ("gaussian_noise_inference", "gaussian_noise: {stddev: 0.3}", [(4,)]),
]

# The same of layers that work on sequences, in a file of their own

SEQUENCES = [
    ("simple_rnn", "simple_rnn: {units: 3}", [(4, 2)]),
    ("simple_rnn_sequences", "simple_rnn: {units: 4, activation: softsign, return_sequences: true}", [(5, 3)]),
    ("simple_rnn_backwards", "simple_rnn: {units: 3, use_bias: false, go_backwards: true, return_sequences: true}",
     [(4, 2)]),
    ("gru", "gru: {units: 3}", [(4, 2)]),
    ("gru_sequences", "gru: {units: 5, activation: gelu, recurrent_activation: hard_sigmoid, return_sequences: true}",
     [(4, 3)]),
    ("gru_reset_before", "gru: {units: 3, reset_after: false}", [(4, 2)]),
    ("gru_reset_before_backwards",
     "gru: {units: 4, reset_after: false, go_backwards: true, return_sequences: true, unroll: true}", [(3, 2)]),
    ("gru_no_bias", "gru: {units: 3, use_bias: false}", [(3, 2)]),
    ("lstm", "lstm: {units: 3}", [(4, 2)]),
    ("lstm_sequences", "lstm: {units: 4, return_sequences: true}", [(5, 3)]),
    ("lstm_backwards", "lstm: {units: 3, go_backwards: true, return_sequences: true}", [(4, 2)]),
    ("lstm_no_bias", "lstm: {units: 3, use_bias: false, activation: gelu, recurrent_activation: softmax}", [(4, 2)]),
    ("lstm_one_step", "lstm: {units: 2, unit_forget_bias: false}", [(1, 3)]),
    ("bidirectional", "bidirectional: {layer: {lstm: {units: 3}}}", [(4, 2)]),
    ("bidirectional_sequences", "bidirectional: {layer: {gru: {units: 3, return_sequences: true}}}", [(4, 2)]),
    ("bidirectional_sum",
     "bidirectional: {layer: {simple_rnn: {units: 3, return_sequences: true}}, merge_mode: sum}", [(4, 2)]),
    ("bidirectional_mul", "bidirectional: {layer: {lstm: {units: 2, return_sequences: true}}, merge_mode: mul}",
     [(3, 2)]),
    ("bidirectional_ave", "bidirectional: {layer: {gru: {units: 2, reset_after: false}}, merge_mode: ave}", [(3, 2)]),
    ("bidirectional_two_layers", "bidirectional: {layer: {lstm: {units: 3, return_sequences: true}}, "
     "backward_layer: {gru: {units: 3, go_backwards: true, return_sequences: true}}}", [(4, 2)]),
    ("bidirectional_turned", "bidirectional: {layer: {gru: {units: 2, go_backwards: true, return_sequences: true}}, "
     "backward_layer: {lstm: {units: 2, return_sequences: true}}, merge_mode: sum}", [(3, 2)]),
    ("time_distributed", "time_distributed: {layer: {dense: {units: 3, activation: softmax}}}", [(4, 2)]),
    ("time_distributed_conv2d", "time_distributed: {layer: {conv2d: {filters: 2, kernel_size: 2}}}", [(3, 3, 4, 2)]),
    ("time_distributed_lstm", "time_distributed: {layer: {lstm: {units: 2}}}", [(2, 3, 2)]),
    ("repeat_vector", "repeat_vector: {n: 3}", [(4,)]),
    # Names that begin with masked_: inputs come out of a masking layer, which leaves some steps out.
    ("masking", "masking: {mask_value: 0.5}", [(4, 2)]),
    ("masked_simple_rnn", "simple_rnn: {units: 3, return_sequences: true}", [(5, 2)]),
    ("masked_gru", "gru: {units: 3}", [(5, 2)]),
    ("masked_gru_reset_before", "gru: {units: 3, reset_after: false, return_sequences: true, go_backwards: true}",
     [(5, 2)]),
    ("masked_lstm", "lstm: {units: 3, return_sequences: true}", [(5, 2)]),
    ("masked_lstm_last", "lstm: {units: 3, go_backwards: true}", [(5, 2)]),
    ("masked_lstm_zero", "lstm: {units: 3, return_sequences: true, zero_output_for_mask: true}", [(5, 2)]),
    ("masked_lstm_zero_last", "lstm: {units: 3, zero_output_for_mask: true}", [(5, 2)]),
    ("masked_bidirectional", "bidirectional: {layer: {lstm: {units: 3, return_sequences: true}}}", [(5, 2)]),
    ("masked_bidirectional_mul", "bidirectional: {layer: {gru: {units: 3, return_sequences: true}}, merge_mode: mul}",
     [(5, 2)]),
    ("masked_bidirectional_last", "bidirectional: {layer: {gru: {units: 3}}, merge_mode: sum}", [(5, 2)]),
    ("masked_mean", "global_average_pooling1d: {}", [(5, 2)]),
    ("masked_time_distributed", "time_distributed: {layer: {dense: {units: 2}}}", [(5, 2)]),
]

# Layers that change images at random, with the numbers that lockstep draws

AUGMENTATION = [
    ("random_flip", "random_flip: {}", [(4, 5, 2)]),
    ("random_flip_horizontal", "random_flip: {mode: horizontal, seed: 7}", [(4, 5, 2)]),
    ("random_flip_vertical", "random_flip: {mode: vertical}", [(4, 5, 1)]),
    ("random_crop", "random_crop: {height: 3, width: 4}", [(6, 7, 2)]),
    ("random_crop_full_height", "random_crop: {height: 6, width: 4}", [(6, 7, 2)]),
    ("random_crop_whole", "random_crop: {height: 6, width: 7}", [(6, 7, 1)]),
    ("random_translation", "random_translation: {height_factor: 0.3, width_factor: 0.2}", [(6, 7, 2)]),
    ("random_translation_wrap",
     "random_translation: {height_factor: [-0.6, -0.2], width_factor: [0.1, 0.9], fill_mode: wrap}", [(6, 7, 2)]),
    ("random_translation_nearest", "random_translation: {height_factor: 0.5, width_factor: 0.5, fill_mode: nearest, "
     "interpolation: nearest}", [(6, 7, 1)]),
    ("random_rotation", "random_rotation: {factor: 0.2}", [(6, 7, 2)]),
    ("random_rotation_constant",
     "random_rotation: {factor: [0.1, 1.0], fill_mode: constant, fill_value: 0.5, seed: 3}", [(7, 6, 2)]),
    ("random_rotation_wrap", "random_rotation: {factor: 0.5, fill_mode: wrap}", [(5, 5, 1)]),
    ("random_rotation_nearest", "random_rotation: {factor: 0.3, fill_mode: nearest, interpolation: nearest}", [(7, 6, 1)]),
    ("random_zoom", "random_zoom: {height_factor: 0.4}", [(6, 7, 2)]),
    ("random_zoom_both", "random_zoom: {height_factor: [-0.5, 0.9], width_factor: 0.3, fill_mode: constant}", [(6, 7, 2)]),
    ("random_brightness", "random_brightness: {factor: 0.2, value_range: [-2, 2]}", [(4, 5, 2)]),
    ("random_brightness_range", "random_brightness: {factor: [0.1, 0.4], value_range: [-1, 1]}", [(4, 5, 2)]),
    ("random_contrast", "random_contrast: {factor: 0.5, value_range: [-2, 2]}", [(4, 5, 2)]),
    ("random_contrast_range", "random_contrast: {factor: [0.2, 0.7], value_range: [-1, 1]}", [(4, 5, 3)]),
    ("random_erasing", "random_erasing: {value_range: [0, 1]}", [(7, 8, 3)]),
    ("random_erasing_often",
     "random_erasing: {factor: [0.9, 1.0], scale: [0.2, 0.6], fill_value: 0.25, value_range: [0, 1]}", [(7, 8, 2)]),
    ("random_erasing_colors", "random_erasing: {scale: 0.5, fill_value: [0.1, 0.2, 0.3], value_range: [0, 1]}", [(7, 8, 3)]),
]

# The same of attention. Inputs are query, value and key. use_causal_mask is an argument of the call in Keras.

ATTENTION = [
    ("multi_head_attention", "multi_head_attention: {num_heads: 2, key_dim: 3}", [(4, 5), (4, 5)]),
    ("multi_head_attention_three", "multi_head_attention: {num_heads: 3, key_dim: 2, value_dim: 4}",
     [(3, 4), (5, 2), (5, 3)]),
    ("multi_head_attention_causal",
     "multi_head_attention: {num_heads: 2, key_dim: 2, use_causal_mask: true, attention_axes: 1}", [(4, 3), (4, 3)]),
    ("multi_head_attention_causal_short",
     "multi_head_attention: {num_heads: 1, key_dim: 2, use_causal_mask: true, use_bias: false}", [(5, 3), (2, 2)]),
    ("multi_head_attention_causal_long", "multi_head_attention: {num_heads: 2, key_dim: 1, use_causal_mask: true}",
     [(3, 3), (6, 2)]),
    ("multi_head_attention_output", "multi_head_attention: {num_heads: 2, key_dim: 2, output_shape: 7}",
     [(3, 4), (2, 4)]),
    ("multi_head_attention_output_axes", "multi_head_attention: {num_heads: 2, key_dim: 2, output_shape: [2, 3]}",
     [(3, 4), (2, 4)]),
    ("multi_head_attention_window",
     "multi_head_attention: {num_heads: 2, key_dim: 2, sliding_window: 2, use_causal_mask: true}", [(5, 3), (5, 3)]),
    ("multi_head_attention_one", "multi_head_attention: {num_heads: 2, key_dim: 2}", [(1, 3), (1, 3)]),
    ("multi_head_attention_tiles", "multi_head_attention: {num_heads: 1, key_dim: 2, use_causal_mask: true}",
     [(70, 2), (70, 2)]),
    ("multi_head_attention_dropout_inference", "multi_head_attention: {num_heads: 2, key_dim: 3, dropout: 1.0e-9}",
     [(4, 5), (4, 5)]),
    ("group_query_attention",
     "group_query_attention: {head_dim: 3, num_query_heads: 4, num_key_value_heads: 2}", [(4, 3), (3, 3)]),
    ("group_query_attention_three", "group_query_attention: {head_dim: 2, num_query_heads: 3, num_key_value_heads: 1, "
     "use_causal_mask: true, use_bias: false}", [(4, 5), (4, 5), (4, 5)]),
    ("group_query_attention_each", "group_query_attention: {head_dim: 2, num_query_heads: 2, num_key_value_heads: 2, "
     "sliding_window: 3}", [(5, 3), (5, 3)]),
    ("attention", "attention: {}", [(4, 3), (5, 3)]),
    ("attention_three", "attention: {use_scale: true}", [(4, 3), (5, 2), (5, 3)]),
    ("attention_causal", "attention: {use_causal_mask: true}", [(4, 3), (4, 3)]),
    ("attention_concat", "attention: {score_mode: concat}", [(3, 2), (4, 3), (4, 2)]),
    ("attention_concat_scale", "attention: {score_mode: concat, use_scale: true, use_causal_mask: true}",
     [(3, 2), (3, 2)]),
    ("additive_attention", "additive_attention: {}", [(4, 3), (5, 3)]),
    ("additive_attention_three", "additive_attention: {use_causal_mask: true}", [(4, 3), (4, 2), (4, 3)]),
    ("additive_attention_plain", "additive_attention: {use_scale: false}", [(2, 3), (3, 3)]),
    ("masked_multi_head_attention", "multi_head_attention: {num_heads: 2, key_dim: 3}", [(4, 5), (3, 5)]),
    ("masked_multi_head_attention_three",
     "multi_head_attention: {num_heads: 1, key_dim: 2, use_causal_mask: true}", [(4, 5), (4, 2), (4, 3)]),
    ("masked_multi_head_attention_dropout", "multi_head_attention: {num_heads: 2, key_dim: 3, dropout: 1.0e-9}",
     [(4, 5), (3, 5)]),
    ("masked_group_query_attention",
     "group_query_attention: {head_dim: 2, num_query_heads: 2, num_key_value_heads: 1}", [(4, 3), (3, 3)]),
    ("masked_attention", "attention: {use_scale: true}", [(4, 3), (5, 3)]),
    ("masked_attention_three", "attention: {use_causal_mask: true}", [(4, 3), (4, 2), (4, 3)]),
    ("masked_additive_attention", "additive_attention: {}", [(4, 3), (5, 3)]),
]

# The same of layers over lines, images and volumes

SPATIAL = [
    ("conv1d", "conv1d: {filters: 3, kernel_size: 3}", [(6, 2)]),
    ("conv1d_same", "conv1d: {filters: 2, kernel_size: 4, padding: same, strides: 2, activation: tanh}", [(7, 2)]),
    ("conv1d_causal", "conv1d: {filters: 2, kernel_size: 3, padding: causal}", [(5, 2)]),
    ("conv1d_causal_dilated", "conv1d: {filters: 2, kernel_size: 3, padding: causal, dilation_rate: 2}", [(7, 2)]),
    ("conv1d_causal_strides", "conv1d: {filters: 2, kernel_size: 2, padding: causal, strides: 2, use_bias: false}",
     [(6, 2)]),
    ("conv1d_groups", "conv1d: {filters: 4, kernel_size: 2, groups: 2}", [(4, 4)]),
    ("conv3d", "conv3d: {filters: 2, kernel_size: 2}", [(3, 4, 3, 2)]),
    ("conv3d_same", "conv3d: {filters: 2, kernel_size: [1, 2, 3], strides: [1, 2, 1], padding: same, "
     "activation: relu}", [(3, 4, 3, 2)]),
    ("conv1d_transpose", "conv1d_transpose: {filters: 3, kernel_size: 3}", [(4, 2)]),
    ("conv1d_transpose_strides", "conv1d_transpose: {filters: 2, kernel_size: 2, strides: 3}", [(4, 2)]),
    ("conv1d_transpose_same", "conv1d_transpose: {filters: 2, kernel_size: 4, strides: 2, padding: same}", [(4, 2)]),
    ("conv2d_transpose", "conv2d_transpose: {filters: 3, kernel_size: 3}", [(3, 4, 2)]),
    ("conv2d_transpose_strides", "conv2d_transpose: {filters: 2, kernel_size: [3, 2], strides: 2, activation: tanh}",
     [(3, 4, 2)]),
    ("conv2d_transpose_same", "conv2d_transpose: {filters: 2, kernel_size: 3, strides: 2, padding: same}",
     [(3, 4, 2)]),
    ("conv2d_transpose_same_even",
     "conv2d_transpose: {filters: 2, kernel_size: 4, strides: [1, 2], padding: same, use_bias: false}", [(3, 4, 2)]),
    ("conv2d_transpose_output_padding",
     "conv2d_transpose: {filters: 2, kernel_size: 3, strides: 2, padding: same, output_padding: 1}", [(3, 4, 2)]),
    ("conv2d_transpose_output_padding_valid",
     "conv2d_transpose: {filters: 2, kernel_size: 3, strides: 2, output_padding: [0, 1]}", [(3, 4, 2)]),
    ("conv3d_transpose", "conv3d_transpose: {filters: 2, kernel_size: 2, strides: [1, 2, 1]}", [(2, 2, 3, 2)]),
    ("conv3d_transpose_same", "conv3d_transpose: {filters: 2, kernel_size: 3, strides: 2, padding: same}",
     [(2, 2, 2, 2)]),
    ("depthwise_conv1d", "depthwise_conv1d: {kernel_size: 3}", [(5, 3)]),
    ("depthwise_conv1d_multiplier", "depthwise_conv1d: {kernel_size: 2, depth_multiplier: 2, padding: same}",
     [(5, 3)]),
    ("depthwise_conv2d", "depthwise_conv2d: {kernel_size: 3, activation: relu}", [(4, 5, 3)]),
    ("depthwise_conv2d_same",
     "depthwise_conv2d: {kernel_size: [3, 2], depth_multiplier: 2, strides: 2, padding: same, use_bias: false}",
     [(5, 4, 2)]),
    ("depthwise_conv2d_dilation", "depthwise_conv2d: {kernel_size: 2, dilation_rate: 2}", [(5, 4, 2)]),
    ("separable_conv1d", "separable_conv1d: {filters: 3, kernel_size: 2}", [(5, 2)]),
    ("separable_conv2d", "separable_conv2d: {filters: 3, kernel_size: 2}", [(4, 4, 2)]),
    ("separable_conv2d_same", "separable_conv2d: {filters: 2, kernel_size: 3, depth_multiplier: 2, strides: 2, "
     "padding: same, activation: tanh}", [(5, 4, 2)]),
    ("max_pooling1d", "max_pooling1d: {}", [(5, 2)]),
    ("max_pooling1d_same", "max_pooling1d: {pool_size: 3, strides: 2, padding: same}", [(6, 2)]),
    ("max_pooling3d", "max_pooling3d: {}", [(4, 2, 5, 2)]),
    ("max_pooling3d_same", "max_pooling3d: {pool_size: [2, 1, 3], strides: [1, 2, 2], padding: same}",
     [(3, 3, 4, 2)]),
    ("average_pooling1d", "average_pooling1d: {pool_size: 2}", [(5, 2)]),
    ("average_pooling1d_same", "average_pooling1d: {pool_size: 3, strides: 2, padding: same}", [(6, 2)]),
    ("average_pooling3d", "average_pooling3d: {pool_size: 2}", [(2, 4, 2, 2)]),
    ("average_pooling3d_same", "average_pooling3d: {pool_size: 2, padding: same}", [(3, 3, 2, 2)]),
    ("global_average_pooling1d", "global_average_pooling1d: {}", [(5, 2)]),
    ("global_average_pooling3d", "global_average_pooling3d: {keepdims: true}", [(2, 3, 2, 2)]),
    ("global_max_pooling1d", "global_max_pooling1d: {}", [(5, 2)]),
    ("global_max_pooling2d", "global_max_pooling2d: {keepdims: true}", [(3, 4, 2)]),
    ("global_max_pooling3d", "global_max_pooling3d: {}", [(2, 3, 2, 2)]),
    ("adaptive_average_pooling1d", "adaptive_average_pooling1d: {output_size: 3}", [(7, 2)]),
    ("adaptive_average_pooling2d", "adaptive_average_pooling2d: {output_size: [2, 3]}", [(5, 4, 2)]),
    ("adaptive_average_pooling3d", "adaptive_average_pooling3d: {output_size: 2}", [(3, 4, 2, 2)]),
    ("adaptive_max_pooling1d", "adaptive_max_pooling1d: {output_size: 3}", [(7, 2)]),
    ("adaptive_max_pooling2d", "adaptive_max_pooling2d: {output_size: [2, 3]}", [(5, 4, 2)]),
    ("adaptive_max_pooling3d", "adaptive_max_pooling3d: {output_size: 2}", [(3, 4, 2, 2)]),
    ("up_sampling1d", "up_sampling1d: {size: 3}", [(3, 2)]),
    ("up_sampling2d", "up_sampling2d: {size: [2, 3]}", [(2, 3, 2)]),
    ("up_sampling2d_bilinear", "up_sampling2d: {size: 2, interpolation: bilinear}", [(3, 4, 2)]),
    ("up_sampling2d_bilinear_odd", "up_sampling2d: {size: [3, 1], interpolation: bilinear}", [(2, 3, 2)]),
    ("up_sampling3d", "up_sampling3d: {size: [1, 2, 2]}", [(2, 2, 2, 2)]),
    ("zero_padding1d", "zero_padding1d: {padding: [2, 1]}", [(3, 2)]),
    ("zero_padding2d", "zero_padding2d: {padding: [[1, 0], [2, 3]]}", [(2, 3, 2)]),
    ("zero_padding3d", "zero_padding3d: {padding: [1, 0, 2]}", [(2, 1, 2, 2)]),
    ("cropping1d", "cropping1d: {cropping: [2, 1]}", [(6, 2)]),
    ("cropping2d", "cropping2d: {cropping: [[1, 0], [2, 1]]}", [(3, 5, 2)]),
    ("cropping3d", "cropping3d: {}", [(3, 4, 3, 2)]),
    ("rescaling", "rescaling: {scale: 0.25, offset: -1.5}", [(2, 3)]),
    ("rms_normalization", "rms_normalization: {}", [(5,)]),
    ("rms_normalization_epsilon", "rms_normalization: {epsilon: 0.01}", [(3, 4)]),
    ("rms_normalization_axes", "rms_normalization: {axis: [2, 3]}", [(2, 3, 4)]),
    ("unit_normalization", "unit_normalization: {}", [(4,)]),
    ("unit_normalization_axis", "unit_normalization: {axis: 1}", [(3, 2, 2)]),
    ("unit_normalization_axes", "unit_normalization: {axis: [1, 2]}", [(3, 2, 2)]),
    ("group_normalization", "group_normalization: {groups: 2}", [(6,)]),
    ("group_normalization_images", "group_normalization: {groups: 3, epsilon: 0.01}", [(2, 3, 6)]),
    ("group_normalization_each", "group_normalization: {groups: -1, scale: false}", [(4, 3)]),
    ("group_normalization_bare", "group_normalization: {groups: 2, center: false, scale: false}", [(3, 4)]),
]

# ----------------------------------------------------------------------------------------------------------------------
# Activations

ACTIVATIONS = [
    "linear: {}", "relu: {}", "relu: {negative_slope: 0.1}", "relu: {max_value: 1.5}", "relu: {threshold: 0.5}",
    "relu: {negative_slope: 0.2, max_value: 2.0, threshold: 0.25}", "leaky_relu: {}",
    "leaky_relu: {negative_slope: 0.05}", "elu: {}", "elu: {alpha: 0.4}", "selu: {}", "tanh: {}", "sigmoid: {}",
    "hard_sigmoid: {}", "softplus: {}", "softsign: {}", "softmax: {}", "silu: {}", "gelu: {}",
    "gelu: {approximate: true}", "exponential: {}", "relu6: {}", "celu: {}", "celu: {alpha: 0.4}", "tanh_shrink: {}",
    "hard_silu: {}", "hard_tanh: {}", "hard_shrink: {}", "hard_shrink: {threshold: 1.3}", "soft_shrink: {}",
    "soft_shrink: {threshold: 1.3}", "threshold: {threshold: 0.7, default_value: -2.5}", "sparse_plus: {}",
    "sparse_sigmoid: {}", "log_softmax: {}", "log_sigmoid: {}", "squareplus: {}", "squareplus: {b: 0.5}", "mish: {}",
]
# The ends matter: overflow, underflow, cancellation. Kinks (0, and the corners of clipped ones) are not hit exactly.
ACTIVATION_ENDS = np.array([[-90, -40, -20, -10], [-5, -3.5, -1e-3, -1e-6], [1e-6, 1e-3, 3.5, 5], [10, 20, 40, 80]],
                           dtype=np.float32)

# ----------------------------------------------------------------------------------------------------------------------
# Losses

PLAIN, SEQUENCE = (BATCH, 4), (BATCH, 3, 4)
LOSSES = [  # name, lockstep YAML, kind of data, shape of the prediction
    ("mse", "mse: {}", "real", PLAIN), ("mse_sequence", "mse: {}", "real", SEQUENCE),
    ("mse_column", "mse: {}", "real", (BATCH, 1)),
    ("mae", "mae: {}", "real", PLAIN), ("mape", "mape: {}", "real", PLAIN),
    ("msle", "msle: {}", "positive", PLAIN), ("msle_negative", "msle: {}", "real", PLAIN),
    ("huber", "huber: {}", "real", PLAIN), ("huber_delta", "huber: {delta: 0.3}", "real", PLAIN),
    ("log_cosh", "log_cosh: {}", "real", PLAIN),
    ("binary_crossentropy", "binary_crossentropy: {}", "binary", PLAIN),
    ("binary_crossentropy_column", "binary_crossentropy: {}", "binary", (BATCH, 1)),
    ("binary_crossentropy_sequence", "binary_crossentropy: {}", "binary", SEQUENCE),
    ("binary_crossentropy_smoothing", "binary_crossentropy: {label_smoothing: 0.1}", "binary", PLAIN),
    ("binary_crossentropy_logits", "binary_crossentropy: {from_logits: true}", "binary_logits", PLAIN),
    ("binary_crossentropy_logits_smoothing", "binary_crossentropy: {from_logits: true, label_smoothing: 0.2}",
     "binary_logits", PLAIN),
    ("binary_focal", "binary_focal_crossentropy: {}", "binary", PLAIN),
    ("binary_focal_balanced",
     "binary_focal_crossentropy: {apply_class_balancing: true, alpha: 0.3, gamma: 1.5}", "binary", SEQUENCE),
    ("binary_focal_smoothing", "binary_focal_crossentropy: {label_smoothing: 0.1}", "binary", PLAIN),
    ("binary_focal_logits", "binary_focal_crossentropy: {from_logits: true, gamma: 3.0}", "binary_logits", PLAIN),
    ("categorical_focal", "categorical_focal_crossentropy: {}", "classes", PLAIN),
    ("categorical_focal_options",
     "categorical_focal_crossentropy: {alpha: 0.5, gamma: 1.5, label_smoothing: 0.1}", "soft", SEQUENCE),
    ("categorical_focal_unnormalized", "categorical_focal_crossentropy: {}", "classes_unnormalized", PLAIN),
    ("categorical_focal_logits", "categorical_focal_crossentropy: {from_logits: true}", "classes_logits", PLAIN),
    ("generalized", "categorical_generalized_cross_entropy: {}", "labels", PLAIN),
    ("generalized_q", "categorical_generalized_cross_entropy: {q: 0.8}", "labels", SEQUENCE),
    ("categorical_crossentropy", "categorical_crossentropy: {}", "classes", PLAIN),
    ("categorical_crossentropy_sequence", "categorical_crossentropy: {}", "classes", SEQUENCE),
    ("categorical_crossentropy_soft", "categorical_crossentropy: {}", "soft", PLAIN),
    ("categorical_crossentropy_unnormalized", "categorical_crossentropy: {}", "classes_unnormalized", PLAIN),
    ("categorical_crossentropy_smoothing", "categorical_crossentropy: {label_smoothing: 0.1}", "classes", PLAIN),
    ("categorical_crossentropy_logits", "categorical_crossentropy: {from_logits: true}", "classes_logits", PLAIN),
    ("categorical_crossentropy_logits_smoothing",
     "categorical_crossentropy: {from_logits: true, label_smoothing: 0.2}",
     "classes_logits", PLAIN),
    ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy: {}", "labels", PLAIN),
    ("sparse_categorical_crossentropy_column", "sparse_categorical_crossentropy: {}", "labels_column", PLAIN),
    ("sparse_categorical_crossentropy_sequence", "sparse_categorical_crossentropy: {}", "labels", SEQUENCE),
    ("sparse_categorical_crossentropy_logits", "sparse_categorical_crossentropy: {from_logits: true}",
     "labels_logits", PLAIN),
    ("kl_divergence", "kl_divergence: {}", "distributions", PLAIN),
    ("hinge", "hinge: {}", "signs", PLAIN), ("hinge_zero_one", "hinge: {}", "zero_one_hinge", PLAIN),
    ("hinge_three_labels", "hinge: {}", "three_labels", PLAIN),
    ("squared_hinge", "squared_hinge: {}", "signs", PLAIN),
    ("squared_hinge_zero_one", "squared_hinge: {}", "zero_one_hinge", PLAIN),
    ("categorical_hinge", "categorical_hinge: {}", "classes", PLAIN),
    ("cosine_similarity", "cosine_similarity: {}", "real", PLAIN),
    ("poisson", "poisson: {}", "counts", PLAIN),
]
FUSED = [  # the same with the activation that made the prediction: the loss works on its logits
    ("fused_sigmoid", "binary_crossentropy: {}", "binary_logits", PLAIN, "sigmoid"),
    ("fused_sigmoid_smoothing", "binary_crossentropy: {label_smoothing: 0.1}", "binary_logits", PLAIN, "sigmoid"),
    ("fused_sigmoid_focal", "binary_focal_crossentropy: {}", "binary_logits", PLAIN, "sigmoid"),
    ("fused_sigmoid_focal_balanced", "binary_focal_crossentropy: {apply_class_balancing: true, gamma: 1.5}",
     "binary_logits", PLAIN, "sigmoid"),
    ("fused_softmax", "categorical_crossentropy: {}", "classes_logits", PLAIN, "softmax"),
    ("fused_softmax_smoothing", "categorical_crossentropy: {label_smoothing: 0.1}", "classes_logits", PLAIN,
     "softmax"),
    ("fused_softmax_sparse", "sparse_categorical_crossentropy: {}", "labels_logits", PLAIN, "softmax"),
    ("fused_softmax_sparse_sequence", "sparse_categorical_crossentropy: {}", "labels_logits", SEQUENCE, "softmax"),
]

# ----------------------------------------------------------------------------------------------------------------------
# Metrics

METRIC_BATCHES = (8, 5, 3)
METRICS = [  # name, lockstep YAML, kind of data, last axes of the prediction; for "accuracy" what Keras resolves it to
    ("accuracy_binary", "accuracy", "binary", (1,), "binary_accuracy"),
    ("accuracy_categorical", "accuracy", "classes", (4,), "categorical_accuracy"),
    ("accuracy_sparse", "accuracy", "labels", (4,), "sparse_categorical_accuracy"),
    ("binary_accuracy", "binary_accuracy: {}", "binary", (3,)),
    ("binary_accuracy_threshold", "binary_accuracy: {threshold: 0.3}", "binary", (1,)),
    ("categorical_accuracy", "categorical_accuracy: {}", "classes", (4,)),
    ("sparse_categorical_accuracy", "sparse_categorical_accuracy: {}", "labels", (4,)),
    ("sparse_categorical_accuracy_column", "sparse_categorical_accuracy: {}", "labels_column", (4,)),
    ("top_k_categorical_accuracy", "top_k_categorical_accuracy: {}", "classes", (9,)),
    ("top_k_categorical_accuracy_k", "top_k_categorical_accuracy: {k: 2}", "classes", (6,)),
    ("sparse_top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy: {}", "labels", (9,)),
    ("sparse_top_k_categorical_accuracy_k", "sparse_top_k_categorical_accuracy: {k: 3}", "labels", (6,)),
    ("mean_squared_error", "mean_squared_error: {}", "real", (3,)),
    ("mean_absolute_error", "mean_absolute_error: {}", "real", (3,)),
    ("root_mean_squared_error", "root_mean_squared_error: {}", "real", (3,)),
    ("r2_score", "r2_score: {}", "real", (1,)),
    ("r2_score_outputs", "r2_score: {}", "real", (3,)),
    ("r2_score_variance_weighted", "r2_score: {class_aggregation: variance_weighted_average}", "real", (3,)),
    ("auc", "auc: {}", "binary", (1,)),
    ("auc_pr", "auc: {curve: PR}", "binary", (1,)),
    ("auc_few_thresholds", "auc: {num_thresholds: 11}", "binary", (1,)),
    ("auc_majoring", "auc: {num_thresholds: 7, summation_method: majoring}", "binary", (1,)),
    ("auc_minoring", "auc: {num_thresholds: 7, summation_method: minoring}", "binary", (1,)),
    ("precision", "precision: {}", "binary", (1,)),
    ("precision_threshold", "precision: {thresholds: 0.7}", "binary", (3,)),
    ("recall", "recall: {}", "binary", (1,)),
    ("recall_threshold", "recall: {thresholds: 0.7}", "binary", (3,)),
    ("cosine_similarity", "cosine_similarity: {}", "real", (4,)),
    ("precision_top_k", "precision: {top_k: 2}", "classes", (5,)),
    ("precision_top_k_threshold", "precision: {top_k: 2, thresholds: 0.3}", "classes", (5,)),
    ("precision_class_id", "precision: {class_id: 1}", "binary", (3,)),
    ("recall_top_k", "recall: {top_k: 3}", "classes", (5,)),
    ("recall_top_k_class_id", "recall: {top_k: 2, class_id: 0}", "classes", (4,)),
    ("true_positives", "true_positives: {}", "binary", (3,)),
    ("true_negatives", "true_negatives: {}", "binary", (3,)),
    ("false_positives", "false_positives: {thresholds: 0.7}", "binary", (3,)),
    ("false_negatives", "false_negatives: {thresholds: 0.7}", "binary", (1,)),
    ("sensitivity_at_specificity", "sensitivity_at_specificity: {specificity: 0.45}", "binary", (3,)),
    ("specificity_at_sensitivity", "specificity_at_sensitivity: {sensitivity: 0.45, num_thresholds: 12}", "binary",
     (3,)),
    ("precision_at_recall", "precision_at_recall: {recall: 0.63}", "binary", (3,)),
    ("precision_at_recall_class_id", "precision_at_recall: {recall: 0.63, class_id: 2}", "binary", (3,)),
    ("recall_at_precision", "recall_at_precision: {precision: 0.57}", "binary", (3,)),
    ("recall_at_precision_one", "recall_at_precision: {precision: 0.37, num_thresholds: 1}", "binary", (3,)),
    ("f1_score", "f1_score: {average: macro}", "classes", (4,)),
    ("f1_score_weighted", "f1_score: {average: weighted, threshold: 0.2}", "binary", (4,)),
    ("fbeta_score", "fbeta_score: {average: micro, beta: 2.0}", "classes", (4,)),
    ("fbeta_score_threshold", "fbeta_score: {average: macro, beta: 0.5, threshold: 0.5}", "binary", (3,)),
    ("iou", "iou: {num_classes: 4, target_class_ids: [0, 2], sparse_y_pred: false}", "labels", (4,)),
    ("mean_iou", "mean_iou: {num_classes: 4, sparse_y_pred: false}", "labels", (4,)),
    ("mean_iou_ignore", "mean_iou: {num_classes: 4, sparse_y_pred: false, ignore_class: 1}", "labels", (4,)),
    ("one_hot_iou", "one_hot_iou: {num_classes: 4, target_class_ids: [1, 3]}", "classes", (4,)),
    ("one_hot_mean_iou", "one_hot_mean_iou: {num_classes: 4}", "classes", (4,)),
    ("binary_iou", "binary_iou: {}", "binary", (1,)),
    ("binary_iou_threshold", "binary_iou: {target_class_ids: [1], threshold: 0.3}", "binary", (1,)),
    ("pearson_correlation", "pearson_correlation: {}", "real", (5,)),
    ("concordance_correlation", "concordance_correlation: {}", "real", (5,)),
    ("hinge", "hinge: {}", "signs", (4,)),
    ("squared_hinge", "squared_hinge: {}", "signs", (4,)),
    ("auc_multi_label", "auc: {multi_label: true, num_labels: 3}", "binary", (3,)),
    ("auc_multi_label_weights", "auc: {multi_label: true, num_labels: 3, label_weights: [1.0, 2.0, 0.5], curve: PR}",
     "binary", (3,)),
    ("auc_label_weights", "auc: {label_weights: [1.0, 2.0, 0.5]}", "binary", (3,)),
]

# ----------------------------------------------------------------------------------------------------------------------
# Schedules

SCHEDULES = [
    ("exponential_decay", "exponential_decay: {initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.5}"),
    ("exponential_decay_staircase",
     "exponential_decay: {initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.5, staircase: true}"),
    ("piecewise_constant_decay", "piecewise_constant_decay: {boundaries: [5, 10], values: [0.1, 0.01, 0.001]}"),
    ("polynomial_decay", "polynomial_decay: {initial_learning_rate: 0.1, decay_steps: 25}"),
    ("polynomial_decay_power",
     "polynomial_decay: {initial_learning_rate: 0.1, decay_steps: 10, end_learning_rate: 0.01, power: 2.0}"),
    ("polynomial_decay_cycle", "polynomial_decay: "
     "{initial_learning_rate: 0.1, decay_steps: 10, end_learning_rate: 0.01, power: 2.0, cycle: true}"),
    ("polynomial_decay_root",
     "polynomial_decay: {initial_learning_rate: 0.2, decay_steps: 40, end_learning_rate: 0.02, power: 0.5}"),
    ("inverse_time_decay", "inverse_time_decay: {initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.5}"),
    ("inverse_time_decay_staircase",
     "inverse_time_decay: {initial_learning_rate: 0.1, decay_steps: 7, decay_rate: 0.5, staircase: true}"),
    ("cosine_decay", "cosine_decay: {initial_learning_rate: 0.1, decay_steps: 40}"),
    ("cosine_decay_alpha", "cosine_decay: {initial_learning_rate: 0.1, decay_steps: 10, alpha: 0.1}"),
    ("cosine_decay_warmup",
     "cosine_decay: {initial_learning_rate: 0.0, decay_steps: 10, warmup_target: 0.1, warmup_steps: 5}"),
    ("cosine_decay_warmup_alpha", "cosine_decay: "
     "{initial_learning_rate: 0.01, decay_steps: 30, alpha: 0.05, warmup_target: 0.1, warmup_steps: 8}"),
    ("cosine_decay_restarts", "cosine_decay_restarts: {initial_learning_rate: 0.1, first_decay_steps: 4}"),
    ("cosine_decay_restarts_equal",
     "cosine_decay_restarts: {initial_learning_rate: 0.1, first_decay_steps: 4, t_mul: 1.0, m_mul: 0.5, alpha: 0.1}"),
    ("cosine_decay_restarts_options",
     "cosine_decay_restarts: {initial_learning_rate: 0.1, first_decay_steps: 7, t_mul: 1.5, m_mul: 0.8, alpha: 0.01}"),
]
SCHEDULE_STEPS = 61

# ----------------------------------------------------------------------------------------------------------------------
# Optimizers

OPTIMIZERS = [
    ("sgd", "sgd: {learning_rate: 0.1}"),
    ("sgd_default", "sgd: {}"),
    ("sgd_momentum", "sgd: {learning_rate: 0.1, momentum: 0.9}"),
    ("sgd_nesterov", "sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true}"),
    ("sgd_weight_decay", "sgd: {learning_rate: 0.1, weight_decay: 0.01}"),
    ("sgd_clipnorm", "sgd: {learning_rate: 0.1, clipnorm: 0.7}"),
    ("sgd_clipvalue", "sgd: {learning_rate: 0.1, clipvalue: 0.3}"),
    ("sgd_global_clipnorm", "sgd: {learning_rate: 0.1, global_clipnorm: 0.7}"),
    ("sgd_ema", "sgd: {learning_rate: 0.1, use_ema: true, ema_momentum: 0.9}"),
    ("sgd_ema_overwrite", "sgd: {learning_rate: 0.1, use_ema: true, ema_momentum: 0.9, ema_overwrite_frequency: 3}"),
    ("sgd_accumulation", "sgd: {learning_rate: 0.1, gradient_accumulation_steps: 2}"),
    ("sgd_momentum_accumulation", "sgd: {learning_rate: 0.1, momentum: 0.9, gradient_accumulation_steps: 3}"),
    ("sgd_everything", "sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01, "
     "global_clipnorm: 0.5, use_ema: true, ema_momentum: 0.8, ema_overwrite_frequency: 4, "
     "gradient_accumulation_steps: 2}"),
    ("sgd_exponential_decay",
     "sgd: {learning_rate: {exponential_decay: {initial_learning_rate: 0.1, decay_steps: 2, decay_rate: 0.5}}}"),
    ("sgd_momentum_piecewise", "sgd: {learning_rate: {piecewise_constant_decay: "
     "{boundaries: [2, 5], values: [0.1, 0.05, 0.01]}}, momentum: 0.9}"),
    ("rmsprop", "rmsprop: {learning_rate: 0.01}"),
    ("rmsprop_default", "rmsprop: {}"),
    ("rmsprop_momentum", "rmsprop: {learning_rate: 0.01, rho: 0.8, momentum: 0.9}"),
    ("rmsprop_centered", "rmsprop: {learning_rate: 0.01, centered: true}"),
    ("rmsprop_centered_momentum", "rmsprop: {learning_rate: 0.01, momentum: 0.5, centered: true, epsilon: 0.001}"),
    ("adagrad", "adagrad: {learning_rate: 0.1}"),
    ("adagrad_initial", "adagrad: {learning_rate: 0.1, initial_accumulator_value: 0.5, epsilon: 0.01}"),
    ("adadelta", "adadelta: {learning_rate: 1.0}"),
    ("adadelta_rho", "adadelta: {learning_rate: 0.5, rho: 0.8, epsilon: 0.0001}"),
    ("adam", "adam: {learning_rate: 0.01}"),
    ("adam_default", "adam: {}"),
    ("adam_amsgrad", "adam: {learning_rate: 0.01, beta_2: 0.9, amsgrad: true}"),
    ("adam_betas", "adam: {learning_rate: 0.05, beta_1: 0.5, beta_2: 0.95, epsilon: 0.001}"),
    ("adam_weight_decay", "adam: {learning_rate: 0.01, weight_decay: 0.1}"),
    ("adam_clipnorm", "adam: {learning_rate: 0.01, clipnorm: 0.5}"),
    ("adam_accumulation", "adam: {learning_rate: 0.01, gradient_accumulation_steps: 2}"),
    ("adam_exponential_decay_accumulation", "adam: {learning_rate: {exponential_decay: {initial_learning_rate: 0.1, "
     "decay_steps: 2, decay_rate: 0.5}}, gradient_accumulation_steps: 2}"),
    ("adam_cosine_warmup", "adam: {learning_rate: {cosine_decay: {initial_learning_rate: 0.0, decay_steps: 8, "
     "warmup_target: 0.1, warmup_steps: 3}}}"),
    ("adamw", "adamw: {learning_rate: 0.01}"),
    ("adamw_weight_decay", "adamw: {learning_rate: 0.01, weight_decay: 0.05, amsgrad: true}"),
    ("adamax", "adamax: {learning_rate: 0.01}"),
    ("nadam", "nadam: {learning_rate: 0.01}"),
    ("nadam_accumulation", "nadam: {learning_rate: 0.01, beta_1: 0.8, gradient_accumulation_steps: 3}"),
    ("lion", "lion: {learning_rate: 0.01}"),
    ("ftrl", "ftrl: {learning_rate: 0.1}"),
    ("ftrl_options", "ftrl: {learning_rate: 0.1, learning_rate_power: -0.8, initial_accumulator_value: 0.5, "
     "l1_regularization_strength: 0.01, l2_regularization_strength: 0.02, "
     "l2_shrinkage_regularization_strength: 0.03, beta: 0.1}"),
    ("lamb", "lamb: {learning_rate: 0.01}"),
    ("lamb_weight_decay", "lamb: {learning_rate: 0.01, beta_1: 0.8, weight_decay: 0.1, clipnorm: 0.5}"),
    ("lamb_accumulation", "lamb: {learning_rate: 0.01, gradient_accumulation_steps: 2}"),
    ("schedule_free_adamw", "schedule_free_adamw: {learning_rate: 0.01}"),
    ("schedule_free_adamw_warmup", "schedule_free_adamw: {learning_rate: 0.05, beta_1: 0.8, beta_2: 0.95, "
     "warmup_steps: 4, weight_decay: 0.1}"),
    ("lion_betas", "lion: {learning_rate: 0.01, beta_1: 0.5, beta_2: 0.8, weight_decay: 0.1}"),
]
OPTIMIZER_UPDATES = 10
OPTIMIZER_SHAPES = ((3, 4), (5,))

# ----------------------------------------------------------------------------------------------------------------------
# Models

SAMPLES, BATCH_SIZE = 37, 8  # four full batches and one of 5
FIT = "fit: {epochs: 4, batch_size: 8, microbatch: 3, shuffle: false}"
SEQUENTIAL_DATA = "data: {file: models.h5, train: {x: /NAME/train/x, y: /NAME/train/y}}"
MODELS = {  # name: (lockstep YAML, {input: shape}, {output: (kind, shape)}); kinds as in make_data
    "softmax_classifier": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: flat, flatten: {{}}}}
  - {{name: hidden, dense: {{units: 7, activation: relu}}}}
  - {{name: class, dense: {{units: 4, activation: softmax}}}}
compile:
  optimizer: {{sgd: {{learning_rate: 0.1, momentum: 0.9}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": (4, 3)}, {"y": ("labels", 4)}),
    "sigmoid_binary": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: hidden, dense: {{units: 6, activation: tanh}}}}
  - {{name: positive, dense: {{units: 1, activation: sigmoid}}}}
compile:
  optimizer: {{adam: {{learning_rate: 0.05}}}}
  loss: binary_crossentropy
  metrics: [accuracy, precision, recall, auc]
{FIT}
""", {"x": (5,)}, {"y": ("binary", 1)}),
    "regression": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: hidden, dense: {{units: 8, activation: selu}}}}
  - {{name: value, dense: {{units: 2}}}}
compile:
  optimizer: rmsprop
  loss: mse
  metrics: [mae, root_mean_squared_error, r2_score]
fit: {{epochs: 5, batch_size: 8, microbatch: 4, shuffle: false, validation_split: 0.2}}
""", {"x": (4,)}, {"y": ("real", 2)}),
    "batch_norm": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: first, dense: {{units: 6}}}}
  - {{name: norm, batch_normalization: {{momentum: 0.9}}}}
  - {{name: act, activation: {{activation: relu}}}}
  - {{name: second, dense: {{units: 5, use_bias: false}}}}
  - {{name: norm2, batch_normalization: {{scale: false}}}}
  - {{name: act2, activation: {{activation: tanh}}}}
  - {{name: class, dense: {{units: 3, activation: softmax}}}}
compile:
  optimizer: {{sgd: {{learning_rate: 0.1}}}}
  loss: categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": (5,)}, {"y": ("classes", 3)}),
    "multi_io": (f"""data:
  file: models.h5
  train:
    x: {{image: /NAME/train/image, tabular: /NAME/train/tabular}}
    y: {{price: /NAME/train/price, kind: /NAME/train/kind}}
model:
  inputs:
    image: {{shape: [3, 4]}}
    tabular: {{shape: [5]}}
  layers:
    - {{name: flat, flatten: {{}}, inputs: [image]}}
    - {{name: h1, dense: {{units: 6, activation: relu}}, inputs: [flat]}}
    - {{name: h2, dense: {{units: 4, activation: tanh}}, inputs: [tabular]}}
    - {{name: both, concatenate: {{}}, inputs: [h1, h2]}}
    - {{name: price, dense: {{units: 1}}, inputs: [both]}}
    - {{name: kind, dense: {{units: 4, activation: softmax}}, inputs: [both]}}
  outputs: [price, kind]
compile:
  optimizer: {{adam: {{learning_rate: 0.02}}}}
  loss: {{price: mse, kind: sparse_categorical_crossentropy}}
  loss_weights: {{price: 1.0, kind: 0.5}}
  metrics: {{price: [mae], kind: [accuracy]}}
{FIT}
""", {"image": (3, 4), "tabular": (5,)}, {"price": ("real", 1), "kind": ("labels", 4)}),
    "siamese": (f"""data:
  file: models.h5
  train:
    x: {{left: /NAME/train/left, right: /NAME/train/right}}
    y: {{match: /NAME/train/match}}
model:
  inputs:
    left: {{shape: [5]}}
    right: {{shape: [5]}}
  layers:
    - {{name: code, dense: {{units: 4, activation: tanh}}, inputs: [left]}}
    - {{name: code_right, shares: code, inputs: [right]}}
    - {{name: likeness, dot: {{axes: 1, normalize: true}}, inputs: [code, code_right]}}
    - {{name: match, dense: {{units: 1, activation: sigmoid}}, inputs: [likeness]}}
  outputs: [match]
compile:
  optimizer: {{adamax: {{learning_rate: 0.05}}}}
  loss: binary_crossentropy
  metrics: [binary_accuracy]
{FIT}
""", {"left": (5,), "right": (5,)}, {"match": ("binary", 1)}),
    "autoencoder": (f"""{SEQUENTIAL_DATA.replace('train/y', 'train/x')}
model:
  - {{name: encode, dense: {{units: 3, activation: elu}}}}
  - {{name: middle, dense: {{units: 5, activation: {{leaky_relu: {{negative_slope: 0.1}}}}}}}}
  - {{name: decode, dense: {{units: 6, activation: sigmoid}}}}
compile:
  optimizer: {{adagrad: {{learning_rate: 0.5}}}}
  loss: binary_crossentropy
  metrics: [mean_squared_error]
{FIT}
""", {"x": ("unit", 6)}, {}),
    "convnet": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: conv, conv2d: {{filters: 4, kernel_size: 3, padding: same, activation: relu}}}}
  - {{name: pool, max_pooling2d: {{pool_size: 2}}}}
  - {{name: conv2, conv2d: {{filters: 5, kernel_size: 2, strides: 2, padding: same, activation: tanh}}}}
  - {{name: mean, global_average_pooling2d: {{}}}}
  - {{name: class, dense: {{units: 3, activation: softmax}}}}
compile:
  optimizer: {{nadam: {{learning_rate: 0.02}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": (6, 6, 2)}, {"y": ("labels", 3)}),
    "embedding": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: words, embedding: {{input_dim: 10, output_dim: 4}}}}
  - {{name: flat, flatten: {{}}}}
  - {{name: score, dense: {{units: 2, activation: softmax}}}}
compile:
  optimizer: {{adam: {{learning_rate: 0.05}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": ("tokens", 6)}, {"y": ("labels", 2)}),
    "regularized": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: first, dense: {{units: 6, activation: softplus,
            kernel_regularizer: {{l2: {{l2: 0.02}}}},
            kernel_constraint: {{max_norm: {{max_value: 0.8}}}}}}}}
  - {{name: norm, layer_normalization: {{}}}}
  - {{name: second, dense: {{units: 4, activation: silu,
            kernel_regularizer: {{l1_l2: {{l1: 0.01, l2: 0.03}}}},
            bias_regularizer: {{l1: {{l1: 0.02}}}},
            activity_regularizer: {{l2: {{l2: 0.05}}}}}}}}
  - {{name: value, dense: {{units: 1, kernel_constraint: non_neg}}}}
compile:
  optimizer: {{adamw: {{learning_rate: 0.03, weight_decay: 0.01, clipnorm: 0.5}}}}
  loss: {{huber: {{delta: 0.7}}}}
  metrics: [mae]
{FIT}
""", {"x": (5,)}, {"y": ("real", 1)}),
    "class_weight": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: hidden, dense: {{units: 5, activation: gelu}}}}
  - {{name: class, dense: {{units: 3, activation: softmax}}}}
compile:
  optimizer: {{sgd: {{learning_rate: {{exponential_decay: {{initial_learning_rate: 0.2, decay_steps: 10,
              decay_rate: 0.5}}}}, momentum: 0.5, nesterov: true}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT.replace('shuffle', 'class_weight: {0: 1.0, 1: 2.0, 2: 0.5}, shuffle')}
""", {"x": (4,)}, {"y": ("labels", 3)}),
    "ema_accumulation": (f"""{SEQUENTIAL_DATA}
model:
  - {{name: hidden, dense: {{units: 5, activation: tanh}}}}
  - {{name: value, dense: {{units: 2}}}}
compile:
  optimizer: {{sgd: {{learning_rate: 0.1, momentum: 0.9, use_ema: true, ema_momentum: 0.8,
              gradient_accumulation_steps: 2}}}}
  loss: log_cosh
  metrics: [mse]
{FIT}
""", {"x": (4,)}, {"y": ("real", 2)}),
}

# Those of sequences, in a file of their own
SEQUENCE_DATA = SEQUENTIAL_DATA.replace("models.h5", "sequence_models.h5")
SEQUENCE_MODELS = {
    "recurrent": (f"""{SEQUENCE_DATA}
model:
  - {{name: first, lstm: {{units: 4, return_sequences: true}}}}
  - {{name: both, bidirectional: {{layer: {{gru: {{units: 3, return_sequences: true}}}}}}}}
  - {{name: each, time_distributed: {{layer: {{dense: {{units: 4, activation: tanh}}}}}}}}
  - {{name: last, simple_rnn: {{units: 5, go_backwards: true}}}}
  - {{name: class, dense: {{units: 3, activation: softmax}}}}
compile:
  optimizer: {{adam: {{learning_rate: 0.02}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": (5, 3)}, {"y": ("labels", 3)}),
    "tagger": (f"""{SEQUENCE_DATA}
model:
  - {{name: words, embedding: {{input_dim: 10, output_dim: 4, mask_zero: true}}}}
  - {{name: both, bidirectional: {{layer: {{lstm: {{units: 3, return_sequences: true}}}}}}}}
  - {{name: tag, dense: {{units: 3, activation: softmax}}}}
compile:
  optimizer: {{adam: {{learning_rate: 0.02}}}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
{FIT}
""", {"x": ("tokens", 6)}, {"y": ("tags", (6, 3))}),
    "reader": (f"""{SEQUENCE_DATA}
model:
  - {{name: words, embedding: {{input_dim: 10, output_dim: 4, mask_zero: true}}}}
  - {{name: memory, gru: {{units: 4, return_sequences: true}}}}
  - {{name: last, lstm: {{units: 4}}}}
  - {{name: value, dense: {{units: 2}}}}
compile:
  optimizer: {{sgd: {{learning_rate: 0.2, momentum: 0.5}}}}
  loss: mse
  metrics: [mae]
{FIT}
""", {"x": ("tokens", 6)}, {"y": ("real", 2)}),
}

# ----------------------------------------------------------------------------------------------------------------------
# Callbacks

FALL = [1.0, 0.9, 0.88, 0.87, 0.86, 0.4, 0.41, 0.42, 0.43, 0.44]
RISE = [0.1, 0.3, 0.35, 0.34, 0.36, 0.36, 0.5, 0.2, 0.1, 0.05]
FLAT = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]
WAVE = [1.0, 0.8, 0.9, 0.7, 0.75, 0.72, 0.6, 0.65, 0.64, 0.63, 0.5, 0.55]
NAN = [1.0, None, 0.9, None, None, 0.8, None, None, None]
STUCK = [1.0] * 10
EARLY_STOPPING = [  # arguments, monitored values
    ("", FALL), ("patience: 1", FALL), ("patience: 2", FALL), ("patience: 2, min_delta: 0.05", FALL),
    ("patience: 2, min_delta: -0.05", FALL), ("patience: 2, baseline: 0.5", FALL),
    ("patience: 1, start_from_epoch: 3", FALL),
    ("", FLAT), ("patience: 1", FLAT), ("patience: 2", FLAT), ("patience: 1, start_from_epoch: 3", FLAT),
    ("patience: 2, restore_best_weights: true", FALL), ("patience: 20, restore_best_weights: true", FALL),
    ("patience: 2, restore_best_weights: true", FLAT), ("patience: 3, restore_best_weights: true", WAVE),
    ("patience: 3, restore_best_weights: true, baseline: 0.5", WAVE),
    ("patience: 3, restore_best_weights: true, min_delta: 0.15", WAVE),
    ("patience: 2, restore_best_weights: true, start_from_epoch: 4", WAVE),
    ("patience: 3, baseline: 0.75", WAVE), ("patience: 2, mode: max", WAVE), ("patience: 3, mode: min", RISE),
    ("monitor: val_accuracy, patience: 2", RISE),
    ("monitor: val_accuracy, patience: 3, restore_best_weights: true", RISE),
    ("monitor: val_accuracy, patience: 2, min_delta: 0.1", RISE), ("monitor: val_mae, patience: 1", WAVE),
    ("monitor: loss, patience: 1", WAVE), ("patience: 2", NAN), ("patience: 3, restore_best_weights: true", NAN),
    ("patience: 1, min_delta: 0.1", [0.8, 0.7, 0.6, 0.5]),  # float32 comparison: 0.7 + 0.1 is not below 0.8
]
REDUCE_LR = [
    ("patience: 2", STUCK), ("patience: 2, cooldown: 2", STUCK), ("factor: 0.5, patience: 1", FLAT),
    ("factor: 0.5, patience: 2, min_lr: 0.02", STUCK), ("factor: 0.1, patience: 1, min_lr: 0.0005", STUCK),
    ("patience: 0", WAVE), ("factor: 0.2, patience: 2, min_delta: 0.15", WAVE), ("patience: 3", FALL),
    ("factor: 0.5, patience: 1, cooldown: 1", WAVE), ("factor: 0.5, patience: 2, cooldown: 3", FLAT),
    ("monitor: val_accuracy, factor: 0.3, patience: 2", RISE), ("mode: max, patience: 3", WAVE),
    ("patience: 1, min_delta: 0.0", STUCK), ("monitor: loss, patience: 2, factor: 0.9", FLAT), ("patience: 2", NAN),
]
CHECKPOINT = [
    ("filepath: best.h5, save_best_only: true", WAVE), ("filepath: last.h5", FALL),
    ('filepath: "m.{epoch:02d}-{val_loss:.4f}.h5"', FALL[:4]),
    ('filepath: "m.{epoch:02d}-{val_loss:.4f}.h5", save_best_only: true', WAVE),
    ('filepath: "w{epoch}.weights.h5", save_weights_only: true', FLAT[:3]),
    ("filepath: best.h5, save_best_only: true, monitor: val_accuracy", RISE),
    ("filepath: best.h5, save_best_only: true, mode: max", WAVE),
    ("filepath: best.h5, save_best_only: true, initial_value_threshold: 0.65", WAVE),
    ("filepath: best.h5, save_best_only: true, mode: max, monitor: val_accuracy, initial_value_threshold: 0.4", RISE),
    ('filepath: "b{epoch}-{batch:03d}.h5", save_freq: 3', FLAT[:4]),
    ('filepath: "b{epoch}-{batch}.h5", save_freq: 4', FLAT[:3]),
    ("filepath: best.h5, save_best_only: true, save_freq: 3, monitor: loss", FALL[:4]),
    ("filepath: best.h5, save_best_only: true", NAN),
]
BATCHES_PER_EPOCH = 4
INITIAL_LR = 0.1
