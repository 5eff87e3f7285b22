/*
 * IDX files to an HDF5 dataset file. An IDX file is: two zero bytes, a type byte, a rank byte, one 32-bit size per
 * axis, then the values; all big-endian (http://yann.lecun.com/exdb/mnist/). zlib reads plain and gzipped files alike.
 *
 * Values are passed on in pieces, so a header may declare what it likes without any memory being spent on it.
 */
#include "data/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/h5.h"
#include "tensor/shape.h"

#define CHUNK_BYTES ((size_t)512 << 10)      /* of an HDF5 chunk: large enough for a disk, small enough for the cache */
#define SAMPLE_BYTES_MAX ((uint64_t)1 << 30) /* a chunk, and so a sample, must stay below HDF5's 4 GiB */
#define SPLIT_NAME_MAX 255

typedef struct idx_file {
    const char *path;
    gzFile stream; /* NULL: not open */
    int type;
    hid_t file_type, memory_type; /* in the HDF5 file; in the IDX file */
    int rank;
    hsize_t dim[LS_RANK_MAX + 1];
    size_t sample_bytes;
} idx_file;

/* Exactly n bytes. */
static ls_status read_bytes(idx_file *f, void *out, size_t n, const char *what)
{
    char *at = out;

    while (n > 0) {
        const unsigned now = n < (1u << 30) ? (unsigned)n : 1u << 30;
        const int got = gzread(f->stream, at, now);
        int code = Z_OK;
        const char *reason = got < (int)now ? gzerror(f->stream, &code) : NULL;

        if (got < (int)now && code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return ls_fail(code == Z_ERRNO ? LS_ERR_IO : LS_ERR_FORMAT, "%s: cannot read %s: %s", f->path, what,
                           code == Z_ERRNO ? strerror(errno) : reason);
        if (got < (int)now)
            return ls_fail(LS_ERR_FORMAT, "%s: the file ends within %s; it is truncated", f->path, what);
        at += got;
        n -= (size_t)got;
    }
    return LS_OK;
}

static ls_status choose_type(idx_file *f)
{
    switch (f->type) {
    case 0x08:
        f->file_type = H5T_STD_U8LE;
        f->memory_type = H5T_STD_U8BE;
        return LS_OK;
    case 0x09:
        f->file_type = H5T_STD_I8LE;
        f->memory_type = H5T_STD_I8BE;
        return LS_OK;
    case 0x0b:
        f->file_type = H5T_STD_I16LE;
        f->memory_type = H5T_STD_I16BE;
        return LS_OK;
    case 0x0c:
        f->file_type = H5T_STD_I32LE;
        f->memory_type = H5T_STD_I32BE;
        return LS_OK;
    case 0x0d:
        f->file_type = H5T_IEEE_F32LE;
        f->memory_type = H5T_IEEE_F32BE;
        return LS_OK;
    case 0x0e:
        f->file_type = H5T_IEEE_F64LE;
        f->memory_type = H5T_IEEE_F64BE;
        return LS_OK;
    default:
        return ls_fail(LS_ERR_FORMAT, "%s: IDX type 0x%02x is unknown; known are 0x08, 0x09 and 0x0b to 0x0e", f->path,
                       f->type);
    }
}

static ls_status read_header(idx_file *f)
{
    unsigned char magic[4], size[4];
    uint64_t sample_bytes;

    LS_TRY(read_bytes(f, magic, sizeof magic, "the IDX header"));
    if (magic[0] != 0 || magic[1] != 0)
        return ls_fail(LS_ERR_FORMAT, "%s is not an IDX file: it begins with %02x %02x instead of 00 00", f->path,
                       magic[0], magic[1]);
    f->type = magic[2];
    f->rank = magic[3];
    LS_TRY(choose_type(f));
    if (f->rank < 1 || f->rank > LS_RANK_MAX + 1)
        return ls_fail(LS_ERR_FORMAT, "%s has %d axes; 1 to %d are possible, the first counting samples", f->path,
                       f->rank, LS_RANK_MAX + 1);
    sample_bytes = H5Tget_size(f->file_type);
    for (int i = 0; i < f->rank; i++) {
        LS_TRY(read_bytes(f, size, sizeof size, "the IDX header"));
        f->dim[i] = (hsize_t)size[0] << 24 | (hsize_t)size[1] << 16 | (hsize_t)size[2] << 8 | size[3];
        if (f->dim[i] == 0)
            return ls_fail(LS_ERR_DATA, "%s: axis %d has length 0; there is nothing to import", f->path, i);
        if (i > 0 && (sample_bytes *= f->dim[i]) > SAMPLE_BYTES_MAX) /* < 2^30 * 2^32 before the check */
            return ls_fail(LS_ERR_FORMAT, "%s: a sample has more than %llu bytes by its header; the file is damaged",
                           f->path, (unsigned long long)SAMPLE_BYTES_MAX);
    }
    f->sample_bytes = (size_t)sample_bytes;
    return LS_OK;
}

/* A plain file's length is known, so that a wrong header shows at once; a gzipped one shows it when it ends. */
static ls_status check_length(const idx_file *f, uint64_t file_bytes)
{
    const uint64_t header = 4 + 4 * (uint64_t)f->rank, want = header + f->dim[0] * f->sample_bytes;

    if (gzdirect(f->stream) && file_bytes != want)
        return ls_fail(LS_ERR_FORMAT, "%s has %llu bytes, but its header asks for %llu; it is %s", f->path,
                       (unsigned long long)file_bytes, (unsigned long long)want,
                       file_bytes < want ? "truncated" : "longer than it should be");
    return LS_OK;
}

static ls_status open_idx(const char *path, idx_file *f)
{
    struct stat info;

    f->path = path;
    if (stat(path, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    errno = ENOMEM; /* what a failing gzopen means when it leaves errno alone */
    if (!(f->stream = gzopen(path, "rb")))
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    LS_TRY(read_header(f));
    return check_length(f, (uint64_t)info.st_size);
}

/* The stream must be at its end; for gzip this also checks the checksum that ends it. */
static ls_status check_end(idx_file *f)
{
    char byte;
    const int got = gzread(f->stream, &byte, 1);
    int code = Z_OK;
    const char *reason = gzerror(f->stream, &code);

    if (got > 0)
        return ls_fail(LS_ERR_FORMAT, "%s is longer than its header says", f->path);
    if (code == Z_BUF_ERROR)
        return ls_fail(LS_ERR_FORMAT, "%s: the file ends before the gzip checksum; it is truncated", f->path);
    if (got < 0)
        return ls_fail(LS_ERR_FORMAT, "%s: %s", f->path, reason);
    return LS_OK;
}

static ls_status fail_write(const char *output)
{
    char reason[LS_H5_REASON_BYTES];

    return ls_fail(LS_ERR_IO, "cannot write '%s': HDF5: %s", output, ls_h5_reason(reason));
}

static bool write_scale(hid_t dataset, double scale)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(dataset, "scale", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_DOUBLE, &scale) >= 0;

    if (attribute >= 0 && H5Aclose(attribute) < 0)
        good = false;
    if (space >= 0)
        H5Sclose(space);
    return good;
}

/* Chunked, checksummed, without times: the same input gives the same bytes. */
static hid_t create_dataset(hid_t group, const char *name, const idx_file *f, uint64_t chunk_rows, int deflate)
{
    const hid_t space = H5Screate_simple(f->rank, f->dim, NULL);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[LS_RANK_MAX + 1];
    hid_t dataset = H5I_INVALID_HID;

    memcpy(chunk, f->dim, sizeof chunk);
    chunk[0] = chunk_rows;
    if (space >= 0 && properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0 &&
        H5Pset_chunk(properties, f->rank, chunk) >= 0 &&
        (deflate == 0 || (H5Pset_shuffle(properties) >= 0 && H5Pset_deflate(properties, (unsigned)deflate) >= 0)) &&
        H5Pset_fletcher32(properties) >= 0)
        dataset = H5Dcreate2(group, name, f->file_type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0)
        H5Pclose(properties);
    if (space >= 0)
        H5Sclose(space);
    return dataset;
}

static ls_status copy_values(idx_file *f, hid_t dataset, uint64_t chunk_rows, const char *output)
{
    const hid_t space = H5Dget_space(dataset);
    ls_status st = LS_OK;
    char *buffer;

    if (!(buffer = ls_calloc((size_t)chunk_rows, f->sample_bytes, "a piece of an IDX file"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (uint64_t row = 0; row < f->dim[0]; row += chunk_rows) {
        const uint64_t rows = f->dim[0] - row < chunk_rows ? f->dim[0] - row : chunk_rows;
        hsize_t start[LS_RANK_MAX + 1] = {row}, count[LS_RANK_MAX + 1];
        hid_t memory;
        herr_t result;

        LS_TRY_CLEANUP(read_bytes(f, buffer, (size_t)rows * f->sample_bytes, "its values"));
        memcpy(count, f->dim, sizeof count);
        count[0] = rows;
        memory = H5Screate_simple(f->rank, count, NULL);
        result = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
        if (memory < 0 || result < 0 || H5Dwrite(dataset, f->memory_type, memory, space, H5P_DEFAULT, buffer) < 0)
            st = fail_write(output);
        if (memory >= 0)
            H5Sclose(memory);
        if (st != LS_OK)
            goto cleanup;
    }
    LS_TRY_CLEANUP(check_end(f));
cleanup:
    ls_free(buffer);
    if (space >= 0)
        H5Sclose(space);
    return st;
}

static ls_status write_dataset(hid_t group, const char *name, idx_file *f, bool images, int deflate, const char *output)
{
    const uint64_t fitting = f->sample_bytes < CHUNK_BYTES ? CHUNK_BYTES / f->sample_bytes : 1;
    const uint64_t chunk_rows = fitting < f->dim[0] ? fitting : f->dim[0];
    const hid_t dataset = create_dataset(group, name, f, chunk_rows, deflate);
    ls_status st = LS_OK;

    if (dataset < 0)
        return fail_write(output);
    if (images && f->type == 0x08 && f->rank >= 2 && !write_scale(dataset, 1.0 / 255.0))
        st = fail_write(output);
    if (st == LS_OK)
        st = copy_values(f, dataset, chunk_rows, output);
    if (H5Dclose(dataset) < 0 && st == LS_OK)
        st = fail_write(output);
    return st;
}

static ls_status write_split(hid_t file, const ls_idx_split *split, int deflate, const char *output)
{
    idx_file x = {0}, y = {0};
    hid_t properties = H5I_INVALID_HID, group = H5I_INVALID_HID;
    ls_status st;

    LS_TRY_CLEANUP(open_idx(split->images, &x));
    LS_TRY_CLEANUP(open_idx(split->labels, &y));
    if (x.dim[0] != y.dim[0]) {
        st = ls_fail(LS_ERR_DATA, "split '%s': %s has %llu samples, but %s has %llu", split->name, x.path,
                     (unsigned long long)x.dim[0], y.path, (unsigned long long)y.dim[0]);
        goto cleanup;
    }
    if ((properties = H5Pcreate(H5P_GROUP_CREATE)) < 0 || H5Pset_obj_track_times(properties, false) < 0 ||
        (group = H5Gcreate2(file, split->name, H5P_DEFAULT, properties, H5P_DEFAULT)) < 0) {
        st = fail_write(output);
        goto cleanup;
    }
    LS_TRY_CLEANUP(write_dataset(group, "x", &x, true, deflate, output));
    LS_TRY_CLEANUP(write_dataset(group, "y", &y, false, deflate, output));
cleanup:
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = fail_write(output);
    if (properties >= 0)
        H5Pclose(properties);
    gzclose(x.stream);
    gzclose(y.stream);
    return st;
}

/* The whole file under its temporary name. */
static ls_status write_file(const char *temporary, const ls_idx_split *split, size_t splits, int deflate,
                            const char *output)
{
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE), access_list = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = H5I_INVALID_HID;
    ls_status st = LS_OK;

    if (creation >= 0 && access_list >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_libver_bounds(access_list, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
        file = H5Fcreate(temporary, H5F_ACC_EXCL, creation, access_list);
    if (file < 0)
        st = fail_write(output);
    for (size_t i = 0; st == LS_OK && i < splits; i++)
        st = write_split(file, &split[i], deflate, output);
    if (file >= 0 && H5Fclose(file) < 0 && st == LS_OK)
        st = fail_write(output);
    if (access_list >= 0)
        H5Pclose(access_list);
    if (creation >= 0)
        H5Pclose(creation);
    return st;
}

static ls_status sync_path(const char *path, int flags)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    ls_status st = LS_OK;

    /* Some file systems cannot sync a directory and say EINVAL; there is nothing more to do then. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        st = ls_fail(LS_ERR_IO, "cannot write '%s' to disk: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return st;
}

/* The folder a path lies in, into out. */
static ls_status folder_of(const char *path, ls_text *out)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        ls_text_add(out, ".");
    else
        ls_text_add_bytes(out, path, slash == path ? 1 : (size_t)(slash - path));
    return out->status;
}

static ls_status check_arguments(const ls_idx_split *split, size_t splits, const char *output, int deflate)
{
    struct stat old, input;
    const bool exists = stat(output, &old) == 0;

    if (splits == 0)
        return ls_fail(LS_ERR_USAGE, "nothing to import: name at least one split with its images and labels");
    if (deflate < 0 || deflate > 9)
        return ls_fail(LS_ERR_USAGE, "deflate is %d; it must be 0 (no compression) to 9 (strongest)", deflate);
    if (exists && !S_ISREG(old.st_mode))
        return ls_fail(LS_ERR_USAGE, "cannot write '%s': it exists and is not a regular file", output);
    for (size_t i = 0; i < splits; i++) {
        const char *const name = split[i].name, *const inputs[] = {split[i].images, split[i].labels};

        if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strlen(name) > SPLIT_NAME_MAX)
            return ls_fail(LS_ERR_USAGE, "'%.64s' cannot name a split: a name has 1 to %d characters and no '/'", name,
                           SPLIT_NAME_MAX);
        for (size_t j = 0; j < i; j++)
            if (strcmp(name, split[j].name) == 0)
                return ls_fail(LS_ERR_USAGE, "split '%s' is given twice", name);
        for (size_t j = 0; j < 2; j++)
            if (exists && stat(inputs[j], &input) == 0 && input.st_dev == old.st_dev && input.st_ino == old.st_ino)
                return ls_fail(LS_ERR_USAGE, "cannot write '%s': it is also an input of split '%s'", output, name);
    }
    return LS_OK;
}

ls_status ls_import_idx(const ls_idx_split *split, size_t splits, const char *output, int deflate)
{
    ls_text temporary = {0}, folder = {0};
    bool begun = false;
    ls_h5_quiet quiet;
    ls_status st;

    ls_h5_quiet_begin(&quiet);
    LS_TRY_CLEANUP(check_arguments(split, splits, output, deflate));
    ls_text_add(&temporary, "%s.%ld.tmp", output, (long)getpid());
    LS_TRY_CLEANUP(temporary.status);
    LS_TRY_CLEANUP(folder_of(output, &folder));
    unlink(temporary.data); /* left by a killed process of the same number */
    begun = true;
    LS_TRY_CLEANUP(write_file(temporary.data, split, splits, deflate, output));
    LS_TRY_CLEANUP(sync_path(temporary.data, 0));
    if (rename(temporary.data, output) != 0) {
        st = ls_fail(LS_ERR_IO, "cannot rename '%s' to '%s': %s", temporary.data, output, strerror(errno));
        goto cleanup;
    }
    begun = false;
    LS_TRY_CLEANUP(sync_path(folder.data, O_DIRECTORY));
cleanup:
    if (begun)
        unlink(temporary.data);
    ls_text_reset(&temporary);
    ls_text_reset(&folder);
    ls_h5_quiet_end(&quiet);
    return st;
}
