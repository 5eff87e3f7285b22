#include "report/runs_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/run_page.h"
#include "report/say.h"

static void add_table(ls_document *d, ls_run *const *run, size_t n)
{
    static const char *const head[] = {"Directory", "Name", "Fingerprint", "Best epoch", "Test",    "Ranks",
                                       "Batch",     "Seed", "Epochs",      "Updates",    "Seconds", "Arithmetic"};
    ls_text best = {0}, test = {0};

    ls_document_heading(d, "Runs");
    ls_page_table_begin(&d->page, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < n; i++) {
        const ls_fit_options *fit = &run[i]->experiment->fit;
        char batch[64], updates[LS_SAY_BYTES], seconds[LS_SAY_BYTES];

        best.length = test.length = 0;
        ls_run_best(run[i], &best);
        ls_run_test(run[i], &test);
        snprintf(batch, sizeof batch, "%" PRId64 " (by %" PRId64 ")", fit->batch_size, fit->microbatch);
        ls_page_row(&d->page,
                    (const char *const[]){
                        run[i]->directory, run[i]->name, ls_run_text(run[i], "fingerprint"),
                        best.length ? best.data : "", test.length ? test.data : "", ls_run_text(run[i], "ranks"), batch,
                        ls_run_text(run[i], "seed"), ls_run_text(run[i], "epochs"),
                        ls_say_count(ls_run_number(run[i], "updates"), updates),
                        ls_say_seconds(ls_run_number(run[i], "seconds"), seconds), ls_run_text(run[i], "arithmetic")},
                    sizeof head / sizeof head[0]);
    }
    ls_page_table_end(&d->page);
    if (d->page.status == LS_OK)
        d->page.status = best.status == LS_OK ? test.status : best.status;
    ls_text_reset(&best);
    ls_text_reset(&test);
    ls_document_say(d, "Batch: samples, and in parentheses those of a microbatch.");
}

static void say_fingerprints(ls_document *d, ls_run *const *run, size_t n)
{
    size_t different = 0, known = 0;

    for (size_t i = 0; i < n; i++) {
        const char *const mine = ls_run_text(run[i], "fingerprint");
        bool again = !*mine;

        known += *mine != '\0';
        for (size_t k = 0; k < i; k++)
            again |= strcmp(ls_run_text(run[k], "fingerprint"), mine) == 0;
        different += !again;
    }
    if (known == n && different == 1)
        ls_document_say(d, "All %zu runs ended with the same weights, bit for bit.", n);
    else
        ls_document_say(d, "%zu different fingerprints among %zu runs that have one.", different, known);
}

static ls_status draw_metric(ls_document *d, ls_run *const *run, size_t n, const char *metric)
{
    ls_curve *curve = ls_calloc(n, sizeof *curve, "curves");
    double **value = ls_calloc(n, sizeof *value, "curves");
    size_t used = 0;
    ls_status st = curve && value ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; i < n && st == LS_OK; i++) {
        st = ls_run_column(run[i], metric, &value[i]);
        if (st != LS_OK || !value[i])
            continue;
        curve[used] =
            (ls_curve){.title = run[i]->directory, .color = (unsigned)i, .n = run[i]->history->rows, .value = value[i]};
        for (int over = 0; over < LS_OVER; over++)
            curve[used].over[over] = run[i]->over[over];
        used++;
    }
    if (st == LS_OK) {
        ls_page_element(&d->page, "h3", metric);
        st = ls_curves_draw(d, metric, NULL, curve, used,
                            "Runs that differ in ranks alone lie on top of each other, except over wall time.");
    }
    for (size_t i = 0; value && i < n; i++)
        ls_free(value[i]);
    ls_free(value);
    ls_free(curve);
    return st;
}

static void add_commands(ls_document *d, ls_run *const *run, size_t n)
{
    ls_text text = {0};

    for (size_t i = 0; i < n; i++)
        ls_run_command(run[i], &text);
    ls_document_heading(d, "To do it again");
    if (text.status == LS_OK)
        ls_page_element(&d->page, "pre", text.data);
    ls_text_reset(&text);
}

ls_status ls_runs_page(ls_document *d, ls_run *const *run, size_t n)
{
    const ls_sheet *h = run[0]->history;
    ls_times times = {0};
    ls_status st = LS_OK;

    add_table(d, run, n);
    say_fingerprints(d, run, n);
    for (size_t i = 0; i < n && st == LS_OK; i++)
        st = ls_run_times(run[i], &times);
    if (st == LS_OK)
        st = ls_scaling_draw(d, &times, NULL, 0);
    ls_times_reset(&times);
    LS_TRY(st);
    ls_document_heading(d, "Course of training");
    for (size_t c = 0; c < h->columns; c++)
        if (ls_is_metric(h->name[c]))
            LS_TRY(draw_metric(d, run, n, h->name[c]));
    add_commands(d, run, n);
    return d->page.status;
}
