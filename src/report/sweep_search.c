#include "report/sweep_search.h"

#include <math.h>
#include <string.h>

#include "report/files.h"

#define TOP 1.5 /* over the most updates that a rate needed: where those stand that did not get there */

static size_t count(const ls_swept_all *s, size_t combo, bool reached)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->trial[i].combination == combo && s->trial[i].searches &&
             (!reached || s->trial[i].ending == LS_TRIAL_REACHED);
    return n;
}

/* top: where trials stand that did not reach the target; NAN: all stand at their best value. */
static void add_ending(const ls_swept_all *s, size_t combo, ls_plot *plot, double top, ls_trial_status ending,
                       ls_mark mark, unsigned color, const char *title)
{
    ls_plot_series(plot, mark, color, "%s", title);
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];

        if (t->combination == combo && t->searches && t->ending == ending)
            ls_plot_point(plot, t->rate, isnan(top) ? t->best_value : ending == LS_TRIAL_REACHED ? t->updates : top);
    }
}

static const char *edge_of(const ls_swept_all *s, size_t combo)
{
    const size_t number = ls_sheet_find(s->summary, "combination"), edge = ls_sheet_find(s->summary, "edge");

    for (size_t i = 0; i < s->summary->rows; i++)
        if (ls_sheet_number(s->summary, i, number) == (double)(combo + 1))
            return ls_sheet_text(s->summary, i, edge);
    return "";
}

static ls_status draw(ls_document *d, const ls_swept_all *s, size_t combo)
{
    const char *const edge = edge_of(s, combo);
    /* Where no rate reached the target, how near they came says which is best. */
    const bool by_updates = count(s, combo, true) > 0;
    const bool is_edge = strcmp(edge, "low") == 0 || strcmp(edge, "high") == 0;
    ls_text name = {0}, title = {0};
    double chosen = NAN, top = NAN;
    ls_plot plot = {.figure = {.x = {.label = "learning rate", .scale = LS_SCALE_LOG},
                               .y = {.label = by_updates ? "updates" : s->monitor,
                                     .scale = by_updates ? LS_SCALE_LOG : LS_SCALE_LINEAR}}};
    ls_status st;

    ls_text_add(&name, "search_%03zu", combo + 1);
    ls_text_add(&title, "%s: learning rates tried%s%s", s->combo[combo].title, is_edge ? "; the best is the " : "",
                !is_edge       ? ""
                : *edge == 'l' ? "lowest"
                               : "highest");
    if ((st = name.status ? name.status : title.status) == LS_OK) {
        plot.figure.name = name.data;
        plot.figure.title = title.data;
        for (size_t i = 0; i < s->n; i++)
            if (s->trial[i].combination == combo) {
                chosen = s->trial[i].chosen ? s->trial[i].rate : chosen;
                if (by_updates && s->trial[i].searches && s->trial[i].ending == LS_TRIAL_REACHED)
                    top = fmax(top, TOP * s->trial[i].updates); /* NAN counts as none */
            }
        if (isfinite(chosen))
            ls_plot_span(&plot, chosen, chosen, 2, "chosen");
        add_ending(s, combo, &plot, top, LS_TRIAL_REACHED, LS_MARK_POINTS, 0, "reached the target");
        add_ending(s, combo, &plot, top, LS_TRIAL_CUT, LS_MARK_CROSSES, 6, "cut: lost against a better rate");
        add_ending(s, combo, &plot, top, LS_TRIAL_MISSED, s->has_target ? LS_MARK_CROSSES : LS_MARK_POINTS,
                   s->has_target ? 5 : 0, s->has_target ? "missed the target" : "best value seen");
        add_ending(s, combo, &plot, top, LS_TRIAL_DIVERGED, LS_MARK_CROSSES, 1, "diverged");
        st = ls_document_plot(d, &plot, NULL);
    }
    ls_text_reset(&name);
    ls_text_reset(&title);
    return st;
}

ls_status ls_swept_search_draw(ls_document *d, const ls_swept_all *s)
{
    if (strcmp(ls_report_text(s->about, "learning_rate"), "searched") != 0)
        return LS_OK;
    ls_document_heading(d, "Searches for the learning rate");
    ls_document_say(d, "%s A best rate at the edge of what was tried may be beaten by one beyond it.",
                    s->has_target
                        ? "Height: the updates each rate needed to the target. Crosses at the top did not get "
                          "there; their height means nothing. Where no rate got there: the best value of each."
                        : "Height: the best value each rate gave.");
    ls_document_grid_begin(d);
    for (size_t c = 0; c < s->combos; c++)
        if (s->combo[c].title && count(s, c, false) > 0)
            LS_TRY(draw(d, s, c));
    ls_document_grid_end(d);
    return LS_OK;
}
