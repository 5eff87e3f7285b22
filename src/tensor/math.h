/*
 * Elementary functions with the same bits on every node: SLEEF's deterministic ("cinz", no FMA) variants, never libm.
 * Arrays are worked four lanes at a time and the tail goes through the same vector code, so a value does not depend on
 * its place in the array. In place (x == y) is allowed everywhere.
 */
#ifndef LS_TENSOR_MATH_H
#define LS_TENSOR_MATH_H

#include <stddef.h>

void ls_exp(const float *x, float *y, size_t n);
void ls_expm1(const float *x, float *y, size_t n);
void ls_log(const float *x, float *y, size_t n);
void ls_log1p(const float *x, float *y, size_t n);
void ls_tanh(const float *x, float *y, size_t n);
void ls_erf(const float *x, float *y, size_t n);
void ls_sin_cos_2pi(const float *x, float *sine, float *cosine, size_t n); /* of 2 pi x, |x| <= 1 */

/* Scalars in double, for schedules, bias corrections and losses' sums. sqrt, fabs, floor and ceil are exact in libm. */
double ls_exp_double(double x);
double ls_log_double(double x);
double ls_pow_double(double x, double y);
double ls_cos_double(double x);

#endif
