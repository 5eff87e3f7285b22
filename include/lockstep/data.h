/**
 * @file data.h
 * Samples to train on, to evaluate or to predict: what an experiment file calls a split.
 *
 * A split has an array for every input of the model, usually one for every output (its targets), and perhaps weights
 * of its samples. The first axis of every array counts samples. Values become float32 when a batch is assembled.
 *
 * Every rank describes the same, whole data, as every rank of the command line reads the same file: which samples a
 * rank works on is the library's business. ls_estimator_fit and its like compare the data of the ranks.
 *
 * Nothing here is collective, and nothing reads a file: that happens where the data are used, and so do the checks
 * against the model.
 */
#ifndef LOCKSTEP_DATA_H
#define LOCKSTEP_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "lockstep/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A split: arrays of samples. */
typedef struct ls_data ls_data;

/** What an array is for. */
typedef enum ls_role { LS_INPUT, LS_TARGET, LS_SAMPLE_WEIGHT } ls_role;

/** X(constant, C type, name): types of arrays in memory. */
#define LS_TYPE_LIST(X)                   \
    X(LS_TYPE_UINT8, uint8_t, "uint8")    \
    X(LS_TYPE_INT8, int8_t, "int8")       \
    X(LS_TYPE_UINT16, uint16_t, "uint16") \
    X(LS_TYPE_INT16, int16_t, "int16")    \
    X(LS_TYPE_UINT32, uint32_t, "uint32") \
    X(LS_TYPE_INT32, int32_t, "int32")    \
    X(LS_TYPE_UINT64, uint64_t, "uint64") \
    X(LS_TYPE_INT64, int64_t, "int64")    \
    X(LS_TYPE_FLOAT32, float, "float32")  \
    X(LS_TYPE_FLOAT64, double, "float64")

/** The type of an array's values. */
typedef enum ls_type {
#define LS_TYPE_ENUM(constant, type, name) constant,
    LS_TYPE_LIST(LS_TYPE_ENUM)
#undef LS_TYPE_ENUM
} ls_type;

/** The most axes a sample can have. */
#define LS_AXES_MAX 6

/**
 * A split without arrays.
 *
 * @param name  as in an experiment file: "train", "test". It stands in messages, and in checkpoints: a run directory
 *              that was begun with one name is not resumed with another. Copied.
 * @param out   to be freed with ls_data_free
 * @return LS_OK; LS_ERR_ARG; LS_ERR_MEMORY
 */
ls_status ls_data_create(const char *name, ls_data **out);

/** Free a split. NULL is accepted. The arrays in memory are the caller's and stay. */
void ls_data_free(ls_data *data);

/**
 * Add an array that lies in memory.
 *
 * @param role     an input, a target, or sample weights: one array without a name for all outputs, a number per sample,
 *                 or one by the name of each output, a number per sample or per position
 * @param name     of the model's input or output; NULL: the only one. Copied.
 * @param type     of the values: kept as it is, so bytes stay bytes
 * @param samples  the length of the first axis; at least 1
 * @param axes     further axes, those of one sample: 0 to LS_AXES_MAX
 * @param dim      [axes] their lengths; may be NULL with axes 0
 * @param values   (samples, dim...) row-major. Borrowed: it must stay, unchanged, until the data are freed.
 * @return LS_OK; LS_ERR_ARG; LS_ERR_SHAPE; LS_ERR_MEMORY
 */
ls_status ls_data_add(ls_data *data, ls_role role, const char *name, ls_type type, uint64_t samples, size_t axes,
                      const size_t *dim, const void *values);

/**
 * Add a dataset of an HDF5 file. Every use of the data reads it afresh, on every rank.
 *
 * @param file  a path, relative to the working directory. Copied.
 * @param path  inside the file: "/train/x". Copied. Its attributes `scale` and `offset` count.
 * @return LS_OK; LS_ERR_ARG; LS_ERR_MEMORY
 */
ls_status ls_data_add_file(ls_data *data, ls_role role, const char *name, const char *file, const char *path);

/**
 * Scale the array added last: float32 = (value - offset) * scale. An array in memory has scale 1 and offset 0.
 *
 * @return LS_OK; LS_ERR_ARG if there is no array, or for a number that is not finite
 */
ls_status ls_data_scale(ls_data *data, double scale, double offset);

/**
 * Take the array added last for classes: integer labels 0 to classes-1, one per sample, become rows of `classes`
 * numbers.
 *
 * @return LS_OK; LS_ERR_ARG if there is no array, or for less than 2 classes
 */
ls_status ls_data_one_hot(ls_data *data, int64_t classes);

/**
 * Take only samples begin to end-1 of every array.
 *
 * @return LS_OK; LS_ERR_ARG unless begin < end
 */
ls_status ls_data_rows(ls_data *data, uint64_t begin, uint64_t end);

/**
 * How many samples there are, after ls_data_rows. Looks into the file if the first input lies in one.
 *
 * @return LS_OK; LS_ERR_ARG if there is no input, or ls_data_rows names samples there are not; LS_ERR_IO; LS_ERR_FORMAT
 */
ls_status ls_data_samples(const ls_data *data, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
