#include "nn/outputs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/failures.h"
#include "base/memory.h"

void ls_outputs_free(ls_output_spec *outputs, size_t n)
{
    for (size_t k = 0; outputs && k < n; k++) {
        ls_component_reset(&outputs[k].loss);
        for (size_t i = 0; i < outputs[k].metrics; i++) {
            ls_component_reset(&outputs[k].metric[i]);
            ls_free(outputs[k].metric_name[i]);
        }
        ls_free(outputs[k].metric);
        ls_free(outputs[k].metric_name);
    }
    ls_free(outputs);
}

/* Does this map go by output names? A single-key map that names a registry entry does not. */
static bool by_output(const ls_output_names *names, const ls_config *node, const ls_registry *registry)
{
    if (node->kind != LS_CONFIG_MAP || !node->count)
        return false;
    for (size_t k = 0; k < names->n; k++)
        if (strcmp(node->first->key, names->name[k]) == 0)
            return true;
    return !(node->count == 1 && registry && ls_registry_find(registry, node->first->key)) && names->n > 1;
}

/* The k-th of a list that has one entry for each output. */
static ls_status listed(const ls_output_names *names, const ls_config *list, size_t k, const char *where,
                        const ls_config **out)
{
    const ls_config *entry = list->first;

    if (list->count != names->n)
        return ls_config_fail(list, "%s: a list has one entry for each output; the model has %zu, the list %zu", where,
                              names->n, list->count);
    while (k-- > 0)
        entry = entry->next;
    *out = ls_config_is_null(entry) ? NULL : entry;
    return LS_OK;
}

/*
 * The part of a compile entry that is meant for output k; NULL: nothing. As in Keras it goes by output names or is a
 * list in their order; a loss that stands alone is for all of them, metrics that do are for a model with one output.
 */
static ls_status entry_for(const ls_output_names *names, const ls_config *node, const ls_registry *registry, size_t k,
                           const char *where, const ls_config **out)
{
    const bool is_loss = registry == &ls_losses;

    *out = NULL;
    if (ls_config_is_null(node))
        return LS_OK;
    if (by_output(names, node, registry)) {
        LS_TRY(ls_config_check_keys(node, names->name, names->n, where));
        *out = ls_config_get(node, names->name[k]);
        return LS_OK;
    }
    if (node->kind == LS_CONFIG_LIST && (is_loss || names->n > 1))
        return listed(names, node, k, where, out);
    if (names->n > 1 && !is_loss)
        return ls_config_fail(node,
                              "%s: the model has %zu outputs; name them: {%s: ...}, or give a list with one "
                              "entry for each",
                              where, names->n, names->name[0]);
    *out = node;
    return LS_OK;
}

static ls_status read_loss_weight(const ls_config *compile, const ls_output_names *names, size_t k, double *out)
{
    static const char where[] = "compile.loss_weights";
    const ls_config *entry = ls_config_get(compile, "loss_weights"), *loss = ls_config_get(compile, "loss");

    *out = 1;
    if (ls_config_is_null(entry))
        return LS_OK;
    if (entry->kind == LS_CONFIG_LIST) {
        LS_TRY(listed(names, entry, k, where, &entry));
    } else if (entry->kind == LS_CONFIG_MAP) {
        LS_TRY(ls_config_check_keys(entry, names->name, names->n, where));
        entry = ls_config_get(entry, names->name[k]);
    } else if (names->n > 1 && loss && (loss->kind == LS_CONFIG_LIST || by_output(names, loss, &ls_losses))) {
        return ls_config_fail(entry, "%s: the model has %zu losses; name their outputs: {%s: 1.0}, or give a list",
                              where, names->n, names->name[0]);
    }
    return entry ? ls_config_float(entry, where, -1e30, 1e30, out) : LS_OK;
}

/* Keras's names; its "none" would be no loss to train on. */
static ls_status read_reduction(const ls_config *node, bool *sums)
{
    static const char *const names[] = {"sum", "sum_over_batch_size", "mean", "auto"};

    for (size_t i = 0; node->kind == LS_CONFIG_SCALAR && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(node->text, names[i]) == 0) {
            *sums = i == 0;
            return LS_OK;
        }
    return ls_config_fail(node, "reduction must be sum, or sum_over_batch_size or mean, which are the same%s%s%s",
                          node->kind == LS_CONFIG_SCALAR ? "; lockstep lacks '" : "",
                          node->kind == LS_CONFIG_SCALAR ? node->text : "", node->kind == LS_CONFIG_SCALAR ? "'" : "");
}

/* As any component; {mse: {reduction: sum}} besides says how values become one number. */
static ls_status parse_loss(const ls_config *node, const char *where, ls_output_spec *out)
{
    static const char *const extra[] = {"reduction", NULL};
    const bool plain = node->kind == LS_CONFIG_MAP && node->count == 1 && !ls_config_get(node, "class_name");
    const ls_ops *ops = plain ? ls_registry_find(&ls_losses, node->first->key) : NULL;
    char place[96];

    if (!ops)
        return ls_component_parse(&ls_losses, node, where, &out->loss);
    snprintf(place, sizeof place, "%s.%s", where, node->first->key);
    LS_TRY(ls_component_parse_args(ops, node->first, place, extra, &out->loss));
    return ls_config_get(node->first, "reduction") ? read_reduction(ls_config_get(node->first, "reduction"), &out->sums)
                                                   : LS_OK;
}

/* As any component; {auc: {name: area}} besides says what its values are called. *name is borrowed. */
static ls_status parse_metric(const ls_config *node, const char *where, ls_component *out, const char **name)
{
    static const char *const extra[] = {"name", NULL};
    const bool named = node->kind == LS_CONFIG_MAP && node->count == 1;
    const ls_config *given = named ? ls_config_get(node->first, "name") : NULL;
    const ls_ops *ops = given ? ls_registry_find(&ls_metrics, node->first->key) : NULL;

    *name = named ? node->first->key : node->text;
    if (!ops)
        return ls_component_parse(&ls_metrics, node, where, out);
    LS_TRY(ls_config_text(given, "a metric's name", name));
    if (!**name)
        return ls_config_fail(given, "%s: a metric's name must not be empty", where);
    return ls_component_parse_args(ops, node->first, where, extra, out);
}

static ls_status add_metric(const ls_config *node, const char *where, ls_output_spec *out)
{
    ls_component *metric = &out->metric[out->metrics];
    const char *name;

    LS_TRY(parse_metric(node, where, metric, &name));
    if (!metric->ops || !name)
        return ls_config_fail(node, "%s: a metric is missing here", where);
    if (!(out->metric_name[out->metrics] = ls_strdup(name))) {
        ls_component_reset(metric);
        return LS_ERR_MEMORY;
    }
    out->metrics++;
    return LS_OK;
}

static ls_status add_metrics(const ls_config *node, const char *where, ls_output_spec *out)
{
    const bool list = node->kind == LS_CONFIG_LIST;
    const ls_config *c = list ? node->first : node;
    const size_t total = out->metrics + (list ? node->count : 1);
    ls_failures all = {0};

    if (!c)
        return LS_OK;
    if (!(out->metric = ls_realloc(out->metric, total, sizeof *out->metric, "metrics")) ||
        !(out->metric_name = ls_realloc(out->metric_name, total, sizeof *out->metric_name, "metrics")))
        return LS_ERR_MEMORY;
    for (; c; c = list ? c->next : NULL)
        LS_GATHER(&all, add_metric(c, where, out));
    return ls_failures_end(&all);
}

static ls_status read_metrics(const ls_config *compile, const char *key, const char *where,
                              const ls_output_names *names, size_t k, ls_output_spec *out)
{
    const ls_config *entry;

    LS_TRY(entry_for(names, ls_config_get(compile, key), &ls_metrics, k, where, &entry));
    return entry ? add_metrics(entry, where, out) : LS_OK;
}

static ls_status read_loss(const ls_config *compile, const ls_output_names *names, size_t k, ls_output_spec *out)
{
    const ls_config *entry;

    LS_TRY(entry_for(names, ls_config_get(compile, "loss"), &ls_losses, k, "compile.loss", &entry));
    return entry ? parse_loss(entry, "compile.loss", out) : LS_OK;
}

static ls_status read_output(const ls_config *compile, const ls_output_names *names, size_t k, ls_output_spec *out)
{
    ls_failures all = {0};

    LS_GATHER(&all, read_loss(compile, names, k, out));
    LS_GATHER(&all, read_loss_weight(compile, names, k, &out->loss_weight));
    LS_GATHER(&all, read_metrics(compile, "metrics", "compile.metrics", names, k, out));
    out->unweighted = out->metrics;
    LS_GATHER(&all, read_metrics(compile, "weighted_metrics", "compile.weighted_metrics", names, k, out));
    return ls_failures_end(&all);
}

static ls_status read_outputs(const ls_config *compile, const ls_output_names *names, ls_output_spec *outputs)
{
    ls_failures all = {0};

    for (size_t k = 0; k < names->n; k++)
        LS_GATHER(&all, read_output(compile, names, k, &outputs[k]));
    return ls_failures_end(&all);
}

ls_status ls_outputs_read_named(const ls_config *compile, const ls_output_names *names, ls_output_spec **out)
{
    ls_output_spec *outputs = ls_calloc(names->n, sizeof *outputs, "the outputs");
    const ls_status st = outputs ? read_outputs(compile, names, outputs) : LS_ERR_MEMORY;

    *out = outputs;
    if (st != LS_OK) {
        ls_outputs_free(outputs, names->n);
        *out = NULL;
    }
    return st;
}

ls_status ls_outputs_check(const ls_config *compile, const ls_output_names *names)
{
    ls_output_spec *outputs;
    const ls_status st = ls_outputs_read_named(compile, names, &outputs);

    ls_outputs_free(outputs, names->n);
    return st;
}

ls_status ls_outputs_read(const ls_config *compile, const ls_model *model, ls_output_spec **out)
{
    const char **name = ls_calloc(model->outputs, sizeof *name, "output names");
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    for (size_t k = 0; name && k < model->outputs; k++)
        name[k] = model->node[model->output[k]].name;
    if (name)
        st = ls_outputs_read_named(compile, &(ls_output_names){.name = name, .n = model->outputs}, out);
    ls_free(name);
    return st;
}
