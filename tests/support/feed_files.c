#include "feed_files.h"

void feed_put(hid_t f, const char *name, hid_t type, int rank, const hsize_t *dim, hsize_t chunk, int deflate,
              hid_t memory, const void *values)
{
    const hid_t space = H5Screate_simple(rank, dim, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunks[] = {chunk < dim[0] ? chunk : dim[0], 3};
    hid_t d;

    if (chunk)
        H5Pset_chunk(creation, rank, chunks);
    if (chunk && deflate)
        H5Pset_deflate(creation, 1);
    d = H5Dcreate2(f, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(d >= 0);
    if (values)
        assert_true(H5Dwrite(d, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(d);
    H5Pclose(creation);
    H5Sclose(space);
}

void feed_file(const char *path, size_t n, const layout *l, size_t bad)
{
    const hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    float *x = malloc(n * 3 * sizeof *x);
    unsigned char *y = malloc(n);

    assert_true(f >= 0 && x && y);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < 3; j++)
            x[3 * i + j] = i == bad ? NAN : (float)i + 0.25f * (float)j;
        y[i] = (unsigned char)(i == bad ? 10 : i % 10);
    }
    feed_put(f, "x", H5T_IEEE_F32LE, 2, (const hsize_t[]){n, 3}, l->chunk, l->deflate, H5T_NATIVE_FLOAT, x);
    feed_put(f, "y", H5T_STD_U8LE, 1, (const hsize_t[]){n}, l->chunk ? l->chunk * 2 + 1 : 0, l->deflate,
             H5T_NATIVE_UINT8, y);
    H5Fclose(f);
    free(x);
    free(y);
}

bool feed_holds(const ls_feed *feed, const ls_permutation *order, uint64_t epoch, uint64_t begin, uint64_t first,
                uint64_t n)
{
    for (uint64_t i = first; i < first + n; i++) {
        const ls_sample_place place = ls_permutation_place(order, i);
        const uint64_t index = ls_feed_index(feed, epoch, &place), sample = begin + place.sample;
        float x[3], y;

        ls_array_get(ls_feed_array(feed, 0), index, x);
        ls_array_get(ls_feed_array(feed, 2), index, &y);
        if (x[0] != (float)sample || x[1] != (float)sample + 0.25f || x[2] != (float)sample + 0.5f ||
            y != (float)(sample % 10)) {
            print_error("position %llu of epoch %llu: sample %llu is (%g, %g, %g; %g)\n", (unsigned long long)i,
                        (unsigned long long)epoch, (unsigned long long)sample, (double)x[0], (double)x[1], (double)x[2],
                        (double)y);
            return false;
        }
    }
    return true;
}
