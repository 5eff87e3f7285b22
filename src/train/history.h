/* The history of a run: one row per epoch, Keras's column names, and its CSV file. */
#ifndef LS_TRAIN_HISTORY_H
#define LS_TRAIN_HISTORY_H

#include "base/text.h"
#include "lockstep/estimator.h"
#include "train/scores.h"

struct ls_history {
    char **name;     /* [columns] sorted, without "epoch" */
    double *value;   /* [epochs x columns] NAN: not available */
    uint64_t *epoch; /* [epochs] from 0 */
    size_t columns, epochs, capacity;
    uint64_t digest; /* of all rows */
};

ls_status ls_history_create(ls_history **out);
void ls_history_free(ls_history *history);

/* Columns are fixed by the first row; until there are any, by this call. names need not be sorted. */
ls_status ls_history_set_columns(ls_history *history, const char *const *names, size_t n);
/* Adds those of n columns that an empty history lacks. */
ls_status ls_history_add_columns(ls_history *history, const char *const *names, size_t n);
/* Add a row; logs whose name has no column are dropped, columns without a log get NAN. */
ls_status ls_history_add(ls_history *history, uint64_t epoch, const ls_log *logs, size_t n);

/* value [columns]: in their order. */
ls_status ls_history_add_row(ls_history *history, uint64_t epoch, const double *value);

/*
 * Puts the first n rows of a file that ls_history_csv wrote before those that are there. LS_ERR_DATA unless the digest
 * of all is then this one; the history is as it was.
 */
ls_status ls_history_prepend(ls_history *history, const char *path, uint64_t n, uint64_t digest);

/* A number as Python's repr writes it: the shortest text that reads back the same, always with a point or an exponent
 * (or inf, nan). */
#define LS_PYTHON_FLOAT_BYTES 40
void ls_python_float(double value, char out[LS_PYTHON_FLOAT_BYTES]);

/*
 * Keras's CSVLogger: "epoch,loss,…\r\n", numbers as Python prints them, NA where not available. The rows from `first`
 * on; from 0 on with the line of names.
 */
ls_status ls_history_csv(const ls_history *history, size_t first, ls_text *out);

#endif
