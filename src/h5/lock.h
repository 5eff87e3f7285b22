/*
 * The lock of HDF5, and its reasons in one line.
 *
 * HDF5 is not safe with threads as most people build it, and datasets that do not fit into memory are read by a thread
 * of their own (data/feed.h): every use of HDF5 stands between ls_h5_lock_take and _release, also that of its constants
 * (H5T_NATIVE_FLOAT is a call).
 */
#ifndef LS_H5_LOCK_H
#define LS_H5_LOCK_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#define LS_H5_REASON_BYTES 256

/* How HDF5 printed errors before. */
typedef struct ls_h5_lock {
    H5E_auto2_t print;
    void *data;
} ls_h5_lock;

/* HDF5 prints nothing between _take and _release, and no other thread gets past _take. Pairs may nest. */
void ls_h5_lock_take(ls_h5_lock *lock);
void ls_h5_lock_release(const ls_h5_lock *lock);

/*
 * A program that closes its files itself, before any other use of HDF5: at exit HDF5 would write once more what it
 * could not write before, a full disk, say, and crash over what is left of that.
 */
void ls_h5_end_by_ourselves(void);

/*
 * What HDF5 says of the last failed call: the innermost entry of its error stack, "no reason given" if there is none.
 */
const char *ls_h5_reason(char out[LS_H5_REASON_BYTES]);

/*
 * Does a dataset declare far more than was ever written of it? HDF5 makes up the rest, so that a file of 2 KB may be
 * terabytes of zeros. Deflate packs 1032 : 1 at best, newer filters a hundred times as much.
 */
bool ls_h5_is_hollow(double declared_bytes, uint64_t stored_bytes);

/* What a dataset or attribute of this type holds, in the plural: "strings". For messages about unfit types. */
const char *ls_h5_class_name(hid_t type);

#endif
