/* Products on any IEEE machine: fused multiply-adds made from float64 (fused.h), vectorised by the compiler. */
#include "tensor/product/path.h"

#include <string.h>

#include "tensor/product/fused.h"

#define LANES 4
#define TILE_ROWS 2
#define TILE_VECS 2
#define EACH_HEIGHT(X) X(1) X(2)

typedef ls_float4 vec;
typedef struct bits {
    int32_t lane[LANES];
} bits;

static inline vec load(const float *x)
{
    vec v;

    memcpy(&v, x, sizeof v);
    return v;
}

static inline vec load_part(const float *x, size_t lanes)
{
    vec v = {0};

    for (size_t i = 0; i < LANES; i++)
        v[i] = i < lanes ? x[i] : 0.0f;
    return v;
}

static inline void store(float *x, vec v)
{
    memcpy(x, &v, sizeof v);
}

static inline void store_part(float *x, vec v, size_t lanes)
{
    for (size_t i = 0; i < LANES && i < lanes; i++)
        x[i] = v[i];
}

static inline vec splat(const float *x)
{
    return (vec){*x, *x, *x, *x};
}

static inline vec zero_vec(void)
{
    return (vec){0};
}

static inline vec add_vec(vec a, vec b)
{
    return a + b;
}

static inline vec relu_vec(vec a)
{
    for (size_t i = 0; i < LANES; i++)
        a[i] = a[i] <= 0.0f ? 0.0f : a[i];
    return a;
}

static inline vec fused(vec a, vec b, vec c)
{
    return ls_fused(a, b, c);
}

static inline bits zero_bits(void)
{
    return (bits){{0}};
}

static inline bits add_to_grid(double *total, const float *values, size_t step, size_t parts, double M, bool start,
                               bits top)
{
    for (size_t p = 0; p < parts; p++, values += step)
        for (size_t i = 0; i < LANES; i++) {
            const double q = ((double)values[i] + M) - M;
            int32_t word;

            memcpy(&word, &values[i], sizeof word);
            word &= INT32_MAX;
            top.lane[i] = word > top.lane[i] ? word : top.lane[i];
            total[i] = start && p == 0 ? q : total[i] + q;
        }
    return top;
}

static inline void transpose_lanes(const float *from, size_t step, float *to, size_t to_step)
{
    for (size_t i = 0; i < LANES; i++)
        for (size_t j = 0; j < LANES; j++)
            to[j * to_step + i] = from[i * step + j];
}

#include "tensor/product/loops.h"

static bool available_generic(void)
{
    return true;
}

const ls_product_path ls_product_generic = {"generic", available_generic, run_product, run_product_sum};
