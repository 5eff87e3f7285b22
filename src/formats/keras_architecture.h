/*
 * Keras's description of a model and of how it was compiled, in the words of an experiment. The mirror of
 * keras_config.h, but for what Keras itself writes: both forms of JSON ("model_config" of a legacy HDF5 file,
 * "config.json" of an archive), Sequential and Functional, both ways to write down calls.
 *
 *     {"class_name": "Sequential", "config": {"layers": [...]}}   ─►   model: [input: {shape: [4]}, dense: {units: 3}]
 *     {"class_name": "Functional", ...}                           ─►   model: {inputs: ..., layers: ..., outputs: ...}
 *     {"loss": "mse", "optimizer": {...}, ...}                    ─►   compile: {loss: mse, optimizer: ...}
 *
 * What lockstep does not have (a Lambda, mixed precision) is LS_ERR_CONFIG with the name of the
 * file, the layer and its class. What does not change results (build_config, compilation to XLA) is left out.
 */
#ifndef LS_FORMATS_KERAS_ARCHITECTURE_H
#define LS_FORMATS_KERAS_ARCHITECTURE_H

#include "base/config.h"
#include "nn/model.h"

/* The `model:` entry of the map `out`, from the whole JSON of the model. */
ls_status ls_keras_put_model(const ls_config *json, ls_config *out);

/* What a model was compiled with that lockstep does not have: messages, owned; NULL: it has it. */
typedef struct ls_keras_refused {
    char *loss;      /* or loss_weights: then there is no `compile:` at all */
    char *optimizer; /* then the model can be evaluated, but not trained as it was */
    char *metrics;   /* each that was left out */
    char *guessed;   /* what the file does not say, and what it is taken to be */
} ls_keras_refused;

ls_status ls_keras_refused_copy(const ls_keras_refused *from, ls_keras_refused *out);
void ls_keras_refused_reset(ls_keras_refused *refused);

/*
 * The `compile:` entry of `out`. model: built from the entry above; json: of the same file, for the names under which a
 * model gives its outputs. training: "training_config" or "compile_config". An optimizer and metrics that lockstep does
 * not have are left out and said in *refused; a loss that it does not have is an error.
 */
ls_status ls_keras_put_compile(const ls_config *json, const ls_config *training, const ls_model *model, ls_config *out,
                               ls_keras_refused *refused);

/*
 * What `input_layers` and `output_layers` list, in Keras's order: tensors ([layer, call, 0]) in a list, by name (then
 * in the order of names), or one tensor standing alone. last NULL: the first; NULL at the end.
 */
const ls_config *ls_keras_next_tensor(const ls_config *list, const ls_config *last);

#endif
