/* Opening HDF5 files for reading. */
#ifndef LS_H5_OPEN_H
#define LS_H5_OPEN_H

#include <hdf5.h>

#include "base/error.h"

/*
 * Between ls_h5_lock_take and _release. LS_ERR_IO: there is no such file, it is no regular one (a pipe would never
 * end), it may not be read, or another program is writing it. LS_ERR_FORMAT: it is no HDF5 file, which says what it is
 * instead, or it is damaged, also in a way on which HDF5 would never come to an end.
 */
ls_status ls_h5_open_file(const char *path, hid_t *file);

/* LS_ERR_FORMAT if a heap of texts in these bytes of a file is one that HDF5 would read for ever. */
ls_status ls_h5_check_heaps(const void *bytes, size_t n, const char *name);

#endif
