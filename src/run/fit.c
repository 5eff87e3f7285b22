#include "run/fit.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/failures.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/profile.h"
#include "comm/wait.h"
#include "experiment/found_data.h"
#include "experiment/spelling.h"
#include "run/checkpoint.h"
#include "run/monitors.h"
#include "run/progress.h"
#include "run/rank_advice.h"
#include "run/run_directory.h"
#include "run/run_files.h"
#include "run/run_profile.h"
#include "run/timings.h"
#include "train/evaluate.h"

typedef struct fit {
    ls_trainer *trainer;
    const ls_fit_settings *settings;
    ls_scores *validation; /* NULL: no validation split */
    ls_scores *test;       /* of the final weights; NULL: not scored */
    ls_callbacks *callbacks;
    ls_progress progress;
    ls_checkpoints checkpoints; /* newest NULL: write no files */
    char *model;                /* path; NULL: likewise */
    ls_timings timings;         /* rank 0 */
    bool has_history;           /* history.csv is this run's */
    ls_timing before;           /* what was done before this process */
    double begun_s, update_s;   /* this process began to train; its time in updates so far */
    uint64_t updates, samples;  /* done when it began */
    double waited_s;            /* for other ranks, in those updates */
    bool advised;               /* whether ranks help was looked at */
} fit;

static void reset(fit *f)
{
    ls_callbacks_free(f->callbacks);
    ls_checkpoints_reset(&f->checkpoints);
    ls_timings_reset(&f->timings);
    ls_free(f->model);
    ls_scores_free(f->validation);
    ls_scores_free(f->test);
    ls_trainer_free(f->trainer);
}

static ls_status prepare(fit *f, const ls_task *task)
{
    const ls_fit_settings *settings = f->settings;

    if (task->validation)
        LS_TRY(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &f->validation));
    ls_progress_init(&f->progress, settings->out ? settings->out : stdout,
                     task->comm->rank == 0 && settings->out ? settings->verbose : 0);
    LS_TRY(ls_callbacks_create(f->trainer,
                               &(ls_callbacks_settings){.directory = settings->directory,
                                                        .out = settings->verbose ? settings->out : NULL,
                                                        .progress = &f->progress,
                                                        .validates = f->validation != NULL,
                                                        .callback = settings->callback,
                                                        .callbacks = settings->callbacks},
                               &f->callbacks));
    if (!settings->directory)
        return LS_OK;
    if (!(f->model = ls_path_join(settings->directory, LS_RUN_MODEL)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_checkpoints_init(&f->checkpoints, f->callbacks, settings->directory));
    f->callbacks->run.checkpoints = &f->checkpoints;
    return LS_OK;
}

static bool wants_validation(const fit *f)
{
    return f->validation && (f->trainer->epoch + 1) % (uint64_t)f->trainer->experiment->fit.validation_freq == 0;
}

/*
 * One update, or none; *stop as in ls_trainer_update. If a callback wants to live with it, a batch whose numbers are
 * not finite changes no weight and makes the loss of the epoch infinite or NAN.
 */
static ls_status update(fit *f, bool *stop)
{
    ls_trainer *t = f->trainer;
    const double begun_s = ls_now_s(), waited_s = ls_waited_s();
    double loss = NAN;
    const ls_status st = ls_trainer_update(t, stop, &loss);

    f->update_s += ls_now_s() - begun_s;
    f->waited_s += ls_waited_s() - waited_s;
    if (st != LS_ERR_NUMERIC || !f->callbacks->run.survives_nan)
        return st;
    ls_callback_say(&f->callbacks->run, "%s", ls_error_message());
    ls_scores_spoil(t->scores, loss);
    t->batch++;
    t->begun = false;
    return LS_OK;
}

static void draw(fit *f)
{
    ls_trainer *t = f->trainer;
    const ls_log *logs;

    if (ls_progress_due(&f->progress) && t->batch < t->plan.batches) {
        const size_t n = ls_scores_logs(t->scores, &logs);

        ls_progress_draw(&f->progress, t->batch, logs, n);
    }
}

/*
 * Collective. The files that grow: what is known of the time before, and the history, of a run that goes on. Both are
 * put in order: the run that was killed may have come further than its checkpoint.
 */
static ls_status begin_files(fit *f, bool goes_on)
{
    const ls_trainer *t = f->trainer;
    const char *directory = f->settings->directory;
    char *path = NULL;
    ls_status st = LS_OK;

    f->begun_s = ls_now_s();
    if (!directory)
        return LS_OK;
    if (t->comm->rank == 0) {
        st = (path = ls_path_join(directory, LS_RUN_TIMINGS)) ? LS_OK : LS_ERR_MEMORY;
        if (st == LS_OK)
            st = ls_timings_open(path, t->update, &f->timings);
        f->before = f->timings.last;
        ls_free(path);
    }
    LS_TRY(ls_agree(t->comm, st));
    f->has_history = goes_on && t->history->epochs > 0;
    return f->has_history ? ls_run_history(t, directory, true) : LS_OK;
}

/* Trained on since the run began, with those of an epoch twice in two epochs. */
static uint64_t samples_so_far(const ls_trainer *t)
{
    const ls_fit_options *options = &t->experiment->fit;
    const ls_epoch_plan plan = ls_epoch_plan_of(options, t->task->train->samples, t->epoch);

    return ls_samples_in(plan.before + t->batch, (uint64_t)options->batch_size, t->task->train->samples);
}

/* Rank 0 notes how far it is. */
static ls_status add_timing(fit *f)
{
    const ls_trainer *t = f->trainer;
    const ls_epoch_plan plan = ls_epoch_plan_of(&t->experiment->fit, t->task->train->samples, t->epoch);

    return ls_timings_add(&f->timings, &(ls_timing){
                                           .epochs = (double)t->epoch + (double)t->batch / (double)plan.batches,
                                           .updates = t->update,
                                           .samples = samples_so_far(t),
                                           .seconds = f->before.seconds + ls_now_s() - f->begun_s,
                                           .train_seconds = f->before.train_seconds + f->update_s,
                                           .ranks = t->comm->size,
                                       });
}

/* must: even if it is too soon after the one before. */
static ls_status write_checkpoint(fit *f, bool must)
{
    bool due = f->checkpoints.newest != NULL;
    ls_status st;

    if (due && !must)
        LS_TRY(ls_checkpoints_due(&f->checkpoints, &due));
    if (!due)
        return LS_OK;
    LS_TRY(ls_agree(f->trainer->comm, add_timing(f)));
    ls_profile_begin(LS_PHASE_CHECKPOINT, NULL);
    st = ls_checkpoints_write(&f->checkpoints);
    ls_profile_end();
    return st;
}

/* The row of an epoch that has ended. */
static ls_status write_row(fit *f)
{
    const bool whole = !f->has_history;

    if (!f->settings->directory)
        return LS_OK;
    f->has_history = true;
    LS_TRY(ls_run_history(f->trainer, f->settings->directory, whole));
    return ls_agree(f->trainer->comm, add_timing(f));
}

/* The epoch's batches, from trainer->batch on. */
static ls_status run_batches(fit *f, bool *stopped)
{
    ls_trainer *t = f->trainer;
    const uint64_t every = (uint64_t)t->experiment->fit.checkpoint_every;

    while (t->batch < t->plan.batches && !f->callbacks->run.stop_training) {
        const uint64_t before = t->update; /* it stays so over a batch that a callback lived with */

        if (!t->begun) /* else before the checkpoint */
            LS_TRY(ls_callbacks_batch_begin(f->callbacks));
        t->begun = true;
        LS_TRY(update(f, stopped));
        if (*stopped)
            return write_checkpoint(f, true);
        LS_TRY(ls_callbacks_batch_end(f->callbacks, t->batch - 1));
        draw(f);
        if (every && t->update > before && t->update % every == 0 && t->batch < t->plan.batches)
            LS_TRY(write_checkpoint(f, false));
    }
    return LS_OK;
}

static ls_status validate(fit *f)
{
    ls_status st;

    LS_TRY(ls_callbacks_test_begin(f->callbacks));
    ls_profile_begin(LS_PHASE_VALIDATE, NULL);
    st = ls_trainer_evaluate(f->trainer, f->trainer->task->validation, f->validation);
    ls_profile_end();
    LS_TRY(st);
    return ls_callbacks_test_end(f->callbacks, f->validation);
}

/* A callback may have stopped the training within an epoch, which then still ends as every other does. */
static bool goes_on(const fit *f)
{
    const ls_trainer *t = f->trainer;

    return t->epoch < (uint64_t)t->experiment->fit.epochs && (!f->callbacks->run.stop_training || t->batch > 0);
}

/* A value that is no number is said, once per epoch and value. */
static ls_status tell_nan(const fit *f, const ls_logs *logs)
{
    const ls_fit_settings *settings = f->settings;

    for (size_t i = 0; i < logs->n && settings->warn && f->trainer->comm->rank == 0; i++) {
        ls_text line = {0};
        ls_status st;

        if (!isnan(logs->log[i].value))
            continue;
        ls_text_add(&line, "epoch %llu: %s is NaN", (unsigned long long)f->trainer->epoch + 1, logs->log[i].name);
        if ((st = line.status) == LS_OK)
            settings->warn(settings->warn_context, line.data);
        ls_text_reset(&line);
        LS_TRY(st);
    }
    return LS_OK;
}

/* Collective. Once, when enough was seen: a line about ranks that do not help. */
static ls_status advise_on_ranks(fit *f)
{
    const ls_fit_settings *settings = f->settings;
    ls_text line = {0};
    ls_status st;

    if (f->advised || settings->verbose == 0)
        return LS_OK;
    st = ls_rank_advice(f->trainer->comm, f->update_s, f->waited_s, &f->advised, &line);
    if (st == LS_OK && line.length > 0 && settings->warn)
        settings->warn(settings->warn_context, line.data);
    ls_text_reset(&line);
    return st;
}

static ls_status end_epoch(fit *f)
{
    ls_trainer *t = f->trainer;
    const ls_logs *logs = &f->callbacks->logs;
    const bool validates = wants_validation(f);

    if (validates)
        LS_TRY(validate(f));
    LS_TRY(ls_callbacks_epoch_end(f->callbacks, validates ? f->validation : NULL));
    LS_TRY(ls_history_add(t->history, t->epoch, logs->log, logs->n));
    ls_progress_end(&f->progress, logs->log, logs->n);
    LS_TRY(ls_agree(t->comm, tell_nan(f, logs)));
    LS_TRY(advise_on_ranks(f));
    t->epoch++;
    t->batch = 0;
    LS_TRY(write_row(f));
    return write_checkpoint(f, !goes_on(f));
}

/* Rank 0 tells how the ranks add up, and warns where they cannot as they were asked to. */
static void tell_allreduce(const fit *f)
{
    const ls_fit_settings *settings = f->settings;
    const ls_reducer *reducer = f->trainer->gradients->reducer;
    char line[640];

    if (reducer->comm->rank != 0 || reducer->comm->size == 1)
        return;
    if (reducer->fell_back && settings->warn) {
        snprintf(line, sizeof line, "distributed.allreduce: %s", reducer->why);
        settings->warn(settings->warn_context, line);
    } else if (settings->explains && settings->out) {
        fprintf(settings->out, "allreduce: %s\n", reducer->why);
    }
}

/* What the run that goes on has in another way, and that shapes its weights. */
static void tell_changes(const fit *f)
{
    const ls_changes *changes = &f->callbacks->changes;
    json_t *list = changes->kept ? json_loads(changes->kept, 0, NULL) : NULL, *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        const char *from = json_string_value(json_object_get(entry, "from"));
        const char *to = json_string_value(json_object_get(entry, "to"));
        const json_int_t update = json_integer_value(json_object_get(entry, "update"));
        char line[640];

        if (update != (json_int_t)f->trainer->update || !f->settings->warn || f->trainer->comm->rank != 0)
            continue;
        snprintf(line, sizeof line, "after update %lld %s is %.200s, it was %.200s", (long long)update,
                 json_string_value(json_object_get(entry, "key")), to ? to : "not given", from ? from : "not given");
        f->settings->warn(f->settings->warn_context, line);
    }
    json_decref(list);
}

static ls_status run(fit *f, bool *stopped)
{
    ls_trainer *t = f->trainer;

    tell_allreduce(f);
    t->overlaps = t->experiment->fit.checkpoint_every == 0 && !ls_callbacks_watch_batches(f->callbacks);
    LS_TRY(ls_callbacks_train_begin(f->callbacks));
    while (goes_on(f)) {
        ls_trainer_begin_epoch(t);
        ls_progress_begin(&f->progress, t->epoch, (uint64_t)t->experiment->fit.epochs, t->plan.batches, t->batch);
        if (t->batch == 0 && !t->begun) /* else it was called before the checkpoint */
            LS_TRY(ls_callbacks_epoch_begin(f->callbacks));
        LS_TRY(run_batches(f, stopped));
        if (*stopped)
            return LS_OK;
        LS_TRY(end_epoch(f));
    }
    LS_TRY(ls_updater_finish(t->updater, t->gradients));
    return ls_callbacks_train_end(f->callbacks);
}

/* Collective. The profile ends: the timeline, the table, and the numbers for run.json. */
static ls_status end_profile(const fit *f, ls_run_profile *profile)
{
    const ls_trainer *t = f->trainer;
    const ls_fit_settings *settings = f->settings;

    LS_TRY(ls_run_profile_end(t->comm, settings->directory, profile));
    profile->updates = t->update - f->updates;
    profile->samples = samples_so_far(t) - f->samples;
    profile->train_s = f->update_s;
    if (t->comm->rank != 0 || !settings->out || settings->verbose == 0)
        return ls_agree(t->comm, LS_OK);
    return ls_agree(t->comm, ls_run_profile_print(profile, settings->directory, settings->out));
}

/* Collective. On all of the split: a validation may have been of other weights, or of part of it. */
static ls_status score_test(fit *f)
{
    const ls_trainer *t = f->trainer;
    const ls_task *task = t->task;
    const ls_fit_options *options = &t->experiment->fit;
    const ls_log *logs;
    size_t n;

    LS_TRY(ls_agree(t->comm, ls_scores_create(t->comm, task->model, task->outputs, task->objective, &f->test)));
    LS_TRY(ls_evaluate(task, t->engine, f->settings->test, (uint64_t)options->batch_size, (uint64_t)options->microbatch,
                       UINT64_MAX, t->watchdog, f->test));
    n = ls_scores_logs(f->test, &logs);
    if (t->comm->rank == 0 && f->settings->tested)
        f->settings->tested(logs, n);
    return LS_OK;
}

/* monitors: all callbacks are the experiment's, so that what they monitor must be logged by it. */
static ls_status fit_experiment(ls_config *root, const char *file, bool monitors, ls_experiment **out)
{
    ls_failures all = {0};
    ls_status st;

    *out = NULL;
    if (ls_failures_add(&all, ls_experiment_spell_out(root))) {
        ls_failures_add(&all, ls_callback_specs_check(ls_config_get(root, "callbacks")));
        if (monitors && ls_find_data(root, file) == LS_OK) /* whose failure comes again */
            ls_failures_add(&all, ls_monitors_check(root));
    }
    ls_failures_add(&all, ls_experiment_create(root, file, out));
    if ((st = ls_failures_end(&all)) != LS_OK) {
        ls_experiment_free(*out);
        *out = NULL;
    }
    return st;
}

ls_status ls_fit_experiment(ls_config *root, const char *file, ls_experiment **out)
{
    return fit_experiment(root, file, false, out);
}

ls_status ls_fit_read(const char *file, const char *const *settings, size_t n, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_experiment_tree(file, settings, n, &root));
    return fit_experiment(root, file, true, out);
}

ls_status ls_fit_check(const ls_experiment *experiment)
{
    return ls_callback_specs_check(experiment->callbacks);
}

ls_status ls_fit(const ls_task *task, const ls_fit_settings *settings, ls_fit_result *result)
{
    fit f = {.settings = settings};
    ls_trainer_options options = settings->trainer;
    ls_run_profile profile;
    bool found = false;
    ls_status st;

    *result = (ls_fit_result){0};
    options.stop = settings->stop;
    options.own_weights = settings->callbacks > 0; /* the program's may change the model */
    LS_TRY_CLEANUP(ls_trainer_create(task, &options, &f.trainer));
    LS_TRY_CLEANUP(ls_agree(task->comm, prepare(&f, task)));
    if (settings->resume && f.checkpoints.newest)
        LS_TRY_CLEANUP(ls_checkpoints_read(&f.checkpoints, settings->allow_other_kernel, settings->warn,
                                           settings->warn_context, &found));
    f.callbacks->run.resumed = found;
    tell_changes(&f);
    if (settings->directory)
        LS_TRY_CLEANUP(ls_run_begin(f.trainer, settings, found));
    LS_TRY_CLEANUP(begin_files(&f, found));
    f.updates = f.trainer->update;
    f.samples = samples_so_far(f.trainer);
    if (settings->profile)
        LS_TRY_CLEANUP(ls_run_profile_start(task->comm));
    LS_TRY_CLEANUP(run(&f, &result->stopped));
    LS_TRY_CLEANUP(ls_checkpoints_finish(&f.checkpoints));
    if (settings->profile)
        LS_TRY_CLEANUP(end_profile(&f, &profile));
    ls_model_fingerprint(task->model, result->fingerprint);
    LS_TRY_CLEANUP(ls_comm_same(task->comm, "the weights after training", result->fingerprint));
    if (f.model && !result->stopped)
        LS_TRY_CLEANUP(ls_checkpoint_write(f.trainer, f.callbacks, f.model));
    result->seconds = ls_now_s() - f.begun_s;
    if (settings->test && !result->stopped)
        LS_TRY_CLEANUP(score_test(&f));
    result->updates = f.trainer->update;
    result->redone = f.trainer->redone;
    result->epochs = f.trainer->epoch;
    if (settings->directory)
        LS_TRY_CLEANUP(ls_run_end(f.trainer, settings->directory,
                                  &(ls_run_facts){.result = result,
                                                  .changes = &f.callbacks->changes,
                                                  .profile = settings->profile ? &profile : NULL,
                                                  .test = f.test}));
    if (result->stopped)
        st =
            ls_fail(LS_ERR_STOPPED, "stopped by a signal after update %llu; the state is in '%s', go on with --resume",
                    (unsigned long long)f.trainer->update, f.checkpoints.newest ? f.checkpoints.newest : "memory only");
cleanup:
    ls_profile_stop();
    reset(&f); /* the checkpoint's thread has ended after it */
    ls_profile_free();
    return st;
}
