#include "h5/output.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "h5/case.h"
#include "tensor/shape.h"

#define CHUNK_BYTES ((size_t)512 << 10) /* of an HDF5 chunk: large enough for a disk, small enough for the cache */
#define NAME_BYTES_MAX 255

ls_status ls_h5_output_check(const char *path, const char *const *inputs, size_t n)
{
    struct stat old, input;

    if (stat(path, &old) != 0)
        return LS_OK;
    if (!S_ISREG(old.st_mode))
        return ls_fail(LS_ERR_USAGE, "cannot write '%s': it exists and is not a regular file", path);
    for (size_t i = 0; i < n; i++)
        if (stat(inputs[i], &input) == 0 && input.st_dev == old.st_dev && input.st_ino == old.st_ino)
            return ls_fail(LS_ERR_USAGE, "cannot write '%s': it is also an input", path);
    return LS_OK;
}

ls_status ls_h5_output_check_deflate(int deflate)
{
    if (deflate < 0 || deflate > 9)
        return ls_fail(LS_ERR_USAGE, "deflate is %d; it must be 0 (no compression) to 9 (strongest)", deflate);
    return LS_OK;
}

ls_status ls_h5_output_check_name(const char *name, const char *what)
{
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strlen(name) > NAME_BYTES_MAX)
        return ls_fail(LS_ERR_USAGE, "'%.64s' cannot name %s: a name has 1 to %d characters and no '/'", name, what,
                       NAME_BYTES_MAX);
    return LS_OK;
}

ls_status ls_h5_output_check_split(const char *name)
{
    if (strcmp(name, "preprocessing") == 0)
        return ls_fail(LS_ERR_USAGE, "'preprocessing' cannot name a split: it is where the file keeps what was fitted");
    if (strcmp(name, "skipped") == 0)
        return ls_fail(LS_ERR_USAGE, "'skipped' cannot name a split: it is where the file keeps what was left out");
    return ls_h5_output_check_name(name, "a split");
}

ls_status ls_h5_output_fail(const char *path)
{
    char reason[LS_H5_REASON_BYTES];
    const int code = ls_h5_errno();

    return code ? ls_file_fail_write(path, code)
                : ls_fail(LS_ERR_IO, "cannot write '%s': HDF5: %s", path, ls_h5_reason(reason));
}

/* ---- the file ---- */

ls_status ls_h5_output_begin(const char *path, ls_h5_output *out)
{
    hid_t creation, access_list;
    ls_status st;

    *out = (ls_h5_output){.path = path, .file = H5I_INVALID_HID};
    ls_h5_lock_take(&out->lock);
    LS_TRY(ls_file_target(path, &out->target));
    ls_file_sweep_beside(out->target);
    ls_text_add(&out->temporary, "%s.%ld.tmp", out->target, (long)getpid());
    LS_TRY(out->temporary.status);
    out->begun = true;
    creation = H5Pcreate(H5P_FILE_CREATE);
    access_list = H5Pcreate(H5P_FILE_ACCESS);
    if (creation >= 0 && access_list >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_libver_bounds(access_list, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
        out->file = H5Fcreate(out->temporary.data, H5F_ACC_EXCL, creation, access_list);
    st = out->file < 0 ? ls_h5_output_fail(path) : LS_OK; /* now, since the next call clears HDF5's reason */
    if (access_list >= 0)
        H5Pclose(access_list);
    if (creation >= 0)
        H5Pclose(creation);
    return st;
}

ls_status ls_h5_output_commit(ls_h5_output *out)
{
    const herr_t closed = H5Fclose(out->file);

    out->file = H5I_INVALID_HID;
    if (closed < 0)
        return ls_h5_output_fail(out->path);
    out->begun = false;
    return ls_file_publish(out->temporary.data, out->target);
}

void ls_h5_output_end(ls_h5_output *out)
{
    if (out->file >= 0)
        H5Fclose(out->file);
    if (out->begun)
        unlink(out->temporary.data);
    ls_text_reset(&out->temporary);
    ls_free(out->target);
    ls_h5_lock_release(&out->lock);
}

/* ---- what is in it ---- */

hid_t ls_h5_create_group(hid_t place, const char *name)
{
    const hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = H5I_INVALID_HID;

    if (properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0)
        group = H5Gcreate2(place, name, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0)
        H5Pclose(properties);
    return group;
}

uint64_t ls_h5_chunk_rows(uint64_t rows, size_t row_bytes)
{
    const uint64_t fitting = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;

    return fitting < rows ? fitting : rows;
}

hid_t ls_h5_create_rows(hid_t group, const char *name, hid_t type, int axes, const hsize_t *dim, int deflate)
{
    const hid_t space = H5Screate_simple(axes, dim, NULL);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[LS_AXES_MAX + 1] = {0};
    size_t row_bytes = H5Tget_size(type);
    hid_t dataset = H5I_INVALID_HID;

    for (int i = 1; i < axes; i++) {
        chunk[i] = dim[i];
        row_bytes *= (size_t)dim[i];
    }
    chunk[0] = ls_h5_chunk_rows(dim[0], row_bytes);
    if (space >= 0 && properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0 &&
        H5Pset_chunk(properties, axes, chunk) >= 0 &&
        (deflate == 0 || (H5Pset_shuffle(properties) >= 0 && H5Pset_deflate(properties, (unsigned)deflate) >= 0)) &&
        H5Pset_fletcher32(properties) >= 0)
        dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0)
        H5Pclose(properties);
    if (space >= 0)
        H5Sclose(space);
    return dataset;
}

bool ls_h5_write_rows(hid_t dataset, hid_t memory_type, uint64_t first, uint64_t n, const void *values)
{
    const hid_t space = H5Dget_space(dataset);
    hsize_t start[LS_AXES_MAX + 1] = {first}, count[LS_AXES_MAX + 1] = {0};
    hid_t memory = H5I_INVALID_HID;
    bool good = false;

    if (space >= 0 && H5Sget_simple_extent_dims(space, count, NULL) > 0) {
        count[0] = n;
        memory = H5Screate_simple(H5Sget_simple_extent_ndims(space), count, NULL);
        good = memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
               H5Dwrite(dataset, memory_type, memory, space, H5P_DEFAULT, values) >= 0;
    }
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    return good;
}

static bool add_attribute(hid_t object, const char *name, hid_t type, hid_t memory_type, const void *values, size_t n,
                          bool scalar)
{
    const hsize_t dim = n;
    const hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, memory_type, values) >= 0;

    if (attribute >= 0 && H5Aclose(attribute) < 0)
        good = false;
    if (space >= 0)
        H5Sclose(space);
    return good;
}

bool ls_h5_add_doubles(hid_t object, const char *name, const double *values, size_t n, bool scalar)
{
    return add_attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values, n, scalar);
}

bool ls_h5_add_ints(hid_t object, const char *name, const int64_t *values, size_t n, bool scalar)
{
    return add_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, values, n, scalar);
}

/* UTF-8 of one length, the longest, padded with zeros. packed: to be freed. */
static hid_t pack_texts(const char *const *texts, size_t n, const char *what, char **packed)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    size_t width = 1;

    for (size_t i = 0; i < n; i++)
        width = strlen(texts[i]) > width ? strlen(texts[i]) : width;
    *packed = ls_calloc(n, width, what);
    for (size_t i = 0; *packed && i < n; i++)
        memcpy(*packed + i * width, texts[i], strlen(texts[i]));
    if (*packed && type >= 0 && H5Tset_size(type, width) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        return type;
    if (type >= 0)
        H5Tclose(type);
    return H5I_INVALID_HID;
}

/*
 * Not of variable length: those lie in a heap without checksum, and HDF5 reads beyond it where it is damaged. All else
 * in the file is checksummed.
 */
bool ls_h5_add_texts(hid_t object, const char *name, const char *const *texts, size_t n, bool scalar)
{
    char *packed;
    const hid_t type = pack_texts(texts, n, name, &packed);
    const bool good = type >= 0 && add_attribute(object, name, type, type, packed, n, scalar);

    ls_free(packed);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

bool ls_h5_write_texts(hid_t group, const char *name, const char *const *texts, size_t n, int deflate)
{
    const hsize_t dim = n;
    char *packed;
    const hid_t type = pack_texts(texts, n, name, &packed);
    const hid_t dataset = type >= 0 ? ls_h5_create_rows(group, name, type, 1, &dim, deflate) : H5I_INVALID_HID;
    bool good = dataset >= 0 && ls_h5_write_rows(dataset, type, 0, n, packed);

    if (dataset >= 0 && H5Dclose(dataset) < 0)
        good = false;
    if (type >= 0)
        H5Tclose(type);
    ls_free(packed);
    return good;
}
