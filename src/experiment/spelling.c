#include "experiment/spelling.h"

#include <string.h>

#include "base/failures.h"
#include "base/memory.h"
#include "base/options.h"
#include "experiment/lapses.h"
#include "nn/layer.h"
#include "nn/model.h"

/* A copy under another key in a map, which keeps its places. */
static ls_status put_as(ls_config *map, const char *key, const ls_config *node)
{
    LS_TRY(ls_config_put(map, key, node));
    ls_config_get(map, key)->key_line = node->key_line ? node->key_line : node->line;
    ls_config_get(map, key)->key_column = node->key_line ? node->key_column : node->column;
    return LS_OK;
}

/* ---- layers ---- */

static bool takes_list(const ls_option *option)
{
    return option->kind == LS_OPTION_INTS || option->kind == LS_OPTION_FLOATS;
}

/* How many arguments a layer must have: those come first in Keras, too, so that their order says which is which. */
static size_t count_required(const ls_ops *ops)
{
    size_t n = 0;

    while (ops->options && ops->options[n].name && !ops->options[n].initial && !ops->options[n].nullable)
        n++;
    return n;
}

/* TYPE: VALUE of an entry that stands in a list of layers. What fits nothing stays, and is refused by who reads it. */
static ls_status spell_layer(ls_config *entry, ls_config *type)
{
    const ls_ops *ops = strcmp(type->key, "input") == 0 ? &ls_input_layer.ops : ls_registry_find(&ls_layers, type->key);
    const size_t n = ops ? count_required(ops) : 0;
    const bool list = type->kind == LS_CONFIG_LIST && n > 0 && !takes_list(ops->options);
    const ls_config *c = list ? type->first : type;
    ls_config *map;
    ls_status st = LS_OK;

    if (n == 0 || ls_config_is_null(type) || type->kind == LS_CONFIG_MAP || (list && type->count > n))
        return LS_OK;
    if (!(map = ls_config_create(LS_CONFIG_MAP, type->file)))
        return LS_ERR_MEMORY;
    map->line = type->line;
    map->column = type->column;
    map->key_line = type->key_line;
    map->key_column = type->key_column;
    for (const ls_option *option = ops->options; c && st == LS_OK; option++, c = list ? c->next : NULL)
        st = put_as(map, option->name, c);
    if (st == LS_OK)
        st = ls_config_replace(entry, type, map);
    ls_config_free(map);
    return st;
}

/* The layers of a description, and of the models within it. */
static ls_status spell_layers(ls_config *model)
{
    ls_config *list = model && model->kind == LS_CONFIG_MAP ? ls_config_get(model, "layers") : model;
    ls_failures all = {0};

    for (ls_config *entry = list && list->kind == LS_CONFIG_LIST ? list->first : NULL; entry; entry = entry->next)
        for (ls_config *type = entry->kind == LS_CONFIG_MAP ? entry->first : NULL, *next; type; type = next) {
            next = type->next;
            LS_GATHER(&all, strcmp(type->key, "model") == 0 ? spell_layers(type) : spell_layer(entry, type));
        }
    return ls_failures_end(&all);
}

static ls_status spell_model(const ls_config *root)
{
    const ls_config *blocks = ls_config_get(root, "blocks");
    ls_failures all = {0};

    LS_GATHER(&all, spell_layers(ls_config_get(root, "model")));
    for (ls_config *c = blocks && blocks->kind == LS_CONFIG_MAP ? blocks->first : NULL; c; c = c->next)
        LS_GATHER(&all, spell_layers(c));
    return ls_failures_end(&all);
}

/* ---- places ---- */

/* Entry `key` of one map goes to another one of the root, which is made if there is none. */
static ls_status move(ls_config *root, ls_config *from, const char *key, const char *to)
{
    ls_config *node = ls_config_get(from, key), *map;

    if (!node)
        return LS_OK;
    if (ls_config_get(ls_config_get(root, to), key)) {
        ls_config_fail_key(node, "'%s' stands at the top and in %s, too; one place is enough: %s: {%s: ...}", key, to,
                           to, key);
        ls_config_remove(from, node);
        return LS_ERR_CONFIG;
    }
    map = ls_config_get(root, to);
    if (map && !ls_config_is_null(map) && map->kind != LS_CONFIG_MAP)
        return LS_OK; /* which others refuse */
    if (map && map->kind != LS_CONFIG_MAP) {
        ls_free(map->text);
        map->text = NULL;
        map->kind = LS_CONFIG_MAP;
    }
    if (!map && !(map = ls_config_add(root, to, LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    if (map->line == 0) {
        map->line = node->key_line;
        map->column = node->key_column;
    }
    LS_TRY(put_as(map, key, node));
    ls_config_remove(from, node);
    return LS_OK;
}

static ls_status spell_compile(ls_config *root)
{
    static const char *const keys[] = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"};
    ls_failures all = {0};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        LS_GATHER(&all, move(root, root, keys[i], "compile"));
    return ls_failures_end(&all);
}

/* lr: the name that Keras had for it. */
static ls_status spell_rate(const ls_config *root)
{
    ls_config *optimizer = ls_config_get(ls_config_get(root, "compile"), "optimizer"), *args, *rate;
    char *name;

    if (!optimizer || optimizer->kind != LS_CONFIG_MAP || optimizer->count != 1)
        return LS_OK;
    args = optimizer->first;
    if (!(rate = ls_config_get(args, "lr")))
        return LS_OK;
    if (ls_config_get(args, "learning_rate")) {
        ls_config_fail_key(rate, "lr and learning_rate are the same; one of them is enough: {%s: {learning_rate: ...}}",
                           args->key);
        ls_config_remove(args, rate);
        return LS_ERR_CONFIG;
    }
    if (!(name = ls_strdup("learning_rate")))
        return LS_ERR_MEMORY;
    ls_free(rate->key);
    rate->key = name;
    return LS_OK;
}

static ls_status spell_callbacks(ls_config *root)
{
    ls_config *fit = ls_config_get(root, "fit"), *node = ls_config_get(fit, "callbacks");

    if (!node)
        return LS_OK;
    if (ls_config_get(root, "callbacks")) {
        ls_config_fail_key(node,
                           "'callbacks' stands at the top and in fit, too; one place is enough: callbacks: [...]");
        ls_config_remove(fit, node);
        return LS_ERR_CONFIG;
    }
    LS_TRY(put_as(root, "callbacks", node));
    ls_config_remove(fit, node);
    return LS_OK;
}

/* data: FILE.h5 */
static ls_status spell_data(ls_config *root)
{
    ls_config *data = ls_config_get(root, "data"), *map;
    ls_status st;

    if (ls_config_is_null(data) || data->kind != LS_CONFIG_SCALAR)
        return LS_OK;
    if (!(map = ls_config_create(LS_CONFIG_MAP, data->file)))
        return LS_ERR_MEMORY;
    map->line = data->line;
    map->column = data->column;
    map->key_line = data->key_line;
    map->key_column = data->key_column;
    st = put_as(map, "file", data);
    if (st == LS_OK)
        st = ls_config_replace(root, data, map);
    ls_config_free(map);
    return st;
}

ls_status ls_experiment_spell_out(ls_config *root)
{
    ls_failures all = {0};

    if (ls_config_is_null(root) || root->kind != LS_CONFIG_MAP)
        return LS_OK;
    LS_GATHER(&all, ls_experiment_lapses(root));
    LS_GATHER(&all, spell_data(root));
    LS_GATHER(&all, spell_model(root));
    LS_GATHER(&all, spell_compile(root));
    LS_GATHER(&all, spell_rate(root));
    LS_GATHER(&all, spell_callbacks(root));
    return ls_failures_end(&all);
}
