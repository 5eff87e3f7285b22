/* Elementwise kernels and sums in a fixed order. Plain loops, vectorised by the compiler for each instruction set. */
#include "tensor/kernels.h"

#include <string.h>

LS_CLONES void ls_add(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

LS_CLONES void ls_products(const float *restrict x, const float *restrict y, float *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * y[i];
}

LS_CLONES void ls_add_products(const float *restrict x, const float *restrict y, float *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += x[i] * y[i];
}

LS_CLONES void ls_scale(float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

void ls_copy(const float *x, float *y, size_t n)
{
    if (n > 0)
        memcpy(y, x, n * sizeof *x);
}

LS_CLONES void ls_add_rows(float *restrict Y, const float *restrict b, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        float *restrict y = Y + r * n;

        for (size_t i = 0; i < n; i++)
            y[i] += b[i];
    }
}

LS_CLONES void ls_sum_rows(const float *restrict Y, size_t rows, size_t n, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = 0.0f;
    for (size_t r = 0; r < rows; r++) {
        const float *restrict y = Y + r * n;

        for (size_t i = 0; i < n; i++)
            out[i] += y[i];
    }
}

#define SUMS 8

static inline double combine(const double s[SUMS])
{
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

LS_CLONES double ls_sum(const float *x, size_t n)
{
    double s[SUMS] = {0};
    size_t i = 0;

    for (; i + SUMS <= n; i += SUMS)
        for (size_t j = 0; j < SUMS; j++)
            s[j] += (double)x[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)x[i];
    return combine(s);
}

LS_CLONES double ls_sum_squares(const float *x, size_t n)
{
    double s[SUMS] = {0};
    size_t i = 0;

    for (; i + SUMS <= n; i += SUMS)
        for (size_t j = 0; j < SUMS; j++)
            s[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)x[i] * (double)x[i];
    return combine(s);
}

LS_CLONES double ls_dot(const float *x, const float *y, size_t n)
{
    double s[SUMS] = {0};
    size_t i = 0;

    for (; i + SUMS <= n; i += SUMS)
        for (size_t j = 0; j < SUMS; j++)
            s[j] += (double)x[i + j] * (double)y[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += (double)x[i] * (double)y[i];
    return combine(s);
}

LS_CLONES uint32_t ls_max_bits(const float *x, size_t n)
{
    uint32_t largest = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    return largest;
}
