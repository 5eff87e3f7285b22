/*
 * IDX files to an HDF5 dataset file. An IDX file is: two zero bytes, a type byte, a rank byte, one 32-bit size per
 * axis, then the values; all big-endian (http://yann.lecun.com/exdb/mnist/). zlib reads plain and gzipped files alike.
 *
 * Values are passed on in pieces, so a header may declare what it likes without any memory being spent on it.
 */
#include "data/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/memory.h"
#include "h5/output.h"
#include "tensor/shape.h"

#define SAMPLE_BYTES_MAX ((uint64_t)1 << 30) /* a chunk, and so a sample, must stay below HDF5's 4 GiB */

typedef struct idx_file {
    const char *path;
    gzFile stream; /* NULL: not open */
    int type;
    hid_t file_type, memory_type; /* in the HDF5 file; in the IDX file */
    int axes;
    hsize_t dim[LS_AXES_MAX + 1];
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
    f->axes = magic[3];
    LS_TRY(choose_type(f));
    if (f->axes < 1 || f->axes > LS_AXES_MAX + 1)
        return ls_fail(LS_ERR_FORMAT, "%s has %d axes; 1 to %d are possible, the first counting samples", f->path,
                       f->axes, LS_AXES_MAX + 1);
    sample_bytes = H5Tget_size(f->file_type);
    for (int i = 0; i < f->axes; i++) {
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
    const uint64_t header = 4 + 4 * (uint64_t)f->axes, want = header + f->dim[0] * f->sample_bytes;

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

static ls_status copy_values(idx_file *f, hid_t dataset, const char *output)
{
    const uint64_t piece = ls_h5_chunk_rows(f->dim[0], f->sample_bytes);
    char *const buffer = ls_calloc((size_t)piece, f->sample_bytes, "a piece of an IDX file");
    ls_status st = buffer ? LS_OK : LS_ERR_MEMORY;

    for (uint64_t row = 0; st == LS_OK && row < f->dim[0]; row += piece) {
        const uint64_t rows = f->dim[0] - row < piece ? f->dim[0] - row : piece;

        st = read_bytes(f, buffer, (size_t)rows * f->sample_bytes, "its values");
        if (st == LS_OK && !ls_h5_write_rows(dataset, f->memory_type, row, rows, buffer))
            st = ls_h5_output_fail(output);
    }
    ls_free(buffer);
    return st == LS_OK ? check_end(f) : st;
}

static ls_status write_dataset(hid_t group, const char *name, idx_file *f, bool images, int deflate, const char *output)
{
    static const double scale = 1.0 / 255.0;
    const hid_t dataset = ls_h5_create_rows(group, name, f->file_type, f->axes, f->dim, deflate);
    ls_status st = LS_OK;

    if (dataset < 0)
        return ls_h5_output_fail(output);
    if (images && f->type == 0x08 && f->axes >= 2 && !ls_h5_add_doubles(dataset, "scale", &scale, 1, true))
        st = ls_h5_output_fail(output);
    if (st == LS_OK)
        st = copy_values(f, dataset, output);
    if (H5Dclose(dataset) < 0 && st == LS_OK)
        st = ls_h5_output_fail(output);
    return st;
}

static ls_status write_split(hid_t file, const ls_idx_split *split, int deflate, const char *output)
{
    idx_file x = {0}, y = {0};
    hid_t group = H5I_INVALID_HID;
    ls_status st;

    LS_TRY_CLEANUP(open_idx(split->images, &x));
    LS_TRY_CLEANUP(open_idx(split->labels, &y));
    if (x.dim[0] != y.dim[0]) {
        st = ls_fail(LS_ERR_DATA, "split '%s': %s has %llu samples, but %s has %llu", split->name, x.path,
                     (unsigned long long)x.dim[0], y.path, (unsigned long long)y.dim[0]);
        goto cleanup;
    }
    if ((group = ls_h5_create_group(file, split->name)) < 0) {
        st = ls_h5_output_fail(output);
        goto cleanup;
    }
    LS_TRY_CLEANUP(write_dataset(group, "x", &x, true, deflate, output));
    LS_TRY_CLEANUP(write_dataset(group, "y", &y, false, deflate, output));
cleanup:
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(output);
    gzclose(x.stream);
    gzclose(y.stream);
    return st;
}

static ls_status check_arguments(const ls_idx_split *split, size_t splits, const char *output, int deflate)
{
    if (splits == 0)
        return ls_fail(LS_ERR_USAGE, "nothing to import: name at least one split with its images and labels");
    LS_TRY(ls_h5_output_check_deflate(deflate));
    for (size_t i = 0; i < splits; i++) {
        const char *const inputs[] = {split[i].images, split[i].labels};

        LS_TRY(ls_h5_output_check_split(split[i].name));
        for (size_t j = 0; j < i; j++)
            if (strcmp(split[i].name, split[j].name) == 0)
                return ls_fail(LS_ERR_USAGE, "split '%s' is given twice", split[i].name);
        LS_TRY(ls_h5_output_check(output, inputs, 2));
    }
    return LS_OK;
}

ls_status ls_import_idx(const ls_idx_split *split, size_t splits, const char *output, int deflate)
{
    ls_h5_output out;
    ls_status st;

    LS_TRY(check_arguments(split, splits, output, deflate));
    LS_TRY_CLEANUP(ls_h5_output_begin(output, &out));
    for (size_t i = 0; i < splits; i++)
        LS_TRY_CLEANUP(write_split(out.file, &split[i], deflate, output));
    st = ls_h5_output_commit(&out);
cleanup:
    ls_h5_output_end(&out);
    return st;
}
