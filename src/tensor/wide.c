#include "tensor/wide.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LOWEST_EXPONENT (-384) /* weight of limb 0 */
#define LIMB_MASK UINT64_C(0xffffffff)

/* Biased exponent of a double, and where its last bit stands above 2^-384: x = mantissa x 2^(biased - 1075). */
#define DOUBLE_BIAS 1023
#define TOO_LARGE (DOUBLE_BIAS + 383)
#define LAST_PLACE (DOUBLE_BIAS + 52 + LOWEST_EXPONENT)

void ls_wide_clear(ls_wide *sum, size_t n)
{
    memset(sum, 0, n * sizeof *sum);
}

void ls_wide_add(ls_wide *sum, double x)
{
    uint64_t bits, mantissa;
    int64_t part[3];
    int biased, place;
    size_t first;
    unsigned shift;

    memcpy(&bits, &x, sizeof bits);
    biased = (int)(bits >> 52 & 0x7ff);
    if (biased >= TOO_LARGE) {
        *(isnan(x) ? &sum->nan : x > 0 ? &sum->plus : &sum->minus) += 1;
        return;
    }
    place = biased - LAST_PLACE;
    if (place <= -53) /* wholly below 2^-384; zeros and denormals too */
        return;
    mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    if (place < 0) {
        mantissa >>= -place;
        place = 0;
    }
    first = (size_t)place / 32;
    shift = (unsigned)place % 32;
    part[0] = (int64_t)(mantissa << shift & LIMB_MASK);
    part[1] = (int64_t)(mantissa >> (32 - shift) & LIMB_MASK);
    part[2] = (int64_t)(mantissa >> 32 >> (32 - shift));
    /* The last limb a number below 2^383 reaches is the last one there is: beyond it part[] is zero. */
    for (size_t i = 0; i < 3 && first + i < LS_WIDE_LIMBS; i++)
        sum->limb[first + i] += bits >> 63 ? -part[i] : part[i];
}

void ls_wide_add_wide(ls_wide *sum, const ls_wide *other)
{
    for (size_t i = 0; i < LS_WIDE_LIMBS; i++)
        sum->limb[i] += other->limb[i];
    sum->plus += other->plus;
    sum->minus += other->minus;
    sum->nan += other->nan;
}

/*
 * digit[LIMBS] = the limbs (or their negatives) with carries passed upwards: each below 2^32. Returns what is carried
 * out at the top; negative exactly if the number is.
 */
static int64_t carry(const ls_wide *sum, bool negate, uint64_t *digit)
{
    int64_t carried = 0;

    for (size_t i = 0; i < LS_WIDE_LIMBS; i++) {
        const int64_t limb = negate ? -sum->limb[i] : sum->limb[i];
        const int64_t low = (limb & (int64_t)LIMB_MASK) + carried; /* no overflow: |carried| <= 2^31 + 1 */

        digit[i] = (uint64_t)low & LIMB_MASK;
        carried = (limb >> 32) + (low >> 32); /* arithmetic shifts: floor */
    }
    return carried;
}

double ls_wide_value(const ls_wide *sum)
{
    uint64_t digit[LS_WIDE_LIMBS + 3] = {0}; /* two zeros below, for the shift; the carry on top */
    uint64_t head;
    size_t top = LS_WIDE_LIMBS + 2;
    int64_t carried;
    bool negative;
    int spare;

    if (sum->nan || (sum->plus && sum->minus))
        return NAN;
    if (sum->plus || sum->minus)
        return sum->plus ? INFINITY : -INFINITY;
    carried = carry(sum, false, digit + 2);
    negative = carried < 0;
    if (negative)
        carried = carry(sum, true, digit + 2);
    digit[top] = (uint64_t)carried;
    while (top >= 2 && digit[top] == 0)
        top--;
    if (top < 2)
        return 0.0;

    /* The 64 bits from the highest one down; whatever lies below only matters as being zero or not. */
    head = digit[top] << 32 | digit[top - 1];
    spare = __builtin_clzll(head);
    head = head << spare | digit[top - 2] >> (32 - spare);
    bool rest = (digit[top - 2] << spare & LIMB_MASK) != 0;
    for (size_t i = 0; i + 2 < top; i++)
        rest |= digit[i] != 0;
    /* One rounding, of 64 bits to 53: the lowest bit, far below the half way bit, stands for the rest. */
    const double magnitude = ldexp((double)(head | (uint64_t)rest), 32 * ((int)top - 3) - spare + LOWEST_EXPONENT);
    return negative ? -magnitude : magnitude;
}
