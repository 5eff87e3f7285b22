/*
 * SLEEF's deterministic functions. The SSE2 ones are named outright, without SLEEF's dispatcher, so every x86-64 node
 * runs the same instructions; on 64-bit ARM the variants without FMA give the same bits as these.
 */
#include "tensor/math.h"

#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#include <sleef.h>
typedef __m128 lanes;
typedef Sleef___m128_2 lanes_pair;
#define LANES_LOAD(x) _mm_loadu_ps(x)
#define LANES_STORE(y, v) _mm_storeu_ps(y, v)
#define SLEEF4(name) Sleef_cinz_##name##sse2
#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sleef.h>
typedef float32x4_t lanes;
typedef Sleef_float32x4_t_2 lanes_pair;
#define LANES_LOAD(x) vld1q_f32(x)
#define LANES_STORE(y, v) vst1q_f32(y, v)
#define SLEEF4(name) Sleef_cinz_##name##advsimdnofma
#else
#error "lockstep needs x86-64 or 64-bit ARM: elementary functions must have the same bits everywhere"
#endif

#define LANES ((size_t)4)

/*
 * y = f(x). The tail is padded with ones, where every function here is defined. x and y may be the same. SLEEF's own
 * functions return const values, which makes them of another type than f for some compilers: hence the wrappers.
 */
static inline void map(lanes (*f)(lanes), const float *x, float *y, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        LANES_STORE(y + i, f(LANES_LOAD(x + i)));
    if (i < n) {
        float tail[LANES] = {1, 1, 1, 1};

        memcpy(tail, x + i, (n - i) * sizeof *x);
        LANES_STORE(tail, f(LANES_LOAD(tail)));
        memcpy(y + i, tail, (n - i) * sizeof *y);
    }
}

static lanes exp_4(lanes v)
{
    return SLEEF4(expf4_u10)(v);
}

void ls_exp(const float *x, float *y, size_t n)
{
    map(exp_4, x, y, n);
}

static lanes expm1_4(lanes v)
{
    return SLEEF4(expm1f4_u10)(v);
}

void ls_expm1(const float *x, float *y, size_t n)
{
    map(expm1_4, x, y, n);
}

static lanes log_4(lanes v)
{
    return SLEEF4(logf4_u10)(v);
}

void ls_log(const float *x, float *y, size_t n)
{
    map(log_4, x, y, n);
}

static lanes log1p_4(lanes v)
{
    return SLEEF4(log1pf4_u10)(v);
}

void ls_log1p(const float *x, float *y, size_t n)
{
    map(log1p_4, x, y, n);
}

static lanes tanh_4(lanes v)
{
    return SLEEF4(tanhf4_u10)(v);
}

void ls_tanh(const float *x, float *y, size_t n)
{
    map(tanh_4, x, y, n);
}

static lanes erf_4(lanes v)
{
    return SLEEF4(erff4_u10)(v);
}

void ls_erf(const float *x, float *y, size_t n)
{
    map(erf_4, x, y, n);
}

/* sin(pi v) and cos(pi v) of v = 2 x, which is exact. */
static inline void sin_cos_4(const float *x, float *sine, float *cosine)
{
    float v[LANES];
    lanes_pair both;

    for (size_t i = 0; i < LANES; i++)
        v[i] = 2.0f * x[i];
    both = SLEEF4(sincospif4_u05)(LANES_LOAD(v));
    LANES_STORE(sine, both.x);
    LANES_STORE(cosine, both.y);
}

void ls_sin_cos_2pi(const float *x, float *sine, float *cosine, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        sin_cos_4(x + i, sine + i, cosine + i);
    if (i < n) {
        float tail[LANES] = {0}, s[LANES], c[LANES];

        memcpy(tail, x + i, (n - i) * sizeof *x);
        sin_cos_4(tail, s, c);
        memcpy(sine + i, s, (n - i) * sizeof *s);
        memcpy(cosine + i, c, (n - i) * sizeof *c);
    }
}

double ls_exp_double(double x)
{
    return Sleef_cinz_expd1_u10purec(x);
}

double ls_log_double(double x)
{
    return Sleef_cinz_logd1_u10purec(x);
}

double ls_pow_double(double x, double y)
{
    return Sleef_cinz_powd1_u10purec(x, y);
}

double ls_cos_double(double x)
{
    return Sleef_cinz_cosd1_u10purec(x);
}
