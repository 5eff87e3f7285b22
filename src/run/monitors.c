#include "run/monitors.h"

#include <stdlib.h>
#include <string.h>

#include "base/failures.h"
#include "base/locale.h"
#include "base/memory.h"
#include "experiment/fit_options.h"
#include "nn/model_description.h"
#include "nn/outputs.h"
#include "run/callback_spec.h"

/* Names of logs, each with a comma behind it: "loss, accuracy, ". */
typedef struct logs {
    ls_text list;
    bool validates;
} logs;

static void add(logs *l, const char *prefix, const char *output, const char *name)
{
    ls_text_add(&l->list, "%s%s%s%s, ", prefix, output ? output : "", output ? "_" : "", name);
}

static void add_outputs(logs *l, const char *prefix, const ls_output_names *names, const ls_output_spec *outputs)
{
    const bool several = names->n > 1;

    add(l, prefix, NULL, "loss");
    for (size_t k = 0; several && k < names->n; k++)
        if (outputs[k].loss.ops)
            add(l, prefix, names->name[k], "loss");
    for (size_t k = 0; k < names->n; k++)
        for (size_t i = 0; i < outputs[k].metrics; i++) {
            add(l, prefix, several ? names->name[k] : NULL, outputs[k].metric_name[i]);
            if (i >= outputs[k].unweighted)
                ls_text_add(&l->list, "%s%s%sweighted_%s, ", prefix, several ? names->name[k] : "", several ? "_" : "",
                            outputs[k].metric_name[i]);
        }
}

/* "auc" or "auc_1", the second of that name. */
static bool is_known(const logs *l, const char *name)
{
    size_t n = strlen(name), digits = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (const char *at = l->list.data; at && *at; at = strstr(at, ", ") + 2)
            if (strncmp(at, name, n) == 0 && strncmp(at + n, ", ", 2) == 0)
                return true;
        while (digits < n && name[n - 1 - digits] >= '0' && name[n - 1 - digits] <= '9')
            digits++;
        if (!digits || digits + 1 >= n || name[n - digits - 1] != '_')
            return false;
        n -= digits + 1;
    }
    return false;
}

/* What it monitors; NULL: nothing, or it is at fault. *at: where it stands. */
static const char *monitored(const ls_config *node, const ls_config **at)
{
    const ls_config *args = node->kind == LS_CONFIG_MAP && node->count == 1 ? node->first : NULL, *monitor;
    const char *name = args ? args->key : node->text;
    const ls_ops *ops = name ? ls_registry_find(&ls_callback_registry, name) : NULL;
    const char *const *texts = ops ? ((const ls_callback_ops *)ops)->texts : NULL;

    *at = args ? args : node;
    while (texts && *texts && strcmp(*texts, "monitor") != 0)
        texts++;
    if (!texts || !*texts)
        return NULL;
    if ((monitor = ls_config_get(args, "monitor")) != NULL)
        return monitor->kind == LS_CONFIG_SCALAR ? monitor->text : NULL;
    return strcmp(ops->name, "model_checkpoint") == 0 ? NULL : "val_loss"; /* that one may do without */
}

static ls_status check_all(const ls_config *callbacks, const logs *l)
{
    ls_failures all = {0};

    for (const ls_config *c = callbacks->first; c; c = c->next) {
        const ls_config *at;
        const char *name = monitored(c, &at);

        if (name && !is_known(l, name))
            LS_GATHER(&all, ls_config_fail(at, "monitor: there will be no '%.80s' in the logs; there will be: %.*s%s",
                                           name, (int)(l->list.length - 2), l->list.data,
                                           strncmp(name, "val_", 4) == 0 && !l->validates
                                               ? "; for val_ logs add validation_data or validation_split to fit"
                                               : ""));
    }
    return ls_failures_end(&all);
}

static bool validates(const ls_config *fit)
{
    const ls_config *split = ls_config_get(fit, "validation_split");
    char *end;

    for (const ls_config *c = fit && fit->kind == LS_CONFIG_MAP ? fit->first : NULL; c; c = c->next)
        if (!ls_fit_is_key(c->key)) /* may have been meant for one that validates, and is told of by itself */
            return true;
    return !ls_config_is_null(ls_config_get(fit, "validation_data")) ||
           (split && split->text && ls_parse_double(split->text, &end) > 0);
}

static ls_status collect(const ls_config *root, const ls_output_names *names, const ls_output_spec *outputs, logs *l)
{
    static const char *const noise[] = {"noise_scale", "noise_scale_low", "noise_scale_high"};
    const ls_config *noise_scale = ls_config_get(ls_config_get(root, "fit"), "noise_scale");

    l->validates = validates(ls_config_get(root, "fit"));
    add_outputs(l, "", names, outputs);
    if (l->validates)
        add_outputs(l, "val_", names, outputs);
    for (size_t i = 0; !ls_config_is_null(noise_scale) && i < 3; i++)
        add(l, "", NULL, noise[i]);
    for (const ls_config *c = ls_config_get(root, "callbacks")->first; c; c = c->next) {
        const char *name = c->kind == LS_CONFIG_MAP && c->count == 1 ? c->first->key : c->text;
        const ls_ops *ops = name ? ls_registry_find(&ls_callback_registry, name) : NULL;

        for (const char *const *log = ops ? ((const ls_callback_ops *)ops)->hooks.adds : NULL; log && *log; log++)
            add(l, "", NULL, *log);
    }
    return l->list.status;
}

ls_status ls_monitors_check(const ls_config *root)
{
    const ls_config *callbacks = ls_config_get(root, "callbacks"), *model = ls_config_get(root, "model");
    ls_model_description d = {0};
    ls_output_names names = {0};
    ls_output_spec *outputs = NULL;
    const char **name = NULL;
    logs l = {0};
    ls_status st = LS_OK;

    if (ls_config_is_null(callbacks) || callbacks->kind != LS_CONFIG_LIST || ls_config_is_null(model) ||
        ls_config_get(model, "file"))
        return LS_OK;
    if (ls_model_description_read(model, &d) != LS_OK || !d.outputs)
        goto cleanup;
    if (!(name = ls_calloc(d.outputs, sizeof *name, "output names"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t k = 0; k < d.outputs; k++)
        name[k] = d.node[d.output[k]].name;
    names = (ls_output_names){.name = name, .n = d.outputs};
    if (ls_outputs_read_named(ls_config_get(root, "compile"), &names, &outputs) != LS_OK)
        goto cleanup;
    st = collect(root, &names, outputs, &l);
    if (st == LS_OK)
        st = check_all(callbacks, &l);
cleanup:
    ls_outputs_free(outputs, names.n);
    ls_free(name);
    ls_text_reset(&l.list);
    ls_model_description_reset(&d);
    return st;
}
