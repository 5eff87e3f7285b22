/* Hashes of arrays, and the identity that stands for one wherever its values lie. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* a hash state on the stack */
#include <xxhash.h>

#include "base/memory.h"
#include "data/dataset_impl.h"

/* Of ls_array_identify; part of the format. */
#define WHOLE_BYTES ((size_t)64 << 20) /* arrays up to here are hashed whole */
#define SAMPLED UINT64_C(64)           /* samples that stand for larger ones */
#define BLOCK_BYTES ((size_t)4 << 10)  /* of a file that a larger one takes values from */
#define BLOCKS ((off_t)16)

/* What the values mean. */
static void hash_description(const ls_array *array, XXH3_state_t *state)
{
    const uint64_t head[3] = {array->samples, array->stored.axes, array->period};
    const char *type = ls_array_type(array);

    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, type, strlen(type) + 1);
    XXH3_64bits_update(state, head, sizeof head);
    for (size_t i = 0; i < array->stored.axes; i++) {
        const uint64_t dim = array->stored.dim[i];

        XXH3_64bits_update(state, &dim, sizeof dim);
    }
    XXH3_64bits_update(state, array->scale, array->period * sizeof *array->scale);
    XXH3_64bits_update(state, array->offset, array->period * sizeof *array->offset);
}

/* Behind the values, where it has always stood. */
static uint64_t finish_hash(const ls_array *array, XXH3_state_t *state)
{
    if (array->channels_first)
        XXH3_64bits_update(state, "channels_first", sizeof "channels_first");
    return XXH3_64bits_digest(state);
}

uint64_t ls_array_hash(const ls_array *array)
{
    XXH3_state_t state;

    if (array->hash)
        return array->hash;
    hash_description(array, &state);
    XXH3_64bits_update(&state, array->values, ls_array_bytes(array));
    return finish_hash(array, &state);
}

/* Of an array that is not in memory, the same as ls_array_hash. */
static ls_status hash_pieces(ls_array_reader *reader, XXH3_state_t *state)
{
    const ls_array *array = reader->array;
    const size_t bytes = ls_array_sample_bytes(array);
    const uint64_t rows = reader->piece < array->samples ? reader->piece : array->samples;
    void *piece = ls_calloc((size_t)rows, bytes, array->path);
    ls_status st = piece ? LS_OK : LS_ERR_MEMORY;

    for (uint64_t first = 0, n; st == LS_OK && first < array->samples; first += n) {
        n = array->samples - first < rows ? array->samples - first : rows;
        if ((st = ls_array_reader_read(reader, first, n, piece)) == LS_OK)
            XXH3_64bits_update(state, piece, (size_t)n * bytes);
    }
    ls_free(piece);
    return st;
}

/*
 * Other files that the values come from, of which the samples may touch none: blocks at equal distances of each. Their
 * names and sizes are in link_hash.
 */
static ls_status hash_linked_file(const char *path, off_t bytes, XXH3_state_t *state)
{
    unsigned char *const block = ls_calloc(BLOCK_BYTES, 1, path);
    const int fd = block ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const off_t last = bytes > (off_t)BLOCK_BYTES ? bytes - (off_t)BLOCK_BYTES : 0;
    ls_status st = !block ? LS_ERR_MEMORY : LS_OK;

    if (block && fd < 0)
        st = ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    for (off_t i = 0; i < BLOCKS && st == LS_OK; i++) {
        const off_t place = last / (BLOCKS - 1) * i + last % (BLOCKS - 1) * i / (BLOCKS - 1);
        const ssize_t n = pread(fd, block, BLOCK_BYTES, place);

        if (n < 0)
            st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
        else
            XXH3_64bits_update(state, block, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    ls_free(block);
    return st;
}

/* reader NULL: the array is in memory. */
static ls_status hash_samples(const ls_array *array, ls_array_reader *reader, XXH3_state_t *state)
{
    const uint64_t layout[2] = {array->chunk_rows, array->storage_bytes};
    const size_t bytes = ls_array_sample_bytes(array);
    void *sample = ls_calloc(bytes, 1, "a sample");
    ls_status st = sample ? LS_OK : LS_ERR_MEMORY;

    XXH3_64bits_update(state, layout, sizeof layout);
    if (array->link_hash)
        XXH3_64bits_update(state, &array->link_hash, sizeof array->link_hash);
    for (size_t i = 1; i < array->files.n && st == LS_OK; i++)
        st = hash_linked_file(array->files.file[i].path, array->files.file[i].info.st_size, state);
    for (uint64_t i = 0; i < SAMPLED && st == LS_OK; i++) {
        /* (samples - 1) i / (SAMPLED - 1), without overflow */
        const uint64_t n = array->samples - 1, at = n / (SAMPLED - 1) * i + n % (SAMPLED - 1) * i / (SAMPLED - 1);

        if (reader)
            st = ls_array_reader_read(reader, at, 1, sample);
        XXH3_64bits_update(state, reader ? sample : ls_array_sample_at(array, at), bytes);
    }
    ls_free(sample);
    return st;
}

ls_status ls_array_identify(ls_array *array)
{
    const bool whole = ls_array_is_borrowed(array) || ls_array_bytes(array) <= WHOLE_BYTES;
    ls_array_reader *reader = NULL;
    XXH3_state_t state;
    ls_status st;

    if (whole && array->values) {
        array->identity = ls_array_hash(array);
        return LS_OK;
    }
    if (!array->values)
        LS_TRY(ls_array_reader_open(array, &reader));
    hash_description(array, &state);
    st = whole ? hash_pieces(reader, &state) : hash_samples(array, reader, &state);
    array->identity = finish_hash(array, &state);
    ls_array_reader_close(reader);
    return st;
}

uint64_t ls_array_identity(const ls_array *array)
{
    return array->identity;
}
