/*
 * The two arithmetics a model's matrix products can have, and what two machines must have in common for the same bits.
 *
 * portable: products of our own with one order (tensor/product), the same bits on any processor. What decides is the
 * revision below. openblas: OpenBLAS's, the same bits on one of its kernel families and one version of lockstep.
 */
#ifndef LS_TENSOR_ARITHMETIC_H
#define LS_TENSOR_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The revision of the portable arithmetic. It becomes the next number in the commit that changes, on purpose, the bits
 * of any experiment that could be written before: an order of sums, an elementary function, a random stream, the
 * meaning of a default. Not for what is new, and not for what is only faster. The same commit makes
 * tests/golden/fingerprints.txt again, which fails until then. Models, checkpoints and run.json carry it: a checkpoint
 * of another revision is not resumed, and that is all that ties it to a machine or a version.
 */
#define LS_ARITHMETIC_REVISION 1

typedef enum ls_arithmetic { LS_ARITHMETIC_PORTABLE, LS_ARITHMETIC_OPENBLAS } ls_arithmetic;

extern const char *const ls_arithmetic_names[]; /* "portable", "openblas", NULL: by ls_arithmetic */

/* What must be the same for the same bits: "portable, revision 1" or "openblas, Haswell kernels", in out, returned. */
#define LS_ARITHMETIC_BYTES 64
const char *ls_arithmetic_describe(ls_arithmetic arithmetic, char out[LS_ARITHMETIC_BYTES]);

/* C (m,n) = op(A) op(B), or C += with add; row-major, lda, ldb, ldc elements between rows; transpose: 'n' or 't'. */
void ls_multiply(ls_arithmetic arithmetic, char transpose_a, char transpose_b, size_t m, size_t n, size_t k,
                 const float *A, size_t lda, const float *B, size_t ldb, bool add, float *C, size_t ldc);

#endif
