/*
 * Matrix products with one order: C = A B, or C += A B, float32. The k steps of the sum are cut into segments of at
 * most LS_PRODUCT_SEGMENT, as few and as equal as can be, the longer ones first. Within a segment every element is one
 * chain of fused multiply-adds from +0,
 *
 *     s = fma(A[i][q], B[q][j], … fma(A[i][p+1], B[p+1][j], fma(A[i][p], B[p][j], +0)) …)
 *
 * and the segments are added in order: C[i][j] = ((s_0 + s_1) + s_2) + …, or ((C[i][j] + s_0) + s_1) + … when adding.
 * IEEE 754 defines fma to the bit, so an element depends on its row of A and its column of B alone: not on m, n, tiles,
 * vector width, processor or threads. Zeros are multiplied like other numbers (0 x Inf is NaN). Segments keep the error
 * of long sums small: a single chain over 25,000 steps had ten times that of OpenBLAS, whose blocks of the sum end too.
 *
 * Nothing is allocated; what is packed lies on the stack.
 */
#ifndef LS_TENSOR_PRODUCT_PRODUCT_H
#define LS_TENSOR_PRODUCT_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LS_PRODUCT_SEGMENT 256 /* a constant of the arithmetic: another one gives other bits */

/* Segments of a sum of k steps, and the step that segment s begins with; that of the last one's successor is k. */
static inline size_t ls_product_segments(size_t k)
{
    return (k + LS_PRODUCT_SEGMENT - 1) / LS_PRODUCT_SEGMENT;
}

static inline size_t ls_product_segment_begin(size_t k, size_t s)
{
    const size_t segments = ls_product_segments(k), longer = k % segments;

    return s * (k / segments) + (s < longer ? s : longer);
}

/*
 * Where the indices of one axis of A lie: index (a count[1] + b) count[2] + c is a step[0] + b step[1] + c step[2] away
 * from index 0. A plain axis has count {1, 1, n}; windows of images need three loops.
 */
typedef struct ls_product_axis {
    size_t count[3];
    size_t step[3];
} ls_product_axis;

/* A (m,k): its rows and the steps of the sum are the two axes. */
typedef struct ls_product_left {
    const float *at; /* borrowed */
    ls_product_axis row, sum;
} ls_product_left;

size_t ls_product_axis_size(const ls_product_axis *axis);

/* A as a matrix in memory, lda elements between its rows; transposed: A (m,k) is stored as (k,m). */
ls_product_left ls_product_matrix(const float *A, size_t lda, bool transposed, size_t m, size_t k);

typedef struct ls_product {
    ls_product_left A;
    const float *B; /* (k,n), or stored as (n,k) */
    size_t ldb;
    bool transposed_b;
    size_t n;
    float *C; /* (m,n), ldc elements between rows */
    size_t ldc;
    bool add;          /* to the old C; else that is not read */
    const float *bias; /* (n) added to every row at the end; NULL: none */
    bool relu;         /* at the end: max(c, 0), NaN stays */
} ls_product;

/*
 * One exact sum of products over `parts` of k (comm/carrier.h has the arithmetic): per part p, over k in
 * [p length, (p+1) length), C_p = A B as above; then total += ((double)C_p + M) - M for each element, where
 * M = grid[b] and b = (i n + j) / 256 counts blocks of 256 elements in the order of C's rows. Of the bit patterns of
 * |C_p| in a block the largest is left as the largest of largest[b], where what was there before counts, too.
 */
#define LS_PRODUCT_BLOCK 256
#define LS_PRODUCT_LANES 16 /* at least those of a vector on any path */

typedef struct ls_product_sum {
    ls_product_left A;
    const float *B; /* (k,n) */
    size_t ldb, n;
    size_t length;      /* of a part; the last may be shorter */
    double *total;      /* (m,n), contiguous */
    const double *grid; /* [blocks] */
    int32_t *largest;   /* [blocks x LS_PRODUCT_LANES] */
    float *unfinished;  /* (m,n) scratch if length > LS_PRODUCT_SEGMENT; else may be NULL */
    bool start;         /* total holds nothing yet and is written */
} ls_product_sum;

/* The largest of a block's lanes. */
static inline int32_t ls_product_largest(const ls_product_sum *sum, size_t block)
{
    int32_t largest = 0;

    for (size_t i = block * LS_PRODUCT_LANES; i < (block + 1) * LS_PRODUCT_LANES; i++)
        largest = sum->largest[i] > largest ? sum->largest[i] : largest;
    return largest;
}

void ls_product_run(const ls_product *product);
void ls_product_run_sum(const ls_product_sum *sum);

/*
 * count[0] x count[1] products of one shape, for attention's samples and heads: the operands of number (a, b) lie
 * a step[0] + b step[1] elements behind those of the first.
 */
typedef struct ls_product_batch {
    ls_product first;
    size_t count[2];
    size_t A[2], B[2], C[2]; /* steps */
} ls_product_batch;

void ls_product_run_batch(const ls_product_batch *batch);

/* C (m,n) = op(A) op(B) (+ C), as ls_gemm without factors. */
void ls_product_multiply(char transpose_a, char transpose_b, size_t m, size_t n, size_t k, const float *A, size_t lda,
                         const float *B, size_t ldb, bool add, float *C, size_t ldc);

/* One set of loops for one kind of processor. All give the same bits. */
typedef struct ls_product_path {
    const char *name;
    bool (*available)(void); /* on this processor, under this system */
    void (*run)(const ls_product *product);
    void (*run_sum)(const ls_product_sum *sum);
} ls_product_path;

/* Paths that this program was built with, the generic one last. Returns how many. */
#define LS_PRODUCT_PATHS_MAX 4
size_t ls_product_paths(const ls_product_path *out[LS_PRODUCT_PATHS_MAX]);

/*
 * Once, before the first product: the path the processor is best at, or the one that LOCKSTEP_PRODUCT names.
 * LS_ERR_CONFIG if that is unknown or the processor cannot run it.
 */
ls_status ls_product_init(void);
/* The path in use: "avx2". Borrowed. */
const char *ls_product_path_name(void);

#endif
