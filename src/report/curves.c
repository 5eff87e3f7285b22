#include "report/curves.h"

#include <ctype.h>
#include <math.h>

#define LOG_FROM 30.0 /* the largest value over the smallest: from here on a linear axis hides the end of training */
#define MARKS_MAX 25  /* points that are marked one by one */

static const char *const files[] = {"epochs", "updates", "samples", "time"};
static const char *const words[] = {"epochs", "updates", "samples", "wall time"};

void ls_file_name(ls_text *out, const char *name)
{
    for (; *name; name++)
        ls_text_add(out, "%c", isalnum((unsigned char)*name) || *name == '-' ? *name : '_');
}

static double largest(const ls_curve *curve, size_t n, int over)
{
    double most = 0;

    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < curve[k].n; i++)
            if (isfinite(curve[k].over[over][i]))
                most = fmax(most, curve[k].over[over][i]);
    return most;
}

static bool wants_log(const ls_curve *curve, size_t n)
{
    double low = INFINITY, high = 0;

    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < curve[k].n; i++) {
            if (!isfinite(curve[k].value[i]))
                continue;
            low = fmin(low, curve[k].value[i]);
            high = fmax(high, curve[k].value[i]);
        }
    return low > 0 && high > LOG_FROM * low;
}

static ls_status draw(ls_document *d, const char *metric, const char *note, const ls_curve *curve, size_t n, int over,
                      const char *caption)
{
    const double most = largest(curve, n, over);
    const double unit = over != LS_OVER_SECONDS ? 1 : most > 7200 ? 3600 : most > 180 ? 60 : 1;
    const char *const time_label = unit > 60 ? "wall time (h)" : unit > 1 ? "wall time (min)" : "wall time (s)";
    ls_text name = {0}, title = {0};
    ls_plot plot = {0};
    ls_status st;

    ls_file_name(&name, metric);
    ls_text_add(&name, "_%s", files[over]);
    ls_text_add(&title, "%s over %s%s%s", metric, words[over], note ? ": " : "", note ? note : "");
    if ((st = name.status ? name.status : title.status) == LS_OK) {
        plot.figure.name = name.data;
        plot.figure.title = title.data;
        plot.figure.x = (ls_axis){.label = over == LS_OVER_SECONDS ? time_label : words[over], .zero = true};
        plot.figure.y = (ls_axis){.label = metric, .scale = wants_log(curve, n) ? LS_SCALE_LOG : LS_SCALE_LINEAR};
        for (size_t k = 0; k < n; k++) {
            ls_plot_series(&plot,
                           curve[k].dashed                   ? LS_MARK_DASHED
                           : curve[k].n * n <= MARKS_MAX * 2 ? LS_MARK_LINE_POINTS
                                                             : LS_MARK_LINE,
                           curve[k].color, curve[k].title ? "%s" : NULL, curve[k].title);
            for (size_t i = 0; i < curve[k].n; i++)
                if (isfinite(curve[k].value[i])) /* epochs without validation leave no gap */
                    ls_plot_point(&plot, curve[k].over[over][i] / unit, curve[k].value[i]);
        }
        st = ls_document_plot(d, &plot, caption);
    }
    ls_text_reset(&name);
    ls_text_reset(&title);
    return st;
}

ls_status ls_curves_draw(ls_document *d, const char *metric, const char *note, const ls_curve *curve, size_t n,
                         const char *caption)
{
    ls_document_grid_begin(d);
    for (int over = 0; over < LS_OVER; over++)
        LS_TRY(draw(d, metric, note, curve, n, over, over == 0 ? caption : NULL));
    ls_document_grid_end(d);
    return LS_OK;
}
