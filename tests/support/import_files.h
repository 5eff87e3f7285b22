/* Files for the tests of importers, in a folder of their own that is gone afterwards. */
#ifndef LS_IMPORT_FILES_H
#define LS_IMPORT_FILES_H

#include "ls_test.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <hdf5.h>

static char folder[] = "import_files.XXXXXX"; /* in the working directory */
static char input[64], other[64], output[64], second[64];

static inline int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(input, sizeof input, "%s/input", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(output, sizeof output, "%s/out.h5", folder);
    snprintf(second, sizeof second, "%s/second.h5", folder);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    unlink(input);
    unlink(other);
    unlink(output);
    unlink(second);
    return rmdir(folder); /* fails if a temporary file was left behind */
}

/* A new file: some file systems bring one that was cut to nothing to disk at once. */
static inline void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f;

    unlink(path);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline char *read_whole(const char *path, size_t *n)
{
    FILE *const f = fopen(path, "rb");
    char *bytes;

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    bytes = malloc(*n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static inline bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *const x = read_whole(a, &n), *const y = read_whole(b, &m);
    const bool same = n == m && memcmp(x, y, n) == 0;

    free(x);
    free(y);
    return same;
}

/* What an HDF5 dataset holds, as `type`, and its shape; to be freed. */
static inline void *read_dataset(const char *file, const char *path, hid_t type, int *rank, hsize_t *dim)
{
    const hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT), d = H5Dopen2(f, path, H5P_DEFAULT);
    const hid_t space = H5Dget_space(d);
    void *values;

    assert_true(f >= 0 && d >= 0 && space >= 0);
    *rank = H5Sget_simple_extent_dims(space, dim, NULL);
    values = malloc((size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type) + 1);
    assert_non_null(values);
    assert_true(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Sclose(space);
    H5Dclose(d);
    H5Fclose(f);
    return values;
}

/* "uint8", "int16", "float32", … */
static inline const char *stored_type(const char *file, const char *path)
{
    static char name[32];
    const hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT), d = H5Dopen2(f, path, H5P_DEFAULT);
    const hid_t type = H5Dget_type(d);

    assert_true(type >= 0);
    snprintf(name, sizeof name, "%s%zu",
             H5Tget_class(type) == H5T_FLOAT     ? "float"
             : H5Tget_sign(type) == H5T_SGN_NONE ? "uint"
                                                 : "int",
             8 * H5Tget_size(type));
    H5Tclose(type);
    H5Dclose(d);
    H5Fclose(f);
    return name;
}

#endif
