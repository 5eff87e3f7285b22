/* What a model file of lockstep or Keras holds of an experiment and of weights. Nothing here is collective. */
#ifndef LS_EXPERIMENT_MODEL_FILE_H
#define LS_EXPERIMENT_MODEL_FILE_H

#include <hdf5.h>

#include "base/config.h"
#include "formats/keras_architecture.h"
#include "nn/model.h"
#include "nn/optimizer.h"

#define LS_MODEL_FILE_GROUP "/lockstep" /* what lockstep keeps beside what Keras reads */
#define LS_MODEL_FILE_FORMAT 2

/* A file that lockstep wrote, in the format that this lockstep reads. */
ls_status ls_model_file_open(const char *path, hid_t *file);

/*
 * The tree of the experiment. Of a file of Keras: model, compile and no data. How that was compiled may be beyond
 * lockstep, which does not keep a model from predicting, nor a strange optimizer one from being evaluated: what is left
 * out of the tree *refused says, to be reset by the caller, also after a failure.
 */
ls_status ls_model_file_experiment(const char *path, ls_config **out, ls_keras_refused *refused);

/* The weights of a file of lockstep or of Keras (.h5, .weights.h5, .keras) into a model of the same architecture. */
ls_status ls_model_file_weights(const char *path, ls_model *model);

/*
 * The optimizer's state of a file of Keras 3 (.keras, .weights.h5), where it stands for the weights of this model:
 * ls_keras_read_optimizer.
 */
ls_status ls_model_file_optimizer(const char *path, const ls_model *model, const ls_optimizer *optimizer,
                                  ls_optimizer_room *state);

/* LS_ERR_FORMAT unless the model's weights are those of which the file says the fingerprint. */
ls_status ls_model_file_check_fingerprint(hid_t file, const char *path, const ls_model *model);

#endif
