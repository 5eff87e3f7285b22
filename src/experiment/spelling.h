/* Short ways of writing an experiment, as people write them from memory, in the long one that everything else reads. */
#ifndef LS_EXPERIMENT_SPELLING_H
#define LS_EXPERIMENT_SPELLING_H

#include "base/config.h"

/*
 * In the tree:
 *
 *     data: FILE.h5                     data: {file: FILE.h5}      (what is in it: experiment/found_data.h)
 *     - dense: 64                       - dense: {units: 64}
 *     - conv2d: [32, 3]                 - conv2d: {filters: 32, kernel_size: 3}       what has no default, in Keras's
 * order
 *     - reshape: [28, 28, 1]            - reshape: {target_shape: [28, 28, 1]}
 *     optimizer, loss, … at the top     compile: {optimizer: …, loss: …}
 *     {adam: {lr: 0.001}}               {adam: {learning_rate: 0.001}}
 *     fit: {callbacks: […]}             callbacks: […]
 *
 * What stands in both places is an error, and goes, so that it is told once; all are told together.
 */
ls_status ls_experiment_spell_out(ls_config *root);

#endif
