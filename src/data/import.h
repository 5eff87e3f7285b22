/* Making dataset files from what people have. Not collective: one rank calls. */
#ifndef LS_DATA_IMPORT_H
#define LS_DATA_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

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

/* One array of NumPy and what becomes of it. */
typedef struct ls_npy_source {
    const char *split, *array;
    const char *file;    /* FILE.npy, or FILE.npz with */
    const char *member;  /* "x" for x.npy in it; NULL: an .npy file */
    bool channels_first; /* samples are (channels, …) and become (…, channels) */
    double scale;        /* stored as the attribute scale; NAN: none */
} ls_npy_source;

/*
 * NumPy's arrays to FILE.h5 with /SPLIT/ARRAY, in their own type and bit for bit; bool becomes uint8, float16 float32,
 * which holds every float16. The arrays of a split must have equally many samples. Values are copied in pieces. NaN and
 * Inf are copied too: whoever reads the dataset names file, dataset and sample. Failures: as ls_import_idx.
 */
ls_status ls_import_npy(const ls_npy_source *source, size_t sources, const char *output, int deflate);

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
    ls_settings types;   /* COLUMNS = "number" or "category"; default: by all values */
    ls_settings encodes; /* COLUMNS = "label" (default), "onehot" or "target:COLUMN" */
    ls_settings missing; /* COLUMNS, or NULL for all = "error" (default), "drop", "mean" or "fill:VALUE" */
    const char *like; /* a dataset file: columns, arrays and what was fitted are taken from there; NULL: fitted here */
    bool keep_rows;   /* with like: a missing value is an error where rows with one were dropped, for each row counts */
    bool ignore_unknown; /* let categories pass that the training rows do not have, except as labels; also in files that
                            are later imported like this one */

    char delimiter;        /* 0: a comma, or that of like */
    char decimal;          /* '.' or ',' before fractions; 0: a point, or that of like */
    bool no_header;        /* false: there is one, unless the files of like had none */
    const char *const *na; /* texts that mean a missing value, as the empty text does; none: those of like */
    size_t nas;
    const char *output;
    int deflate; /* 0…9 */
} ls_csv_import;

/*
 * *dropped: rows left out for a missing value. Numbers are stored as they are in the file: whole ones up to 64 bits in
 * the narrowest integer type, others as float32, or float64 if they are scaled; scaling is in the attributes offset and
 * scale, which are applied when a batch is assembled. An array of one label-encoded column has the attribute classes.
 * Failures, and what becomes of an existing file: as ls_import_idx; faults of the data name file and line.
 */
ls_status ls_import_csv(const ls_csv_import *import, uint64_t *dropped);

/* PNG and JPEG files in folders of classes, ROOT/CLASS/NAME.png; see data/image_list.h and data/image.h. */
typedef struct ls_images_import {
    const char *input;    /* a root to be split; NULL: every split has its own */
    ls_settings splits;   /* name = fraction of the images, as "0.7", all adding up to 1; or a root if input is NULL */
    bool stratify;        /* every split has equal shares of each class */
    uint64_t seed;        /* of the images' random order, which depends on (seed, place in the list) alone */
    bool shuffle;         /* images stand in random order in their splits, not by class and name */
    size_t channels;      /* 1 or 3; 0: those of the first image, and all must have them */
    size_t height, width; /* to resize to; 0: those of the first image, and all must have them */
    const char *const *class; /* the classes there are, sorted; NULL: the folders of the training images */
    size_t classes;
    bool flat;         /* input itself holds the images, which have no classes: x alone is written */
    bool skip_damaged; /* leave out the files that are damaged or no images by what they hold */
    const char *output;
    int deflate; /* 0…9 */
} ls_images_import;

/* What there is to say of the files. Starts as {0}. */
typedef struct ls_images_report {
    uint64_t left_out; /* not called like images */
    uint64_t bad;      /* images that cannot be imported, if that is the failure */
    ls_text bad_lines; /* a line for each of the first of them, by class and name, and how many more */
    uint64_t skipped;  /* with skip_damaged */
    ls_text skipped_lines;
    uint64_t flawed; /* imported, with all their pixels, though not quite what a JPEG should be */
    ls_text flaw;    /* of the first of them: "PATH: libjpeg: …" */
    ls_text names;   /* with flat or class: of the images in the order they have in the file, a zero byte after each */
} ls_images_report;

void ls_images_report_reset(ls_images_report *report);

/*
 * To FILE.h5 with /SPLIT/x, uint8 (height, width, channels) with scale = 1/255, and /SPLIT/y, the number of the class,
 * with the attribute classes. The classes are those of the split "train", or of the first one; each must have an image
 * left. What was skipped stands in /skipped: image, its path below the folder, and reason. The same folders give the
 * same bytes. Memory: one image, and the names of all. Failures: as ls_import_idx; one that is about images looks at
 * all of them first, for the report, which is to be reset in any case.
 */
ls_status ls_import_images(const ls_images_import *import, ls_images_report *report);

/*
 * The binary version of CIFAR-10 as its authors publish it: in `folder` data_batch_1.bin to data_batch_5.bin and
 * test_batch.bin, records of a label and 3 planes of 32 x 32 bytes, and batches.meta.txt with the names of the classes.
 * To FILE.h5 with /train and /test: x, uint8 (32, 32, 3) with scale = 1/255, and y with classes. Failures: as
 * ls_import_idx.
 */
ls_status ls_import_cifar10(const char *folder, const char *output, int deflate);

#endif
