/**
 * @file model.h
 * A model seen from outside: its inputs, its outputs, and its weights as a list of arrays.
 *
 * Models are lent by the estimator or the callback that has them. Nothing here is collective. A pointer that is NULL is
 * LS_ERR_ARG; a model that is NULL has 0 inputs, outputs and weights, and an empty fingerprint.
 */
#ifndef LOCKSTEP_MODEL_H
#define LOCKSTEP_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "lockstep/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model. */
typedef struct ls_model ls_model;

/** An array of a model. */
typedef struct ls_array_info {
    char name[160];          /**< "dense/kernel" of a weight, "price" of an input or output */
    size_t axes;             /**< how many */
    size_t dim[LS_AXES_MAX]; /**< [axes] of inputs and outputs: of one sample */
    size_t size;             /**< elements: the product of dim */
    bool trainable;          /**< of a weight; false otherwise */
} ls_array_info;

/** How many inputs a model has. */
size_t ls_model_input_count(const ls_model *model);
/** How many outputs a model has. */
size_t ls_model_output_count(const ls_model *model);

/** How many arrays of weights there are, in Keras's order of model.weights: layer by layer, trainable ones first. */
size_t ls_model_weight_count(const ls_model *model);

/**
 * What the i-th input is; likewise ls_model_output of outputs and ls_model_weight of arrays of weights.
 *
 * @return LS_OK; LS_ERR_ARG if there is no such one
 */
ls_status ls_model_input(const ls_model *model, size_t i, ls_array_info *out);
/** What the i-th output is, as ls_model_input. */
ls_status ls_model_output(const ls_model *model, size_t i, ls_array_info *out);
/** What the i-th array of weights is, as ls_model_input. */
ls_status ls_model_weight(const ls_model *model, size_t i, ls_array_info *out);

/**
 * Copy an array of weights out of the model; ls_model_set_weight copies one into it.
 *
 * Every rank has all weights. They must stay the same on all ranks: set the same values everywhere. Training compares
 * them when it begins and when it ends.
 *
 * @param values  (dim...) row-major float32: as many as `n`, which must be the array's size
 * @return LS_OK; LS_ERR_ARG if there is no such array; LS_ERR_SHAPE for another n; LS_ERR_NUMERIC if a value to be set
 *         is not finite, and then nothing changes
 */
ls_status ls_model_get_weight(const ls_model *model, size_t i, float *values, size_t n);
/** Copy an array of weights into the model, as ls_model_get_weight out of it. */
ls_status ls_model_set_weight(ls_model *model, size_t i, const float *values, size_t n);

/** XXH3-128 of all weights, as 32 hexadecimal digits and a zero byte: what the command line prints. */
void ls_model_fingerprint(const ls_model *model, char out[33]);

#ifdef __cplusplus
}
#endif
#endif
