/* Zip archives (libzip) of a few members: Keras's .keras, NumPy's .npz. */
#ifndef LS_BASE_ZIP_H
#define LS_BASE_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_zip_member {
    const char *name; /* "config.json" */
    const void *data;
    size_t bytes;
} ls_zip_member;

/*
 * Replace the file at path by an archive of these members, stored uncompressed, as ls_file_replace does: afterwards the
 * old file is there or the new one. The same members give the same bytes: no times.
 */
ls_status ls_zip_save(const char *path, const ls_zip_member *members, size_t n);

typedef struct ls_zip ls_zip;

/* Open an archive for reading. LS_ERR_IO: it cannot be opened. LS_ERR_FORMAT: it is no zip archive, or a damaged one.
 */
ls_status ls_zip_open(const char *path, ls_zip **out);
void ls_zip_close(ls_zip *zip);

/* The names of the members, in the order of the archive; borrowed until it is closed. */
size_t ls_zip_members(const ls_zip *zip);
const char *ls_zip_name(const ls_zip *zip, size_t i);

/*
 * One member into memory of its own (ls_free), with a zero byte after its end that does not count; its checksum is
 * verified. LS_ERR_FORMAT: no such member, or damaged. LS_ERR_DATA: more than `most` bytes when unpacked.
 */
ls_status ls_zip_read(ls_zip *zip, const char *member, size_t most, void **data, size_t *bytes);

/* A member that is read piece by piece, from its begin to its end. zip must stay open. */
typedef struct ls_zip_stream ls_zip_stream;

/* *bytes: when unpacked, as the archive says. LS_ERR_FORMAT: no such member, or one that cannot be read. */
ls_status ls_zip_stream_open(ls_zip *zip, const char *member, ls_zip_stream **out, uint64_t *bytes);
/* Read exactly n bytes; LS_ERR_FORMAT if there are fewer. */
ls_status ls_zip_stream_read(ls_zip_stream *stream, void *out, size_t n);
/* To be called once the last byte is read: LS_ERR_FORMAT if there is another one, or if the checksum is wrong. */
ls_status ls_zip_stream_end(ls_zip_stream *stream);
void ls_zip_stream_close(ls_zip_stream *stream);

#endif
