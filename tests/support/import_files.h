/* Files for the tests of importers. */
#ifndef LS_IMPORT_FILES_H
#define LS_IMPORT_FILES_H

#include "ls_test.h"

#include <stdlib.h>
#include <unistd.h>

#include <hdf5.h>

#include "files.h"

extern char input[64], other[64], output[64], second[64]; /* in the folder */

/* The tear-down fails if an import left anything but these four behind. */
int import_set_up(void **state);
int import_tear_down(void **state);

/* What an HDF5 dataset holds, as `type`, and its shape; to be freed. */
void *read_dataset(const char *file, const char *path, hid_t type, int *rank, hsize_t *dim);

/* "uint8", "int16", "float32", … */
const char *stored_type(const char *file, const char *path);

#endif
