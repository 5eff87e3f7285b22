/*
 * Model files that Keras opens: the legacy whole-model HDF5 layout (keras.models.load_model("model.h5")).
 *
 *     / @keras_version @backend @model_config @training_config
 *       model_weights @layer_names @backend @keras_version
 *         LAYER @weight_names                     one group per layer, in Keras's order of model.layers
 *           MODEL/LAYER/kernel                    (…) float32; LAYER/kernel in a graph model
 *
 * There is no /optimizer_weights: Keras 3 restores such a state into an optimizer that cannot train any more. Without
 * it the loaded model trains on with a fresh optimizer of the same settings (an archive keeps it: keras_archive.h).
 * Unknown groups and attributes are ignored by Keras, so lockstep keeps its own state beside these.
 */
#ifndef LS_FORMATS_KERAS_MODEL_H
#define LS_FORMATS_KERAS_MODEL_H

#include <hdf5.h>

#include "nn/model.h"
#include "nn/optimizer.h"
#include "nn/outputs.h"

typedef struct ls_compile_info {
    const ls_output_spec *outputs; /* one per output of the model */
    const ls_optimizer *optimizer;
    float learning_rate; /* as it is now; not used if the optimizer has a schedule */
    /* For files that Keras goes on training from (keras_weights.h); NULL: the optimizer starts afresh there. */
    const ls_optimizer_state *state;
} ls_compile_info;

/*
 * Add model, weights and (unless NULL) compile settings to an HDF5 file open for writing. The same model gives the same
 * bytes. Settings that Keras does not have are left out where they do not change what a trained model predicts
 * (batch_normalization's groups); an activation that Keras cannot keep in a file (gelu, approximate) is written in a
 * way that load_model refuses, rather than as another one.
 */
ls_status ls_keras_write(hid_t file, const ls_model *model, const ls_compile_info *compile);

/*
 * Weights of a file written by lockstep or Keras into a model of the same architecture. As Keras does, layers with
 * weights and the weights in them are paired by their order, whatever their names. LS_ERR_MISMATCH, LS_ERR_SHAPE,
 * LS_ERR_FORMAT or LS_ERR_NUMERIC (not finite); the model then keeps the weights it had. path: for messages.
 */
ls_status ls_keras_read_weights(hid_t file, const char *path, ls_model *model);

#endif
