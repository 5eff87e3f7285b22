#include "report/figure.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/say.h"
#include "report/ticks.h"
#include "report/tool.h"

#define WIDTH 540 /* pixels: readable on a telephone, two of them side by side on a desk */
#define HEIGHT 380
#define ROW_HEIGHT 32   /* of a category, of two lines */
#define NAME_COLUMNS 24 /* of a category */
#define TITLE_COLUMNS 62
#define LINE_HEIGHT 19  /* of the title and the legend */
#define LABEL_ROOM 0.12 /* of the y axis, for labels of areas */
#define LETTER_WIDTH 7  /* about */
#define KEY_WIDTH 50    /* of a sample in the legend */

/* Okabe and Ito's palette, which people who see colours differently can tell apart; without yellow, too pale on white,
 * and with three more.
 */
static const char *const palette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9",
                                      "#E69F00", "#666666", "#7A5195", "#8B5A2B", "#000000"};

static const char *color_of(unsigned color)
{
    return palette[color % (sizeof palette / sizeof palette[0])];
}

/* ---- texts and numbers ---- */

/* A text in double quotes. Line ends become blanks; the text is broken at blanks after `columns` bytes (0: not). */
static void quote(ls_text *out, const char *text, size_t columns)
{
    size_t used = 0;

    ls_text_add(out, "\"");
    for (const char *c = text; *c; c++, used++) {
        const size_t word = strcspn(c + 1, " ");

        if (*c == ' ' && columns && used + 1 + word > columns) {
            ls_text_add(out, "\\n");
            used = 0;
            continue;
        }
        ls_text_add(out, strchr("\"\\`", *c) ? "\\%c" : "%c",
                    (unsigned char)*c < ' ' ? ' ' : *c); /* `…` would be run */
    }
    ls_text_add(out, "\"");
}

static void label(ls_text *out, const char *what, const char *text, size_t columns)
{
    ls_text_add(out, "set %s ", what);
    quote(out, text ? text : "", columns);
    ls_text_add(out, " noenhanced\n");
}

static void number(ls_text *out, double x)
{
    char text[32];

    ls_format_double(x, text, sizeof text);
    ls_text_add(out, " %s", text);
}

/* ---- what can be drawn, and how far it reaches ---- */

static bool fits(const ls_axis *axis, double value)
{
    return isfinite(value) && (axis->scale == LS_SCALE_LINEAR || value > 0);
}

static double middle(const ls_series *s, size_t i)
{
    return s->mark == LS_MARK_BAND ? s->low[i] : s->y[i];
}

/* The outline of a histogram goes down to the axis where there is nothing, on a logarithmic axis too. */
static bool is_drawn(const ls_figure *f, const ls_series *s, size_t i)
{
    return fits(&f->x, s->x[i]) && (fits(&f->y, middle(s, i)) || (s->mark == LS_MARK_STEPS && middle(s, i) == 0));
}

static bool has_points(const ls_figure *f, const ls_series *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_drawn(f, s, i))
            return true;
    return false;
}

static void widen(const ls_axis *axis, ls_range *range, double value)
{
    if (fits(axis, value)) {
        range->low = fmin(range->low, value);
        range->high = fmax(range->high, value);
    }
}

static void find_ranges(const ls_figure *f, ls_range *x, ls_range *y)
{
    bool labels = false;

    *x = *y = (ls_range){INFINITY, -INFINITY};
    for (size_t k = 0; k < f->n; k++) {
        const ls_series *s = &f->series[k];

        for (size_t i = 0; i < s->n; i++) {
            if (!is_drawn(f, s, i))
                continue;
            widen(&f->x, x, s->x[i]);
            widen(&f->y, y, middle(s, i));
            if (s->mark == LS_MARK_BAND || s->mark == LS_MARK_INTERVALS) {
                widen(&f->y, y, s->low[i]);
                widen(&f->y, y, s->high[i]);
            }
        }
    }
    for (size_t i = 0; i < f->spans; i++)
        labels = labels || (f->span[i].label && f->span[i].from < f->span[i].to);
    if (labels && y->low < y->high) /* room for them at the top */
        y->high = f->y.scale == LS_SCALE_LINEAR ? y->high + LABEL_ROOM * (y->high - y->low)
                                                : y->high * pow(y->high / y->low, LABEL_ROOM);
    ls_range_round(x, f->x.scale != LS_SCALE_LINEAR, f->x.zero);
    ls_range_round(y, f->y.scale != LS_SCALE_LINEAR, f->y.zero);
    if (f->y.names)
        *y = (ls_range){(double)f->y.names + 0.6, 0.4};
}

/* gnuplot does not join points across an empty line. An interval without an end is a point. */
static void data(ls_text *out, const ls_figure *f, size_t index, const ls_range *y)
{
    const ls_series *s = &f->series[index];

    ls_text_add(out, "$data%zu << END\n", index);
    for (size_t i = 0; i < s->n; i++) {
        if (is_drawn(f, s, i)) {
            number(out, s->x[i]);
            number(out, fits(&f->y, middle(s, i)) ? middle(s, i) : y->low);
        }
        if (is_drawn(f, s, i) && (s->mark == LS_MARK_BAND || s->mark == LS_MARK_INTERVALS)) {
            const double low = isfinite(s->low[i]) ? s->low[i] : middle(s, i);

            number(out, fits(&f->y, low) ? low : y->low);
            number(out, isfinite(s->high[i]) ? s->high[i] : middle(s, i));
        }
        ls_text_add(out, "\n");
    }
    ls_text_add(out, "END\n");
}

/* ---- axes ---- */

static void axis(ls_text *out, char which, const ls_axis *a, const ls_range *range)
{
    double tick[LS_TICKS_MAX];
    size_t n = a->names;
    char name[8] = {which, 'l', 'a', 'b', 'e', 'l', '\0'};

    label(out, name, a->label, 0);
    if (a->scale != LS_SCALE_LINEAR)
        ls_text_add(out, "set logscale %c\n", which);
    ls_text_add(out, "set %crange [", which);
    number(out, range->low);
    ls_text_add(out, ":");
    number(out, range->high);
    ls_text_add(out, "]\nset %ctics scale 0.6 noenhanced (", which);
    if (!a->names)
        n = ls_ticks(range, a->scale == LS_SCALE_LOG2 ? 2 : a->scale == LS_SCALE_LOG ? 10 : 0, tick);
    for (size_t i = 0; i < n; i++) {
        char text[LS_SAY_BYTES];

        ls_text_add(out, "%s", i ? ", " : "");
        quote(out, a->names ? a->name[i] : ls_say_tick(tick[i], text), NAME_COLUMNS);
        number(out, a->names ? (double)i + 1 : tick[i]);
    }
    ls_text_add(out, ")\n");
}

/* A line writes its label upright beside itself, an area at its top left, if it is wide enough. */
static void span(ls_text *out, const ls_figure *f, const ls_span *s, const ls_range *x)
{
    const bool is_log = f->x.scale != LS_SCALE_LINEAR;
    const double from = fmax(s->from, x->low), to = fmin(s->to, x->high);
    const double whole = is_log ? log(x->high / x->low) : x->high - x->low;

    if (!(from <= to))
        return;
    if (s->from == s->to) {
        ls_text_add(out, "set arrow from first");
        number(out, from);
        ls_text_add(out, ", graph 0 to first");
        number(out, from);
        ls_text_add(out, ", graph 1 nohead lw 1.5 dt 3 lc rgb '%s' back\n", color_of(s->color));
    } else {
        ls_text_add(out, "set object rectangle from first");
        number(out, from);
        ls_text_add(out, ", graph 0 to first");
        number(out, to);
        ls_text_add(out, ", graph 1 behind fillcolor rgb '%s' fillstyle solid 0.09 noborder\n", color_of(s->color));
    }
    if (!s->label || (s->from != s->to && (is_log ? log(to / from) : to - from) < 0.14 * whole))
        return;
    ls_text_add(out, "set label ");
    quote(out, s->label, s->from == s->to || (is_log ? log(to / from) : to - from) > 0.4 * whole ? 0 : 11);
    ls_text_add(out, " at first");
    number(out, from);
    ls_text_add(out, ", graph %s noenhanced font ',11' textcolor rgb '#444444'\n",
                s->from == s->to ? "0.25 left rotate by 90 offset 0.8,0" : "0.96 left offset 0.5,0");
}

/* ---- series ---- */

static void style(ls_text *out, const ls_series *s)
{
    const char *const color = color_of(s->color);

    switch (s->mark) {
    case LS_MARK_LINE:
        ls_text_add(out, "using 1:2 with lines lw 2 lc rgb '%s'", color);
        break;
    case LS_MARK_DASHED:
        ls_text_add(out, "using 1:2 with lines lw 1.5 dt 2 lc rgb '%s'", color);
        break;
    case LS_MARK_POINTS:
        ls_text_add(out, "using 1:2 with points pt 7 ps 0.7 lc rgb '%s'", color);
        break;
    case LS_MARK_OPEN:
        ls_text_add(out, "using 1:2 with points pt 6 ps 0.7 lw 1.2 lc rgb '%s'", color);
        break;
    case LS_MARK_CROSSES:
        ls_text_add(out, "using 1:2 with points pt 2 ps 0.8 lw 1.8 lc rgb '%s'", color);
        break;
    case LS_MARK_LINE_POINTS:
        ls_text_add(out, "using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb '%s'", color);
        break;
    case LS_MARK_INTERVALS:
        ls_text_add(out, "using 1:2:3:4 with yerrorbars pt 7 ps 0.7 lw 1.2 lc rgb '%s'", color);
        break;
    case LS_MARK_BAND:
        ls_text_add(out, "using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc rgb '%s'", color);
        break;
    case LS_MARK_STEPS:
        ls_text_add(out, "using 1:2 with steps lw 2 lc rgb '%s'", color);
        break;
    }
    if (s->title) {
        ls_text_add(out, " title ");
        quote(out, s->title, 0);
    } else {
        ls_text_add(out, " notitle");
    }
}

static void plot(ls_text *out, const ls_figure *f)
{
    const char *before = "plot ";

    for (size_t i = 0; i < f->n; i++) {
        if (!has_points(f, &f->series[i]))
            continue;
        ls_text_add(out, "%s$data%zu ", before, i);
        style(out, &f->series[i]);
        before = ", \\\n     ";
    }
    ls_text_add(out, *before == 'p' ? "plot NaN notitle\n" : "\n");
}

/* Rows of the legend: as many columns as fit. */
static size_t legend_rows(const ls_figure *f)
{
    size_t n = 0, longest = 0, columns;

    for (size_t i = 0; i < f->n; i++)
        if (f->series[i].title && has_points(f, &f->series[i])) {
            longest = strlen(f->series[i].title) > longest ? strlen(f->series[i].title) : longest;
            n++;
        }
    columns = WIDTH / (longest * LETTER_WIDTH + KEY_WIDTH);
    columns = columns > 4 ? 4 : columns < 1 ? 1 : columns;
    return (n + columns - 1) / columns;
}

ls_status ls_figure_script(const ls_figure *f, ls_text *out)
{
    const size_t rows = legend_rows(f), columns = f->y.names ? TITLE_COLUMNS - NAME_COLUMNS : TITLE_COLUMNS;
    const size_t title_lines = strlen(f->title) / columns;
    const size_t height = HEIGHT + (f->y.names > 6 ? (f->y.names - 6) * ROW_HEIGHT : 0) +
                          (rows > 1 ? (rows - 1) * LINE_HEIGHT : 0) + title_lines * LINE_HEIGHT;
    ls_range x, y;
    bool any = false;

    find_ranges(f, &x, &y);
    ls_text_add(out, "# gnuplot %s.gp draws %s.svg and %s.png anew.\n", f->name, f->name, f->name);
    for (size_t i = 0; i < f->n; i++) {
        data(out, f, i, &y);
        any = any || has_points(f, &f->series[i]);
    }
    label(out, "title", f->title, columns);
    ls_text_add(out,
                "set border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb '#333333'\n"
                "set grid lc rgb '#e4e4e4' lw 1\nset key below center Left reverse noenhanced samplen 1.6 height 0.5 "
                "maxrows %zu\n"
                "set title offset 0,-0.4\nset xlabel offset 0,0.3\nset rmargin 2\nset tmargin %.1f\n",
                rows > 0 ? rows : 1, 1.2 + 1.3 * (double)(title_lines + 1));
    if (!f->y.names) /* figures side by side line up */
        ls_text_add(out, "set lmargin 11\n");
    axis(out, 'x', &f->x, &x);
    axis(out, 'y', &f->y, &y);
    for (size_t i = 0; i < f->spans; i++)
        span(out, f, &f->span[i], &x);
    if (!any)
        ls_text_add(out, "set label 'nothing to show' at graph 0.5, 0.5 center\n");
    ls_text_add(out,
                "set term svg size %d,%zu dynamic font 'sans-serif,14' background '#ffffff'\nset output '%s.svg'\n",
                WIDTH, height, f->name);
    plot(out, f);
    ls_text_add(out,
                "set term pngcairo size %d,%zu font 'sans-serif,19' linewidth 2 pointscale 1.8 background '#ffffff'\n"
                "set output '%s.png'\nreplot\n",
                2 * WIDTH, 2 * height, f->name);
    return out->status;
}

ls_status ls_figure_draw(const char *folder, const ls_figure *figure)
{
    ls_text script = {0}, name = {0};
    char *path = NULL;
    ls_status st;

    LS_TRY_CLEANUP(ls_figure_script(figure, &script));
    ls_text_add(&name, "%s.gp", figure->name);
    LS_TRY_CLEANUP(name.status);
    if (!(path = ls_path_join(folder, name.data))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_file_replace(path, script.data, script.length));
    st = ls_tool_run(folder, (const char *const[]){"gnuplot", name.data, NULL}, "gnuplot-nox", NULL);
cleanup:
    ls_text_reset(&script);
    ls_text_reset(&name);
    ls_free(path);
    return st;
}
