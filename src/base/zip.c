#include "base/zip.h"

#include <errno.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

struct ls_zip {
    zip_t *archive;
    char *path;
};

/* --- writing ----------------------------------------------------------------------------------------------------- */

static ls_status fail_making(const char *path, const char *why)
{
    return ls_fail(LS_ERR_IO, "cannot make the archive '%s': %s", path, why);
}

static ls_status add(zip_t *archive, const char *path, const ls_zip_member *member)
{
    zip_source_t *source = zip_source_buffer(archive, member->data, member->bytes, 0);
    zip_int64_t index;

    if (!source)
        return fail_making(path, zip_strerror(archive));
    if ((index = zip_file_add(archive, member->name, source, ZIP_FL_ENC_UTF_8)) < 0) {
        zip_source_free(source);
        return fail_making(path, zip_strerror(archive));
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 0x21, 0)) /* 1980-01-01, the first day there is */
        return fail_making(path, zip_strerror(archive));
    return LS_OK;
}

/* The archive that libzip wrote into `buffer`, to the disk. */
static ls_status save(zip_source_t *buffer, const char *path)
{
    zip_stat_t info;
    void *bytes = NULL;
    ls_status st = LS_OK;

    if (zip_source_stat(buffer, &info) || !(info.valid & ZIP_STAT_SIZE))
        return fail_making(path, "its size is not known");
    if (!(bytes = ls_calloc(info.size + 1, 1, "an archive")))
        return LS_ERR_MEMORY;
    if (zip_source_open(buffer) == 0) {
        if (zip_source_read(buffer, bytes, info.size) != (zip_int64_t)info.size)
            st = fail_making(path, zip_error_strerror(zip_source_error(buffer)));
        zip_source_close(buffer);
    } else {
        st = fail_making(path, zip_error_strerror(zip_source_error(buffer)));
    }
    if (st == LS_OK)
        st = ls_file_replace(path, bytes, info.size);
    ls_free(bytes);
    return st;
}

ls_status ls_zip_save(const char *path, const ls_zip_member *members, size_t n)
{
    zip_error_t error;
    zip_source_t *buffer;
    zip_t *archive;
    ls_status st = LS_OK;

    zip_error_init(&error);
    if (!(buffer = zip_source_buffer_create(NULL, 0, 0, &error)) ||
        !(archive = zip_open_from_source(buffer, ZIP_TRUNCATE, &error))) {
        st = fail_making(path, zip_error_strerror(&error));
        zip_source_free(buffer);
        zip_error_fini(&error);
        return st;
    }
    zip_source_keep(buffer); /* closing the archive gives up its own hold on it */
    for (size_t i = 0; i < n && st == LS_OK; i++)
        st = add(archive, path, &members[i]);
    if (st == LS_OK && zip_close(archive))
        st = fail_making(path, zip_strerror(archive));
    else
        archive = st == LS_OK ? NULL : archive;
    if (archive)
        zip_discard(archive);
    if (st == LS_OK)
        st = save(buffer, path);
    zip_source_free(buffer);
    zip_error_fini(&error);
    return st;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

ls_status ls_zip_open(const char *path, ls_zip **out)
{
    ls_zip *zip = ls_calloc(1, sizeof *zip, "an archive");
    int code = 0;

    *out = NULL;
    if (!zip || !(zip->path = ls_strdup(path))) {
        ls_free(zip);
        return LS_ERR_MEMORY;
    }
    if (!(zip->archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code))) {
        zip_error_t error;
        ls_status st;

        zip_error_init_with_code(&error, code);
        st = ls_fail(code == ZIP_ER_NOENT || code == ZIP_ER_OPEN ? LS_ERR_IO : LS_ERR_FORMAT,
                     "cannot read '%s' as a zip archive: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        ls_zip_close(zip);
        return st;
    }
    *out = zip;
    return LS_OK;
}

void ls_zip_close(ls_zip *zip)
{
    if (!zip)
        return;
    if (zip->archive)
        zip_discard(zip->archive);
    ls_free(zip->path);
    ls_free(zip);
}

size_t ls_zip_members(const ls_zip *zip)
{
    const zip_int64_t n = zip_get_num_entries(zip->archive, 0);

    return n > 0 ? (size_t)n : 0;
}

const char *ls_zip_name(const ls_zip *zip, size_t i)
{
    const char *name = zip_get_name(zip->archive, i, 0);

    return name ? name : "";
}

struct ls_zip_stream {
    zip_file_t *file;
    char *name; /* "'FILE': the member 'NAME'", for messages */
};

ls_status ls_zip_stream_open(ls_zip *zip, const char *member, ls_zip_stream **out, uint64_t *bytes)
{
    ls_text name = {0};
    ls_zip_stream *stream;
    zip_stat_t info;

    *out = NULL;
    if (zip_stat(zip->archive, member, 0, &info) || !(info.valid & ZIP_STAT_SIZE))
        return ls_fail(LS_ERR_FORMAT, "'%s' has no member '%s'", zip->path, member);
    ls_text_add(&name, "'%s': the member '%s'", zip->path, member);
    LS_TRY(name.status);
    if (!(stream = ls_calloc(1, sizeof *stream, "a member of an archive"))) {
        ls_text_reset(&name);
        return LS_ERR_MEMORY;
    }
    stream->name = name.data;
    if (!(stream->file = zip_fopen(zip->archive, member, 0))) {
        ls_fail(LS_ERR_FORMAT, "%s cannot be read: %s", stream->name, zip_strerror(zip->archive));
        ls_zip_stream_close(stream);
        return LS_ERR_FORMAT;
    }
    *bytes = info.size;
    *out = stream;
    return LS_OK;
}

static ls_status fail_damaged(const ls_zip_stream *stream)
{
    return ls_fail(LS_ERR_FORMAT, "%s is damaged: %s", stream->name, zip_file_strerror(stream->file));
}

ls_status ls_zip_stream_read(ls_zip_stream *stream, void *out, size_t n)
{
    char *at = out;

    while (n > 0) {
        const zip_int64_t got = zip_fread(stream->file, at, n);

        if (got <= 0)
            return fail_damaged(stream);
        at += got;
        n -= (size_t)got;
    }
    return LS_OK;
}

/* libzip compares the checksum when the end is reached. */
ls_status ls_zip_stream_end(ls_zip_stream *stream)
{
    char beyond;

    return zip_fread(stream->file, &beyond, 1) == 0 ? LS_OK : fail_damaged(stream);
}

void ls_zip_stream_close(ls_zip_stream *stream)
{
    if (!stream)
        return;
    if (stream->file)
        zip_fclose(stream->file);
    ls_free(stream->name);
    ls_free(stream);
}

ls_status ls_zip_read(ls_zip *zip, const char *member, size_t most, void **data, size_t *bytes)
{
    ls_zip_stream *stream = NULL;
    char *unpacked = NULL;
    uint64_t size;
    ls_status st;

    *data = NULL;
    *bytes = 0;
    LS_TRY_CLEANUP(ls_zip_stream_open(zip, member, &stream, &size));
    if (size > most) {
        st = ls_fail(LS_ERR_DATA, "%s says that it has %llu bytes; at most %zu are expected", stream->name,
                     (unsigned long long)size, most);
        goto cleanup;
    }
    if (!(unpacked = ls_calloc((size_t)size + 1, 1, "a member of an archive"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_zip_stream_read(stream, unpacked, (size_t)size));
    LS_TRY_CLEANUP(ls_zip_stream_end(stream));
    *data = unpacked;
    *bytes = (size_t)size;
    unpacked = NULL;
cleanup:
    ls_free(unpacked);
    ls_zip_stream_close(stream);
    return st;
}
