/*
 * The attributes of a dataset that mean something here: scale, offset and classes, and those of netCDF, as its
 * CF conventions say: value = stored * scale_factor + add_offset, no value where _FillValue or a missing_value is
 * stored or what valid_range, valid_min and valid_max leave out.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset_impl.h"
#include "h5/attribute.h"
#include "h5/case.h"
#include "h5/lock.h"

#define CLASSES_MAX 1000000
#define CLASS_NAME_BYTES_MAX 65536
#define PLACE_BYTES 4096

static ls_status fail_unreadable(const ls_array *a, const char *name)
{
    return ls_h5_fail("%s: attribute '%s' cannot be read", a->path, name);
}

/* The dataset has this attribute. */
static ls_status open_attribute(const ls_array *a, hid_t dataset, const char *name, ls_h5_attribute *out)
{
    return ls_h5_attribute_open(dataset, ".", name, out) ? LS_OK : fail_unreadable(a, name);
}

/* One number, or one per element of the last axis or of a sample. *values stays NULL if there is no such attribute. */
static ls_status read_numbers(const ls_array *a, hid_t dataset, const char *name, double **values, size_t *n)
{
    const size_t last = a->stored.axes ? a->stored.dim[a->stored.axes - 1] : 1;
    ls_h5_attribute attr = {0};
    H5T_class_t class;
    ls_status st;

    if (H5Aexists(dataset, name) <= 0)
        return LS_OK;
    LS_TRY_CLEANUP(open_attribute(a, dataset, name, &attr));
    class = H5Tget_class(attr.type);
    if (class != H5T_INTEGER && class != H5T_FLOAT) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute '%s' holds %s; it must hold numbers", a->path, name,
                     ls_h5_class_name(attr.type));
        goto cleanup;
    }
    *n = attr.n;
    if (*n != 1 && *n != last && *n != a->elements) {
        st = ls_fail(LS_ERR_DATA,
                     "%s: attribute '%s' has %zu values; it must have 1, %zu (one per element of the last axis) or %zu "
                     "(one per element of a sample)",
                     a->path, name, *n, last, a->elements);
        goto cleanup;
    }
    if (!(*values = ls_calloc(*n, sizeof **values, name))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    if (H5Aread(attr.id, H5T_NATIVE_DOUBLE, *values) < 0) {
        st = fail_unreadable(a, name);
        goto cleanup;
    }
    for (size_t i = 0; i < *n; i++)
        if (!isfinite((*values)[i])) {
            st = ls_fail(LS_ERR_DATA, "%s: attribute '%s' holds %g; it must be finite", a->path, name, (*values)[i]);
            goto cleanup;
        }
cleanup:
    ls_h5_attribute_close(&attr);
    return st;
}

/* The two over one period: lengths 1, last axis and sample divide one another. They stay the caller's; NULL: 1 or 0. */
static ls_status set_scaling(ls_array *array, const double *scale, size_t scales, const double *offset, size_t offsets)
{
    array->scaled = scale || offset;
    array->period = scales > offsets ? scales : offsets;
    array->scale = ls_calloc(array->period, sizeof *array->scale, "scale");
    array->offset = ls_calloc(array->period, sizeof *array->offset, "offset");
    if (!array->scale || !array->offset)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < array->period; i++) {
        array->scale[i] = scale ? scale[i % scales] : 1;
        array->offset[i] = offset ? offset[i % offsets] : 0;
    }
    return LS_OK;
}

const double *ls_array_scaling(const ls_array *array, const double **offset, size_t *period)
{
    *offset = array->scaled ? array->offset : NULL;
    *period = array->scaled ? array->period : 0;
    return array->scaled ? array->scale : NULL;
}

/* v * factor + shift is (v + shift / factor) * factor. */
static ls_status set_packing(ls_array *array, const double *factor, size_t factors, const double *shift, size_t shifts)
{
    LS_TRY(set_scaling(array, factor, factors, shift, shifts));
    for (size_t i = 0; i < array->period; i++) {
        if (array->scale[i] == 0)
            return ls_fail(LS_ERR_DATA, "%s: attribute 'scale_factor' holds 0, which leaves nothing of the values",
                           array->path);
        array->offset[i] = -array->offset[i] / array->scale[i];
        if (!isfinite(array->offset[i]))
            return ls_fail(LS_ERR_DATA, "%s: 'scale_factor' %g is too small beside 'add_offset'", array->path,
                           array->scale[i]);
    }
    return LS_OK;
}

static ls_status read_scaling(ls_array *array, hid_t dataset)
{
    double *scale = NULL, *offset = NULL, *factor = NULL, *shift = NULL;
    size_t scales = 1, offsets = 1, factors = 1, shifts = 1;
    ls_status st;

    LS_TRY_CLEANUP(read_numbers(array, dataset, "scale", &scale, &scales));
    LS_TRY_CLEANUP(read_numbers(array, dataset, "offset", &offset, &offsets));
    LS_TRY_CLEANUP(read_numbers(array, dataset, "scale_factor", &factor, &factors));
    LS_TRY_CLEANUP(read_numbers(array, dataset, "add_offset", &shift, &shifts));
    if ((scale || offset) && (factor || shift))
        st = ls_fail(LS_ERR_DATA,
                     "%s has attributes of lockstep (scale, offset) and of netCDF (scale_factor, add_offset), and only "
                     "one kind can be meant: remove the other",
                     array->path);
    else if (factor || shift)
        st = set_packing(array, factor, factors, shift, shifts);
    else
        st = set_scaling(array, scale, scales, offset, offsets);
cleanup:
    ls_free(scale);
    ls_free(offset);
    ls_free(factor);
    ls_free(shift);
    return st;
}

/* A number of an attribute as the dataset's type holds it: -1 is 255 in bytes without a sign, 0.1 is rounded. */
static double as_stored(const ls_array *a, double number)
{
    if (a->kind == LS_TYPE_FLOAT32)
        return (double)(float)number;
    if (number < 0 && (a->kind == LS_TYPE_UINT8 || a->kind == LS_TYPE_UINT16 || a->kind == LS_TYPE_UINT32))
        return number + ldexp(1, (int)(8 * a->value_bytes));
    return number;
}

/* Up to max numbers as the dataset stores them; *n: 0 if there is no such attribute, or it holds no numbers. */
static ls_status read_stored(const ls_array *array, hid_t dataset, const char *name, double *values, size_t max,
                             size_t *n)
{
    ls_h5_attribute attr = {0};
    H5T_class_t class;
    ls_status st;

    *n = 0;
    if (H5Aexists(dataset, name) <= 0)
        return LS_OK;
    LS_TRY_CLEANUP(open_attribute(array, dataset, name, &attr));
    class = H5Tget_class(attr.type);
    if (class != H5T_INTEGER && class != H5T_FLOAT)
        goto cleanup;
    if (attr.n > max) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute '%s' has %zu values; it may have %zu", array->path, name, attr.n, max);
        goto cleanup;
    }
    if (H5Aread(attr.id, H5T_NATIVE_DOUBLE, values) < 0) {
        st = fail_unreadable(array, name);
        goto cleanup;
    }
    *n = attr.n;
    for (size_t i = 0; i < *n; i++)
        values[i] = as_stored(array, values[i]);
cleanup:
    ls_h5_attribute_close(&attr);
    return st;
}

/* What both attributes say; NaN among them would be found anyway. */
static ls_status read_gaps(ls_array *array, hid_t dataset)
{
    size_t more;

    LS_TRY(read_stored(array, dataset, "_FillValue", array->gap, LS_GAPS_MAX / 2, &array->gaps));
    LS_TRY(read_stored(array, dataset, "missing_value", array->gap + array->gaps, LS_GAPS_MAX / 2, &more));
    array->gaps += more;
    return LS_OK;
}

static ls_status read_valid(ls_array *array, hid_t dataset)
{
    size_t n;

    array->valid[0] = -INFINITY;
    array->valid[1] = INFINITY;
    LS_TRY(read_stored(array, dataset, "valid_min", &array->valid[0], 1, &n));
    LS_TRY(read_stored(array, dataset, "valid_max", &array->valid[1], 1, &n));
    LS_TRY(read_stored(array, dataset, "valid_range", array->valid, 2, &n));
    return n == 1 ? ls_fail(LS_ERR_DATA, "%s: attribute 'valid_range' has 1 value; it must have 2", array->path)
                  : LS_OK;
}

/* Bytes of netCDF have a sign or none as this attribute says, "true" or "false", whatever their type. */
static ls_status check_sign(const ls_array *array, hid_t dataset)
{
    const bool is_float = array->kind == LS_TYPE_FLOAT32 || array->kind == LS_TYPE_FLOAT64;

    return !is_float && H5Aexists(dataset, "_Unsigned") > 0
               ? ls_fail(LS_ERR_DATA,
                         "%s: its attribute '_Unsigned' may say that its integers are meant with another sign than "
                         "their type has: write them as the type that is meant, and remove the attribute",
                         array->path)
               : LS_OK;
}

ls_status ls_array_read_scaling(ls_array *array, hid_t dataset)
{
    LS_TRY(check_sign(array, dataset));
    LS_TRY(read_gaps(array, dataset));
    LS_TRY(read_valid(array, dataset));
    return read_scaling(array, dataset);
}

ls_status ls_array_read_classes(ls_array *array, hid_t dataset)
{
    char place[PLACE_BYTES];
    ls_h5_attribute attr = {0};
    size_t width; /* bytes per name in the file, or of a pointer to it */
    ls_status st;

    if (H5Aexists(dataset, "classes") <= 0)
        return LS_OK;
    LS_TRY_CLEANUP(open_attribute(array, dataset, "classes", &attr));
    if (H5Tget_class(attr.type) != H5T_STRING) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute 'classes' holds %s; it must hold strings, one name per class",
                     array->path, ls_h5_class_name(attr.type));
        goto cleanup;
    }
    width = H5Tis_variable_str(attr.type) > 0 ? sizeof(char *) : H5Tget_size(attr.type);
    if (attr.n > CLASSES_MAX || width > CLASS_NAME_BYTES_MAX) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute 'classes' has %zu names of %zu bytes; at most %d of %d are possible",
                     array->path, attr.n, width, CLASSES_MAX, CLASS_NAME_BYTES_MAX);
        goto cleanup;
    }
    if (!(array->classes = ls_calloc(attr.n, sizeof *array->classes, "class names"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    array->class_count = attr.n;
    snprintf(place, sizeof place, "%s: attribute 'classes'", array->path);
    st = ls_h5_attribute_texts(&attr, place, array->classes);
cleanup:
    ls_h5_attribute_close(&attr);
    return st;
}
