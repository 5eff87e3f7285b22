#include "experiment/model_file.h"
#include "formats/yaml.h"
#include "lockstep/estimator.h"

#include <inttypes.h>
#include <string.h>

#include "api/data.h"
#include "base/memory.h"
#include "formats/keras_archive.h"
#include "nn/summary.h"
#include "run/checkpoint.h"
#include "run/claim.h"
#include "run/fit.h"
#include "train/evaluate.h"

struct ls_estimator {
    const ls_comm *comm;       /* borrowed */
    ls_experiment *experiment; /* with all settings so far */
    ls_experiment *built;      /* what model and state borrow from; perhaps the same; NULL: there is no model yet */
    ls_model *model;           /* NULL: its input shape is not known yet */
    ls_training_state state;   /* of the model */
    ls_scores *scores;         /* of the last evaluation; NULL: none */
    ls_logs logs;              /* over the scores */
    bool fits; /* ls_estimator_fit is on the stack: its trainer has the state, its task the experiment */
};

static const ls_history no_history;

/* ---- making one ---- */

void ls_estimator_free(ls_estimator *e)
{
    if (!e)
        return;
    ls_scores_free(e->scores);
    ls_training_state_reset(&e->state);
    ls_model_free(e->model);
    if (e->built != e->experiment)
        ls_experiment_free(e->built);
    ls_experiment_free(e->experiment);
    ls_free(e);
}

/* Collective. st: how the experiment, which is taken, was read on this rank. */
static ls_status begin(const ls_comm *comm, ls_status st, ls_experiment *experiment, ls_estimator **out)
{
    ls_estimator *e = NULL;
    ls_text text = {0};

    LS_TRY_CLEANUP(ls_agree(comm, st));
    if (!(e = ls_calloc(1, sizeof *e, "the estimator")))
        st = LS_ERR_MEMORY;
    ls_yaml_write(experiment->root, &text);
    LS_TRY_CLEANUP(ls_agree(comm, st == LS_OK ? text.status : st));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the experiment", text.data));
    e->comm = comm;
    e->experiment = experiment;
    *out = e;
    e = NULL;
    experiment = NULL;
cleanup:
    ls_text_reset(&text);
    ls_free(e);
    ls_experiment_free(experiment);
    return st;
}

static ls_status need(const void *argument, const char *function, const char *name)
{
    return argument ? LS_OK : ls_fail(LS_ERR_ARG, "%s: %s is NULL", function, name);
}

/* Of what a callback must not do. Not collective: every rank is in the same fit. */
static ls_status need_no_fit(const ls_estimator *e, const char *function)
{
    return e->fits ? ls_fail(LS_ERR_ARG,
                             "%s: ls_estimator_fit is at work on this estimator; call it afterwards (callbacks "
                             "save with ls_callback_save)",
                             function)
                   : LS_OK;
}

/* What the three ways to make one have in common. */
static ls_status prepare(const ls_comm *comm, const char *text, ls_estimator **out, const char *function,
                         const char *name)
{
    ls_status st;

    if (out)
        *out = NULL;
    LS_TRY(need(comm, function, "comm"));
    st = need(text, function, name);
    if (st == LS_OK)
        st = need(out, function, "out");
    LS_TRY(ls_agree(comm, st));
    return ls_comm_prepare(comm);
}

ls_status ls_estimator_create(const ls_comm *comm, const char *yaml, ls_estimator **out)
{
    ls_experiment *experiment = NULL;
    ls_config *root;
    ls_status st;

    LS_TRY(prepare(comm, yaml, out, "ls_estimator_create", "yaml"));
    st = ls_yaml_parse(yaml, strlen(yaml), "experiment", &root);
    if (st == LS_OK)
        st = ls_fit_experiment(root, "experiment", &experiment);
    return begin(comm, st, experiment, out);
}

ls_status ls_estimator_read(const ls_comm *comm, const char *file, ls_estimator **out)
{
    ls_experiment *experiment = NULL;
    ls_status st;

    LS_TRY(prepare(comm, file, out, "ls_estimator_read", "file"));
    st = ls_fit_read(file, NULL, 0, &experiment);
    return begin(comm, st, experiment, out);
}

/* Collective. The model is taken; st: how it was made on this rank. */
static ls_status adopt(ls_estimator *e, ls_status st, ls_model *model)
{
    st = ls_agree(e->comm, st);
    if (st == LS_OK)
        st = ls_training_state_create(e->comm, e->experiment, model, &e->state);
    if (st != LS_OK) {
        ls_model_free(model);
        return st;
    }
    e->model = model;
    e->built = e->experiment;
    return LS_OK;
}

static ls_status load(ls_estimator *e, const char *path)
{
    ls_model *model = NULL;
    char fingerprint[33];
    ls_status st = ls_task_model(e->experiment, &model);

    if (st == LS_OK)
        st = ls_model_file_weights(path, model);
    LS_TRY(adopt(e, st, model));
    ls_model_fingerprint(e->model, fingerprint);
    LS_TRY(ls_comm_same(e->comm, "the model file", fingerprint));
    return ls_checkpoint_training(e->comm, path, e->model, &e->state);
}

ls_status ls_estimator_load(const ls_comm *comm, const char *path, ls_estimator **out)
{
    ls_experiment *experiment = NULL;
    ls_status st;

    LS_TRY(prepare(comm, path, out, "ls_estimator_load", "path"));
    st = ls_experiment_of_model(path, &experiment);
    LS_TRY(begin(comm, st, experiment, out));
    if ((st = load(*out, path)) != LS_OK) {
        ls_estimator_free(*out);
        *out = NULL;
    }
    return st;
}

/* "fit.epochs=3" is of "fit"; so is "fit={epochs: 3}". */
static bool is_of(const char *setting, const char *key)
{
    const size_t n = strlen(key);

    return strncmp(setting, key, n) == 0 && (setting[n] == '.' || setting[n] == '=');
}

static ls_status change(const ls_estimator *e, const char *setting, ls_experiment **out)
{
    LS_TRY(need(setting, "ls_estimator_set", "setting"));
    if (e->model && !is_of(setting, "fit") && !is_of(setting, "callbacks"))
        return ls_fail(LS_ERR_CONFIG, "'%s' comes too late: the model is made, only fit and callbacks may change",
                       setting);
    LS_TRY(ls_experiment_with(e->experiment, setting, out));
    return ls_fit_check(*out);
}

ls_status ls_estimator_set(ls_estimator *e, const char *setting)
{
    ls_experiment *changed = NULL;
    ls_status st;

    LS_TRY(need(e, "ls_estimator_set", "estimator"));
    LS_TRY(need_no_fit(e, "ls_estimator_set"));
    st = ls_agree(e->comm, change(e, setting, &changed));
    if (st != LS_OK) {
        ls_experiment_free(changed);
        return st;
    }
    if (e->experiment != e->built)
        ls_experiment_free(e->experiment);
    e->experiment = changed;
    return LS_OK;
}

/* ---- the model ---- */

/* Collective. Fresh weights once the input shape is known: from spec, unless the description names it. */
static ls_status need_model(ls_estimator *e, const ls_split_spec *spec)
{
    ls_model *model = NULL;
    ls_status st;

    if (e->model)
        return LS_OK;
    st = ls_task_model_for(e->experiment, spec ? spec : ls_experiment_split(e->experiment, "train"), &model);
    if (st == LS_OK)
        st = ls_task_init_weights(e->experiment, model);
    LS_TRY(adopt(e, st, model));
    return e->experiment->initial_optimizer
               ? ls_agree(e->comm, ls_updater_load(e->state.updater, e->experiment->initial_weights))
               : LS_OK;
}

ls_status ls_estimator_model(ls_estimator *e, ls_model **out)
{
    if (out)
        *out = NULL;
    LS_TRY(need(e, "ls_estimator_model", "estimator"));
    LS_TRY(ls_agree(e->comm, need(out, "ls_estimator_model", "out")));
    LS_TRY(need_model(e, NULL));
    *out = e->model;
    return LS_OK;
}

ls_status ls_estimator_summary(ls_estimator *e, char **out)
{
    ls_text text = {0};
    ls_status st;

    if (out)
        *out = NULL;
    LS_TRY(need(e, "ls_estimator_summary", "estimator"));
    LS_TRY(ls_agree(e->comm, need(out, "ls_estimator_summary", "out")));
    LS_TRY(need_model(e, NULL));
    if ((st = ls_agree(e->comm, ls_summary_write(e->model, &text))) == LS_OK)
        *out = text.data;
    else
        ls_text_reset(&text);
    return st;
}

void ls_text_free(char *text)
{
    ls_free(text);
}

/* Keras goes by the end of the name, and this is no file of those kinds. */
static ls_status check_save_path(const char *path)
{
    LS_TRY(need(path, "ls_estimator_save", "path"));
    if (ls_keras_names_archive(path) || ls_keras_names_weights(path))
        return ls_fail(
            LS_ERR_ARG,
            "ls_estimator_save writes a whole model as HDF5, which '%s' does not say: name it like model.h5; "
            "`lockstep export` makes other files of it",
            path);
    return LS_OK;
}

ls_status ls_estimator_save(ls_estimator *e, const char *path)
{
    LS_TRY(need(e, "ls_estimator_save", "estimator"));
    LS_TRY(need_no_fit(e, "ls_estimator_save"));
    LS_TRY(ls_agree(e->comm, check_save_path(path)));
    LS_TRY(need_model(e, NULL));
    return ls_checkpoint_write_model(e->comm, e->experiment, e->model, &e->state, path);
}

/* ---- training ---- */

static ls_status check_callback(const ls_callback *callback)
{
    LS_TRY(need(callback->name, "ls_estimator_fit", "the name of a callback"));
    LS_TRY(need(callback->hooks, "ls_estimator_fit", callback->name));
    if (!*callback->name || strchr(callback->name, '/'))
        return ls_fail(LS_ERR_ARG,
                       "ls_estimator_fit: '%s' cannot be the name of a callback: it must be a name without "
                       "'/'",
                       callback->name);
    return LS_OK;
}

/* What must be the same on all ranks, as text. */
static ls_status check_arguments(const ls_fit_arguments *a, ls_text *same)
{
    if (a->callbacks)
        LS_TRY(need(a->callback, "ls_estimator_fit", "callback"));
    if (a->verbose < 0 || a->verbose > 2)
        return ls_fail(LS_ERR_ARG, "ls_estimator_fit: verbose is 0, 1 or 2, not %d", a->verbose);
    if (a->resume && !a->directory)
        return ls_fail(LS_ERR_ARG, "ls_estimator_fit: resume needs the directory that the run was written to");
    if (a->resume && a->overwrite)
        return ls_fail(LS_ERR_ARG, "ls_estimator_fit: resume and overwrite do not go together");
    ls_text_add(same,
                "train %d, validation %d, directory '%s', resume %d, overwrite %d, allow_other_kernel %d, "
                "callbacks",
                a->train != NULL, a->validation != NULL, a->directory ? a->directory : "", a->resume, a->overwrite,
                a->allow_other_kernel);
    for (size_t i = 0; i < a->callbacks; i++) {
        LS_TRY(check_callback(&a->callback[i]));
        ls_text_add(same, " %s", a->callback[i].name);
    }
    return same->status;
}

/* The splits that are trained on and validated with; no train: an error. */
static ls_status choose_splits(const ls_estimator *e, const ls_fit_arguments *a, ls_task_source *out)
{
    const char *validation = e->experiment->fit.validation_data;

    *out = (ls_task_source){.train = a->train ? &a->train->spec : ls_experiment_split(e->experiment, "train")};
    if (a->validation)
        out->validation = &a->validation->spec;
    else if (validation)
        out->validation = ls_experiment_split(e->experiment, validation);
    if (!out->train)
        return ls_fail(LS_ERR_CONFIG,
                       "there are no data to train on: hand some to ls_estimator_fit, or name data.train");
    return LS_OK;
}

static void warn(void *out, const char *message)
{
    fprintf(out, "warning: %s\n", message);
}

static ls_status fit(ls_estimator *e, const ls_fit_arguments *a, const ls_task_source *source, ls_fit_result *result)
{
    ls_fit_settings settings = {.directory = a->directory,
                                .resume = a->resume,
                                .overwrite = a->overwrite,
                                .allow_other_kernel = a->allow_other_kernel,
                                .verbose = a->verbose,
                                .out = a->out,
                                .warn = a->out ? warn : NULL,
                                .warn_context = a->out,
                                .stop = a->stop,
                                .trainer.state = &e->state,
                                .callback = a->callback,
                                .callbacks = a->callbacks};
    ls_task *task = NULL;
    ls_run_claim claim = {0};
    ls_status st;

    LS_TRY_CLEANUP(ls_task_create_from(e->comm, e->experiment, source, &task));
    if (a->stalled)
        st = ls_watchdog_start(e->experiment->distributed.timeout_s, a->stalled, a->stalled_context,
                               &settings.trainer.watchdog);
    LS_TRY_CLEANUP(ls_agree(e->comm, st));
    if (a->directory)
        LS_TRY_CLEANUP(ls_run_take(e->comm, a->directory, a->resume, a->overwrite, &claim));
    e->fits = true;
    st = ls_fit(task, &settings, result);
    e->fits = false;
cleanup:
    ls_run_release(&claim);
    ls_watchdog_stop(settings.trainer.watchdog);
    ls_task_free(task);
    return st;
}

ls_status ls_estimator_fit(ls_estimator *e, const ls_fit_arguments *arguments, ls_fit_result *result)
{
    static const ls_fit_arguments none;
    const ls_fit_arguments *a = arguments ? arguments : &none;
    ls_task_source source = {0};
    ls_fit_result unwanted;
    ls_text same = {0};
    ls_status st;

    if (result)
        *result = (ls_fit_result){0};
    LS_TRY(need(e, "ls_estimator_fit", "estimator"));
    LS_TRY(need_no_fit(e, "ls_estimator_fit"));
    st = check_arguments(a, &same);
    if (st == LS_OK)
        st = choose_splits(e, a, &source);
    LS_TRY_CLEANUP(ls_agree(e->comm, st));
    LS_TRY_CLEANUP(ls_comm_same(e->comm, "what is asked of fit", same.data));
    LS_TRY_CLEANUP(need_model(e, source.train));
    source.model = e->model;
    st = fit(e, a, &source, result ? result : &unwanted);
cleanup:
    ls_text_reset(&same);
    return st;
}

const ls_history *ls_estimator_history(const ls_estimator *e)
{
    return e && e->state.history ? e->state.history : &no_history;
}

/* ---- using it ---- */

/* Collective. The model bound to data that are evaluated or predicted: task->test. */
static ls_status bind(ls_estimator *e, const ls_data *data, ls_task **out)
{
    LS_TRY(need_model(e, &data->spec));
    return ls_task_create_from(e->comm, e->experiment, &(ls_task_source){.model = e->model, .test = &data->spec}, out);
}

ls_status ls_estimator_evaluate(ls_estimator *e, const ls_data *data, const ls_logs **out)
{
    ls_scores *scores = NULL;
    ls_task *task = NULL;
    const ls_log *logs;
    ls_status st;

    if (out)
        *out = NULL;
    LS_TRY(need(e, "ls_estimator_evaluate", "estimator"));
    st = need(data, "ls_estimator_evaluate", "data");
    if (st == LS_OK)
        st = need(out, "ls_estimator_evaluate", "out");
    LS_TRY_CLEANUP(ls_agree(e->comm, st));
    LS_TRY_CLEANUP(bind(e, data, &task));
    if (!task->has_loss) {
        const char *why = e->experiment->refused.loss; /* of a model that Keras compiled in another way */

        st = ls_fail(LS_ERR_CONFIG, "%s: there is nothing to evaluate", why ? why : "compile.loss is missing");
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_evaluate_once(task, task->test, NULL, &scores));
    ls_scores_free(e->scores);
    e->scores = scores;
    e->logs.n = e->logs.capacity = ls_scores_logs(scores, &logs);
    e->logs.log = (ls_log *)(uintptr_t)logs; /* lent to the program as const */
    *out = &e->logs;
cleanup:
    ls_task_free(task);
    return st;
}

/* Rows of one output of the model go where they belong. */
typedef struct collector {
    size_t output, size; /* size: floats of a sample */
    float *out;
} collector;

static ls_status collect(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    const collector *c = context;

    if (output == c->output)
        memcpy(c->out + first * c->size, values, n * c->size * sizeof *values);
    return LS_OK;
}

/* Is there room for exactly what comes? Asked of rank 0. */
static ls_status check_room(const ls_task *task, const collector *c, size_t n)
{
    size_t want;

    LS_TRY(need(c->out, "ls_estimator_predict", "out"));
    if (!ls_size_mul(c->size, task->test->samples, &want) || want != n)
        return ls_fail(LS_ERR_SHAPE,
                       "ls_estimator_predict: %" PRIu64 " predictions of %zu values need %" PRIu64
                       " floats, there are %zu",
                       task->test->samples, c->size, task->test->samples * c->size, n);
    return LS_OK;
}

static ls_status check_output(const ls_model *model, size_t output)
{
    ls_array_info info;

    return ls_model_output(model, output, &info);
}

ls_status ls_estimator_predict(ls_estimator *e, const ls_data *data, size_t output, float *out, size_t n)
{
    collector c = {.output = output, .out = out};
    const ls_prediction_sink sink = {.context = &c, .rows = collect};
    ls_engine *engine = NULL;
    ls_task *task = NULL;
    uint64_t batch, microbatch;
    ls_status st;

    LS_TRY(need(e, "ls_estimator_predict", "estimator"));
    batch = (uint64_t)e->experiment->fit.batch_size;
    microbatch = (uint64_t)e->experiment->fit.microbatch;
    LS_TRY_CLEANUP(ls_agree(e->comm, need(data, "ls_estimator_predict", "data")));
    LS_TRY_CLEANUP(bind(e, data, &task));
    LS_TRY_CLEANUP(ls_agree(e->comm, check_output(e->model, output)));
    c.size = ls_shape_size(&e->model->node[e->model->output[output]].shape);
    st = e->comm->rank == 0 ? check_room(task, &c, n) : LS_OK;
    if (st == LS_OK)
        st = ls_evaluate_engine(task, false, batch, microbatch, &engine);
    LS_TRY_CLEANUP(ls_agree(e->comm, st));
    st = ls_predict(task, engine, task->test, batch, microbatch, &sink);
cleanup:
    ls_engine_free(engine);
    ls_task_free(task);
    return st;
}

ls_status ls_estimator_data(const ls_estimator *e, const char *name, ls_data **out)
{
    const ls_split_spec *spec;

    if (out)
        *out = NULL;
    LS_TRY(need(e, "ls_estimator_data", "estimator"));
    LS_TRY(need(name, "ls_estimator_data", "name"));
    LS_TRY(need(out, "ls_estimator_data", "out"));
    if (!(spec = ls_experiment_split(e->experiment, name)))
        return ls_fail(LS_ERR_CONFIG, "data names no split '%s'", name);
    return ls_data_copy(spec, out);
}
