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

#include "tensor/product/transpose8.h"

static inline void transpose_lanes(const float *from, size_t step, float *to, size_t to_step)
{
    for (size_t i = 0; i < 16; i += 8)
        for (size_t j = 0; j < 16; j += 8)
            transpose8(from + i * step + j, step, to + j * to_step + i, to_step);
}

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
