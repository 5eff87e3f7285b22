#include "experiment/lapses.h"

#include <stdlib.h>
#include <string.h>

#include "base/failures.h"
#include "base/locale.h"
#include "base/options.h"
#include "experiment/fit_options.h"
#include "formats/yaml.h"
#include "nn/layer.h"
#include "nn/optimizer.h"

typedef struct lapses {
    ls_failures all;
    ls_config *root;
} lapses;

/* The value as it stands in the file. */
static void add_value(const ls_config *node, ls_text *out)
{
    if (node->quoted)
        ls_text_add(out, "\"%s\"", node->text);
    else
        ls_yaml_write_line(node, out);
}

/* Tells of an entry of a map, and takes it out. line: how it should read. */
static ls_status tell(lapses *l, ls_config *map, ls_config *entry, const char *why, ls_text *line)
{
    ls_status st = line->status;

    if (st == LS_OK)
        st = ls_config_fail_key(entry, "%s: write %s", why, line->data);
    ls_text_reset(line);
    ls_config_remove(map, entry);
    return ls_failures_add(&l->all, st) ? LS_OK : ls_failures_end(&l->all);
}

static bool is_rate(const char *key)
{
    return strcmp(key, "lr") == 0 || strcmp(key, "learning_rate") == 0;
}

/* Of an optimizer however it is written; Keras's default if it is not. */
static const char *optimizer_of(const ls_config *root)
{
    const ls_config *at = ls_config_get(ls_config_get(root, "compile"), "optimizer");
    const char *name;

    at = at ? at : ls_config_get(root, "optimizer");
    name = !at                                      ? NULL
           : at->kind == LS_CONFIG_SCALAR           ? at->text
           : at->kind == LS_CONFIG_MAP && at->first ? at->first->key
                                                    : NULL;
    return name && ls_registry_find(&ls_optimizers, name) ? name : "rmsprop";
}

static ls_status tell_rate(lapses *l, ls_config *map, ls_config *entry)
{
    ls_text line = {0};

    ls_text_add(&line, "optimizer: {%s: {learning_rate: ", optimizer_of(l->root));
    add_value(entry, &line);
    ls_text_add(&line, "}}");
    return tell(l, map, entry, "the learning rate is an argument of the optimizer", &line);
}

/* ---- the top, and fit ---- */

static ls_status look_at_top(lapses *l, ls_config *entry)
{
    ls_text line = {0};
    const char *const key = entry->key;

    if (is_rate(key))
        return tell_rate(l, l->root, entry);
    if (ls_fit_is_key(key)) {
        ls_text_add(&line, "fit: {%s: ", key);
        add_value(entry, &line);
        ls_text_add(&line, "}");
        return tell(l, l->root, entry, "how it is trained belongs to fit", &line);
    }
    if (strcmp(key, "layers") == 0 && entry->kind == LS_CONFIG_LIST && !ls_config_get(l->root, "model")) {
        ls_text_add(&line, "model:");
        return tell(l, l->root, entry, "the list of layers is called model", &line);
    }
    if ((strcmp(key, "train") == 0 || strcmp(key, "training") == 0) && !ls_config_get(l->root, "fit")) {
        ls_text_add(&line, "fit: ");
        add_value(entry, &line);
        return tell(l, l->root, entry, "how it is trained is called fit", &line);
    }
    if (strcmp(key, "device") == 0 || strcmp(key, "devices") == 0 || strcmp(key, "gpus") == 0) {
        ls_text_add(&line, "nothing here, and start mpirun -n 4 lockstep train");
        return tell(l, l->root, entry, "lockstep trains on processors, as many as mpirun starts ranks", &line);
    }
    return LS_OK;
}

static ls_status look_at_fit_entry(lapses *l, ls_config *fit, ls_config *entry)
{
    ls_text line = {0};
    const char *const key = entry->key;
    char *end;

    if (is_rate(key))
        return tell_rate(l, fit, entry);
    if (strcmp(key, "verbose") == 0) {
        ls_text_add(&line, "lockstep train --verbose 2 on the command line");
        return tell(l, fit, entry, "what is printed is no part of an experiment", &line);
    }
    if (strcmp(key, "x") == 0 || strcmp(key, "y") == 0) {
        ls_text_add(&line, "data: {file: FILE.h5, train: {x: /train/x, y: /train/y}}");
        return tell(l, fit, entry, "the training data belong to data", &line);
    }
    if (strcmp(key, "validation_data") == 0 && entry->kind == LS_CONFIG_LIST) {
        ls_text_add(&line, "validation_data: test, and data: {test: {x: /test/x, y: /test/y}}");
        return tell(l, fit, entry, "validation_data is the name of a split of data", &line);
    }
    if (strcmp(key, "callbacks") == 0 && entry->kind == LS_CONFIG_SCALAR && !ls_config_is_null(entry)) {
        ls_text_add(&line, "callbacks: [%s]", entry->text);
        return tell(l, fit, entry, "callbacks are a list", &line);
    }
    if (strcmp(key, "shuffle") == 0 && entry->kind == LS_CONFIG_SCALAR && ls_parse_double(entry->text, &end) > 1) {
        ls_text_add(&line, "shuffle: true, or shuffle: {window: %s} for data larger than memory", entry->text);
        return tell(l, fit, entry, "all samples are shuffled, without a buffer", &line);
    }
    if (strcmp(key, "validation_split") == 0 && entry->kind == LS_CONFIG_SCALAR) {
        const double value = ls_parse_double(entry->text, &end);

        if (end != entry->text && value > 1 && value < 100) {
            ls_text_add(&line, "validation_split: ");
            ls_text_add(&line, "%.4g", value / 100);
            return tell(l, fit, entry, "validation_split is a share of the samples, below 1", &line);
        }
    }
    return LS_OK;
}

/* ---- the optimizer ---- */

static ls_status look_at_optimizer(lapses *l, ls_config *map)
{
    ls_config *at = ls_config_get(map, "optimizer"), *name = ls_config_get(at, "name");
    ls_text line = {0};

    if (!at || at->kind != LS_CONFIG_MAP)
        return LS_OK;
    if (at->count == 1 && at->first->kind == LS_CONFIG_SCALAR && !ls_config_is_null(at->first) &&
        ls_registry_find(&ls_optimizers, at->first->key)) {
        ls_text_add(&line, "optimizer: {%s: {learning_rate: %s}}", at->first->key, at->first->text);
        return tell(l, map, at, "the arguments of an optimizer have names", &line);
    }
    if (!name || name->kind != LS_CONFIG_SCALAR || !ls_registry_find(&ls_optimizers, name->text))
        return LS_OK;
    ls_text_add(&line, "optimizer: {%s: {", name->text);
    for (const ls_config *c = at->first, *before = NULL; c; c = c->next) {
        if (c == name)
            continue;
        ls_text_add(&line, "%s%s: ", before ? ", " : "", c->key);
        add_value(c, &line);
        before = c;
    }
    ls_text_add(&line, "}}");
    return tell(l, map, at, "an optimizer is named by its key", &line);
}

/* ---- data ---- */

static ls_status look_at_data(lapses *l, ls_config *data, ls_config *entry)
{
    ls_text line = {0};
    const ls_config *x = ls_config_get(data, "x"), *y = ls_config_get(data, "y");

    if (entry->kind != LS_CONFIG_SCALAR || ls_config_is_null(entry))
        return LS_OK;
    if (entry == x || entry == y) {
        ls_text_add(&line, "train: {x: %s, y: %s}", x && x->text ? x->text : "/train/x",
                    y && y->text ? y->text : "/train/y");
        return tell(l, data, entry, "arrays belong to a split", &line);
    }
    if (strcmp(entry->key, "path") == 0 || strcmp(entry->key, "filename") == 0) {
        ls_text_add(&line, "data: {file: %s}", entry->text);
        return tell(l, data, entry, "the file is called file", &line);
    }
    if (strcmp(entry->key, "train") == 0 || strcmp(entry->key, "test") == 0) {
        ls_text_add(&line, "%s: {file: %s, x: /x, y: /y}", entry->key, entry->text);
        return tell(l, data, entry, "a split names its arrays", &line);
    }
    return LS_OK;
}

/* ---- layers ---- */

/* "dense: {units: ...}": with what must be given. */
static void add_layer(const ls_ops *ops, ls_text *line)
{
    ls_text_add(line, "- %s", ops->name);
    for (const ls_option *o = ops->options; o && o->name && !o->initial && !o->nullable; o++)
        ls_text_add(line, "%s%s: ...", o == ops->options ? ": {" : ", ", o->name);
    if (ops->options && ops->options->name && !ops->options->initial && !ops->options->nullable)
        ls_text_add(line, "}");
}

static bool takes(const char *layer, const char *argument)
{
    const ls_ops *ops = ls_registry_find(&ls_layers, layer);

    for (const ls_option *o = ops ? ops->options : NULL; o && o->name; o++)
        if (strcmp(o->name, argument) == 0)
            return true;
    return false;
}

static ls_status look_at_argument(lapses *l, ls_config *args, ls_config *entry)
{
    ls_text line = {0};

    if (takes(args->key, entry->key))
        return LS_OK;
    if (strcmp(entry->key, "input_shape") != 0 && strcmp(entry->key, "input_dim") != 0)
        return LS_OK;
    ls_text_add(&line, "- input: {shape: ");
    if (entry->kind != LS_CONFIG_LIST)
        ls_text_add(&line, "[");
    add_value(entry, &line);
    ls_text_add(&line, entry->kind != LS_CONFIG_LIST ? "]} before it, or nothing" : "} before it, or nothing");
    return tell(l, args, entry, "the shape of the input comes from the data, or stands in an entry of its own", &line);
}

static ls_status look_at_layer(lapses *l, ls_config *entry)
{
    static const char *const kinds[] = {"layer", "type", "class"};
    ls_text line = {0};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        ls_config *kind = ls_config_get(entry, kinds[i]);
        const ls_ops *ops = kind && kind->kind == LS_CONFIG_SCALAR ? ls_registry_find(&ls_layers, kind->text) : NULL;

        if (!ops)
            continue;
        add_layer(ops, &line);
        LS_TRY(tell(l, entry, kind, "a layer is named by its key", &line));
        while (entry->first)
            ls_config_remove(entry, entry->first);
        return LS_OK;
    }
    for (ls_config *type = entry->first; type; type = type->next)
        for (ls_config *c = type->kind == LS_CONFIG_MAP ? type->first : NULL, *next; c; c = next) {
            next = c->next;
            LS_TRY(look_at_argument(l, type, c));
        }
    return LS_OK;
}

static ls_status look_at_model(lapses *l, ls_config *model)
{
    ls_config *list = model && model->kind == LS_CONFIG_MAP ? ls_config_get(model, "layers") : model;

    for (ls_config *c = list && list->kind == LS_CONFIG_LIST ? list->first : NULL, *next; c; c = next) {
        next = c->next;
        if (c->kind != LS_CONFIG_MAP)
            continue;
        LS_TRY(look_at_layer(l, c));
        if (!c->first)
            ls_config_remove(list, c);
    }
    return LS_OK;
}

/* Calls `look` for every entry of a map, which it may remove. */
static ls_status each(lapses *l, ls_config *map, ls_status (*look)(lapses *, ls_config *, ls_config *))
{
    for (ls_config *c = map && map->kind == LS_CONFIG_MAP ? map->first : NULL, *next; c; c = next) {
        next = c->next;
        LS_TRY(look(l, map, c));
    }
    return LS_OK;
}

ls_status ls_experiment_lapses(ls_config *root)
{
    lapses l = {.root = root};
    ls_config *data = ls_config_get(root, "data");

    if (ls_config_get(root, "base") && !ls_config_get(root, "model"))
        return LS_OK; /* a sweep: refused as that, and right in itself */
    for (ls_config *c = root->first, *next; c; c = next) {
        next = c->next;
        LS_TRY(look_at_top(&l, c));
    }
    LS_TRY(look_at_optimizer(&l, root));
    LS_TRY(look_at_optimizer(&l, ls_config_get(root, "compile")));
    LS_TRY(each(&l, ls_config_get(root, "fit"), look_at_fit_entry));
    LS_TRY(each(&l, data, look_at_data));
    LS_TRY(look_at_model(&l, ls_config_get(root, "model")));
    return ls_failures_end(&l.all);
}
