/*
 * TensorFlow's record files (TFRecord): what event files are made of. Little-endian, records one after another:
 *
 *     uint64 length; uint32 mask(crc32c(the 8 bytes of length)); byte data[length]; uint32 mask(crc32c(data))
 *
 *     mask(c) = (c >> 15 | c << 17) + 0xa282ead8 mod 2^32
 *
 * so that a checksum over data that holds checksums stays a good one. Source: TensorFlow, tensorflow/core/lib/io/
 * record_writer.h and tensorflow/core/lib/hash/crc32c.h; CRC-32C (Castagnoli): RFC 3720, section 12.1 and appendix B.4.
 */
#ifndef LS_FORMATS_TFRECORD_H
#define LS_FORMATS_TFRECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

uint32_t ls_crc32c(const void *bytes, size_t n);

/* Append a record. A failure is kept in out->status. */
void ls_tfrecord_add(ls_text *out, const void *data, size_t n);

/*
 * The data of the next record of a file open for reading, in place of what `data` held. *end: there is none, or none
 * whole: a process that was killed may leave half a record at the end of its file.
 */
ls_status ls_tfrecord_read(FILE *file, ls_text *data, bool *end);

#endif
