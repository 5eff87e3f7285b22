/*
 * A model and its compile settings as JSON for Keras 3: only keys that every Keras 3 takes, numbers with their types.
 * See also keras_model.h and keras_archive.h.
 */
#ifndef LS_FORMATS_KERAS_CONFIG_H
#define LS_FORMATS_KERAS_CONFIG_H

#include <jansson.h>

#include "formats/keras_model.h"

#define LS_KERAS_VERSION "3.9.0" /* whose layouts these are; every Keras 3 reads them */

/* Two forms of a model's JSON: with the module of every class and tensors with their shapes, or without. */
typedef enum ls_keras_form {
    LS_KERAS_LEGACY, /* of a legacy HDF5 file: "model_config" and "training_config" */
    LS_KERAS_ARCHIVE /* of an archive: "config.json" and the "compile_config" in it */
} ls_keras_form;

/* New references; NULL: out of memory. */
json_t *ls_keras_model_config(ls_keras_form form, const ls_model *model);
/* Does Keras have the optimizer? Without it a file of Keras's has no compile settings, only layers and weights. */
bool ls_keras_can_compile(const ls_compile_info *compile);

json_t *ls_keras_training_config(ls_keras_form form, const ls_model *model, const ls_compile_info *compile);

/* LS_ERR_ARG naming what Keras cannot keep in a file: it would refuse to load the JSON of such a model. */
ls_status ls_keras_check_model(const ls_model *model);

/* Is the rate a number in Keras, and not a schedule? Then Keras keeps it among the optimizer's variables. */
bool ls_keras_constant_rate(const ls_optimizer *optimizer, float learning_rate, double *rate);

#endif
