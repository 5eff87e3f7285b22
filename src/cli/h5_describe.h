/* Datasets, attributes and values of an HDF5 file in words, for people. What cannot be read is LS_ERR_FORMAT. */
#ifndef LS_CLI_H5_DESCRIBE_H
#define LS_CLI_H5_DESCRIBE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* "(60000, 28, 28)", "(10)", "()" */
void ls_describe_shape(size_t axes, const size_t *dim, ls_text *out);

/* "uint8 (60000, 28, 28)" */
ls_status ls_describe_dataset(hid_t file, const char *path, ls_text *out);

/* The shape of an open dataset with at most LS_H5_AXES_MAX axes. */
ls_status ls_describe_dims(hid_t id, size_t *axes, size_t *dim);

/* "chunks of (668, 28, 28), shuffle, deflate 4, fletcher32; 9.41 MB on disk for 44.86 MB" */
ls_status ls_describe_storage(hid_t file, const char *path, ls_text *out);

/* The first texts of a list of them, one line each; nothing of another dataset. */
ls_status ls_describe_texts(hid_t file, const char *path, ls_text *out);

/* The value of an attribute: "0.00392156862745098", "cat, dog". Long ones are cut. */
ls_status ls_describe_attribute(hid_t file, const char *object, const char *name, ls_text *out);
/* All attributes of an object, one line each: "    @scale 0.00392156862745098". */
ls_status ls_describe_attributes(hid_t file, const char *object, ls_text *out);

#define LS_LABELS_MAX 100

/* Statistics of the finite values of an array, unless said otherwise. Begins as {0}. */
typedef struct ls_value_stats {
    uint64_t n, nan, infinite;      /* values; those that are not finite besides */
    double min, max, mean, squares; /* squares: the sum of squared distances from the mean */
    uint64_t label[LS_LABELS_MAX];  /* how often 0, 1, 2, … */
    uint64_t labels;                /* values that are such */
} ls_value_stats;

void ls_stats_add(ls_value_stats *stats, double value);
double ls_stats_deviation(const ls_value_stats *stats);

/*
 * All values of a numeric dataset in pieces of bounded size. *known: false if it holds no numbers, none at all, more
 * than can be read in about a second, has them in other files that are no HDF5 files, or packed by a filter that is
 * missing here. The sources of a virtual dataset are opened: they must be checked (ls_h5_check_sources).
 */
ls_status ls_stats_read(hid_t file, const char *path, ls_value_stats *stats, bool *known);

/* Untrusted text: control characters (a terminal obeys them) become '?', what is beyond max bytes "…". */
void ls_add_clean(const char *text, size_t max, ls_text *out);

#endif
