/* HDF5 files for the tests of datasets. */
#ifndef LS_DATASET_FILES_H
#define LS_DATASET_FILES_H

#include "ls_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>

#include "data/dataset.h"
#include "files.h"

extern char file[64]; /* in the folder */

int dataset_set_up(void **state);
int dataset_tear_down(void **state);

hid_t begin(void);

/* A dataset written from `memory` values; chunk 0: contiguous, else rows per chunk with fletcher32. */
hid_t put(hid_t f, const char *path, hid_t type, int rank, const hsize_t *dim, hsize_t chunk, hid_t memory,
          const void *values);

/* n < 0: a scalar. */
void put_attribute(hid_t d, const char *name, hid_t type, int n, hid_t memory, const void *values);

ls_array *open_array(const char *path, const uint64_t *rows);

#define OPEN_FAILS(path, rows, status, ...)                                  \
    do {                                                                     \
        ls_array *none_ = (ls_array *)&file;                                 \
                                                                             \
        FAILS(ls_array_open(file, path, rows, &none_), status, __VA_ARGS__); \
        assert_null(none_);                                                  \
    } while (0)

/* Value 1000 s + j at element j of sample s, in chunks that do not divide the sample count. */
void write_grid(hsize_t samples, hsize_t chunk);

#endif
