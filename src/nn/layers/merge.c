/*
 * add, subtract, multiply, average, maximum, minimum: elementwise over inputs of one shape, folded in the order of the
 * inputs.
 *
 * Shapes broadcast as in Keras: an input of fewer axes gets axes of 1 in front (behind the batch), and a 1 is repeated
 * along the axis. A broadcast input is spread out to the output's shape in scratch; its gradient is made in the
 * output's shape and then summed over the repeats, in order.
 */
#include "nn/layers/layers.h"
#include "nn/layers/walk.h"

typedef struct merge {
    size_t inputs; /* all set by build */
    bool spread[LS_MERGE_INPUTS_MAX];
    size_t size[LS_MERGE_INPUTS_MAX];                /* elements of a sample */
    size_t stride[LS_MERGE_INPUTS_MAX][LS_AXES_MAX]; /* of the input along the output's axes; 0: repeated */
} merge;

/* ---- shapes ---- */

/* The dimension of `in` that stands at `axis` of an output of so many axes. */
static size_t dim_at(const ls_shape *in, size_t axes, size_t axis)
{
    const size_t missing = axes - in->axes;

    return axis < missing ? 1 : in->dim[axis - missing];
}

static ls_status build_merge(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    merge *config = layer->config;
    char text[LS_SHAPE_TEXT_BYTES], so_far[LS_SHAPE_TEXT_BYTES];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    *out = (ls_shape){0};
    for (size_t k = 0; k < inputs; k++)
        out->axes = in[k].axes > out->axes ? in[k].axes : out->axes;
    for (size_t i = 0; i < out->axes; i++)
        out->dim[i] = 1;
    for (size_t k = 0; k < inputs; k++)
        for (size_t i = 0; i < out->axes; i++) {
            const size_t d = dim_at(&in[k], out->axes, i);

            if (out->dim[i] != 1 && d != 1 && d != out->dim[i])
                return ls_layer_fail(layer, "input %zu is %s, which does not go with %s of the inputs before it", k,
                                     ls_shape_format_batch(&in[k], text), ls_shape_format_batch(out, so_far));
            if (d != 1)
                out->dim[i] = d;
        }
    LS_TRY(ls_shape_check(out, "the output of a merging layer"));

    config->inputs = inputs;
    for (size_t k = 0; k < inputs; k++) {
        size_t stride = 1;

        if (layer->built && config->size[k] != ls_shape_size(&in[k]))
            return ls_layer_fail(layer, "is shared: it was built for another shape of input %zu than %s", k,
                                 ls_shape_format_batch(&in[k], text));
        config->size[k] = ls_shape_size(&in[k]);
        config->spread[k] = config->size[k] != ls_shape_size(out);
        for (size_t i = out->axes; i-- > 0;) {
            const size_t d = dim_at(&in[k], out->axes, i);

            config->stride[k][i] = d == 1 ? 0 : stride;
            stride *= d;
        }
    }
    layer->scratch_per_sample = 3 * ls_shape_size(out); /* two spread inputs and a gradient */
    return LS_OK;
}

/* ---- broadcasting ---- */

/* Input k in the output's shape: itself, or spread out in `space`. */
static const float *spread(const ls_call *call, size_t k, float *space)
{
    const merge *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->out_shape);

    if (!config->spread[k])
        return call->X[k];
    for (size_t r = 0; r < call->rows; r++) {
        ls_walk w = {.shape = &call->layer->out_shape, .stride = config->stride[k]};

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            space[r * n + i] = call->X[k][r * config->size[k] + w.offset];
    }
    return space;
}

/* The gradient g, in the output's shape, to input k. */
static void give(const ls_call *call, size_t k, const float *g)
{
    const merge *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->out_shape), size = config->size[k];

    if (!config->spread[k]) {
        ls_give(call, g, call->dX[k], call->rows * n);
        return;
    }
    ls_clear_if_first(call, call->dX[k], call->rows * size);
    for (size_t r = 0; r < call->rows; r++) {
        ls_walk w = {.shape = &call->layer->out_shape, .stride = config->stride[k]};

        for (size_t i = 0; i < n; i++, ls_walk_next(&w))
            call->dX[k][r * size + w.offset] += g[r * n + i];
    }
}

/* Elements of the microbatch's output, and the n-th part of scratch in that size. */
static size_t elements(const ls_call *call)
{
    return call->rows * ls_shape_size(&call->layer->out_shape);
}

static float *space(const ls_call *call, size_t part)
{
    return call->scratch + part * elements(call);
}

/* Y = X0 o X1 o … */
static void fold(const ls_call *call, void (*combine)(const float *, float *, size_t))
{
    ls_copy(spread(call, 0, space(call, 0)), call->Y, elements(call));
    for (size_t k = 1; k < call->inputs; k++)
        combine(spread(call, k, space(call, 0)), call->Y, elements(call));
}

/* ---- add, average, subtract ---- */

static void forward_add(const ls_call *call)
{
    fold(call, ls_add);
}

static void backward_add(const ls_call *call)
{
    for (size_t k = 0; k < call->inputs; k++)
        if (call->dX[k])
            give(call, k, call->dY);
}

static LS_CLONES void divide(const float *x, float *y, float divisor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / divisor;
}

static void forward_average(const ls_call *call)
{
    fold(call, ls_add);
    divide(call->Y, call->Y, (float)call->inputs, elements(call));
}

static void backward_average(const ls_call *call)
{
    divide(call->dY, space(call, 0), (float)call->inputs, elements(call));
    for (size_t k = 0; k < call->inputs; k++)
        if (call->dX[k])
            give(call, k, space(call, 0));
}

static LS_CLONES void subtract(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] -= x[i];
}

static void forward_subtract(const ls_call *call)
{
    fold(call, subtract);
}

static void backward_subtract(const ls_call *call)
{
    float *g = space(call, 0);

    if (call->dX[0])
        give(call, 0, call->dY);
    if (call->dX[1]) {
        ls_copy(call->dY, g, elements(call));
        ls_scale(g, -1.0f, elements(call));
        give(call, 1, g);
    }
}

/* ---- multiply: dX_k = dY x product of the other inputs ---- */

static LS_CLONES void multiply(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i];
}

static void forward_multiply(const ls_call *call)
{
    fold(call, multiply);
}

static void backward_multiply(const ls_call *call)
{
    float *g = space(call, 0);

    for (size_t k = 0; k < call->inputs; k++) {
        if (!call->dX[k])
            continue;
        ls_copy(call->dY, g, elements(call));
        for (size_t j = 0; j < call->inputs; j++)
            if (j != k)
                multiply(spread(call, j, space(call, 1)), g, elements(call));
        give(call, k, g);
    }
}

/* ---- maximum, minimum: the gradient goes to the first input that holds it ---- */

static LS_CLONES void larger(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i]; /* NaN wins, so that it is seen */
}

static LS_CLONES void smaller(const float *restrict x, float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < y[i] || x[i] != x[i] ? x[i] : y[i];
}

static void forward_maximum(const ls_call *call)
{
    fold(call, larger);
}

static void forward_minimum(const ls_call *call)
{
    fold(call, smaller);
}

/* g = 0 where the other input beats x; it wins ties if it comes earlier. sign: 1 for the maximum, -1 for the minimum.
 */
static LS_CLONES void clear_where_beaten(const float *restrict x, const float *restrict other, float *restrict g,
                                         size_t n, bool earlier, float sign)
{
    if (earlier)
        for (size_t i = 0; i < n; i++)
            g[i] = sign * other[i] >= sign * x[i] ? 0.0f : g[i];
    else
        for (size_t i = 0; i < n; i++)
            g[i] = sign * other[i] > sign * x[i] ? 0.0f : g[i];
}

static void backward_extreme(const ls_call *call, float sign)
{
    float *g = space(call, 0);

    for (size_t k = 0; k < call->inputs; k++) {
        const float *x = spread(call, k, space(call, 1));

        if (!call->dX[k])
            continue;
        ls_copy(call->dY, g, elements(call));
        for (size_t j = 0; j < call->inputs; j++)
            if (j != k)
                clear_where_beaten(x, spread(call, j, space(call, 2)), g, elements(call), j < k, sign);
        give(call, k, g);
    }
}

static void backward_maximum(const ls_call *call)
{
    backward_extreme(call, 1.0f);
}

static void backward_minimum(const ls_call *call)
{
    backward_extreme(call, -1.0f);
}

/* ---- masks ---- */

/* A position counts if it does in any input; inputs without a mask leave the output without one, as in Keras. */
static ls_status mask_shape_merge(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                  ls_shape *out)
{
    char a[LS_SHAPE_TEXT_BYTES], b[LS_SHAPE_TEXT_BYTES];

    *has = true;
    for (size_t k = 0; k < inputs; k++)
        *has &= in[k] != NULL;
    for (size_t k = 1; *has && k < inputs; k++)
        if (!ls_shape_equal(in[k], in[0]))
            return ls_layer_fail(layer, "cannot merge masks of different shapes, %s and %s",
                                 ls_shape_format_batch(in[0], a), ls_shape_format_batch(in[k], b));
    if (*has)
        *out = *in[0];
    return LS_OK;
}

static void write_mask_merge(const ls_call *call, float *mask)
{
    const size_t n = call->rows * call->mask_size;

    ls_copy(call->mask[0], mask, n);
    for (size_t k = 1; k < call->inputs; k++)
        for (size_t i = 0; i < n; i++)
            mask[i] = mask[i] != 0.0f || call->mask[k][i] != 0.0f;
}

/* ---- the tables ---- */

/* most: the largest number of inputs. */
#define MERGE(name_, keras, most)                                                    \
    const ls_layer_ops ls_layer_##name_ = {                                          \
        .ops = {.name = #name_, .keras_name = keras, .config_bytes = sizeof(merge)}, \
        .inputs_min = 2,                                                             \
        .inputs_max = (most),                                                        \
        .build = build_merge,                                                        \
        .mask_shape = mask_shape_merge,                                              \
        .write_mask = write_mask_merge,                                              \
        .mask_kind = LS_MASK_FOLDS,                                                  \
        .forward = forward_##name_,                                                  \
        .backward = backward_##name_,                                                \
    }

MERGE(add, "Add", LS_MERGE_INPUTS_MAX);
MERGE(subtract, "Subtract", 2);
MERGE(multiply, "Multiply", LS_MERGE_INPUTS_MAX);
MERGE(average, "Average", LS_MERGE_INPUTS_MAX);
MERGE(maximum, "Maximum", LS_MERGE_INPUTS_MAX);
MERGE(minimum, "Minimum", LS_MERGE_INPUTS_MAX);
