/* Rows of a CSV file, or images of a folder, that a trained model is to see: made ready as its training data were. */
#ifndef LS_CLI_NEW_ROWS_H
#define LS_CLI_NEW_ROWS_H

#include <stdbool.h>

#include "base/text.h"
#include "run/preparation.h"

/* Is this the name of a table and not of a dataset file? */
bool ls_is_table(const char *path);

/*
 * A dataset file of the calling process's own, in the folder for temporary files: /new/ARRAY for every array of the
 * model's inputs and, with targets, of its outputs; all rows in their order. model: the file that p was read from.
 * *out: the caller's, who removes the file. LS_ERR_DATA naming line and column of a row that does not fit.
 */
ls_status ls_new_rows_import(const char *model, const ls_preparation *p, const char *table, bool targets, char **out);

/*
 * A dataset file of new images, in folders of the model's classes or in the folder itself: /new/x, in the size and
 * colours that the model takes, and with classes /new/y. shape: of the model's input. *names: as ls_images_report has
 * them. *has_y: there are classes.
 */
ls_status ls_new_images_import(const char *model, const ls_preparation *p, const ls_shape *shape, const char *folder,
                               char **out, ls_text *names, bool *has_y);

#endif
