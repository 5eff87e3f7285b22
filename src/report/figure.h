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
    LS_MARK_LINE_POINTS,
    LS_MARK_INTERVALS, /* points with a bar from low to high */
    LS_MARK_BAND,      /* the area from low to high */
    LS_MARK_STEPS,     /* the outline of a histogram: y holds from x to the next x */
} ls_mark;

/* n points; those with a coordinate that is not finite leave a gap. All arrays are borrowed. */
typedef struct ls_series {
    const char *title; /* NULL: not in the legend */
    ls_mark mark;
    const double *x, *y;      /* [n]; y is not read for a band */
    const double *low, *high; /* [n] intervals and bands only */
    size_t n;
    unsigned color; /* of the palette: 0, 1, …; series that belong together share one */
} ls_series;

typedef struct ls_figure {
    const char *name; /* of the files */
    const char *title, *x_label, *y_label;
    bool log_x, log_y;       /* x in powers of two, y in powers of ten */
    bool zero_y;             /* the y axis begins at 0 */
    const ls_series *series; /* [n] later ones on top */
    size_t n;
} ls_figure;

/* LS_ERR_IO if gnuplot is not installed or fails, with what it said. Overwrites. */
ls_status ls_figure_draw(const char *folder, const ls_figure *figure);

/* The script alone, as it stands in NAME.gp. */
ls_status ls_figure_script(const ls_figure *figure, ls_text *out);

#endif
