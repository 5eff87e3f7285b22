/* Opening HDF5 files for reading. */
#ifndef LS_H5_OPEN_H
#define LS_H5_OPEN_H

#include <hdf5.h>

#include "base/error.h"

/*
 * Between ls_h5_lock_take and _release. LS_ERR_IO: there is no such file, it is no regular one (a pipe would never
 * end), it may not be read, or another program is writing it. LS_ERR_FORMAT: it is no HDF5 file, which says what it is
 * instead, or it is damaged.
 */
ls_status ls_h5_open_file(const char *path, hid_t *file);

/* LS_ERR_FORMAT if a heap of texts in these bytes of a file is one that HDF5 would read for ever. */
ls_status ls_h5_check_heaps(const void *bytes, size_t n, const char *name);

/*
 * LS_ERR_FORMAT if a heap is so anywhere in the file in which this object lies: for before texts of variable length are
 * read from it. Only these lie in heaps, so that a file of data, which has none, need not be read from end to end to be
 * opened.
 */
ls_status ls_h5_check_heaps_around(hid_t object);

#endif
