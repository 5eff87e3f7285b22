/* A figure that is put together point by point and owns its numbers and texts. */
#ifndef LS_REPORT_PLOT_H
#define LS_REPORT_PLOT_H

#include "report/figure.h"

typedef struct ls_plot {
    ls_figure figure; /* axes, name and title: set by the caller, borrowed. Series and spans: made by the calls below */
    ls_status status; /* the first failure; later calls do nothing */
    ls_series *series;
    ls_span *span;
    size_t series_capacity, points_capacity, span_capacity;
} ls_plot; /* starts as {0} */

/* A new series; title as in printf, NULL: not in the legend. */
void ls_plot_series(ls_plot *plot, ls_mark mark, unsigned color, const char *title, ...)
    __attribute__((format(printf, 4, 5)));
/* A point of the last series. */
void ls_plot_point(ls_plot *plot, double x, double y);
void ls_plot_interval(ls_plot *plot, double x, double y, double low, double high);
void ls_plot_span(ls_plot *plot, double from, double to, unsigned color, const char *label);

bool ls_plot_is_empty(const ls_plot *plot); /* no point can be drawn */
void ls_plot_reset(ls_plot *plot);

#endif
