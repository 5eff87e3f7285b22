/* The registry of layers. In a file of its own: the layers need what layers.c holds, and this needs the layers. */
#include "nn/layers/layers.h"

#define ENTRY(name) &ls_layer_##name.ops,

static const ls_ops *const entries[] = {LS_LAYER_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"additive_attention", NULL},
    {"attention", NULL},
    {"aug_mix", NULL},
    {"auto_contrast", NULL},
    {"category_encoding", NULL},
    {"center_crop", NULL},
    {"conv_lstm1d", NULL},
    {"conv_lstm2d", NULL},
    {"conv_lstm3d", NULL},
    {"cut_mix", NULL},
    {"discretization", NULL},
    {"equalization", NULL},
    {"group_normalization", NULL},
    {"group_query_attention", NULL},
    {"gru_cell", NULL},
    {"hashed_crossing", NULL},
    {"hashing", NULL},
    {"integer_lookup", NULL},
    {"lambda", "it is a function of its program, which no file can hold"},
    {"lstm_cell", NULL},
    {"mel_spectrogram", NULL},
    {"mix_up", NULL},
    {"multi_head_attention", NULL},
    {"normalization", NULL},
    {"rand_augment", NULL},
    {"random_brightness", NULL},
    {"random_contrast", NULL},
    {"random_crop", NULL},
    {"random_flip", NULL},
    {"random_rotation", NULL},
    {"random_translation", NULL},
    {"random_zoom", NULL},
    {"rescaling", NULL},
    {"resizing", NULL},
    {"rms_normalization", NULL},
    {"rnn", NULL},
    {"simple_rnn_cell", NULL},
    {"spectral_normalization", NULL},
    {"stacked_rnn_cells", NULL},
    {"string_lookup", NULL},
    {"text_vectorization", NULL},
    {"thresholded_relu", NULL},
    {"unit_normalization", NULL},
    {NULL, NULL},
};

const ls_registry ls_layers = {.what = "layer", .entries = entries, .lacking = lacking};
