/*
 * What computed the weights of a model file, as far as bits depend on it: the portable arithmetic and its revision, or
 * OpenBLAS's kernel family and the version of lockstep.
 */
#ifndef LS_RUN_MAKER_H
#define LS_RUN_MAKER_H

#include "h5/file.h"
#include "tensor/arithmetic.h"

/* Into the file's group of lockstep. */
ls_status ls_maker_put(hid_t file, ls_arithmetic arithmetic);

/* LS_ERR_MISMATCH if a run with this arithmetic would go on with other bits than the run that wrote the file. */
ls_status ls_maker_check(hid_t file, const char *path, ls_arithmetic ours);

#endif
