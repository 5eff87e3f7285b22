/* Making dataset files from what people have. Not collective: one rank calls. */
#ifndef LS_DATA_IMPORT_H
#define LS_DATA_IMPORT_H

#include <stdbool.h>
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

/* One option of the form KEY=VALUE. */
typedef struct ls_setting {
    const char *key, *value;
} ls_setting;

typedef struct ls_settings {
    const ls_setting *at;
    size_t n;
} ls_settings;

/*
 * CSV files to FILE.h5 with /SPLIT/ARRAY for every split and array, and /preprocessing with what was fitted (see
 * data/preprocessing.h). A column goes by its name in the header, or by its number from 1 where there is none. COLUMNS
 * is a list of them, as "length,width,p0:p63", where A:B means all from A to B; a name with a comma or colon is quoted
 * with ".
 *
 * Everything is fitted on the split "train" alone, or on the first one if none has that name.
 */
typedef struct ls_csv_import {
    const char *input;    /* a file to be split; NULL: every split has its own */
    ls_settings splits;   /* name = fraction of the rows, as "0.7", all adding up to 1; or a file if input is NULL */
    const char *stratify; /* column whose values every split has in equal shares; NULL: none */
    uint64_t seed;        /* of the rows' random order, which depends on (seed, row) alone */
    bool in_order;        /* splits are consecutive rows of the file instead of random ones */
    bool shuffle;         /* rows stand in random order in their splits, not in that of the file */

    ls_settings arrays;  /* name = COLUMNS; with like: names of those wanted, value NULL; none: all */
    ls_settings shapes;  /* array = "8,8": the shape of a sample; default: (number of features) */
    ls_settings scales;  /* array = "standard" or "minmax" */
    ls_settings types;   /* COLUMNS = "number" or "category"; default: by the first value */
    ls_settings encodes; /* COLUMNS = "label" (default), "onehot" or "target:COLUMN" */
    ls_settings missing; /* COLUMNS, or NULL for all = "error" (default), "drop", "mean" or "fill:VALUE" */
    const char *like; /* a dataset file: columns, arrays and what was fitted are taken from there; NULL: fitted here */
    bool ignore_unknown; /* let categories pass that the training rows do not have, except as labels */

    char delimiter;        /* 0: a comma, or that of like */
    bool no_header;        /* false: there is one, unless the files of like had none */
    const char *const *na; /* texts that mean a missing value, as the empty text does; none: those of like */
    size_t nas;
    const char *output;
    int deflate; /* 0…9 */
} ls_csv_import;

/*
 * *dropped: rows left out for a missing value. Numbers are stored as they are in the file: whole ones in the narrowest
 * integer type, others as float32, or float64 if they are scaled; scaling is in the attributes offset and scale, which
 * are applied when a batch is assembled. An array of one label-encoded column has the attribute classes. Failures, and
 * what becomes of an existing file: as ls_import_idx; faults of the data name file and line.
 */
ls_status ls_import_csv(const ls_csv_import *import, uint64_t *dropped);

#endif
