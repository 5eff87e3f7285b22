/*
 * From the columns of a table to the arrays of a dataset: what is done to each column, fitted on the training rows,
 * kept in the dataset file and applied to other files.
 *
 *     numbers ──────────────────────────────────────────────────────────────┐
 *     texts ──► categories ─┬─► label: its number ──────────────────────────┤
 *                           ├─► one-hot: 0 … 1 … 0 ─────────────────────────┼──► array
 *                           └─► target: a mean of another column, the target┘
 *
 * An array has the features of its columns side by side, scaled as (feature - offset) * scale when a batch is
 * assembled.
 *
 * The numbers are those of scikit-learn: SimpleImputer (missing: mean), OrdinalEncoder and LabelEncoder, OneHotEncoder,
 * TargetEncoder (fit on the training rows, then transform; smooth="auto"), StandardScaler, MinMaxScaler.
 */
#ifndef LS_DATA_PREPROCESSING_H
#define LS_DATA_PREPROCESSING_H

#include <hdf5.h>

#include "tensor/shape.h"

/* What the values of a column are. ANY: decided by all its values in the first file. */
typedef enum ls_column_type { LS_COLUMN_ANY, LS_COLUMN_NUMBER, LS_COLUMN_CATEGORY } ls_column_type;
typedef enum ls_encoding { LS_ENCODING_NONE, LS_ENCODING_LABEL, LS_ENCODING_ONE_HOT, LS_ENCODING_TARGET } ls_encoding;
typedef enum ls_missing { LS_MISSING_ERROR, LS_MISSING_DROP, LS_MISSING_MEAN, LS_MISSING_FILL } ls_missing;
typedef enum ls_scaling { LS_SCALING_NONE, LS_SCALING_STANDARD, LS_SCALING_MINMAX } ls_scaling;

/* Names of the enums' values in files and on the command line; NULL-terminated, in the order of the enums. */
extern const char *const ls_column_type_names[];
extern const char *const ls_encoding_names[];
extern const char *const ls_missing_names[];
extern const char *const ls_scaling_names[];
/* The value of an enum by its name, or -1. */
int ls_name_index(const char *name, const char *const *names);

#define LS_UNKNOWN_CATEGORY (-1.0) /* of a row whose category the training rows do not have */
#define LS_CATEGORIES_MAX ((size_t)1000000)
#define LS_CATEGORY_BYTES_MAX ((size_t)1024) /* of one name: longer texts are no categories */

typedef struct ls_prep_column {
    char *name;
    bool used; /* by an array; others serve to stratify or as a target */
    ls_column_type type;
    ls_encoding encoding; /* of categories; NONE of numbers */
    ls_missing missing;
    char *fill;    /* MISSING_FILL: the text that stands in for a missing value */
    double mean;   /* MISSING_MEAN: of the training rows */
    size_t target; /* ENCODING_TARGET, while it is fitted: a column */
    size_t width;  /* features that the column becomes */

    char **category; /* names by number */
    size_t categories;
    double *encoded; /* TARGET: (categories, width) */
    double *unknown; /* TARGET: (width), for a category that is none of them */
} ls_prep_column;

typedef struct ls_prep_array {
    char *name;
    size_t *column; /* in the order of their features */
    size_t columns;
    ls_shape shape; /* of a sample; given or (elements) */
    bool shaped;    /* shape was given */
    ls_scaling scaling;
    size_t elements;
    double *offset, *scale; /* (elements); NULL: not scaled */
} ls_prep_array;

/* How the text files were written. Owned. */
typedef struct ls_prep_format {
    char delimiter;
    char decimal; /* before fractions: '.' or ',' */
    bool header;  /* the first row has the names of the columns */
    char **na;    /* texts that mean a missing value, as the empty text does */
    size_t nas;
} ls_prep_format;

typedef struct ls_preprocessing {
    ls_prep_column *column;
    size_t columns;
    ls_prep_array *array;
    size_t arrays;
    ls_prep_format format;
    bool ignores_unknown; /* categories that the training rows do not have pass, except as labels */
} ls_preprocessing;

/* Append an empty one, whose index or address is given. name is copied. */
ls_status ls_preprocessing_add_column(ls_preprocessing *p, const char *name, size_t *index);
ls_status ls_preprocessing_add_array(ls_preprocessing *p, const char *name, ls_prep_array **array);
ls_status ls_prep_array_add_column(ls_prep_array *array, size_t column);
/* Drop the arrays that are not to be kept, (arrays) flags, and then the columns that no array uses. */
ls_status ls_preprocessing_keep(ls_preprocessing *p, const bool *array);
/* Texts that mean a missing value, in the place of those there are; copied. */
ls_status ls_preprocessing_set_na(ls_preprocessing *p, const char *const *na, size_t n);
void ls_preprocessing_reset(ls_preprocessing *p);

/* Sums of widths, and shapes that fit them. All columns have their type, encoding and width. */
ls_status ls_preprocessing_set_shapes(ls_preprocessing *p);

/* The features of one value: a number, or the number of a category. */
void ls_prep_features(const ls_prep_column *column, double value, double *out);

/* ---- fitting and using, on columns of values; see table.h ---- */

struct ls_table;
/*
 * Fit to these rows of the table: types, categories, means, target encodings, widths, shapes, scalings. The columns of
 * the table are those of p. Afterwards the table is bound as by ls_preprocessing_bind, which see for ignore_unknown.
 */
ls_status ls_preprocessing_fit(ls_preprocessing *p, struct ls_table *table, const size_t *row, size_t rows,
                               bool ignore_unknown);
/*
 * Replace missing values and turn categories into their numbers in p. A category that is not in p is an error naming
 * file and line; or with ignore_unknown LS_UNKNOWN_CATEGORY, which one-hot encodes as zeros and target encoding as the
 * mean of the target, while it remains an error for labels.
 */
ls_status ls_preprocessing_bind(const ls_preprocessing *p, struct ls_table *table, bool ignore_unknown);

/* ---- in a dataset file: the group /preprocessing ---- */

ls_status ls_preprocessing_write(const ls_preprocessing *p, hid_t file, const char *path);
/* Everything in the file is checked; *p must be empty. */
ls_status ls_preprocessing_read(const char *path, ls_preprocessing *p);
/* Does the file have such a group? */
bool ls_preprocessing_is_in(const char *path);
/* What an attribute of the group takes at most, in bytes: HDF5's older formats hold 64 KiB. */
size_t ls_preprocessing_widest(const ls_preprocessing *p);

#endif
