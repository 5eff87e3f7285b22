#include "experiment/experiment.h"

#include <stdio.h>
#include <string.h>

#include "base/failures.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/found_data.h"
#include "experiment/inner_models.h"
#include "experiment/model_file.h"
#include "experiment/spelling.h"
#include "formats/yaml.h"
#include "nn/model_description.h"

const ls_split_spec *ls_experiment_split(const ls_experiment *experiment, const char *name)
{
    for (size_t i = 0; i < experiment->data.splits; i++)
        if (strcmp(experiment->data.split[i].name, name) == 0)
            return &experiment->data.split[i];
    return NULL;
}

void ls_experiment_free(ls_experiment *e)
{
    if (!e)
        return;
    ls_data_spec_reset(&e->data);
    ls_optimizer_reset(&e->optimizer);
    ls_fit_options_reset(&e->fit);
    ls_distributed_options_reset(&e->distributed);
    ls_free(e->file);
    ls_free(e->name);
    ls_keras_refused_reset(&e->refused);
    ls_free(e->initial_weights);
    ls_free(e->output);
    ls_config_free(e->root);
    ls_free(e);
}

static ls_status read_optimizer(const ls_config *compile, ls_experiment *e)
{
    ls_config *rmsprop;
    ls_status st;

    if (!ls_config_is_null(ls_config_get(compile, "optimizer")))
        return ls_optimizer_parse(ls_config_get(compile, "optimizer"), "compile.optimizer", &e->optimizer);
    if (!(rmsprop = ls_config_create(LS_CONFIG_SCALAR, "Keras's default")) || !(rmsprop->text = ls_strdup("rmsprop")))
        st = LS_ERR_MEMORY;
    else
        st = ls_optimizer_parse(rmsprop, "compile.optimizer", &e->optimizer);
    ls_config_free(rmsprop);
    return st;
}

static ls_status read_compile(const ls_config *compile, ls_experiment *e)
{
    static const char *const keys[] = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"};
    ls_failures all = {0};

    if (ls_config_is_null(compile))
        compile = NULL;
    if (compile) {
        LS_TRY(ls_config_expect(compile, LS_CONFIG_MAP, "compile"));
        LS_GATHER(&all, ls_config_check_keys(compile, keys, sizeof keys / sizeof keys[0], "compile"));
    }
    e->compile = compile;
    LS_GATHER(&all, read_optimizer(compile, e));
    return ls_failures_end(&all);
}

/* model: {file: start.keras} is the model of that file, which takes its place in the tree. */
static ls_status read_model_file(ls_experiment *e)
{
    ls_config *model = ls_config_get(e->root, "model"), *from = NULL;
    const ls_config *file = model && model->count == 1 ? ls_config_get(model, "file") : NULL;
    ls_keras_refused refused = {0};
    char *path = NULL;
    const char *text;
    ls_status st;

    if (!file)
        return LS_OK;
    LS_TRY(ls_config_text(file, "model.file", &text));
    if (!(path = ls_path_beside(e->file, text)))
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_model_file_experiment(path, &from, &refused));
    e->of_model_file = true;
    st = ls_config_replace(e->root, model, ls_config_get(from, "model"));
cleanup:
    ls_config_free(from);
    ls_free(path);
    ls_keras_refused_reset(&refused);
    return st;
}

/* fit.validation_data names one of the splits, or nothing. */
static ls_status check_validation_data(const ls_experiment *e, const ls_config *fit)
{
    const ls_config *at = ls_config_get(fit, "validation_data");
    const char *known[64];
    size_t n = 0;
    char hint[LS_HINT_BYTES];
    ls_text list = {0};
    ls_status st;

    if (!e->fit.validation_data || ls_experiment_split(e, e->fit.validation_data))
        return LS_OK;
    for (size_t i = 0; i < e->data.splits && n < 64; i++)
        known[n++] = e->data.split[i].name;
    ls_text_add_list(&list, known, n);
    st = list.status == LS_OK ? ls_config_fail(at, "fit.validation_data names no split of data: '%s'%s; there %s %s",
                                               e->fit.validation_data, ls_hint(e->fit.validation_data, known, n, hint),
                                               n > 1 ? "are" : "is", n ? list.data : "none")
                              : list.status;
    ls_text_reset(&list);
    return st;
}

/* Losses and metrics, as far as names of outputs are enough. */
static ls_status check_outputs(const ls_config *compile, const ls_model_description *d)
{
    const char **name = ls_calloc(d->outputs, sizeof *name, "output names");
    ls_status st;

    if (!name)
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < d->outputs; k++)
        name[k] = d->node[d->output[k]].name;
    st = ls_outputs_check(compile, &(ls_output_names){.name = name, .n = d->outputs});
    ls_free(name);
    return st;
}

/* The model's description and what its outputs are compiled with; shapes come later. */
static ls_status check_model(const ls_experiment *e)
{
    ls_model_description d;
    ls_failures all = {0};
    const ls_status st = ls_model_description_read(e->model, &d);
    const bool names_outputs =
        st == LS_OK || (d.sequential && d.nodes > 0 && d.nodes == e->model->count + (d.node[0].at == e->model));

    if (ls_failures_add(&all, st) && names_outputs)
        ls_failures_add(&all, check_outputs(e->compile, &d));
    ls_model_description_reset(&d);
    return ls_failures_end(&all);
}

static ls_status read_model(ls_experiment *e)
{
    ls_config *model;

    LS_TRY(read_model_file(e));
    LS_TRY(ls_config_need(e->root, "model", "the experiment", &model));
    LS_TRY(ls_inner_models_write_out(e->root, e->file));
    e->model = ls_config_get(e->root, "model");
    return check_model(e);
}

/* "start.keras" or {file: start.keras, optimizer: true}. */
static ls_status read_initial_weights(ls_experiment *e, const ls_config *node, const char **file)
{
    static const char *const keys[] = {"file", "optimizer"};
    ls_config *path;

    if (node->kind != LS_CONFIG_MAP)
        return ls_config_text(node, "initial_weights", file);
    LS_TRY(ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], "initial_weights"));
    LS_TRY(ls_config_need(node, "file", "initial_weights", &path));
    if (ls_config_get(node, "optimizer"))
        LS_TRY(ls_config_bool(ls_config_get(node, "optimizer"), "initial_weights.optimizer", &e->initial_optimizer));
    return ls_config_text(path, "initial_weights.file", file);
}

static ls_status read_head(ls_experiment *e)
{
    const ls_config *weights = ls_config_get(e->root, "initial_weights");
    ls_failures all = {0};
    const char *text;
    int64_t seed = 0;

    if (ls_config_get(e->root, "seed"))
        LS_GATHER(&all, ls_config_int(ls_config_get(e->root, "seed"), "seed", 0, INT64_MAX, &seed));
    e->seed = (uint64_t)seed;
    LS_GATHER(&all, ls_config_copy_text(ls_config_get(e->root, "name"), "name", &e->name));
    LS_GATHER(&all, ls_config_copy_text(ls_config_get(e->root, "output"), "output", &e->output));
    if (!ls_config_is_null(weights)) {
        const ls_status st = read_initial_weights(e, weights, &text);

        LS_GATHER(&all, st);
        if (st == LS_OK && !(e->initial_weights = ls_path_beside(e->file, text)))
            LS_GATHER(&all, LS_ERR_MEMORY);
    }
    return ls_failures_end(&all);
}

static ls_status read_experiment(ls_experiment *e)
{
    static const char *const keys[] = {"name",    "seed", "initial_weights", "data",        "model", "blocks",
                                       "compile", "fit",  "callbacks",       "distributed", "output"};
    const ls_config *root = e->root, *data, *fit;
    ls_failures all = {0};
    ls_status st;

    LS_TRY(ls_config_expect(root, LS_CONFIG_MAP, "an experiment"));
    if (ls_config_get(root, "base") && !ls_config_get(root, "model"))
        return ls_config_fail_key(ls_config_get(root, "base"),
                                  "'base' names an experiment, so this is a sweep: lockstep sweep trains those, and "
                                  "lockstep check looks at them");
    LS_GATHER(&all, ls_experiment_spell_out(e->root));
    LS_GATHER(&all, ls_config_check_keys(root, keys, sizeof keys / sizeof keys[0], "the experiment"));
    LS_GATHER(&all, ls_find_data(e->root, e->file));
    data = ls_config_get(root, "data");
    fit = ls_config_get(root, "fit");
    LS_GATHER(&all, read_head(e));
    LS_GATHER(&all, read_compile(ls_config_get(root, "compile"), e));
    LS_GATHER(&all, read_model(e));
    LS_GATHER(&all, st = ls_fit_options_read(fit, &e->fit));
    if (!ls_config_is_null(data)) /* else the calling program brings them, or training fails */
        LS_GATHER(&all, st = ls_data_spec_read(data, e->file, &e->data));
    if (st == LS_OK) /* else a split may be missing for a fault of its own */
        LS_GATHER(&all, check_validation_data(e, fit));
    e->callbacks = ls_config_get(root, "callbacks");
    LS_GATHER(&all, ls_distributed_options_read(ls_config_get(root, "distributed"), &e->distributed));
    return ls_failures_end(&all);
}

ls_status ls_experiment_create(ls_config *root, const char *file, ls_experiment **out)
{
    ls_experiment *e = ls_calloc(1, sizeof *e, "the experiment");
    ls_status st = LS_OK;

    *out = NULL;
    if (!e) {
        ls_config_free(root);
        return LS_ERR_MEMORY;
    }
    e->root = root;
    if (file && !(e->file = ls_strdup(file)))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = read_experiment(e);
    if (st != LS_OK) {
        ls_experiment_free(e);
        return st;
    }
    *out = e;
    return LS_OK;
}

/* The name of the chosen optimizer, as the file may write it; "config" in Keras's form, where arguments are below that.
 */
static const char *step_to_arguments(const ls_config *optimizer)
{
    if (ls_config_is_null(optimizer))
        return "rmsprop"; /* Keras's default */
    if (optimizer->kind == LS_CONFIG_SCALAR)
        return optimizer->text;
    if (ls_config_get(optimizer, "class_name"))
        return "config";
    return optimizer->kind == LS_CONFIG_MAP && optimizer->count == 1 ? optimizer->first->key : NULL;
}

/*
 * ls_yaml_set; compile.optimizer.learning_rate=0.1 is an argument of the optimizer that was chosen, whatever its name,
 * also if it was chosen by that alone.
 */
static ls_status set(ls_config *root, const char *assignment)
{
    static const char path[] = "compile.optimizer.";
    ls_config *optimizer = ls_config_get(ls_config_get(root, "compile"), "optimizer");
    const char *const rest = assignment + sizeof path - 1, *const name = step_to_arguments(optimizer);
    char step[64];
    ls_text full = {0};
    ls_status st;

    if (strncmp(assignment, path, sizeof path - 1) != 0 || !name)
        return ls_yaml_set(root, assignment);
    snprintf(step, sizeof step, "%.*s", (int)strcspn(rest, ".="), rest);
    if (strcmp(step, name) == 0 || strcmp(step, "class_name") == 0 || ls_registry_find(&ls_optimizers, step))
        return ls_yaml_set(root, assignment);
    ls_text_add(&full, "%s%s.%s", path, name, rest);
    st = full.status;
    if (st == LS_OK && optimizer && optimizer->kind == LS_CONFIG_SCALAR) {
        ls_config *map = ls_config_create(LS_CONFIG_MAP, NULL);

        st = map && ls_config_add(map, name, LS_CONFIG_NULL, NULL)
                 ? ls_config_replace(ls_config_get(root, "compile"), optimizer, map)
                 : LS_ERR_MEMORY;
        ls_config_free(map);
    }
    if (st == LS_OK)
        st = ls_yaml_set(root, full.data);
    ls_text_reset(&full);
    return st;
}

ls_status ls_experiment_tree(const char *file, const char *const *settings, size_t n, ls_config **out)
{
    ls_failures all = {0};
    ls_config *root;
    ls_status st;

    *out = NULL;
    LS_TRY(ls_yaml_read(file, &root));
    if (n > 0) /* settings find their places */
        ls_failures_add(&all, ls_experiment_spell_out(root));
    for (size_t i = 0; i < n; i++)
        ls_failures_add(&all, set(root, settings[i]));
    if ((st = ls_failures_end(&all)) == LS_OK)
        *out = root;
    else
        ls_config_free(root);
    return st;
}

ls_status ls_experiment_read(const char *file, const char *const *settings, size_t n, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_experiment_tree(file, settings, n, &root));
    return ls_experiment_create(root, file, out);
}

ls_status ls_experiment_parse(const char *text, size_t bytes, const char *name, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_yaml_parse(text, bytes, name, &root));
    return ls_experiment_create(root, name, out);
}

ls_status ls_experiment_of_model(const char *path, ls_experiment **out)
{
    ls_config *root;
    ls_keras_refused refused;
    ls_status st;

    *out = NULL;
    st = ls_model_file_experiment(path, &root, &refused);
    if (st == LS_OK)
        st = ls_experiment_create(root, path, out);
    if (st != LS_OK) {
        ls_keras_refused_reset(&refused);
        return st;
    }
    (*out)->refused = refused;
    (*out)->of_model_file = true;
    return LS_OK;
}

ls_status ls_experiment_with(const ls_experiment *experiment, const char *setting, ls_experiment **out)
{
    ls_config *root = ls_config_copy(experiment->root);
    ls_status st;

    *out = NULL;
    if (!root)
        return LS_ERR_MEMORY;
    if ((st = set(root, setting)) != LS_OK) {
        ls_config_free(root);
        return st;
    }
    LS_TRY(ls_experiment_create(root, experiment->file, out));
    (*out)->of_model_file |= experiment->of_model_file;
    if ((st = ls_keras_refused_copy(&experiment->refused, &(*out)->refused)) != LS_OK) {
        ls_experiment_free(*out);
        *out = NULL;
    }
    return st;
}
