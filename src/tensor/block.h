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

#endif
