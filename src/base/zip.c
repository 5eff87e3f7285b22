#include "base/zip.h"

#include <errno.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "base/memory.h"

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

ls_status ls_zip_read(ls_zip *zip, const char *member, size_t most, void **data, size_t *bytes)
{
    zip_stat_t info;
    zip_file_t *file;
    char *unpacked;
    ls_status st = LS_OK;

    *data = NULL;
    *bytes = 0;
    if (zip_stat(zip->archive, member, 0, &info) || !(info.valid & ZIP_STAT_SIZE))
        return ls_fail(LS_ERR_FORMAT, "'%s' has no member '%s'", zip->path, member);
    if (info.size > most)
        return ls_fail(LS_ERR_DATA, "'%s': the member '%s' says that it has %llu bytes; at most %zu are expected",
                       zip->path, member, (unsigned long long)info.size, most);
    if (!(file = zip_fopen(zip->archive, member, 0)))
        return ls_fail(LS_ERR_FORMAT, "'%s': cannot read the member '%s': %s", zip->path, member,
                       zip_strerror(zip->archive));
    if (!(unpacked = ls_calloc((size_t)info.size + 1, 1, "a member of an archive"))) {
        st = LS_ERR_MEMORY;
    } else {
        char beyond; /* the checksum is compared at the end of the file, so that has to be reached */

        if (zip_fread(file, unpacked, info.size) != (zip_int64_t)info.size || zip_fread(file, &beyond, 1) != 0)
            st = ls_fail(LS_ERR_FORMAT, "'%s': the member '%s' is damaged: %s", zip->path, member,
                         zip_file_strerror(file));
    }
    zip_fclose(file);
    if (st != LS_OK) {
        ls_free(unpacked);
        return st;
    }
    *data = unpacked;
    *bytes = (size_t)info.size;
    return LS_OK;
}
