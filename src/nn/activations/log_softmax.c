/* log_softmax over the last axis: y = x - max x - log(sum e^(x - max x)). dz = dy - e^y sum dy. */
#include "nn/activations/activations.h"

#include "tensor/math.h"

/* A row may hold NaN: then its maximum is arbitrary, and the sum makes the whole row NaN. */
static float maximum(const float *x, size_t n)
{
    float largest = x[0];

    for (size_t i = 1; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

static LS_CLONES void subtract(const float *x, float by, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] - by;
}

/* The sum of e^x, of x at most 0: chunks in order. */
static double sum_of_exponentials(const float *x, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];
    double sum = 0.0;

    for (size_t i = 0; i < n; i += LS_ACTIVATION_CHUNK) {
        const size_t m = n - i < LS_ACTIVATION_CHUNK ? n - i : LS_ACTIVATION_CHUNK;

        ls_exp(x + i, e, m);
        sum += ls_sum(e, m);
    }
    return sum;
}

static void forward_log_softmax(const void *config, const float *Z, float *Y, size_t rows, size_t n)
{
    (void)config;
    for (size_t r = 0; n > 0 && r < rows; r++) {
        float *y = Y + r * n;

        subtract(Z + r * n, maximum(Z + r * n, n), y, n);
        subtract(y, (float)ls_log_double(sum_of_exponentials(y, n)), y, n);
    }
}

static LS_CLONES void subtract_scaled(const float *restrict e, float a, float *restrict dy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dy[i] -= a * e[i];
}

static void backward_log_softmax(const void *config, const float *V, float *dY, size_t rows, size_t n)
{
    float e[LS_ACTIVATION_CHUNK];

    (void)config;
    for (size_t r = 0; r < rows; r++) {
        const float sum = (float)ls_sum(dY + r * n, n);

        for (size_t i = 0; i < n; i += LS_ACTIVATION_CHUNK) {
            const size_t m = n - i < LS_ACTIVATION_CHUNK ? n - i : LS_ACTIVATION_CHUNK;

            ls_exp(V + r * n + i, e, m);
            subtract_scaled(e, sum, dY + r * n + i, m);
        }
    }
}

const ls_activation_ops ls_activation_log_softmax = {
    .ops = {.name = "log_softmax", .keras_name = "log_softmax"},
    .backward_reads = LS_FROM_OUTPUT,
    .forward = forward_log_softmax,
    .backward = backward_log_softmax,
};
