#include "formats/keras_model.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "formats/json.h"
#include "formats/keras_config.h"
#include "formats/keras_weights.h"
#include "nn/layer_order.h"
#include "h5/file.h"

#define BACKEND "tensorflow"

/* ---- writing ---- */

/* Takes json. */
static ls_status put_json(hid_t file, const char *name, json_t *json)
{
    ls_text text = {0};
    ls_status st = ls_json_write(json, &text);

    if (st == LS_OK)
        st = ls_h5_put_text(file, "/", name, text.data);
    ls_text_reset(&text);
    json_decref(json);
    return st;
}

static ls_status put_versions(hid_t file, const char *object)
{
    LS_TRY(ls_h5_put_text(file, object, "keras_version", LS_KERAS_VERSION));
    return ls_h5_put_text(file, object, "backend", BACKEND);
}

/*
 * The weights of what Keras takes for one layer, in its order: of a model within the model first all that are trained.
 * Owned list; *n may be 0.
 */
static ls_status list_params(const ls_model *model, const ls_unit *unit, ls_param ***out, size_t *n)
{
    size_t count = 0;

    for (size_t i = unit->first; i < unit->end; i++)
        count += model->layer[i]->params;
    *n = 0;
    if (!(*out = ls_calloc(count + 1, sizeof **out, "weights of a layer")))
        return LS_ERR_MEMORY;
    for (int trained = 1; trained >= 0; trained--)
        for (size_t i = unit->first; i < unit->end; i++)
            for (size_t p = 0; p < model->layer[i]->params; p++)
                if ((model->layer[i]->trainable && model->layer[i]->param[p].trainable) == trained)
                    (*out)[(*n)++] = &model->layer[i]->param[p];
    return LS_OK;
}

static bool is_listed(const ls_model *model, const ls_unit *unit)
{
    return !unit->layer || ls_keras_is_listed(model, unit->layer);
}

static ls_status put_layer_names(hid_t file, const ls_model *model)
{
    const char **names = ls_calloc(model->layers, sizeof *names, "names of layers");
    size_t n = 0;
    ls_status st;

    if (!names)
        return LS_ERR_MEMORY;
    for (ls_unit u = {0}; ls_model_next_unit(model, SIZE_MAX, &u);)
        if (is_listed(model, &u))
            names[n++] = u.name;
    st = ls_h5_put_texts(file, "/model_weights", "layer_names", names, n);
    ls_free(names);
    return st;
}

static ls_status put_params(hid_t file, const ls_model *model, const char *group, ls_param *const *param, size_t n)
{
    const char **names = ls_calloc(n + 1, sizeof *names, "names of weights");
    ls_text *name = ls_calloc(n + 1, sizeof *name, "names of weights"), path = {0};
    ls_status st = names && name ? LS_OK : LS_ERR_MEMORY;

    for (size_t p = 0; p < n && st == LS_OK; p++) {
        if (model->sequential)
            ls_text_add(&name[p], "%s/", model->name);
        ls_text_add(&name[p], "%s/%s", ls_model_param_layer(model, param[p])->name, param[p]->name);
        names[p] = name[p].data;
        st = name[p].status;
    }
    if (st == LS_OK && n)
        st = ls_h5_put_texts(file, group, "weight_names", names, n);
    for (size_t p = 0; p < n && st == LS_OK; p++) {
        path.length = 0;
        ls_text_add(&path, "%s/%s", group, names[p]);
        if ((st = path.status) == LS_OK)
            st = ls_h5_put_array(file, path.data, H5T_NATIVE_FLOAT, param[p]->shape.axes, param[p]->shape.dim,
                                 param[p]->value);
    }
    for (size_t p = 0; name && p < n; p++)
        ls_text_reset(&name[p]);
    ls_free(name);
    ls_free(names);
    ls_text_reset(&path);
    return st;
}

static ls_status put_unit(hid_t file, const ls_model *model, const ls_unit *unit)
{
    ls_param **param = NULL;
    ls_text group = {0};
    size_t n;
    ls_status st;

    ls_text_add(&group, "/model_weights/%s", unit->name);
    LS_TRY_CLEANUP(group.status);
    LS_TRY_CLEANUP(ls_h5_put_group(file, group.data));
    LS_TRY_CLEANUP(list_params(model, unit, &param, &n));
    st = put_params(file, model, group.data, param, n);
cleanup:
    ls_free(param);
    ls_text_reset(&group);
    return st;
}

ls_status ls_keras_write(hid_t file, const ls_model *model, const ls_compile_info *compile)
{
    if (strchr(model->name, '/'))
        return ls_fail(LS_ERR_ARG, "a model cannot be called '%s': Keras allows no '/' in names", model->name);
    LS_TRY(put_versions(file, "/"));
    LS_TRY(put_json(file, "model_config", ls_keras_model_config(LS_KERAS_LEGACY, model)));
    if (ls_keras_can_compile(compile))
        LS_TRY(put_json(file, "training_config", ls_keras_training_config(LS_KERAS_LEGACY, model, compile)));
    LS_TRY(ls_h5_put_group(file, "/model_weights"));
    LS_TRY(put_layer_names(file, model));
    LS_TRY(put_versions(file, "/model_weights"));
    for (ls_unit u = {0}; ls_model_next_unit(model, SIZE_MAX, &u);)
        if (is_listed(model, &u))
            LS_TRY(put_unit(file, model, &u));
    return LS_OK;
}

/* ---- reading ---- */

/* A list of texts; Keras cuts a long one into NAME0, NAME1, …. An absent one is empty. */
static ls_status get_list(hid_t file, const char *object, const char *name, char ***texts, size_t *n)
{
    ls_text piece = {0};
    ls_status st = LS_OK;

    *texts = NULL;
    *n = 0;
    if (ls_h5_has_attribute(file, object, name))
        return ls_h5_get_texts(file, object, name, texts, n);
    for (size_t i = 0;; i++) {
        char **more, **all;
        size_t more_n;

        piece.length = 0;
        ls_text_add(&piece, "%s%zu", name, i);
        LS_TRY_CLEANUP(piece.status);
        if (!ls_h5_has_attribute(file, object, piece.data))
            break;
        LS_TRY_CLEANUP(ls_h5_get_texts(file, object, piece.data, &more, &more_n));
        if (!(all = ls_realloc(*texts, *n + more_n, sizeof *all, "texts of an HDF5 file"))) {
            ls_h5_free_texts(more, more_n);
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        memcpy(all + *n, more, more_n * sizeof *all);
        ls_free(more);
        *texts = all;
        *n += more_n;
    }
cleanup:
    if (st != LS_OK) {
        ls_h5_free_texts(*texts, *n);
        *texts = NULL;
        *n = 0;
    }
    ls_text_reset(&piece);
    return st;
}

/* A layer of the file that has weights. */
typedef struct saved_layer {
    char *group;      /* "/model_weights/dense" */
    const char *name; /* the end of group */
    char **weight;
    size_t weights;
} saved_layer;

typedef struct saved_model {
    saved_layer *layer;
    size_t layers;
} saved_model;

static void free_saved(saved_model *saved)
{
    for (size_t i = 0; i < saved->layers; i++) {
        ls_free(saved->layer[i].group);
        ls_h5_free_texts(saved->layer[i].weight, saved->layer[i].weights);
    }
    ls_free(saved->layer);
}

/* The group of the weights: the root in files that hold nothing else (save_weights of Keras 2). */
static ls_status find_weights(hid_t file, const char *path, const char **group)
{
    *group = "";
    if (ls_h5_has_attribute(file, "/", "layer_names") || ls_h5_has_attribute(file, "/", "layer_names0"))
        return LS_OK;
    *group = "/model_weights";
    if (ls_h5_has(file, *group))
        return LS_OK;
    return ls_fail(LS_ERR_FORMAT, "%s: not a model file of lockstep or Keras: it has no group 'model_weights'", path);
}

static ls_status list_layers(hid_t file, const char *group, saved_model *saved)
{
    char **names;
    size_t n;
    ls_status st = LS_OK;

    LS_TRY(get_list(file, *group ? group : "/", "layer_names", &names, &n));
    if (!(saved->layer = ls_calloc(n, sizeof *saved->layer, "layers of a model file"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++) {
        saved_layer *layer = &saved->layer[saved->layers];
        ls_text text = {0};

        ls_text_add(&text, "%s/%s", group, names[i]);
        layer->group = text.data;
        saved->layers++;
        LS_TRY_CLEANUP(text.status);
        layer->name = layer->group + strlen(group) + 1;
        LS_TRY_CLEANUP(get_list(file, layer->group, "weight_names", &layer->weight, &layer->weights));
        if (layer->weights == 0) {
            saved->layers--;
            ls_free(layer->group);
            ls_h5_free_texts(layer->weight, 0);
            *layer = (saved_layer){0};
        }
    }
cleanup:
    ls_h5_free_texts(names, n);
    return st;
}

/* ---- weights files of Keras 3 ---- */

#define DEPTH_MAX 4 /* of layers within a layer */

/* Weights 0, 1, … of GROUP/PLACE; place: "vars", "cell/vars". */
static ls_status list_vars(hid_t file, const char *group, const char *place, saved_layer *layer)
{
    ls_text item = {0};
    char **links = NULL; /* a group that is a link to elsewhere would have any name one asks for */
    size_t most = 0;
    ls_status st;

    ls_text_add(&item, "%s/%s", group, place);
    LS_TRY_CLEANUP(item.status);
    LS_TRY_CLEANUP(ls_h5_get_names(file, item.data, &links, &most));
    for (size_t i = 0; i < most; i++) {
        char **more;

        item.length = 0;
        ls_text_add(&item, "%s/%s/%zu", group, place, i);
        LS_TRY_CLEANUP(item.status);
        if (!ls_h5_has(file, item.data))
            break;
        if (!(more = ls_realloc(layer->weight, layer->weights + 1, sizeof *more, "weights of a model file"))) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        layer->weight = more;
        if (!(layer->weight[layer->weights] = ls_strdup(item.data + strlen(group) + 1))) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        layer->weights++;
    }
cleanup:
    ls_h5_free_texts(links, most);
    ls_text_reset(&item);
    return st;
}

/* The weights of GROUP/WITHIN and of the layers in it; within: "", "/cell". */
static ls_status list_weights(hid_t file, const char *group, const char *within, size_t depth, saved_layer *layer)
{
    ls_text item = {0};
    char **names = NULL;
    size_t n = 0, start;
    ls_status st;

    ls_text_add(&item, "%s%s", group, within);
    LS_TRY_CLEANUP(item.status);
    LS_TRY_CLEANUP(ls_h5_get_names(file, item.data, &names, &n));
    start = strlen(group);
    for (size_t i = 0; i < n; i++) {
        item.length = start + strlen(within);
        ls_text_add(&item, "/%s", names[i]);
        LS_TRY_CLEANUP(item.status);
        if (strcmp(names[i], "vars") == 0)
            LS_TRY_CLEANUP(list_vars(file, group, item.data + start + 1, layer));
        else if (depth < DEPTH_MAX && ls_h5_is_group(file, item.data))
            LS_TRY_CLEANUP(list_weights(file, group, item.data + start, depth + 1, layer));
    }
cleanup:
    ls_h5_free_texts(names, n);
    ls_text_reset(&item);
    return st;
}

/* The layer in a group of its own, if there are weights in it. */
static ls_status list_key(hid_t file, const char *group, saved_model *saved)
{
    saved_layer layer = {0}, *more;
    ls_status st;

    LS_TRY_CLEANUP(list_weights(file, group, "", 0, &layer));
    if (layer.weights == 0)
        goto cleanup;
    st = LS_ERR_MEMORY;
    if (!(more = ls_realloc(saved->layer, saved->layers + 1, sizeof *more, "layers of a model file")))
        goto cleanup;
    saved->layer = more;
    if (!(layer.group = ls_strdup(group)))
        goto cleanup;
    layer.name = layer.group + sizeof LS_KERAS_LAYERS;
    saved->layer[saved->layers++] = layer;
    return LS_OK;
cleanup:
    ls_h5_free_texts(layer.weight, layer.weights);
    return st;
}

/* By key, those of models within the model too; put_in_order comes after. */
static ls_status list_keys(hid_t file, const char *path, const char *layers, size_t depth, saved_model *saved)
{
    ls_text group = {0};
    char **keys = NULL;
    size_t n = 0, length;
    ls_status st;

    if (depth == LS_MODEL_DEPTH_MAX)
        return ls_fail(LS_ERR_FORMAT, "%s: more than %d models within each other", path, LS_MODEL_DEPTH_MAX);
    LS_TRY(ls_h5_get_names(file, layers, &keys, &n));
    for (size_t i = 0; i < n; i++) {
        group.length = 0;
        ls_text_add(&group, "%s/%s", layers, keys[i]);
        length = group.length;
        ls_text_add(&group, "/layers");
        LS_TRY_CLEANUP(group.status);
        if (ls_h5_has(file, group.data)) {
            LS_TRY_CLEANUP(list_keys(file, path, group.data, depth + 1, saved));
        } else {
            group.data[length] = '\0';
            LS_TRY_CLEANUP(list_key(file, group.data, saved));
        }
    }
    st = LS_OK;
cleanup:
    ls_h5_free_texts(keys, n);
    ls_text_reset(&group);
    return st;
}

/* The weights of a layer into the order of ours: where each lies follows from it. */
static ls_status put_weights_in_order(const char *path, const ls_layer *layer, saved_layer *saved)
{
    ls_text place = {0};
    ls_status st = LS_OK;

    for (size_t p = 0; p < layer->params && saved->weights == layer->params; p++) {
        size_t found = p;
        char *swap;

        place.length = 0;
        ls_keras_weight_place(layer, p, &place);
        LS_TRY_CLEANUP(place.status);
        while (found < saved->weights && strcmp(saved->weight[found], place.data) != 0)
            found++;
        if (found == saved->weights) {
            st = ls_fail(LS_ERR_MISMATCH, "%s: the weights of another model: %s of layer '%s' should lie in '%s/%s'",
                         path, layer->param[p].name, layer->name, saved->group, place.data);
            goto cleanup;
        }
        swap = saved->weight[p];
        saved->weight[p] = saved->weight[found];
        saved->weight[found] = swap;
    }
cleanup:
    ls_text_reset(&place);
    return st;
}

/*
 * As many layers as the model has with weights, into the order of the model: each layer's key follows from its class
 * and its place.
 */
static ls_status put_in_order(const char *path, const ls_model *model, saved_model *saved)
{
    ls_text key = {0};
    size_t k = 0;
    ls_status st = LS_OK;

    for (size_t i = 0; i < model->layers && st == LS_OK; i++) {
        size_t found = k;
        saved_layer swap;

        if (!model->layer[i]->params)
            continue;
        key.length = 0;
        ls_keras_layer_key(model, i, &key);
        LS_TRY_CLEANUP(key.status);
        while (found < saved->layers && strcmp(saved->layer[found].name, key.data) != 0)
            found++;
        if (found == saved->layers) {
            st = ls_fail(LS_ERR_MISMATCH,
                         "%s: the weights of another model: layer '%s' of this one should lie in '%s/%s'", path,
                         model->layer[i]->name, LS_KERAS_LAYERS, key.data);
            goto cleanup;
        }
        swap = saved->layer[k];
        saved->layer[k] = saved->layer[found];
        saved->layer[found] = swap;
        LS_TRY_CLEANUP(put_weights_in_order(path, model->layer[i], &saved->layer[k++]));
    }
cleanup:
    ls_text_reset(&key);
    return st;
}

/*
 * The next of what a file keeps the weights of together: a layer, in files with keys, else what Keras takes for one.
 * Only what has weights.
 */
static bool next_target(const ls_model *model, bool by_key, ls_unit *unit)
{
    size_t params = 0;

    do {
        const size_t i = unit->end;

        if (by_key && i < model->layers)
            *unit = (ls_unit){.layer = model->layer[i], .name = model->layer[i]->name, .first = i, .end = i + 1};
        else if (by_key || !ls_model_next_unit(model, SIZE_MAX, unit))
            return false;
        for (size_t k = unit->first; k < unit->end; k++)
            params += model->layer[k]->params;
    } while (params == 0);
    return true;
}

static ls_status fail_count(const char *path, const saved_model *saved, const ls_model *model, bool by_key)
{
    ls_text text = {0};
    size_t mine = 0, k = 0;
    ls_status st;

    for (ls_unit u = {0}; next_target(model, by_key, &u);)
        mine++;
    ls_text_add(&text, "%s: the file has %zu layer%s with weights (", path, saved->layers,
                saved->layers == 1 ? "" : "s");
    for (size_t i = 0; i < saved->layers; i++)
        ls_text_add(&text, "%s%s", i ? ", " : "", saved->layer[i].name);
    ls_text_add(&text, "), the model has %zu (", mine);
    for (ls_unit u = {0}; next_target(model, by_key, &u);)
        ls_text_add(&text, "%s%s", k++ ? ", " : "", u.name);
    ls_text_add(&text, ")");
    st = text.status == LS_OK ? ls_fail(LS_ERR_MISMATCH, "%s", text.data) : text.status;
    ls_text_reset(&text);
    return st;
}

static ls_status check_shape(const char *path, const saved_layer *saved, const ls_layer *layer, const ls_param *param,
                             size_t rank, const size_t *dim)
{
    char mine[LS_SHAPE_TEXT_BYTES], stored[LS_SHAPE_TEXT_BYTES];
    ls_shape shape = {.axes = rank};

    if (rank > LS_AXES_MAX)
        return ls_fail(LS_ERR_SHAPE, "%s: layer '%s' has a %s of %zu axes, the model has %s", path, saved->name,
                       param->name, rank, ls_shape_format(&param->shape, mine));
    memcpy(shape.dim, dim, rank * sizeof *dim);
    if (ls_shape_equal(&shape, &param->shape))
        return LS_OK;
    ls_shape_format(&shape, stored);
    ls_shape_format(&param->shape, mine);
    if (strcmp(saved->name, layer->name) == 0)
        return ls_fail(LS_ERR_SHAPE, "%s: layer '%s' has %s %s, the model has %s", path, saved->name, param->name,
                       stored, mine);
    return ls_fail(LS_ERR_SHAPE, "%s: layer '%s' has %s %s, layer '%s' of the model, in its place, has %s", path,
                   saved->name, param->name, stored, layer->name, mine);
}

/* The last two names of a path: "dense/kernel". */
static const char *short_path(const char *path)
{
    const char *at = path + strlen(path);

    for (int slashes = 0; at > path && (at[-1] != '/' || ++slashes < 2); at--)
        ;
    return at;
}

/*
 * Of a model within the model the file has what was trained first, and that may have been another part than is trained
 * now: where names of layers and weights tell, they are paired by those. param: [saved->weights], put in order.
 */
static void pair_by_names(const ls_model *model, const saved_layer *saved, ls_param **param)
{
    for (int change = 0; change < 2; change++) /* first only a look: every name must be there, and but once */
        for (size_t i = 0; i < saved->weights; i++) {
            size_t found = 0, last = 0;

            for (size_t k = change ? i : 0; k < saved->weights; k++) {
                char name[LS_PARAM_NAME_BYTES];

                ls_model_param_name(model, param[k], name);
                if (strcmp(short_path(name), short_path(saved->weight[i])) == 0) {
                    found++;
                    last = k;
                }
            }
            if (found != 1)
                return;
            if (change) {
                ls_param *const swap = param[i];

                param[i] = param[last];
                param[last] = swap;
            }
        }
}

/* weights: [model->size], laid out as in the model. */
static ls_status read_param(hid_t file, const char *path, const saved_layer *saved, size_t p, const ls_layer *layer,
                            const ls_param *param, float *weights)
{
    float *values = weights + param->offset;
    size_t rank, dim[LS_H5_AXES_MAX];
    ls_text where = {0};
    ls_status st;

    ls_text_add(&where, "%s/%s", saved->group, saved->weight[p]);
    LS_TRY_CLEANUP(where.status);
    LS_TRY_CLEANUP(ls_h5_get_shape(file, where.data, &rank, dim));
    LS_TRY_CLEANUP(check_shape(path, saved, layer, param, rank, dim));
    LS_TRY_CLEANUP(ls_h5_get_array(file, where.data, H5T_NATIVE_FLOAT, rank, dim, values));
    for (size_t i = 0; i < param->size; i++)
        if (!isfinite(values[i])) {
            st = ls_fail(LS_ERR_NUMERIC, "%s: layer '%s' has %s in its %s (element %zu): not usable as weights", path,
                         saved->name, isnan(values[i]) ? "NaN" : "an infinity", param->name, i);
            goto cleanup;
        }
cleanup:
    ls_text_reset(&where);
    return st;
}

static ls_status read_target(hid_t file, const char *path, const saved_layer *saved, const ls_model *model,
                             const ls_unit *unit, float *weights)
{
    ls_param **param;
    size_t n;
    ls_status st;

    LS_TRY(list_params(model, unit, &param, &n));
    if (saved->weights != n) {
        st = ls_fail(LS_ERR_MISMATCH, "%s: layer '%s' has %zu weight%s, layer '%s' (%s) of the model has %zu", path,
                     saved->name, saved->weights, saved->weights == 1 ? "" : "s", unit->name,
                     unit->layer ? unit->layer->ops->ops.name : "model", n);
        goto cleanup;
    }
    if (!unit->layer)
        pair_by_names(model, saved, param);
    st = LS_OK;
    for (size_t p = 0; p < n; p++)
        LS_TRY_CLEANUP(read_param(file, path, saved, p, ls_model_param_layer(model, param[p]), param[p], weights));
cleanup:
    ls_free(param);
    return st;
}

ls_status ls_keras_read_weights(hid_t file, const char *path, ls_model *model)
{
    const bool by_key = ls_keras_is_weights_file(file);
    saved_model saved = {0};
    float *weights = NULL;
    const char *group;
    size_t k = 0;
    ls_status st;

    if (by_key) {
        LS_TRY_CLEANUP(list_keys(file, path, LS_KERAS_LAYERS, 0, &saved));
    } else {
        LS_TRY_CLEANUP(find_weights(file, path, &group));
        LS_TRY_CLEANUP(list_layers(file, group, &saved));
    }
    for (ls_unit u = {0}; next_target(model, by_key, &u);)
        k++;
    if (k != saved.layers) {
        st = fail_count(path, &saved, model, by_key);
        goto cleanup;
    }
    if (by_key)
        LS_TRY_CLEANUP(put_in_order(path, model, &saved));
    if (!(weights = ls_calloc(model->size, sizeof *weights, "weights of a model file"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    k = 0;
    for (ls_unit u = {0}; next_target(model, by_key, &u);)
        LS_TRY_CLEANUP(read_target(file, path, &saved.layer[k++], model, &u, weights));
    memcpy(model->weights, weights, model->size * sizeof *weights);
cleanup:
    ls_free(weights);
    free_saved(&saved);
    return st;
}
