/* Reading the values of an HDF5 dataset as a whole, by one process or by all of a node. */
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset_impl.h"

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
    const uint64_t piece = ls_array_piece_rows(a), begin = a->first_row / piece;
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
    ls_status st = sample ? ls_array_check_finite(a, 0, a->samples, a->values, sample) : LS_ERR_MEMORY;

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
