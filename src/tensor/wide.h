/*
 * Exact sums of doubles of any size: an integer superaccumulator, for the few numbers per step that are not gradients
 * (loss, metrics, batch-norm sums, norms).
 *
 * A number is LS_WIDE_LIMBS signed 64-bit limbs of 32 bits each; limb i has weight 2^(32 i - 384). Adding a double adds
 * its 53 bits, in place, to at most three limbs; nothing is rounded, so sums are associative and ranks may add limb by
 * limb with any integer reduction. 2^31 numbers fit before a limb can overflow.
 * What lies below 2^-384 is cut off, the same everywhere. Infinities are counted by their sign (anything from 2^383 up
 * is one), NaN by itself, so that a sum over ranks is inf, -inf or NaN as the sum in one piece would be.
 *
 * Why not the two-bin grid of the gradients: a loss may be 1e10 or 1e-30 and has no earlier step to take a grid from.
 * Cf. Kulisch's long accumulator.
 */
#ifndef LS_TENSOR_WIDE_H
#define LS_TENSOR_WIDE_H

#include <stddef.h>
#include <stdint.h>

#define LS_WIDE_LIMBS 24
#define LS_WIDE_WORDS (LS_WIDE_LIMBS + 3) /* what travels: the limbs and the three counts */

typedef struct ls_wide {
    int64_t limb[LS_WIDE_LIMBS];
    int64_t plus, minus, nan; /* how many +inf, -inf, NaN */
} ls_wide;

_Static_assert(sizeof(ls_wide) == LS_WIDE_WORDS * sizeof(int64_t), "ranks add ls_wide as plain int64 words");

void ls_wide_clear(ls_wide *sum, size_t n);
void ls_wide_add(ls_wide *sum, double x);
void ls_wide_add_wide(ls_wide *sum, const ls_wide *other); /* limb by limb */
/*
 * The double nearest to the sum (ties to even; below 2^-384 there is nothing left to round); an infinity if there were
 * some of one sign, NaN if of both or if there was a NaN.
 */
double ls_wide_value(const ls_wide *sum);

#endif
