/* Files, and writing into them. Reading: read.c. */
#include "h5/file.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "h5/case.h"
#include "h5/lock.h"
#include "h5/open.h"
#include "h5/seal.h"

/*
 * A name that no file can have, so that HDF5 does not find one of that name and open it; with a number, since HDF5
 * takes two open files of one name for the same. The name does not get into the image.
 */
#define IMAGE_NAME "/dev/null/image-%u"
#define IMAGE_STEP_BYTES ((size_t)1 << 20) /* the image grows by at least so much */

/* What went wrong in the last HDF5 call; first thing after it failed, since other calls clear it. */
static ls_status fail_put(const char *object, const char *name)
{
    char reason[LS_H5_REASON_BYTES];

    return ls_fail(LS_ERR_IO, "cannot add '%s%s%s' to an HDF5 file in memory: HDF5: %s", object, name ? "@" : "",
                   name ? name : "", ls_h5_reason(reason));
}

/* ---- files ---- */

ls_status ls_h5_image_create(hid_t *file)
{
    static atomic_uint images;
    char reason[LS_H5_REASON_BYTES], name[64];
    hid_t access_list = H5I_INVALID_HID;
    ls_h5_lock lock;
    ls_status st = LS_OK;

    *file = H5I_INVALID_HID;
    snprintf(name, sizeof name, IMAGE_NAME, atomic_fetch_add(&images, 1u));
    ls_h5_lock_take(&lock);
    if ((access_list = H5Pcreate(H5P_FILE_ACCESS)) < 0 || H5Pset_fapl_core(access_list, IMAGE_STEP_BYTES, false) < 0 ||
        (*file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access_list)) < 0)
        st = ls_fail(LS_ERR_IO, "cannot create an HDF5 file in memory: HDF5: %s", ls_h5_reason(reason));
    if (access_list >= 0)
        H5Pclose(access_list);
    ls_h5_lock_release(&lock);
    return st;
}

/* With room for `more` bytes behind it. */
static ls_status image_of(hid_t file, size_t more, void **image, size_t *bytes)
{
    char reason[LS_H5_REASON_BYTES];
    ls_h5_lock lock;
    ssize_t size = -1;
    ls_status st = LS_OK;

    *image = NULL;
    *bytes = 0;
    ls_h5_lock_take(&lock);
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 || (size = H5Fget_file_image(file, NULL, 0)) < 0)
        st = ls_fail(LS_ERR_IO, "cannot complete an HDF5 file in memory: HDF5: %s", ls_h5_reason(reason));
    else if (!(*image = ls_calloc((size_t)size + more, 1, "the image of an HDF5 file")))
        st = LS_ERR_MEMORY;
    else if (H5Fget_file_image(file, *image, (size_t)size) != size)
        st = ls_fail(LS_ERR_IO, "cannot complete an HDF5 file in memory: HDF5: %s", ls_h5_reason(reason));
    ls_h5_lock_release(&lock);
    if (st != LS_OK) {
        ls_free(*image);
        *image = NULL;
        return st;
    }
    *bytes = (size_t)size;
    return LS_OK;
}

ls_status ls_h5_image_bytes(hid_t file, void **image, size_t *bytes)
{
    return image_of(file, 0, image, bytes);
}

ls_status ls_h5_image_sealed(hid_t file, void **image, size_t *bytes)
{
    LS_TRY(image_of(file, LS_H5_SEAL_BYTES, image, bytes));
    ls_h5_seal(*image, *bytes, (unsigned char *)*image + *bytes);
    *bytes += LS_H5_SEAL_BYTES;
    return LS_OK;
}

ls_status ls_h5_image_save(hid_t file, const char *path)
{
    void *image;
    size_t bytes;
    ls_status st = ls_h5_image_sealed(file, &image, &bytes);

    if (st != LS_OK)
        return ls_fail_in(st, "cannot write '%s'", path);
    st = ls_file_replace(path, image, bytes);
    ls_free(image);
    return st;
}

ls_status ls_h5_open_read(const char *path, hid_t *file)
{
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = ls_h5_open_file(path, file);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_h5_open_image(const void *bytes, size_t n, const char *name, hid_t *file)
{
    static const char signature[] = "\211HDF\r\n\032\n";
    hid_t access_list = H5I_INVALID_HID;
    ls_h5_lock lock;
    ls_status st = LS_OK;

    *file = H5I_INVALID_HID;
    if (n < sizeof signature - 1 || memcmp(bytes, signature, sizeof signature - 1) != 0)
        return ls_fail(LS_ERR_FORMAT, "'%s' is not an HDF5 file", name);
    LS_TRY(ls_h5_check_heaps(bytes, n, name));
    ls_h5_lock_take(&lock);
    if ((access_list = H5Pcreate(H5P_FILE_ACCESS)) < 0 || H5Pset_fapl_core(access_list, IMAGE_STEP_BYTES, false) < 0 ||
        H5Pset_file_image(access_list, (void *)bytes, n) < 0 || /* which copies them, whatever its type says */
        (*file = H5Fopen(name, H5F_ACC_RDONLY, access_list)) < 0)
        st = ls_h5_fail("cannot read '%s'", name);
    if (access_list >= 0)
        H5Pclose(access_list);
    ls_h5_lock_release(&lock);
    return st;
}

void ls_h5_close(hid_t file)
{
    ls_h5_lock lock;

    if (file < 0)
        return;
    ls_h5_lock_take(&lock);
    H5Fclose(file);
    ls_h5_lock_release(&lock);
}

/* ---- writing ---- */

/* Properties of links: intermediate groups are made. */
static hid_t making_groups(void)
{
    const hid_t properties = H5Pcreate(H5P_LINK_CREATE);

    if (properties >= 0)
        H5Pset_create_intermediate_group(properties, 1);
    return properties;
}

ls_status ls_h5_put_group(hid_t file, const char *path)
{
    ls_h5_lock lock;
    hid_t links, group = H5I_INVALID_HID;
    ls_status st = LS_OK;

    ls_h5_lock_take(&lock);
    if ((links = making_groups()) < 0 || (group = H5Gcreate2(file, path, links, H5P_DEFAULT, H5P_DEFAULT)) < 0)
        st = fail_put(path, NULL);
    if (group >= 0)
        H5Gclose(group);
    if (links >= 0)
        H5Pclose(links);
    ls_h5_lock_release(&lock);
    return st;
}

/* axes -1: a scalar. */
static ls_status put_attribute(hid_t file, const char *object, const char *name, hid_t type, int axes, hsize_t n,
                               const void *data)
{
    const hid_t space = axes < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(axes, &n, NULL);
    hid_t attribute = H5I_INVALID_HID;
    ls_status st = LS_OK;

    if (space < 0 ||
        (attribute = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) < 0 ||
        ((axes < 0 || n > 0) && H5Awrite(attribute, type, data) < 0))
        st = fail_put(object, name);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (space >= 0)
        H5Sclose(space);
    return st;
}

static ls_status put_number(hid_t file, const char *object, const char *name, hid_t type, const void *value)
{
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = put_attribute(file, object, name, type, -1, 1, value);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_h5_put_int(hid_t file, const char *object, const char *name, int64_t value)
{
    return put_number(file, object, name, H5T_NATIVE_INT64, &value);
}

ls_status ls_h5_put_uint(hid_t file, const char *object, const char *name, uint64_t value)
{
    return put_number(file, object, name, H5T_NATIVE_UINT64, &value);
}

ls_status ls_h5_put_double(hid_t file, const char *object, const char *name, double value)
{
    return put_number(file, object, name, H5T_NATIVE_DOUBLE, &value);
}

/*
 * The type of texts in memory. Variable length, because an attribute of fixed length must fit into 64 KiB, which the
 * description of a large model does not; a list of them may still be about 4000 long.
 */
static hid_t text_type(void)
{
    const hid_t type = H5Tcopy(H5T_C_S1);

    if (type >= 0) {
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_cset(type, H5T_CSET_UTF8);
    }
    return type;
}

static ls_status put_texts(hid_t file, const char *object, const char *name, int axes, const char *const *texts,
                           size_t n)
{
    ls_h5_lock lock;
    hid_t type;
    ls_status st;

    ls_h5_lock_take(&lock);
    type = text_type();
    st = type < 0 ? fail_put(object, name) : put_attribute(file, object, name, type, axes, n, texts);
    if (type >= 0)
        H5Tclose(type);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_h5_put_text(hid_t file, const char *object, const char *name, const char *text)
{
    return put_texts(file, object, name, -1, &text, 1);
}

ls_status ls_h5_put_texts(hid_t file, const char *object, const char *name, const char *const *texts, size_t n)
{
    return put_texts(file, object, name, 1, texts, n);
}

ls_status ls_h5_put_array(hid_t file, const char *path, hid_t type, size_t axes, const size_t *dim, const void *data)
{
    hid_t links = H5I_INVALID_HID, creation = H5I_INVALID_HID, space = H5I_INVALID_HID, set = H5I_INVALID_HID;
    hsize_t dims[LS_H5_AXES_MAX];
    ls_h5_lock lock;
    ls_status st = LS_OK;

    if (axes > LS_H5_AXES_MAX)
        return ls_fail(LS_ERR_INTERNAL, "'%s' has %zu axes; at most %d can be written", path, axes, LS_H5_AXES_MAX);
    for (size_t i = 0; i < axes; i++)
        dims[i] = dim[i];
    ls_h5_lock_take(&lock);
    /* No times: they would make two equal files differ. No fill values: every element is written. */
    if ((links = making_groups()) < 0 || (creation = H5Pcreate(H5P_DATASET_CREATE)) < 0 ||
        H5Pset_obj_track_times(creation, false) < 0 || H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0 ||
        (space = axes ? H5Screate_simple((int)axes, dims, NULL) : H5Screate(H5S_SCALAR)) < 0 ||
        (set = H5Dcreate2(file, path, type, space, links, creation, H5P_DEFAULT)) < 0 ||
        (H5Sget_simple_extent_npoints(space) > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0))
        st = fail_put(path, NULL);
    if (set >= 0)
        H5Dclose(set);
    if (space >= 0)
        H5Sclose(space);
    if (creation >= 0)
        H5Pclose(creation);
    if (links >= 0)
        H5Pclose(links);
    ls_h5_lock_release(&lock);
    return st;
}
