/*
 * Figures, drawn by gnuplot: NAME.svg and NAME.png in a folder, and NAME.gp beside them, a script with all its numbers
 * that draws both again (and that people may change).
 */
#ifndef LS_REPORT_FIGURE_H
#define LS_REPORT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

typedef enum ls_mark {
    LS_MARK_LINE,
    LS_MARK_DASHED, /* a line that is no measurement: a fit, a bound */
    LS_MARK_POINTS,
    LS_MARK_OPEN,    /* points that stand back */
    LS_MARK_CROSSES, /* points that failed */
    LS_MARK_LINE_POINTS,
    LS_MARK_INTERVALS, /* points with a bar from low to high */
    LS_MARK_BAND,      /* the area from low to high */
    LS_MARK_STEPS,     /* the outline of a histogram: y holds from x to the next x */
} ls_mark;

/* n points; those with a coordinate that cannot be drawn (not finite; not positive on a logarithmic axis) leave a gap.
 * All arrays are borrowed. */
typedef struct ls_series {
    const char *title; /* NULL: not in the legend */
    ls_mark mark;
    const double *x, *y;      /* [n]; y is not read for a band */
    const double *low, *high; /* [n] intervals and bands only */
    size_t n;
    unsigned color; /* of the palette: 0, 1, …; series that belong together share one */
} ls_series;

/* Part of the x axis, over the whole height: a tinted area, or a line if from == to. Infinite: up to the edge. */
typedef struct ls_span {
    const char *label; /* written at it; NULL: none */
    double from, to;
    unsigned color;
} ls_span;

typedef enum ls_scale {
    LS_SCALE_LINEAR,
    LS_SCALE_LOG,  /* ticks at powers of ten, or between them */
    LS_SCALE_LOG2, /* ticks at powers of two */
} ls_scale;

typedef struct ls_axis {
    const char *label;
    ls_scale scale;
    bool zero;               /* begins at 0 */
    const char *const *name; /* [names] categories instead of numbers, of the y axis: y = 1, 2, … from the top */
    size_t names;
} ls_axis;

typedef struct ls_figure {
    const char *name;        /* of the files */
    const char *title;       /* may be long: it is broken into lines */
    ls_axis x, y;            /* as wide as the series need; spans are cut off */
    const ls_series *series; /* [n] later ones on top */
    size_t n;
    const ls_span *span; /* [spans] behind the series */
    size_t spans;
} ls_figure;

/* LS_ERR_IO if gnuplot is not installed or fails, with what it said. Overwrites. */
ls_status ls_figure_draw(const char *folder, const ls_figure *figure);

/* The script alone, as it stands in NAME.gp. */
ls_status ls_figure_script(const ls_figure *figure, ls_text *out);

#endif
