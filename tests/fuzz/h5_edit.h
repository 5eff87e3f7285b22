/*
 * HDF5 files that are hostile to us and not to libhdf5: the input is a list of things to do to a sound file, each done
 * by HDF5 itself. (HDF5 1.10 reads out of bounds when the bytes of a file themselves are altered.)
 *
 *     input ─► put an attribute or a dataset of any type and shape, delete, link, group … ─► a file that HDF5 wrote
 */
#ifndef LS_FUZZ_H5_EDIT_H
#define LS_FUZZ_H5_EDIT_H

#include <hdf5.h>

#include "fuzz.h"

/* Names that mean something to the loader at hand. */
typedef struct fuzz_h5_names {
    const char *const *object; /* paths of groups and datasets, NULL-terminated; the first one is "/" */
    const char *const *attribute;
    const char *const *text; /* for attributes that hold text; any other text comes from the input */
} fuzz_h5_names;

/* The names in a sound file, for as long as the process lives. */
fuzz_h5_names fuzz_h5_names_of(const void *data, size_t n);

/*
 * Write a file: a copy of these bytes (n 0: an empty file) with all edits that the input says, to its end; what HDF5
 * refuses is left out. False: HDF5 is at odds with itself (it made an attribute and cannot close it, say); it was
 * started anew, and there is nothing to test.
 */
bool fuzz_h5_make(const char *path, const void *data, size_t n, fuzz_input *input, const fuzz_h5_names *names);

#endif
