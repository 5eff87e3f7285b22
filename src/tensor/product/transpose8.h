/* 8 x 8 floats transposed in registers, for the paths of x86-64. */
#ifndef LS_TENSOR_PRODUCT_TRANSPOSE8_H
#define LS_TENSOR_PRODUCT_TRANSPOSE8_H

#include <immintrin.h>
#include <stddef.h>

#define TURN 8

/* to[k to_step + r] = row[r][at + k], in ascending order of k. */
static inline void turn(const float *const *row, size_t at, float *to, size_t to_step)
{
    __m256 a[8], b[8];

    for (size_t i = 0; i < 4; i++) { /* rows i and i+4 side by side, four columns at a time */
        a[i] =
            _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i] + at)), _mm_loadu_ps(row[i + 4] + at), 1);
        a[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i] + at + 4)),
                                        _mm_loadu_ps(row[i + 4] + at + 4), 1);
    }
    for (size_t i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
        b[i + 2] = _mm256_unpacklo_ps(a[i + 2], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_ps(a[i + 2], a[i + 3]);
        _mm256_storeu_ps(to + i * to_step, _mm256_shuffle_ps(b[i], b[i + 2], 0x44));
        _mm256_storeu_ps(to + (i + 1) * to_step, _mm256_shuffle_ps(b[i], b[i + 2], 0xee));
        _mm256_storeu_ps(to + (i + 2) * to_step, _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44));
        _mm256_storeu_ps(to + (i + 3) * to_step, _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee));
    }
}

#endif
