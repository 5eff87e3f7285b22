/* Reading the values of an HDF5 dataset, some samples at a time. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/watchdog.h"
#include "data/dataset_impl.h"
#include "h5/case.h"
#include "h5/lock.h"
#include "tensor/kernels.h"

#define PIECE_BYTES ((size_t)4 << 20) /* read at a time, so that a damaged part can be named */

static hid_t memory_type(const ls_array *a)
{
    switch (a->kind) {
    case LS_TYPE_UINT8:
        return a->is_bits ? H5T_NATIVE_B8 : H5T_NATIVE_UINT8;
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

uint64_t ls_array_piece_rows(const ls_array *a)
{
    const uint64_t chunk = a->chunk_rows ? a->chunk_rows : 1, rows = PIECE_BYTES / ls_array_sample_bytes(a);

    return rows < chunk ? chunk : rows - rows % chunk;
}

static ls_status open_source(ls_array_reader *r)
{
    const ls_array *a = r->array;
    ls_array_source *s = &r->source;
    ls_h5_files files = {0}; /* known from the description */
    const ls_status st = ls_array_source_open(a, &files, s);

    ls_h5_files_reset(&files);
    LS_TRY(ls_h5_files_check(&a->files)); /* says better what has happened */
    LS_TRY(st);
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
    r->piece = ls_array_piece_rows(array);
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
    ls_h5_case why = {.status = LS_OK};
    ls_h5_lock lock;
    hid_t memory;
    herr_t result = -1;

    memcpy(count, s->dim, sizeof count);
    count[0] = n;
    ls_h5_lock_take(&lock);
    if ((memory = H5Screate_simple(s->axes, count, NULL)) >= 0)
        result = H5Sselect_hyperslab(s->space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (result >= 0)
        result = H5Dread(s->object, memory_type(a), memory, s->space, H5P_DEFAULT, values);
    if (result < 0)
        ls_h5_case_of_read(s->object, &why);
    if (memory >= 0)
        H5Sclose(memory);
    ls_h5_lock_release(&lock);
    LS_TRY(ls_h5_files_check(&a->files)); /* HDF5 reads zeros behind the end of a file that was cut */
    if (why.status == LS_ERR_FORMAT)
        why.status = LS_ERR_DATA;
    if (result < 0)
        return ls_h5_fail_case(&why, "%s: cannot read samples %llu to %llu", a->path, (unsigned long long)row,
                               (unsigned long long)(row + n - 1));
    return LS_OK;
}

LS_CLONES static bool all_finite(const float *x, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= !(fabsf(x[i]) <= FLT_MAX);
    return !bad;
}

ls_status ls_array_check_finite(const ls_array *a, uint64_t first, uint64_t n, const void *values, float *sample)
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

static bool is_gap(const ls_array *a, double stored)
{
    for (size_t i = 0; i < a->gaps; i++)
        if (stored == a->gap[i])
            return true;
    return false;
}

/* No value may be one that means that there is none, nor one that cannot be. */
static ls_status check_gaps(const ls_array *a, uint64_t first, uint64_t n, const void *values)
{
    if (a->gaps == 0 && isinf(a->valid[0]) && isinf(a->valid[1]))
        return LS_OK;
    for (uint64_t i = 0; i < n; i++)
        for (size_t j = 0; j < a->elements; j++) {
            const double stored = ls_array_stored(a, (const char *)values + i * ls_array_sample_bytes(a), j);
            const bool gap = is_gap(a, stored);

            if (gap || stored < a->valid[0] || stored > a->valid[1])
                return ls_fail(LS_ERR_DATA,
                               "%s: sample %llu has %.9g at element %zu, which its attribute%s a missing value: fill "
                               "it, or leave such samples out",
                               a->path, (unsigned long long)(a->first_row + first + i), stored, j,
                               gap ? " _FillValue or missing_value says means"
                                   : "s valid_range, valid_min or valid_max make");
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
        ls_watchdog_tick();
        LS_TRY(read_piece(r, row, next - row, out));
        LS_TRY(check_gaps(a, sample, next - row, out));
        LS_TRY(ls_array_check_finite(a, sample, next - row, out, r->sample));
        LS_TRY(ls_array_check_values(a, out, sample, next - row));
    }
    return LS_OK;
}
