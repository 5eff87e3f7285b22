/* Reading the values of an HDF5 dataset: whole, or some samples at a time. */
#include <float.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset_impl.h"
#include "h5/lock.h"
#include "tensor/kernels.h"

#define PIECE_BYTES ((size_t)4 << 20) /* read at a time, so that a damaged part can be named */

static hid_t memory_type(ls_type kind)
{
    switch (kind) {
    case LS_TYPE_UINT8:
        return H5T_NATIVE_UINT8;
    case LS_TYPE_INT8:
        return H5T_NATIVE_INT8;
    case LS_TYPE_UINT16:
        return H5T_NATIVE_UINT16;
    case LS_TYPE_INT16:
        return H5T_NATIVE_INT16;
    case LS_TYPE_UINT32:
        return H5T_NATIVE_UINT32;
    case LS_TYPE_INT32:
        return H5T_NATIVE_INT32;
    case LS_TYPE_UINT64:
        return H5T_NATIVE_UINT64;
    case LS_TYPE_INT64:
        return H5T_NATIVE_INT64;
    case LS_TYPE_FLOAT32:
        return H5T_NATIVE_FLOAT;
    case LS_TYPE_FLOAT64:
        return H5T_NATIVE_DOUBLE;
    }
    return H5I_INVALID_HID;
}

/* Rows read at a time: about PIECE_BYTES, whole chunks. */
static uint64_t piece_rows(const ls_array *a)
{
    const uint64_t chunk = a->chunk_rows ? a->chunk_rows : 1, rows = PIECE_BYTES / ls_array_sample_bytes(a);

    return rows < chunk ? chunk : rows - rows % chunk;
}

static ls_status open_source(ls_array_reader *r)
{
    const ls_array *a = r->array;
    ls_array_source *s = &r->source;

    LS_TRY(ls_array_source_open(a->file, a->dataset, a->path, s));
    s->axes = H5Sget_simple_extent_ndims(s->space);
    if (s->axes != (int)a->stored.axes + 1 || H5Sget_simple_extent_dims(s->space, s->dim, NULL) < 0 ||
        s->dim[0] < a->first_row + a->samples)
        return ls_fail(LS_ERR_DATA, "%s is no longer what it was: the file has changed", a->path);
    for (size_t i = 0; i < a->stored.axes; i++)
        if (s->dim[i + 1] != a->stored.dim[i])
            return ls_fail(LS_ERR_DATA, "%s is no longer what it was: the file has changed", a->path);
    return LS_OK;
}

ls_status ls_array_reader_open(const ls_array *array, ls_array_reader **out)
{
    ls_array_reader *r = ls_calloc(1, sizeof *r, array->path);
    ls_h5_lock lock;
    ls_status st;

    *out = NULL;
    if (!r)
        return LS_ERR_MEMORY;
    r->array = array;
    r->piece = piece_rows(array);
    ls_h5_lock_take(&lock);
    st = open_source(r);
    ls_h5_lock_release(&lock);
    if (st == LS_OK && !(r->sample = ls_calloc(array->elements, sizeof *r->sample, array->path)))
        st = LS_ERR_MEMORY;
    if (st != LS_OK) {
        ls_array_reader_close(r);
        return st;
    }
    *out = r;
    return LS_OK;
}

void ls_array_reader_close(ls_array_reader *r)
{
    ls_h5_lock lock;

    if (!r)
        return;
    ls_h5_lock_take(&lock);
    ls_array_source_close(&r->source);
    ls_h5_lock_release(&lock);
    ls_free(r->sample);
    ls_free(r);
}

/* Rows [row, row + n) of the dataset. */
static ls_status read_piece(ls_array_reader *r, uint64_t row, uint64_t n, void *values)
{
    const ls_array *a = r->array;
    ls_array_source *s = &r->source;
    hsize_t start[H5S_MAX_RANK] = {row}, count[H5S_MAX_RANK];
    ls_h5_lock lock;
    hid_t memory;
    herr_t result = -1;

    memcpy(count, s->dim, sizeof count);
    count[0] = n;
    ls_h5_lock_take(&lock);
    if ((memory = H5Screate_simple(s->axes, count, NULL)) >= 0)
        result = H5Sselect_hyperslab(s->space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (result >= 0)
        result = H5Dread(s->object, memory_type(a->kind), memory, s->space, H5P_DEFAULT, values);
    if (result < 0)
        ls_h5_reason(s->reason);
    if (memory >= 0)
        H5Sclose(memory);
    ls_h5_lock_release(&lock);
    if (result < 0)
        return ls_fail(LS_ERR_DATA, "%s: cannot read samples %llu to %llu, the file may be damaged: HDF5: %s", a->path,
                       (unsigned long long)row, (unsigned long long)(row + n - 1), s->reason);
    return LS_OK;
}

LS_CLONES static bool all_finite(const float *x, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= !(fabsf(x[i]) <= FLT_MAX);
    return !bad;
}

/* Every value must be finite as float32, which is how training will see it. */
static ls_status check_finite(const ls_array *a, uint64_t first, uint64_t n, const void *values, float *sample)
{
    if (ls_array_is_integer(a))
        return LS_OK; /* even 2^64 is finite as float32 */
    if (a->kind == LS_TYPE_FLOAT32 && !a->scaled && all_finite(values, n * a->elements))
        return LS_OK;
    for (uint64_t i = 0; i < n; i++) {
        ls_array_convert(a, (const char *)values + i * ls_array_sample_bytes(a), sample);
        if (all_finite(sample, a->elements))
            continue;
        for (size_t j = 0; j < a->elements; j++)
            if (!isfinite(sample[j]))
                return ls_fail(LS_ERR_DATA,
                               "%s: sample %llu has %g at element %zu; all values must be finite as float32", a->path,
                               (unsigned long long)(a->first_row + first + i), (double)sample[j], j);
    }
    return LS_OK;
}

ls_status ls_array_reader_read(ls_array_reader *r, uint64_t first, uint64_t n, void *values)
{
    const ls_array *a = r->array;
    const uint64_t end = a->first_row + first + n;

    for (uint64_t row = a->first_row + first, next; row < end; row = next) {
        const uint64_t boundary = (row / r->piece + 1) * r->piece, sample = row - a->first_row;
        char *const out = (char *)values + (size_t)(sample - first) * ls_array_sample_bytes(a);

        next = boundary < end ? boundary : end;
        LS_TRY(read_piece(r, row, next - row, out));
        LS_TRY(check_finite(a, sample, next - row, out, r->sample));
        LS_TRY(ls_array_check_values(a, out, sample, next - row));
    }
    return LS_OK;
}

/* ---- whole ---- */

/* What a file declares costs it nothing: compare with what this machine has before touching any memory. */
static ls_status check_memory(const ls_array *a)
{
    const double bytes = (double)a->samples * (double)a->elements * (double)a->value_bytes;
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    char shape[LS_SHAPE_TEXT_BYTES];

    if (bytes > memory)
        return ls_fail(
            LS_ERR_MEMORY,
            "%s declares %llu samples of shape %s, %s: %.4g GiB, but this machine has %.4g GiB of memory; "
            "set data.memory (evaluate and predict: --memory), use fewer rows, or check that the file is what it should be",
            a->path, (unsigned long long)a->samples, ls_shape_format(&a->stored, shape), ls_array_type(a),
            bytes / 0x1p30, memory / 0x1p30);
    if (ls_h5_is_hollow(bytes, a->storage_bytes))
        return ls_fail(LS_ERR_DATA,
                       "%s declares %.4g GiB of values, but the file holds only %llu bytes of them; use fewer rows, or "
                       "check that the file is what it should be",
                       a->path, bytes / 0x1p30, (unsigned long long)a->storage_bytes);
    return LS_OK;
}

/* Part `part` of `parts`, which are cut where pieces end: nobody unpacks another's chunks. */
static ls_status read_part(ls_array *a, uint64_t part, uint64_t parts)
{
    const uint64_t piece = piece_rows(a), begin = a->first_row / piece;
    const uint64_t pieces = (a->first_row + a->samples - 1) / piece + 1 - begin;
    uint64_t first = (begin + pieces * part / parts) * piece, end = (begin + pieces * (part + 1) / parts) * piece;
    ls_array_reader *reader = NULL;
    ls_status st;

    first = first < a->first_row ? 0 : first - a->first_row;
    end = end < a->first_row ? 0 : end - a->first_row;
    if (end > a->samples)
        end = a->samples;
    if (first >= end)
        return LS_OK;
    LS_TRY(ls_array_reader_open(a, &reader));
    st = ls_array_reader_read(reader, first, end - first, (char *)a->values + (size_t)first * ls_array_sample_bytes(a));
    ls_array_reader_close(reader);
    return st;
}

static ls_status load_alone(ls_array *a)
{
    LS_TRY(check_memory(a));
    if (!(a->values = ls_calloc((size_t)a->samples, ls_array_sample_bytes(a), a->path)))
        return LS_ERR_MEMORY;
    a->owns_values = true;
    LS_TRY(read_part(a, 0, 1));
    a->hash = ls_array_hash(a);
    return LS_OK;
}

/* The first part hashes all and leaves the hash behind the values. */
static ls_status load_together(ls_array *a, const ls_sharing *s)
{
    const size_t bytes = (ls_array_bytes(a) + sizeof a->hash - 1) / sizeof a->hash * sizeof a->hash;
    uint64_t *hash;

    LS_TRY(s->agree(s->context, check_memory(a), NULL));
    LS_TRY(s->allocate(s->context, bytes + sizeof *hash, a->path, &a->values));
    hash = (uint64_t *)((char *)a->values + bytes);
    LS_TRY(s->agree(s->context, read_part(a, (uint64_t)s->part, (uint64_t)s->parts), NULL));
    if (s->part == 0)
        *hash = ls_array_hash(a);
    LS_TRY(s->agree(s->context, LS_OK, NULL));
    a->hash = *hash;
    return LS_OK;
}

/* Values of the calling program: nothing to read, but they must be as sound as those of a file. */
static ls_status check_borrowed(ls_array *a)
{
    float *sample = ls_calloc(a->elements, sizeof *sample, a->path);
    ls_status st = sample ? check_finite(a, 0, a->samples, a->values, sample) : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = ls_array_check_values(a, a->values, 0, a->samples);
    if (st == LS_OK)
        a->hash = ls_array_hash(a);
    ls_free(sample);
    return st;
}

ls_status ls_array_load(ls_array *array, const ls_sharing *sharing)
{
    if (ls_array_is_borrowed(array)) {
        const ls_status st = check_borrowed(array);

        return sharing ? sharing->agree(sharing->context, st, NULL) : st;
    }
    return sharing ? load_together(array, sharing) : load_alone(array);
}

ls_status ls_array_open(const char *file, const char *path, const uint64_t *rows, ls_array **out)
{
    ls_array *a;
    ls_status st;

    *out = NULL;
    LS_TRY(ls_array_describe(file, path, rows, &a));
    if ((st = ls_array_load(a, NULL)) != LS_OK) {
        ls_array_free(a);
        return st;
    }
    *out = a;
    return LS_OK;
}
