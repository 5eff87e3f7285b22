/*
 * The fused multiply-add of float32, a b + c rounded once, made from float64 additions: for machines without the
 * instruction, and as vectors of four.
 *
 * p = a b is exact (48 bits of at most 53). s = p + c rounded to nearest, e = its exact error (two-sum). If e is not 0
 * and the last bit of s is 0, one step towards e makes s the odd neighbour of the exact sum: "rounding to odd", after
 * which the rounding of s to float32 is that of the exact sum, since 53 >= 2 x 24 + 2 (Boldo and Melquiond, 2008).
 * Infinities and NaN have an e of NaN, which is neither above nor below 0, and stay as they are. A sum of 0 is exact,
 * so that the sign of zero is the addition's own.
 */
#ifndef LS_TENSOR_PRODUCT_FUSED_H
#define LS_TENSOR_PRODUCT_FUSED_H

#include <stdint.h>

typedef float ls_float4 __attribute__((vector_size(16)));
typedef double ls_double4 __attribute__((vector_size(32)));
typedef int64_t ls_long4 __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) ls_float4 ls_fused(ls_float4 a, ls_float4 b, ls_float4 c)
{
    const ls_double4 zero = {0};
    const ls_double4 p = __builtin_convertvector(a, ls_double4) * __builtin_convertvector(b, ls_double4);
    const ls_double4 d = __builtin_convertvector(c, ls_double4), s = p + d, back = s - p;
    const ls_double4 e = (p - (s - back)) + (d - back);
    const ls_long4 word = (ls_long4)s;
    /* -1 where true: away from zero where e has the sign of s, else towards it; s is not 0 where e is not. */
    const ls_long4 inexact = (ls_long4)((e > zero) | (e < zero)), same = (ls_long4)((e > zero) == (s > zero));
    const ls_long4 step = (same & 2) - 1;
    const ls_long4 odd = word + (step & inexact & ((word & 1) - 1));

    return __builtin_convertvector((ls_double4)odd, ls_float4);
}

#endif
