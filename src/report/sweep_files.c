#include "report/sweep_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/experiment.h"
#include "report/files.h"
#include "run/run_files.h"
#include "sweep/fits.h"

static const char batch_size_setting[] = "fit.batch_size";

bool ls_is_sweep(const char *directory)
{
    return ls_report_has(directory, "sweep.json");
}

void ls_swept_free(ls_swept_all *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->combo && i < s->combos; i++)
        ls_free(s->combo[i].title);
    for (size_t i = 0; s->family && i < s->families; i++)
        ls_free(s->family[i].title);
    ls_free(s->combo);
    ls_free(s->family);
    ls_free(s->trial);
    ls_sheet_free(s->trials);
    ls_sheet_free(s->summary);
    ls_config_free(s->about);
    ls_free(s);
}

bool ls_combo_counts(const ls_combo *combo)
{
    return combo->title && !combo->repeats;
}

bool ls_combo_is_feasible(const ls_combo *combo)
{
    return combo->chosen > 0 && combo->reached == combo->chosen;
}

double ls_combo_median(const ls_swept_all *s, size_t combo, size_t field, bool reached)
{
    double *value = ls_calloc(s->n, sizeof *value, "a median"), median = NAN;
    size_t n = 0;

    for (size_t i = 0; value && i < s->n; i++) {
        const ls_swept *t = &s->trial[i];
        const double x = *(const double *)((const char *)t + field);

        if (t->combination == combo && t->chosen && (!reached || t->ending == LS_TRIAL_REACHED) && isfinite(x))
            value[n++] = x;
    }
    if (n > 0)
        median = ls_median(value, n);
    ls_free(value);
    return median;
}

/* ---- trials.csv ---- */

static ls_status read_ending(ls_swept *t, const char *path, size_t row)
{
    for (size_t i = 0; ls_trial_statuses[i]; i++)
        if (strcmp(t->ending_word, ls_trial_statuses[i]) == 0) {
            t->ending = (ls_trial_status)i;
            return LS_OK;
        }
    return ls_fail(LS_ERR_DATA, "'%s', row %zu: a trial is reached, missed, diverged or cut, not '%s'", path, row + 1,
                   t->ending_word);
}

static ls_status read_row(const ls_sheet *sheet, const char *path, size_t row, ls_swept *t)
{
    const struct {
        const char *name;
        double *to;
    } numbers[] = {{"batch_size", &t->batch_size},
                   {"learning_rate", &t->rate},
                   {"seed", &t->seed},
                   {"updates", &t->updates},
                   {"updates_before", &t->updates_before},
                   {"samples", &t->samples},
                   {"epochs", &t->epochs},
                   {"value", &t->value},
                   {"best_value", &t->best_value},
                   {"noise_scale", &t->noise_scale},
                   {"ranks", &t->ranks},
                   {"train_seconds", &t->train_s},
                   {"evaluate_seconds", &t->evaluate_s}};
    const double combination = ls_sheet_number(sheet, row, ls_sheet_find(sheet, "combination"));

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i].to = ls_sheet_number(sheet, row, ls_sheet_find(sheet, numbers[i].name));
    t->id = ls_sheet_text(sheet, row, ls_sheet_find(sheet, "trial"));
    t->fingerprint = ls_sheet_text(sheet, row, ls_sheet_find(sheet, "fingerprint"));
    t->ending_word = ls_sheet_text(sheet, row, ls_sheet_find(sheet, "status"));
    t->searches = strcmp(ls_sheet_text(sheet, row, ls_sheet_find(sheet, "phase")), "search") == 0;
    t->chosen = ls_sheet_number(sheet, row, ls_sheet_find(sheet, "chosen")) == 1;
    if (!(combination >= 1 && combination <= 1e6 && t->batch_size > 0))
        return ls_fail(LS_ERR_DATA, "'%s', row %zu: combination '%s' or batch size '%s' makes no sense", path, row + 1,
                       ls_sheet_text(sheet, row, ls_sheet_find(sheet, "combination")),
                       ls_sheet_text(sheet, row, ls_sheet_find(sheet, "batch_size")));
    t->combination = (size_t)combination - 1;
    return read_ending(t, path, row);
}

static ls_status read_trials(ls_swept_all *s, const char *path)
{
    static const char *const columns[] = {"combination", "chosen",        "batch_size",       "learning_rate",
                                          "seed",        "updates",       "samples",          "epochs",
                                          "value",       "best_value",    "noise_scale",      "updates_before",
                                          "ranks",       "train_seconds", "evaluate_seconds", NULL};

    LS_TRY(ls_sheet_read(path, &s->trials));
    LS_TRY(ls_sheet_need(s->trials, path, columns));
    s->n = s->trials->rows;
    if (!(s->trial = ls_calloc(s->n, sizeof *s->trial, "the trials")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < s->n; i++) {
        LS_TRY(read_row(s->trials, path, i, &s->trial[i]));
        if (s->trial[i].combination + 1 > s->combos)
            s->combos = s->trial[i].combination + 1;
    }
    return LS_OK;
}

/* ---- combinations and families ---- */

/* The varied settings of a trial, without the batch size if `family`. */
static ls_status title_of(const ls_swept_all *s, size_t row, bool family, char **out)
{
    const ls_config *varied = ls_config_get(s->about, "varied");
    ls_text text = {0};

    for (const ls_config *v = varied ? varied->first : NULL; v; v = v->next) {
        const size_t column = ls_sheet_find(s->trials, v->text ? v->text : "");

        if (column == LS_NO_COLUMN ||
            (family && (strcmp(v->text, batch_size_setting) == 0 || strcmp(v->text, "ranks") == 0)))
            continue;
        ls_text_add(&text, "%s%s %s", text.length ? ", " : "",
                    strcmp(v->text, batch_size_setting) == 0 ? "batch size" : v->text,
                    ls_sheet_text(s->trials, row, column));
    }
    ls_text_add(&text, "%s", "");
    *out = text.data;
    return text.status;
}

static ls_status find_family(ls_swept_all *s, size_t row, size_t *out)
{
    char *title;

    LS_TRY(title_of(s, row, true, &title));
    for (*out = 0; *out < s->families; ++*out)
        if (strcmp(s->family[*out].title, title) == 0) {
            ls_free(title);
            return LS_OK;
        }
    s->family[s->families++].title = title;
    return LS_OK;
}

static double microbatches_of(const ls_swept_all *s, const ls_swept *t)
{
    ls_experiment *experiment = NULL;
    ls_text path = {0};
    double count = NAN;

    ls_text_add(&path, "%s/trials/%s/" LS_RUN_EXPERIMENT, s->directory, t->id);
    if (path.status == LS_OK && ls_file_exists(path.data) &&
        ls_experiment_read(path.data, NULL, 0, &experiment) == LS_OK)
        count = ceil((double)experiment->fit.batch_size / (double)experiment->fit.microbatch);
    ls_experiment_free(experiment);
    ls_text_reset(&path);
    return count;
}

static ls_status make_combos(ls_swept_all *s)
{
    if (!(s->combo = ls_calloc(s->combos, sizeof *s->combo, "the combinations")) ||
        !(s->family = ls_calloc(s->combos, sizeof *s->family, "the combinations")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];
        ls_combo *c = &s->combo[t->combination];

        if (!c->title) {
            LS_TRY(title_of(s, i, false, &c->title));
            LS_TRY(find_family(s, i, &c->family));
            c->batch_size = t->batch_size;
            c->microbatches = microbatches_of(s, t);
        }
        c->chosen += t->chosen;
        c->reached += t->chosen && t->ending == LS_TRIAL_REACHED;
    }
    for (size_t i = 0; i < s->combos; i++) {
        bool known = !s->combo[i].title; /* no trial of it is finished */

        for (size_t k = 0; k < i; k++) {
            known |= s->combo[k].batch_size == s->combo[i].batch_size;
            s->combo[i].repeats |= s->combo[k].title && s->combo[k].batch_size == s->combo[i].batch_size &&
                                   s->combo[k].family == s->combo[i].family;
        }
        s->batch_sizes += !known;
    }
    return LS_OK;
}

ls_status ls_swept_times(const ls_swept_all *s, ls_times *times)
{
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];
        const ls_combo *c = &s->combo[t->combination];

        if (t->ranks >= 1 && t->train_s > 0 && t->updates > 0 && c->microbatches >= 1)
            LS_TRY(ls_times_add(
                times, &(ls_timed){.ranks = t->ranks,
                                   .batch_size = t->batch_size,
                                   .microbatches = c->microbatches,
                                   .step_s = t->train_s / t->updates,
                                   .target_s = t->chosen && t->ending == LS_TRIAL_REACHED ? t->train_s : NAN}));
    }
    return LS_OK;
}

static ls_status read_about(ls_swept_all *s, const char *path)
{
    LS_TRY(ls_report_json(path, &s->about));
    s->has_target = isfinite(ls_report_number(s->about, "target"));
    s->tuned = strcmp(ls_report_text(s->about, "protocol"), "tuned") == 0;
    s->up = strcmp(ls_report_text(s->about, "direction"), "up") == 0;
    s->label = ls_report_text(s->about, "label");
    s->monitor = ls_report_text(s->about, "monitor");
    s->note = s->tuned ? NULL : s->label;
    return LS_OK;
}

static ls_status read_summary(ls_swept_all *s, const char *path)
{
    return ls_sheet_read(path, &s->summary);
}

ls_status ls_swept_read(const char *directory, ls_swept_all **out)
{
    static const struct {
        const char *file;
        ls_status (*read)(ls_swept_all *sweep, const char *path);
    } parts[] = {{"sweep.json", read_about}, {"trials.csv", read_trials}, {"summary.csv", read_summary}};
    ls_swept_all *s = ls_calloc(1, sizeof *s, "the sweep");
    char *path = NULL;
    ls_status st = LS_OK;

    *out = NULL;
    if (!s)
        return LS_ERR_MEMORY;
    s->directory = directory;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ls_free(path);
        if (!(path = ls_path_join(directory, parts[i].file))) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        LS_TRY_CLEANUP(parts[i].read(s, path));
    }
    LS_TRY_CLEANUP(make_combos(s));
    *out = s;
    s = NULL;
cleanup:
    ls_free(path);
    ls_swept_free(s);
    return st;
}
