/* Blocks: what the flat buffers of weights and gradients are counted in. */
#ifndef LS_TENSOR_BLOCK_H
#define LS_TENSOR_BLOCK_H

#include <stddef.h>

/* Elements. The unit of the exact grid, of shards and of norms; every weight begins at a block of its own. */
#define LS_BLOCK 256

static inline size_t ls_blocks(size_t n)
{
    return (n + LS_BLOCK - 1) / LS_BLOCK;
}

/* Elements rounded up to whole blocks. */
static inline size_t ls_pad_block(size_t n)
{
    return ls_blocks(n) * LS_BLOCK;
}

/* The fewest rows of n elements that are whole blocks: LS_BLOCK / gcd(LS_BLOCK, n), a power of two. */
static inline size_t ls_block_rows(size_t n)
{
    size_t rows = LS_BLOCK;

    for (; rows > 1 && n % 2 == 0; n /= 2)
        rows /= 2;
    return rows;
}

#endif
