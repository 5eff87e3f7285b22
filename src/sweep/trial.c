/*
 * A callback of fit does the watching. Observations of the monitored number come from the validation at ends of epochs,
 * and from evaluations of its own at the updates between them where a target is looked for.
 */
#include "sweep/trial.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/sampler.h"
#include "run/fit.h"
#include "run/run_files.h"
#include "sweep/settings.h"

#define ASK_S 0.25 /* between two looks at whether the trial is abandoned */

uint64_t ls_next_evaluation(const ls_sweep *sweep, uint64_t batch_size, uint64_t samples, uint64_t update)
{
    const uint64_t next = (uint64_t)ceil(sweep->growth * (double)update);

    if (update == 0)
        return ls_updates_for(sweep->first_samples, batch_size, samples);
    return next > update ? next : update + 1;
}

/* What the callback knows. */
typedef struct watch {
    const ls_sweep *sweep;
    const ls_sweep_facts *facts;
    const ls_trial *trial;
    const ls_trial_settings *settings;
    const ls_task *task;
    ls_scores *scores;                    /* of its own evaluations; NULL: no validation split */
    uint64_t batch_size, samples, budget; /* budget in updates; UINT64_MAX: none */
    uint64_t next;                        /* update of the next evaluation; UINT64_MAX: none */
    uint64_t observed;                    /* update of the last observation; UINT64_MAX: none yet */
    bool reached, diverged;
    uint64_t limit; /* updates: budget or what a better rate needed */
    double begun_s, testing_s, evaluate_s, asked_s;
    ls_history *history;
    ls_text evaluations;
    ls_trial_result *out;
} watch;

static double train_s(const watch *w)
{
    return ls_now_s() - w->begun_s - w->evaluate_s;
}

/* ---- observations ---- */

/* "accuracy" if val_accuracy is monitored; NULL if a number of the training itself is. */
static const char *validation_name(const watch *w)
{
    return strncmp(w->facts->monitor, "val_", 4) == 0 ? w->facts->monitor + 4 : NULL;
}

/* One row of evaluations.csv. The names of logs are without val_. */
static void add_row(watch *w, uint64_t update, const ls_log *logs, size_t n)
{
    char number[LS_PYTHON_FLOAT_BYTES];

    if (!w->evaluations.length) {
        ls_text_add(&w->evaluations, "update,samples,epoch");
        for (size_t i = 0; i < n; i++)
            ls_text_add(&w->evaluations, ",val_%s", logs[i].name);
        ls_text_add(&w->evaluations, "\n");
    }
    ls_format_double((double)ls_samples_in(update, w->batch_size, w->samples) / (double)w->samples, number,
                     sizeof number);
    ls_text_add(&w->evaluations, "%" PRIu64 ",%" PRIu64 ",%s", update, ls_samples_in(update, w->batch_size, w->samples),
                number);
    for (size_t i = 0; i < n; i++) {
        number[0] = '\0';
        if (isfinite(logs[i].value))
            ls_format_double(logs[i].value, number, sizeof number);
        ls_text_add(&w->evaluations, ",%s", number);
    }
    ls_text_add(&w->evaluations, "\n");
}

static void observe(watch *w, uint64_t update, double value)
{
    ls_trial_result *r = w->out;
    const bool up = w->facts->up;

    w->observed = update;
    r->value = value;
    if (isfinite(value) && (isnan(r->best_value) || (up ? value > r->best_value : value < r->best_value))) {
        r->best_value = value;
        r->best_updates = update;
    }
    if (w->sweep->has_target && isfinite(value))
        w->reached |= up ? value >= w->sweep->target : value <= w->sweep->target;
    if (!w->reached)
        r->updates_before = update;
}

static bool validates_at_end(const watch *w, uint64_t epoch)
{
    return w->task->validation && (epoch + 1) % (uint64_t)w->task->experiment->fit.validation_freq == 0;
}

static ls_status evaluate(watch *w, ls_trainer *t)
{
    const double begun = ls_now_s();
    const ls_log *logs;
    size_t n;

    LS_TRY(ls_trainer_evaluate(t, w->task->validation, w->scores));
    n = ls_scores_logs(w->scores, &logs);
    add_row(w, t->update, logs, n);
    for (size_t i = 0; i < n; i++)
        if (validation_name(w) && strcmp(logs[i].name, validation_name(w)) == 0)
            observe(w, t->update, logs[i].value);
    w->evaluate_s += ls_now_s() - begun;
    return LS_OK;
}

/* ---- the hooks ---- */

static ls_status begin_training(void *context, ls_callback_run *run)
{
    watch *w = context;
    const char **names = ls_calloc(run->logs, sizeof *names, "the history");
    ls_status st;

    if (!names)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < run->logs; i++)
        names[i] = run->known[i].name;
    st = ls_history_set_columns(w->history, names, run->logs);
    ls_free(names);
    w->begun_s = w->asked_s = ls_now_s();
    return st;
}

static ls_status ask_whether_abandoned(watch *w, const ls_comm *comm)
{
    const double now = ls_now_s();

    if (comm->rank != 0 || !w->settings->abandoned || now - w->asked_s < ASK_S)
        return LS_OK;
    w->asked_s = now;
    return w->settings->abandoned(w->settings->context)
               ? ls_fail(LS_ERR_STOPPED, "the trial was abandoned, for the sweep ends")
               : LS_OK;
}

/* A budget in seconds ends by the clock of rank 0. */
static ls_status ask_clock(const watch *w, const ls_comm *comm, bool *late)
{
    int is_late = train_s(w) >= w->sweep->budget;

    *late = false;
    if (w->budget != UINT64_MAX)
        return LS_OK;
    LS_TRY(ls_mpi_check(MPI_Bcast(&is_late, 1, MPI_INT, 0, comm->mpi), "asking whether the seconds are used up"));
    *late = is_late;
    return LS_OK;
}

/* A trial that fails for want of finite numbers takes its trainer with it: how far did it come? */
static ls_status begin_batch(void *context, ls_callback_run *run, uint64_t batch)
{
    watch *w = context;

    (void)batch;
    w->out->updates = run->trainer->update;
    return LS_OK;
}

static ls_status end_batch(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    watch *w = context;
    ls_trainer *t = run->trainer;
    bool late, ends, due;

    (void)batch;
    (void)logs;
    LS_TRY(ask_clock(w, t->comm, &late));
    ends = t->update >= w->limit || late;
    due = t->update >= w->next || (ends && w->scores);
    while (w->next <= t->update)
        w->next = ls_next_evaluation(w->sweep, w->batch_size, w->samples, w->next);
    /* Where the epoch ends, or is ended by us, its own validation follows. */
    if (due && !((ends || t->batch == t->plan.batches) && validates_at_end(w, t->epoch)))
        LS_TRY(evaluate(w, t));
    run->stop_training |= ends || w->reached;
    return ask_whether_abandoned(w, t->comm);
}

static ls_status begin_test(void *context, ls_callback_run *run)
{
    watch *w = context;

    (void)run;
    w->testing_s = ls_now_s();
    return LS_OK;
}

static ls_status end_test(void *context, ls_callback_run *run, ls_logs *logs)
{
    watch *w = context;
    const uint64_t update = run->trainer->update;
    const double *value = validation_name(w) ? ls_logs_get(logs, validation_name(w)) : NULL;

    w->evaluate_s += ls_now_s() - w->testing_s;
    if (update == w->observed) /* it was evaluated when it reached the target */
        return LS_OK;
    add_row(w, update, logs->log, logs->n);
    if (value)
        observe(w, update, *value);
    return LS_OK;
}

static ls_status end_epoch(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    watch *w = context;
    const double *noise = ls_logs_get(logs, "noise_scale"), *loss = ls_logs_get(logs, "loss");
    const double *value = ls_logs_get(logs, w->facts->monitor);

    if (noise)
        w->out->noise_scale = *noise;
    w->diverged |= loss && !isfinite(*loss); /* where a callback survives it */
    if (!validation_name(w) && value)
        observe(w, run->trainer->update, *value);
    run->stop_training |= w->reached || w->diverged || run->trainer->update >= w->limit;
    return ls_history_add(w->history, epoch, logs->log, logs->n);
}

static const ls_callback_hooks hooks = {
    .on_train_begin = begin_training,
    .on_train_batch_begin = begin_batch,
    .on_train_batch_end = end_batch,
    .on_test_begin = begin_test,
    .on_test_end = end_test,
    .on_epoch_end = end_epoch,
};

/* ---- the files ---- */

static ls_status write_text(const char *directory, const char *name, const ls_text *text)
{
    char *path;
    ls_status st;

    LS_TRY(text->status);
    if (!(path = ls_path_join(directory, name)))
        return LS_ERR_MEMORY;
    st = ls_file_replace(path, text->data ? text->data : "", text->length);
    ls_free(path);
    return st;
}

static ls_status write_files(watch *w)
{
    const char *directory = w->settings->directory;
    ls_text experiment = {0}, history = {0}, result = {0};
    ls_status st;

    if (!w->evaluations.length) /* none were made: a table without rows */
        ls_text_add(&w->evaluations, "update,samples,epoch\n");
    LS_TRY_CLEANUP(ls_directory_create(directory));
    LS_TRY_CLEANUP(ls_history_csv(w->history, 0, &history));
    LS_TRY_CLEANUP(ls_experiment_write(w->task->experiment, w->task->model, false, &experiment));
    LS_TRY_CLEANUP(ls_result_write(w->sweep, w->trial, w->out, &result));
    LS_TRY_CLEANUP(write_text(directory, LS_RUN_EXPERIMENT, &experiment));
    LS_TRY_CLEANUP(write_text(directory, LS_RUN_HISTORY, &history));
    LS_TRY_CLEANUP(write_text(directory, "evaluations.csv", &w->evaluations));
    LS_TRY_CLEANUP(write_text(directory, "result.json", &result)); /* the last: it says that the trial is finished */
cleanup:
    ls_text_reset(&experiment);
    ls_text_reset(&history);
    ls_text_reset(&result);
    return st;
}

/* ---- the run ---- */

static void finish(watch *w, const ls_fit_result *fit, int ranks)
{
    const time_t now = time(NULL);
    struct tm utc;
    ls_trial_result *r = w->out;

    r->status = w->diverged                                                                  ? LS_TRIAL_DIVERGED
                : w->reached                                                                 ? LS_TRIAL_REACHED
                : w->trial->limit && r->updates >= w->trial->limit && r->updates < w->budget ? LS_TRIAL_CUT
                                                                                             : LS_TRIAL_MISSED;
    r->samples = ls_samples_in(r->updates, w->batch_size, w->samples);
    r->epochs = (double)r->samples / (double)w->samples;
    r->train_s = train_s(w);
    r->evaluate_s = w->evaluate_s;
    r->ranks = ranks;
    if (!w->diverged)
        memcpy(r->fingerprint, fit->fingerprint, sizeof r->fingerprint);
    if (gmtime_r(&now, &utc))
        strftime(r->finished, sizeof r->finished, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static ls_status run(watch *w, const ls_comm *comm)
{
    const ls_callback callback = {.name = "sweep", .hooks = &hooks, .context = w};
    const ls_fit_settings settings = {.directory = w->sweep->keep ? w->settings->directory : NULL,
                                      .stop = w->settings->stop,
                                      .trainer = {.watchdog = w->settings->watchdog},
                                      .callback = &callback,
                                      .callbacks = 1};
    ls_fit_result fit;
    ls_status st = ls_history_create(&w->history);

    if (st == LS_OK && w->task->validation)
        st = ls_scores_create(comm, w->task->model, w->task->outputs, w->task->objective, &w->scores);
    LS_TRY(ls_agree(comm, st));
    w->begun_s = ls_now_s();
    st = ls_fit(w->task, &settings, &fit);
    if (st == LS_ERR_NUMERIC)
        w->diverged = true;
    else if (st != LS_OK)
        return st;
    else
        w->out->updates = fit.updates;
    finish(w, &fit, comm->size);
    return w->settings->directory ? ls_agree(comm, comm->rank == 0 ? write_files(w) : LS_OK) : LS_OK;
}

ls_status ls_trial_run(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts, const ls_trial *trial,
                       const ls_trial_settings *settings, ls_trial_result *out)
{
    const uint64_t samples = facts->samples[trial->combination];
    ls_experiment *experiment = NULL;
    ls_task *task = NULL;
    watch w = {.sweep = sweep, .facts = facts, .trial = trial, .settings = settings, .samples = samples, .out = out};
    ls_status st;

    *out = (ls_trial_result){.value = NAN, .best_value = NAN, .noise_scale = NAN};
    LS_TRY_CLEANUP(ls_agree(comm, ls_trial_experiment(sweep, trial, samples, &experiment, &out->learning_rate)));
    LS_TRY_CLEANUP(ls_task_create(comm, experiment, &task));
    w.task = task;
    w.batch_size = (uint64_t)experiment->fit.batch_size;
    w.budget = ls_trial_updates(sweep, experiment, samples);
    w.limit = trial->limit && trial->limit < w.budget ? trial->limit : w.budget;
    w.next = sweep->has_target ? ls_next_evaluation(sweep, w.batch_size, samples, 0) : UINT64_MAX;
    w.observed = UINT64_MAX;
    st = run(&w, comm);
cleanup:
    ls_scores_free(w.scores);
    ls_history_free(w.history);
    ls_text_reset(&w.evaluations);
    ls_task_free(task);
    ls_experiment_free(experiment);
    return st;
}
