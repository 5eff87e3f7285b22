/*
 * Arrays of NumPy: files FILE.npy and members of archives FILE.npz (numpy.lib.format, versions 1.0, 2.0 and 3.0).
 * Samples are read in pieces, so an array may be larger than memory; see ls_npy_open for the one exception.
 *
 *     "\x93NUMPY" major minor  length (16 or 32 bits, little-endian)  "{'descr': '<f4', 'fortran_order': False, …}"
 * values
 */
#ifndef LS_DATA_NPY_H
#define LS_DATA_NPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "tensor/shape.h"

typedef struct ls_npy_info {
    char kind;          /* 'i' signed, 'u' unsigned, 'f' floating-point, 'b' bool: one byte, 0 or 1 */
    size_t value_bytes; /* 1, 2, 4 or 8 */
    bool big_endian;
    bool fortran_order; /* the first axis is the fastest */
    uint64_t samples;   /* length of the first axis */
    ls_shape shape;     /* of one sample */
} ls_npy_info;

/*
 * What a header says, the text behind the length. name: for messages. LS_ERR_FORMAT: not what NumPy writes.
 * LS_ERR_DATA: values that no dataset can hold (objects, records, strings, complex numbers, dates), or no samples.
 */
ls_status ls_npy_parse(const char *header, size_t bytes, const char *name, ls_npy_info *out);

typedef struct ls_npy ls_npy;

/*
 * member: of an archive, "x" for x.npy; NULL: `path` is an .npy file. The header must fit the length of the file. An
 * array in Fortran order inside an archive is held in memory, since archives can only be read from begin to end.
 */
ls_status ls_npy_open(const char *path, const char *member, ls_npy **out);
void ls_npy_close(ls_npy *npy);

const ls_npy_info *ls_npy_get_info(const ls_npy *npy);
const char *ls_npy_name(const ls_npy *npy); /* "FILE.npz:x", for messages */

/*
 * The next n samples in C order, values as in the file. Of an archive, the checksum has been compared when the last
 * sample was read.
 */
ls_status ls_npy_read(ls_npy *npy, uint64_t n, void *out);

/* What stands before the values of a little-endian float32 array in C order. */
void ls_npy_write_header(uint64_t samples, const ls_shape *shape, ls_text *out);

#endif
