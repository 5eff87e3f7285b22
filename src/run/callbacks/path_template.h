/*
 * File names with Python's str.format fields: "weights.{epoch:02d}-{val_loss:.4f}.h5". Of the format specification:
 * [[fill]align][sign][0][width][.precision][type] with d for epoch and batch, and e E f F g G % for the others.
 */
#ifndef LS_RUN_CALLBACKS_PATH_TEMPLATE_H
#define LS_RUN_CALLBACKS_PATH_TEMPLATE_H

#include "run/callback.h"

typedef struct ls_path_values {
    uint64_t epoch, batch; /* from 1; batch 0: the template may not name it */
    const ls_log *log;
    size_t logs;
} ls_path_values;

/* Appends to out. LS_ERR_CONFIG (without a position) names the field that is unknown or the text that is malformed. */
ls_status ls_path_format(const char *path_template, const ls_path_values *values, ls_text *out);

#endif
