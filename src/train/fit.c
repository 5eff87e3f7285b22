#include "train/fit.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/progress.h"
#include "train/run_directory.h"

typedef struct fit {
    ls_trainer *trainer;
    const ls_fit_settings *settings;
    ls_scores *validation;  /* NULL: no validation split */
    ls_log *logs;           /* [capacity] of the epoch: training, then validation */
    char **validation_name; /* [validation logs] "val_loss", … */
    size_t train_logs, logs_n;
    ls_progress progress;
    char *checkpoint, *model; /* paths; NULL: write no files */
} fit;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void reset(fit *f)
{
    const size_t n = f->logs_n - f->train_logs;

    for (size_t i = 0; f->validation_name && i < n; i++)
        ls_free(f->validation_name[i]);
    ls_free(f->validation_name);
    ls_free(f->logs);
    ls_free(f->checkpoint);
    ls_free(f->model);
    ls_scores_free(f->validation);
    ls_trainer_free(f->trainer);
}

/* Names of all logs, and with them the columns of the history. */
static ls_status plan_logs(fit *f)
{
    const ls_log *logs;
    size_t validation = 0;
    const char **names;
    ls_status st;

    f->train_logs = f->logs_n = ls_scores_logs(f->trainer->scores, &logs);
    if (f->validation)
        validation = f->train_logs;
    f->logs = ls_calloc(f->train_logs + validation, sizeof *f->logs, "the logs");
    f->validation_name = ls_calloc(validation, sizeof *f->validation_name, "the logs");
    names = ls_calloc(f->train_logs + validation, sizeof *names, "the logs");
    if (!f->logs || !f->validation_name || !names) {
        ls_free(names);
        return LS_ERR_MEMORY;
    }
    for (size_t i = 0; i < f->train_logs; i++)
        names[i] = f->logs[i].name = logs[i].name;
    for (size_t i = 0; i < validation; i++) {
        ls_text name = {0};

        ls_text_add(&name, "val_%s", logs[i].name);
        if (name.status != LS_OK) {
            ls_free(names);
            return LS_ERR_MEMORY;
        }
        f->validation_name[i] = name.data;
        names[f->logs_n] = f->logs[f->logs_n].name = name.data;
        f->logs_n++;
    }
    st = ls_history_set_columns(f->trainer->history, names, f->logs_n);
    ls_free(names);
    return st;
}

static ls_status prepare(fit *f, const ls_task *task)
{
    const ls_fit_settings *settings = f->settings;

    if (settings->directory) {
        f->checkpoint = ls_path_join(settings->directory, "checkpoint.h5");
        f->model = ls_path_join(settings->directory, "model.h5");
        if (!f->checkpoint || !f->model)
            return LS_ERR_MEMORY;
    }
    if (task->validation)
        LS_TRY(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &f->validation));
    LS_TRY(plan_logs(f));
    ls_progress_init(&f->progress, settings->out ? settings->out : stdout,
                     task->comm->rank == 0 && settings->out ? settings->verbose : 0);
    return LS_OK;
}

static bool wants_validation(const fit *f)
{
    return f->validation && (f->trainer->epoch + 1) % (uint64_t)f->trainer->experiment->fit.validation_freq == 0;
}

/* The epoch's batches, from trainer->batch on. */
static ls_status run_batches(fit *f, bool *stopped)
{
    ls_trainer *t = f->trainer;
    const uint64_t every = (uint64_t)t->experiment->fit.checkpoint_every;

    while (t->batch < t->batches) {
        bool stop = f->settings->stop && *f->settings->stop;
        double loss;

        LS_TRY(ls_trainer_update(t, &stop, &loss));
        if (ls_progress_due(&f->progress) && t->batch < t->batches) {
            const ls_log *logs;
            const size_t n = ls_scores_logs(t->scores, &logs);

            ls_progress_draw(&f->progress, t->batch, logs, n);
        }
        if (f->checkpoint && ((every && t->update % every == 0 && t->batch < t->batches) || stop)) {
            ls_watchdog_beat(t->watchdog, "writing a checkpoint");
            LS_TRY(ls_checkpoint_write(t, f->checkpoint));
        }
        if (stop) {
            *stopped = true;
            return LS_OK;
        }
    }
    return LS_OK;
}

static ls_status end_epoch(fit *f)
{
    ls_trainer *t = f->trainer;
    const ls_log *logs;
    size_t n = ls_scores_logs(t->scores, &logs);

    for (size_t i = 0; i < n; i++)
        f->logs[i].value = logs[i].value;
    if (wants_validation(f)) {
        size_t more;

        LS_TRY(ls_trainer_evaluate(t, t->task->validation, f->validation));
        more = ls_scores_logs(f->validation, &logs);
        for (size_t i = 0; i < more; i++)
            f->logs[n++].value = logs[i].value;
    }
    LS_TRY(ls_history_add(t->history, t->epoch, f->logs, n));
    ls_progress_end(&f->progress, f->logs, n);
    t->epoch++;
    t->batch = 0;
    if (!f->checkpoint)
        return LS_OK;
    ls_watchdog_beat(t->watchdog, "writing a checkpoint");
    LS_TRY(ls_run_history(t, f->settings->directory));
    return ls_checkpoint_write(t, f->checkpoint);
}

static ls_status run(fit *f, bool *stopped)
{
    ls_trainer *t = f->trainer;

    while (t->epoch < (uint64_t)t->experiment->fit.epochs) {
        ls_trainer_begin_epoch(t);
        ls_progress_begin(&f->progress, t->epoch, (uint64_t)t->experiment->fit.epochs, t->batches, t->batch);
        LS_TRY(run_batches(f, stopped));
        if (*stopped && t->batch < t->batches)
            return LS_OK;
        LS_TRY(end_epoch(f));
        if (*stopped)
            return LS_OK;
    }
    LS_TRY(ls_updater_finish(t->updater, t->gradients));
    return f->model ? ls_checkpoint_write(t, f->model) : LS_OK;
}

/* Collective. Is there a checkpoint? Rank 0 looks, so that a slow file system cannot split the ranks. */
static ls_status find_checkpoint(const fit *f, bool *found)
{
    int there = f->settings->resume && f->checkpoint && f->trainer->comm->rank == 0 && ls_file_exists(f->checkpoint);

    LS_TRY(ls_mpi_check(MPI_Bcast(&there, 1, MPI_INT, 0, f->trainer->comm->mpi), "looking for a checkpoint"));
    *found = there;
    return LS_OK;
}

ls_status ls_fit(const ls_task *task, const ls_fit_settings *settings, ls_fit_result *result)
{
    fit f = {.settings = settings};
    bool found = false;
    double begun;
    ls_status st;

    *result = (ls_fit_result){0};
    LS_TRY_CLEANUP(ls_trainer_create(task, &settings->trainer, &f.trainer));
    LS_TRY_CLEANUP(ls_agree(task->comm, prepare(&f, task)));
    LS_TRY_CLEANUP(find_checkpoint(&f, &found));
    if (found)
        LS_TRY_CLEANUP(ls_checkpoint_read(f.trainer, f.checkpoint, settings->allow_other_kernel));
    if (settings->directory)
        LS_TRY_CLEANUP(ls_run_begin(f.trainer, settings->directory));
    begun = now_s();
    LS_TRY_CLEANUP(run(&f, &result->stopped));
    result->seconds = now_s() - begun;
    result->updates = f.trainer->update;
    result->redone = f.trainer->redone;
    ls_model_fingerprint(task->model, result->fingerprint);
    if (settings->directory)
        LS_TRY_CLEANUP(ls_run_end(f.trainer, settings->directory, result));
    if (result->stopped)
        st = ls_fail(LS_ERR_STOPPED, "stopped by a signal after update %llu; the state is in '%s', go on with --resume",
                     (unsigned long long)f.trainer->update, f.checkpoint ? f.checkpoint : "memory only");
cleanup:
    reset(&f);
    return st;
}
