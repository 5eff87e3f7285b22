/*
 * How the data that a model was trained on were made ready, kept in its file: so that new data can be made ready in the
 * same way, data that were not are refused, and predictions have the names and units of the targets.
 *
 *     /preprocessing          what import csv fitted to the training rows, as in their dataset file
 *     /prepared/x/0, …        @name of the model's input, @array of the dataset file; scale, offset
 *     /prepared/y/0, …        the same of its outputs; @classes
 *
 * Whatever there is none of is left out, and so is what HDF5 cannot hold in an attribute: categories of more than 60
 * KiB.
 */
#ifndef LS_RUN_PREPARATION_H
#define LS_RUN_PREPARATION_H

#include "data/preprocessing.h"
#include "train/task.h"

typedef struct ls_prepared {
    char *name, *array; /* "dense_1"; "y" */
    char **class_name;
    size_t classes;
    double *scale, *offset; /* (period) stored values became (value - offset) * scale; NULL: stayed as they were */
    size_t period;
} ls_prepared;

typedef struct ls_preparation {
    ls_prepared *x, *y; /* by the model's inputs and outputs; those without targets are not in it */
    size_t xs, ys;
    bool of_table; /* preprocessing is what import csv fitted */
    ls_preprocessing preprocessing;
} ls_preparation;

/* Rank 0, between ls_h5_lock_take and _release: into a model file in memory. */
ls_status ls_preparation_put(hid_t file, const ls_task *task);

/* Of a model file; empty if it has none. *out is {0} before and is to be reset, also after a failure. */
ls_status ls_preparation_read(const char *path, ls_preparation *out);
void ls_preparation_reset(ls_preparation *p);

/* The targets of this output; NULL: nothing is known of them. */
const ls_prepared *ls_preparation_output(const ls_preparation *p, const char *name);

/*
 * LS_ERR_MISMATCH, saying what to do, if a split was made ready in another way than the training data: a table that
 * import csv has fitted anew, or classes that are others or in another order.
 */
ls_status ls_preparation_check(const ls_preparation *p, const ls_task *task, const ls_split_spec *spec);

#endif
