#include "report/report.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/files.h"
#include "report/run_page.h"
#include "report/runs_page.h"
#include "report/sweep_page.h"

static ls_status check(const char *directory)
{
    if (ls_is_run(directory) || ls_is_sweep(directory))
        return LS_OK;
    return ls_fail(LS_ERR_USAGE,
                   "'%s' is neither the directory of a run (with experiment.yaml and history.csv) nor of a sweep (with "
                   "sweep.json)",
                   directory);
}

/* The times that a run or a sweep measured. */
static ls_status add_times(const char *directory, ls_times *times)
{
    ls_swept_all *sweep = NULL;
    ls_run *run = NULL;
    ls_status st;

    if (ls_is_sweep(directory)) {
        LS_TRY(ls_swept_read(directory, &sweep));
        st = ls_swept_times(sweep, times);
    } else {
        LS_TRY(ls_run_read(directory, &run));
        st = ls_run_times(run, times);
    }
    ls_swept_free(sweep);
    ls_run_free(run);
    return st;
}

static ls_status write_sweep(const char *const *directory, size_t n, ls_document *d)
{
    ls_swept_all *sweep = NULL;
    ls_times times = {0};
    ls_text title = {0};
    ls_status st;

    LS_TRY_CLEANUP(ls_swept_read(directory[0], &sweep));
    for (size_t i = 1; i < n; i++)
        LS_TRY_CLEANUP(add_times(directory[i], &times));
    ls_text_add(&title, "Sweep %s", ls_report_text(sweep->about, "name"));
    LS_TRY_CLEANUP(title.status);
    ls_page_begin(&d->page, *ls_report_text(sweep->about, "name") ? title.data : directory[0]);
    st = ls_swept_page(d, sweep, &times);
cleanup:
    ls_swept_free(sweep);
    ls_times_reset(&times);
    ls_text_reset(&title);
    return st;
}

static ls_status write_runs(const char *const *directory, size_t n, ls_document *d)
{
    ls_run **run = ls_calloc(n, sizeof(ls_run *), "the runs");
    ls_status st = run ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; i < n && st == LS_OK; i++)
        st = ls_is_run(directory[i])
                 ? ls_run_read(directory[i], &run[i])
                 : ls_fail(LS_ERR_USAGE, "name the sweep '%s' first: runs beside a sweep add times to its report",
                           directory[i]);
    if (st == LS_OK) {
        ls_page_begin(&d->page, n == 1 ? run[0]->name : "Runs compared");
        st = n == 1 ? ls_run_page(d, run[0]) : ls_runs_page(d, run, n);
    }
    for (size_t i = 0; run && i < n; i++)
        ls_run_free(run[i]);
    ls_free(run);
    return st;
}

/* page: the file; figures: the folder; link: the folder as the page sees it. Owned texts. */
static ls_status choose_places(const char *directory, const char *output, ls_text *page, ls_text *figures,
                               const char **link)
{
    size_t stem;

    if (output)
        ls_text_add(page, "%s", output);
    else
        ls_text_add(page, "%s/report.html", directory);
    LS_TRY(page->status);
    if (!output) {
        ls_text_add(figures, "%s/figures", directory);
    } else {
        stem = page->length;
        if (stem > 5 && strcmp(page->data + stem - 5, ".html") == 0)
            stem -= 5;
        ls_text_add(figures, "%.*s_figures", (int)stem, page->data);
    }
    LS_TRY(figures->status);
    *link = strrchr(figures->data, '/');
    *link = *link ? *link + 1 : figures->data;
    return ls_directory_create(figures->data);
}

ls_status ls_report_make(const char *const *directory, size_t n, const char *scores, const char *output, char **written)
{
    ls_text page = {0}, figures = {0};
    ls_document d = {0};
    ls_status st;

    *written = NULL;
    for (size_t i = 0; i < n; i++)
        LS_TRY(check(directory[i]));
    LS_TRY_CLEANUP(choose_places(directory[0], output, &page, &figures, &d.link));
    d.figures = figures.data;
    d.scores = scores;
    LS_TRY_CLEANUP(ls_is_sweep(directory[0]) ? write_sweep(directory, n, &d) : write_runs(directory, n, &d));
    ls_page_end(&d.page);
    LS_TRY_CLEANUP(d.page.status);
    LS_TRY_CLEANUP(ls_file_replace(page.data, d.page.data, d.page.length));
    *written = page.data;
    page = (ls_text){0};
cleanup:
    ls_text_reset(&page);
    ls_text_reset(&figures);
    ls_text_reset(&d.page);
    return st;
}
