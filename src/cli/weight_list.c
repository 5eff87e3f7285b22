#include "cli/weight_list.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/keras_weights.h"
#include "h5/lock.h"
#include "h5/tree.h"
#include "run/checkpoint.h"
#include "train/task.h"

void ls_weight_list_reset(ls_weight_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        ls_free(list->entry[i].name);
        ls_free(list->entry[i].path);
    }
    ls_free(list->entry);
    *list = (ls_weight_list){0};
}

/* The object that has the list of layers: the root in files of Keras 2 that hold weights only. NULL: there is none. */
static const char *layers_of(hid_t file)
{
    static const char *const objects[] = {"/model_weights", "/"};

    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (ls_h5_has(file, objects[i]) && (ls_h5_has_attribute(file, objects[i], "layer_names") ||
                                            ls_h5_has_attribute(file, objects[i], "layer_names0")))
            return objects[i];
    return NULL;
}

bool ls_weight_list_is_model(hid_t file)
{
    return layers_of(file) != NULL || ls_keras_is_weights_file(file);
}

ls_model *ls_weight_list_model(const char *path)
{
    ls_experiment *experiment = NULL;
    ls_model *model = NULL;

    if (ls_experiment_of_model(path, &experiment) == LS_OK)
        ls_task_model(experiment, &model);
    ls_experiment_free(experiment);
    return model;
}

/* Any floating-point type; bytes: of one value. False if the path is no such dataset. */
static bool float_bytes(hid_t file, const char *path, size_t *bytes)
{
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), type = set < 0 ? H5I_INVALID_HID : H5Dget_type(set);
    const bool found = type >= 0 && H5Tget_class(type) == H5T_FLOAT;

    *bytes = found ? H5Tget_size(type) : 0;
    if (type >= 0)
        H5Tclose(type);
    if (set >= 0)
        H5Dclose(set);
    return found;
}

/* Takes name and path, either of which may be NULL after a failure to make it. */
static ls_status append(hid_t file, char *name, char *path, ls_weight_list *list)
{
    ls_weight_entry *entry = NULL;
    ls_status st = LS_ERR_MEMORY;

    if (!name || !path || !(entry = ls_realloc(list->entry, list->n + 1, sizeof *entry, "the list of weights")))
        goto cleanup;
    list->entry = entry;
    entry = &list->entry[list->n];
    *entry = (ls_weight_entry){.size = 1};
    LS_TRY_CLEANUP(ls_h5_get_shape(file, path, &entry->axes, entry->dim));
    for (size_t i = 0; i < entry->axes; i++)
        if (!ls_size_mul(entry->size, entry->dim[i], &entry->size)) {
            st = ls_fail(LS_ERR_FORMAT, "'%s' is too large for this machine's memory", path);
            goto cleanup;
        }
    entry->name = name;
    entry->path = path;
    name = path = NULL;
    list->size += entry->size;
    list->n++;
cleanup:
    ls_free(name);
    ls_free(path);
    return st;
}

/* A list of names; Keras cuts one that does not fit an attribute into NAME0, NAME1, … An absent one is empty. */
static ls_status read_names(hid_t file, const char *object, const char *name, ls_text *joined)
{
    ls_text piece = {0};
    bool whole = ls_h5_has_attribute(file, object, name);
    ls_status st = LS_OK;

    for (size_t i = 0;; i++) {
        char **texts;
        size_t n;

        piece.length = 0;
        ls_text_add(&piece, "%s", name);
        if (!whole)
            ls_text_add(&piece, "%zu", i);
        LS_TRY_CLEANUP(piece.status);
        if (!ls_h5_has_attribute(file, object, piece.data))
            break;
        LS_TRY_CLEANUP(ls_h5_get_texts(file, object, piece.data, &texts, &n));
        for (size_t k = 0; k < n; k++)
            ls_text_add_bytes(joined, texts[k], strlen(texts[k]) + 1);
        ls_h5_free_texts(texts, n);
        LS_TRY_CLEANUP(joined->status);
        if (whole)
            break;
    }
cleanup:
    ls_text_reset(&piece);
    return st;
}

/* "dense" and "sequential/dense/kernel:0" make "dense/kernel". */
static char *short_name(const char *layer, const char *weight)
{
    const char *slash = strrchr(weight, '/'), *last = slash ? slash + 1 : weight;
    ls_text text = {0};

    ls_text_add(&text, "%s/%.*s", layer, (int)strcspn(last, ":"), last);
    if (text.status != LS_OK)
        ls_text_reset(&text);
    return text.data;
}

static ls_status list_layer(hid_t file, const char *root, const char *layer, ls_weight_list *out)
{
    ls_text group = {0}, names = {0};
    ls_status st;

    ls_text_add(&group, "%s/%s", strcmp(root, "/") == 0 ? "" : root, layer);
    LS_TRY_CLEANUP(group.status);
    LS_TRY_CLEANUP(read_names(file, group.data, "weight_names", &names));
    for (size_t at = 0; at < names.length; at += strlen(names.data + at) + 1) {
        ls_text path = {0};

        ls_text_add(&path, "%s/%s", group.data, names.data + at);
        if ((st = path.status) != LS_OK) {
            ls_text_reset(&path);
            goto cleanup;
        }
        LS_TRY_CLEANUP(append(file, short_name(layer, names.data + at), path.data, out));
    }
cleanup:
    ls_text_reset(&group);
    ls_text_reset(&names);
    return st;
}

static ls_status list_model(hid_t file, const char *root, ls_weight_list *out)
{
    ls_text names = {0};
    ls_status st;

    LS_TRY_CLEANUP(read_names(file, root, "layer_names", &names));
    for (size_t at = 0; at < names.length; at += strlen(names.data + at) + 1)
        LS_TRY_CLEANUP(list_layer(file, root, names.data + at, out));
cleanup:
    ls_text_reset(&names);
    return st;
}

static ls_status list_datasets(hid_t file, ls_weight_list *out)
{
    ls_h5_tree tree;
    size_t bytes;
    ls_status st;

    LS_TRY(ls_h5_tree_read(file, "/", &tree));
    st = LS_OK;
    for (size_t i = 0; i < tree.n && st == LS_OK; i++) {
        const char *path = tree.node[i].path;

        if (tree.node[i].kind == LS_H5_DATASET && strncmp(path, "/optimizer/", 11) != 0 &&
            float_bytes(file, path, &bytes))
            st = append(file, ls_strdup(path + 1), ls_strdup(path), out);
    }
    ls_h5_tree_reset(&tree);
    return st;
}

/* A weights file in the order of a model. */
static ls_status list_by_model(hid_t file, const ls_model *model, ls_weight_list *out)
{
    for (size_t i = 0; i < model->layers; i++)
        for (size_t p = 0; p < model->layer[i]->params; p++) {
            ls_text path = {0};

            ls_text_add(&path, LS_KERAS_LAYERS "/");
            ls_keras_layer_key(model, i, &path);
            ls_text_add(&path, "/");
            ls_keras_weight_place(model->layer[i], p, &path);
            if (path.status != LS_OK) {
                ls_text_reset(&path);
                return LS_ERR_MEMORY;
            }
            LS_TRY(append(file, short_name(model->layer[i]->name, model->layer[i]->param[p].name), path.data, out));
        }
    return LS_OK;
}

ls_status ls_weight_list_read(hid_t file, const char *path, const ls_model *model, ls_weight_list *out)
{
    const char *const root = layers_of(file);
    ls_h5_lock lock;
    ls_status st;

    *out = (ls_weight_list){0};
    ls_h5_lock_take(&lock);
    st = root ? list_model(file, root, out) : list_datasets(file, out);
    if (st == LS_OK && !root && model && out->n == model->params && ls_keras_is_weights_file(file)) {
        ls_weight_list_reset(out);
        st = list_by_model(file, model, out);
    }
    ls_h5_lock_release(&lock);
    if (st == LS_OK && out->n == 0)
        st = ls_fail(LS_ERR_FORMAT, "'%s' holds no weights", path);
    if (st != LS_OK)
        ls_weight_list_reset(out);
    return st;
}

ls_status ls_weight_values(hid_t file, const char *path, const ls_weight_entry *entry, float **values)
{
    size_t bytes;
    ls_h5_lock lock;
    ls_status st;

    *values = NULL;
    ls_h5_lock_take(&lock);
    float_bytes(file, entry->path, &bytes);
    ls_h5_lock_release(&lock);
    if (bytes == 0 || bytes > sizeof(float))
        return ls_fail(LS_ERR_FORMAT, "%s: '%s' does not hold float32 values, as weights are", path, entry->path);
    if (!(*values = ls_calloc(entry->size, sizeof **values, entry->name)))
        return LS_ERR_MEMORY;
    st = ls_h5_get_array(file, entry->path, H5T_NATIVE_FLOAT, entry->axes, entry->dim, *values);
    if (st != LS_OK) {
        ls_free(*values);
        *values = NULL;
    }
    return st;
}
