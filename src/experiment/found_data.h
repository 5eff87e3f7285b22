/* What a dataset file has of splits by itself: /train/x, /train/y and so on, when an experiment names no arrays. */
#ifndef LS_EXPERIMENT_FOUND_DATA_H
#define LS_EXPERIMENT_FOUND_DATA_H

#include <hdf5.h>

#include "base/config.h"

/*
 * `what` ("x", "y") of a split: /SPLIT/WHAT, or /SPLIT/WHAT/NAME for the input or output of that name. names: of the
 * latter (ls_h5_free_texts); none, and *found: it is the former.
 */
ls_status ls_found_arrays(hid_t file, const char *split, const char *what, bool *found, char ***names, size_t *n);

/*
 * What is called like `what` ("x": also images, features, …; "y": labels, targets, …) and has `split` as a word in its
 * path, as in /x_train; split NULL: in any. *path: the caller's (ls_free); NULL: there is none.
 */
ls_status ls_guess_array(hid_t file, const char *split, const char *what, char **path);

/*
 * In the tree of an experiment whose `data` names a file and no split, write what the file has of train, of valid or
 * validation, and of test; and fit.validation_data, unless fit says itself what it validates on. base: the file to
 * which paths are relative; NULL: none. LS_ERR_CONFIG, with the line as it should read, if there is no /train/x.
 */
ls_status ls_find_data(ls_config *root, const char *base);

#endif
