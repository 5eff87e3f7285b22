/*
 * A model and its compile settings as the JSON that Keras 3 keeps in a legacy HDF5 file ("model_config" and
 * "training_config"): only keys that every Keras 3 takes, numbers with their types. See also keras_model.h.
 */
#ifndef LS_FORMATS_KERAS_CONFIG_H
#define LS_FORMATS_KERAS_CONFIG_H

#include <jansson.h>

#include "formats/keras_model.h"

/* New references; NULL: out of memory. */
json_t *ls_keras_model_config(const ls_model *model);
json_t *ls_keras_training_config(const ls_model *model, const ls_compile_info *compile);

#endif
