/* Consecutive microbatches of a batch: what a rank has of it (data/sampler.h cuts it), or a part of that. */
#ifndef LS_NN_SLICE_H
#define LS_NN_SLICE_H

#include <stdint.h>

typedef struct ls_slice {
    uint64_t batch_rows;   /* samples in the global batch */
    uint64_t microbatch;   /* samples of a microbatch; the last one of the batch may have fewer */
    uint64_t first, count; /* its microbatches, as the batch counts them */
    uint64_t begin, rows;  /* its samples: positions in the epoch order */
} ls_slice;

/* Microbatches of the whole batch. */
static inline uint64_t ls_batch_microbatches(const ls_slice *slice)
{
    return slice->batch_rows / slice->microbatch + (slice->batch_rows % slice->microbatch != 0);
}

/* The row of the slice where its i-th microbatch begins, and the rows it has. */
static inline uint64_t ls_microbatch_row(const ls_slice *slice, uint64_t i)
{
    return i * slice->microbatch;
}

static inline uint64_t ls_microbatch_rows(const ls_slice *slice, uint64_t i)
{
    const uint64_t left = slice->rows - ls_microbatch_row(slice, i);

    return left < slice->microbatch ? left : slice->microbatch;
}

#endif
