/* Reading the values of a NumPy array, whichever way it is kept. */
#include "data/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/zip.h"
#include "data/scatter.h"

#define HEADER_BYTES_MAX ((size_t)64 << 10)
#define SAMPLE_BYTES_MAX ((size_t)1 << 30) /* a chunk, and so a sample, must stay below HDF5's 4 GiB */

struct ls_npy {
    char *name; /* "FILE.npz:x" */
    ls_npy_info info;
    size_t elements;     /* of a sample */
    uint64_t file_bytes; /* of the file or the member */
    uint64_t begin;      /* of the values */
    uint64_t next;       /* sample */

    int descriptor; /* a file; < 0: a member of an archive */
    uint64_t at;    /* of the file or the member: what was read so far, one byte after another */
    ls_zip *zip;
    ls_zip_stream *stream;
    char *whole;  /* a member in Fortran order */
    char *column; /* values of one element, of `column_values` samples */
    size_t column_values;
};

/* ---- bytes ---- */

static ls_status read_file(ls_npy *npy, uint64_t offset, void *out, size_t n)
{
    char *at = out;

    while (n > 0) {
        const ssize_t got = pread(npy->descriptor, at, n, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ls_fail(LS_ERR_IO, "cannot read '%s': %s", npy->name, strerror(errno));
        if (got == 0)
            return ls_fail(LS_ERR_FORMAT, "%s: the file has become shorter while it was read", npy->name);
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return LS_OK;
}

static ls_status read_next(ls_npy *npy, void *out, size_t n)
{
    if (npy->descriptor >= 0)
        LS_TRY(read_file(npy, npy->at, out, n));
    else
        LS_TRY(ls_zip_stream_read(npy->stream, out, n));
    npy->at += n;
    return LS_OK;
}

/* ---- opening ---- */

static ls_status open_file(ls_npy *npy, const char *path)
{
    struct stat info;

    if ((npy->descriptor = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(npy->descriptor, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    npy->file_bytes = (uint64_t)info.st_size;
    return LS_OK;
}

static ls_status fail_member(const ls_npy *npy, const char *path, const char *member)
{
    const size_t n = ls_zip_members(npy->zip);
    ls_text list = {0};
    ls_status st;

    for (size_t i = 0; i < n && i < 12; i++) {
        const char *const name = ls_zip_name(npy->zip, i);
        const size_t length = strlen(name);

        ls_text_add(&list, "%s%.*s", i ? ", " : "",
                    (int)(length > 4 && strcmp(name + length - 4, ".npy") == 0 ? length - 4 : length), name);
    }
    st = ls_fail(LS_ERR_DATA, "%s has no array '%s'; it has %s%s", path, member,
                 list.length ? list.data : "none at all", n > 12 ? ", ..." : "");
    ls_text_reset(&list);
    return st;
}

static ls_status open_member(ls_npy *npy, const char *path, const char *member)
{
    ls_text name = {0};
    bool found = false;
    ls_status st;

    ls_text_add(&name, "%s.npy", member);
    LS_TRY_CLEANUP(name.status);
    LS_TRY_CLEANUP(ls_zip_open(path, &npy->zip));
    for (size_t i = 0; i < ls_zip_members(npy->zip); i++)
        found |= strcmp(ls_zip_name(npy->zip, i), name.data) == 0;
    st = found ? ls_zip_stream_open(npy->zip, name.data, &npy->stream, &npy->file_bytes)
               : fail_member(npy, path, member);
cleanup:
    ls_text_reset(&name);
    return st;
}

/* The header declares what it likes: nothing is believed that the length of the file does not confirm. */
static ls_status check_size(const ls_npy *npy)
{
    size_t sample_bytes;
    uint64_t want;

    if (!ls_size_mul(npy->elements, npy->info.value_bytes, &sample_bytes) || sample_bytes > SAMPLE_BYTES_MAX)
        return ls_fail(LS_ERR_DATA, "%s: a sample has more than %zu bytes by its header", npy->name, SAMPLE_BYTES_MAX);
    if (__builtin_mul_overflow(npy->info.samples, (uint64_t)sample_bytes, &want) ||
        __builtin_add_overflow(want, npy->begin, &want))
        return ls_fail(LS_ERR_FORMAT, "%s: its header declares more bytes than 64 bits can count; the file is damaged",
                       npy->name);
    if (npy->file_bytes != want)
        return ls_fail(LS_ERR_FORMAT, "%s has %llu bytes, but its header asks for %llu; it is %s", npy->name,
                       (unsigned long long)npy->file_bytes, (unsigned long long)want,
                       npy->file_bytes < want ? "truncated" : "longer than it should be");
    return LS_OK;
}

static ls_status read_header(ls_npy *npy)
{
    static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    unsigned char head[12] = {0};
    char *text;
    size_t n;
    ls_status st;

    if (npy->file_bytes < 10)
        return ls_fail(LS_ERR_FORMAT, "%s is not an NPY file: it has %llu bytes", npy->name,
                       (unsigned long long)npy->file_bytes);
    LS_TRY(read_next(npy, head, 10));
    if (memcmp(head, magic, sizeof magic) != 0)
        return ls_fail(LS_ERR_FORMAT, "%s is not an NPY file: it does not begin with \\x93NUMPY", npy->name);
    if (head[6] < 1 || head[6] > 3 || head[7] != 0)
        return ls_fail(LS_ERR_FORMAT, "%s has NPY version %d.%d; 1.0, 2.0 and 3.0 are known", npy->name, head[6],
                       head[7]);
    if (head[6] > 1 && npy->file_bytes >= 12)
        LS_TRY(read_next(npy, head + 10, 2));
    n = (size_t)head[8] | (size_t)head[9] << 8 | (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (n > HEADER_BYTES_MAX || n > npy->file_bytes - npy->at)
        return ls_fail(LS_ERR_FORMAT, "%s: its NPY header should have %zu bytes; the file is truncated or damaged",
                       npy->name, n);
    if (!(text = ls_calloc(n, 1, "an NPY header")))
        return LS_ERR_MEMORY;
    if ((st = read_next(npy, text, n)) == LS_OK)
        st = ls_npy_parse(text, n, npy->name, &npy->info);
    ls_free(text);
    LS_TRY(st);
    npy->begin = npy->at;
    npy->elements = ls_shape_size(&npy->info.shape);
    return check_size(npy);
}

/* A member of an archive cannot be read in another order than its own. */
static ls_status hold_member(ls_npy *npy)
{
    const size_t bytes = (size_t)(npy->file_bytes - npy->begin);

    if (!npy->stream || !npy->info.fortran_order)
        return LS_OK;
    if (!(npy->whole = ls_calloc(bytes, 1, npy->name)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_zip_stream_read(npy->stream, npy->whole, bytes));
    return ls_zip_stream_end(npy->stream);
}

ls_status ls_npy_open(const char *path, const char *member, ls_npy **out)
{
    ls_npy *npy = ls_calloc(1, sizeof *npy, "an NPY file");
    ls_text name = {0};
    ls_status st;

    *out = NULL;
    if (!npy)
        return LS_ERR_MEMORY;
    npy->descriptor = -1;
    ls_text_add(&name, "%s%s%s", path, member ? ":" : "", member ? member : "");
    npy->name = name.data;
    LS_TRY_CLEANUP(name.status);
    LS_TRY_CLEANUP(member ? open_member(npy, path, member) : open_file(npy, path));
    LS_TRY_CLEANUP(read_header(npy));
    LS_TRY_CLEANUP(hold_member(npy));
    *out = npy;
    npy = NULL;
cleanup:
    ls_npy_close(npy);
    return st;
}

void ls_npy_close(ls_npy *npy)
{
    if (!npy)
        return;
    if (npy->descriptor >= 0)
        close(npy->descriptor);
    ls_zip_stream_close(npy->stream);
    ls_zip_close(npy->zip);
    ls_free(npy->whole);
    ls_free(npy->column);
    ls_free(npy->name);
    ls_free(npy);
}

const ls_npy_info *ls_npy_get_info(const ls_npy *npy)
{
    return &npy->info;
}

const char *ls_npy_name(const ls_npy *npy)
{
    return npy->name;
}

/* ---- values ---- */

/*
 * In Fortran order all samples' first elements come first, then all second ones: column e of (samples) values for each
 * element, where elements too are counted with their first axis fastest. Element by element in C order, a piece of its
 * column goes to the samples.
 */
static ls_status read_fortran(ls_npy *npy, size_t n, char *out)
{
    const size_t bytes = npy->info.value_bytes, axes = npy->info.shape.axes;
    const size_t *const dim = npy->info.shape.dim;
    size_t index[LS_AXES_MAX] = {0};

    if (npy->column_values < n) {
        ls_free(npy->column);
        npy->column_values = 0;
        if (!(npy->column = ls_calloc(n, bytes, "values")))
            return LS_ERR_MEMORY;
        npy->column_values = n;
    }
    for (size_t element = 0; element < npy->elements; element++) {
        uint64_t column = 0, offset;
        size_t axis = axes;

        while (axis-- > 0)
            column = column * dim[axis] + index[axis];
        offset = (column * npy->info.samples + npy->next) * bytes;
        if (npy->whole)
            memcpy(npy->column, npy->whole + offset, n * bytes);
        else
            LS_TRY(read_file(npy, npy->begin + offset, npy->column, n * bytes));
        ls_scatter(npy->column, n, bytes, out + element * bytes, npy->elements * bytes);
        for (axis = axes; axis-- > 0 && ++index[axis] == dim[axis];)
            index[axis] = 0;
    }
    return LS_OK;
}

/* NumPy takes any other byte for true, but writes none. */
static ls_status check_bools(const ls_npy *npy, const unsigned char *value, size_t n)
{
    for (size_t i = 0; npy->info.kind == 'b' && i < n; i++)
        if (value[i] > 1)
            return ls_fail(LS_ERR_DATA, "%s: sample %llu of its bool array holds a byte of %d; only 0 and 1 are bool",
                           npy->name, (unsigned long long)(npy->next + i / npy->elements), value[i]);
    return LS_OK;
}

ls_status ls_npy_read(ls_npy *npy, uint64_t n, void *out)
{
    if (n > npy->info.samples - npy->next)
        return ls_fail(LS_ERR_ARG, "%s has no %llu more samples", npy->name, (unsigned long long)n);
    if (npy->info.fortran_order)
        LS_TRY(read_fortran(npy, (size_t)n, out));
    else
        LS_TRY(read_next(npy, out, (size_t)n * npy->elements * npy->info.value_bytes));
    LS_TRY(check_bools(npy, out, (size_t)n * npy->elements));
    npy->next += n;
    return npy->stream && !npy->whole && npy->next == npy->info.samples ? ls_zip_stream_end(npy->stream) : LS_OK;
}
