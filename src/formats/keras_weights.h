/*
 * Weights files that Keras 3 opens: model.load_weights("x.weights.h5").
 *
 *     /vars @name                     the model's name
 *     /layers/KEY/vars @name          the layer's name; KEY: its class in snake_case, the second one KEY_1, …
 *     /layers/KEY/vars/0, 1, …        (…) float32, in the order of creation
 */
#ifndef LS_FORMATS_KERAS_WEIGHTS_H
#define LS_FORMATS_KERAS_WEIGHTS_H

#include <hdf5.h>

#include "nn/model.h"

/* Add the weights to an HDF5 file open for writing. The same weights give the same bytes. */
ls_status ls_keras_write_weights(hid_t file, const ls_model *model);

#endif
