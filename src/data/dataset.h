/*
 * HDF5 datasets: arrays of samples, first axis = samples, any integer or float type, stored small and turned to float32
 * as (value - offset) * scale when a batch is assembled. An array is described first; then its values are read whole,
 * one copy for all processes of a node (ls_array_load), or a window at a time (data/feed.h).
 */
#ifndef LS_DATA_DATASET_H
#define LS_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "data/sharing.h"
#include "h5/rules.h"
#include "lockstep/data.h"
#include "tensor/shape.h"

typedef struct ls_array ls_array;

/* "uint8"; NULL: it is no type of values. */
const char *ls_type_name(ls_type type);
/* Of one value. */
size_t ls_type_bytes(ls_type type);

/*
 * What FILE:PATH holds, without its values. Every failure names file and dataset: missing, truncated, wrong type
 * (strings, compounds). rows: NULL, or [begin, end) of the first axis. Not collective: every rank opens the file
 * read-only itself.
 */
ls_status ls_array_describe(const char *file, const char *path, const uint64_t *rows, ls_array **out);
/* ls_array_describe by other rules than the strictest, about links to other files and values that were never written.
 */
ls_status ls_array_describe_by(const ls_h5_rules *rules, const char *file, const char *path, const uint64_t *rows,
                               ls_array **out);

/* An array in the memory of the calling program. */
typedef struct ls_buffer {
    ls_type type;
    uint64_t samples;
    ls_shape shape;     /* of one sample; checked */
    const void *values; /* (samples, shape) borrowed */
} ls_buffer;

/* ls_array_describe of memory, which must outlive the array. name: for messages, as ls_array_path gives it. */
ls_status ls_array_borrow(const ls_buffer *memory, const uint64_t *rows, const char *name, ls_array **out);
/* Is the array the calling program's? Then ls_array_load only checks it, and it cannot be read a window at a time. */
bool ls_array_is_borrowed(const ls_array *array);

/*
 * Collective over sharing (NULL: this process alone). Read the values in their own type (uint8 stays uint8), each
 * process its part. Failures name file, dataset and, where it is one sample's fault, the sample: absurd sizes, checksum
 * errors, NaN or Inf, labels (ls_array_one_hot, ls_array_check_labels) that are none.
 */
ls_status ls_array_load(ls_array *array, const ls_sharing *sharing);
/* ls_array_describe and ls_array_load, for a process by itself. */
ls_status ls_array_open(const char *file, const char *path, const uint64_t *rows, ls_array **out);
void ls_array_free(ls_array *array);

uint64_t ls_array_samples(const ls_array *array);
const ls_shape *ls_array_shape(const ls_array *array); /* of one sample */
const char *ls_array_type(const ls_array *array);      /* "uint8", "float32", … */
const char *ls_array_path(const ls_array *array);      /* "file.h5:/train/x" */
/* Bytes of all values as they are stored; SIZE_MAX: that many cannot be addressed. */
size_t ls_array_bytes(const ls_array *array);
size_t ls_array_sample_bytes(const ls_array *array);
/* Rows of a chunk of the HDF5 dataset; 0: it is not chunked. */
uint64_t ls_array_chunk_rows(const ls_array *array);
/* XXH3-64 of the type, shape, scale, offset and stored bytes of an array in memory. */
uint64_t ls_array_hash(const ls_array *array);
/*
 * What checkpoints know the data by: the same whether the array is in memory or not. Of one in the program's memory, or
 * of at most 64 MiB, it is ls_array_hash; a larger one in a file has a hash of its type, shape, scale, offset, how the
 * dataset lies in its file (chunks, bytes), 64 samples at equal distances, and of other files that it takes values from
 * their names, sizes and 16 blocks each. What is not in memory is read, and checked as ls_array_load does. After this,
 * settings stay as they are.
 */
ls_status ls_array_identify(ls_array *array);
uint64_t ls_array_identity(const ls_array *array);
bool ls_array_is_loaded(const ls_array *array);
/* Is the array of an integer type, without scale and offset? */
bool ls_array_is_integer(const ls_array *array);

/* Ask for sample `index` to be brought near the processor: samples of a shuffled epoch lie far apart. */
void ls_array_prefetch(const ls_array *array, uint64_t index);
/* Sample `index` as float32 into out (one sample's elements). Pure; safe from several threads. */
void ls_array_get(const ls_array *array, uint64_t index, float *out);

/*
 * How stored values become float32: (value - offset) * scale, element j with number j % period of each. Borrowed; NULL,
 * and period 0: as they are.
 */
const double *ls_array_scaling(const ls_array *array, const double **offset, size_t *period);
/* Replace the scaling that the file gives: float32 = (value - offset) * scale; NULL leaves one as it is. */
ls_status ls_array_set_scaling(ls_array *array, const double *scale, const double *offset);

/*
 * Samples are stored as (channels, …): from then on they have shape (…, channels), turned around as they are converted.
 * Scale and offset keep belonging to the stored elements. LS_ERR_SHAPE unless samples have two axes or more.
 */
ls_status ls_array_channels_first(ls_array *array);

/* Turn integer labels of shape () or (1) into one-hot rows of `classes`: from then on samples have shape (classes). */
ls_status ls_array_one_hot(ls_array *array, uint64_t classes);
/*
 * Are all values labels? LS_ERR_DATA naming the first sample that is no integer in [0, classes); values that are not
 * read yet are checked when they are.
 */
ls_status ls_array_check_labels(ls_array *array, uint64_t classes);
/* What a loss can be meant to take as targets. */
typedef enum ls_targets {
    LS_TARGETS_ANY,
    LS_TARGETS_SHARES, /* in [0, 1], as probabilities and shares of classes are */
    LS_TARGETS_SIGNS,  /* -1 to 1 */
    LS_TARGETS_COUNTS, /* 0 or more */
} ls_targets;

/*
 * Are all values such targets? As ls_array_check_labels: LS_ERR_DATA naming the first that is not, and what to do.
 */
ls_status ls_array_check_targets(ls_array *array, ls_targets targets);
/*
 * Are all values rows of a table? As ls_array_check_labels; one-hot rows always are. Keras cuts fractions off, but
 * what has some was not meant as an index.
 */
ls_status ls_array_check_rows(ls_array *array, uint64_t rows);

/* The dataset's `classes` attribute: names, or NULL with *n = 0. Borrowed. */
const char *const *ls_array_classes(const ls_array *array, size_t *n);

#endif
