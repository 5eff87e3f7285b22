#include "report/sweep_curves.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/curves.h"
#include "run/run_files.h"

/* The tables of one chosen trial, and where their rows stand. */
typedef struct course {
    const ls_swept *trial;
    ls_sheet *evaluations, *history; /* NULL: none */
    double *over[2][LS_OVER];        /* of evaluations, of history: [rows] */
    double *value[2];
} course;

static void reset(course *c, size_t n)
{
    for (size_t i = 0; c && i < n; i++) {
        ls_sheet_free(c[i].evaluations);
        ls_sheet_free(c[i].history);
        for (int k = 0; k < 2; k++) {
            ls_free(c[i].value[k]);
            for (int over = 0; over < LS_OVER; over++)
                ls_free(c[i].over[k][over]);
        }
    }
    ls_free(c);
}

static ls_status read_sheet(const ls_swept_all *s, const char *id, const char *file, const char *const *columns,
                            ls_sheet **out)
{
    ls_text path = {0};
    ls_status st;

    ls_text_add(&path, "%s/trials/%s/%s", s->directory, id, file);
    st = path.status;
    if (st == LS_OK && ls_file_exists(path.data)) {
        st = ls_sheet_read(path.data, out);
        if (st == LS_OK)
            st = ls_sheet_need(*out, path.data, columns);
        if (st == LS_OK)
            st = ls_sheet_need_numbers(*out, path.data);
    }
    ls_text_reset(&path);
    return st;
}

static ls_status place(course *c, int k, const ls_sheet *sheet)
{
    const ls_swept *t = c->trial;

    for (int over = 0; over < LS_OVER; over++)
        if (!(c->over[k][over] = ls_calloc(sheet->rows, sizeof(double), "a curve")))
            return LS_ERR_MEMORY;
    if (!(c->value[k] = ls_calloc(sheet->rows, sizeof(double), "a curve")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < sheet->rows; i++) {
        const double epochs = ls_sheet_number(sheet, i, ls_sheet_find(sheet, "epoch"));
        /* The history counts epochs from 0, and its last row may be of one that did not end. */
        const double done = k ? fmin(epochs + 1, t->epochs) : epochs;
        const double part = done / t->epochs;

        c->over[k][LS_OVER_EPOCHS][i] = done;
        c->over[k][LS_OVER_UPDATES][i] =
            k ? rint(part * t->updates) : ls_sheet_number(sheet, i, ls_sheet_find(sheet, "update"));
        c->over[k][LS_OVER_SAMPLES][i] =
            k ? rint(part * t->samples) : ls_sheet_number(sheet, i, ls_sheet_find(sheet, "samples"));
        c->over[k][LS_OVER_SECONDS][i] = t->train_s * c->over[k][LS_OVER_UPDATES][i] / t->updates;
    }
    return LS_OK;
}

static ls_status read_course(const ls_swept_all *s, course *c)
{
    static const char *const evaluations[] = {"update", "samples", "epoch", NULL}, *const history[] = {"epoch", NULL};

    LS_TRY(read_sheet(s, c->trial->id, "evaluations.csv", evaluations, &c->evaluations));
    LS_TRY(read_sheet(s, c->trial->id, LS_RUN_HISTORY, history, &c->history));
    if (c->evaluations)
        LS_TRY(place(c, 0, c->evaluations));
    return c->history ? place(c, 1, c->history) : LS_OK;
}

/* One number of all trials; k: of the evaluations or of the history. */
static ls_status draw(ls_document *d, const ls_swept_all *s, const course *c, size_t n, const char *metric, int k)
{
    ls_curve *curve = ls_calloc(n, sizeof *curve, "curves");
    size_t used = 0;
    ls_status st = curve ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; st == LS_OK && i < n; i++) {
        const ls_sheet *sheet = k ? c[i].history : c[i].evaluations;
        const size_t column = ls_sheet_find(sheet, metric), combo = c[i].trial->combination;

        if (column == LS_NO_COLUMN)
            continue;
        for (size_t row = 0; row < sheet->rows; row++)
            c[i].value[k][row] = ls_sheet_number(sheet, row, column);
        curve[used] = (ls_curve){.color = (unsigned)combo, .n = sheet->rows, .value = c[i].value[k]};
        for (int over = 0; over < LS_OVER; over++)
            curve[used].over[over] = c[i].over[k][over];
        if (i == 0 || c[i - 1].trial->combination != combo) /* once per combination */
            curve[used].title = s->combo[combo].title;
        used++;
    }
    if (st == LS_OK && used > 0) {
        ls_page_element(&d->page, "h3", metric);
        st = ls_curves_draw(
            d, metric, s->note, curve, used,
            k == 0 ? "Of the validation split. Each line is one seed; seeds of a combination share a colour."
                   : "On the training data: the mean over each epoch. Each line is one seed.");
    }
    ls_free(curve);
    return st;
}

static ls_status draw_all(ls_document *d, const ls_swept_all *s, const course *c, size_t n)
{
    ls_document_heading(d, "Course of the chosen trials");
    ls_document_say(
        d, "Wall time is the time of a trial's updates, dealt out evenly over them; validation does not count.");
    if (strncmp(s->monitor, "val_", 4) == 0)
        LS_TRY(draw(d, s, c, n, s->monitor, 0));
    else
        LS_TRY(draw(d, s, c, n, s->monitor, 1));
    if (strcmp(s->monitor, "val_loss") != 0)
        LS_TRY(draw(d, s, c, n, "val_loss", 0));
    return strcmp(s->monitor, "loss") != 0 ? draw(d, s, c, n, "loss", 1) : LS_OK;
}

ls_status ls_swept_curves_draw(ls_document *d, const ls_swept_all *s)
{
    course *c = ls_calloc(s->n, sizeof *c, "curves");
    size_t n = 0;
    ls_status st = c ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; st == LS_OK && i < s->n; i++)
        if (s->trial[i].chosen && !s->combo[s->trial[i].combination].repeats) {
            c[n].trial = &s->trial[i];
            st = read_course(s, &c[n++]);
        }
    if (st == LS_OK && n > 0)
        st = draw_all(d, s, c, n);
    reset(c, n);
    return st;
}
