#include "cli/score_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/h5_describe.h"
#include "cli/output_meaning.h"

#define MATRIX_MAX 40 /* classes of a matrix that people can read */
#define NAME_BYTES 40
#define COLUMNS_MAX 20 /* values of an output that are reported one by one */

/* ---- classes ---- */

typedef struct counts {
    size_t n;
    uint64_t *pair; /* (n, n): true, predicted */
    size_t *shown;  /* the classes that occur */
    size_t shows;
    ls_text *name; /* (n) */
} counts;

static uint64_t row_sum(const counts *c, size_t i)
{
    uint64_t sum = 0;

    for (size_t k = 0; k < c->n; k++)
        sum += c->pair[i * c->n + k];
    return sum;
}

static uint64_t column_sum(const counts *c, size_t i)
{
    uint64_t sum = 0;

    for (size_t k = 0; k < c->n; k++)
        sum += c->pair[k * c->n + i];
    return sum;
}

static double share(double part, double of)
{
    return of > 0 ? part / of : 0;
}

typedef struct quality {
    double precision, recall, f1;
} quality;

static quality quality_of(const counts *c, size_t i)
{
    const double hits = (double)c->pair[i * c->n + i], said = (double)column_sum(c, i), there = (double)row_sum(c, i);

    return (quality){share(hits, said), share(hits, there), share(2 * hits, said + there)};
}

static void add_row(ls_text *out, int width, const char *name, const quality *q, uint64_t support)
{
    ls_text_add(out, "%*s  %9.2f %9.2f %9.2f %9llu\n", width, name, q->precision, q->recall, q->f1,
                (unsigned long long)support);
}

static void add_qualities(const counts *c, ls_text *out)
{
    quality mean = {0}, weighted = {0};
    uint64_t all = 0, hits = 0;
    int width = (int)strlen("weighted avg");

    for (size_t i = 0; i < c->shows; i++)
        width = (int)c->name[c->shown[i]].length > width ? (int)c->name[c->shown[i]].length : width;
    ls_text_add(out, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score", "support");
    for (size_t k = 0; k < c->shows; k++) {
        const size_t i = c->shown[k];
        const quality q = quality_of(c, i);
        const uint64_t support = row_sum(c, i);

        add_row(out, width, c->name[i].data, &q, support);
        mean = (quality){mean.precision + q.precision, mean.recall + q.recall, mean.f1 + q.f1};
        weighted = (quality){weighted.precision + q.precision * (double)support,
                             weighted.recall + q.recall * (double)support, weighted.f1 + q.f1 * (double)support};
        all += support;
        hits += c->pair[i * c->n + i];
    }
    mean = (quality){mean.precision / (double)c->shows, mean.recall / (double)c->shows, mean.f1 / (double)c->shows};
    weighted = (quality){share(weighted.precision, (double)all), share(weighted.recall, (double)all),
                         share(weighted.f1, (double)all)};
    ls_text_add(out, "\n%*s  %9s %9s %9.2f %9llu\n", width, "accuracy", "", "", share((double)hits, (double)all),
                (unsigned long long)all);
    add_row(out, width, "macro avg", &mean, all);
    add_row(out, width, "weighted avg", &weighted, all);
}

static void add_matrix(const counts *c, ls_text *out)
{
    int width = 5;

    if (c->shows > MATRIX_MAX) {
        ls_text_add(out, "confusion matrix: left out, of %zu classes\n\n", c->shows);
        return;
    }
    for (size_t i = 0; i < c->shows; i++)
        width = (int)c->name[c->shown[i]].length > width ? (int)c->name[c->shown[i]].length : width;
    ls_text_add(out, "confusion matrix, a row for each true class, a column for each predicted one\n%*s", width, "");
    for (size_t i = 0; i < c->shows; i++)
        ls_text_add(out, "  %*s", width, c->name[c->shown[i]].data);
    for (size_t i = 0; i < c->shows; i++) {
        ls_text_add(out, "\n%*s", width, c->name[c->shown[i]].data);
        for (size_t k = 0; k < c->shows; k++)
            ls_text_add(out, "  %*llu", width, (unsigned long long)c->pair[c->shown[i] * c->n + c->shown[k]]);
    }
    ls_text_add(out, "\n\n");
}

/* A target of one value is the number of a class, another has a value for each. */
static ls_status true_class(const ls_output_meaning *m, const ls_array *y, const float *target, size_t *out)
{
    const size_t size = ls_shape_size(ls_array_shape(y));

    if (size == m->width && m->width > 1) {
        *out = ls_meant_class(m, target);
        return LS_OK;
    }
    if (size != 1 || !(target[0] >= 0 && (double)target[0] < (double)m->classes) || target[0] != floorf(target[0]))
        return ls_fail(LS_ERR_DATA, "%s holds %g, which is the number of no class: there is no report of it",
                       ls_array_path(y), (double)target[0]);
    *out = (size_t)target[0];
    return LS_OK;
}

static ls_status count(const ls_output_meaning *m, const ls_split *split, const ls_array *y, const float *rows,
                       float *target, counts *c)
{
    char number[24];

    for (uint64_t r = 0; r < split->samples; r++) {
        size_t truth = 0;

        ls_array_get(y, split->begin + r, target);
        LS_TRY(true_class(m, y, target, &truth));
        c->pair[truth * c->n + ls_meant_class(m, rows + r * m->width)]++;
    }
    for (size_t i = 0; i < c->n; i++) {
        ls_text_add(&c->name[i], "%s", ""); /* a text, though the name may be empty */
        ls_add_clean(ls_class_name(m, i, number), NAME_BYTES, &c->name[i]);
        LS_TRY(c->name[i].status);
        if (row_sum(c, i) + column_sum(c, i) > 0)
            c->shown[c->shows++] = i;
    }
    return LS_OK;
}

static ls_status report_classes(const ls_output_meaning *m, const ls_split *split, const ls_array *y, const float *rows,
                                float *target, ls_text *out)
{
    counts c = {.n = m->classes};
    size_t pairs;
    ls_status st = LS_ERR_MEMORY;

    if (!ls_size_mul(c.n, c.n, &pairs))
        return ls_fail(LS_ERR_MEMORY, "there are too many classes for a report");
    c.pair = ls_calloc(pairs, sizeof *c.pair, "the report");
    c.shown = ls_calloc(c.n, sizeof *c.shown, "the report");
    c.name = ls_calloc(c.n, sizeof *c.name, "the report");
    if (!c.pair || !c.shown || !c.name)
        goto cleanup;
    LS_TRY_CLEANUP(count(m, split, y, rows, target, &c));
    add_matrix(&c, out);
    add_qualities(&c, out);
cleanup:
    for (size_t i = 0; c.name && i < c.n; i++)
        ls_text_reset(&c.name[i]);
    ls_free(c.name);
    ls_free(c.shown);
    ls_free(c.pair);
    return st;
}

/* ---- values ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Of n sorted values, between neighbours in proportion. */
static double quantile(const double *sorted, uint64_t n, double at)
{
    const double place = at * (double)(n - 1), below = floor(place);
    const uint64_t i = (uint64_t)below;

    return i + 1 < n ? sorted[i] + (place - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static void add_residuals(double *residual, uint64_t n, double spread, ls_text *out)
{
    double sum = 0, absolute = 0, squares = 0, around = 0;

    for (uint64_t r = 0; r < n; r++) {
        sum += residual[r];
        absolute += fabs(residual[r]);
        squares += residual[r] * residual[r];
    }
    for (uint64_t r = 0; r < n; r++)
        around += (residual[r] - sum / (double)n) * (residual[r] - sum / (double)n);
    qsort(residual, (size_t)n, sizeof *residual, by_value);
    ls_text_add(out, "    mean %.6g, standard deviation %.6g, mean absolute %.6g, root mean square %.6g\n",
                sum / (double)n, sqrt(around / (double)n), absolute / (double)n, sqrt(squares / (double)n));
    ls_text_add(out, "    least %.6g, quartiles %.6g, %.6g, %.6g, largest %.6g\n", residual[0],
                quantile(residual, n, 0.25), quantile(residual, n, 0.5), quantile(residual, n, 0.75), residual[n - 1]);
    if (spread > 0)
        ls_text_add(out, "    r2 %.6g\n", 1 - squares / spread);
}

/* spread: of the targets around their mean. */
static double fill_residuals(const ls_output_meaning *m, const ls_split *split, const ls_array *y, const float *rows,
                             size_t i, float *target, double *residual)
{
    double mean = 0, spread = 0;

    for (uint64_t r = 0; r < split->samples; r++) {
        ls_array_get(y, split->begin + r, target);
        mean += ls_meant_value(m, i, target[i]) / (double)split->samples;
        residual[r] = ls_meant_value(m, i, rows[r * m->width + i]) - ls_meant_value(m, i, target[i]);
    }
    for (uint64_t r = 0; r < split->samples; r++) {
        double from_mean;

        ls_array_get(y, split->begin + r, target);
        from_mean = ls_meant_value(m, i, target[i]) - mean;
        spread += from_mean * from_mean;
    }
    return spread;
}

static ls_status report_values(const ls_output_meaning *m, const ls_split *split, const ls_array *y, const float *rows,
                               float *target, ls_text *out)
{
    double *residual;

    if (ls_shape_size(ls_array_shape(y)) != m->width)
        return ls_fail(LS_ERR_SHAPE, "%s has no value for each of '%s': there is no report of it", ls_array_path(y),
                       m->name);
    if (!(residual = ls_calloc((size_t)split->samples, sizeof *residual, "the report")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < m->width && i < COLUMNS_MAX; i++) {
        const double spread = fill_residuals(m, split, y, rows, i, target, residual);

        ls_text_add(out, "residuals of ");
        ls_add_clean(m->value ? m->value[i] : m->name, NAME_BYTES, out);
        if (m->width > 1 && !m->value)
            ls_text_add(out, "[%zu]", i);
        ls_text_add(out, ", prediction - target, of %llu samples:\n", (unsigned long long)split->samples);
        add_residuals(residual, split->samples, spread, out);
    }
    if (m->width > COLUMNS_MAX)
        ls_text_add(out, "and %zu more values\n", m->width - COLUMNS_MAX);
    ls_free(residual);
    return LS_OK;
}

/* ---- all ---- */

static ls_status report_output(const ls_data_arguments *a, const ls_predictions *p, size_t k, ls_text *out)
{
    const ls_split *const split = a->task->test;
    ls_output_meaning m = {0};
    const ls_array *const y = split->y ? split->y[k] : NULL;
    float *target = NULL;
    ls_status st;

    if (!y)
        return LS_OK;
    if (!ls_array_is_loaded(y))
        return ls_fail(LS_ERR_USAGE, "--report needs the targets in memory: leave out --memory");
    LS_TRY_CLEANUP(ls_output_meaning_init(&m, a, k));
    if (!(target = ls_calloc(ls_shape_size(ls_array_shape(y)), sizeof *target, "the report"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    ls_text_add(out, "\n");
    if (p->model->outputs > 1) {
        ls_add_clean(m.name, NAME_BYTES, out);
        ls_text_add(out, ":\n");
    }
    st = m.classes ? report_classes(&m, split, y, p->rows[k], target, out)
                   : report_values(&m, split, y, p->rows[k], target, out);
cleanup:
    ls_output_meaning_reset(&m);
    ls_free(target);
    return st;
}

ls_status ls_score_report(const ls_data_arguments *a, const ls_predictions *p, ls_text *out)
{
    for (size_t k = 0; k < p->model->outputs; k++)
        LS_TRY(report_output(a, p, k, out));
    return out->status;
}
