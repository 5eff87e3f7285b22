/* Making dataset files from what people have. Not collective: one rank calls. */
#ifndef LS_DATA_IMPORT_H
#define LS_DATA_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_idx_split {
    const char *name;   /* "train" */
    const char *images; /* IDX file, plain or .gz */
    const char *labels;
} ls_idx_split;

/*
 * IDX files (magic 00 00 TYPE RANK, big-endian sizes) to FILE.h5 with /NAME/x and /NAME/y, in their own type; uint8
 * images of rank >= 2 get scale = 1/255. deflate: 0…9. Written to a temporary name and renamed: an existing file stays
 * whole if anything fails. Checks: magic, sizes against the file's length, that x and y have equally many samples.
 */
ls_status ls_import_idx(const ls_idx_split *split, size_t splits, const char *output, int deflate);

#endif
