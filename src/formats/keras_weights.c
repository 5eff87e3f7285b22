#include "formats/keras_weights.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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

/* Numbered as they come. */
typedef struct variables {
    hid_t file;
    size_t n;
} variables;

static ls_status put_variable(variables *v, hid_t type, size_t rank, const size_t *dim, const void *data)
{
    char path[64];

    snprintf(path, sizeof path, OPTIMIZER "/%zu", v->n++);
    return ls_h5_put_array(v->file, path, type, rank, dim, data);
}

/* The slots take turns: slot 0 of the first weight, slot 1 of it, slot 0 of the second, …. NULL: not in use. */
static ls_status put_slots(variables *v, const ls_model *model, const float *const *slot, size_t slots)
{
    for (size_t p = 0; p < model->trainable_params; p++) {
        const ls_param *param = model->param[p];

        for (size_t s = 0; s < slots; s++)
            if (slot[s])
                LS_TRY(put_variable(v, H5T_NATIVE_FLOAT, param->shape.axes, param->shape.dim, slot[s] + param->offset));
    }
    return LS_OK;
}

static ls_status put_optimizer(hid_t file, const ls_model *model, const ls_compile_info *compile)
{
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(compile->optimizer);
    const ls_optimizer_state *state = compile->state;
    const int64_t iteration = (int64_t)state->iterations;
    variables v = {.file = file};
    double rate;

    LS_TRY(ls_h5_put_group(file, OPTIMIZER));
    LS_TRY(ls_h5_put_text(file, OPTIMIZER, "name", ops->ops.name));
    LS_TRY(put_variable(&v, H5T_NATIVE_INT64, 0, NULL, &iteration));
    if (ls_keras_constant_rate(compile->optimizer, compile->learning_rate, &rate))
        LS_TRY(put_variable(&v, H5T_NATIVE_FLOAT, 0, NULL, &(float){(float)rate}));
    LS_TRY(put_slots(&v, model, &state->average, 1));
    LS_TRY(put_slots(&v, model, &state->accumulator, 1));
    LS_TRY(put_slots(&v, model, state->slot, ops->slots_interleaved));
    for (size_t s = ops->slots_interleaved; s < ops->slots_max; s++)
        LS_TRY(put_slots(&v, model, &state->slot[s], 1));
    for (size_t i = 0; i < ops->scalars; i++)
        LS_TRY(put_variable(&v, H5T_NATIVE_FLOAT, 0, NULL, &(float){(float)state->scalars[i]}));
    return LS_OK;
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
