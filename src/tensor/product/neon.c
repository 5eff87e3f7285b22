/* Products on 64-bit ARM: 12 x 8 tiles, 24 of the 32 registers. Fused multiply-adds belong to the base instructions. */
#include "tensor/product/path.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>

#define LANES 4
#define TILE_ROWS 12
#define TILE_VECS 2
#define EACH_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

typedef float32x4_t vec;

static inline vec load(const float *x)
{
    return vld1q_f32(x);
}

static inline vec load_part(const float *x, size_t lanes)
{
    float some[LANES] = {0};

    for (size_t i = 0; i < lanes; i++)
        some[i] = x[i];
    return vld1q_f32(some);
}

static inline void store(float *x, vec v)
{
    vst1q_f32(x, v);
}

static inline void store_part(float *x, vec v, size_t lanes)
{
    float some[LANES];

    vst1q_f32(some, v);
    for (size_t i = 0; i < lanes; i++)
        x[i] = some[i];
}

static inline vec splat(const float *x)
{
    return vld1q_dup_f32(x);
}

static inline vec zero_vec(void)
{
    return vdupq_n_f32(0);
}

static inline vec add_vec(vec a, vec b)
{
    return vaddq_f32(a, b);
}

static inline vec relu_vec(vec a)
{
    return vbslq_f32(vcleq_f32(a, zero_vec()), zero_vec(), a);
}

static inline vec fused(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

static inline float64x2_t on_grid(float64x2_t half, float64x2_t M)
{
    return vsubq_f64(vaddq_f64(half, M), M);
}

static inline void add_to_grid(double *total, const float *values, size_t step, size_t parts, double grid, bool start,
                               int32_t *largest)
{
    const float64x2_t M = vdupq_n_f64(grid);
    int32x4_t top = vld1q_s32(largest);
    float64x2_t low = start ? vdupq_n_f64(0) : vld1q_f64(total);
    float64x2_t high = start ? vdupq_n_f64(0) : vld1q_f64(total + 2);

    for (size_t p = 0; p < parts; p++, values += step) {
        const vec v = load(values);

        top = vmaxq_s32(top, vandq_s32(vreinterpretq_s32_f32(v), vdupq_n_s32(INT32_MAX)));
        low = vaddq_f64(low, on_grid(vcvt_f64_f32(vget_low_f32(v)), M));
        high = vaddq_f64(high, on_grid(vcvt_high_f64_f32(v), M));
    }
    vst1q_s32(largest, top);
    vst1q_f64(total, low);
    vst1q_f64(total + 2, high);
}

#define TURN 4

static inline void turn(const float *const *row, size_t at, float *to, size_t to_step)
{
    const float32x4x2_t ab = vtrnq_f32(load(row[0] + at), load(row[1] + at));
    const float32x4x2_t cd = vtrnq_f32(load(row[2] + at), load(row[3] + at));

    store(to, vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0])));
    store(to + to_step, vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1])));
    store(to + 2 * to_step, vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0])));
    store(to + 3 * to_step, vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1])));
}

#include "tensor/product/loops.h"

static bool available_neon(void)
{
    return true;
}

static const ls_product_path path_neon = {"neon", available_neon, run_product, run_product_sum};
const ls_product_path *const ls_product_neon = &path_neon;
#else
const ls_product_path *const ls_product_neon = NULL;
#endif
