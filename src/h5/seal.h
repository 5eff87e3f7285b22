/*
 * The seal of an HDF5 file that lockstep wrote whole: a checksum of all its bytes, looked at before HDF5 looks at any.
 *
 *     image, as HDF5 made it | seal | 4096 zeros | the same seal
 *
 * HDF5 and all that builds on it (h5py, Keras) read as far as the image goes and leave the rest alone; who changes the
 * file with HDF5 cuts the seal off with that. Why it is there: HDF5 believes what it reads, and of damaged structures
 * it may make wrong texts, crashes and loops without end. Why there are two: a lost sector or page takes at most one of
 * them, so that a file that was sealed is known to have been.
 */
#ifndef LS_H5_SEAL_H
#define LS_H5_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define LS_H5_SEAL_BYTES 4224

/* What stands behind an image of n bytes. */
void ls_h5_seal(const void *image, size_t n, unsigned char out[LS_H5_SEAL_BYTES]);

/* LS_ERR_FORMAT if the file is not what was sealed. *sealed: it is; false in a file without a seal, which is no error.
 */
ls_status ls_h5_check_seal(const char *path, bool *sealed);

#endif
