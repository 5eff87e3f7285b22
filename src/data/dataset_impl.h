/*
 * What dataset.c (using arrays), dataset_open.c and dataset_attributes.c (what an HDF5 file says of them),
 * dataset_reader.c and dataset_read.c (their values), dataset_identity.c and feed.c (values that do not fit into
 * memory) share.
 */
#ifndef LS_DATA_DATASET_IMPL_H
#define LS_DATA_DATASET_IMPL_H

#include <hdf5.h>

#include "data/dataset.h"
#include "h5/links.h"
#include "h5/lock.h"
#include "lockstep/data.h"

#define LS_GAPS_MAX 16

struct ls_array {
    char *path;           /* "file.h5:/train/x" */
    char *file, *dataset; /* the two apart; NULL: the values are the calling program's */
    ls_type kind;
    size_t value_bytes;
    uint64_t samples;
    uint64_t first_row; /* of the dataset: what messages count from */
    ls_shape stored;    /* of one sample, as in the file */
    ls_shape shape;     /* as ls_array_get gives it: differs after ls_array_one_hot or ls_array_channels_first */
    size_t elements;    /* of one stored sample */
    void *values;       /* (samples, stored); NULL: not read */
    bool owns_values;   /* they are on the heap, not a sharing's or the program's */
    uint64_t hash;      /* of the values and what they mean; 0: not computed yet */
    uint64_t identity;  /* of ls_array_identify */

    ls_h5_rules rules;       /* what was allowed when it was described */
    ls_h5_files files;       /* that its values are read from, as they were then; the first is `file` */
    uint64_t link_hash;      /* of the links on the way and the sources, as the files name them; 0: none */
    bool is_bits;            /* HDF5 calls its bytes bit fields: flags of PyTables */
    double gap[LS_GAPS_MAX]; /* stored values of _FillValue and missing_value: they mean that there is none */
    size_t gaps;
    double valid[2]; /* the smallest and the largest stored value that valid_range, valid_min and valid_max allow */

    uint64_t chunk_rows;    /* of the HDF5 dataset; 0: it is not chunked */
    uint64_t chunk_bytes;   /* of one such chunk in memory */
    uint64_t storage_bytes; /* that the whole dataset takes in the file */

    /* Per element j of a sample: (value - offset[j % period]) * scale[j % period]. period 1: the same for all. */
    double *scale, *offset;
    size_t period;
    bool scaled; /* false: scale is 1 and offset 0 */

    uint64_t one_hot;       /* classes; 0: values as they are */
    uint64_t label_classes; /* values must be integers below this; 0: they may be anything */
    uint64_t table_rows;    /* values must be rows of a table of so many; 0: likewise */
    ls_targets targets;     /* what the values must be as targets */
    bool channels_first;    /* stored (channels, …), given (…, channels) */
    char **classes;
    size_t class_count;
};

/* An HDF5 dataset that is open for reading. */
typedef struct ls_array_source {
    const char *name;                /* "file.h5:/train/x", borrowed, for messages */
    hid_t file, object, type, space; /* < 0: not open */
    ls_h5_target target;             /* at the end of all links */
    int axes;                        /* of the dataset, samples included */
    hsize_t dim[H5S_MAX_RANK];

} ls_array_source;

/*
 * Between ls_h5_lock_take and _release, all four; _close also after a failed _open. The files that the values are in
 * are added to files.
 */
ls_status ls_array_source_open(const ls_array *array, ls_h5_files *files, ls_array_source *out);
void ls_array_source_close(ls_array_source *source);
/* Fill scale, offset and period; classes and class_count. `dataset` is open, array->stored and elements are known. */
ls_status ls_array_read_scaling(ls_array *array, hid_t dataset);
ls_status ls_array_read_classes(ls_array *array, hid_t dataset);

/*
 * Reads samples of an array and checks them: finite as float32, labels if they are to be some. For one thread at a
 * time; takes turns with all other users of HDF5.
 */
typedef struct ls_array_reader {
    const ls_array *array; /* borrowed */
    ls_array_source source;
    uint64_t piece; /* rows read at a time, multiples of it counted from the dataset's first row */
    float *sample;  /* scratch */
} ls_array_reader;

/* Rows read at a time: a few MB, whole chunks. */
uint64_t ls_array_piece_rows(const ls_array *array);
ls_status ls_array_reader_open(const ls_array *array, ls_array_reader **out);
void ls_array_reader_close(ls_array_reader *reader);
/* Samples [first, first + n) into values. */
ls_status ls_array_reader_read(ls_array_reader *reader, uint64_t first, uint64_t n, void *values);

/*
 * Samples [first, first + n), which stand in values: labels and rows of a table if they are to be some. LS_ERR_DATA
 * naming the first wrong one.
 */
ls_status ls_array_check_values(const ls_array *array, const void *values, uint64_t first, uint64_t n);
/* Every value is finite as float32, which is how training will see it; LS_ERR_DATA. sample: scratch, [elements]. */
ls_status ls_array_check_finite(const ls_array *array, uint64_t first, uint64_t n, const void *values, float *sample);
/* A stored sample of an array that is in memory. */
const void *ls_array_sample_at(const ls_array *array, uint64_t index);
/* Value j of a stored sample as it is stored. */
double ls_array_stored(const ls_array *array, const void *sample, size_t j);
/* One stored sample as float32. */
void ls_array_convert(const ls_array *array, const void *sample, float *out);

#endif
