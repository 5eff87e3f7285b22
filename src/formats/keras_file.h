/*
 * Model files of Keras in its three formats, told apart by what they hold and not by their names:
 *
 *     model.h5          HDF5: weights, and JSON of the model and of how it was compiled (legacy; lockstep's own too)
 *     x.weights.h5      HDF5: weights alone
 *     model.keras       zip: metadata.json, config.json, model.weights.h5
 */
#ifndef LS_FORMATS_KERAS_FILE_H
#define LS_FORMATS_KERAS_FILE_H

#include <hdf5.h>

#include "base/config.h"

typedef enum ls_file_kind { LS_FILE_OTHER, LS_FILE_HDF5, LS_FILE_ZIP } ls_file_kind;

/* What a file is by its first bytes. OTHER also if there is no such file or it cannot be read. */
ls_file_kind ls_keras_file_kind(const char *path);

/* The HDF5 file with the weights: the file itself, or in memory the one in the archive. Closed by ls_h5_close. */
ls_status ls_keras_open(const char *path, hid_t *file);

/* What the JSON of a file says. NULL: it does not say that. */
typedef struct ls_keras_json {
    ls_config *model;    /* {"class_name": "Sequential", ...} */
    ls_config *training; /* {"loss": ..., "optimizer": ...} */
    char *version;       /* of Keras: "3.15.1" */
} ls_keras_json;

/* Read the JSON of a file. LS_OK with model NULL for an HDF5 file without a description of a model. Errors of the trees
 * name path. */
ls_status ls_keras_json_read(const char *path, ls_keras_json *out);
void ls_keras_json_reset(ls_keras_json *json);

#endif
