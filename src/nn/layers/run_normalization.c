/*
 * Normalizations of every sample by itself, the same in training and inference. The elements of a sample fall into
 * runs, which are normalized each by itself: along `axis`, wherever it is, or (group_normalization) over all places and
 * the channels of a group.
 *
 *     rms_normalization     xh = x / sqrt(mean x^2 + epsilon)                y = scale xh      (Zhang, Sennrich, 2019)
 *     unit_normalization    xh = x min(1 / sqrt(sum x^2), 1e12)              y = xh
 *     group_normalization   xh = (x - mean) / sqrt(var + epsilon)            y = gamma xh + beta      (Wu, He, 2018)
 *
 * With g = dy times its factor, dx = inv (g - mean g - xh mean(g xh)); the first mean is for groups only, and the
 * second is a sum for units, and nothing where 1e12 was smaller.
 */
#include "nn/layers/layers.h"
#include "nn/layers/walk.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { RMS, UNIT, GROUP };

/* Where the elements of a run lie: `inner` ones from the start of each of the `outer` runs on. */
typedef struct runs {
    ls_shape outer, inner;
    size_t outer_stride[LS_AXES_MAX], inner_stride[LS_AXES_MAX];
    size_t outer_param[LS_AXES_MAX], inner_param[LS_AXES_MAX]; /* the same of the weights */
} runs;

typedef struct run_normalization {
    ls_ints axis;
    int64_t groups, group_axis;
    double epsilon;
    bool center, scale;
    ls_component beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint;
    int kind; /* this one and the next are set by build */
    runs runs;
} run_normalization;

static void add_axis(ls_shape *shape, size_t *stride, size_t *param, size_t dim, size_t step, size_t param_step)
{
    stride[shape->axes] = step;
    param[shape->axes] = param_step;
    shape->dim[shape->axes++] = dim;
}

/* normalized[i]: axis i belongs to the runs; of group_normalization, the axis of the channels. */
static void plan_runs(run_normalization *config, const ls_shape *in, const bool normalized[LS_AXES_MAX])
{
    const size_t groups = config->kind == GROUP ? (size_t)config->groups : 1;
    runs *r = &config->runs;
    size_t stride[LS_AXES_MAX + 1] = {0}, param[LS_AXES_MAX + 1] = {0};

    *r = (runs){0};
    stride[in->axes] = param[in->axes] = 1;
    for (size_t i = in->axes; i-- > 0;) { /* of the axis in front of i */
        stride[i] = stride[i + 1] * in->dim[i];
        param[i] = param[i + 1] * (normalized[i] ? in->dim[i] : 1);
    }
    for (size_t i = 0; i < in->axes; i++) {
        const size_t share = in->dim[i] / groups;

        if (config->kind == GROUP && normalized[i]) {
            add_axis(&r->outer, r->outer_stride, r->outer_param, groups, stride[i + 1] * share, share);
            add_axis(&r->inner, r->inner_stride, r->inner_param, share, stride[i + 1], 1);
        } else if (config->kind == GROUP) {
            add_axis(&r->inner, r->inner_stride, r->inner_param, in->dim[i], stride[i + 1], 0);
        } else if (normalized[i]) {
            add_axis(&r->inner, r->inner_stride, r->inner_param, in->dim[i], stride[i + 1], param[i + 1]);
        } else {
            add_axis(&r->outer, r->outer_stride, r->outer_param, in->dim[i], stride[i + 1], 0);
        }
    }
}

/* *weights: the shape of the normalized axes. */
static ls_status mark_axes(const ls_layer *layer, const ls_ints *axis, const ls_shape *in, bool normalized[LS_AXES_MAX],
                           ls_shape *weights)
{
    char text[LS_SHAPE_TEXT_BYTES];

    for (size_t k = 0; k < axis->count; k++) {
        size_t i;

        if (!ls_axis_index(axis->value[k], in->axes, &i) || normalized[i])
            return ls_layer_fail(layer, "axis must name axes of %s besides the batch, each once",
                                 ls_shape_format_batch(in, text));
        normalized[i] = true;
    }
    if (axis->count == 0)
        return ls_layer_fail(layer, "axis names no axis");
    *weights = (ls_shape){0};
    for (size_t i = 0; i < in->axes; i++)
        if (normalized[i])
            weights->dim[weights->axes++] = in->dim[i];
    return LS_OK;
}

static ls_status build_runs(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out, int kind,
                            const ls_ints *axis, ls_shape *weights)
{
    run_normalization *config = layer->config;
    bool normalized[LS_AXES_MAX] = {false};

    *out = in[0];
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    LS_TRY(mark_axes(layer, axis, &in[0], normalized, weights));
    config->kind = kind;
    if (kind == GROUP) {
        const size_t channels = weights->dim[0];

        if (config->groups == -1)
            config->groups = (int64_t)channels;
        if (channels % (size_t)config->groups != 0)
            return ls_layer_fail(layer, "%zu channels cannot be dealt to %lld groups", channels,
                                 (long long)config->groups);
    }
    plan_runs(config, &in[0], normalized);
    layer->scratch_fixed = 3 * ls_shape_size(&config->runs.inner);
    return LS_OK;
}

static ls_status build_rms(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    run_normalization *config = layer->config;
    ls_component ones;
    ls_shape weights;

    LS_TRY(build_runs(layer, in, inputs, out, RMS, &config->axis, &weights));
    if (layer->built)
        return LS_OK;
    config->scale = true;
    LS_TRY(ls_component_default(&ls_initializers, "ones", &ones)); /* holds nothing */
    return ls_layer_add_param(layer, "scale", &weights, true, &ones, NULL, NULL);
}

static ls_status build_unit(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    run_normalization *config = layer->config;
    ls_shape weights;

    return build_runs(layer, in, inputs, out, UNIT, &config->axis, &weights);
}

static ls_status build_group(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    run_normalization *config = layer->config;
    const ls_ints axis = {.value = {config->group_axis}, .count = 1};
    ls_shape weights;

    LS_TRY(build_runs(layer, in, inputs, out, GROUP, &axis, &weights));
    if (layer->built)
        return LS_OK;
    if (config->scale)
        LS_TRY(ls_layer_add_param(layer, "gamma", &weights, true, &config->gamma_initializer,
                                  &config->gamma_regularizer, &config->gamma_constraint));
    if (config->center)
        LS_TRY(ls_layer_add_param(layer, "beta", &weights, true, &config->beta_initializer, &config->beta_regularizer,
                                  &config->beta_constraint));
    return LS_OK;
}

/* ---- runs ---- */

/* Which run of which sample: where it begins, in the call's arrays and in the weights. */
typedef struct cursor {
    ls_walk at, param;
    size_t left, sample;
} cursor;

static cursor first_run(const ls_call *call, size_t row)
{
    const runs *r = &((const run_normalization *)call->layer->config)->runs;

    return (cursor){.at = {.shape = &r->outer, .stride = r->outer_stride},
                    .param = {.shape = &r->outer, .stride = r->outer_param},
                    .left = ls_shape_size(&r->outer),
                    .sample = row * ls_shape_size(&call->layer->in_shape[0])};
}

static void next_run(cursor *c)
{
    ls_walk_next(&c->at);
    ls_walk_next(&c->param);
    c->left--;
}

#define FOR_RUNS(call, c)                           \
    for (size_t row = 0; row < (call)->rows; row++) \
        for (cursor c = first_run(call, row); c.left; next_run(&c))

static void gather(const runs *r, const size_t *stride, const float *from, float *to)
{
    ls_walk w = {.shape = &r->inner, .stride = stride};

    for (size_t i = 0; i < ls_shape_size(&r->inner); i++, ls_walk_next(&w))
        to[i] = from[w.offset];
}

static void scatter_add(const runs *r, const size_t *stride, const float *from, float *to)
{
    ls_walk w = {.shape = &r->inner, .stride = stride};

    for (size_t i = 0; i < ls_shape_size(&r->inner); i++, ls_walk_next(&w))
        to[w.offset] += from[i];
}

/* x -> xh in place; gives the factor inv. *limited: it is the limit of unit_normalization. */
static float normalize(const run_normalization *config, float *x, size_t n, bool *limited)
{
    double inv;

    *limited = false;
    if (config->kind == GROUP) {
        const float mean = (float)(ls_sum(x, n) / (double)n);

        for (size_t i = 0; i < n; i++)
            x[i] -= mean;
    }
    if (config->kind == UNIT) {
        inv = 1.0 / sqrt(ls_sum_squares(x, n));
        *limited = !(inv < 1e12);
        inv = *limited ? 1e12 : inv;
    } else {
        inv = 1.0 / sqrt(ls_sum_squares(x, n) / (double)n + config->epsilon);
    }
    ls_scale(x, (float)inv, n);
    return (float)inv;
}

static void multiply(const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i];
}

/* ---- passes ---- */

static void forward_runs(const ls_call *call)
{
    const run_normalization *config = call->layer->config;
    const runs *r = &config->runs;
    const size_t n = ls_shape_size(&r->inner);
    float *xh = call->scratch, *weight = xh + n;
    bool limited;

    memset(call->Y, 0, call->rows * ls_shape_size(&call->layer->out_shape) * sizeof *call->Y);
    FOR_RUNS(call, c)
    {
        gather(r, r->inner_stride, call->X[0] + c.sample + c.at.offset, xh);
        (void)normalize(config, xh, n, &limited);
        if (config->scale) {
            gather(r, r->inner_param, call->layer->param[0].value + c.param.offset, weight);
            multiply(weight, xh, n);
        }
        if (config->center) {
            gather(r, r->inner_param, call->layer->param[config->scale].value + c.param.offset, weight);
            ls_add(weight, xh, n);
        }
        scatter_add(r, r->inner_stride, xh, call->Y + c.sample + c.at.offset);
    }
}

static void backward_runs(const ls_call *call)
{
    const run_normalization *config = call->layer->config;
    const runs *r = &config->runs;
    const size_t n = ls_shape_size(&r->inner);
    float *xh = call->scratch, *g = xh + n, *weight = g + n;

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    FOR_RUNS(call, c)
    {
        bool limited;
        float inv, mean, slope;

        gather(r, r->inner_stride, call->X[0] + c.sample + c.at.offset, xh);
        inv = normalize(config, xh, n, &limited);
        gather(r, r->inner_stride, call->dY + c.sample + c.at.offset, g);
        if (config->scale) {
            gather(r, r->inner_param, call->layer->param[0].value + c.param.offset, weight);
            multiply(weight, g, n);
        }
        mean = config->kind == GROUP ? (float)(ls_sum(g, n) / (double)n) : 0.0f;
        slope = limited ? 0.0f : (float)(ls_dot(g, xh, n) / (config->kind == UNIT ? 1.0 : (double)n));
        for (size_t i = 0; i < n; i++)
            g[i] = inv * (g[i] - mean - xh[i] * slope);
        scatter_add(r, r->inner_stride, g, call->dX[0] + c.sample + c.at.offset);
    }
}

/* dgamma = sum dy xh, dbeta = sum dy, sample by sample. */
static void backward_params_runs(const ls_call *call, size_t tile, float *out)
{
    const run_normalization *config = call->layer->config;
    const ls_param *param = call->layer->param;
    const runs *r = &config->runs;
    const size_t n = ls_shape_size(&r->inner);
    float *xh = call->scratch, *g = xh + n, *dbeta = out + (config->scale ? ls_pad_block(param[0].size) : 0);
    bool limited;

    (void)tile;
    if (config->scale)
        memset(out, 0, param[0].size * sizeof *out);
    if (config->center)
        memset(dbeta, 0, param[config->scale].size * sizeof *out);
    FOR_RUNS(call, c)
    {
        gather(r, r->inner_stride, call->dY + c.sample + c.at.offset, g);
        if (config->center)
            scatter_add(r, r->inner_param, g, dbeta + c.param.offset);
        if (config->scale) {
            gather(r, r->inner_stride, call->X[0] + c.sample + c.at.offset, xh);
            (void)normalize(config, xh, n, &limited);
            multiply(xh, g, n);
            scatter_add(r, r->inner_param, g, out + c.param.offset);
        }
    }
}

/* ---- tables ---- */

#define AXIS                                                                                                  \
    {                                                                                                         \
        .name = "axis", .kind = LS_OPTION_INTS, .offset = offsetof(run_normalization, axis), .initial = "-1", \
        .min = -LS_AXES_MAX, .max = LS_AXES_MAX                                                               \
    }
#define EPSILON(standard)                                                                           \
    {                                                                                               \
        .name = "epsilon", .kind = LS_OPTION_FLOAT, .offset = offsetof(run_normalization, epsilon), \
        .initial = standard, .max = INFINITY                                                        \
    }

static const ls_option rms_options[] = {AXIS, EPSILON("1e-06"), {.name = NULL}};
static const ls_option unit_options[] = {AXIS, {.name = NULL}};
static const ls_option group_options[] = {
    {.name = "groups",
     .kind = LS_OPTION_INT,
     .offset = offsetof(run_normalization, groups),
     .initial = "32",
     .min = -1,
     .max = INT_MAX},
    {.name = "axis",
     .kind = LS_OPTION_INT,
     .offset = offsetof(run_normalization, group_axis),
     .initial = "-1",
     .min = -LS_AXES_MAX,
     .max = LS_AXES_MAX},
    EPSILON("0.001"),
    {.name = "center", .kind = LS_OPTION_BOOL, .offset = offsetof(run_normalization, center), .initial = "true"},
    {.name = "scale", .kind = LS_OPTION_BOOL, .offset = offsetof(run_normalization, scale), .initial = "true"},
    LS_COMPONENT_OPTION(run_normalization, beta_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(run_normalization, gamma_initializer, ls_initializers, "ones"),
    LS_COMPONENT_OPTION(run_normalization, beta_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(run_normalization, gamma_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(run_normalization, beta_constraint, ls_constraints, "null"),
    LS_COMPONENT_OPTION(run_normalization, gamma_constraint, ls_constraints, "null"),
    {.name = NULL},
};

static ls_status check_group(const void *config, const ls_config *at)
{
    if (((const run_normalization *)config)->groups == 0)
        return ls_config_fail(at, "groups must be 1 or more, or -1 for as many as there are channels");
    return LS_OK;
}

const ls_layer_ops ls_layer_rms_normalization = {
    .ops = {.name = "rms_normalization",
            .keras_name = "RMSNormalization",
            .options = rms_options,
            .config_bytes = sizeof(run_normalization)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_rms,
    .forward = forward_runs,
    .backward = backward_runs,
    .backward_params = backward_params_runs,
};

const ls_layer_ops ls_layer_unit_normalization = {
    .ops = {.name = "unit_normalization",
            .keras_name = "UnitNormalization",
            .options = unit_options,
            .config_bytes = sizeof(run_normalization)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_unit,
    .mask_shape = ls_mask_pass,
    .forward = forward_runs,
    .backward = backward_runs,
};

const ls_layer_ops ls_layer_group_normalization = {
    .ops = {.name = "group_normalization",
            .keras_name = "GroupNormalization",
            .options = group_options,
            .config_bytes = sizeof(run_normalization),
            .check = check_group},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_group,
    .mask_shape = ls_mask_pass,
    .forward = forward_runs,
    .backward = backward_runs,
    .backward_params = backward_params_runs,
};
