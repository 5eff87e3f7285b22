/*
 * dot: products of two inputs summed over one axis of each; with normalize, of the inputs scaled to length 1 along it
 * (cosine similarity).
 *
 * Per sample the inputs become matrices A (P,K) and B (Q,K), rows the vectors along the axis, in scratch; then
 * Y (P,Q) = A B^T, each element summed in double in a fixed order. Shape of Y: the other axes of the first input, then
 * those of the second; (1) if there are none.
 *
 * normalize: a = x s with s = 1 / sqrt(max(sum x^2, eps^2)); dx = s (da - a sum(a da)), without the second term where
 * eps decides.
 */
#include "nn/layers/layers.h"

#include <math.h>
#include <string.h>

#define EPSILON 1e-7 /* Keras's backend.epsilon() */

/* One input seen along its axis: element k of vector (o, i) is at (o K + k) inner + i. */
typedef struct operand {
    size_t outer, K, inner;
} operand;

typedef struct dot {
    ls_ints axes;
    bool normalize;
    operand operand[2]; /* set by build */
} dot;

static size_t vectors(const operand *o)
{
    return o->outer * o->inner;
}

static ls_status build_dot(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    dot *config = layer->config;
    char first[LS_SHAPE_TEXT_BYTES], second[LS_SHAPE_TEXT_BYTES];
    size_t axis[2];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = (ls_shape){0};
    ls_shape_format_batch(&in[0], first);
    ls_shape_format_batch(&in[1], second);
    for (size_t k = 0; k < 2; k++)
        if (!ls_axis_index(config->axes.value[k], in[k].axes, &axis[k]))
            return ls_layer_fail(layer, "axis %lld is not an axis of %s besides the batch",
                                 (long long)config->axes.value[k], k == 0 ? first : second);
    if (in[0].dim[axis[0]] != in[1].dim[axis[1]])
        return ls_layer_fail(layer, "%s and %s differ along the axes of the product: %zu and %zu", first, second,
                             in[0].dim[axis[0]], in[1].dim[axis[1]]);
    if (in[0].axes + in[1].axes - 2 > LS_AXES_MAX)
        return ls_layer_fail(layer, "the product of %s and %s would have more than %d axes", first, second,
                             LS_AXES_MAX);
    for (size_t k = 0; k < 2; k++) {
        operand *o = &config->operand[k];

        *o = (operand){1, in[k].dim[axis[k]], 1};
        for (size_t i = 0; i < in[k].axes; i++) {
            if (i != axis[k])
                out->dim[out->axes++] = in[k].dim[i];
            if (i < axis[k])
                o->outer *= in[k].dim[i];
            else if (i > axis[k])
                o->inner *= in[k].dim[i];
        }
    }
    if (out->axes == 0)
        *out = (ls_shape){.axes = 1, .dim = {1}};
    /* A, B, their gradients, and one scale per vector */
    layer->scratch_fixed = 2 * (ls_shape_size(&in[0]) + ls_shape_size(&in[1])) + vectors(&config->operand[0]) +
                           vectors(&config->operand[1]);
    return ls_shape_check(out, "the output of dot");
}

static size_t position(const operand *o, size_t vector, size_t k)
{
    return (vector / o->inner * o->K + k) * o->inner + vector % o->inner;
}

/* x -> A (vectors, K), and the scale of each vector: 1, or 1 / its length. */
static void gather(const operand *o, bool normalize, const float *x, float *A, float *scale)
{
    for (size_t v = 0; v < vectors(o); v++) {
        float *a = A + v * o->K;

        for (size_t k = 0; k < o->K; k++)
            a[k] = x[position(o, v, k)];
        scale[v] = 1.0f;
        if (normalize) {
            scale[v] = (float)(1.0 / sqrt(fmax(ls_sum_squares(a, o->K), EPSILON * EPSILON)));
            ls_scale(a, scale[v], o->K);
        }
    }
}

static void forward_dot(const ls_call *call)
{
    const dot *config = call->layer->config;
    const operand *p = &config->operand[0], *q = &config->operand[1];
    const size_t P = vectors(p), Q = vectors(q), K = p->K;
    float *A = call->scratch, *B = A + P * K, *scale = B + Q * K;

    for (size_t r = 0; r < call->rows; r++) {
        gather(p, config->normalize, call->X[0] + r * P * K, A, scale);
        gather(q, config->normalize, call->X[1] + r * Q * K, B, scale + P);
        for (size_t i = 0; i < P; i++)
            for (size_t j = 0; j < Q; j++)
                call->Y[(r * P + i) * Q + j] = (float)ls_dot(A + i * K, B + j * K, K);
    }
}

static LS_CLONES void add_scaled(const float *restrict x, float a, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

/* dA (vectors, K) to dx, through the normalization if there is one. */
static void scatter_add(const operand *o, bool normalize, const float *A, float *dA, const float *scale, float *dx)
{
    for (size_t v = 0; v < vectors(o); v++) {
        const float *a = A + v * o->K;
        float *da = dA + v * o->K;

        if (normalize && scale[v] < (float)(1.0 / EPSILON))
            add_scaled(a, -(float)ls_dot(a, da, o->K), da, o->K);
        for (size_t k = 0; k < o->K; k++)
            dx[position(o, v, k)] += scale[v] * da[k];
    }
}

static void backward_dot(const ls_call *call)
{
    const dot *config = call->layer->config;
    const operand *p = &config->operand[0], *q = &config->operand[1];
    const size_t P = vectors(p), Q = vectors(q), K = p->K;
    float *A = call->scratch, *B = A + P * K, *dA = B + Q * K, *dB = dA + P * K, *scale = dB + Q * K;

    if (call->dX[0])
        ls_clear_if_first(call, call->dX[0], call->rows * P * K);
    if (call->dX[1])
        ls_clear_if_first(call, call->dX[1], call->rows * Q * K);
    for (size_t r = 0; r < call->rows; r++) {
        gather(p, config->normalize, call->X[0] + r * P * K, A, scale);
        gather(q, config->normalize, call->X[1] + r * Q * K, B, scale + P);
        memset(dA, 0, (P + Q) * K * sizeof *dA);
        for (size_t i = 0; i < P; i++)
            for (size_t j = 0; j < Q; j++) {
                const float dy = call->dY[(r * P + i) * Q + j];

                add_scaled(B + j * K, dy, dA + i * K, K);
                add_scaled(A + i * K, dy, dB + j * K, K);
            }
        if (call->dX[0])
            scatter_add(p, config->normalize, A, dA, scale, call->dX[0] + r * P * K);
        if (call->dX[1])
            scatter_add(q, config->normalize, B, dB, scale + P, call->dX[1] + r * Q * K);
    }
}

static const ls_option options[] = {
    {.name = "axes",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(dot, axes),
     .repeat = 2,
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    {.name = "normalize", .kind = LS_OPTION_BOOL, .offset = offsetof(dot, normalize), .initial = "false"},
    {.name = NULL},
};

const ls_layer_ops ls_layer_dot = {
    .ops = {.name = "dot", .keras_name = "Dot", .options = options, .config_bytes = sizeof(dot)},
    .inputs_min = 2,
    .inputs_max = 2,
    .build = build_dot,
    .forward = forward_dot,
    .backward = backward_dot,
};
