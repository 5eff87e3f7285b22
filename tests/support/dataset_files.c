#include "dataset_files.h"

char file[64];

int dataset_set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(file, sizeof file, "%s/data.h5", folder);
    return 0;
}

int dataset_tear_down(void **state)
{
    return folder_tear_down(state);
}

hid_t begin(void)
{
    const hid_t f = H5Fcreate(file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

    assert_true(f >= 0);
    return f;
}

hid_t put(hid_t f, const char *path, hid_t type, int rank, const hsize_t *dim, hsize_t chunk, hid_t memory,
          const void *values)
{
    const hid_t space = rank < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dim, NULL);
    const hid_t link = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    hid_t d;

    H5Pset_create_intermediate_group(link, 1);
    if (chunk) {
        hsize_t chunks[8];

        memcpy(chunks, dim, (size_t)rank * sizeof *dim);
        chunks[0] = chunk;
        H5Pset_chunk(creation, rank, chunks);
        H5Pset_fletcher32(creation);
    }
    d = H5Dcreate2(f, path, type, space, link, creation, H5P_DEFAULT);
    assert_true(d >= 0);
    if (values)
        assert_true(H5Dwrite(d, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Pclose(creation);
    H5Pclose(link);
    H5Sclose(space);
    return d;
}

void put_attribute(hid_t d, const char *name, hid_t type, int n, hid_t memory, const void *values)
{
    const hsize_t dim = (hsize_t)n;
    const hid_t space = n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    const hid_t a = H5Acreate2(d, name, type, space, H5P_DEFAULT, H5P_DEFAULT);

    assert_true(a >= 0);
    assert_true(H5Awrite(a, memory, values) >= 0);
    H5Aclose(a);
    H5Sclose(space);
}

ls_array *open_array(const char *path, const uint64_t *rows)
{
    ls_array *a = NULL;

    assert_true(ok(ls_array_open(file, path, rows, &a)));
    return a;
}

void write_grid(hsize_t samples, hsize_t chunk)
{
    const hsize_t dim[] = {samples, 2, 3};
    int32_t *v = malloc(samples * 6 * sizeof *v);
    const hid_t f = begin();

    assert_non_null(v);
    for (hsize_t i = 0; i < samples * 6; i++)
        v[i] = (int32_t)(1000 * (i / 6) + i % 6);
    H5Dclose(put(f, "/train/x", H5T_STD_I32LE, 3, dim, chunk, H5T_NATIVE_INT32, v));
    free(v);
    H5Fclose(f);
}
