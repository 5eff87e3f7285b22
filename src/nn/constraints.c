/*
 * The registry of constraints. Those on norms scale each vector along the chosen axes: with axis 0 of a (inputs, units)
 * kernel, the weights into each unit; with axes 0, 1, 2 of a convolution's kernel, each filter.
 */
#include "nn/constraint.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "tensor/kernels.h"

#define EPSILON 1e-7 /* Keras's backend.epsilon() */
#define COLUMNS 256  /* norms worked on at a time, on the stack */

typedef struct norm_config {
    double min_value, max_value, rate;
    ls_ints axis;
} norm_config;

/* What a vector of this norm is multiplied by. */
typedef double (*norm_factor)(const norm_config *c, double norm);

/* ---- walking over a tensor ---- */

/* Some axes of a tensor, to be walked over in row-major order. */
typedef struct walk {
    size_t axes, count, dim[LS_AXES_MAX], stride[LS_AXES_MAX];
} walk;

static void walk_add(walk *w, size_t dim, size_t stride)
{
    w->dim[w->axes] = dim;
    w->stride[w->axes++] = stride;
    w->count *= dim;
}

/* Where the i-th place of the walk lies. */
static size_t walk_offset(const walk *w, size_t i)
{
    size_t offset = 0;

    for (size_t a = w->axes; a-- > 0; i /= w->dim[a])
        offset += i % w->dim[a] * w->stride[a];
    return offset;
}

static bool has_axis(const ls_ints *axes, const ls_shape *shape, size_t axis)
{
    for (size_t i = 0; i < axes->count; i++)
        if (axes->value[i] == (int64_t)axis || axes->value[i] + (int64_t)shape->axes == (int64_t)axis)
            return true;
    return false;
}

/*
 * The last axis is treated as rows of memory: summed whole if it is one of the axes, else a column at a time has its
 * own sum. Sums are in double, rows in order.
 */
static void scale_by_norm(const norm_config *c, const ls_shape *shape, float *w, norm_factor factor)
{
    const size_t last = shape->axes - 1, n = shape->dim[last];
    const bool along_last = has_axis(&c->axis, shape, last);
    walk kept = {.count = 1}, summed = {.count = 1};
    size_t stride = ls_shape_size(shape) / shape->dim[0];

    for (size_t a = 0; a < last; stride /= shape->dim[++a])
        walk_add(has_axis(&c->axis, shape, a) ? &summed : &kept, shape->dim[a], stride);
    for (size_t k = 0; k < kept.count; k++)
        for (size_t first = 0; first < n; first += along_last ? n : COLUMNS) {
            float *const base = w + walk_offset(&kept, k) + first;
            const size_t columns = along_last ? 1 : n - first < COLUMNS ? n - first : COLUMNS;
            double sum[COLUMNS] = {0};
            float by[COLUMNS];

            for (size_t s = 0; s < summed.count; s++) {
                const float *const row = base + walk_offset(&summed, s);

                if (along_last)
                    sum[0] += ls_sum_squares(row, n);
                else
                    for (size_t i = 0; i < columns; i++)
                        sum[i] += (double)row[i] * (double)row[i];
            }
            for (size_t i = 0; i < columns; i++)
                by[i] = (float)factor(c, sqrt(sum[i]));
            for (size_t s = 0; s < summed.count; s++) {
                float *const row = base + walk_offset(&summed, s);

                if (along_last)
                    ls_scale(row, by[0], n);
                else
                    for (size_t i = 0; i < columns; i++)
                        row[i] *= by[i];
            }
        }
}

/* ---- the constraints ---- */

static double clip(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

static double factor_max(const norm_config *c, double norm)
{
    return clip(norm, 0.0, c->max_value) / (EPSILON + norm);
}

static double factor_unit(const norm_config *c, double norm)
{
    (void)c;
    return 1.0 / (EPSILON + norm);
}

static double factor_min_max(const norm_config *c, double norm)
{
    return (c->rate * clip(norm, c->min_value, c->max_value) + (1.0 - c->rate) * norm) / (EPSILON + norm);
}

static void apply_max(const void *config, const ls_shape *shape, float *w)
{
    scale_by_norm(config, shape, w, factor_max);
}

static void apply_unit(const void *config, const ls_shape *shape, float *w)
{
    scale_by_norm(config, shape, w, factor_unit);
}

static void apply_min_max(const void *config, const ls_shape *shape, float *w)
{
    scale_by_norm(config, shape, w, factor_min_max);
}

static void apply_non_neg(const void *config, const ls_shape *shape, float *w)
{
    const size_t n = ls_shape_size(shape);

    (void)config;
    for (size_t i = 0; i < n; i++)
        w[i] = w[i] < 0.0f ? 0.0f : w[i]; /* a NaN stays and is found */
}

static const ls_ints *norm_axes(const void *config)
{
    return &((const norm_config *)config)->axis;
}

static const ls_ints *no_axes(const void *config)
{
    (void)config;
    return NULL;
}

static ls_status check_min_max(const void *config, const ls_config *at)
{
    const norm_config *const c = config;

    if (c->min_value > c->max_value)
        return ls_config_fail(at, "min_max_norm: min_value %g is above max_value %g", c->min_value, c->max_value);
    return LS_OK;
}

ls_status ls_constraint_check(const ls_component *constraint, const ls_shape *shape, const ls_config *at)
{
    const ls_constraint_ops *const ops = (const ls_constraint_ops *)constraint->ops;
    const ls_ints *const axes = ops ? ops->axes(constraint->config) : NULL;
    const int64_t all = (int64_t)shape->axes;
    char text[LS_SHAPE_TEXT_BYTES];

    if (axes && axes->count == 0)
        return ls_config_fail(at, "constraint '%s' needs at least one axis", ops->ops.name);
    for (size_t i = 0; axes && i < axes->count; i++)
        if (axes->value[i] < -all || axes->value[i] >= all)
            return ls_config_fail(at,
                                  "constraint '%s' works on axis %" PRId64 ", which a weight of shape %s does not have",
                                  ops->ops.name, axes->value[i], ls_shape_format(shape, text));
    return LS_OK;
}

/* ---- tables ---- */

#define NUMBER(field, standard)                                                                                 \
    {                                                                                                           \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(norm_config, field), .initial = (standard), \
        .max = FLT_MAX                                                                                          \
    }
#define AXIS                                                                                           \
    {                                                                                                  \
        .name = "axis", .kind = LS_OPTION_INTS, .offset = offsetof(norm_config, axis), .initial = "0", \
        .min = -LS_AXES_MAX, .max = LS_AXES_MAX - 1                                                    \
    }

static const ls_option max_norm_options[] = {NUMBER(max_value, "2.0"), AXIS, {.name = NULL}};
static const ls_option unit_norm_options[] = {AXIS, {.name = NULL}};
static const ls_option min_max_norm_options[] = {
    NUMBER(min_value, "0.0"),
    NUMBER(max_value, "1.0"),
    {.name = "rate", .kind = LS_OPTION_FLOAT, .offset = offsetof(norm_config, rate), .initial = "1.0", .max = 1.0},
    AXIS,
    {.name = NULL},
};

static const ls_constraint_ops max_norm = {
    .ops = {.name = "max_norm",
            .keras_name = "MaxNorm",
            .aliases = (const char *const[]){"maxnorm", NULL},
            .options = max_norm_options,
            .config_bytes = sizeof(norm_config)},
    .axes = norm_axes,
    .apply = apply_max,
};

static const ls_constraint_ops non_neg = {
    .ops = {.name = "non_neg", .keras_name = "NonNeg", .aliases = (const char *const[]){"nonneg", NULL}},
    .axes = no_axes,
    .apply = apply_non_neg,
};

static const ls_constraint_ops unit_norm = {
    .ops = {.name = "unit_norm",
            .keras_name = "UnitNorm",
            .aliases = (const char *const[]){"unitnorm", NULL},
            .options = unit_norm_options,
            .config_bytes = sizeof(norm_config)},
    .axes = norm_axes,
    .apply = apply_unit,
};

static const ls_constraint_ops min_max_norm = {
    .ops = {.name = "min_max_norm",
            .keras_name = "MinMaxNorm",
            .aliases = (const char *const[]){"minmaxnorm", NULL},
            .options = min_max_norm_options,
            .config_bytes = sizeof(norm_config),
            .check = check_min_max},
    .axes = norm_axes,
    .apply = apply_min_max,
};

static const ls_ops *const entries[] = {&max_norm.ops, &non_neg.ops, &unit_norm.ops, &min_max_norm.ops, NULL};

const ls_registry ls_constraints = {.what = "constraint", .entries = entries};
