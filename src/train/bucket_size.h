/* How long buckets are (src/comm/README.md), for training and for its simulation (bench/simulate). */
#ifndef LS_TRAIN_BUCKET_SIZE_H
#define LS_TRAIN_BUCKET_SIZE_H

#include <stddef.h>

#define LS_BUCKET_CHUNK_BYTES ((size_t)256 << 10) /* of a bucket, for a rank, at most */
#define LS_FIRST_BUCKET_PART 4 /* the first bucket is this much smaller, so that the first reduction starts early */

/*
 * The most blocks of a bucket that is to have so many bytes. With few ranks it has fewer: a message is then as long as
 * it has to be, and what comes first is not held up by what follows.
 */
static inline size_t ls_bucket_blocks(size_t bytes, size_t ranks, size_t block_bytes)
{
    const size_t chunks = ranks * LS_BUCKET_CHUNK_BYTES, blocks = (bytes < chunks ? bytes : chunks) / block_bytes;

    return blocks ? blocks : 1;
}

static inline size_t ls_first_bucket_blocks(size_t most)
{
    return most / LS_FIRST_BUCKET_PART ? most / LS_FIRST_BUCKET_PART : 1;
}

#endif
