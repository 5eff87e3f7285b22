/* Products with AVX2 and FMA: 6 x 16 tiles, 12 of the 16 registers. Compiled for that processor; see CMakeLists.txt. */
#include "tensor/product/path.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define LANES 8
#define TILE_ROWS 6
#define TILE_VECS 2
#define EACH_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6)

typedef __m256 vec;

static inline __m256i first_lanes(size_t lanes)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vec load(const float *x)
{
    return _mm256_loadu_ps(x);
}

static inline vec load_part(const float *x, size_t lanes)
{
    return _mm256_maskload_ps(x, first_lanes(lanes));
}

static inline void store(float *x, vec v)
{
    _mm256_storeu_ps(x, v);
}

static inline void store_part(float *x, vec v, size_t lanes)
{
    _mm256_maskstore_ps(x, first_lanes(lanes), v);
}

static inline vec splat(const float *x)
{
    return _mm256_broadcast_ss(x);
}

static inline vec zero_vec(void)
{
    return _mm256_setzero_ps();
}

static inline vec add_vec(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

static inline vec relu_vec(vec a)
{
    return _mm256_andnot_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_LE_OQ), a);
}

static inline vec fused(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline __m256d on_grid(__m128 half, __m256d M)
{
    return _mm256_sub_pd(_mm256_add_pd(_mm256_cvtps_pd(half), M), M);
}

static inline void add_to_grid(double *total, const float *values, size_t step, size_t parts, double grid, bool start,
                               int32_t *largest)
{
    const __m256d M = _mm256_set1_pd(grid);
    const __m256i mask = _mm256_set1_epi32(INT32_MAX);
    __m256i *const lanes = (__m256i *)(void *)largest;
    __m256i top = _mm256_loadu_si256(lanes);
    __m256d low = start ? _mm256_setzero_pd() : _mm256_loadu_pd(total);
    __m256d high = start ? _mm256_setzero_pd() : _mm256_loadu_pd(total + 4);

    for (size_t p = 0; p < parts; p++, values += step) {
        top = _mm256_max_epi32(top, _mm256_and_si256(_mm256_castps_si256(load(values)), mask));
        low = _mm256_add_pd(low, on_grid(_mm_loadu_ps(values), M));
        high = _mm256_add_pd(high, on_grid(_mm_loadu_ps(values + 4), M));
    }
    _mm256_storeu_si256(lanes, top);
    _mm256_storeu_pd(total, low);
    _mm256_storeu_pd(total + 4, high);
}

#include "tensor/product/transpose8.h"
#include "tensor/product/loops.h"

static bool available_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static const ls_product_path path_avx2 = {"avx2", available_avx2, run_product, run_product_sum};
const ls_product_path *const ls_product_avx2 = &path_avx2;
#else
const ls_product_path *const ls_product_avx2 = NULL;
#endif
