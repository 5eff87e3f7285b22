/*
 * Elementwise kernels and fixed-order sums, float32, vectorised by the compiler without contraction: every kernel
 * gives the same bits whatever the instruction set, the alignment, or how a range is cut (elementwise ones), or for the
 * same shape (sums). Built with -ffp-contract=off; never with -ffast-math.
 *
 * GEMM goes to OpenBLAS with one thread. Its bits depend on the shape, so callers always pass a microbatch's own shape.
 */
#ifndef LS_TENSOR_KERNELS_H
#define LS_TENSOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Compile a function for several instruction sets, chosen when the program starts. Safe for bits: without contraction
 * vector and scalar IEEE operations round alike. Sanitizers run before the chooser can, so they get the plain version.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define LS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define LS_CLONES
#endif

/*
 * C (m,n) = alpha op(A) op(B) + beta C, row-major; lda, ldb, ldc: elements between rows. transpose: 'n' or 't'.
 * With beta 0 the old C is not read. BLAS counts in int: if a size does not fit, C becomes NaN, which the engine
 * reports with the layer's name.
 */
void ls_gemm(char transpose_a, char transpose_b, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
             const float *B, size_t ldb, float beta, float *C, size_t ldc);

/* To be called once, before any other function of this file: BLAS to one thread, flush-to-zero off, rounding to
 * nearest; LS_ERR_INTERNAL if the processor will not have it. */
ls_status ls_compute_init(void);

/* Before the first ls_gemm: LS_ERR_MEMORY where OpenBLAS would wait for memory for ever. */
ls_status ls_gemm_reserve(void);
/* The kernel family OpenBLAS runs ("Haswell"). Borrowed. */
const char *ls_blas_kernel(void);

void ls_add_rows(float *Y, const float *b, size_t rows, size_t n);      /* Y (rows,n) += b (n) in every row */
void ls_sum_rows(const float *Y, size_t rows, size_t n, float *out);    /* out (n) = sums of columns, rows in order */
void ls_add(const float *x, float *y, size_t n);                        /* y += x */
void ls_scale(float *x, float a, size_t n);                             /* x *= a */
void ls_products(const float *x, const float *y, float *out, size_t n); /* out = x y, element by element */
void ls_add_products(const float *x, const float *y, float *out, size_t n); /* out += x y */
void ls_copy(const float *x, float *y, size_t n);

/*
 * Sums in double in a fixed order: eight running sums over i mod 8, then ((0+1)+(2+3))+((4+5)+(6+7)). Pure functions of
 * the values and n.
 */
double ls_sum(const float *x, size_t n);
double ls_sum_squares(const float *x, size_t n);
double ls_dot(const float *x, const float *y, size_t n);

/* The largest |x| as a bit pattern (sign cleared): ordered as integers, with Inf = 0x7f800000 and any NaN above it. */
uint32_t ls_max_bits(const float *x, size_t n);

#endif
