/* A model seen from outside: include/lockstep/model.h. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/model.h"

static_assert(LS_AXES_MAX == LS_AXES_MAX, "a sample has as many axes inside as outside");
static_assert(sizeof((ls_array_info){0}.name) == LS_PARAM_NAME_BYTES, "every name has room");

size_t ls_model_input_count(const ls_model *model)
{
    return model ? model->inputs : 0;
}

size_t ls_model_output_count(const ls_model *model)
{
    return model ? model->outputs : 0;
}

size_t ls_model_weight_count(const ls_model *model)
{
    return model ? model->params : 0;
}

static ls_status need(const ls_model *model, const void *argument, const char *function, const char *name)
{
    if (model && argument)
        return LS_OK;
    return ls_fail(LS_ERR_ARG, "%s: %s is NULL", function, model ? name : "model");
}

static void set_shape(const ls_shape *shape, ls_array_info *out)
{
    out->axes = shape->axes;
    memcpy(out->dim, shape->dim, shape->axes * sizeof *out->dim);
    out->size = ls_shape_size(shape);
}

/* One of n nodes. */
static ls_status describe_node(const ls_model *model, const size_t *node, size_t n, const char *what, size_t i,
                               ls_array_info *out)
{
    *out = (ls_array_info){0};
    if (i >= n)
        return ls_fail(LS_ERR_ARG, "there is no %s %zu: the model has %zu", what, i, n);
    snprintf(out->name, sizeof out->name, "%s", model->node[node[i]].name);
    set_shape(&model->node[node[i]].shape, out);
    return LS_OK;
}

ls_status ls_model_input(const ls_model *model, size_t i, ls_array_info *out)
{
    LS_TRY(need(model, out, "ls_model_input", "out"));
    return describe_node(model, model->input, model->inputs, "input", i, out);
}

ls_status ls_model_output(const ls_model *model, size_t i, ls_array_info *out)
{
    LS_TRY(need(model, out, "ls_model_output", "out"));
    return describe_node(model, model->output, model->outputs, "output", i, out);
}

/* The i-th parameter in Keras's order, which is not that of the flat buffer. */
static ls_status find_weight(const ls_model *model, size_t i, const ls_param **out)
{
    size_t left = i;

    for (size_t l = 0; l < model->layers; left -= model->layer[l++]->params)
        if (left < model->layer[l]->params) {
            *out = &model->layer[l]->param[left];
            return LS_OK;
        }
    return ls_fail(LS_ERR_ARG, "there are no weights %zu: the model has %zu arrays of weights", i, model->params);
}

ls_status ls_model_weight(const ls_model *model, size_t i, ls_array_info *out)
{
    const ls_param *param = NULL;

    LS_TRY(need(model, out, "ls_model_weight", "out"));
    *out = (ls_array_info){0};
    LS_TRY(find_weight(model, i, &param));
    ls_model_param_name(model, param, out->name);
    set_shape(&param->shape, out);
    out->trainable = param->trainable && ls_model_param_layer(model, param)->trainable;
    return LS_OK;
}

static ls_status check_size(const ls_model *model, const ls_param *param, size_t n)
{
    char name[LS_PARAM_NAME_BYTES], shape[LS_SHAPE_TEXT_BYTES];

    if (n == param->size)
        return LS_OK;
    return ls_fail(LS_ERR_SHAPE, "the weights %s have the shape %s, %zu values; %zu are given",
                   ls_model_param_name(model, param, name), ls_shape_format(&param->shape, shape), param->size, n);
}

ls_status ls_model_get_weight(const ls_model *model, size_t i, float *values, size_t n)
{
    const ls_param *param = NULL;

    LS_TRY(need(model, values, "ls_model_get_weight", "values"));
    LS_TRY(find_weight(model, i, &param));
    LS_TRY(check_size(model, param, n));
    memcpy(values, param->value, n * sizeof *values);
    return LS_OK;
}

ls_status ls_model_set_weight(ls_model *model, size_t i, const float *values, size_t n)
{
    const ls_param *param = NULL;
    char name[LS_PARAM_NAME_BYTES];

    LS_TRY(need(model, values, "ls_model_set_weight", "values"));
    LS_TRY(find_weight(model, i, &param));
    LS_TRY(check_size(model, param, n));
    for (size_t j = 0; j < n; j++)
        if (!isfinite(values[j]))
            return ls_fail(LS_ERR_NUMERIC, "value %zu for the weights %s is %g", j,
                           ls_model_param_name(model, param, name), (double)values[j]);
    memcpy(param->value, values, n * sizeof *values);
    return LS_OK;
}
