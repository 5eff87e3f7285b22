/* Products on any IEEE machine: fused multiply-adds made from float64 (fused.h), vectorised by the compiler. */
#include "tensor/product/path.h"

#include <string.h>

#include "tensor/product/fused.h"

#define LANES 4
#define TILE_ROWS 2
#define TILE_VECS 2
#define EACH_HEIGHT(X) X(1) X(2)

typedef ls_float4 vec;

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

static inline void add_to_grid(double *total, const float *values, size_t step, size_t parts, double grid, bool start,
                               int32_t *largest)
{
    for (size_t i = 0; i < LANES; i++) {
        double sum = start ? 0 : total[i];

        for (size_t p = 0; p < parts; p++) {
            const float value = values[p * step + i];
            int32_t size;

            memcpy(&size, &value, sizeof size);
            size &= INT32_MAX;
            largest[i] = size > largest[i] ? size : largest[i];
            sum += ((double)value + grid) - grid;
        }
        total[i] = sum;
    }
}

#define TURN LANES

static inline void turn(const float *const *row, size_t at, float *to, size_t to_step)
{
    for (size_t k = 0; k < TURN; k++)
        for (size_t r = 0; r < TURN; r++)
            to[k * to_step + r] = row[r][at + k];
}

#include "tensor/product/loops.h"

static bool available_generic(void)
{
    return true;
}

const ls_product_path ls_product_generic = {"generic", available_generic, run_product, run_product_sum};
