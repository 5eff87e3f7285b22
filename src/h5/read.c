/* Reading pieces of an HDF5 file: whatever may be wrong with one ends here with a message that names the file. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "h5/attribute.h"
#include "h5/case.h"
#include "h5/file.h"
#include "h5/lock.h"
#include "h5/written.h"

#define NAME_BYTES 1024
#define PLACE_BYTES (2 * NAME_BYTES)

/* "FILE: '/model_weights' attribute 'layer_names'". */
static void add_place(hid_t file, const char *object, const char *name, char out[PLACE_BYTES])
{
    char path[NAME_BYTES];

    if (H5Fget_name(file, path, sizeof path) < 0)
        snprintf(path, sizeof path, "HDF5 file");
    if (name)
        snprintf(out, PLACE_BYTES, "%s: attribute '%s' of '%s'", path, name, object);
    else
        snprintf(out, PLACE_BYTES, "%s: '%s'", path, object);
}

static ls_status fail_get(hid_t file, const char *object, const char *name, const char *message)
{
    char place[PLACE_BYTES];

    add_place(file, object, name, place);
    return ls_fail(LS_ERR_FORMAT, "%s %s", place, message);
}

/* With what is the case. */
static ls_status fail_damaged(hid_t file, const char *object, const char *name)
{
    char place[PLACE_BYTES];
    ls_h5_case c;

    ls_h5_case_get(&c); /* first, since other calls clear it */
    add_place(file, object, name, place);
    return ls_h5_fail_case(&c, "%s cannot be read", place);
}

static ls_status fail_read(hid_t file, const char *path, hid_t dataset)
{
    char place[PLACE_BYTES];
    ls_h5_case c;

    ls_h5_case_of_read(dataset, &c);
    add_place(file, path, NULL, place);
    return ls_h5_fail_case(&c, "%s cannot be read", place);
}

/* How far one gets towards an object by hard links alone. */
typedef enum reach {
    MISSING,   /* a link is not there */
    ELSEWHERE, /* a soft or external link: never followed, since a file must not point us at other files */
    HERE,
} reach;

/* way: a path, of which the link in question is left. */
static reach reach_of(hid_t file, char *way)
{
    for (char *end = way + strspn(way, "/"); *end; end += strspn(end, "/")) {
        H5L_info_t info;
        char next;

        end += strcspn(end, "/");
        next = *end;
        *end = '\0';
        if (H5Lget_info(file, way, &info, H5P_DEFAULT) < 0)
            return MISSING;
        if (info.type != H5L_TYPE_HARD)
            return ELSEWHERE;
        *end = next;
    }
    return HERE;
}

static ls_status check_reach(hid_t file, const char *path)
{
    char *const way = ls_strdup(path);
    ls_status st = LS_ERR_MEMORY;

    if (way)
        switch (reach_of(file, way)) {
        case MISSING:
            st = fail_get(file, path, NULL, "is missing");
            break;
        case ELSEWHERE:
            st = fail_get(file, way, NULL, "is a link to elsewhere, which is not followed");
            break;
        case HERE:
            st = LS_OK;
            break;
        }
    ls_free(way);
    return st;
}

static reach find(hid_t file, const char *path)
{
    char *const way = ls_strdup(path);
    const reach found = way ? reach_of(file, way) : MISSING;

    ls_free(way);
    return found;
}

bool ls_h5_has(hid_t file, const char *path)
{
    ls_h5_lock lock;
    bool found;

    ls_h5_lock_take(&lock);
    found = find(file, path) != MISSING; /* a link elsewhere fails when it is read */
    ls_h5_lock_release(&lock);
    return found;
}

bool ls_h5_is_group(hid_t file, const char *path)
{
    H5O_info_t info;
    ls_h5_lock lock;
    bool found;

    ls_h5_lock_take(&lock);
    found = find(file, path) == HERE && H5Oget_info_by_name(file, path, &info, H5P_DEFAULT) >= 0 &&
            info.type == H5O_TYPE_GROUP;
    ls_h5_lock_release(&lock);
    return found;
}

bool ls_h5_has_attribute(hid_t file, const char *object, const char *name)
{
    ls_h5_lock lock;
    bool found;

    ls_h5_lock_take(&lock);
    found = find(file, object) == HERE && H5Aexists_by_name(file, object, name, H5P_DEFAULT) > 0;
    ls_h5_lock_release(&lock);
    return found;
}

/* To be closed also after a failure. */
static ls_status open_attribute(hid_t file, const char *object, const char *name, ls_h5_attribute *a)
{
    *a = (ls_h5_attribute){0};
    LS_TRY(check_reach(file, object));
    if (H5Aexists_by_name(file, object, name, H5P_DEFAULT) <= 0)
        return fail_get(file, object, name, "is missing");
    return ls_h5_attribute_open(file, object, name, a) ? LS_OK : fail_damaged(file, object, name);
}

/* Do numbers of this stored type read as `type` without a surprise? Anything but numbers does not. */
static bool numbers_fit(hid_t stored, hid_t type)
{
    const H5T_class_t class = H5Tget_class(stored);

    if (class != H5Tget_class(type))
        return false;
    return class == H5T_FLOAT || (class == H5T_INTEGER && H5Tget_sign(stored) == H5Tget_sign(type));
}

static ls_status get_number(hid_t file, const char *object, const char *name, hid_t type, const char *what, void *value)
{
    char message[64];
    ls_h5_lock lock;
    ls_h5_attribute a;
    ls_status st;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_attribute(file, object, name, &a));
    if (a.n != 1 || !numbers_fit(a.type, type) || H5Tget_size(a.type) > sizeof(uint64_t)) {
        snprintf(message, sizeof message, "is not one %s", what);
        st = fail_get(file, object, name, message);
    } else if (H5Aread(a.id, type, value) < 0) {
        st = fail_damaged(file, object, name);
    }
cleanup:
    ls_h5_attribute_close(&a);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_h5_get_int(hid_t file, const char *object, const char *name, int64_t *value)
{
    return get_number(file, object, name, H5T_NATIVE_INT64, "signed integer", value);
}

ls_status ls_h5_get_uint(hid_t file, const char *object, const char *name, uint64_t *value)
{
    return get_number(file, object, name, H5T_NATIVE_UINT64, "unsigned integer", value);
}

ls_status ls_h5_get_double(hid_t file, const char *object, const char *name, double *value)
{
    return get_number(file, object, name, H5T_NATIVE_DOUBLE, "floating-point number", value);
}

void ls_h5_free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        ls_free(texts[i]);
    ls_free(texts);
}

ls_status ls_h5_get_texts(hid_t file, const char *object, const char *name, char ***texts, size_t *n)
{
    char place[PLACE_BYTES], **read = NULL;
    ls_h5_lock lock;
    ls_h5_attribute a;
    ls_status st;

    *texts = NULL;
    *n = 0;
    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_attribute(file, object, name, &a));
    if (a.n > 0 && H5Tget_class(a.type) != H5T_STRING) { /* an empty list has no type to speak of: Keras's is float64 */
        st = fail_get(file, object, name, "does not hold text");
        goto cleanup;
    }
    if (!(read = ls_calloc(a.n, sizeof *read, "texts of an HDF5 file"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    add_place(file, object, name, place);
    if (a.n == 0 || (st = ls_h5_attribute_texts(&a, place, read)) == LS_OK) {
        *texts = read;
        *n = a.n;
        read = NULL;
    }
cleanup:
    ls_h5_free_texts(read, a.n);
    ls_h5_attribute_close(&a);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_h5_get_text(hid_t file, const char *object, const char *name, char **text)
{
    char **texts;
    size_t n;

    *text = NULL;
    LS_TRY(ls_h5_get_texts(file, object, name, &texts, &n));
    if (n == 1) {
        *text = texts[0];
        texts[0] = NULL;
    }
    ls_h5_free_texts(texts, n);
    return n == 1 ? LS_OK : fail_get(file, object, name, "is not one text");
}

/* One link of a group: *name is the caller's. */
static ls_status get_link_name(hid_t file, const char *group, hsize_t i, char **name)
{
    const ssize_t length = H5Lget_name_by_idx(file, group, H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);

    if (length < 0)
        return fail_damaged(file, group, NULL);
    if (!(*name = ls_calloc((size_t)length + 1, 1, "names in an HDF5 file")))
        return LS_ERR_MEMORY;
    return H5Lget_name_by_idx(file, group, H5_INDEX_NAME, H5_ITER_INC, i, *name, (size_t)length + 1, H5P_DEFAULT) < 0
               ? fail_damaged(file, group, NULL)
               : LS_OK;
}

ls_status ls_h5_get_names(hid_t file, const char *group, char ***names, size_t *n)
{
    char **read = NULL;
    H5G_info_t info;
    ls_h5_lock lock;
    ls_status st;

    *names = NULL;
    *n = 0;
    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(check_reach(file, group));
    if (H5Gget_info_by_name(file, group, &info, H5P_DEFAULT) < 0) {
        st = fail_damaged(file, group, NULL);
        goto cleanup;
    }
    if (!(read = ls_calloc((size_t)info.nlinks, sizeof *read, "names in an HDF5 file"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (; *n < (size_t)info.nlinks; ++*n)
        if ((st = get_link_name(file, group, *n, &read[*n])) != LS_OK) {
            ++*n; /* which may hold a name by now */
            goto cleanup;
        }
    *names = read;
    read = NULL;
cleanup:
    ls_h5_free_texts(read, *n);
    if (st != LS_OK)
        *n = 0;
    ls_h5_lock_release(&lock);
    return st;
}

/* Are the values in the file itself, and not in others that it names? */
static bool is_self_contained(hid_t set)
{
    const hid_t creation = H5Dget_create_plist(set);
    const bool whole = creation >= 0 && H5Pget_external_count(creation) == 0 && H5Pget_layout(creation) != H5D_VIRTUAL;

    if (creation >= 0)
        H5Pclose(creation);
    return whole;
}

/* A dataset with its type and shape. Values below 0 are not open. */
typedef struct array {
    hid_t id, type, space;
    size_t axes, dim[LS_H5_AXES_MAX];
} array;

static void close_array(array *a)
{
    if (a->space >= 0)
        H5Sclose(a->space);
    if (a->type >= 0)
        H5Tclose(a->type);
    if (a->id >= 0)
        H5Dclose(a->id);
}

/* HDF5 makes up what was never written. */
static ls_status check_written(hid_t file, const char *path, const array *a)
{
    char place[PLACE_BYTES];

    add_place(file, path, NULL, place);
    return ls_h5_check_written(a->id, "", place, 0, a->dim[0], &(ls_h5_rules){0}, &(ls_h5_files){0}) == LS_OK
               ? LS_OK
               : fail_get(file, path, NULL, "was never written as a whole, and HDF5 would make up its values");
}

static ls_status open_array(hid_t file, const char *path, array *a)
{
    hsize_t dims[H5S_MAX_RANK];
    H5O_info_t info;
    double bytes = 1;
    int axes = -1;

    *a = (array){.id = H5I_INVALID_HID, .type = H5I_INVALID_HID, .space = H5I_INVALID_HID};
    LS_TRY(check_reach(file, path));
    if (H5Oget_info_by_name(file, path, &info, H5P_DEFAULT) >= 0 && info.type != H5O_TYPE_DATASET)
        return fail_get(file, path, NULL, "is not a dataset");
    if ((a->id = H5Dopen2(file, path, H5P_DEFAULT)) < 0)
        return fail_damaged(file, path, NULL);
    if (!is_self_contained(a->id)) /* and HDF5 must not look for them to tell the size */
        return fail_get(file, path, NULL, "has its values in other files, which are not read");
    if ((a->type = H5Dget_type(a->id)) < 0 || (a->space = H5Dget_space(a->id)) < 0 ||
        (axes = H5Sget_simple_extent_dims(a->space, dims, NULL)) < 0)
        return fail_damaged(file, path, NULL);
    if (axes > LS_H5_AXES_MAX)
        return fail_get(file, path, NULL, "has too many axes");
    a->axes = (size_t)axes;
    for (size_t i = 0; i < a->axes; i++) {
        a->dim[i] = (size_t)dims[i];
        bytes *= (double)dims[i];
    }
    if (ls_h5_is_hollow(bytes * (double)H5Tget_size(a->type), H5Dget_storage_size(a->id)))
        return fail_get(file, path, NULL, "declares far more values than the file holds");
    return bytes > 0 && axes > 0 ? check_written(file, path, a) : LS_OK;
}

ls_status ls_h5_get_shape(hid_t file, const char *path, size_t *axes, size_t dim[LS_H5_AXES_MAX])
{
    ls_h5_lock lock;
    ls_status st;
    array a;

    ls_h5_lock_take(&lock);
    st = open_array(file, path, &a);
    *axes = a.axes;
    memcpy(dim, a.dim, sizeof a.dim);
    close_array(&a);
    ls_h5_lock_release(&lock);
    return st;
}

static ls_status fail_shape(hid_t file, const char *path, const array *a, size_t axes, const size_t *dim)
{
    ls_text message = {0};
    ls_status st;

    ls_text_add(&message, "has shape (");
    for (size_t i = 0; i < a->axes; i++)
        ls_text_add(&message, "%s%zu", i ? ", " : "", a->dim[i]);
    ls_text_add(&message, "%s), not (", a->axes == 1 ? "," : "");
    for (size_t i = 0; i < axes; i++)
        ls_text_add(&message, "%s%zu", i ? ", " : "", dim[i]);
    ls_text_add(&message, "%s)", axes == 1 ? "," : "");
    st = message.status == LS_OK ? fail_get(file, path, NULL, message.data) : message.status;
    ls_text_reset(&message);
    return st;
}

ls_status ls_h5_get_array(hid_t file, const char *path, hid_t type, size_t axes, const size_t *dim, void *data)
{
    char message[128];
    ls_h5_lock lock;
    ls_status st;
    array a;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_array(file, path, &a));
    if (a.axes != axes || (axes && memcmp(a.dim, dim, axes * sizeof *dim) != 0)) {
        st = fail_shape(file, path, &a, axes, dim);
    } else if (!numbers_fit(a.type, type) ||
               (H5Tget_class(type) == H5T_INTEGER && H5Tget_size(a.type) != H5Tget_size(type))) {
        snprintf(message, sizeof message, "holds %s of %zu bytes, which is not what belongs there",
                 H5Tget_class(a.type) == H5T_INTEGER ? "integers"
                 : H5Tget_class(a.type) == H5T_FLOAT ? "floating-point numbers"
                                                     : ls_h5_class_name(a.type),
                 H5Tget_size(a.type));
        st = fail_get(file, path, NULL, message);
    } else if (H5Dread(a.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        st = fail_read(file, path, a.id);
    }
cleanup:
    close_array(&a);
    ls_h5_lock_release(&lock);
    return st;
}
