/* What a model file of lockstep or Keras says of its experiment, without the weights. */
#ifndef LS_EXPERIMENT_MODEL_FILE_H
#define LS_EXPERIMENT_MODEL_FILE_H

#include <hdf5.h>

#include "base/config.h"
#include "formats/keras_architecture.h"

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

#endif
