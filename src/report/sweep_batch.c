#include "report/sweep_batch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/files.h"
#include "report/say.h"
#include "sweep/fits.h"

#define RESAMPLES 2000
#define REACH                                                                                              \
    4.0 /* a curve is drawn up to this factor beyond the batch sizes tried, to show a critical batch there \
         */

typedef struct batch_view {
    ls_document *d;
    const ls_swept_all *s;
    ls_steps_fit *fit; /* [families] */
    bool *has_fit;     /* [families] */
    ls_text *why;      /* [families] it has none */
    double low, high;  /* batch sizes tried */
} batch_view;

/* "TITLE" or "TITLE: LABEL" where the comparison is not at tuned rates. Lent until the next call with the same text. */
static const char *titled(const batch_view *v, ls_text *text, const char *title)
{
    text->length = 0;
    ls_text_add(text, "%s%s%s", title, v->s->note ? ": " : "", v->s->note ? v->s->note : "");
    return text->status == LS_OK ? text->data : title;
}

static const char *family_title(const batch_view *v, size_t family)
{
    return v->s->families > 1 ? v->s->family[family].title : "";
}

static bool counts(const batch_view *v, const ls_swept *t, size_t family)
{
    return t->chosen && v->s->combo[t->combination].family == family && !v->s->combo[t->combination].repeats;
}

/* ---- fits ---- */

static ls_status fit_family(batch_view *v, size_t family)
{
    const ls_swept_all *s = v->s;
    ls_steps_point *point = ls_calloc(s->n, sizeof *point, "a fit");
    size_t n = 0;
    ls_status st;

    if (!point)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < s->n; i++)
        if (counts(v, &s->trial[i], family) && ls_combo_is_feasible(&s->combo[s->trial[i].combination]))
            point[n++] = (ls_steps_point){s->trial[i].batch_size, s->trial[i].updates};
    st = ls_steps_fit_make(point, n, RESAMPLES, 0, &v->fit[family]);
    v->has_fit[family] = st == LS_OK;
    if (st != LS_OK)
        ls_text_add(&v->why[family], "%s", ls_error_message());
    ls_free(point);
    return st == LS_ERR_MEMORY ? st : LS_OK;
}

static void say_fit(const batch_view *v, size_t family)
{
    const ls_steps_fit *f = &v->fit[family];
    const char *const name = family_title(v, family), *const colon = *name ? ": c" : "C";
    ls_text critical = {0}, updates = {0}, samples = {0};

    if (!v->has_fit[family]) {
        ls_document_say(v->d, "%s%sritical batch size unknown: %s.", name, colon, v->why[family].data);
        return;
    }
    ls_say_interval(&critical, &f->critical);
    ls_say_interval(&updates, &f->min_updates);
    ls_say_interval(&samples, &f->min_samples);
    if (critical.status == LS_OK && updates.status == LS_OK && samples.status == LS_OK)
        ls_document_say(v->d,
                        "%s%sritical batch size %s%s. At least %s updates however large the batch, at least %s samples "
                        "however small. Relative error of the fit %.1f %% (root mean square).%s",
                        name, colon, critical.data,
                        f->high_edge  ? ", extrapolated: it lies above all batch sizes tried"
                        : f->low_edge ? ", extrapolated: it lies below all batch sizes tried"
                                      : "",
                        updates.data, samples.data, 100 * f->error,
                        isnan(f->critical.low) ? " No interval can be given: that takes several seeds at three batch "
                                                 "sizes or more."
                                               : "");
    ls_text_reset(&critical);
    ls_text_reset(&updates);
    ls_text_reset(&samples);
}

/* ---- updates and samples to the target ---- */

static void add_regimes(const batch_view *v, ls_plot *plot)
{
    const ls_steps_fit *f = &v->fit[0];
    const double b = f->critical.value;

    if (v->s->families > 1 || !v->has_fit[0])
        return;
    ls_plot_span(plot, -INFINITY, LS_PERFECT_BELOW * b, 2, ls_regimes[LS_REGIME_PERFECT]);
    ls_plot_span(plot, LS_PERFECT_BELOW * b, LS_SATURATED_ABOVE * b, 5, ls_regimes[LS_REGIME_DIMINISHING]);
    ls_plot_span(plot, LS_SATURATED_ABOVE * b, INFINITY, 1, ls_regimes[LS_REGIME_SATURATED]);
    if (isfinite(f->critical.low) && isfinite(f->critical.high))
        ls_plot_span(plot, f->critical.low, f->critical.high, 6, NULL);
    ls_plot_span(plot, b, b, 6, f->low_edge || f->high_edge ? "critical batch (extrapolated)" : "critical batch");
}

/* per_batch: samples instead of updates. */
static double amount(const ls_swept *t, bool per_batch)
{
    return per_batch ? t->samples : t->updates;
}

static void add_measured(const batch_view *v, ls_plot *plot, size_t family, bool per_batch)
{
    const ls_swept_all *s = v->s;
    const unsigned color = (unsigned)(s->families > 1 ? family : 0);

    ls_plot_series(plot, LS_MARK_INTERVALS, color,
                   s->families > 1 ? NULL : "one seed (bar: down to the last look that missed)");
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];

        if (counts(v, t, family) && t->ending == LS_TRIAL_REACHED && ls_combo_is_feasible(&s->combo[t->combination])) {
            const double y = amount(t, per_batch);

            ls_plot_interval(plot, t->batch_size, y, t->updates_before > 0 ? y * t->updates_before / t->updates : NAN,
                             y);
        }
    }
    ls_plot_series(plot, LS_MARK_LINE_POINTS, color, "%s%smedian", family_title(v, family),
                   s->families > 1 ? ", " : "");
    for (size_t c = 0; c < s->combos; c++)
        if (ls_combo_counts(&s->combo[c]) && s->combo[c].family == family && ls_combo_is_feasible(&s->combo[c]))
            ls_plot_point(
                plot, s->combo[c].batch_size,
                ls_combo_median(s, c, per_batch ? offsetof(ls_swept, samples) : offsetof(ls_swept, updates), true));
    ls_plot_series(plot, LS_MARK_CROSSES, 6, family == 0 ? "not reached by all seeds: updates when it ended" : NULL);
    for (size_t i = 0; i < s->n; i++) {
        const ls_swept *t = &s->trial[i];

        if (counts(v, t, family) && !ls_combo_is_feasible(&s->combo[t->combination]))
            ls_plot_point(plot, t->batch_size, amount(t, per_batch));
    }
}

static void add_fit(const batch_view *v, ls_plot *plot, size_t family, bool per_batch)
{
    const ls_steps_fit *f = &v->fit[family];
    const double b = v->has_fit[family] ? f->critical.value : v->low;
    const double from = b < v->low && b > v->low / REACH ? b / 1.5 : v->low;
    const double to = b > v->high && b < v->high * REACH ? 1.5 * b : v->high;

    if (!v->has_fit[family])
        return;
    ls_plot_series(plot, LS_MARK_LINE, (unsigned)(v->s->families > 1 ? family : 1),
                   v->s->families > 1 ? NULL : "fit (S/S_min - 1)(E/E_min - 1) = 1");
    for (double x = from; x <= to * 1.0001; x *= pow(to / from, 1.0 / 60))
        ls_plot_point(plot, x, ls_steps_fit_at(f, x) * (per_batch ? x : 1));
}

/* Twice the batch, half the updates: through the smallest batch size that is feasible. */
static void add_perfect(const batch_view *v, ls_plot *plot, bool per_batch)
{
    const ls_swept_all *s = v->s;
    double batch = INFINITY, updates = NAN;

    for (size_t c = 0; c < s->combos; c++)
        if (ls_combo_counts(&s->combo[c]) && ls_combo_is_feasible(&s->combo[c]) && s->combo[c].batch_size < batch) {
            batch = s->combo[c].batch_size;
            updates = ls_combo_median(s, c, offsetof(ls_swept, updates), true);
        }
    if (!isfinite(updates))
        return;
    ls_plot_series(plot, LS_MARK_DASHED, 6, "perfect scaling from the smallest batch");
    for (double x = v->low; x <= v->high; x *= 2)
        ls_plot_point(plot, x, updates * batch / (per_batch ? 1 : x));
    ls_plot_point(plot, v->high, updates * batch / (per_batch ? 1 : v->high));
}

static ls_status draw_steps(const batch_view *v, bool per_batch)
{
    ls_text title = {0};
    ls_plot plot = {.figure = {.name = per_batch ? "samples_to_target" : "updates_to_target",
                               .x = {.label = "batch size", .scale = LS_SCALE_LOG2},
                               .y = {.label = per_batch ? "samples to the target" : "updates to the target",
                                     .scale = LS_SCALE_LOG}}};
    ls_status st;

    plot.figure.title = titled(
        v, &title, per_batch ? "samples to the target against batch size" : "updates to the target against batch size");
    add_regimes(v, &plot);
    add_perfect(v, &plot, per_batch);
    for (size_t family = 0; family < v->s->families; family++) {
        add_fit(v, &plot, family, per_batch);
        add_measured(v, &plot, family, per_batch);
    }
    st = ls_document_plot(
        v->d, &plot,
        per_batch
            ? "Flat: larger batches cost nothing extra. Rising in proportion: they are wasted. The line bends at the "
              "critical batch size, where twice the least number of samples is needed."
            : "On the dashed line twice the batch halves the updates; where the curve leaves it, larger batches pay "
              "less and less, and where it is flat nothing. Grey: the critical batch size with its 95 % interval "
              "over seeds, if there are several.");
    ls_text_reset(&title);
    return st;
}

static ls_status draw_target(const batch_view *v)
{
    ls_document_grid_begin(v->d);
    LS_TRY(draw_steps(v, false));
    LS_TRY(draw_steps(v, true));
    ls_document_grid_end(v->d);
    for (size_t family = 0; family < v->s->families; family++)
        say_fit(v, family);
    ls_document_say(
        v->d,
        "We call it %s up to a quarter of the critical batch size, where doubling still saves 40 %% of the "
        "updates, and %s from four times it on, where doubling saves 10 %%. The fit is of batch sizes whose "
        "seeds all reached the target.",
        ls_regimes[LS_REGIME_PERFECT], ls_regimes[LS_REGIME_SATURATED]);
    return LS_OK;
}

/* ---- other numbers against batch size ---- */

/* Points of seeds, and a line through medians. field: of ls_swept. */
static void add_field(const batch_view *v, ls_plot *plot, size_t field, bool reached)
{
    const ls_swept_all *s = v->s;

    for (size_t family = 0; family < s->families; family++) {
        const unsigned color = (unsigned)family;

        ls_plot_series(plot, LS_MARK_OPEN, color, s->families > 1 ? NULL : "one seed");
        for (size_t i = 0; i < s->n; i++)
            if (counts(v, &s->trial[i], family) && (!reached || s->trial[i].ending == LS_TRIAL_REACHED))
                ls_plot_point(plot, s->trial[i].batch_size, *(const double *)((const char *)&s->trial[i] + field));
        ls_plot_series(plot, LS_MARK_LINE_POINTS, color, "%s%smedian", family_title(v, family),
                       s->families > 1 ? ", " : "");
        for (size_t c = 0; c < s->combos; c++)
            if (ls_combo_counts(&s->combo[c]) && s->combo[c].family == family)
                ls_plot_point(plot, s->combo[c].batch_size, ls_combo_median(s, c, field, reached));
    }
}

static bool has_infeasible(const ls_swept_all *s)
{
    for (size_t c = 0; c < s->combos; c++)
        if (ls_combo_counts(&s->combo[c]) && !ls_combo_is_feasible(&s->combo[c]))
            return true;
    return false;
}

static ls_status draw_value(const batch_view *v)
{
    ls_text title = {0}, heading = {0};
    ls_plot plot = {.figure = {.name = "best_value",
                               .x = {.label = "batch size", .scale = LS_SCALE_LOG2},
                               .y = {.label = v->s->monitor}}};
    ls_status st;

    ls_text_add(&heading, "best %s against batch size", v->s->monitor);
    plot.figure.title = titled(v, &title, heading.status == LS_OK ? heading.data : "best value");
    add_field(v, &plot, offsetof(ls_swept, best_value), false);
    st = ls_document_plot(v->d, &plot,
                          v->s->has_target
                              ? "The best value each trial saw. Trials end at the target: what lies short of it "
                                "did not get there within the budget."
                              : "The best value each trial saw within the same budget. Within the same "
                                "epochs, larger batches make fewer updates.");
    ls_text_reset(&title);
    ls_text_reset(&heading);
    return st;
}

/* The median over batch sizes of the combination's medians. NAN: not measured. */
static ls_status median_noise(const batch_view *v, double *out)
{
    double *value = ls_calloc(v->s->combos, sizeof *value, "a median");
    size_t n = 0;

    if (!value)
        return LS_ERR_MEMORY;
    for (size_t c = 0; c < v->s->combos; c++) {
        const double x = ls_combo_median(v->s, c, offsetof(ls_swept, noise_scale), false);

        if (isfinite(x))
            value[n++] = x;
    }
    *out = n ? ls_median(value, n) : NAN;
    ls_free(value);
    return LS_OK;
}

static ls_status draw_noise(const batch_view *v)
{
    ls_text title = {0};
    ls_plot plot = {.figure = {.name = "noise_scale",
                               .x = {.label = "batch size", .scale = LS_SCALE_LOG2},
                               .y = {.label = "noise scale (samples)", .scale = LS_SCALE_LOG}}};
    ls_status st;

    plot.figure.title = titled(v, &title, "gradient noise scale at the end against batch size");
    add_field(v, &plot, offsetof(ls_swept, noise_scale), false);
    if (v->s->families == 1 && v->has_fit[0]) {
        ls_plot_series(&plot, LS_MARK_DASHED, 6, "critical batch size, fitted");
        ls_plot_point(&plot, v->low, v->fit[0].critical.value);
        ls_plot_point(&plot, v->high, v->fit[0].critical.value);
    }
    st = ls_document_plot(v->d, &plot,
                          "The noise scale predicts the critical batch size without any sweep. It grows during "
                          "training, so expect agreement within a factor of a few, not more.");
    ls_text_reset(&title);
    return st;
}

static void say_noise(const batch_view *v, double noise)
{
    char predicted[LS_SAY_BYTES], ratio[LS_SAY_BYTES], critical[LS_SAY_BYTES];

    if (v->s->families == 1 && v->has_fit[0])
        ls_document_say(v->d,
                        "Noise scale %s (median over batch sizes), fitted critical batch size %s: %s times the noise "
                        "scale.",
                        ls_say_count(noise, predicted), ls_say_count(v->fit[0].critical.value, critical),
                        ls_say(round(100 * v->fit[0].critical.value / noise) / 100, ratio));
    else
        ls_document_say(v->d, "Noise scale %s (median over batch sizes).", ls_say_count(noise, predicted));
}

static ls_status draw_rates(const batch_view *v)
{
    const ls_swept_all *s = v->s;
    ls_text title = {0};
    double rate = NAN;
    ls_plot plot = {.figure = {.name = "best_learning_rate",
                               .x = {.label = "batch size", .scale = LS_SCALE_LOG2},
                               .y = {.label = "learning rate", .scale = LS_SCALE_LOG}}};
    ls_status st;

    if (strcmp(ls_report_text(s->about, "learning_rate"), "searched") != 0)
        return LS_OK;
    plot.figure.title = titled(v, &title, "best learning rate against batch size");
    for (size_t family = 0; family < s->families; family++) {
        ls_plot_series(&plot, LS_MARK_LINE_POINTS, (unsigned)family, s->families > 1 ? "%s" : "best rate found",
                       family_title(v, family));
        for (size_t c = 0; c < s->combos; c++) {
            const double x = ls_combo_median(s, c, offsetof(ls_swept, rate), false);

            if (!ls_combo_counts(&s->combo[c]) || s->combo[c].family != family || isnan(x))
                continue;
            ls_plot_point(&plot, s->combo[c].batch_size, x);
            if (s->combo[c].batch_size == v->low)
                rate = x;
        }
    }
    for (int k = 0; k < 2 && isfinite(rate); k++) {
        ls_plot_series(&plot, LS_MARK_DASHED, k ? 6 : 5, k ? "square-root rule" : "linear rule");
        ls_plot_point(&plot, v->low, rate);
        ls_plot_point(&plot, v->high, rate * (k ? sqrt(v->high / v->low) : v->high / v->low));
    }
    st = ls_document_plot(v->d, &plot,
                          "Rules of thumb, drawn through the smallest batch size. The search is coarse: "
                          "neighbouring rates often do as well (see the searches below).");
    ls_text_reset(&title);
    return st;
}

static ls_status draw_time(const batch_view *v)
{
    ls_text title = {0};
    ls_plot plot = {.figure = {.name = "time_to_target",
                               .x = {.label = "batch size", .scale = LS_SCALE_LOG2},
                               .y = {.label = "time in updates (s)", .scale = LS_SCALE_LOG}}};
    ls_status st;

    plot.figure.title = titled(v, &title, "time to the target against batch size");
    add_field(v, &plot, offsetof(ls_swept, train_s), true);
    st = ls_document_plot(v->d, &plot,
                          "Trials that reached the target, on the ranks they ran on (see the table of trials). "
                          "Times depend on the machine and what else it did; all else on this page does not.");
    ls_text_reset(&title);
    return st;
}

static ls_status draw_all(batch_view *v)
{
    double noise;

    ls_document_heading(v->d, "Batch size");
    if (v->s->has_target) {
        for (size_t family = 0; family < v->s->families; family++)
            LS_TRY(fit_family(v, family));
        LS_TRY(draw_target(v));
    }
    ls_document_grid_begin(v->d);
    if (!v->s->has_target || has_infeasible(v->s))
        LS_TRY(draw_value(v));
    LS_TRY(draw_rates(v));
    if (v->s->has_target)
        LS_TRY(draw_time(v));
    LS_TRY(median_noise(v, &noise));
    if (isfinite(noise))
        LS_TRY(draw_noise(v));
    ls_document_grid_end(v->d);
    if (isfinite(noise))
        say_noise(v, noise);
    return LS_OK;
}

ls_status ls_swept_batch_draw(ls_document *d, const ls_swept_all *s)
{
    batch_view v = {.d = d, .s = s, .low = INFINITY};
    ls_status st = LS_ERR_MEMORY;

    if (s->batch_sizes < 2)
        return LS_OK;
    for (size_t c = 0; c < s->combos; c++)
        if (s->combo[c].title) {
            v.low = fmin(v.low, s->combo[c].batch_size);
            v.high = fmax(v.high, s->combo[c].batch_size);
        }
    v.fit = ls_calloc(s->families, sizeof *v.fit, "a fit");
    v.has_fit = ls_calloc(s->families, sizeof *v.has_fit, "a fit");
    v.why = ls_calloc(s->families, sizeof *v.why, "a fit");
    if (v.fit && v.has_fit && v.why)
        st = draw_all(&v);
    for (size_t i = 0; v.why && i < s->families; i++)
        ls_text_reset(&v.why[i]);
    ls_free(v.fit);
    ls_free(v.has_fit);
    ls_free(v.why);
    return st;
}
