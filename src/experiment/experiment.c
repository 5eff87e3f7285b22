#include "experiment/experiment.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/model_file.h"
#include "formats/yaml.h"

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

static ls_status read_compile(const ls_config *compile, ls_experiment *e)
{
    static const char *const keys[] = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"};
    ls_config *rmsprop;
    ls_status st;

    if (ls_config_is_null(compile))
        compile = NULL;
    if (compile) {
        LS_TRY(ls_config_expect(compile, LS_CONFIG_MAP, "compile"));
        LS_TRY(ls_config_check_keys(compile, keys, sizeof keys / sizeof keys[0], "compile"));
    }
    e->compile = compile;
    if (!ls_config_is_null(ls_config_get(compile, "optimizer")))
        return ls_optimizer_parse(ls_config_get(compile, "optimizer"), "compile.optimizer", &e->optimizer);
    if (!(rmsprop = ls_config_create(LS_CONFIG_SCALAR, "Keras's default")) || !(rmsprop->text = ls_strdup("rmsprop")))
        st = LS_ERR_MEMORY;
    else
        st = ls_optimizer_parse(rmsprop, "compile.optimizer", &e->optimizer);
    ls_config_free(rmsprop);
    return st;
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

    if (!e->fit.validation_data || ls_experiment_split(e, e->fit.validation_data))
        return LS_OK;
    for (size_t i = 0; i < e->data.splits && n < 64; i++)
        known[n++] = e->data.split[i].name;
    return ls_config_fail(at, "fit.validation_data names no split of data: '%s'%s", e->fit.validation_data,
                          ls_hint(e->fit.validation_data, known, n, hint));
}

static ls_status read_experiment(ls_experiment *e)
{
    static const char *const keys[] = {"name",    "seed", "initial_weights", "data",        "model",
                                       "compile", "fit",  "callbacks",       "distributed", "output"};
    const ls_config *root = e->root;
    ls_config *model;
    int64_t seed = 0;

    LS_TRY(ls_config_expect(root, LS_CONFIG_MAP, "an experiment"));
    LS_TRY(ls_config_check_keys(root, keys, sizeof keys / sizeof keys[0], "the experiment"));
    if (ls_config_get(root, "seed"))
        LS_TRY(ls_config_int(ls_config_get(root, "seed"), "seed", 0, INT64_MAX, &seed));
    e->seed = (uint64_t)seed;
    LS_TRY(ls_config_copy_text(ls_config_get(root, "name"), "name", &e->name));
    LS_TRY(ls_config_copy_text(ls_config_get(root, "output"), "output", &e->output));
    if (!ls_config_is_null(ls_config_get(root, "initial_weights"))) {
        const char *text;

        LS_TRY(ls_config_text(ls_config_get(root, "initial_weights"), "initial_weights", &text));
        if (!(e->initial_weights = ls_path_beside(e->file, text)))
            return LS_ERR_MEMORY;
    }
    if (!ls_config_is_null(ls_config_get(root, "data"))) /* else the calling program brings them, or training fails */
        LS_TRY(ls_data_spec_read(ls_config_get(root, "data"), e->file, &e->data));
    LS_TRY(read_model_file(e));
    LS_TRY(ls_config_need(root, "model", "the experiment", &model));
    e->model = model;
    LS_TRY(read_compile(ls_config_get(root, "compile"), e));
    LS_TRY(ls_fit_options_read(ls_config_get(root, "fit"), &e->fit));
    LS_TRY(check_validation_data(e, ls_config_get(root, "fit")));
    e->callbacks = ls_config_get(root, "callbacks");
    return ls_distributed_options_read(ls_config_get(root, "distributed"), &e->distributed);
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

ls_status ls_experiment_read(const char *file, const char *const *settings, size_t n, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_yaml_read(file, &root));
    for (size_t i = 0; i < n; i++) {
        const ls_status st = ls_yaml_set(root, settings[i]);

        if (st != LS_OK) {
            ls_config_free(root);
            return st;
        }
    }
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
    if ((st = ls_yaml_set(root, setting)) != LS_OK) {
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
