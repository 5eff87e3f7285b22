#include "report/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/json.h"
#include "report/files.h"
#include "report/say.h"
#include "run/run_directory.h"
#include "run/run_files.h"
#include "sweep/fits.h"

bool ls_is_run(const char *directory)
{
    return ls_report_has(directory, LS_RUN_HISTORY) && ls_report_has(directory, LS_RUN_EXPERIMENT);
}

void ls_run_free(ls_run *r)
{
    if (!r)
        return;
    ls_sheet_free(r->history);
    ls_sheet_free(r->timings);
    ls_config_free(r->info);
    ls_experiment_free(r->experiment);
    for (size_t i = 0; i < LS_OVER; i++)
        ls_free(r->over[i]);
    ls_free(r);
}

const char *ls_run_text(const ls_run *r, const char *key)
{
    return ls_report_text(r->info, key);
}

double ls_run_number(const ls_run *r, const char *key)
{
    return ls_report_number(r->info, key);
}

void ls_run_best(const ls_run *r, ls_text *out)
{
    const ls_config *best = ls_config_get(r->info, "best");
    char value[LS_SAY_BYTES];

    if (best)
        ls_text_add(out, "%s (%s %s)", ls_report_text(best, "epoch"), ls_report_text(best, "monitor"),
                    ls_say_measured(ls_report_number(best, "value"), value));
}

void ls_run_test(const ls_run *r, ls_text *out)
{
    const ls_config *test = ls_config_get(r->info, "test");

    for (const ls_config *score = test && test->kind == LS_CONFIG_MAP ? test->first : NULL; score;
         score = score->next) {
        char value[LS_SAY_BYTES];

        ls_text_add(out, "%s%s %s", score == test->first ? "" : ", ", score->key,
                    ls_config_is_null(score) ? "not finite"
                                             : ls_say_measured(ls_report_number(test, score->key), value));
    }
}

bool ls_is_metric(const char *column)
{
    return strcmp(column, "epoch") != 0 && strncmp(column, "noise_scale", 11) != 0 &&
           strcmp(column, "learning_rate") != 0;
}

ls_status ls_run_column(const ls_run *r, const char *name, double **out)
{
    const size_t column = ls_sheet_find(r->history, name);

    *out = NULL;
    if (column == LS_NO_COLUMN)
        return LS_OK;
    if (!(*out = ls_calloc(r->history->rows, sizeof **out, "a column")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < r->history->rows; i++)
        (*out)[i] = ls_sheet_number(r->history, i, column);
    return LS_OK;
}

/* The row of the timings at which this epoch, from 0, ended. */
static size_t find_timing(const ls_sheet *timings, double epoch)
{
    const size_t column = ls_sheet_find(timings, "epochs");

    for (size_t i = 0; timings && i < timings->rows; i++)
        if (ls_sheet_number(timings, i, column) == epoch + 1)
            return i;
    return SIZE_MAX;
}

static ls_status place_epochs(ls_run *r)
{
    static const char *const columns[] = {NULL, "updates", "samples", "seconds"};
    const size_t epoch = ls_sheet_find(r->history, "epoch");
    /* Without timings: every epoch has as many updates, unless the run was stopped within one. */
    const double updates = strcmp(ls_run_text(r, "stopped"), "true") == 0 ? NAN : ls_run_number(r, "updates");
    const double per_epoch = updates / (double)r->history->rows;

    for (int k = 0; k < LS_OVER; k++)
        if (!(r->over[k] = ls_calloc(r->history->rows, sizeof *r->over[k], "the epochs")))
            return LS_ERR_MEMORY;
    for (size_t i = 0; i < r->history->rows; i++) {
        const double number = ls_sheet_number(r->history, i, epoch);
        const size_t row = find_timing(r->timings, number);

        r->over[LS_OVER_EPOCHS][i] = number + 1;
        for (int k = 1; k < LS_OVER; k++)
            r->over[k][i] =
                row != SIZE_MAX ? ls_sheet_number(r->timings, row, ls_sheet_find(r->timings, columns[k])) : NAN;
        if (row == SIZE_MAX)
            r->over[LS_OVER_UPDATES][i] = per_epoch * (double)(i + 1);
    }
    return LS_OK;
}

static ls_status read_history(ls_run *r, char *path)
{
    LS_TRY(ls_sheet_read(path, &r->history));
    LS_TRY(ls_sheet_need_numbers(r->history, path));
    return ls_sheet_need(r->history, path, (const char *const[]){"epoch", NULL});
}

static ls_status read_timings(ls_run *r, char *path)
{
    static const char *const columns[] = {"epochs", "updates", "samples", "seconds", "train_seconds", "ranks", NULL};

    if (!ls_file_exists(path))
        return LS_OK;
    LS_TRY(ls_sheet_read(path, &r->timings));
    return ls_sheet_need(r->timings, path, columns);
}

static ls_status read_info(ls_run *r, char *path)
{
    return ls_file_exists(path) ? ls_report_json(path, &r->info) : LS_OK;
}

static ls_status read_experiment(ls_run *r, char *path)
{
    return ls_experiment_read(path, NULL, 0, &r->experiment);
}

ls_status ls_run_read(const char *directory, ls_run **out)
{
    static const struct {
        const char *file;
        ls_status (*read)(ls_run *run, char *path);
    } parts[] = {{LS_RUN_HISTORY, read_history},
                 {LS_RUN_TIMINGS, read_timings},
                 {LS_RUN_FACTS, read_info},
                 {LS_RUN_EXPERIMENT, read_experiment}};
    ls_run *r = ls_calloc(1, sizeof *r, "the run");
    char *path = NULL;
    ls_status st = LS_OK;

    *out = NULL;
    if (!r)
        return LS_ERR_MEMORY;
    r->directory = directory;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ls_free(path);
        if (!(path = ls_path_join(directory, parts[i].file))) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        LS_TRY_CLEANUP(parts[i].read(r, path));
    }
    r->name = r->experiment->name ? r->experiment->name : directory;
    LS_TRY_CLEANUP(place_epochs(r));
    *out = r;
    r = NULL;
cleanup:
    ls_free(path);
    ls_run_free(r);
    return st;
}

/* ---- step times ---- */

/*
 * Seconds of an update in each piece of the run that these ranks worked on: [timings->rows]. Returns how many pieces.
 */
static size_t steps_on(const ls_sheet *t, double ranks, double *out)
{
    const size_t seconds = ls_sheet_find(t, "train_seconds"), updates = ls_sheet_find(t, "updates"),
                 column = ls_sheet_find(t, "ranks");
    size_t n = 0;

    for (size_t i = 0; i < t->rows; i++) {
        const double done = ls_sheet_number(t, i, updates) - (i ? ls_sheet_number(t, i - 1, updates) : 0);
        const double took = ls_sheet_number(t, i, seconds) - (i ? ls_sheet_number(t, i - 1, seconds) : 0);

        if (ls_sheet_number(t, i, column) == ranks && done > 0 && took > 0)
            out[n++] = took / done;
    }
    return n;
}

ls_status ls_run_times(const ls_run *r, ls_times *times)
{
    const ls_fit_options *fit = &r->experiment->fit;
    const ls_sheet *t = r->timings;
    const size_t column = ls_sheet_find(t, "ranks");
    double *step;
    ls_status st = LS_OK;

    if (!t || t->rows == 0)
        return LS_OK;
    if (!(step = ls_calloc(t->rows, sizeof *step, "times")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < t->rows && st == LS_OK; i++) {
        const double ranks = ls_sheet_number(t, i, column);
        bool known = false;
        size_t pieces;

        for (size_t k = 0; k < i; k++)
            known |= ls_sheet_number(t, k, column) == ranks;
        if (!known && (pieces = steps_on(t, ranks, step)) > 0)
            st =
                ls_times_add(times, &(ls_timed){.ranks = ranks,
                                                .batch_size = (double)fit->batch_size,
                                                .microbatches = ceil((double)fit->batch_size / (double)fit->microbatch),
                                                .step_s = ls_median(step, pieces),
                                                .target_s = NAN});
    }
    ls_free(step);
    return st;
}
