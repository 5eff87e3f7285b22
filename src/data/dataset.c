/* Arrays of samples in memory: conversion to float32, labels. Reading them is dataset_read.c. */
#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset_impl.h"
#include "tensor/kernels.h"

/* Labels become float32, which tells integers apart up to here. */
#define CLASSES_MAX (UINT64_C(1) << 24)

/*
 * The conversions of one sample, (n) values -> float32. Computed in double and rounded once, so that uint8 with scale
 * 1/255 gives exactly the float32 value of x / 255.
 */
#define CONVERSIONS(constant, type, name)                                                                         \
    LS_CLONES static void convert_##constant(const type *restrict x, double offset, double scale, size_t n,       \
                                             float *restrict out)                                                 \
    {                                                                                                             \
        for (size_t i = 0; i < n; i++)                                                                            \
            out[i] = (float)(((double)x[i] - offset) * scale);                                                    \
    }                                                                                                             \
    LS_CLONES static void convert_each_##constant(const type *restrict x, const double *restrict offset,          \
                                                  const double *restrict scale, size_t n, float *restrict out)    \
    {                                                                                                             \
        for (size_t i = 0; i < n; i++)                                                                            \
            out[i] = (float)(((double)x[i] - offset[i]) * scale[i]);                                              \
    }                                                                                                             \
    /* Stored (channels, n / channels), given with the channels last; element i has scale[i % period]. */         \
    static void turn_##constant(const type *restrict x, const double *offset, const double *scale, size_t period, \
                                size_t channels, size_t n, float *restrict out)                                   \
    {                                                                                                             \
        for (size_t c = 0, i = 0; c < channels; c++)                                                              \
            for (size_t at = c; at < n; at += channels, i++) {                                                    \
                const size_t f = period == 1 ? 0 : i % period;                                                    \
                                                                                                                  \
                out[at] = (float)(((double)x[i] - offset[f]) * scale[f]);                                         \
            }                                                                                                     \
    }
LS_TYPE_LIST(CONVERSIONS)

void ls_array_convert(const ls_array *a, const void *sample, float *out)
{
    const size_t n = a->elements;

    if (a->kind == LS_TYPE_FLOAT32 && !a->scaled && !a->channels_first) {
        memcpy(out, sample, n * sizeof *out);
        return;
    }
    switch (a->kind) {
#define CONVERT(constant, type, name)                                                                       \
    case constant:                                                                                          \
        if (a->channels_first)                                                                              \
            turn_##constant(sample, a->offset, a->scale, a->period, a->stored.dim[0], n, out);              \
        else if (a->period == 1)                                                                            \
            convert_##constant(sample, a->offset[0], a->scale[0], n, out);                                  \
        else                                                                                                \
            for (size_t i = 0; i < n; i += a->period)                                                       \
                convert_each_##constant((const type *)sample + i, a->offset, a->scale, a->period, out + i); \
        break;
        LS_TYPE_LIST(CONVERT)
    }
}

const void *ls_array_sample_at(const ls_array *a, uint64_t index)
{
    return (const char *)a->values + (size_t)index * a->elements * a->value_bytes;
}

double ls_array_stored(const ls_array *a, const void *sample, size_t j)
{
    switch (a->kind) {
#define VALUE(constant, type, name) \
    case constant:                  \
        return (double)((const type *)sample)[j];
        LS_TYPE_LIST(VALUE)
    }
    return 0;
}

/* Value j of a sample as a double, after scale and offset. */
static double value_of(const ls_array *a, const void *sample, size_t j)
{
    const size_t feature = j % a->period;

    return (ls_array_stored(a, sample, j) - a->offset[feature]) * a->scale[feature];
}

void ls_array_get(const ls_array *array, uint64_t index, float *out)
{
    assert(index < array->samples);
    if (array->one_hot) {
        memset(out, 0, (size_t)array->one_hot * sizeof *out);
        out[(size_t)value_of(array, ls_array_sample_at(array, index), 0)] = 1.0f;
    } else {
        ls_array_convert(array, ls_array_sample_at(array, index), out);
    }
}

static ls_status check_label_values(const ls_array *array, const void *values, uint64_t first, uint64_t n,
                                    uint64_t classes)
{
    for (uint64_t i = 0; i < n; i++)
        for (size_t j = 0; j < array->elements; j++) {
            const double label = value_of(array, (const char *)values + i * ls_array_sample_bytes(array), j);

            if (!(label >= 0 && label < (double)classes && label == floor(label)))
                return ls_fail(LS_ERR_DATA,
                               "%s: sample %llu has label %.17g, but the model has %llu classes: labels must be "
                               "%s0 to %llu",
                               array->path, (unsigned long long)(array->first_row + first + i), label,
                               (unsigned long long)classes, label == floor(label) ? "" : "integers, ",
                               (unsigned long long)(classes - 1));
        }
    return LS_OK;
}

static ls_status check_row_values(const ls_array *array, const void *values, uint64_t first, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        for (size_t j = 0; j < array->elements; j++) {
            const double value = value_of(array, (const char *)values + i * ls_array_sample_bytes(array), j);
            const bool whole = value == floor(value);

            if (!(value >= 0 && value < (double)array->table_rows && whole))
                return ls_fail(LS_ERR_DATA,
                               "%s: sample %llu has the value %.17g, but it feeds an embedding with a table of %llu "
                               "rows: values must be %s0 to %llu; %s",
                               array->path, (unsigned long long)(array->first_row + first + i), value,
                               (unsigned long long)array->table_rows, whole ? "" : "integers, ",
                               (unsigned long long)(array->table_rows - 1),
                               whole ? "raise input_dim or mend the data" : "scale or round the data to indices");
        }
    return LS_OK;
}

static bool is_target(ls_targets targets, double value)
{
    if (targets == LS_TARGETS_SHARES)
        return value >= 0 && value <= 1;
    if (targets == LS_TARGETS_SIGNS)
        return value >= -1 && value <= 1;
    return targets == LS_TARGETS_ANY || value >= 0;
}

static ls_status check_target_values(const ls_array *array, const void *values, uint64_t first, uint64_t n)
{
    static const char *const wanted[] = {
        [LS_TARGETS_SHARES] =
            "the loss takes probabilities, 0 to 1; {path: ..., scale: 0.00392156862745098} makes them "
            "of 0 and 255",
        [LS_TARGETS_SIGNS] =
            "hinge losses take labels -1 and 1, or 0 and 1, and what lies between; mse is for numbers, "
            "sparse_categorical_crossentropy for several classes",
        [LS_TARGETS_COUNTS] = "poisson takes counts and rates, 0 or more; mse is for numbers of both signs",
    };

    for (uint64_t i = 0; i < n; i++)
        for (size_t j = 0; j < array->elements; j++) {
            const double value = value_of(array, (const char *)values + i * ls_array_sample_bytes(array), j);

            if (!is_target(array->targets, value))
                return ls_fail(LS_ERR_DATA, "%s: sample %llu has the target %.17g, but %s", array->path,
                               (unsigned long long)(array->first_row + first + i), value, wanted[array->targets]);
        }
    return LS_OK;
}

ls_status ls_array_check_values(const ls_array *array, const void *values, uint64_t first, uint64_t n)
{
    if (array->label_classes)
        LS_TRY(check_label_values(array, values, first, n, array->label_classes));
    if (array->targets)
        LS_TRY(check_target_values(array, values, first, n));
    return array->table_rows ? check_row_values(array, values, first, n) : LS_OK;
}

ls_status ls_array_check_targets(ls_array *array, ls_targets targets)
{
    if (array->one_hot || targets == LS_TARGETS_ANY)
        return LS_OK;
    array->targets = targets;
    return array->values ? check_target_values(array, array->values, 0, array->samples) : LS_OK;
}

ls_status ls_array_check_rows(ls_array *array, uint64_t rows)
{
    if (array->one_hot || (array->table_rows && array->table_rows <= rows))
        return LS_OK;
    array->table_rows = rows;
    return array->values ? check_row_values(array, array->values, 0, array->samples) : LS_OK;
}

ls_status ls_array_check_labels(ls_array *array, uint64_t classes)
{
    if (array->one_hot)
        return ls_fail(LS_ERR_ARG, "%s: the labels are one-hot already", array->path);
    if (classes == 0 || classes > CLASSES_MAX)
        return ls_fail(LS_ERR_ARG, "%s: labels of %llu classes; there can be 1 to %llu", array->path,
                       (unsigned long long)classes, (unsigned long long)CLASSES_MAX);
    if (array->values)
        LS_TRY(check_label_values(array, array->values, 0, array->samples, classes));
    array->label_classes = classes;
    return LS_OK;
}

ls_status ls_array_channels_first(ls_array *array)
{
    char shape[LS_SHAPE_TEXT_BYTES];

    if (array->stored.axes < 2)
        return ls_fail(LS_ERR_SHAPE, "%s: samples have shape %s; channels_first needs channels and one axis or more",
                       array->path, ls_shape_format(&array->stored, shape));
    array->hash = 0;
    array->channels_first = true;
    array->shape = ls_shape_channels_last(&array->stored);
    return LS_OK;
}

ls_status ls_array_one_hot(ls_array *array, uint64_t classes)
{
    char shape[LS_SHAPE_TEXT_BYTES];

    if (array->stored.axes > 1 || array->elements != 1)
        return ls_fail(LS_ERR_SHAPE, "%s: samples have shape %s; one_hot needs one label per sample, shape () or (1)",
                       array->path, ls_shape_format(&array->stored, shape));
    LS_TRY(ls_array_check_labels(array, classes));
    array->one_hot = classes;
    array->shape = (ls_shape){.axes = 1, .dim = {(size_t)classes}};
    return LS_OK;
}

bool ls_array_is_loaded(const ls_array *array)
{
    return array->values != NULL;
}

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
#define TYPE(constant, type, name) [constant] = {name, sizeof(type)},
    LS_TYPE_LIST(TYPE)};

const char *ls_type_name(ls_type type)
{
    return (size_t)type < sizeof types / sizeof types[0] ? types[type].name : NULL;
}

size_t ls_type_bytes(ls_type type)
{
    return types[type].bytes;
}

static ls_status describe(const ls_buffer *memory, const uint64_t *rows, const char *name, ls_array *a)
{
    if (!(a->path = ls_strdup(name)) || !(a->scale = ls_calloc(1, sizeof *a->scale, name)) ||
        !(a->offset = ls_calloc(1, sizeof *a->offset, name)))
        return LS_ERR_MEMORY;
    if (rows && rows[1] > memory->samples)
        return ls_fail(LS_ERR_ARG, "%s: rows [%llu, %llu) cannot be taken: it has %llu samples", name,
                       (unsigned long long)rows[0], (unsigned long long)rows[1], (unsigned long long)memory->samples);
    a->kind = memory->type;
    a->value_bytes = ls_type_bytes(memory->type);
    a->stored = a->shape = memory->shape;
    a->elements = ls_shape_size(&memory->shape);
    a->first_row = rows ? rows[0] : 0;
    a->samples = rows ? rows[1] - rows[0] : memory->samples;
    a->scale[0] = 1;
    a->period = 1;
    if (ls_array_bytes(a) == SIZE_MAX)
        return ls_fail(LS_ERR_SHAPE, "%s is larger than memory can be", name);
    /* Never written through: an array has one pointer for values of its own and for those it borrows. */
    a->values = (void *)(uintptr_t)((const char *)memory->values + (size_t)a->first_row * ls_array_sample_bytes(a));
    return LS_OK;
}

ls_status ls_array_borrow(const ls_buffer *memory, const uint64_t *rows, const char *name, ls_array **out)
{
    ls_array *a = ls_calloc(1, sizeof *a, "an array");
    ls_status st = a ? describe(memory, rows, name, a) : LS_ERR_MEMORY;

    *out = NULL;
    if (st != LS_OK) {
        ls_array_free(a);
        return st;
    }
    *out = a;
    return LS_OK;
}

bool ls_array_is_borrowed(const ls_array *array)
{
    return !array->file;
}

void ls_array_free(ls_array *array)
{
    if (!array)
        return;
    for (size_t i = 0; array->classes && i < array->class_count; i++)
        ls_free(array->classes[i]);
    ls_free(array->classes);
    ls_free(array->scale);
    ls_free(array->offset);
    if (array->owns_values)
        ls_free(array->values);
    ls_h5_files_reset(&array->files);
    ls_free(array->dataset);
    ls_free(array->file);
    ls_free(array->path);
    ls_free(array);
}

uint64_t ls_array_samples(const ls_array *array)
{
    return array->samples;
}

size_t ls_array_sample_bytes(const ls_array *array)
{
    return array->elements * array->value_bytes; /* ls_shape_check bounds the elements */
}

size_t ls_array_bytes(const ls_array *array)
{
    size_t bytes;

    return ls_size_mul((size_t)array->samples, ls_array_sample_bytes(array), &bytes) ? bytes : SIZE_MAX;
}

uint64_t ls_array_chunk_rows(const ls_array *array)
{
    return array->chunk_rows;
}

const ls_shape *ls_array_shape(const ls_array *array)
{
    return &array->shape;
}

const char *ls_array_type(const ls_array *array)
{
    return ls_type_name(array->kind);
}

const char *ls_array_path(const ls_array *array)
{
    return array->path;
}

bool ls_array_is_integer(const ls_array *array)
{
    return array->kind != LS_TYPE_FLOAT32 && array->kind != LS_TYPE_FLOAT64 && !array->scaled;
}

const char *const *ls_array_classes(const ls_array *array, size_t *n)
{
    *n = array->class_count;
    return array->class_count ? (const char *const *)array->classes : NULL;
}

ls_status ls_array_set_scaling(ls_array *array, const double *scale, const double *offset)
{
    for (size_t j = 0; j < array->period; j++) {
        if (scale)
            array->scale[j] = *scale;
        if (offset)
            array->offset[j] = *offset;
    }
    array->hash = 0;
    array->scaled = false;
    for (size_t j = 0; j < array->period; j++)
        array->scaled |= array->scale[j] != 1 || array->offset[j] != 0;
    return LS_OK;
}

void ls_array_prefetch(const ls_array *array, uint64_t index)
{
    const size_t line = 64, row = array->elements * array->value_bytes, most = 4096; /* bytes */
    const char *sample = (const char *)array->values + index * row;

    for (size_t at = 0; at < row && at < most; at += line)
        __builtin_prefetch(sample + at);
}
