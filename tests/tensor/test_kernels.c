/* Kernels against plain loops in float64, the fixed order of sums, BLAS edge cases, the processor's state. */
#include "ls_test.h"

#include <fenv.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "tensor/kernels.h"

#define N_MAX 1100

static float value(size_t i, size_t salt)
{
    const uint32_t h = (uint32_t)(i + 1) * 2654435761u ^ (uint32_t)(salt + 1) * 0x85ebca6bu;

    return (float)((int32_t)(h ^ (h >> 15)) >> 8) * 0x1p-23f;
}

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 256, 1000, 1023};

static void elementwise(void **state)
{
    float x[N_MAX + 3], y[N_MAX + 3];

    (void)state;
    for (size_t l = 0; l < count_of(lengths); l++)
        for (size_t offset = 0; offset < 3; offset++) {
            const size_t n = lengths[l];

            for (size_t i = 0; i < N_MAX + 3; i++) {
                x[i] = value(i, 0);
                y[i] = value(i, 1);
            }
            ls_add(x + offset, y + offset, n);
            for (size_t i = 0; i < N_MAX + 3; i++)
                assert_true(y[i] == (i >= offset && i < offset + n ? value(i, 1) + value(i, 0) : value(i, 1)));
            ls_scale(y + offset, 0.37f, n);
            for (size_t i = offset; i < offset + n; i++)
                assert_true(y[i] == 0.37f * (value(i, 1) + value(i, 0)));
            ls_copy(x, y + offset, n);
            for (size_t i = 0; i < n; i++)
                assert_true(y[offset + i] == value(i, 0));
            assert_true(y[offset + n] == value(offset + n, 1));
        }
}

static void rows(void **state)
{
    static float Y[9 * 130], b[130], out[131];

    (void)state;
    for (size_t n = 1; n <= 130; n += n < 20 ? 1 : 37)
        for (size_t r = 0; r < 10; r += 3) {
            for (size_t i = 0; i < r * n; i++)
                Y[i] = value(i, 2);
            for (size_t i = 0; i < n; i++)
                b[i] = value(i, 3);
            out[n] = 5.0f;
            ls_add_rows(Y, b, r, n);
            ls_sum_rows(Y, r, n, out);
            for (size_t i = 0; i < n; i++) {
                float sum = 0.0f; /* the promised order: rows from first to last */

                for (size_t k = 0; k < r; k++) {
                    const volatile float cell = value(k * n + i, 2) + value(i, 3);

                    assert_true(Y[k * n + i] == cell);
                    sum += cell;
                }
                assert_true(out[i] == sum);
            }
            assert_true(out[n] == 5.0f);
        }
}

/* The promised order, written down once more from the header's words. */
static double in_order(const double *terms, size_t n)
{
    double s[8] = {0};

    for (size_t i = 0; i < n; i++)
        s[i % 8] += terms[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static void sums(void **state)
{
    float x[N_MAX], y[N_MAX], large[3] = {1e30f, 1.0f, -1e30f};
    double t[N_MAX];

    (void)state;
    for (size_t l = 0; l < count_of(lengths); l++) {
        const size_t n = lengths[l];

        for (size_t i = 0; i < n; i++) { /* magnitudes apart, so that another order would round otherwise */
            x[i] = value(i, 4) * (i % 3 ? 1e-9f : 1e9f);
            y[i] = value(i, 5) * (i % 5 ? 1.0f : 1e12f);
        }
        for (size_t i = 0; i < n; i++)
            t[i] = (double)x[i];
        assert_true(ls_sum(x, n) == in_order(t, n));
        for (size_t i = 0; i < n; i++)
            t[i] = (double)x[i] * (double)x[i];
        assert_true(ls_sum_squares(x, n) == in_order(t, n));
        for (size_t i = 0; i < n; i++)
            t[i] = (double)x[i] * (double)y[i];
        assert_true(ls_dot(x, y, n) == in_order(t, n));
    }
    assert_true(ls_sum_squares(large, 3) > 1e60); /* no overflow on the way */
}

static void max_bits(void **state)
{
    float x[N_MAX] = {0};

    (void)state;
    assert_int_equal(ls_max_bits(x, 0), 0);
    for (size_t l = 1; l < count_of(lengths); l++) {
        const size_t n = lengths[l];

        for (size_t at = 0; at < n; at += 1 + n / 13) {
            for (size_t i = 0; i < n; i++)
                x[i] = 0.5f * value(i, 6);
            x[at] = -0.75f;
            assert_int_equal(ls_max_bits(x, n), 0x3f400000);
            x[at] = -INFINITY;
            assert_int_equal(ls_max_bits(x, n), 0x7f800000);
            x[at] = NAN;
            assert_true(ls_max_bits(x, n) > 0x7f800000);
            x[at] = -0.0f;
            assert_true(ls_max_bits(x, n) <= 0x3f000000);
        }
    }
}

static void naive_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const float *A, size_t lda,
                       const float *B, size_t ldb, double beta, const float *C, double *out, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;

            for (size_t p = 0; p < k; p++)
                sum += (double)(ta ? A[p * lda + i] : A[i * lda + p]) * (double)(tb ? B[j * ldb + p] : B[p * ldb + j]);
            out[i * ldc + j] = alpha * sum + (beta == 0.0 ? 0.0 : beta * (double)C[i * ldc + j]);
        }
}

static void gemm(void **state)
{
    static const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {32, 10, 50}, {17, 33, 1}, {1, 40, 9}, {4, 4, 64}};
    static float A[6000], B[6000], C[6000];
    static double want[6000];

    (void)state;
    for (size_t s = 0; s < count_of(shapes); s++)
        for (int variant = 0; variant < 8; variant++) {
            const bool ta = variant & 1, tb = variant & 2;
            const float beta = variant & 4 ? 0.5f : 0.0f;
            const size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            const size_t lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 3, ldc = n + 1;

            for (size_t i = 0; i < 6000; i++) {
                A[i] = value(i, 7);
                B[i] = value(i, 8);
                C[i] = beta == 0.0f && i % ldc < n && i < m * ldc ? NAN : value(i, 9); /* beta 0: C is not read */
                want[i] = (double)value(i, 9);
            }
            naive_gemm(ta, tb, m, n, k, 1.5, A, lda, B, ldb, (double)beta, C, want, ldc);
            ls_gemm(ta ? 't' : 'n', tb ? 't' : 'n', m, n, k, 1.5f, A, lda, B, ldb, beta, C, ldc);
            assert_true(all_close(C, want, 6000, 1e-5, 1e-5)); /* the gaps between rows included */
        }
}

static void gemm_edges(void **state)
{
    float a[4] = {1, 2, 3, 4}, c[6] = {1, 2, 9, 3, 4, 9};
    const float scaled[6] = {2, 4, 9, 6, 8, 9}, zero[6] = {0, 0, 9, 0, 0, 9};

    (void)state;
    ls_gemm('n', 'n', 0, 2, 2, 1, a, 2, a, 2, 0, c, 3);
    ls_gemm('n', 'n', 2, 0, 2, 1, a, 2, a, 2, 0, c, 3);
    assert_true(c[0] == 1 && c[4] == 4);
    ls_gemm('n', 'n', 2, 2, 0, 1, a, 2, a, 2, 2, c, 3);
    assert_true(same_bits(c, scaled, 6));
    ls_gemm('n', 'n', 2, 2, 0, 1, a, 2, a, 2, 0, c, 3);
    assert_true(same_bits(c, zero, 6));
    ls_gemm('n', 'n', 2, 2, (size_t)INT32_MAX + 1, 1, a, 2, a, 2, 0, c, 3); /* BLAS could not count that far */
    assert_true(isnan(c[0]) && isnan(c[1]) && isnan(c[3]) && isnan(c[4]) && c[2] == 9 && c[5] == 9);
}

/* The same product at another address (other alignment) has the same bits. */
static void gemm_bits_do_not_depend_on_address(void **state)
{
    enum { M = 32, N = 70, K = 130 };
    static float A[M * K + 16], B[K * N + 16], first[M * N], C[M * N + 16];

    (void)state;
    for (size_t shift = 0; shift < 16; shift++) {
        for (size_t i = 0; i < M * K; i++)
            A[i + shift] = value(i, 10);
        for (size_t i = 0; i < K * N; i++)
            B[i + shift] = value(i, 11);
        ls_gemm('n', 'n', M, N, K, 1.0f, A + shift, K, B + shift, N, 0.0f, C + shift, N);
        if (shift == 0)
            memcpy(first, C, sizeof first);
        assert_true(same_bits(C + shift, first, M * N));
    }
}

/* ls_compute_init puts right what a library or a compiler's start-up code may have set. */
static void processor_state(void **state)
{
    const volatile float tiny = 0x1p-126f;

    (void)state;
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040u);
    assert_true(tiny * 0.5f == 0.0f);
#endif
    assert_true(ok(ls_compute_init()));
    assert_int_equal(fegetround(), FE_TONEAREST);
    assert_true(tiny * 0.5f == 0x1p-127f);
    assert_true(strlen(ls_blas_kernel()) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise),
        cmocka_unit_test(rows),
        cmocka_unit_test(sums),
        cmocka_unit_test(max_bits),
        cmocka_unit_test(gemm),
        cmocka_unit_test(gemm_edges),
        cmocka_unit_test(gemm_bits_do_not_depend_on_address),
        cmocka_unit_test(processor_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
