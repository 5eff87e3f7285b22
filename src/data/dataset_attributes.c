/* The attributes of a dataset that mean something here: scale, offset and classes. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset_impl.h"
#include "h5/lock.h"

#define CLASSES_MAX 1000000
#define CLASS_NAME_BYTES_MAX 65536

typedef struct attribute {
    hid_t id, type, space; /* < 0: not open */
    size_t n;              /* values */
} attribute;

static const attribute absent = {.id = H5I_INVALID_HID, .type = H5I_INVALID_HID, .space = H5I_INVALID_HID};

static ls_status fail_unreadable(const ls_array *a, const char *name)
{
    char reason[LS_H5_REASON_BYTES];

    return ls_fail(LS_ERR_FORMAT, "%s: attribute '%s' cannot be read: HDF5: %s", a->path, name, ls_h5_reason(reason));
}

/* The dataset has this attribute. */
static ls_status open_attribute(const ls_array *a, hid_t dataset, const char *name, attribute *out)
{
    hssize_t n;

    if ((out->id = H5Aopen(dataset, name, H5P_DEFAULT)) < 0 || (out->type = H5Aget_type(out->id)) < 0 ||
        (out->space = H5Aget_space(out->id)) < 0 || (n = H5Sget_simple_extent_npoints(out->space)) < 0)
        return fail_unreadable(a, name);
    out->n = (size_t)n;
    return LS_OK;
}

static void close_attribute(attribute *attr)
{
    if (attr->space >= 0)
        H5Sclose(attr->space);
    if (attr->type >= 0)
        H5Tclose(attr->type);
    if (attr->id >= 0)
        H5Aclose(attr->id);
}

/* One number, or one per element of the last axis or of a sample. *values stays NULL if there is no such attribute. */
static ls_status read_numbers(const ls_array *a, hid_t dataset, const char *name, double **values, size_t *n)
{
    const size_t last = a->stored.axes ? a->stored.dim[a->stored.axes - 1] : 1;
    attribute attr = absent;
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
    close_attribute(&attr);
    return st;
}

/* Both over one period: lengths 1, last axis and sample divide one another. */
ls_status ls_array_read_scaling(ls_array *array, hid_t dataset)
{
    double *scale = NULL, *offset = NULL;
    size_t scales = 1, offsets = 1;
    ls_status st;

    LS_TRY_CLEANUP(read_numbers(array, dataset, "scale", &scale, &scales));
    LS_TRY_CLEANUP(read_numbers(array, dataset, "offset", &offset, &offsets));
    array->scaled = scale || offset;
    array->period = scales > offsets ? scales : offsets;
    array->scale = ls_calloc(array->period, sizeof *array->scale, "scale");
    array->offset = ls_calloc(array->period, sizeof *array->offset, "offset");
    if (!array->scale || !array->offset) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < array->period; i++) {
        array->scale[i] = scale ? scale[i % scales] : 1;
        array->offset[i] = offset ? offset[i % offsets] : 0;
    }
cleanup:
    ls_free(scale);
    ls_free(offset);
    return st;
}

static char *copy_name(const char *text, size_t limit, bool space_padded)
{
    size_t length = strnlen(text, limit);
    char *name;

    while (space_padded && length > 0 && text[length - 1] == ' ')
        length--;
    name = ls_calloc(length + 1, 1, "a class name");
    return name ? memcpy(name, text, length) : NULL;
}

ls_status ls_array_read_classes(ls_array *array, hid_t dataset)
{
    attribute attr = absent;
    bool variable, padded;
    size_t width;             /* bytes per entry of the buffer */
    void *buffer = NULL;      /* the names themselves, or pointers to them */
    void *reclaimable = NULL; /* the buffer, once HDF5 has put pointers into it */
    ls_status st;

    if (H5Aexists(dataset, "classes") <= 0)
        return LS_OK;
    LS_TRY_CLEANUP(open_attribute(array, dataset, "classes", &attr));
    if (H5Tget_class(attr.type) != H5T_STRING) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute 'classes' holds %s; it must hold strings, one name per class",
                     array->path, ls_h5_class_name(attr.type));
        goto cleanup;
    }
    variable = H5Tis_variable_str(attr.type) > 0;
    padded = H5Tget_strpad(attr.type) == H5T_STR_SPACEPAD;
    width = variable ? sizeof(char *) : H5Tget_size(attr.type);
    if (attr.n > CLASSES_MAX || width > CLASS_NAME_BYTES_MAX) {
        st = ls_fail(LS_ERR_DATA, "%s: attribute 'classes' has %zu names of %zu bytes; at most %d of %d are possible",
                     array->path, attr.n, width, CLASSES_MAX, CLASS_NAME_BYTES_MAX);
        goto cleanup;
    }
    array->classes = ls_calloc(attr.n, sizeof *array->classes, "class names");
    buffer = ls_calloc(attr.n, width, "class names");
    if (!array->classes || !buffer) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    array->class_count = attr.n;
    if (H5Aread(attr.id, attr.type, buffer) < 0) {
        st = fail_unreadable(array, "classes");
        goto cleanup;
    }
    reclaimable = variable ? buffer : NULL;
    for (size_t i = 0; i < attr.n; i++) {
        const char *text = variable ? ((char **)buffer)[i] : (char *)buffer + i * width;

        array->classes[i] = copy_name(text ? text : "", variable ? SIZE_MAX : width, padded);
        if (!array->classes[i]) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
    }
cleanup:
    if (reclaimable)
        H5Dvlen_reclaim(attr.type, attr.space, H5P_DEFAULT, reclaimable);
    ls_free(buffer);
    close_attribute(&attr);
    return st;
}
