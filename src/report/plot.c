#include "report/plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

#define DRAWN_MAX 1e290 /* as little as an infinity: gnuplot computes with differences of squares of it */

/* *items, of which there are n, with room for one more. False: plot->status says why. */
static bool grow(ls_plot *p, void **items, size_t n, size_t *capacity, size_t bytes)
{
    void *grown;

    if (p->status != LS_OK || n < *capacity)
        return p->status == LS_OK;
    if (!(grown = ls_realloc(*items, 2 * n + 16, bytes, "a figure"))) {
        p->status = LS_ERR_MEMORY;
        return false;
    }
    *items = grown;
    *capacity = 2 * n + 16;
    return true;
}

void ls_plot_series(ls_plot *p, ls_mark mark, unsigned color, const char *title, ...)
{
    ls_text text = {0};
    char line[512];
    va_list arguments;

    if (!grow(p, (void **)&p->series, p->figure.n, &p->series_capacity, sizeof *p->series))
        return;
    if (title) {
        va_start(arguments, title);
        vsnprintf(line, sizeof line, title, arguments);
        va_end(arguments);
        ls_text_add(&text, "%s", line);
        if ((p->status = text.status) != LS_OK)
            return;
    }
    p->points_capacity = 0;
    p->series[p->figure.n++] = (ls_series){.title = text.data, .mark = mark, .color = color};
    p->figure.series = p->series;
}

void ls_plot_interval(ls_plot *p, double x, double y, double low, double high)
{
    double *const value[] = {&x, &y, &low, &high};
    ls_series *s;

    if (p->status != LS_OK || p->figure.n == 0)
        return;
    s = &p->series[p->figure.n - 1];
    for (size_t i = 0; i < 4; i++) {
        const double **array = i == 0 ? &s->x : i == 1 ? &s->y : i == 2 ? &s->low : &s->high;
        size_t capacity = p->points_capacity;

        if (!grow(p, (void **)array, s->n, &capacity, sizeof **array))
            return;
        ((double *)*array)[s->n] = fabs(*value[i]) <= DRAWN_MAX ? *value[i] : NAN;
        if (i == 3)
            p->points_capacity = capacity;
    }
    s->n++;
}

void ls_plot_point(ls_plot *p, double x, double y)
{
    ls_plot_interval(p, x, y, NAN, NAN);
}

void ls_plot_span(ls_plot *p, double from, double to, unsigned color, const char *label)
{
    char *copy = NULL;

    if (!grow(p, (void **)&p->span, p->figure.spans, &p->span_capacity, sizeof *p->span))
        return;
    if (label && !(copy = ls_strdup(label))) {
        p->status = LS_ERR_MEMORY;
        return;
    }
    p->span[p->figure.spans++] = (ls_span){copy, from, to, color};
    p->figure.span = p->span;
}

bool ls_plot_is_empty(const ls_plot *p)
{
    for (size_t k = 0; k < p->figure.n; k++)
        for (size_t i = 0; i < p->series[k].n; i++)
            if (isfinite(p->series[k].x[i]) && isfinite(p->series[k].y[i]))
                return false;
    return true;
}

void ls_plot_reset(ls_plot *p)
{
    for (size_t k = 0; k < p->figure.n; k++) {
        ls_free((void *)p->series[k].title);
        ls_free((void *)p->series[k].x);
        ls_free((void *)p->series[k].y);
        ls_free((void *)p->series[k].low);
        ls_free((void *)p->series[k].high);
    }
    for (size_t k = 0; k < p->figure.spans; k++)
        ls_free((void *)p->span[k].label);
    ls_free(p->series);
    ls_free(p->span);
    *p = (ls_plot){0};
}
