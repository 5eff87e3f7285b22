#include "tensor/arithmetic.h"

#include <stdio.h>

#include "tensor/kernels.h"
#include "tensor/product/product.h"

const char *const ls_arithmetic_names[] = {"portable", "openblas", NULL};

const char *ls_arithmetic_describe(ls_arithmetic arithmetic, char out[LS_ARITHMETIC_BYTES])
{
    if (arithmetic == LS_ARITHMETIC_PORTABLE)
        snprintf(out, LS_ARITHMETIC_BYTES, "portable, revision %d", LS_ARITHMETIC_REVISION);
    else
        snprintf(out, LS_ARITHMETIC_BYTES, "openblas, %.32s kernels", ls_blas_kernel());
    return out;
}

void ls_multiply(ls_arithmetic arithmetic, char transpose_a, char transpose_b, size_t m, size_t n, size_t k,
                 const float *A, size_t lda, const float *B, size_t ldb, bool add, float *C, size_t ldc)
{
    if (arithmetic == LS_ARITHMETIC_PORTABLE)
        ls_product_multiply(transpose_a, transpose_b, m, n, k, A, lda, B, ldb, add, C, ldc);
    else
        ls_gemm(transpose_a, transpose_b, m, n, k, 1.0f, A, lda, B, ldb, add ? 1.0f : 0.0f, C, ldc);
}
