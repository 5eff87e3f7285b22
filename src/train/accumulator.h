/*
 * The memory in which contributions are added up, in blocks of LS_BLOCK weights. Where the ranks of a node share memory
 * and sums are exact, nobody adds up what they have beforehand: whoever wants a total takes it from all of them, block
 * by block, and a block that only one rank has written (train/shared_products.h) is that rank's alone. Memory that no
 * rank writes is no memory.
 */
#ifndef LS_TRAIN_ACCUMULATOR_H
#define LS_TRAIN_ACCUMULATOR_H

#include <stdatomic.h>

#include "comm/carrier.h"
#include "comm/reducer.h"

typedef struct ls_accumulator {
    ls_reducer *reducer; /* borrowed */
    char *sums;          /* [blocks x block_bytes] this rank's, the reducer's memory */
    size_t blocks, block_bytes;
    _Atomic uint32_t *touched; /* [blocks] this rank's: the attempt that wrote it last; owned unless `all` is there */
    _Atomic uint32_t
        *all;           /* [parts x blocks] those of the node's ranks, in their memory; NULL: sums are not together */
    size_t part, parts; /* of the node */
    uint32_t attempt;
    bool settled;  /* nobody reads the sums of the attempt before any more */
    bool released; /* nor does this rank, which has said so */
} ls_accumulator;

/* Collective. {0} before; to be reset also after a failure. */
ls_status ls_accumulator_init(ls_accumulator *a, ls_reducer *reducer, size_t blocks, size_t block_bytes);
void ls_accumulator_reset(ls_accumulator *a);

/* A new attempt at a step: nothing is added up yet. Every rank begins the same ones. */
void ls_accumulator_begin(ls_accumulator *a);
/* This rank reads the sums of the attempt no more. */
void ls_accumulator_release(ls_accumulator *a);

/*
 * Blocks [begin, end) of this rank's sums are about to be added to. True: none of them holds anything, and all are
 * written. False: all can be added to.
 */
bool ls_accumulator_open(ls_accumulator *a, size_t begin, size_t end);
/*
 * This rank adds no more to these blocks. Those that it did not write hold an earlier step's sums: where the reducer
 * adds up what ranks have, they are zero from here on.
 */
void ls_accumulator_close(ls_accumulator *a, size_t begin, size_t end);

/*
 * A total, of the carrier's elements, once the reducer has this rank's part of the sums and no rank adds to any. In
 * place, or in sum (block_bytes).
 */
#define LS_ACCUMULATOR_DOUBLES (2 * LS_BLOCK) /* of a block, at most */
const void *ls_accumulator_total(const ls_accumulator *a, size_t block, double sum[LS_ACCUMULATOR_DOUBLES]);

static inline char *ls_accumulator_at(const ls_accumulator *a, size_t block)
{
    return a->sums + block * a->block_bytes;
}

#endif
