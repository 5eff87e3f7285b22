/*
 * Dataset files as import writes them: under a temporary name, renamed when they are whole, so that an existing file
 * stays if anything fails. The same calls give the same bytes.
 *
 *     ls_h5_output_begin ─► groups, datasets, attributes ─► ls_h5_output_commit ─► ls_h5_output_end
 */
#ifndef LS_H5_OUTPUT_H
#define LS_H5_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "h5/lock.h"

typedef struct ls_h5_output {
    const char *path; /* borrowed */
    char *target;     /* what it means, links followed */
    hid_t file;       /* < 0: not open */
    ls_text temporary;
    bool begun; /* there is a temporary file */
    ls_h5_lock lock;
} ls_h5_output;

/* A usage error if the file cannot become the output: it is no regular file, or it is one of the inputs. */
ls_status ls_h5_output_check(const char *path, const char *const *inputs, size_t n);
/* A usage error unless the level of compression is 0 … 9. */
ls_status ls_h5_output_check_deflate(int deflate);
/* A usage error unless the name can be that of a group or dataset. what: "a split". */
ls_status ls_h5_output_check_name(const char *name, const char *what);

/* ls_h5_output_check_name for a split: "preprocessing" and "skipped" are taken. */
ls_status ls_h5_output_check_split(const char *name);

/*
 * HDF5's own printing is off from here to ls_h5_output_end, which must follow, also after a failure. path is borrowed.
 */
ls_status ls_h5_output_begin(const char *path, ls_h5_output *out);
/* Close, bring to disk, rename. */
ls_status ls_h5_output_commit(ls_h5_output *out);
/* Nothing is left of a file that was not committed. */
void ls_h5_output_end(ls_h5_output *out);

/* Fail with LS_ERR_IO and HDF5's reason, after a failed HDF5 call. */
ls_status ls_h5_output_fail(const char *path);

/* Below are plain HDF5 calls without times. < 0 or false: HDF5 failed. */

hid_t ls_h5_create_group(hid_t place, const char *name);

/* Rows of a chunk: about half a MiB, at most all. */
uint64_t ls_h5_chunk_rows(uint64_t rows, size_t row_bytes);
/* Chunked and checksummed; deflate: 0 … 9. dim[0] > 0 counts rows. */
hid_t ls_h5_create_rows(hid_t group, const char *name, hid_t type, int axes, const hsize_t *dim, int deflate);
/* Rows [first, first + n) of such a dataset. */
bool ls_h5_write_rows(hid_t dataset, hid_t memory_type, uint64_t first, uint64_t n, const void *values);
/* A dataset of n > 0 texts, as ls_h5_add_texts has them. */
bool ls_h5_write_texts(hid_t group, const char *name, const char *const *texts, size_t n, int deflate);

/*
 * Attributes: doubles as float64; texts as UTF-8 of one length, padded with zeros. scalar: one value without an axis.
 */
bool ls_h5_add_doubles(hid_t object, const char *name, const double *values, size_t n, bool scalar);
bool ls_h5_add_ints(hid_t object, const char *name, const int64_t *values, size_t n, bool scalar);
bool ls_h5_add_texts(hid_t object, const char *name, const char *const *texts, size_t n, bool scalar);

#endif
