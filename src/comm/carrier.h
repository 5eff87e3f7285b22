/*
 * Carriers: how float32 gradient contributions are added so that the order does not matter (src/comm/README.md).
 *
 *   carried  one float64 per weight on a grid taken from earlier steps (Demmel and Nguyen's pre-rounding, carried
 *            exponents). Default. M = 1.5 x 2^(E+h); q = ((double)a + M) - M is a rounded to a multiple of
 *            u = 2^(E+h-52); any sum of at most 2^h such q with |a| <= 2^E is exact in float64.
 *   static   two float64 per weight on two fixed grids (u = 2^-30 and 2^-30 x 2^(h-53)); no state. The oracle.
 *   fast     one float32 per weight, plain sums: `reduction: fast`.
 *
 * Everything works on blocks of LS_BLOCK weights. A block's contributions are counted by the caller's promise of h.
 */
#ifndef LS_COMM_CARRIER_H
#define LS_COMM_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/reducer.h"
#include "nn/model.h"

/* Exponent of a block: the smallest e with |a| < 2^e for all a. Special values: */
#define LS_EXPONENT_NONE INT16_MIN /* all contributions are 0, or there were none */
#define LS_EXPONENT_NONFINITE INT16_MAX

/* Head-room of a carried exponent over the largest one observed, in bits. */
#define LS_HEADROOM 6

typedef struct ls_carrier_ops {
    const char *name;
    ls_element element;
    size_t per_weight; /* elements per weight: 1, or 2 for static */
    bool exact;
    /*
     * REQUIRED. acc (LS_BLOCK x per_weight elements) += a (LS_BLOCK) on the grid of exponent E with h. `start`: acc
     * holds nothing yet and is overwritten. Returns the block's exponent (see above); the sum is valid if that fits.
     */
    int16_t (*add)(void *acc, const float *a, int16_t E, int h, bool start);
    /* REQUIRED. g (LS_BLOCK) = (float)(total / divisor), once all is summed; g does not overlap acc. */
    void (*finish)(const void *acc, double divisor, float *g);
    /* REQUIRED. Is the sum of 2^h blocks of exponent e on grid E valid? carried: e <= E; static: e + h <= 23; fast:
     * finite. */
    bool (*fits)(int16_t e, int16_t E, int h);
} ls_carrier_ops;

/* What `carried` works with, for sums that are made elsewhere (tensor/product): M for exponent E; the exponent of
 * contributions whose largest |a| has these bits. */
double ls_carrier_grid(int16_t E, int h);
int16_t ls_carrier_exponent(int32_t largest);

extern const ls_carrier_ops ls_carrier_carried, ls_carrier_static, ls_carrier_fast;

/* h for at most `contributions` per weight and step: max(2, ceil(log2)). LS_ERR_CONFIG above 2^LS_CARRIER_H_MAX. */
#define LS_CARRIER_H_MAX 24
ls_status ls_carrier_h(uint64_t contributions, int *h);

/*
 * The carried exponents of all blocks, and how they move. Every rank holds the same; they are part of a checkpoint.
 * E[b] rises at once when a contribution does not fit (the step is redone). At updates that are multiples of
 * LS_EXPONENT_WINDOW it becomes the largest exponent seen since the last such update, plus LS_HEADROOM: it sinks, or
 * its used-up head-room comes back before a step has to be redone for it. A block that was all zeros meanwhile keeps
 * its E.
 */
#define LS_EXPONENT_WINDOW 64

typedef struct ls_exponents {
    int16_t *E;    /* [blocks] grid in use; LS_EXPONENT_NONE before the first contribution */
    int16_t *seen; /* [blocks] largest exponent observed since the window began */
    size_t blocks;
} ls_exponents;

ls_status ls_exponents_init(ls_exponents *exponents, size_t blocks);
void ls_exponents_reset(ls_exponents *exponents);
void ls_exponents_copy(ls_exponents *exponents, const ls_exponents *source); /* of as many blocks */
/*
 * step[b]: the largest exponent over all microbatches and ranks; never LS_EXPONENT_NONFINITE, which is the caller's
 * error to report. True if all fit. False: the step must be redone, and then fits; since it is redone anyway, E rose to
 * step + LS_HEADROOM everywhere it was lower, so that the next block to run out of head-room does not cost another
 * step.
 */
bool ls_exponents_rise(ls_exponents *exponents, const int16_t *step);
/* After a step that fitted: remember what was seen; sink if `update` (counted from 1) closes a window. */
void ls_exponents_settle(ls_exponents *exponents, const int16_t *step, uint64_t update);

#endif
