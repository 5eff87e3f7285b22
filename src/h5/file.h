/*
 * HDF5 files that are written as a whole: models, checkpoints, predictions.
 *
 *     ls_h5_image_create ─► ls_h5_put_… ─► ls_h5_image_save        ls_h5_open_read ─► ls_h5_get_…
 *     (memory only)                        (one file, atomically)
 *
 * Objects go by their path from the root ("model_weights/dense"; "/" is the root itself), so that callers hold the file
 * and nothing else. The same calls in the same order give the same bytes: no times, no addresses, no names of machines.
 * HDF5's own error printing is off inside all of these; failed reads name the file.
 */
#ifndef LS_H5_FILE_H
#define LS_H5_FILE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LS_H5_AXES_MAX 8

/* ---- files ---- */

/*
 * An empty HDF5 file in memory; nothing of it reaches a disk. Why not write to the disk straight away: HDF5 writes when
 * it likes, and what a full disk then makes of the file and of the library's state is hard to say. An image is either
 * whole or it is not there, and a full disk is an errno of one write(2).
 */
ls_status ls_h5_image_create(hid_t *file);
/*
 * Replace the file at path by the image and its seal (h5/seal.h), as ls_file_replace does: afterwards the old file is
 * there or the new one.
 */
ls_status ls_h5_image_save(hid_t file, const char *path);
/*
 * A copy of the image (ls_free): as it would be saved, for whoever writes it himself, and without its seal, for a file
 * within a file.
 */
ls_status ls_h5_image_sealed(hid_t file, void **image, size_t *bytes);
ls_status ls_h5_image_bytes(hid_t file, void **image, size_t *bytes);

/*
 * Open the file at path for reading. LS_ERR_IO: it cannot be opened. LS_ERR_FORMAT: it is no HDF5 file, or damaged: of
 * a file with a seal every byte is checked first.
 */
ls_status ls_h5_open_read(const char *path, hid_t *file);

/*
 * Open for reading a whole file of n bytes that are copied. name: for messages. Not two of one name at a time, unless
 * they are the same bytes: HDF5 takes them for one file.
 */
ls_status ls_h5_open_image(const void *bytes, size_t n, const char *name, hid_t *file);

/* Close an image or a file opened for reading; H5I_INVALID_HID is accepted. */
void ls_h5_close(hid_t file);

/* ---- writing. Groups on the way to an object are made as needed. ---- */

ls_status ls_h5_put_group(hid_t file, const char *path);

/* Attributes of an object that exists. Texts are variable-length UTF-8. */
ls_status ls_h5_put_text(hid_t file, const char *object, const char *name, const char *text);
ls_status ls_h5_put_texts(hid_t file, const char *object, const char *name, const char *const *texts, size_t n);
ls_status ls_h5_put_int(hid_t file, const char *object, const char *name, int64_t value);
ls_status ls_h5_put_uint(hid_t file, const char *object, const char *name, uint64_t value);
ls_status ls_h5_put_double(hid_t file, const char *object, const char *name, double value);

/* A contiguous dataset of shape dim[axes] (axes 0: a scalar), type H5T_NATIVE_FLOAT or the like. */
ls_status ls_h5_put_array(hid_t file, const char *path, hid_t type, size_t axes, const size_t *dim, const void *data);

/* ---- reading ---- */

bool ls_h5_has(hid_t file, const char *path);
bool ls_h5_is_group(hid_t file, const char *path);
bool ls_h5_has_attribute(hid_t file, const char *object, const char *name);

/*
 * An attribute of an object. LS_ERR_FORMAT if it is missing or of another kind. A text may be of fixed or variable
 * length, a number of any width.
 */
ls_status ls_h5_get_text(hid_t file, const char *object, const char *name, char **text); /* ls_free */
ls_status ls_h5_get_texts(hid_t file, const char *object, const char *name, char ***texts, size_t *n);
void ls_h5_free_texts(char **texts, size_t n);
ls_status ls_h5_get_int(hid_t file, const char *object, const char *name, int64_t *value);
ls_status ls_h5_get_uint(hid_t file, const char *object, const char *name, uint64_t *value);
ls_status ls_h5_get_double(hid_t file, const char *object, const char *name, double *value);

/* What lies in a group, by name in the order of strcmp. Freed by ls_h5_free_texts. */
ls_status ls_h5_get_names(hid_t file, const char *group, char ***names, size_t *n);

ls_status ls_h5_get_shape(hid_t file, const char *path, size_t *axes, size_t dim[LS_H5_AXES_MAX]);
/*
 * All of a dataset, which must have exactly this shape, into data. Integers must be stored as `type` says;
 * floating-point numbers of another precision are rounded.
 */
ls_status ls_h5_get_array(hid_t file, const char *path, hid_t type, size_t axes, const size_t *dim, void *data);

#endif
