/*
 * Models within the model of an experiment.
 *
 *     blocks:                                   named ones, written once
 *       residual: {inputs: …, layers: …, outputs: …}
 *     model:
 *       - residual                              one of them as a layer
 *       - residual: {repeat: 3}                 a tower of three
 *       - model: {file: base.keras, until: pool, trainable: false}
 *       - model: {layers: [dense: 8, dense: 4]}
 */
#ifndef LS_EXPERIMENT_INNER_MODELS_H
#define LS_EXPERIMENT_INNER_MODELS_H

#include "base/config.h"
#include "nn/model.h"

/*
 * Blocks and files are written out: each becomes `model: {layers: …}`, which keeps `block:` or `file:` beside that.
 * What has layers already stays. root: an experiment's; file: whose paths are beside it.
 */
ls_status ls_inner_models_write_out(ls_config *root, const char *file);

/*
 * The weights that models of files begin with, from those files, unless they say weights: false. LS_ERR_MISMATCH where
 * the model is another one by now.
 */
ls_status ls_inner_models_init_weights(const char *file, ls_model *model);

/* Calls `visit` for every map of the tree that is `model: {file: …}`, at whatever depth. */
ls_status ls_inner_models_each_file(ls_config *model, ls_status (*visit)(void *context, ls_config *map), void *context);

#endif
