#include "report/scaling.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/say.h"

ls_status ls_times_add(ls_times *t, const ls_timed *item)
{
    if (t->n == t->capacity) {
        ls_timed *grown = ls_realloc(t->item, 2 * t->capacity + 16, sizeof *grown, "times");

        if (!grown)
            return LS_ERR_MEMORY;
        t->item = grown;
        t->capacity = 2 * t->capacity + 16;
    }
    t->item[t->n++] = *item;
    return LS_OK;
}

void ls_times_reset(ls_times *t)
{
    ls_free(t->item);
    *t = (ls_times){0};
}

/* ---- medians of measurements of the same thing ---- */

static int by_size_and_ranks(const void *a, const void *b)
{
    const ls_timed *x = a, *y = b;
    const double p[] = {x->batch_size, x->microbatches, x->ranks, x->step_s};
    const double q[] = {y->batch_size, y->microbatches, y->ranks, y->step_s};

    for (int i = 0; i < 4; i++)
        if (p[i] != q[i])
            return p[i] > q[i] ? 1 : -1;
    return 0;
}

static bool is_same_work(const ls_timed *a, const ls_timed *b)
{
    return a->batch_size == b->batch_size && a->microbatches == b->microbatches;
}

/* Sorted by batch and ranks, each of them once, with medians. value: room for all measurements. */
static void merge(ls_times *t, double *value)
{
    size_t kept = 0;

    qsort(t->item, t->n, sizeof *t->item, by_size_and_ranks);
    for (size_t begin = 0, end; begin < t->n; begin = end) {
        ls_timed one = t->item[begin];
        size_t n = 0;

        for (end = begin; end < t->n && is_same_work(&t->item[end], &one) && t->item[end].ranks == one.ranks; end++)
            value[n++] = t->item[end].step_s;
        one.step_s = ls_median(value, n);
        n = 0;
        for (size_t i = begin; i < end; i++)
            if (isfinite(t->item[i].target_s))
                value[n++] = t->item[i].target_s;
        one.target_s = n ? ls_median(value, n) : NAN;
        t->item[kept++] = one;
    }
    t->n = kept;
}

/* ---- the figures ---- */

/* A fit of all measurements with microbatches of so many samples. */
typedef struct curve {
    double rows;
    ls_scaling_fit fit;
    size_t measurements;
} curve;

typedef struct scaling {
    ls_document *d;
    const ls_times *t;
    const curve *fits; /* [fits] by the size of a microbatch, which decides how long one takes */
    size_t fits_n;
    const ls_need *need;
    size_t needs;
    double ranks_max; /* of the axes: twice what was measured */
} scaling;

static double rows_of(double batch_size, double microbatches)
{
    return ceil(batch_size / microbatches);
}

/* NULL: there is none for microbatches of this size. */
static const ls_scaling_fit *fit_of(const scaling *s, double batch_size, double microbatches)
{
    for (size_t i = 0; i < s->fits_n; i++)
        if (s->fits[i].rows == rows_of(batch_size, microbatches))
            return &s->fits[i].fit;
    return NULL;
}

/* NAN without a fit. */
static double step_at(const scaling *s, double ranks, double batch_size, double microbatches)
{
    const ls_scaling_fit *fit = fit_of(s, batch_size, microbatches);

    return fit ? ls_scaling_fit_at(fit, ranks, microbatches) : NAN;
}

static double target_at(const scaling *s, double ranks, const ls_need *need)
{
    return need->updates * step_at(s, ranks, need->batch_size, need->microbatches);
}

/* The series of one kind of work: [begin, end) of the times. Returns its end. */
static size_t end_of(const ls_times *t, size_t begin)
{
    size_t end = begin + 1;

    while (end < t->n && is_same_work(&t->item[end], &t->item[begin]))
        end++;
    return end;
}

/* Ranks at which a curve is drawn: where ceil(M / P) jumps, and powers of two. */
static double next_ranks(double p)
{
    return p < 32 ? p + 1 : ceil(1.1 * p);
}

static ls_status draw_steps(const scaling *s)
{
    const ls_times *t = s->t;
    unsigned color = 0;
    ls_plot plot = {.figure = {.name = "scaling_step_time",
                               .title = "time of an update against ranks (strong scaling)",
                               .x = {.label = "ranks", .scale = LS_SCALE_LOG2},
                               .y = {.label = "time of an update (ms)", .scale = LS_SCALE_LOG}}};

    for (size_t begin = 0, end; begin < t->n; begin = end, color++) {
        const ls_timed *one = &t->item[begin];

        const ls_scaling_fit *fit = fit_of(s, one->batch_size, one->microbatches);

        end = end_of(t, begin);
        if (fit) {
            ls_plot_series(&plot, LS_MARK_DASHED, color, NULL);
            for (double p = 1; p <= s->ranks_max; p = next_ranks(p))
                ls_plot_point(&plot, p, 1e3 * ls_scaling_fit_at(fit, p, one->microbatches));
        }
        ls_plot_series(&plot, LS_MARK_POINTS, color, "batch %.0f (%.0f microbatches)", one->batch_size,
                       one->microbatches);
        for (size_t i = begin; i < end; i++)
            ls_plot_point(&plot, t->item[i].ranks, 1e3 * t->item[i].step_s);
    }
    return ls_document_plot(s->d, &plot,
                            s->fits_n
                                ? "Points: measured (medians). Dashed: the fit, also where nothing was measured. It "
                                  "falls in steps, since microbatches are dealt out whole."
                                : "Measured, medians.");
}

/* Efficiency P0 T(P0) / (P T(P)), with P0 the smallest number of ranks measured for that batch. */
static ls_status draw_efficiency(const scaling *s)
{
    const ls_times *t = s->t;
    unsigned color = 0;
    ls_plot plot = {.figure = {.name = "scaling_strong",
                               .title = "efficiency at a fixed batch (strong scaling)",
                               .x = {.label = "ranks", .scale = LS_SCALE_LOG2},
                               .y = {.label = "efficiency (%)", .zero = true}}};

    for (size_t begin = 0, end; begin < t->n; begin = end, color++) {
        const ls_timed *one = &t->item[begin];

        const ls_scaling_fit *fit = fit_of(s, one->batch_size, one->microbatches);

        end = end_of(t, begin);
        if (end == begin + 1)
            continue;
        ls_plot_series(&plot, LS_MARK_LINE_POINTS, color, "batch %.0f", one->batch_size);
        for (size_t i = begin; i < end; i++)
            ls_plot_point(&plot, t->item[i].ranks,
                          100 * one->ranks * one->step_s / (t->item[i].ranks * t->item[i].step_s));
        if (!fit)
            continue;
        ls_plot_series(&plot, LS_MARK_DASHED, color, NULL); /* Amdahl's law with the serial part of the fit */
        for (double p = one->ranks; p <= s->ranks_max; p = next_ranks(p)) {
            const double serial = fit->fixed_s / (fit->fixed_s + fit->microbatch_s * one->microbatches);
            const double at = serial + (1 - serial) / p, from = serial + (1 - serial) / one->ranks;

            ls_plot_point(&plot, p, 100 * one->ranks * from / (p * at));
        }
    }
    return ls_document_plot(s->d, &plot,
                            "100 %: as many times faster as there are more ranks. Dashed: Amdahl's law with the serial "
                            "part of the fit alone; what lies below it is communication and microbatches that do not "
                            "divide evenly.");
}

/* T(P0, M0) / T(P, M) for series with the same microbatches per rank. */
static ls_status draw_weak(const scaling *s)
{
    const ls_times *t = s->t;
    unsigned color = 0;
    ls_plot plot = {.figure = {.name = "scaling_weak",
                               .title = "efficiency at a fixed batch per rank (weak scaling)",
                               .x = {.label = "ranks", .scale = LS_SCALE_LOG2},
                               .y = {.label = "efficiency (%)", .zero = true}}};

    for (size_t i = 0; i < t->n; i++) {
        const double per_rank = t->item[i].microbatches / t->item[i].ranks;
        const double rows = t->item[i].batch_size / t->item[i].microbatches;
        const ls_timed *least = &t->item[i];
        size_t n = 0;

        for (size_t k = 0; k < t->n; k++)
            if (t->item[k].microbatches / t->item[k].ranks == per_rank &&
                t->item[k].batch_size / t->item[k].microbatches == rows) {
                n += t->item[k].ranks != t->item[i].ranks;
                least = t->item[k].ranks < least->ranks ? &t->item[k] : least;
            }
        if (n == 0 || least != &t->item[i])
            continue;
        ls_plot_series(&plot, LS_MARK_LINE_POINTS, color++, "%g microbatches of %g per rank", per_rank, rows);
        for (size_t k = i; k < t->n; k++) /* sorted by batch size, so by ranks */
            if (t->item[k].microbatches / t->item[k].ranks == per_rank &&
                t->item[k].batch_size / t->item[k].microbatches == rows)
                ls_plot_point(&plot, t->item[k].ranks, 100 * least->step_s / t->item[k].step_s);
    }
    return ls_document_plot(s->d, &plot,
                            "The batch grows with the ranks. 100 %: an update takes as long as on the fewest ranks.");
}

static ls_status draw_target(const scaling *s)
{
    ls_plot plot = {.figure = {.name = "scaling_time_to_target",
                               .title = "time to the target against ranks, predicted and measured",
                               .x = {.label = "ranks", .scale = LS_SCALE_LOG2},
                               .y = {.label = "time in updates (s)", .scale = LS_SCALE_LOG}}};

    for (size_t k = 0; k < s->needs; k++) {
        const ls_need *need = &s->need[k];

        ls_plot_series(&plot, LS_MARK_DASHED, (unsigned)k, NULL);
        for (double p = 1; p <= s->ranks_max; p = next_ranks(p))
            ls_plot_point(&plot, p, target_at(s, p, need));
        ls_plot_series(&plot, LS_MARK_POINTS, (unsigned)k, "batch %.0f", need->batch_size);
        for (size_t i = 0; i < s->t->n; i++)
            if (s->t->item[i].batch_size == need->batch_size)
                ls_plot_point(&plot, s->t->item[i].ranks, s->t->item[i].target_s);
    }
    return ls_document_plot(
        s->d, &plot,
        "Dashed: updates to the target (which do not depend on the ranks) times the fitted time of an "
        "update. Points: measured. Without validation and checkpoints.");
}

static void say_fit(const scaling *s, const curve *c)
{
    const ls_scaling_fit *f = &c->fit;
    char fixed[LS_SAY_BYTES], micro[LS_SAY_BYTES], alpha[LS_SAY_BYTES], wire[LS_SAY_BYTES], limit[LS_SAY_BYTES];

    ls_document_say(
        s->d,
        "Fit of the times with microbatches of %.0f: T(P, M) = %s + %s · ceil(M/P) + %s · 2 (P − 1) + %s · "
        "(P − 1)/P for M microbatches on P ranks (relative error %.1f %%, root mean square, of %zu "
        "measurements%s). The terms: what every update takes, a microbatch, the latency of a message, the wire.",
        c->rows, ls_say_seconds(f->fixed_s, fixed), ls_say_seconds(f->microbatch_s, micro),
        ls_say_seconds(f->alpha_s, alpha), ls_say_seconds(f->wire_s, wire), 100 * f->error, c->measurements,
        c->measurements < 6 ? ": too few to trust it far from them" : "");
    if (f->serial > 0)
        ls_document_say(
            s->d,
            "Amdahl: %.1f %% of the largest batch's time on one rank is serial, so that no number of ranks makes "
            "it more than %s times faster.",
            100 * f->serial, ls_say(round(10 / f->serial) / 10, limit));
}

static void add_table(const scaling *s)
{
    static const char *const head[] = {"Batch",       "Microbatches", "Ranks",     "Update, measured",
                                       "Update, fit", "Speed-up",     "Efficiency"};
    size_t first = 0;

    ls_page_table_begin(&s->d->page, head, 7);
    for (size_t i = 0; i < s->t->n; i++) {
        const ls_timed *one = &s->t->item[i];
        char text[6][LS_SAY_BYTES], part[LS_SAY_BYTES] = "";
        double faster;

        if (!is_same_work(one, &s->t->item[first]))
            first = i;
        faster = s->t->item[first].step_s / one->step_s;
        snprintf(part, sizeof part, "%.0f %%", 100 * faster * s->t->item[first].ranks / one->ranks);
        ls_page_row(
            &s->d->page,
            (const char *const[]){ls_say(one->batch_size, text[0]), ls_say(one->microbatches, text[1]),
                                  ls_say(one->ranks, text[2]), ls_say_seconds(one->step_s, text[3]),
                                  ls_say_seconds(step_at(s, one->ranks, one->batch_size, one->microbatches), text[4]),
                                  i == first ? NULL : ls_say(faster, text[5]), i == first ? NULL : part},
            7);
    }
    ls_page_table_end(&s->d->page);
}

/* For every number of ranks the batch size that reaches the target first. */
static void add_best(const scaling *s)
{
    static const char *const head[] = {"Ranks", "Fastest batch size", "Predicted time to the target"};
    bool any = false;

    for (size_t k = 0; k < s->needs; k++)
        any |= isfinite(target_at(s, 1, &s->need[k]));
    if (!any)
        return;
    ls_page_table_begin(&s->d->page, head, 3);
    for (double p = 1; p <= s->ranks_max; p *= 2) {
        const ls_need *best = NULL;
        char text[3][LS_SAY_BYTES];

        for (size_t k = 0; k < s->needs; k++)
            if (isfinite(target_at(s, p, &s->need[k])) &&
                (!best || target_at(s, p, &s->need[k]) < target_at(s, p, best)))
                best = &s->need[k];
        if (best)
            ls_page_row(&s->d->page,
                        (const char *const[]){ls_say(p, text[0]), ls_say(best->batch_size, text[1]),
                                              ls_say_seconds(target_at(s, p, best), text[2])},
                        3);
    }
    ls_page_table_end(&s->d->page);
}

static ls_status draw_all(const scaling *s)
{
    ls_document_grid_begin(s->d);
    LS_TRY(draw_steps(s));
    LS_TRY(draw_efficiency(s));
    LS_TRY(draw_weak(s));
    LS_TRY(draw_target(s));
    ls_document_grid_end(s->d);
    for (size_t i = 0; i < s->fits_n; i++)
        say_fit(s, &s->fits[i]);
    add_table(s);
    add_best(s);
    return LS_OK;
}

/*
 * fits: room for one per measurement. A size of microbatches that was measured on one number of ranks alone has none.
 */
static ls_status make_fits(ls_document *d, const ls_times *t, curve *fits, size_t *n)
{
    ls_scaling_point *point = ls_calloc(t->n, sizeof *point, "a fit");
    ls_status st = point ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; i < t->n && st == LS_OK; i++) {
        curve c = {.rows = rows_of(t->item[i].batch_size, t->item[i].microbatches)};
        bool known = false;

        for (size_t k = 0; k < t->n; k++)
            if (rows_of(t->item[k].batch_size, t->item[k].microbatches) == c.rows) {
                known |= k < i;
                point[c.measurements++] =
                    (ls_scaling_point){t->item[k].ranks, t->item[k].microbatches, t->item[k].step_s};
            }
        if (known)
            continue;
        st = ls_scaling_fit_make(point, c.measurements, &c.fit);
        if (st == LS_OK)
            fits[(*n)++] = c;
        else if (st == LS_ERR_DATA && c.fit.error > LS_SCATTER_MAX)
            ls_document_say(d, "Microbatches of %.0f: no curve, for %s.", c.rows, ls_error_message());
        st = st == LS_ERR_MEMORY ? st : LS_OK;
    }
    ls_free(point);
    return st;
}

ls_status ls_scaling_draw(ls_document *d, ls_times *t, const ls_need *need, size_t needs)
{
    scaling s = {.d = d, .t = t, .need = need, .needs = needs};
    curve *fits = ls_calloc(t->n, sizeof *fits, "fits");
    double *value = ls_calloc(t->n, sizeof *value, "times"), least = INFINITY;
    ls_status st = fits && value ? LS_OK : LS_ERR_MEMORY;

    ls_document_heading(d, "Scaling over ranks");
    if (st == LS_OK)
        merge(t, value);
    for (size_t i = 0; i < t->n; i++) {
        s.ranks_max = fmax(s.ranks_max, 2 * t->item[i].ranks);
        least = fmin(least, t->item[i].ranks);
    }
    if (st == LS_OK && t->n == 0) {
        ls_document_say(d, "No times of updates were recorded.");
    } else if (st == LS_OK && s.ranks_max == 2 * least) {
        ls_document_say(d,
                        "All times were measured on %.0f rank%s, so nothing can be said about others. Give more "
                        "directories to lockstep report, of runs on other numbers of ranks.",
                        least, least == 1 ? "" : "s");
    } else if (st == LS_OK && (st = make_fits(d, t, fits, &s.fits_n)) == LS_OK) {
        s.fits = fits;
        st = draw_all(&s);
    }
    ls_free(fits);
    ls_free(value);
    return st;
}
