/* How Keras says a model was compiled, in the words of an experiment. Interface: keras_architecture.h. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "formats/keras_architecture.h"
#include "formats/keras_component.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/optimizer.h"

void ls_keras_refused_reset(ls_keras_refused *refused)
{
    ls_free(refused->loss);
    ls_free(refused->optimizer);
    ls_free(refused->metrics);
    ls_free(refused->guessed);
    *refused = (ls_keras_refused){0};
}

ls_status ls_keras_refused_copy(const ls_keras_refused *from, ls_keras_refused *out)
{
    *out = (ls_keras_refused){0};
    if ((from->loss && !(out->loss = ls_strdup(from->loss))) ||
        (from->optimizer && !(out->optimizer = ls_strdup(from->optimizer))) ||
        (from->metrics && !(out->metrics = ls_strdup(from->metrics))) ||
        (from->guessed && !(out->guessed = ls_strdup(from->guessed)))) {
        ls_keras_refused_reset(out);
        return LS_ERR_MEMORY;
    }
    return LS_OK;
}

/* The last error becomes a note in *said, after those that are there; only want of memory stays an error. */
static ls_status note(ls_status st, char **said)
{
    ls_text text = {0};

    if (st == LS_OK || st == LS_ERR_MEMORY)
        return st;
    ls_text_add(&text, "%s%s%s", *said ? *said : "", *said ? "; " : "", ls_error_message());
    if (text.status != LS_OK) {
        ls_text_reset(&text);
        return LS_ERR_MEMORY;
    }
    ls_free(*said);
    *said = text.data;
    return LS_OK;
}

/* The model and where Keras names its outputs: by layer or, if the model gives a dict, by the dict's keys. */
typedef struct outputs {
    const ls_model *model;
    const ls_config *listed; /* output_layers if that is a map, else NULL */
    ls_keras_refused *refused;
} outputs;

/* What "loss" and its like say about each output: [model->outputs], NULL: nothing. */
typedef struct parts {
    const ls_config **of;
} parts;

static ls_status find_output(const outputs *o, const ls_config *at, const char *where, size_t *out)
{
    const ls_config *listed = NULL;

    for (size_t k = 0; k < o->model->outputs; k++) {
        const ls_node *node = &o->model->node[o->model->output[k]];

        listed = o->listed ? ls_keras_next_tensor(o->listed, listed) : NULL;
        if (strcmp(at->key, node->layer->name) == 0 || (listed && strcmp(at->key, listed->key) == 0)) {
            *out = k;
            return LS_OK;
        }
    }
    return ls_config_fail(at, "%s names the output '%.80s', which the model does not have", where, at->key);
}

/* A map that goes by outputs, not an object of Keras's. */
static bool is_by_output(const ls_config *value)
{
    return value->kind == LS_CONFIG_MAP && !ls_config_get(value, "class_name");
}

/* for_all: what stands alone is meant for every output, as a loss is. */
static ls_status split(const outputs *o, const ls_config *value, const char *where, bool for_all, parts *out)
{
    size_t k = 0;

    if (ls_config_is_null(value))
        return LS_OK;
    if (is_by_output(value)) {
        for (const ls_config *c = value->first; c; c = c->next) {
            LS_TRY(find_output(o, c, where, &k));
            out->of[k] = c;
        }
        return LS_OK;
    }
    if (o->model->outputs == 1) {
        out->of[0] = value;
        return LS_OK;
    }
    if (value->kind != LS_CONFIG_LIST && for_all) {
        for (; k < o->model->outputs; k++)
            out->of[k] = value;
        return LS_OK;
    }
    if (value->kind != LS_CONFIG_LIST || value->count != o->model->outputs)
        return ls_config_fail(value, "%s is not given for each of the model's %zu outputs", where, o->model->outputs);
    for (const ls_config *c = value->first; c; c = c->next)
        out->of[k++] = c;
    return LS_OK;
}

/* ---- one output's entry, into `out` under `key` ---- */

/* [value] stands for the value. */
static const ls_config *unwrap(const ls_config *value)
{
    return value->kind == LS_CONFIG_LIST && value->count == 1 ? value->first : value;
}

/* Keras writes Huber without its delta, and reads it as 1 again. */
static ls_status put_loss(const outputs *o, const ls_config *value, const char *where, ls_config *out, const char *key)
{
    const ls_config *const loss = unwrap(value), *const config = ls_config_get(loss, "config");
    const char *const class_name = loss->kind == LS_CONFIG_MAP ? ls_keras_text(loss, "class_name") : NULL;

    if (class_name && strcmp(class_name, "Huber") == 0 && !ls_config_get(config, "delta") && !o->refused->guessed &&
        !(o->refused->guessed = ls_strdup("the file does not say the delta of its Huber loss, which Keras leaves out: "
                                          "it is taken to be 1")))
        return LS_ERR_MEMORY;
    return ls_keras_put_component(&ls_losses, loss, where, out, key);
}

static ls_status put_weight(const outputs *o, const ls_config *value, const char *where, ls_config *out,
                            const char *key)
{
    (void)o;
    LS_TRY(ls_config_expect(unwrap(value), LS_CONFIG_SCALAR, where));
    return ls_config_put(out, key, unwrap(value));
}

/* One metric, if lockstep has it just so. An object's name is what its values are called by. */
static ls_status put_metric(const ls_config *value, const char *where, ls_config *list)
{
    const char *name = ls_keras_text(ls_config_get(value, "config"), "name");
    ls_config *draft = ls_config_create(LS_CONFIG_LIST, "metrics");
    ls_component parsed;
    ls_status st = LS_ERR_MEMORY;

    if (!draft)
        return st;
    LS_TRY_CLEANUP(ls_keras_put_component(&ls_metrics, value, where, draft, NULL));
    LS_TRY_CLEANUP(ls_component_parse(&ls_metrics, draft->first, where, &parsed));
    ls_component_reset(&parsed);
    if (name && draft->first->kind == LS_CONFIG_MAP && strcmp(name, draft->first->first->key) != 0 &&
        !ls_keras_add_text(draft->first->first, "name", name)) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    st = ls_config_put(list, NULL, draft->first);
cleanup:
    ls_config_free(draft);
    return st;
}

/* Lists within lists are one list, as in Keras. */
static ls_status add_metrics(const outputs *o, const ls_config *value, const char *where, ls_config *list)
{
    if (value->kind == LS_CONFIG_LIST) {
        for (const ls_config *c = value->first; c; c = c->next)
            LS_TRY(add_metrics(o, c, where, list));
        return LS_OK;
    }
    return ls_config_is_null(value) ? LS_OK : note(put_metric(value, where, list), &o->refused->metrics);
}

static ls_status put_metrics(const outputs *o, const ls_config *value, const char *where, ls_config *out,
                             const char *key)
{
    ls_config *list = ls_config_add(out, key, LS_CONFIG_LIST, NULL);

    return list ? add_metrics(o, value, where, list) : LS_ERR_MEMORY;
}

/* ---- the whole ---- */

typedef ls_status (*put_entry)(const outputs *o, const ls_config *value, const char *where, ls_config *out,
                               const char *key);

static ls_status put_by_output(const outputs *o, const ls_config *value, const char *key, put_entry put,
                               ls_config *compile)
{
    parts p = {.of = ls_calloc(o->model->outputs, sizeof *p.of, "the outputs of a model")};
    char where[64];
    ls_config *map;
    ls_status st;

    if (!p.of)
        return LS_ERR_MEMORY;
    snprintf(where, sizeof where, "compiled with %s", key);
    LS_TRY_CLEANUP(split(o, value, where, put == put_loss || put == put_weight, &p));
    if (ls_config_is_null(value))
        goto cleanup;
    if (o->model->outputs == 1) {
        if (!ls_config_is_null(p.of[0]))
            st = put(o, p.of[0], where, compile, key);
        goto cleanup;
    }
    if (!(map = ls_config_add(compile, key, LS_CONFIG_MAP, NULL))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t k = 0; k < o->model->outputs; k++)
        if (!ls_config_is_null(p.of[k]))
            LS_TRY_CLEANUP(put(o, p.of[k], where, map, o->model->node[o->model->output[k]].name));
cleanup:
    ls_free(p.of);
    return st;
}

static ls_status translate_optimizer(const ls_config *value, ls_config *compile)
{
    const char *class_name = ls_keras_text(value, "class_name");
    const ls_config *config = ls_config_get(value, "config"), *rate = ls_config_get(config, "learning_rate");
    const ls_ops *ops = class_name ? ls_registry_find(&ls_optimizers, class_name) : NULL;
    ls_config *entry, *args;
    char where[96];

    if (!ops) /* a bare name, or one that is not known */
        return ls_keras_put_component(&ls_optimizers, value, "compiled with optimizer", compile, "optimizer");
    snprintf(where, sizeof where, "compiled with optimizer (%.40s)", class_name);
    LS_TRY(ls_keras_check_module(value, where));
    if (!(entry = ls_config_add(compile, "optimizer", LS_CONFIG_MAP, NULL)) ||
        !(args = ls_config_add(entry, ops->name, LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    if (rate && rate->kind == LS_CONFIG_MAP)
        LS_TRY(ls_keras_put_component(&ls_schedules, rate, where, args, "learning_rate"));
    else if (!ls_config_is_null(rate))
        LS_TRY(ls_config_put(args, "learning_rate", rate));
    return ls_keras_put_options(ops, ls_optimizer_common_options, config, where, args);
}

/* The optimizer, if lockstep has it just so. */
static ls_status put_optimizer(const ls_config *value, ls_config *compile)
{
    ls_config *draft = ls_config_create(LS_CONFIG_MAP, "optimizer");
    ls_optimizer parsed;
    ls_status st = LS_ERR_MEMORY;

    if (!draft)
        return st;
    LS_TRY_CLEANUP(translate_optimizer(value, draft));
    LS_TRY_CLEANUP(ls_optimizer_parse(draft->first, "compile.optimizer", &parsed));
    ls_optimizer_reset(&parsed);
    st = ls_config_put(compile, "optimizer", draft->first);
cleanup:
    ls_config_free(draft);
    return st;
}

ls_status ls_keras_put_compile(const ls_config *json, const ls_config *training, const ls_model *model, ls_config *out,
                               ls_keras_refused *refused)
{
    const ls_config *listed = ls_config_get(ls_config_get(json, "config"), "output_layers");
    const outputs o = {
        .model = model, .listed = listed && listed->kind == LS_CONFIG_MAP ? listed : NULL, .refused = refused};
    const ls_config *optimizer = ls_config_get(training, "optimizer");
    ls_config *compile;

    LS_TRY(ls_config_expect(training, LS_CONFIG_MAP, "how the model was compiled"));
    if (ls_config_is_null(optimizer))
        optimizer = ls_config_get(training, "optimizer_config");
    if (!(compile = ls_config_add(out, "compile", LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    if (!ls_config_is_null(optimizer))
        LS_TRY(note(put_optimizer(optimizer, compile), &refused->optimizer));
    LS_TRY(put_by_output(&o, ls_config_get(training, "loss"), "loss", put_loss, compile));
    LS_TRY(put_by_output(&o, ls_config_get(training, "loss_weights"), "loss_weights", put_weight, compile));
    LS_TRY(put_by_output(&o, ls_config_get(training, "metrics"), "metrics", put_metrics, compile));
    return put_by_output(&o, ls_config_get(training, "weighted_metrics"), "weighted_metrics", put_metrics, compile);
}
