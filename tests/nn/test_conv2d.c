/*
 * conv2d in portable arithmetic: outputs and kernel gradients are the product's defined order over the windows, bit for
 * bit, whether windows are read from images, from images with padding around them, or written out.
 */
#include "layer_driver.h"

#include <math.h>

#include "tensor/kernels.h"
#include "tensor/product/product.h"

enum { SIDE = 9, CHANNELS = 4, FILTERS = 6, ROWS = 3 };

/* The sum over k of a(k) b(k) in segments, see tensor/product/product.h. */
static float in_order(const float *a, const float *b, size_t k)
{
    const size_t segments = (k + LS_PRODUCT_SEGMENT - 1) / LS_PRODUCT_SEGMENT;
    float c = 0.0f;

    for (size_t s = 0; s < segments; s++) {
        const size_t length = k / segments + (s < k % segments);
        float sum = 0.0f;

        for (size_t q = 0; q < length; q++)
            sum = fmaf(*a++, *b++, sum);
        c = s == 0 ? sum : c + sum;
    }
    return c;
}

typedef struct axis {
    long out, stride, dilation, before;
} axis;

static axis axis_of(const layer_driver *d, size_t i)
{
    const long kernel = driver_arg(d, "kernel_size", i, 0), stride = driver_arg(d, "strides", i, 1);
    const long dilation = driver_arg(d, "dilation_rate", i, 1), reach = (kernel - 1) * dilation + 1;
    const bool same = strcmp(driver_text(d, "padding"), "same") == 0;
    const long out = same ? (SIDE - 1) / stride + 1 : (SIDE - reach) / stride + 1;
    const long lacking = (out - 1) * stride + reach - SIDE;

    return (axis){out, stride, dilation, same && lacking > 0 ? lacking / 2 : 0};
}

static float cell(const float *X, long sample, long y, long x, long channel)
{
    return y < 0 || y >= SIDE || x < 0 || x >= SIDE ? 0.0f : X[((sample * SIDE + y) * SIDE + x) * CHANNELS + channel];
}

/* C (places of all samples, K) of one group. */
static float *columns(const layer_driver *d, const float *X, long group, long groups)
{
    const axis v = axis_of(d, 0), h = axis_of(d, 1);
    const long kh = driver_arg(d, "kernel_size", 0, 0), kw = driver_arg(d, "kernel_size", 1, 0);
    const long share = CHANNELS / groups;
    float *const C = test_alloc((size_t)(ROWS * v.out * h.out * kh * kw * share), sizeof *C), *c = C;

    for (long s = 0; s < ROWS; s++)
        for (long p = 0; p < v.out * h.out; p++)
            for (long k = 0; k < kh * kw * share; k++)
                *c++ = cell(X, s, p / h.out * v.stride + k / share / kw * v.dilation - v.before,
                            p % h.out * h.stride + k / share % kw * h.dilation - h.before, group * share + k % share);
    return C;
}

static void check(const char *const *args)
{
    const ls_shape in = {3, {SIDE, SIDE, CHANNELS}};
    layer_driver d;
    layer_run run;

    assert_true(ok(driver_init(&d, "conv2d", args, &in, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run.training = true;
    run_batch(&d, &run);
    {
        const size_t groups = (size_t)driver_arg(&d, "groups", 0, 1), share = FILTERS / groups;
        const size_t K = d.layer.param[0].size / FILTERS, places = ls_shape_size(&d.out) / FILTERS * ROWS;
        const float *const kernel = d.layer.param[0].value, *const bias = d.layer.param[1].value;
        float *const a = test_alloc(places + K, sizeof *a), *const b = test_alloc(places + K, sizeof *b);

        for (size_t f = 0; f < FILTERS; f++) {
            float *const C = columns(&d, run.X[0], (long)(f / share), (long)groups);

            for (size_t k = 0; k < K; k++)
                b[k] = kernel[k * FILTERS + f];
            for (size_t p = 0; p < places; p++) {
                const float want = in_order(C + p * K, b, K) + bias[f];

                assert_true(same_bits(&run.Y[p * FILTERS + f], &want, 1));
            }
            for (size_t p = 0; p < places; p++)
                b[p] = run.dY[p * FILTERS + f];
            for (size_t k = 0; k < K; k++) {
                float want;

                for (size_t p = 0; p < places; p++)
                    a[p] = C[p * K + k];
                want = in_order(a, b, places);
                assert_true(same_bits(&run.dW[k * FILTERS + f], &want, 1));
            }
            free(C);
        }
        free(a);
        free(b);
    }
    run_free(&d, &run);
    driver_free(&d);
}

#define CASE(...) check((const char *const[]){"filters", "6", __VA_ARGS__, NULL})

static void windows_are_products_in_the_defined_order(void **state)
{
    (void)state;
    CASE("kernel_size", "[3, 3]");
    CASE("kernel_size", "[3, 3]", "padding", "same");
    CASE("kernel_size", "[1, 1]");
    CASE("kernel_size", "[1, 1]", "strides", "[2, 3]");
    CASE("kernel_size", "[2, 5]", "padding", "same", "strides", "[2, 1]");
    CASE("kernel_size", "[4, 2]", "strides", "[3, 2]");
    CASE("kernel_size", "[3, 2]", "dilation_rate", "[2, 3]", "padding", "same");
    CASE("kernel_size", "[2, 3]", "dilation_rate", "[3, 2]");
    CASE("kernel_size", "[3, 3]", "groups", "2", "padding", "same");
    CASE("kernel_size", "[9, 9]", "padding", "same");
    CASE("kernel_size", "[2, 2]", "dilation_rate", "[40, 40]", "padding", "same"); /* padding is most of it */
}

static int initialise(void **state)
{
    (void)state;
    return ls_compute_init() == LS_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_are_products_in_the_defined_order)};

    return cmocka_run_group_tests(tests, initialise, NULL);
}
