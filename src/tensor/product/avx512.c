/* Products with AVX-512: 12 x 32 tiles, 24 of the 32 registers. Compiled for that processor; see CMakeLists.txt. */
#include "tensor/product/path.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

#define LANES 16
#define TILE_ROWS 12
#define TILE_VECS 2
#define EACH_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

typedef __m512 vec;

static inline __mmask16 first_lanes(size_t lanes)
{
    return (__mmask16)((1u << lanes) - 1);
}

static inline vec load(const float *x)
{
    return _mm512_loadu_ps(x);
}

static inline vec load_part(const float *x, size_t lanes)
{
    return _mm512_maskz_loadu_ps(first_lanes(lanes), x);
}

static inline void store(float *x, vec v)
{
    _mm512_storeu_ps(x, v);
}

static inline void store_part(float *x, vec v, size_t lanes)
{
    _mm512_mask_storeu_ps(x, first_lanes(lanes), v);
}

static inline vec splat(const float *x)
{
    return _mm512_set1_ps(*x);
}

static inline vec zero_vec(void)
{
    return _mm512_setzero_ps();
}

static inline vec add_vec(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

static inline vec relu_vec(vec a)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NLE_UQ), a);
}

static inline vec fused(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline __m512d on_grid(__m256 half, __m512d M)
{
    return _mm512_sub_pd(_mm512_add_pd(_mm512_cvtps_pd(half), M), M);
}

static inline void add_to_grid(double *total, const float *values, size_t step, size_t parts, double grid, bool start,
                               int32_t *largest)
{
    const __m512d M = _mm512_set1_pd(grid);
    const __m512i mask = _mm512_set1_epi32(INT32_MAX);
    __m512i top = _mm512_loadu_si512(largest);
    __m512d low = start ? _mm512_setzero_pd() : _mm512_loadu_pd(total);
    __m512d high = start ? _mm512_setzero_pd() : _mm512_loadu_pd(total + 8);

    for (size_t p = 0; p < parts; p++, values += step) {
        top = _mm512_max_epi32(top, _mm512_and_si512(_mm512_castps_si512(load(values)), mask));
        low = _mm512_add_pd(low, on_grid(_mm256_loadu_ps(values), M));
        high = _mm512_add_pd(high, on_grid(_mm256_loadu_ps(values + 8), M));
    }
    _mm512_storeu_si512(largest, top);
    _mm512_storeu_pd(total, low);
    _mm512_storeu_pd(total + 8, high);
}

/*
 * The same for values of which none is Inf or NaN and all fit their grid (|a| <= 2^E, comm/carrier.h; else a total is
 * worth nothing anyway): a + M lies in the binade of M, whose doubles count units of the grid, so that the doubles'
 * bits can be added as integers. The larger of two magnitudes is one instruction that loses NaN.
 */
#define HAS_FINITE

static inline void add_finite_to_grid(double *total, const float *values, size_t step, size_t parts, double grid,
                                      bool start, int32_t *largest)
{
    const __m512d M = _mm512_set1_pd(grid), zero = _mm512_setzero_pd();
    const __m512i M_bits = _mm512_castpd_si512(M);
    /* The unit is the distance from M to the next double. */
    const __m512d unit = _mm512_sub_pd(_mm512_castsi512_pd(_mm512_add_epi64(M_bits, _mm512_set1_epi64(1))), M);
    const __m512i all =
        _mm512_set1_epi64((int64_t)((uint64_t)parts * (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(M_bits))));
    __m512 top = _mm512_loadu_ps((void *)largest);
    __m512i low = _mm512_setzero_si512(), high = low;

    for (size_t p = 0; p < parts; p++, values += step) {
        const __m512d a = _mm512_cvtps_pd(_mm256_loadu_ps(values)), b = _mm512_cvtps_pd(_mm256_loadu_ps(values + 8));

        low = _mm512_add_epi64(low, _mm512_castpd_si512(_mm512_add_pd(a, M)));
        high = _mm512_add_epi64(high, _mm512_castpd_si512(_mm512_add_pd(b, M)));
        top = _mm512_range_ps(top, load(values), 0xb);
    }
    _mm512_storeu_ps((void *)largest, top);
    _mm512_storeu_pd(total, _mm512_fmadd_pd(_mm512_cvtepi64_pd(_mm512_sub_epi64(low, all)), unit,
                                            start ? zero : _mm512_loadu_pd(total)));
    _mm512_storeu_pd(total + 8, _mm512_fmadd_pd(_mm512_cvtepi64_pd(_mm512_sub_epi64(high, all)), unit,
                                                start ? zero : _mm512_loadu_pd(total + 8)));
}

#include "tensor/product/transpose8.h"
#include "tensor/product/loops.h"

static bool available_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

static const ls_product_path path_avx512 = {"avx512", available_avx512, run_product, run_product_sum};
const ls_product_path *const ls_product_avx512 = &path_avx512;
#else
const ls_product_path *const ls_product_avx512 = NULL;
#endif
