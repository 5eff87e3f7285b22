#include "run/callback_spec.h"

#include <stdio.h>
#include <string.h>

#include "base/failures.h"
#include "base/memory.h"

const ls_callback_ops *ls_callback_spec_ops(const ls_callback_spec *spec)
{
    return (const ls_callback_ops *)spec->component.ops;
}

/* "name" or {name: {arguments}}: args is NULL for the former and may be null in the latter. */
static ls_status read_name(const ls_config *node, const char **name, const ls_config **args)
{
    *args = NULL;
    if (node->kind == LS_CONFIG_SCALAR) {
        *name = node->text;
    } else if (node->kind == LS_CONFIG_MAP && node->count == 1) {
        *name = node->first->key;
        *args = node->first;
    } else {
        return ls_config_fail(node, "callbacks: an entry is the name of one callback, or {NAME: {ARGUMENT: VALUE}}");
    }
    return LS_OK;
}

/* The registry's own message about a name it does not know. */
static ls_status fail_unknown(const ls_config *node)
{
    ls_component none;

    return ls_component_parse(&ls_callback_registry, node, "callbacks", &none);
}

/* The arguments of the table are wrong, st: is one of the others, too? */
static ls_status check_texts(const ls_callback_ops *ops, const ls_config *at, const char *where, ls_status st)
{
    ls_failures all = {0};
    void *config;

    LS_GATHER(&all, st);
    if (!(config = ls_calloc(1, ops->ops.config_bytes, ops->ops.name)))
        LS_GATHER(&all, LS_ERR_MEMORY);
    ls_failures_add(&all, ops->parse(config, at, where));
    if (ops->reset)
        ops->reset(config);
    ls_free(config);
    return ls_failures_end(&all);
}

static ls_status parse_spec(const ls_config *node, ls_callback_spec *spec)
{
    const ls_config *args;
    const ls_callback_ops *ops;
    const char *name = "";
    char where[96];
    ls_status st;

    LS_TRY(read_name(node, &name, &args));
    if (strcmp(name, "backup_and_restore") == 0 || strcmp(name, "BackupAndRestore") == 0)
        return ls_config_fail(node,
                              "callbacks: backup_and_restore is what --resume does; remove it here (its save_freq "
                              "is fit.checkpoint_every)");
    if (!(ops = (const ls_callback_ops *)ls_registry_find(&ls_callback_registry, name)))
        return fail_unknown(node);
    snprintf(where, sizeof where, "callbacks.%s", ops->ops.name);
    spec->at = args ? args : node;
    if (!ls_config_is_null(args))
        LS_TRY(ls_config_expect(args, LS_CONFIG_MAP, where));
    st = ls_component_parse_args_at(&ops->ops, args, spec->at, where, ops->texts, &spec->component);
    if (!ops->parse)
        return st;
    if (st != LS_OK)
        return check_texts(ops, spec->at, where, st);
    return ops->parse(spec->component.config, spec->at, where);
}

ls_status ls_callback_specs_parse(const ls_config *list, ls_callback_spec **out, size_t *n)
{
    ls_failures all = {0};

    *out = NULL;
    *n = 0;
    if (ls_config_is_null(list))
        return LS_OK;
    LS_TRY(ls_config_expect(list, LS_CONFIG_LIST, "callbacks"));
    if (!(*out = ls_calloc(list->count, sizeof **out, "the callbacks")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = list->first; c; c = c->next)
        LS_GATHER(&all, parse_spec(c, &(*out)[(*n)++]));
    return ls_failures_end(&all);
}

void ls_callback_specs_free(ls_callback_spec *specs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (specs[i].component.config && ls_callback_spec_ops(&specs[i])->reset)
            ls_callback_spec_ops(&specs[i])->reset(specs[i].component.config);
        ls_component_reset(&specs[i].component);
    }
    ls_free(specs);
}

ls_status ls_callback_specs_check(const ls_config *list)
{
    ls_callback_spec *specs;
    size_t n;
    const ls_status st = ls_callback_specs_parse(list, &specs, &n);

    ls_callback_specs_free(specs, n);
    return st;
}
