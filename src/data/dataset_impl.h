/* What dataset.c (using arrays), dataset_open.c (reading them from HDF5) and dataset_attributes.c share. */
#ifndef LS_DATA_DATASET_IMPL_H
#define LS_DATA_DATASET_IMPL_H

#include <hdf5.h>

#include "data/dataset.h"

/* X(constant, C type, name): how values are kept in memory. */
#define LS_ARRAY_TYPES(X)                                                                                              \
    X(LS_UINT8, uint8_t, "uint8")                                                                                      \
    X(LS_INT8, int8_t, "int8")                                                                                         \
    X(LS_UINT16, uint16_t, "uint16")                                                                                   \
    X(LS_INT16, int16_t, "int16")                                                                                      \
    X(LS_UINT32, uint32_t, "uint32")                                                                                   \
    X(LS_INT32, int32_t, "int32")                                                                                      \
    X(LS_UINT64, uint64_t, "uint64")                                                                                   \
    X(LS_INT64, int64_t, "int64")                                                                                      \
    X(LS_FLOAT32, float, "float32")                                                                                    \
    X(LS_FLOAT64, double, "float64")

typedef enum ls_array_kind {
#define LS_ARRAY_ENUM(constant, type, name) constant,
    LS_ARRAY_TYPES(LS_ARRAY_ENUM)
#undef LS_ARRAY_ENUM
} ls_array_kind;

struct ls_array {
    char *path; /* "file.h5:/train/x" */
    ls_array_kind kind;
    size_t value_bytes;
    uint64_t samples;
    uint64_t first_row; /* of the dataset: what messages count from */
    ls_shape stored;    /* of one sample, as in the file */
    ls_shape shape;     /* as ls_array_get gives it: differs after ls_array_one_hot or ls_array_channels_first */
    size_t elements;    /* of one stored sample */
    void *values;       /* (samples, stored) */

    /* Per element j of a sample: (value - offset[j % period]) * scale[j % period]. period 1: the same for all. */
    double *scale, *offset;
    size_t period;
    bool scaled; /* false: scale is 1 and offset 0 */

    uint64_t one_hot;    /* classes; 0: values as they are */
    bool channels_first; /* stored (channels, …), given (…, channels) */
    char **classes;
    size_t class_count;
};

/* Fill scale, offset and period; classes and class_count. `dataset` is open, array->stored and elements are known. */
ls_status ls_array_read_scaling(ls_array *array, hid_t dataset);
ls_status ls_array_read_classes(ls_array *array, hid_t dataset);

#endif
