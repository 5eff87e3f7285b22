#include "report/sweep_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/files.h"
#include "report/run_page.h"
#include "report/say.h"
#include "report/sweep_batch.h"
#include "report/sweep_curves.h"
#include "report/sweep_search.h"
#include "run/run_files.h"

#define SUMMARY_COLUMNS 10 /* at most */

/* ---- the head ---- */

static void add_list(const ls_config *list, ls_text *out)
{
    for (const ls_config *c = list ? list->first : NULL; c; c = c->next)
        ls_text_add(out, "%s%s", out->length ? ", " : "", c->text ? c->text : "");
}

static ls_status add_head(ls_document *d, const ls_swept_all *s)
{
    const ls_config *a = s->about;
    char text[LS_SAY_BYTES];
    ls_text line = {0};

    if (s->tuned)
        ls_document_say(d, "Protocol: %s.", s->label);
    else
        ls_document_note(
            d,
            "Not tuned for each combination: %s. What is best here need not be best at another learning rate "
            "or budget; all figures that compare say so.",
            s->label);
    if (strcmp(ls_report_text(a, "reproducible"), "false") == 0)
        ls_document_note(
            d, "The budget is in seconds: on another machine the trials end elsewhere, with other fingerprints.");
    ls_page_facts_begin(&d->page);
    ls_page_fact(&d->page, "Directory", s->directory);
    add_list(ls_config_get(a, "varied"), &line);
    ls_page_fact(&d->page, "Varied", line.length ? line.data : NULL);
    line.length = 0;
    add_list(ls_config_get(a, "seeds"), &line);
    ls_page_fact(&d->page, "Seeds", line.length ? line.data : NULL);
    line.length = 0;
    ls_text_add(&line, "%s, %s is better", s->monitor, s->up ? "larger" : "smaller");
    if (s->has_target)
        ls_text_add(&line, "; target %s", ls_report_text(a, "target"));
    ls_page_fact(&d->page, "Judged by", line.data);
    line.length = 0;
    ls_text_add(&line, "%s %s", ls_say(ls_report_number(a, "budget"), text), ls_report_text(a, "budget_unit"));
    ls_page_fact(&d->page, "Budget of a trial", *ls_report_text(a, "budget") ? line.data : "the experiment's epochs");
    line.length = 0;
    ls_text_add(&line, "%s for training", ls_say_count(ls_report_number(a, "training_samples"), text));
    ls_text_add(&line, ", %s for validation", ls_say_count(ls_report_number(a, "validation_samples"), text));
    ls_page_fact(&d->page, "Samples", line.data);
    ls_page_fact(&d->page, "Data", ls_report_text(a, "data"));
    line.length = 0;
    ls_text_add(&line, "lockstep %s, arithmetic %s", ls_report_text(a, "lockstep"), ls_report_text(a, "arithmetic"));
    ls_page_fact(&d->page, "Versions", line.data);
    line.length = 0;
    ls_text_add(&line, "%zu finished, of %s combinations", s->n, ls_report_text(a, "combinations"));
    ls_page_fact(&d->page, "Trials", line.data);
    ls_page_table_end(&d->page);
    ls_text_reset(&line);
    return d->page.status;
}

/* ---- the summary ---- */

/* "300 (250 to 360)" of the columns NAME_median, …; one number if they are all the same. */
static const char *spread(const ls_sheet *t, size_t row, const char *name, const char *(*say)(double value, char *out),
                          char out[4 * LS_SAY_BYTES])
{
    static const char *const parts[] = {"median", "min", "max"};
    double value[3];
    char column[64], text[3][LS_SAY_BYTES];

    for (int i = 0; i < 3; i++) {
        snprintf(column, sizeof column, "%s_%s", name, parts[i]);
        value[i] = ls_sheet_number(t, row, ls_sheet_find(t, column));
        say(value[i], text[i]);
    }
    if (value[1] == value[2] || isnan(value[1]))
        snprintf(out, 4 * LS_SAY_BYTES, "%s", text[0]);
    else
        snprintf(out, 4 * LS_SAY_BYTES, "%s (%s to %s)", text[0], text[1], text[2]);
    return out;
}

/* Does any row have a value there? */
static bool is_known(const ls_sheet *t, const char *name)
{
    const size_t column = ls_sheet_find(t, name);

    for (size_t i = 0; i < t->rows; i++)
        if (*ls_sheet_text(t, i, column))
            return true;
    return false;
}

static const char *text_of(const ls_sheet *t, size_t row, const char *name)
{
    return ls_sheet_text(t, row, ls_sheet_find(t, name));
}

static double number_of(const ls_sheet *t, size_t row, const char *name)
{
    return ls_sheet_number(t, row, ls_sheet_find(t, name));
}

static void add_summary_row(ls_document *d, const ls_swept_all *s, size_t row, bool searched, bool noise)
{
    const ls_sheet *t = s->summary;
    const double number = number_of(t, row, "combination");
    const size_t combo = number >= 1 && number <= (double)s->combos ? (size_t)number - 1 : 0;
    char reached[LS_SAY_BYTES], updates[4 * LS_SAY_BYTES], samples[4 * LS_SAY_BYTES], value[LS_SAY_BYTES],
        scale[LS_SAY_BYTES], time[LS_SAY_BYTES];
    const char *cell[SUMMARY_COLUMNS];
    size_t n = 0;

    cell[n++] = s->combo[combo].title;
    cell[n++] = text_of(t, row, "learning_rate");
    if (searched) {
        cell[n++] = text_of(t, row, "rates_tried");
        cell[n++] = text_of(t, row, "edge");
    }
    snprintf(reached, sizeof reached, "%s of %s", text_of(t, row, "reached"), text_of(t, row, "seeds"));
    cell[n++] = s->has_target ? reached : text_of(t, row, "seeds");
    cell[n++] = spread(t, row, "updates", ls_say_count, updates);
    cell[n++] = spread(t, row, "samples", ls_say_count, samples);
    cell[n++] = ls_say_measured(number_of(t, row, "best_value_median"), value);
    if (noise)
        cell[n++] = ls_say_count(number_of(t, row, "noise_scale_median"), scale);
    cell[n++] = ls_say_seconds(number_of(t, row, "train_seconds_median"), time);
    ls_page_row(&d->page, cell, n);
}

static void add_summary(ls_document *d, const ls_swept_all *s)
{
    const bool searched = is_known(s->summary, "rates_tried"), noise = is_known(s->summary, "noise_scale_median");
    const char *head[SUMMARY_COLUMNS];
    size_t n = 0;

    head[n++] = "Combination";
    head[n++] = "Learning rate";
    if (searched) {
        head[n++] = "Rates tried";
        head[n++] = "Best at edge";
    }
    head[n++] = s->has_target ? "Reached it" : "Seeds";
    head[n++] = "Updates";
    head[n++] = "Samples";
    head[n++] = "Best value";
    if (noise)
        head[n++] = "Noise scale";
    head[n++] = "Time in updates";
    ls_document_heading(d, "Summary");
    if (s->note)
        ls_document_note(d, "In this table: %s.", s->note);
    ls_page_table_begin(&d->page, head, n);
    for (size_t i = 0; i < s->summary->rows; i++)
        add_summary_row(d, s, i, searched, noise);
    ls_page_table_end(&d->page);
    ls_document_say(d, "Medians over seeds, with the smallest and the largest in parentheses%s.",
                    s->has_target ? "; of trials that reached the target, where there are some" : "");
}

/* ---- any settings ---- */

/* One row per combination: seeds and median of a number. */
static ls_status draw_dots(ls_document *d, const ls_swept_all *s, const char *name, const char *axis, size_t field,
                           bool reached, const char *caption)
{
    const char **row = ls_calloc(s->combos, sizeof *row, "a figure");
    ls_text title = {0};
    ls_plot plot = {0};
    ls_status st = row ? LS_OK : LS_ERR_MEMORY;

    ls_text_add(&title, "%s of every combination%s%s", axis, s->note ? ": " : "", s->note ? s->note : "");
    if (st == LS_OK)
        st = title.status;
    if (st == LS_OK) {
        for (size_t c = 0; c < s->combos; c++)
            row[c] = s->combo[c].title ? s->combo[c].title : "";
        plot.figure.name = name;
        plot.figure.title = title.data;
        plot.figure.x = (ls_axis){.label = axis};
        plot.figure.y = (ls_axis){.label = "", .name = row, .names = s->combos};
        ls_plot_series(&plot, LS_MARK_OPEN, 0, "one seed");
        for (size_t i = 0; i < s->n; i++)
            if (s->trial[i].chosen && (!reached || s->trial[i].ending == LS_TRIAL_REACHED))
                ls_plot_point(&plot, *(const double *)((const char *)&s->trial[i] + field),
                              (double)s->trial[i].combination + 1);
        ls_plot_series(&plot, LS_MARK_POINTS, 1, "median");
        for (size_t c = 0; c < s->combos; c++)
            ls_plot_point(&plot, ls_combo_median(s, c, field, reached), (double)c + 1);
        st = ls_document_plot(d, &plot, caption);
    }
    ls_text_reset(&title);
    ls_free(row);
    return st;
}

static ls_status draw_combinations(ls_document *d, const ls_swept_all *s)
{
    if (s->families < 2) /* then the batch size says it all */
        return LS_OK;
    ls_document_heading(d, "All combinations");
    ls_document_grid_begin(d);
    LS_TRY(draw_dots(d, s, "combinations_value", s->monitor, offsetof(ls_swept, best_value), false,
                     "The best value each trial saw."));
    if (s->has_target)
        LS_TRY(draw_dots(d, s, "combinations_updates", "updates to the target", offsetof(ls_swept, updates), true,
                         "Of trials that reached the target; a row without points has none."));
    ls_document_grid_end(d);
    return LS_OK;
}

/* ---- scaling ---- */

static ls_status draw_scaling(ls_document *d, const ls_swept_all *s, ls_times *times)
{
    ls_need *need = ls_calloc(s->combos, sizeof *need, "times");
    size_t n = 0;
    ls_status st = need ? ls_swept_times(s, times) : LS_ERR_MEMORY;

    for (size_t c = 0; st == LS_OK && c < s->combos && s->families == 1; c++)
        if (ls_combo_counts(&s->combo[c]) && ls_combo_is_feasible(&s->combo[c]) && s->combo[c].microbatches >= 1)
            need[n++] = (ls_need){s->combo[c].batch_size, s->combo[c].microbatches,
                                  ls_combo_median(s, c, offsetof(ls_swept, updates), true)};
    if (st == LS_OK)
        st = ls_scaling_draw(d, times, need, n);
    ls_free(need);
    return st;
}

/* ---- trials ---- */

static void add_trials(ls_document *d, const ls_swept_all *s)
{
    static const char *const head[] = {"Trial",       "Combination", "Learning rate",  "Seed",   "Ended",
                                       "Counts",      "Updates",     "Samples",        "Epochs", "Best value",
                                       "Fingerprint", "Ranks",       "Time in updates"};

    ls_document_heading(d, "All trials");
    ls_page_table_begin(&d->page, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];
        char text[8][LS_SAY_BYTES];

        ls_page_row(&d->page,
                    (const char *const[]){t->id, s->combo[t->combination].title, ls_say(t->rate, text[0]),
                                          ls_sheet_text(s->trials, i, ls_sheet_find(s->trials, "seed")), t->ending_word,
                                          t->chosen ? "yes" : "", ls_say_count(t->updates, text[1]),
                                          ls_say_count(t->samples, text[2]), ls_say(t->epochs, text[3]),
                                          ls_say_measured(t->best_value, text[4]), t->fingerprint,
                                          ls_say_count(t->ranks, text[5]), ls_say_seconds(t->train_s, text[6])},
                    sizeof head / sizeof head[0]);
    }
    ls_page_table_end(&d->page);
    ls_document_say(
        d, "Ended: reached the target; missed it, or there is none, when the budget was used up; diverged; or cut, "
           "after as many updates as a better rate needed. Counts: in the summary and the figures; the others "
           "were tried by a search and lost.");
}

static ls_status add_commands(ls_document *d, const ls_swept_all *s)
{
    ls_text directory = {0}, text = {0};
    ls_status st;

    ls_say_shell(&directory, s->directory);
    ls_document_heading(d, "To do it again");
    ls_document_say(d,
                    "Trains a finished trial again, under mpirun on any number of ranks, and compares fingerprints:");
    for (size_t i = 0; i < s->n && directory.status == LS_OK; i++)
        ls_text_add(&text, "lockstep sweep %s/sweep.yaml --output %s --repeat %s   # %s\n", directory.data,
                    directory.data, s->trial[i].id,
                    *s->trial[i].fingerprint ? s->trial[i].fingerprint : s->trial[i].ending_word);
    st = text.status ? text.status : directory.status;
    if (st == LS_OK && text.data)
        ls_page_element(&d->page, "pre", text.data);
    ls_text_reset(&directory);
    ls_text_reset(&text);
    return st;
}

static ls_status add_files(ls_document *d, const ls_swept_all *s)
{
    static const char *const files[] = {"sweep.yaml", "base.yaml"}, *const titles[] = {"The sweep", "Its experiment"};
    ls_status st = LS_OK;

    for (int i = 0; i < 2 && st == LS_OK; i++) {
        char *path = ls_path_join(s->directory, files[i]);
        ls_text text = {0};

        if (!path)
            return LS_ERR_MEMORY;
        if (ls_file_exists(path) && (st = ls_report_read(path, &text)) == LS_OK && text.data) {
            ls_document_heading(d, titles[i]);
            ls_page_element(&d->page, "pre", text.data);
        }
        ls_text_reset(&text);
        ls_free(path);
    }
    return st;
}

/* Of the first trial; combinations may change it. */
static ls_status draw_model(ls_document *d, const ls_swept_all *s)
{
    ls_experiment *experiment = NULL;
    ls_text path = {0};
    ls_status st;

    if (s->n == 0)
        return LS_OK;
    ls_text_add(&path, "%s/trials/%s/" LS_RUN_EXPERIMENT, s->directory, s->trial[0].id);
    LS_TRY_CLEANUP(path.status);
    if (ls_file_exists(path.data)) {
        LS_TRY_CLEANUP(ls_experiment_read(path.data, NULL, 0, &experiment));
        LS_TRY_CLEANUP(ls_model_draw(d, experiment));
    }
cleanup:
    ls_experiment_free(experiment);
    ls_text_reset(&path);
    return st;
}

ls_status ls_swept_page(ls_document *d, const ls_swept_all *s, ls_times *times)
{
    LS_TRY(add_head(d, s));
    if (s->n == 0) {
        ls_document_note(d, "No trial has finished.");
        return add_files(d, s);
    }
    add_summary(d, s);
    LS_TRY(ls_swept_batch_draw(d, s));
    LS_TRY(draw_combinations(d, s));
    LS_TRY(ls_swept_search_draw(d, s));
    LS_TRY(draw_scaling(d, s, times));
    LS_TRY(ls_swept_curves_draw(d, s));
    LS_TRY(draw_model(d, s));
    add_trials(d, s);
    LS_TRY(add_commands(d, s));
    return add_files(d, s);
}
