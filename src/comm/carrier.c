/*
 * The three carriers. Their exactness rests on IEEE binary64, round to nearest even and no contraction; the rounding
 * mode is the caller's duty (ls_compute_init), the rest is how this file is compiled.
 *
 * carried. Let |a| < 2^E, h >= 2, M = 1.5 x 2^(E+h), u = 2^(E+h-52). Then |a| < 2^(E+h) / 4, so a + M lies between
 * 1.25 and 1.75 x 2^(E+h): one binade, whose doubles are the multiples of u. Hence a + M is rounded to a multiple of u;
 * M is one too, so subtracting it is exact, and q = (a + M) - M is a rounded to a multiple of u, |q| <= 2^E. At most
 * 2^h such q: every partial sum, in any order and grouping, is a multiple of u of at most 2^(E+h) = 2^52 u. Such
 * numbers are doubles: no addition rounds.
 *
 * static. Two such grids. u_hi = 2^-30, M_hi = 1.5 x 2^52 u_hi: for |a| <= 2^21, hi is a rounded to a multiple of u_hi;
 * while 2^h |a| <= 2^23 = 2^53 u_hi the sums of hi are exact. The rest r = a - hi is exact (a multiple of a's last
 * place, at most 24 bits long) and |r| <= u_hi / 2 = 2^-31. u_lo = 2^(h-83), M_lo = 1.5 x 2^52 u_lo = 1.5 x 2^(h-31):
 * again |r| <= 2^(h-31) / 4 since h >= 2, and 2^h |r| <= 2^52 u_lo: the sums of lo are exact. What is lost is what r
 * has below u_lo.
 *
 * q is never -0, since x - x = +0: zeros cannot carry an order either.
 */
#include "comm/carrier.h"

#include <string.h>

#include "tensor/kernels.h"

#define STATIC_UNIT_HI_EXPONENT (-30)
#define STATIC_SUM_EXPONENT 23 /* sums of hi stay below 2^53 u_hi */

/* The grid a block without history stands on: finer than any float, so that zeros are all that fits. */
#define SMALLEST_E (-149)

/* 1.5 x 2^exponent; exponent is that of a normal double. */
static double three_halves(int exponent)
{
    const uint64_t bits = ((uint64_t)(exponent + 1023) << 52) | (UINT64_C(1) << 51);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bits of |a|: ordered as integers, Inf and NaN on top. */
static inline int32_t magnitude_bits(float a)
{
    int32_t bits;

    memcpy(&bits, &a, sizeof bits);
    return bits & INT32_MAX;
}

int16_t ls_carrier_exponent(int32_t largest)
{
    const int biased = largest >> 23;

    if (largest == 0)
        return LS_EXPONENT_NONE;
    if (biased == 255)
        return LS_EXPONENT_NONFINITE;
    if (biased == 0) /* denormal: largest x 2^-149 */
        return (int16_t)(32 - __builtin_clz((unsigned)largest) - 149);
    return (int16_t)(biased - 126); /* [1, 2) has biased exponent 127 and lies below 2^1 */
}

/* One pass each: the grid addition, and the largest |a|. `first_` begins a sum instead of adding to one. */

LS_CLONES static int32_t first_carried(double *restrict acc, const float *restrict a, double M)
{
    int32_t largest = 0;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        const int32_t bits = magnitude_bits(a[i]);

        largest = bits > largest ? bits : largest;
        acc[i] = ((double)a[i] + M) - M;
    }
    return largest;
}

LS_CLONES static int32_t sum_carried(double *restrict acc, const float *restrict a, double M)
{
    int32_t largest = 0;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        const int32_t bits = magnitude_bits(a[i]);

        largest = bits > largest ? bits : largest;
        acc[i] += ((double)a[i] + M) - M;
    }
    return largest;
}

LS_CLONES static int32_t sum_static(double *restrict hi, double *restrict lo, const float *restrict a, double M_hi,
                                    double M_lo)
{
    int32_t largest = 0;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        const int32_t bits = magnitude_bits(a[i]);
        const double x = (double)a[i];
        const double q = (x + M_hi) - M_hi;

        largest = bits > largest ? bits : largest;
        hi[i] += q;
        lo[i] += ((x - q) + M_lo) - M_lo;
    }
    return largest;
}

LS_CLONES static int32_t sum_fast(float *restrict acc, const float *restrict a)
{
    int32_t largest = 0;

    for (size_t i = 0; i < LS_BLOCK; i++) {
        const int32_t bits = magnitude_bits(a[i]);

        largest = bits > largest ? bits : largest;
        acc[i] += a[i];
    }
    return largest;
}

double ls_carrier_grid(int16_t E, int h)
{
    return three_halves((E == LS_EXPONENT_NONE ? SMALLEST_E : E) + h);
}

static int16_t add_carried(void *acc, const float *a, int16_t E, int h, bool start)
{
    const double M = ls_carrier_grid(E, h);

    return ls_carrier_exponent(start ? first_carried(acc, a, M) : sum_carried(acc, a, M));
}

static int16_t add_static(void *acc, const float *a, int16_t E, int h, bool start)
{
    double *hi = acc;

    (void)E;
    if (start)
        memset(acc, 0, 2 * LS_BLOCK * sizeof(double));
    return ls_carrier_exponent(sum_static(hi, hi + LS_BLOCK, a, three_halves(STATIC_UNIT_HI_EXPONENT + 52),
                                          three_halves(STATIC_UNIT_HI_EXPONENT + h - 53 + 52)));
}

static int16_t add_fast(void *acc, const float *a, int16_t E, int h, bool start)
{
    (void)E;
    (void)h;
    if (start)
        memset(acc, 0, LS_BLOCK * sizeof(float));
    return ls_carrier_exponent(sum_fast(acc, a));
}

/*
 * The reciprocal and the product round once each in double (a relative 2^-52 together), then the float does: the
 * nearest float to the quotient, unless that lies within about 2^-28 of the float's last place from a tie. A division
 * of every element would cost as much as the whole sum.
 */
LS_CLONES static void finish_carried(const void *acc, double divisor, float *restrict g)
{
    const double *total = acc, scale = 1 / divisor;

    for (size_t i = 0; i < LS_BLOCK; i++)
        g[i] = (float)(total[i] * scale);
}

LS_CLONES static void finish_static(const void *acc, double divisor, float *restrict g)
{
    const double *hi = acc, *lo = hi + LS_BLOCK, scale = 1 / divisor;

    for (size_t i = 0; i < LS_BLOCK; i++)
        g[i] = (float)((hi[i] + lo[i]) * scale);
}

LS_CLONES static void finish_fast(const void *acc, double divisor, float *restrict g)
{
    const float *total = acc;
    const double scale = 1 / divisor;

    for (size_t i = 0; i < LS_BLOCK; i++)
        g[i] = (float)((double)total[i] * scale);
}

static bool fits_carried(int16_t e, int16_t E, int h)
{
    (void)h;
    return e <= E; /* LS_EXPONENT_NONE is below, LS_EXPONENT_NONFINITE above every grid */
}

static bool fits_static(int16_t e, int16_t E, int h)
{
    (void)E;
    return e <= STATIC_SUM_EXPONENT - h; /* at most 21, since h >= 2 */
}

static bool fits_fast(int16_t e, int16_t E, int h)
{
    (void)E;
    (void)h;
    return e != LS_EXPONENT_NONFINITE;
}

const ls_carrier_ops ls_carrier_carried = {
    .name = "carried",
    .element = LS_FLOAT64,
    .per_weight = 1,
    .exact = true,
    .add = add_carried,
    .finish = finish_carried,
    .fits = fits_carried,
};

const ls_carrier_ops ls_carrier_static = {
    .name = "static",
    .element = LS_FLOAT64,
    .per_weight = 2,
    .exact = true,
    .add = add_static,
    .finish = finish_static,
    .fits = fits_static,
};

const ls_carrier_ops ls_carrier_fast = {
    .name = "fast",
    .element = LS_FLOAT32,
    .per_weight = 1,
    .exact = false,
    .add = add_fast,
    .finish = finish_fast,
    .fits = fits_fast,
};

ls_status ls_carrier_h(uint64_t contributions, int *h)
{
    if (contributions > UINT64_C(1) << LS_CARRIER_H_MAX)
        return ls_fail(
            LS_ERR_CONFIG,
            "an update of %llu microbatches is more than the exact sum takes (2^%d): use larger microbatches",
            (unsigned long long)contributions, LS_CARRIER_H_MAX);
    *h = 2;
    while (UINT64_C(1) << *h < contributions)
        ++*h;
    return LS_OK;
}
