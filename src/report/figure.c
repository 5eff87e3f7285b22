#include "report/figure.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/tool.h"

/* Okabe and Ito's palette, which people who see colours differently can tell apart; without yellow, too pale on white.
 */
static const char *const palette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#666666"};

static const char *color_of(unsigned color)
{
    return palette[color % (sizeof palette / sizeof palette[0])];
}

/* A text in double quotes. Line ends become blanks. */
static void quote(ls_text *out, const char *text)
{
    ls_text_add(out, "\"");
    for (const char *c = text; *c; c++)
        ls_text_add(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", (unsigned char)*c < ' ' ? ' ' : *c);
    ls_text_add(out, "\"");
}

static void label(ls_text *out, const char *what, const char *text)
{
    ls_text_add(out, "set %s ", what);
    quote(out, text ? text : "");
    ls_text_add(out, " noenhanced\n");
}

static void number(ls_text *out, double x)
{
    char text[32];

    ls_format_double(x, text, sizeof text);
    ls_text_add(out, " %s", text);
}

/* gnuplot does not join points across an empty line. */
static void data(ls_text *out, const ls_series *s, size_t index)
{
    ls_text_add(out, "$data%zu << END\n", index);
    for (size_t i = 0; i < s->n; i++) {
        const double y = s->mark == LS_MARK_BAND ? s->low[i] : s->y[i];

        if (!isfinite(s->x[i]) || !isfinite(y)) {
            ls_text_add(out, "\n");
            continue;
        }
        number(out, s->x[i]);
        number(out, y);
        if (s->mark == LS_MARK_BAND || s->mark == LS_MARK_INTERVALS) {
            number(out, isfinite(s->low[i]) ? s->low[i] : y);
            number(out, isfinite(s->high[i]) ? s->high[i] : y);
        }
        ls_text_add(out, "\n");
    }
    ls_text_add(out, "END\n");
}

static bool has_points(const ls_series *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (isfinite(s->x[i]) && isfinite(s->mark == LS_MARK_BAND ? s->low[i] : s->y[i]))
            return true;
    return false;
}

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
    case LS_MARK_LINE_POINTS:
        ls_text_add(out, "using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb '%s'", color);
        break;
    case LS_MARK_INTERVALS:
        ls_text_add(out, "using 1:2:3:4 with yerrorbars pt 7 ps 0.8 lw 1.5 lc rgb '%s'", color);
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
        quote(out, s->title);
    } else {
        ls_text_add(out, " notitle");
    }
}

static void plot(ls_text *out, const ls_figure *f)
{
    const char *before = "plot ";

    for (size_t i = 0; i < f->n; i++) {
        if (!has_points(&f->series[i]))
            continue;
        ls_text_add(out, "%s$data%zu ", before, i);
        style(out, &f->series[i]);
        before = ", \\\n     ";
    }
    ls_text_add(out, "\n");
}

ls_status ls_figure_script(const ls_figure *f, ls_text *out)
{
    bool any = false;

    ls_text_add(out, "# gnuplot %s.gp draws %s.svg and %s.png anew.\n", f->name, f->name, f->name);
    for (size_t i = 0; i < f->n; i++) {
        data(out, &f->series[i], i);
        any = any || has_points(&f->series[i]);
    }
    label(out, "title", f->title);
    label(out, "xlabel", f->x_label);
    label(out, "ylabel", f->y_label);
    ls_text_add(
        out,
        "set border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb '#333333'\nset grid lc rgb '#e4e4e4' lw 1\n"
        "set key outside right top vertical Left reverse noenhanced samplen 1.6 width -2\n"
        "set offsets graph 0.02, graph 0.02, 0, 0\n");
    if (f->log_x)
        ls_text_add(out, "set logscale x 2\nset format x '%%.0f'\n");
    if (f->log_y)
        ls_text_add(out, "set logscale y 10\n");
    else if (f->zero_y)
        ls_text_add(out, "set yrange [0:*]\n");
    if (!any)
        ls_text_add(out, "set xrange [0:1]\nset yrange [0:1]\nset label 'nothing to show' at graph 0.5, 0.5 center\n");
    ls_text_add(out,
                "set term svg size 760,420 dynamic font 'sans-serif,13' background '#ffffff'\nset output '%s.svg'\n",
                f->name);
    if (any)
        plot(out, f);
    else
        ls_text_add(out, "plot NaN notitle\n");
    ls_text_add(out,
                "set term pngcairo size 1520,840 font 'sans-serif,22' linewidth 2 background '#ffffff'\n"
                "set output '%s.png'\nreplot\n",
                f->name);
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
