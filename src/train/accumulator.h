/*
 * The memory in which contributions are added up, in blocks of LS_BLOCK weights. Where the ranks of a node share memory
 * and sums are exact there is one for all of them: each adds what it has straight to the node's sums, in any order,
 * since no order changes them. Blocks are then taken for a while, by strips that have a lock each. Elsewhere every rank
 * has its own, and taking costs nothing.
 */
#ifndef LS_TRAIN_ACCUMULATOR_H
#define LS_TRAIN_ACCUMULATOR_H

#include <stdatomic.h>

#include "comm/reducer.h"
#include "comm/wait.h"

#define LS_STRIP_BLOCKS 64 /* of a lock */

typedef struct ls_accumulator {
    ls_reducer *reducer; /* borrowed */
    char *sums;          /* [blocks x block_bytes] the reducer's */
    size_t blocks, block_bytes;
    _Atomic uint32_t *touched; /* [blocks] the attempt that wrote it last; owned unless there are locks */
    ls_lock *lock;             /* [strips] of the reducer's memory; NULL: nobody else adds to these sums */
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

/* This rank has blocks [begin, end) for itself until it leaves them; the first waits for them, the other does not. */
void ls_accumulator_take(ls_accumulator *a, size_t begin, size_t end);
bool ls_accumulator_try(ls_accumulator *a, size_t begin, size_t end);
void ls_accumulator_leave(ls_accumulator *a, size_t begin, size_t end);

/*
 * Blocks that are taken are about to be added to. True: none of them holds anything, and all are written. False: all
 * can be added to.
 */
bool ls_accumulator_open(ls_accumulator *a, size_t begin, size_t end);
/* Blocks that nobody wrote hold an earlier step's sums: they count as zero from here on. Takes them by itself. */
void ls_accumulator_clear(ls_accumulator *a, size_t begin, size_t end);

static inline char *ls_accumulator_at(const ls_accumulator *a, size_t block)
{
    return a->sums + block * a->block_bytes;
}

#endif
