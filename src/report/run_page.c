#include "report/run_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "nn/graphviz.h"
#include "nn/summary.h"
#include "report/files.h"
#include "report/say.h"
#include "report/tool.h"
#include "report/weights.h"
#include "run/run_files.h"
#include "train/task.h"

#define EPOCHS_MAX 100 /* rows of the table of epochs */

/* ---- the head ---- */

static void add_hosts(const ls_run *run, ls_text *out)
{
    const ls_config *hosts = ls_config_get(run->info, "hosts");
    size_t n = 0;

    for (const ls_config *host = hosts ? hosts->first : NULL; host; host = host->next, n++)
        if (n < 16)
            ls_text_add(out, "%s%s (%s)", n ? ", " : "", ls_report_text(host, "name"), ls_report_text(host, "ranks"));
    if (n > 16)
        ls_text_add(out, " and %zu more", n - 16);
}

static void data_of(const ls_experiment *e, ls_text *out)
{
    for (size_t i = 0; i < e->data.splits; i++) {
        const ls_split_spec *s = &e->data.split[i];

        if (s->xs == 0)
            continue;
        ls_text_add(out, "%s%s: %s%s", out->length ? "; " : "", s->name, s->x[0].file, s->x[0].path);
        if (s->has_rows)
            ls_text_add(out, ", rows %" PRIu64 " to %" PRIu64, s->rows[0], s->rows[1]);
    }
}

static ls_status add_head(ls_document *d, const ls_run *run)
{
    const ls_fit_options *fit = &run->experiment->fit;
    const double updates = ls_run_number(run, "updates"), redone = ls_run_number(run, "redone_steps");
    char text[LS_SAY_BYTES], number[LS_SAY_BYTES];
    ls_text line = {0};

    if (!run->info)
        ls_document_note(
            d, "This run has not ended: there is no run.json. What follows is as of its last finished epoch.");
    else if (strcmp(ls_run_text(run, "stopped"), "true") == 0)
        ls_document_note(d, "This run was stopped by a signal; it can go on with --resume.");
    ls_page_facts_begin(&d->page);
    ls_page_fact(&d->page, "Fingerprint", ls_run_text(run, "fingerprint"));
    ls_page_fact(&d->page, "Directory", run->directory);
    ls_text_add(&line, "%s epochs, %s updates", ls_run_text(run, "epochs"), ls_say_count(updates, text));
    if (redone > 0)
        ls_text_add(&line, " (%s done twice on a finer grid)", ls_say_count(redone, number));
    ls_page_fact(&d->page, "Trained", run->info ? line.data : NULL);
    line.length = 0;
    ls_run_best(run, &line);
    ls_page_fact(&d->page, "Best epoch", line.length ? line.data : NULL);
    line.length = 0;
    ls_run_test(run, &line);
    ls_page_fact(&d->page, "Test", line.length ? line.data : NULL);
    line.length = 0;
    ls_text_add(&line, "%" PRId64 " samples in microbatches of %" PRId64, fit->batch_size, fit->microbatch);
    ls_page_fact(&d->page, "Batch", line.data);
    ls_page_fact(&d->page, "Seed", ls_run_text(run, "seed"));
    ls_page_fact(&d->page, "Time of the last start", ls_say_seconds(ls_run_number(run, "seconds"), text));
    ls_page_fact(&d->page, "Finished", ls_run_text(run, "finished"));
    ls_page_fact(&d->page, "Ranks", ls_run_text(run, "ranks"));
    line.length = 0;
    add_hosts(run, &line);
    ls_page_fact(&d->page, "Hosts (ranks)", line.length ? line.data : NULL);
    ls_page_fact(&d->page, "Reduction", ls_run_text(run, "reduction"));
    line.length = 0;
    if (run->info)
        ls_text_add(&line, "lockstep %s, %s", ls_run_text(run, "lockstep"), ls_run_text(run, "mpi"));
    ls_page_fact(&d->page, "Versions", line.length ? line.data : NULL);
    ls_page_fact(&d->page, "Arithmetic", ls_run_text(run, "arithmetic"));
    line.length = 0;
    data_of(run->experiment, &line);
    ls_page_fact(&d->page, "Data", line.length ? line.data : NULL);
    ls_page_table_end(&d->page);
    ls_text_reset(&line);
    return d->page.status;
}

/* DIRECTORY + suffix as a word of a shell. */
static void add_path(ls_text *out, const ls_run *run, const char *suffix)
{
    ls_text path = {0};

    ls_text_add(&path, "%s%s", run->directory, suffix);
    if (path.status == LS_OK)
        ls_say_shell(out, path.data);
    else
        out->status = path.status;
    ls_text_reset(&path);
}

void ls_run_command(const ls_run *run, ls_text *out)
{
    const char *const kernel = ls_run_text(run, "blas_kernel");
    const double ranks = ls_run_number(run, "ranks");

    if (ranks > 1)
        ls_text_add(out, "mpirun -n %.0f ", ranks);
    ls_text_add(out, "lockstep train ");
    add_path(out, run, "/" LS_RUN_EXPERIMENT);
    ls_text_add(out, " --output ");
    add_path(out, run, "-again");
    if (*kernel)
        ls_text_add(out, " --set distributed.arithmetic=openblas --set distributed.blas_kernel=%s", kernel);
    ls_text_add(out, "\nlockstep compare ");
    add_path(out, run, "/" LS_RUN_MODEL);
    ls_text_add(out, " ");
    add_path(out, run, "-again/" LS_RUN_MODEL);
    ls_text_add(out, "\n");
}

static void add_commands(ls_document *d, const ls_run *run)
{
    ls_text text = {0};

    ls_run_command(run, &text);
    ls_document_heading(d, "To do it again");
    if (text.status == LS_OK)
        ls_page_element(&d->page, "pre", text.data);
    ls_document_say(d, "%s",
                    strcmp(ls_run_text(run, "reduction"), "fast") == 0
                        ? "Reduction fast gives the same bits on the same number of ranks only."
                        : "Any number of ranks gives the same fingerprint, with the same version of lockstep and the "
                          "same kernels.");
    ls_text_reset(&text);
}

/* ---- curves ---- */

static ls_status draw_metric(ls_document *d, const ls_run *run, const char *metric)
{
    const bool is_loss = strcmp(metric, "loss") == 0;
    ls_text name = {0};
    double *train = NULL, *validation = NULL;
    ls_curve curve[2] = {{.title = "training", .color = 0}, {.title = "validation", .color = 1}};
    ls_status st;

    ls_text_add(&name, "val_%s", metric);
    LS_TRY_CLEANUP(name.status);
    LS_TRY_CLEANUP(ls_run_column(run, metric, &train));
    LS_TRY_CLEANUP(ls_run_column(run, name.data, &validation));
    for (int k = 0; k < 2; k++) {
        curve[k].n = run->history->rows;
        curve[k].value = k ? validation : train;
        for (int over = 0; over < LS_OVER; over++)
            curve[k].over[over] = run->over[over];
    }
    ls_page_element(&d->page, "h3", metric);
    st =
        ls_curves_draw(d, metric, NULL, curve, validation ? 2 : 1,
                       !is_loss     ? NULL
                       : validation ? "Training loss is the mean over an epoch while the weights change; validation is "
                                      "measured at its end. Validation that rises while training falls is overfitting."
                                    : "The mean over each epoch, while the weights change.");
cleanup:
    ls_text_reset(&name);
    ls_free(train);
    ls_free(validation);
    return st;
}

static ls_status draw_metrics(ls_document *d, const ls_run *run)
{
    const ls_sheet *h = run->history;

    ls_document_heading(d, "Course of training");
    if (h->rows == 0) {
        ls_document_say(d, "No epoch has ended.");
        return LS_OK;
    }
    if (!run->timings)
        ls_document_say(d, "Without timings.csv, which does not cover this run from its beginning, there are no curves "
                           "over samples and wall time.");
    if (ls_sheet_find(h, "loss") != LS_NO_COLUMN)
        LS_TRY(draw_metric(d, run, "loss"));
    for (size_t c = 0; c < h->columns; c++)
        if (ls_is_metric(h->name[c]) && strncmp(h->name[c], "val_", 4) != 0 && strcmp(h->name[c], "loss") != 0)
            LS_TRY(draw_metric(d, run, h->name[c]));
    return LS_OK;
}

static ls_status draw_learning_rate(ls_document *d, const ls_run *run)
{
    double *rate;
    ls_plot plot = {.figure = {.name = "learning_rate",
                               .title = "learning rate over epochs",
                               .x = {.label = "epochs", .zero = true},
                               .y = {.label = "learning rate", .zero = true}}};
    ls_status st = LS_OK;

    LS_TRY(ls_run_column(run, "learning_rate", &rate));
    if (rate) {
        ls_document_heading(d, "Learning rate");
        ls_plot_series(&plot, LS_MARK_LINE_POINTS, 0, NULL);
        for (size_t i = 0; i < run->history->rows; i++)
            ls_plot_point(&plot, run->over[LS_OVER_EPOCHS][i], rate[i]);
        st = ls_document_plot(d, &plot, "As logged at the end of each epoch.");
    }
    ls_free(rate);
    return st;
}

static ls_status draw_noise_scale(ls_document *d, const ls_run *run)
{
    static const char *const columns[] = {"noise_scale", "noise_scale_low", "noise_scale_high"};
    double *value[3] = {NULL};
    ls_plot plot = {.figure = {.name = "noise_scale",
                               .title = "gradient noise scale over epochs",
                               .x = {.label = "epochs", .zero = true},
                               .y = {.label = "noise scale (samples)", .scale = LS_SCALE_LOG}}};
    ls_status st = LS_OK;

    for (int k = 0; k < 3; k++)
        LS_TRY_CLEANUP(ls_run_column(run, columns[k], &value[k]));
    if (!value[0] || !value[1] || !value[2])
        goto cleanup;
    ls_document_heading(d, "Gradient noise scale");
    ls_plot_series(&plot, LS_MARK_INTERVALS, 0, "noise scale, with its 95 %% interval");
    for (size_t i = 0; i < run->history->rows; i++)
        ls_plot_interval(&plot, run->over[LS_OVER_EPOCHS][i], value[0][i], value[1][i], value[2][i]);
    if (ls_plot_is_empty(&plot)) {
        ls_document_say(d,
                        "fit.noise_scale is on, but the noise scale stayed undetermined: the gradient drowned in its "
                        "noise, or there were too few updates.");
        goto cleanup;
    }
    ls_plot_series(&plot, LS_MARK_DASHED, 6, "batch size of this run");
    for (size_t i = 0; i < run->history->rows; i++)
        ls_plot_point(&plot, run->over[LS_OVER_EPOCHS][i], (double)run->experiment->fit.batch_size);
    st = ls_document_plot(d, &plot,
                          "Up to about this batch size a larger batch buys fewer updates (McCandlish et al. 2018); it "
                          "usually grows during training. Epochs without a point: undetermined.");
cleanup:
    for (int k = 0; k < 3; k++)
        ls_free(value[k]);
    ls_plot_reset(&plot);
    return st;
}

/* ---- the model ---- */

static ls_status draw_graph(ls_document *d, const ls_model *model)
{
    ls_text dot = {0};
    char *path = ls_path_join(d->figures, "model.dot");
    ls_status st = path ? ls_graphviz_write(model, &dot) : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = ls_file_replace(path, dot.data, dot.length);
    for (int i = 0; i < 2 && st == LS_OK; i++) {
        const char *type[] = {"-Tsvg", "-Tpng"}, *to[] = {"model.svg", "model.png"};

        st = ls_tool_run(d->figures, (const char *const[]){"dot", type[i], "model.dot", "-o", to[i], NULL}, "graphviz",
                         NULL);
    }
    if (st == LS_OK)
        st = ls_page_figure(&d->page, d->figures, d->link, "model", "the graph of the model",
                            "Each box is one call of a layer. Dashed boxes share their weights.", true);
    ls_text_reset(&dot);
    ls_free(path);
    return st;
}

static void add_layers(ls_document *d, const ls_model *model)
{
    static const char *const head[] = {"Layer", "Class", "Output shape", "Parameters"};
    char shape[LS_SHAPE_TEXT_BYTES], count[LS_NUMBER_BYTES], total[LS_NUMBER_BYTES];

    ls_page_table_begin(&d->page, head, 4);
    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];
        const char *const cell[] = {layer->name, ls_layer_class(layer), ls_shape_format_batch(&layer->out_shape, shape),
                                    ls_format_count(ls_layer_count(layer), count)};

        ls_page_row(&d->page, cell, 4);
    }
    ls_page_table_end(&d->page);
    ls_document_say(d, "%s parameters, of which %s are trained.", ls_format_count(model->count, total),
                    ls_format_count(model->trainable_count, count));
}

ls_status ls_model_draw(ls_document *d, const ls_experiment *experiment)
{
    ls_model *model = NULL;
    ls_status st;

    ls_document_heading(d, "Model");
    LS_TRY(ls_task_model(experiment, &model));
    add_layers(d, model);
    st = draw_graph(d, model);
    ls_model_free(model);
    return st;
}

/* ---- the profile ---- */

static void add_phase(ls_document *d, const ls_config *phase, double all_s, bool several)
{
    char mean[LS_SAY_BYTES], share[LS_SAY_BYTES], least[2 * LS_SAY_BYTES], most[2 * LS_SAY_BYTES], number[LS_SAY_BYTES];
    const char *const cell[] = {phase->key, mean, share, least, most};
    const double mean_s = ls_report_number(phase, "seconds");

    if (!(ls_report_number(phase, "most") > 0))
        return;
    ls_say_seconds(mean_s, mean);
    ls_format(share, sizeof share, "%.1f %%", 100 * mean_s / all_s);
    snprintf(least, sizeof least, "%s (%s)", ls_say_seconds(ls_report_number(phase, "least"), number),
             ls_report_text(phase, "least_rank"));
    snprintf(most, sizeof most, "%s (%s)", ls_say_seconds(ls_report_number(phase, "most"), number),
             ls_report_text(phase, "most_rank"));
    ls_page_row(&d->page, cell, several ? 5 : 3);
}

/* What `train --profile` left in run.json. */
static void add_profile(ls_document *d, const ls_run *run)
{
    static const char *const head[] = {"Phase", "Mean of the ranks", "Share", "Least (rank)", "Most (rank)"};
    const ls_config *const profile = ls_config_get(run->info, "profile"), *phases = ls_config_get(profile, "phases");
    const double all_s = ls_report_number(ls_config_get(phases, "all"), "seconds");
    const bool several = ls_run_number(run, "ranks") > 1;
    char number[LS_SAY_BYTES], text[LS_SAY_BYTES];

    if (!phases || !(all_s > 0))
        return;
    ls_document_heading(d, "Where the time went");
    ls_page_table_begin(&d->page, head, several ? 5 : 3);
    for (const ls_config *phase = phases->first; phase; phase = phase->next)
        add_phase(d, phase, all_s, several);
    ls_page_table_end(&d->page);
    ls_document_say(d, "%s samples per second over %s updates. When each rank did what: %s, for ui.perfetto.dev.",
                    ls_say_count(ls_report_number(profile, "samples_per_second"), number),
                    ls_say_count(ls_report_number(profile, "updates"), text), LS_RUN_TIMELINE);
    if (!several)
        return;
    ls_format(number, sizeof number, "%.0f", 100 * ls_report_number(profile, "communication_hidden"));
    ls_document_say(d, "Communication was under way for %s, of which %s %% were hidden behind other work.",
                    ls_say_seconds(ls_report_number(profile, "communication_seconds"), text), number);
    ls_format(number, sizeof number, "%.1f", 100 * ls_report_number(profile, "efficiency"));
    ls_format(text, sizeof text, "%.1f", 100 * ls_report_number(profile, "slowest_by"));
    ls_document_say(
        d,
        "Of the time of all ranks in updates %s %% was work, the rest waiting and adding up; rank %s had most "
        "of it, %s %% more than the mean.",
        number, ls_report_text(profile, "slowest_rank"), text);
}

/* ---- tables and texts ---- */

static bool is_empty(const ls_sheet *sheet, size_t column)
{
    for (size_t i = 0; i < sheet->rows; i++)
        if (!isnan(ls_sheet_number(sheet, i, column)))
            return false;
    return true;
}

static ls_status add_epochs(ls_document *d, const ls_run *run)
{
    const ls_sheet *h = run->history;
    const size_t every = h->rows / EPOCHS_MAX + 1;
    size_t columns = h->columns + LS_OVER;
    const char **cell = ls_calloc(columns, sizeof *cell, "the table of epochs");
    char(*text)[LS_SAY_BYTES] = ls_calloc(columns, sizeof *text, "the table of epochs");
    const size_t epoch = ls_sheet_find(h, "epoch");
    ls_status st = cell && text ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK && h->rows > 0) {
        size_t k = LS_OVER;

        ls_document_heading(d, "Epochs");
        if (every > 1)
            ls_document_say(d, "Every %zuth of %zu epochs, and the last; all are in history.csv.", every, h->rows);
        cell[0] = "Epoch", cell[1] = "Updates", cell[2] = "Samples", cell[3] = "Time";
        for (size_t c = 0; c < h->columns; c++)
            if (c != epoch && !is_empty(h, c))
                cell[k++] = h->name[c];
        columns = k;
        ls_page_table_begin(&d->page, cell, columns);
        for (size_t i = 0; i < h->rows; i++) {
            if (i % every != 0 && i + 1 != h->rows)
                continue;
            k = LS_OVER;
            for (size_t over = 0; over < LS_OVER_SECONDS; over++)
                cell[over] = ls_say_count(run->over[over][i], text[over]);
            cell[LS_OVER_SECONDS] = ls_say_seconds(run->over[LS_OVER_SECONDS][i], text[LS_OVER_SECONDS]);
            for (size_t c = 0; c < h->columns; c++)
                if (c != epoch && !is_empty(h, c)) {
                    cell[k] = ls_say_measured(ls_sheet_number(h, i, c), text[k]);
                    k++;
                }
            ls_page_row(&d->page, cell, columns);
        }
        ls_page_table_end(&d->page);
    }
    ls_free(cell);
    ls_free(text);
    return st;
}

/* Also as a file beside the figures. */
static ls_status add_scores(ls_document *d)
{
    char *path;
    ls_status st;

    if (!d->scores)
        return LS_OK;
    ls_document_heading(d, "The test split");
    ls_page_element(&d->page, "pre", d->scores);
    if (!(path = ls_path_join(d->figures, "test_scores.txt")))
        return LS_ERR_MEMORY;
    st = ls_file_replace(path, d->scores, strlen(d->scores));
    ls_free(path);
    return st;
}

static ls_status add_experiment(ls_document *d, const ls_run *run)
{
    ls_text text = {0};
    char *path = ls_path_join(run->directory, LS_RUN_EXPERIMENT);
    ls_status st = path ? ls_report_read(path, &text) : LS_ERR_MEMORY;

    if (st == LS_OK) {
        ls_document_heading(d, "Experiment, as resolved");
        ls_page_element(&d->page, "pre", text.data ? text.data : "");
    }
    ls_text_reset(&text);
    ls_free(path);
    return st;
}

ls_status ls_run_page(ls_document *d, const ls_run *run)
{
    LS_TRY(add_head(d, run));
    add_commands(d, run);
    LS_TRY(draw_metrics(d, run));
    LS_TRY(add_scores(d));
    LS_TRY(draw_learning_rate(d, run));
    LS_TRY(draw_noise_scale(d, run));
    LS_TRY(ls_model_draw(d, run->experiment));
    LS_TRY(ls_weights_draw(d, run));
    LS_TRY(add_epochs(d, run));
    add_profile(d, run);
    return add_experiment(d, run);
}
