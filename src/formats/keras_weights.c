#include "formats/keras_weights.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "formats/keras_config.h"
#include "nn/layer_order.h"
#include "h5/file.h"

#define OPTIMIZER "/optimizer/vars"

/* ---- layers ---- */

/* Keras's to_snake_case: "Conv2D" is conv2d, "BatchNormalization" batch_normalization, "LeakyReLU" leaky_re_lu. */
static void add_snake_case(const char *name, ls_text *out)
{
    for (size_t i = 0; name[i]; i++) {
        const unsigned char c = (unsigned char)name[i];

        if (i && isupper(c) && (islower((unsigned char)name[i + 1]) || islower((unsigned char)name[i - 1])))
            ls_text_add(out, "_");
        ls_text_add(out, "%c", tolower(c));
    }
}

bool ls_keras_is_weights_file(hid_t file)
{
    return ls_h5_has(file, LS_KERAS_LAYERS) && ls_h5_has(file, "/vars");
}

bool ls_keras_is_listed(const ls_model *model, const ls_layer *layer)
{
    const bool sequential = layer->within == SIZE_MAX ? model->sequential : model->submodel[layer->within].sequential;

    return !sequential || !ls_layer_is_input(layer);
}

static const char *class_of(const ls_model *model, const ls_unit *unit)
{
    const ls_layer_ops *ops = unit->layer ? unit->layer->ops : NULL;

    if (!ops)
        return model->submodel[unit->submodel].sequential ? "Sequential" : "Functional";
    return ops->keras_class ? ops->keras_class : ops->ops.keras_name ? ops->ops.keras_name : ops->ops.name;
}

/* The unit of a level that has the layer, and how many of its class come before it. */
static size_t find_unit(const ls_model *model, size_t within, size_t index, ls_unit *out)
{
    size_t same = 0;

    *out = (ls_unit){0};
    while (ls_model_next_unit(model, within, out) && out->end <= index)
        ;
    for (ls_unit u = {0}; ls_model_next_unit(model, within, &u) && u.first < out->first;)
        same +=
            (!u.layer || ls_keras_is_listed(model, u.layer)) && strcmp(class_of(model, &u), class_of(model, out)) == 0;
    return same;
}

void ls_keras_layer_key(const ls_model *model, size_t index, ls_text *out)
{
    ls_unit unit = {.submodel = SIZE_MAX};

    do {
        const size_t within = unit.submodel, same = find_unit(model, within, index, &unit);

        if (within != SIZE_MAX)
            ls_text_add(out, LS_KERAS_LAYERS "/");
        add_snake_case(class_of(model, &unit), out);
        if (same)
            ls_text_add(out, "_%zu", same);
    } while (!unit.layer);
}

void ls_keras_weight_place(const ls_layer *layer, size_t p, ls_text *out)
{
    const char *group = layer->param[p].group;
    size_t before = 0;

    for (size_t i = 0; i < p; i++)
        before += strcmp(layer->param[i].group, group) == 0;
    ls_text_add(out, "%s%svars/%zu", group, *group ? "/" : "", before);
}

static ls_status put_layer(hid_t file, const ls_model *model, size_t index)
{
    const ls_layer *layer = model->layer[index];
    ls_text path = {0};
    size_t length;
    ls_status st;

    ls_text_add(&path, "/layers/");
    ls_keras_layer_key(model, index, &path);
    ls_text_add(&path, "/");
    length = path.length;
    ls_text_add(&path, "vars");
    LS_TRY_CLEANUP(path.status);
    LS_TRY_CLEANUP(ls_h5_put_group(file, path.data));
    LS_TRY_CLEANUP(ls_h5_put_text(file, path.data, "name", ls_own_name(layer->name)));
    for (size_t p = 0; p < layer->params; p++) {
        const ls_param *param = &layer->param[p];

        path.length = length;
        ls_keras_weight_place(layer, p, &path);
        LS_TRY_CLEANUP(path.status);
        LS_TRY_CLEANUP(
            ls_h5_put_array(file, path.data, H5T_NATIVE_FLOAT, param->shape.axes, param->shape.dim, param->value));
    }
    st = LS_OK;
cleanup:
    ls_text_reset(&path);
    return st;
}

/* ---- the optimizer ---- */

/* Numbered as they come. One list of them, for writing and for reading: what is read is what was written. */
typedef struct variables {
    hid_t file;
    const char *path; /* for messages; NULL: writing */
    const ls_model *model;
    size_t n;
} variables;

/* LS_ERR_MISMATCH: variable `where` is not (what it should be). found: "is missing" or the like. */
static ls_status fail_variable(const variables *v, const char *where, const char *what, const ls_param *param,
                               const char *found)
{
    char shape[LS_SHAPE_TEXT_BYTES] = "()";

    if (param)
        ls_shape_format(&param->shape, shape);
    return ls_fail(LS_ERR_MISMATCH,
                   "%s: the optimizer's variable %s %s, where the experiment has %s%s%s%s%s %s: it is the state of "
                   "another optimizer or another model; compile.optimizer and the model must be as in Keras",
                   v->path, where, found, what, param ? " of " : "",
                   param ? ls_model_param_layer(v->model, param)->name : "", param ? "/" : "", param ? param->name : "",
                   shape);
}

static ls_status get_variable(const variables *v, const char *where, hid_t type, const char *what,
                              const ls_param *param, void *data)
{
    const ls_shape number = {0}, *want = param ? &param->shape : &number;
    size_t axes, dim[LS_H5_AXES_MAX];
    ls_shape got = {0};

    if (!ls_h5_has(v->file, where))
        return fail_variable(v, where, what, param, "is missing");
    LS_TRY(ls_h5_get_shape(v->file, where, &axes, dim));
    if (axes <= LS_AXES_MAX) {
        got.axes = axes;
        memcpy(got.dim, dim, axes * sizeof *dim);
    }
    if (axes > LS_AXES_MAX || !ls_shape_equal(&got, want)) {
        char text[LS_SHAPE_TEXT_BYTES], found[LS_SHAPE_TEXT_BYTES + 8];

        snprintf(found, sizeof found, "is %s", axes > LS_AXES_MAX ? "of too many axes" : ls_shape_format(&got, text));
        return fail_variable(v, where, what, param, found);
    }
    LS_TRY(ls_h5_get_array(v->file, where, type, axes, dim, data));
    for (size_t i = 0; type == H5T_NATIVE_FLOAT && i < ls_shape_size(want); i++)
        if (!isfinite(((const float *)data)[i]))
            return ls_fail(LS_ERR_NUMERIC,
                           "%s: the optimizer's variable %s (%s, element %zu) is no finite number: nothing to train on "
                           "from",
                           v->path, where, what, i);
    return LS_OK;
}

/* param: of whose shape it is; NULL: a single number. */
static ls_status pass_variable(variables *v, hid_t type, const char *what, const ls_param *param, void *data)
{
    char where[64];

    snprintf(where, sizeof where, OPTIMIZER "/%zu", v->n++);
    if (v->path)
        return get_variable(v, where, type, what, param, data);
    return ls_h5_put_array(v->file, where, type, param ? param->shape.axes : 0, param ? param->shape.dim : NULL, data);
}

/* The slots take turns: slot 0 of the first weight, slot 1 of it, slot 0 of the second, …. NULL: not in use. */
static ls_status pass_slots(variables *v, const char *const *what, float *const *slot, size_t slots)
{
    const ls_model *model = v->model;

    for (size_t p = 0; p < model->trainable_params; p++)
        for (size_t s = 0; s < slots; s++)
            if (slot[s])
                LS_TRY(pass_variable(v, H5T_NATIVE_FLOAT, what[s], model->param[p], slot[s] + model->param[p]->offset));
    return LS_OK;
}

/* rate: NULL: there is none among them. */
static ls_status pass_optimizer(variables *v, const ls_optimizer_ops *ops, float *rate, const ls_optimizer_room *state)
{
    int64_t iteration = (int64_t)*state->iterations;

    LS_TRY(pass_variable(v, H5T_NATIVE_INT64, "the number of updates", NULL, &iteration));
    if (iteration < 0)
        return ls_fail(LS_ERR_FORMAT, "%s: the optimizer has made %lld updates", v->path, (long long)iteration);
    *state->iterations = (uint64_t)iteration;
    if (rate)
        LS_TRY(pass_variable(v, H5T_NATIVE_FLOAT, "the learning rate", NULL, rate));
    LS_TRY(pass_slots(v, (const char *const[]){"average"}, &state->average, 1));
    LS_TRY(pass_slots(v, (const char *const[]){"gradient accumulator"}, &state->accumulator, 1));
    LS_TRY(pass_slots(v, ops->slot_names, state->slot, ops->slots_interleaved));
    for (size_t s = ops->slots_interleaved; s < ops->slots_max; s++)
        LS_TRY(pass_slots(v, &ops->slot_names[s], &state->slot[s], 1));
    for (size_t i = 0; i < ops->scalars; i++) {
        float value = (float)state->scalars[i];

        LS_TRY(pass_variable(v, H5T_NATIVE_FLOAT, ops->scalar_names[i], NULL, &value));
        state->scalars[i] = v->path ? (double)value : state->scalars[i];
    }
    return LS_OK;
}

static float *unconst(const float *array)
{
    return (float *)(uintptr_t)array;
}

static ls_status put_optimizer(hid_t file, const ls_model *model, const ls_compile_info *compile)
{
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(compile->optimizer);
    const ls_optimizer_state *state = compile->state;
    uint64_t iterations = state->iterations;
    double scalars[LS_OPTIMIZER_SCALARS_MAX] = {0}, constant;
    ls_optimizer_room room = {.iterations = &iterations,
                              .average = unconst(state->average),
                              .accumulator = unconst(state->accumulator),
                              .scalars = scalars};
    variables v = {.file = file, .model = model};
    float rate = 0;
    const bool has_rate = ls_keras_constant_rate(compile->optimizer, compile->learning_rate, &constant);

    if (has_rate)
        rate = (float)constant;
    for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
        room.slot[s] = unconst(state->slot[s]);
    if (ops->scalars)
        memcpy(scalars, state->scalars, ops->scalars * sizeof *scalars);
    LS_TRY(ls_h5_put_group(file, OPTIMIZER));
    LS_TRY(ls_h5_put_text(file, OPTIMIZER, "name", ops->ops.name));
    return pass_optimizer(&v, ops, has_rate ? &rate : NULL, &room);
}

/* "AdamW", "adam_w_1" and "adamw" are one: small letters, without underscores and the number of the object. */
static void plain_name(const char *name, char *out, size_t room)
{
    size_t end = strlen(name), n = 0;

    while (end && isdigit((unsigned char)name[end - 1]))
        end--;
    if (!end || name[end - 1] != '_')
        end = strlen(name);
    for (size_t i = 0; i < end && n + 1 < room; i++)
        if (name[i] != '_')
            out[n++] = (char)tolower((unsigned char)name[i]);
    out[n] = '\0';
}

/* A name that is no optimizer's was given by a program, and says nothing. */
static ls_status check_name(const char *path, const char *stored, const ls_optimizer_ops *ops)
{
    char plain[64], other[64];

    plain_name(stored, plain, sizeof plain);
    plain_name(ops->ops.name, other, sizeof other);
    if (strcmp(plain, other) == 0)
        return LS_OK;
    for (const ls_ops *const *entry = ls_optimizers.entries; *entry; entry++) {
        plain_name((*entry)->name, other, sizeof other);
        if (strcmp(plain, other) == 0)
            return ls_fail(LS_ERR_MISMATCH,
                           "%s: the optimizer's state is that of %s, and the experiment trains with %s: make "
                           "compile.optimizer %s, or leave out 'optimizer: true' of initial_weights to begin afresh",
                           path, (*entry)->name, ops->ops.name, (*entry)->name);
    }
    return LS_OK;
}

ls_status ls_keras_read_optimizer(hid_t file, const char *path, const char *keras_class, const ls_model *model,
                                  const ls_optimizer *optimizer, ls_optimizer_room *state)
{
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(optimizer);
    variables v = {.file = file, .path = path, .model = model};
    size_t axes = 1, n, dim[LS_H5_AXES_MAX];
    char **names, *name = NULL;
    float rate;

    if (!ls_h5_is_group(file, OPTIMIZER) || !ls_h5_has(file, OPTIMIZER "/0"))
        return ls_fail(
            LS_ERR_FORMAT,
            "%s has no state of an optimizer: Keras keeps that of a compiled model in .keras and .weights.h5 "
            "(lockstep export writes them, too; a run of lockstep goes on with --resume)",
            path);
    if (!keras_class && ls_h5_has_attribute(file, OPTIMIZER, "name"))
        LS_TRY(ls_h5_get_text(file, OPTIMIZER, "name", &name));
    if (keras_class || name) {
        const ls_status st = check_name(path, keras_class ? keras_class : name, ops);

        ls_free(name);
        LS_TRY(st);
    }
    if (ls_h5_has(file, OPTIMIZER "/1")) /* a single number there is the rate: with a schedule there is none */
        LS_TRY(ls_h5_get_shape(file, OPTIMIZER "/1", &axes, dim));
    LS_TRY(pass_optimizer(&v, ops, axes ? NULL : &rate, state));
    LS_TRY(ls_h5_get_names(file, OPTIMIZER, &names, &n));
    ls_h5_free_texts(names, n);
    return n == v.n
               ? LS_OK
               : ls_fail(LS_ERR_MISMATCH,
                         "%s: the optimizer's state has %zu variables, and %s as the experiment sets it has %zu: "
                         "momentum, centered, amsgrad, use_ema and gradient_accumulation_steps must be as in Keras",
                         path, n, ops->ops.name, v.n);
}

ls_status ls_keras_write_weights(hid_t file, const ls_model *model, const ls_compile_info *compile)
{
    LS_TRY(ls_h5_put_group(file, "/vars"));
    LS_TRY(ls_h5_put_text(file, "/vars", "name", model->name));
    LS_TRY(ls_h5_put_group(file, "/layers"));
    for (size_t i = 0; i < model->layers; i++)
        if (ls_keras_is_listed(model, model->layer[i]))
            LS_TRY(put_layer(file, model, i));
    return ls_keras_can_compile(compile) && compile->state ? put_optimizer(file, model, compile) : LS_OK;
}
