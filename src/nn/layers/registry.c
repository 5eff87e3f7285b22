/* The registry of layers. In a file of its own: the layers need what layers.c holds, and this needs the layers. */
#include "nn/layers/layers.h"

#define ENTRY(name) &ls_layer_##name.ops,

static const ls_ops *const entries[] = {LS_LAYER_LIST(ENTRY) NULL};

#define AUG                                                                                                  \
    "it changes images in a way that lockstep does not have: random_flip, random_crop, random_translation, " \
    "random_rotation, random_zoom, random_brightness, random_contrast and random_erasing are there"
#define MIX "it mixes the targets of two samples, too, which a layer of a model does not see"
#define PREPARE "it prepares data: do that once, as they are imported (lockstep import --help)"
#define TEXT "it turns strings or numbers into classes: do that once, as they are imported (lockstep import --help)"
#define CONV_LSTM "it is a recurrent network over images; time_distributed convolutions before an lstm come nearest"
#define CELL "it is a part of a layer: write simple_rnn, gru or lstm"
#define FOURIER "it needs a Fourier transform, which lockstep does not have"
#define FOREIGN "it runs a program of another library"

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"aug_mix", AUG},
    {"auto_contrast", AUG},
    {"category_encoding", PREPARE},
    {"center_crop", PREPARE},
    {"contrast_limited_adaptive_histogram_equalization", AUG},
    {"conv_lstm1d", CONV_LSTM},
    {"conv_lstm2d", CONV_LSTM},
    {"conv_lstm3d", CONV_LSTM},
    {"cut_mix", MIX},
    {"discretization", PREPARE},
    {"equalization", AUG},
    {"flax_layer", FOREIGN},
    {"gru_cell", CELL},
    {"hashed_crossing", TEXT},
    {"hashing", TEXT},
    {"integer_lookup", TEXT},
    {"jax_layer", FOREIGN},
    {"lambda", "it is a function of its program, which no file can hold"},
    {"lstm_cell", CELL},
    {"max_num_bounding_boxes", PREPARE},
    {"mel_spectrogram", FOURIER},
    {"mix_up", MIX},
    {"normalization", PREPARE},
    {"pipeline", PREPARE},
    {"rand_augment", AUG},
    {"random_color_degeneration", AUG},
    {"random_color_jitter", AUG},
    {"random_elastic_transform", AUG},
    {"random_gaussian_blur", AUG},
    {"random_grayscale", AUG},
    {"random_hue", AUG},
    {"random_invert", AUG},
    {"random_perspective", AUG},
    {"random_posterization", AUG},
    {"random_saturation", AUG},
    {"random_sharpness", AUG},
    {"random_shear", AUG},
    {"resizing", PREPARE},
    {"reversible_embedding", "it is two layers with one table, and a layer here is called one way"},
    {"rnn", CELL},
    {"simple_rnn_cell", CELL},
    {"solarization", AUG},
    {"spectral_normalization",
     "it overwrites the weights of its layer as it runs, so that they are not what the optimizer made"},
    {"stacked_rnn_cells", CELL},
    {"stft_spectrogram", FOURIER},
    {"string_lookup", TEXT},
    {"text_vectorization", TEXT},
    {"tfsm_layer", FOREIGN},
    {"torch_module_wrapper", FOREIGN},
    {NULL, NULL},
};

const ls_registry ls_layers = {.what = "layer", .entries = entries, .lacking = lacking};
