/*
 * Files for Keras, by the end of their name:
 *
 *     .keras        the Keras 3 archive: model, compile settings, weights and the optimizer's variables. Keras trains
 * on from it with the very next update (keras.models.load_model) .weights.h5   weights and the optimizer's variables
 * alone (model.load_weights): keras_weights.h .h5           the legacy whole-model layout, without the optimizer's
 * variables: keras_model.h
 *
 * An archive is a zip file of metadata.json, config.json and model.weights.h5. The same model gives the same bytes.
 */
#ifndef LS_FORMATS_KERAS_ARCHIVE_H
#define LS_FORMATS_KERAS_ARCHIVE_H

#include <stdbool.h>

#include "formats/keras_model.h"

bool ls_keras_names_archive(const char *path); /* ends in .keras */
bool ls_keras_names_weights(const char *path); /* ends in .weights.h5 */

/* LS_ERR_USAGE naming the endings there are, if path has none of them. */
ls_status ls_keras_check_path(const char *path);

/*
 * Replace the file at path, as ls_file_replace does. LS_ERR_ARG if the model has something that Keras cannot keep in a
 * file of that kind (an activation with arguments for which it has no layer).
 */
ls_status ls_keras_save(const char *path, const ls_model *model, const ls_compile_info *compile);

#endif
