#include "experiment/inner_models.h"

#include <stdint.h>
#include <string.h>

#include "base/failures.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/model_file.h"

typedef struct writer {
    const ls_config *blocks; /* may be NULL */
    const char *file;
} writer;

/* The list of layers of a description: itself, or an entry of a graph or of a model within the model. */
static ls_config *layers_of(ls_config *description)
{
    return description && description->kind == LS_CONFIG_MAP ? ls_config_get(description, "layers") : description;
}

/* A description as arguments of a model: layers: [...], or inputs, layers and outputs. */
static ls_status put_description(const ls_config *description, ls_config *args)
{
    static const char *const parts[] = {"inputs", "layers", "outputs"};

    if (description->kind == LS_CONFIG_LIST)
        return ls_config_put(args, "layers", description);
    LS_TRY(ls_config_expect(description, LS_CONFIG_MAP, "a block"));
    LS_TRY(ls_config_check_keys(description, parts, sizeof parts / sizeof parts[0], "a block"));
    for (const ls_config *c = description->first; c; c = c->next)
        LS_TRY(ls_config_put(args, c->key, c));
    return LS_OK;
}

static ls_status put_file(const writer *w, const ls_config *file, ls_config *args)
{
    ls_keras_refused refused = {0};
    ls_config *from = NULL;
    char *path = NULL;
    const char *text;
    ls_status st;

    LS_TRY(ls_config_text(file, "model.file", &text));
    if (!(path = ls_path_beside(w->file, text)))
        return LS_ERR_MEMORY;
    st = ls_model_file_experiment(path, &from, &refused);
    if (st != LS_OK && file->file && file->line > 0)
        ls_fail_in(st, "%s:%d:%d", file->file, file->line, file->column);
    LS_TRY_CLEANUP(st);
    st = put_description(ls_config_get(from, "model"), args);
cleanup:
    ls_config_free(from);
    ls_free(path);
    ls_keras_refused_reset(&refused);
    return st;
}

static ls_status put_block(const writer *w, const ls_config *name, ls_config *args)
{
    const ls_config *block;
    const char *text, *known[64];
    char hint[LS_HINT_BYTES];
    size_t n = 0;

    LS_TRY(ls_config_text(name, "model.block", &text));
    if ((block = ls_config_get(w->blocks, text)))
        return put_description(block, args);
    for (const ls_config *c = w->blocks ? w->blocks->first : NULL; c && n < sizeof known / sizeof known[0]; c = c->next)
        known[n++] = c->key;
    return ls_config_fail(name, "there is no block '%s'%s", text, ls_hint(text, known, n, hint));
}

/* NAME: {args} becomes model: {block: NAME, args}. */
static ls_status name_block(ls_config *entry, ls_config *type)
{
    ls_config *args = ls_config_create(LS_CONFIG_MAP, type->file), *fresh;
    char *key = ls_strdup("model");
    ls_status st = args && key ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK && !ls_config_is_null(type) && type->kind != LS_CONFIG_MAP)
        st = ls_config_fail(type, "what a block takes has names: write - %s: {repeat: 3}", type->key);
    if (st == LS_OK) {
        args->line = type->line;
        args->column = type->column;
        if (!(fresh = ls_config_add(args, "block", LS_CONFIG_SCALAR, type->key)))
            st = LS_ERR_MEMORY;
        else
            fresh->line = type->key_line, fresh->column = type->key_column;
    }
    for (const ls_config *c = type->kind == LS_CONFIG_MAP ? type->first : NULL; c && st == LS_OK; c = c->next)
        st = ls_config_put(args, c->key, c);
    if (st == LS_OK)
        st = ls_config_replace(entry, type, args);
    if (st == LS_OK) { /* in its place by now; the key is the old one */
        for (ls_config *c = entry->first; c; c = c->next)
            if (ls_config_get(c, "block") && strcmp(ls_config_get(c, "block")->text, c->key) == 0) {
                ls_free(c->key);
                c->key = key;
                key = NULL;
                break;
            }
    }
    ls_free(key);
    ls_config_free(args);
    return st;
}

/* - NAME in a list becomes - {NAME: null}. */
static ls_status spell_scalar(ls_config *list, ls_config *entry)
{
    ls_config *map = ls_config_create(LS_CONFIG_MAP, entry->file), *type;
    ls_status st = LS_ERR_MEMORY;

    if (map && (type = ls_config_add(map, entry->text, LS_CONFIG_NULL, NULL))) {
        map->line = type->line = type->key_line = entry->line;
        map->column = type->column = type->key_column = entry->column;
        st = ls_config_replace(list, entry, map);
    }
    ls_config_free(map);
    return st;
}

static ls_status write_out(const writer *w, ls_config *description, size_t depth);

static ls_status write_out_model(const writer *w, ls_config *args, size_t depth)
{
    ls_config *file = ls_config_get(args, "file"), *block = ls_config_get(args, "block");

    if (args->kind != LS_CONFIG_MAP)
        return LS_OK; /* which others refuse */
    if (depth == LS_MODEL_DEPTH_MAX)
        return ls_config_fail(args, "more than %d models within each other: does a block name itself?",
                              LS_MODEL_DEPTH_MAX);
    if (file && block)
        return ls_config_fail_key(file, "a model is a block or that of a file, not both");
    if (!ls_config_get(args, "layers")) {
        if (file)
            LS_TRY(put_file(w, file, args));
        else if (block)
            LS_TRY(put_block(w, block, args));
    }
    return write_out(w, args, depth + 1);
}

/* The next entry of a list that may have been replaced: the index counts. */
static ls_config *entry_at(ls_config *list, size_t index)
{
    ls_config *c = list->first;

    while (c && index-- > 0)
        c = c->next;
    return c;
}

static ls_status write_out(const writer *w, ls_config *description, size_t depth)
{
    ls_config *list = layers_of(description);
    ls_failures all = {0};

    for (size_t i = 0; list && list->kind == LS_CONFIG_LIST && i < list->count; i++) {
        ls_config *entry = entry_at(list, i);

        if (entry->kind == LS_CONFIG_SCALAR && ls_config_get(w->blocks, entry->text)) {
            LS_GATHER(&all, spell_scalar(list, entry));
            entry = entry_at(list, i);
        }
        for (size_t k = 0; entry->kind == LS_CONFIG_MAP && k < entry->count; k++) {
            ls_config *type = entry_at(entry, k);

            if (ls_config_get(w->blocks, type->key)) {
                LS_GATHER(&all, name_block(entry, type));
                type = entry_at(entry, k);
            }
            if (strcmp(type->key, "model") == 0)
                LS_GATHER(&all, write_out_model(w, type, depth));
        }
    }
    return ls_failures_end(&all);
}

/* A block must not be called as something else that may stand there. */
static ls_status check_blocks(const ls_config *blocks)
{
    static const char *const taken[] = {"name", "trainable", "inputs", "shares", "input", "model"};
    ls_failures all = {0};

    LS_TRY(ls_config_expect(blocks, LS_CONFIG_MAP, "blocks"));
    for (const ls_config *c = blocks->first; c; c = c->next) {
        bool is_taken = ls_registry_find(&ls_layers, c->key) != NULL;

        for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
            is_taken |= strcmp(c->key, taken[i]) == 0;
        if (is_taken)
            LS_GATHER(&all, ls_config_fail_key(c, "a block cannot be called '%s': that is something else in a model",
                                               c->key));
        if (c->kind != LS_CONFIG_LIST && (c->kind != LS_CONFIG_MAP || !ls_config_get(c, "layers")))
            LS_GATHER(&all, ls_config_fail(c,
                                           "block '%s' must be a list of layers, or a map with inputs, layers and "
                                           "outputs",
                                           c->key));
    }
    return ls_failures_end(&all);
}

ls_status ls_inner_models_write_out(ls_config *root, const char *file)
{
    const ls_config *blocks = ls_config_get(root, "blocks");
    writer w = {.file = file};

    if (!ls_config_is_null(blocks)) {
        LS_TRY(check_blocks(blocks));
        w.blocks = blocks;
    }
    return write_out(&w, ls_config_get(root, "model"), 0);
}

ls_status ls_inner_models_each_file(ls_config *model, ls_status (*visit)(void *context, ls_config *map), void *context)
{
    ls_config *list = layers_of(model);

    for (ls_config *entry = list && list->kind == LS_CONFIG_LIST ? list->first : NULL; entry; entry = entry->next) {
        ls_config *args = ls_config_get(entry, "model");

        if (!args)
            continue;
        if (ls_config_get(args, "file"))
            LS_TRY(visit(context, args));
        LS_TRY(ls_inner_models_each_file(args, visit, context));
    }
    return LS_OK;
}

/* ---- weights ---- */

static const ls_layer *find_layer(const ls_model *model, const char *name)
{
    for (size_t i = 0; i < model->layers; i++)
        if (strcmp(model->layer[i]->name, name) == 0)
            return model->layer[i];
    return NULL;
}

static ls_status copy_layer(const char *path, const ls_layer *from, const ls_layer *to)
{
    if (!from || from->params != to->params)
        return ls_fail(LS_ERR_MISMATCH, "%s: the model there has no layer with the weights of '%s'", path, to->name);
    for (size_t p = 0; p < to->params; p++) {
        char have[LS_SHAPE_TEXT_BYTES], want[LS_SHAPE_TEXT_BYTES];

        if (!ls_shape_equal(&from->param[p].shape, &to->param[p].shape))
            return ls_fail(LS_ERR_MISMATCH, "%s: layer '%s' has %s %s, and %s here", path, from->name,
                           to->param[p].name, ls_shape_format(&from->param[p].shape, have),
                           ls_shape_format(&to->param[p].shape, want));
        memcpy(to->param[p].value, from->param[p].value, to->param[p].size * sizeof(float));
    }
    return LS_OK;
}

/* The layers of submodel s begin with the weights of the same layers in the model of the file. */
static ls_status copy_weights(const char *path, ls_model *model, size_t s)
{
    ls_keras_refused refused = {0};
    ls_config *tree = NULL;
    ls_model *base = NULL;
    ls_status st;

    LS_TRY_CLEANUP(ls_model_file_experiment(path, &tree, &refused));
    LS_TRY_CLEANUP(ls_model_create(ls_config_get(tree, "model"), NULL, NULL, &base));
    LS_TRY_CLEANUP(ls_model_file_weights(path, base));
    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];

        if (layer->params && ls_submodel_is_in(model->submodel, layer->within, s))
            LS_TRY_CLEANUP(
                copy_layer(path, find_layer(base, layer->name + strlen(model->submodel[s].name) + 1), layer));
    }
cleanup:
    ls_model_free(base);
    ls_config_free(tree);
    ls_keras_refused_reset(&refused);
    return st;
}

ls_status ls_inner_models_init_weights(const char *file, ls_model *model)
{
    for (size_t s = 0; s < model->submodels; s++) {
        const ls_config *args = model->submodel[s].args, *weights = ls_config_get(args, "weights");
        bool wanted = true;
        char *path;
        ls_status st;

        if (!ls_config_get(args, "file") || model->submodel[s].shares != SIZE_MAX)
            continue;
        if (weights)
            LS_TRY(ls_config_bool(weights, "model.weights", &wanted));
        if (!wanted)
            continue;
        if (!(path = ls_path_beside(file, ls_config_get(args, "file")->text)))
            return LS_ERR_MEMORY;
        st = copy_weights(path, model, s);
        ls_free(path);
        LS_TRY(st);
    }
    return LS_OK;
}
