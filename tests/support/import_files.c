#include "import_files.h"

char input[64], other[64], output[64], second[64];

int import_set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(input, sizeof input, "%s/input", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(output, sizeof output, "%s/out.h5", folder);
    snprintf(second, sizeof second, "%s/second.h5", folder);
    return 0;
}

int import_tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){input, other, output, second}, 4);
}

void *read_dataset(const char *file, const char *path, hid_t type, int *rank, hsize_t *dim)
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

const char *stored_type(const char *file, const char *path)
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
