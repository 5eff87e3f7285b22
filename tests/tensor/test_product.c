/* Every path of tensor/product against chains of fmaf in segments, bit for bit; its accuracy beside OpenBLAS's; the
 * choice of path.
 */
#include "ls_test.h"

#include <stdlib.h>

#include "tensor/kernels.h"
#include "tensor/product/product.h"

static float value(size_t i, size_t salt)
{
    const uint32_t h = (uint32_t)(i + 1) * 2654435761u ^ (uint32_t)(salt + 1) * 0x85ebca6bu;

    return (float)((int32_t)(h ^ (h >> 15)) >> 8) * 0x1p-23f;
}

static float *filled(size_t n, size_t salt)
{
    float *x = malloc((n + 1) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = value(i, salt);
    return x;
}

static size_t offset_of(const ls_product_axis *axis, size_t i)
{
    const size_t c = i % axis->count[2], b = i / axis->count[2] % axis->count[1],
                 a = i / axis->count[2] / axis->count[1];

    return a * axis->step[0] + b * axis->step[1] + c * axis->step[2];
}

static size_t count_along(const ls_product_axis *axis)
{
    return axis->count[0] * axis->count[1] * axis->count[2];
}

/* Element (i,j) of A B over steps [begin, end), as product.h defines it; added to *old if there is one. */
static float element(const ls_product_left *A, const float *B, size_t ldb, bool transposed_b, size_t i, size_t j,
                     size_t begin, size_t end, const float *old)
{
    const size_t k = end - begin, segments = (k + LS_PRODUCT_SEGMENT - 1) / LS_PRODUCT_SEGMENT;
    float c = old ? *old : 0.0f;

    for (size_t s = 0; s < segments; s++) {
        const size_t length = k / segments + (s < k % segments);
        float sum = 0.0f;

        for (size_t q = begin; q < begin + length; q++)
            sum = fmaf(A->at[offset_of(&A->row, i) + offset_of(&A->sum, q)],
                       B[transposed_b ? j * ldb + q : q * ldb + j], sum);
        begin += length;
        c = s == 0 && !old ? sum : c + sum;
    }
    return c;
}

/* Runs a product on every path that this processor has; C has a margin on all sides that must stay. */
static void check_product(const ls_product *p)
{
    const size_t m = count_along(&p->A.row), k = count_along(&p->A.sum), ldc = p->n + 3, size = (m + 2) * ldc;
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const size_t paths = ls_product_paths(path);
    float *old = filled(size, 7), *want = filled(size, 7), *got = filled(size, 7);
    ls_product q = *p;

    q.C = got + ldc + 1;
    q.ldc = ldc;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < p->n; j++) {
            const size_t at = (i + 1) * ldc + 1 + j;
            float c = element(&p->A, p->B, p->ldb, p->transposed_b, i, j, 0, k, p->add ? &old[at] : NULL);

            c = p->bias ? c + p->bias[j] : c;
            want[at] = p->relu && c <= 0.0f ? 0.0f : c;
        }
    for (size_t i = 0; i < paths; i++) {
        if (!path[i]->available())
            continue;
        memcpy(got, old, size * sizeof *got);
        path[i]->run(&q);
        if (!same_bits(got, want, size))
            fail_msg("%s: m %zu n %zu k %zu%s%s", path[i]->name, m, p->n, k, p->transposed_b ? " transposed" : "",
                     p->add ? " added" : "");
    }
    free(old);
    free(want);
    free(got);
}

static void check_matrices(size_t m, size_t n, size_t k)
{
    float *const A = filled((m + 2) * (k + 2), 0), *const B = filled((n + 2) * (k + 2), 1), *const bias = filled(n, 2);

    for (int variant = 0; variant < 16; variant++) {
        const bool ta = variant & 1, tb = variant & 2;
        ls_product p = {.A = ls_product_matrix(A, ta ? m + 1 : k + 2, ta, m, k),
                        .B = B,
                        .ldb = tb ? k + 1 : n + 2,
                        .transposed_b = tb,
                        .n = n,
                        .add = variant & 4,
                        .bias = variant & 8 ? bias : NULL,
                        .relu = variant & 8};

        check_product(&p);
    }
    free(A);
    free(B);
    free(bias);
}

static void shapes(void **state)
{
    static const size_t sizes[][3] = {{1, 1, 1},     {1, 10, 7},    {2, 3, 4},     {5, 7, 11},    {6, 16, 16},
                                      {7, 17, 33},   {12, 32, 40},  {13, 33, 17},  {32, 10, 512}, {128, 10, 65},
                                      {25, 64, 9},   {193, 48, 27}, {60, 31, 385}, {3, 130, 769}, {200, 20, 150},
                                      {11, 15, 800}, {385, 9, 5},   {1, 200, 400}, {128, 512, 3}};

    (void)state;
    for (size_t i = 0; i < count_of(sizes); i++)
        check_matrices(sizes[i][0], sizes[i][1], sizes[i][2]);
}

static void small_shapes(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 14; m++)
        for (size_t n = 1; n <= 34; n += n < 18 ? 1 : 5)
            check_matrices(m, n, 1 + (m * n) % 9);
}

/* Windows of images: 3 x 2 cells of 5 channels at 4 x 6 places of 3 images of 6 x 7 cells, and back. */
static void windows(void **state)
{
    const ls_product_axis place = {{3, 4, 6}, {6 * 7 * 5, 7 * 5, 5}}, cell = {{3, 2, 5}, {7 * 5, 5, 1}};
    const ls_product_axis apart = {{3, 2, 2}, {6 * 7 * 5, 2 * 7 * 5, 4 * 5}}, part = {{3, 2, 2}, {7 * 5, 5, 1}};
    const ls_product_left left[] = {{NULL, place, cell}, {NULL, cell, place}, {NULL, apart, part}, {NULL, part, apart}};
    float *const X = filled(3 * 6 * 7 * 5, 3), *const B = filled(200 * 41, 4);

    (void)state;
    for (size_t i = 0; i < count_of(left); i++)
        for (size_t n = 1; n < 42; n += 8) {
            ls_product p = {.A = left[i], .B = B, .ldb = 41, .n = n};

            p.A.at = X;
            check_product(&p);
            p.add = true;
            check_product(&p);
        }
    free(X);
    free(B);
}

/* Scores of attention, Q K^T of 3 samples and 4 heads, which lie side by side: what 12 products of their own give. */
static void batches(void **state)
{
    enum { SAMPLES = 3, HEADS = 4, QUERIES = 7, KEYS = 9, SIZE = 5, WIDTH = HEADS * SIZE };
    float *const Q = filled(SAMPLES * QUERIES * WIDTH, 0), *const K = filled(SAMPLES * KEYS * WIDTH, 1);
    float *const got = filled(SAMPLES * HEADS * QUERIES * KEYS, 2), *const want =
                                                                        filled(SAMPLES * HEADS * QUERIES * KEYS, 2);

    (void)state;
    ls_product_run_batch(&(ls_product_batch){.first = {.A = ls_product_matrix(Q, WIDTH, false, QUERIES, SIZE),
                                                       .B = K,
                                                       .ldb = WIDTH,
                                                       .transposed_b = true,
                                                       .n = KEYS,
                                                       .C = got,
                                                       .ldc = KEYS,
                                                       .add = true},
                                             .count = {SAMPLES, HEADS},
                                             .A = {QUERIES * WIDTH, SIZE},
                                             .B = {KEYS * WIDTH, SIZE},
                                             .C = {HEADS * QUERIES * KEYS, QUERIES * KEYS}});
    for (size_t s = 0; s < SAMPLES; s++)
        for (size_t h = 0; h < HEADS; h++)
            ls_product_multiply('n', 't', QUERIES, KEYS, SIZE, Q + s * QUERIES * WIDTH + h * SIZE, WIDTH,
                                K + s * KEYS * WIDTH + h * SIZE, WIDTH, true, want + (s * HEADS + h) * QUERIES * KEYS,
                                KEYS);
    assert_true(same_bits(got, want, SAMPLES * HEADS * QUERIES * KEYS));
    free(Q);
    free(K);
    free(got);
    free(want);
}

static void check_sum(const ls_product_left *A, const float *B, size_t n, size_t length, bool start)
{
    const size_t m = count_along(&A->row), k = count_along(&A->sum), blocks = m * n / LS_PRODUCT_BLOCK + 1;
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const size_t paths = ls_product_paths(path);
    double *const want = calloc(m * n, sizeof *want), *const got = calloc(m * n, sizeof *got);
    double *const grid = calloc(blocks, sizeof *grid);
    float *const unfinished = length > LS_PRODUCT_SEGMENT ? filled(m * n, 8) : NULL;
    int32_t *const top = calloc(blocks, sizeof *top), *const largest =
                                                          calloc(blocks, LS_PRODUCT_LANES * sizeof *largest);

    for (size_t b = 0; b < blocks; b++)
        grid[b] = ldexp(1.5, 30 + (int)(b % 5) * 4); /* coarse: the rounding must show */
    for (size_t i = 0; i < m * n; i++) {
        const double M = grid[i / LS_PRODUCT_BLOCK];

        want[i] = start ? 0 : (double)value(i, 5) * 1024;
        for (size_t at = 0; at < k; at += length) {
            const float c = element(A, B, n, false, i / n, i % n, at, at + length < k ? at + length : k, NULL);
            int32_t bits;

            want[i] += ((double)c + M) - M;
            memcpy(&bits, &c, sizeof bits);
            bits &= INT32_MAX;
            top[i / LS_PRODUCT_BLOCK] = bits > top[i / LS_PRODUCT_BLOCK] ? bits : top[i / LS_PRODUCT_BLOCK];
        }
    }
    for (size_t q = 0; q < paths; q++) {
        const ls_product_sum s = {.A = *A,
                                  .B = B,
                                  .ldb = n,
                                  .n = n,
                                  .length = length,
                                  .total = got,
                                  .grid = grid,
                                  .largest = largest,
                                  .unfinished = unfinished,
                                  .start = start};

        if (!path[q]->available())
            continue;
        memset(largest, 0, blocks * LS_PRODUCT_LANES * sizeof *largest);
        for (size_t i = 0; i < m * n; i++)
            got[i] = start ? NAN : (double)value(i, 5) * 1024;
        path[q]->run_sum(&s);
        for (size_t i = 0; i < m * n; i++)
            if (got[i] != want[i])
                fail_msg("%s: m %zu n %zu k %zu length %zu: element %zu: got %a, want %a", path[q]->name, m, n, k,
                         length, i, got[i], want[i]);
        for (size_t b = 0; b < blocks; b++)
            assert_int_equal(ls_product_largest(&s, b), top[b]);
    }
    free(want);
    free(got);
    free(grid);
    free(unfinished);
    free(top);
    free(largest);
}

static void sums(void **state)
{
    static const size_t sizes[][4] = {{20, 512, 128, 32}, {51, 10, 64, 8},   {37, 7, 33, 8},      {9, 64, 100, 100},
                                      {5, 300, 12, 1},    {3, 1, 2000, 900}, {288, 16, 800, 395}, {13, 33, 385, 384},
                                      {7, 40, 770, 385},  {194, 12, 9, 4},   {1, 1, 1, 1},        {6, 256, 1000, 32}};

    (void)state;
    for (size_t i = 0; i < count_of(sizes); i++) {
        const size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        float *const X = filled(m * k, 0), *const B = filled(k * n, 1);

        for (int variant = 0; variant < 4; variant++) {
            const ls_product_left A = ls_product_matrix(X, variant & 1 ? m : k, variant & 1, m, k);

            check_sum(&A, B, n, sizes[i][3], variant & 2);
        }
        free(X);
        free(B);
    }
}

static void sums_over_windows(void **state)
{
    const ls_product_left A = {
        filled(6 * 6 * 7 * 5, 3), {{3, 2, 5}, {7 * 5, 5, 1}}, {{6, 4, 6}, {6 * 7 * 5, 7 * 5, 5}}};
    float *const B = filled(6 * 24 * 20, 4);

    (void)state;
    for (size_t samples = 1; samples <= 6; samples++)
        check_sum(&A, B, 20, samples * 24, samples & 1);
    free((void *)(uintptr_t)A.at);
    free(B);
}

/* 0 x Inf and Inf - Inf are NaN; a NaN anywhere in a row or column comes out, also through relu and into `largest`. */
static void not_finite(void **state)
{
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const size_t paths = ls_product_paths(path);

    (void)state;
    for (size_t q = 0; q < paths; q++) {
        float A[7 * 5] = {0}, B[5 * 19] = {0}, C[7 * 19];
        double total[7 * 19], grid = 0x1.8p40;
        int32_t largest[LS_PRODUCT_LANES] = {0};
        const ls_product p = {
            .A = ls_product_matrix(A, 5, false, 7, 5), .B = B, .ldb = 19, .n = 19, .C = C, .ldc = 19, .relu = true};
        const ls_product_sum s = {p.A, B, 19, 19, 2, total, &grid, largest, NULL, true};

        if (!path[q]->available())
            continue;
        B[3 * 19 + 18] = INFINITY;
        A[2 * 5] = NAN;
        path[q]->run(&p);
        path[q]->run_sum(&s);
        for (size_t i = 0; i < 7 * 19; i++)
            assert_true(!isnan(C[i]) == !(i % 19 == 18 || i / 19 == 2));
        assert_true(ls_product_largest(&s, 0) > 0x7f800000);
    }
}

/*
 * Whole tiles, which a path may add in a faster way that is for finite values only: operands that are not, and finite
 * ones whose product is not, must be seen in their block and in no other.
 */
static void not_finite_in_whole_tiles(void **state)
{
    enum { M = 24, N = 64, K = 16, PART = 4, BLOCKS = M * N / LS_PRODUCT_BLOCK };
    const float bad[][2] = {{NAN, 1}, {INFINITY, 1}, {1e30f, 1e30f}, {1, NAN}, {-1e38f, 8}};
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const size_t paths = ls_product_paths(path);
    static double total[M * N];

    (void)state;
    for (size_t q = 0; q < paths; q++)
        for (size_t i = 0; path[q]->available() && i < count_of(bad); i++) {
            float *const A = filled(M * K, 0), *const B = filled(K * N, 1);
            double grid[BLOCKS];
            int32_t largest[BLOCKS * LS_PRODUCT_LANES] = {0};
            const ls_product_sum s = {
                ls_product_matrix(A, K, false, M, K), B, N, N, PART, total, grid, largest, NULL, true};

            for (size_t b = 0; b < BLOCKS; b++)
                grid[b] = 0x1.8p20;
            for (size_t r = 0; r < M; r++) /* row 9 is in block 2; a NaN of B reaches all rows */
                A[r * K + 6] = r == 9 ? bad[i][0] : 0.0f;
            B[6 * N + 40] = bad[i][1];
            path[q]->run_sum(&s);
            for (size_t b = 0; b < BLOCKS; b++)
                if ((ls_product_largest(&s, b) >= 0x7f800000) != (b == 2 || isnan(bad[i][1])))
                    fail_msg("%s: case %zu, block %zu: %x", path[q]->name, i, b, (unsigned)ls_product_largest(&s, b));
            free(A);
            free(B);
        }
}

/* Zero rows, columns or steps; -0 + 0 starts from +0. */
static void empty(void **state)
{
    const float a[4] = {-1, 1, 1, 1}, b[4] = {0, 0, 1, 1};
    float c[4] = {5, 6, 7, 8};

    (void)state;
    ls_product_multiply('n', 'n', 0, 2, 2, a, 2, b, 2, false, c, 2);
    ls_product_multiply('n', 'n', 2, 0, 2, a, 2, b, 2, false, c, 2);
    assert_true(c[0] == 5 && c[3] == 8);
    ls_product_multiply('n', 'n', 1, 2, 0, a, 2, b, 2, true, c, 2);
    assert_true(c[0] == 5 && c[1] == 6);
    ls_product_multiply('n', 'n', 1, 2, 0, a, 2, b, 2, false, c, 2);
    assert_true(c[0] == 0 && c[1] == 0 && c[2] == 7);
    ls_product_multiply('n', 'n', 1, 2, 1, a, 1, b, 2, false, c, 2);
    assert_false(signbit(c[0]));
}

/* Error against float64 on the shapes of the experiments, rms and largest: OpenBLAS's, give or take the data. */
static void accuracy(void **state)
{
    static const size_t sizes[][3] = {{32, 512, 784}, {64, 128, 1600}, {64, 64, 288}, {64, 10, 512}, {96, 64, 25088}};

    (void)state;
    for (size_t q = 0; q < count_of(sizes); q++) {
        const size_t m = sizes[q][0], n = sizes[q][1], k = sizes[q][2];
        float *const A = filled(m * k, 0), *const B = filled(k * n, 1), *const C = filled(m * n, 2),
                     *const D = filled(m * n, 2);
        double squares[2] = {0}, most[2] = {0};

        ls_product_multiply('n', 'n', m, n, k, A, k, B, n, false, C, n);
        ls_gemm('n', 'n', m, n, k, 1, A, k, B, n, 0, D, n);
        for (size_t i = 0; i < m * n; i++) {
            double sum = 0;

            for (size_t s = 0; s < k; s++)
                sum += (double)A[i / n * k + s] * B[s * n + i % n];
            for (int w = 0; w < 2; w++) {
                const double e = fabs((double)(w ? D : C)[i] - sum);

                squares[w] += e * e;
                most[w] = e > most[w] ? e : most[w];
            }
        }
        print_message("m %zu n %zu k %zu: rms %.3g largest %.3g; OpenBLAS %.3g %.3g\n", m, n, k,
                      sqrt(squares[0] / (double)(m * n)), most[0], sqrt(squares[1] / (double)(m * n)), most[1]);
        assert_true(sqrt(squares[0]) <= 1.1 * sqrt(squares[1]) && most[0] <= 1.25 * most[1]);
        free(A);
        free(B);
        free(C);
        free(D);
    }
}

static void choice(void **state)
{
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const size_t paths = ls_product_paths(path);

    (void)state;
    setenv("LOCKSTEP_PRODUCT", "mmx", 1);
    assert_true(
        failed_with(ls_product_init(), LS_ERR_CONFIG, (const char *[]){"LOCKSTEP_PRODUCT", "mmx", "generic", NULL}));
    for (size_t i = 0; i < paths; i++) {
        setenv("LOCKSTEP_PRODUCT", path[i]->name, 1);
        if (path[i]->available()) {
            assert_true(ok(ls_product_init()));
            assert_string_equal(ls_product_path_name(), path[i]->name);
        } else {
            assert_true(failed_with(ls_product_init(), LS_ERR_CONFIG, (const char *[]){path[i]->name, NULL}));
        }
    }
    unsetenv("LOCKSTEP_PRODUCT");
    assert_true(ok(ls_product_init()));
}

static int initialise(void **state)
{
    (void)state;
    return ls_compute_init() == LS_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),     cmocka_unit_test(small_shapes),
        cmocka_unit_test(windows),    cmocka_unit_test(batches),
        cmocka_unit_test(sums),       cmocka_unit_test(sums_over_windows),
        cmocka_unit_test(not_finite), cmocka_unit_test(not_finite_in_whole_tiles),
        cmocka_unit_test(empty),      cmocka_unit_test(accuracy),
        cmocka_unit_test(choice),
    };

    return cmocka_run_group_tests(tests, initialise, NULL);
}
