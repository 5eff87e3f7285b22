#include "run/progress.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/locale.h"

#define REDRAW_S 0.05
#define BAR 20 /* cells, where there is room */
#define COLUMNS 80
#define SHARE 0.01       /* of the run's time */
#define ALLOWANCE_S 0.05 /* and so much more */

/* Of the terminal that out is; else what the environment says, or as many as there always were. */
static int columns_of(FILE *out)
{
    const char *const said = getenv("COLUMNS");
    const int columns = said ? atoi(said) : 0;
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return columns > 0 ? columns : COLUMNS;
}

void ls_progress_init(ls_progress *p, FILE *out, int verbose)
{
    *p = (ls_progress){.out = out, .verbose = verbose, .started_s = ls_now_s(), .columns = columns_of(out)};
}

static bool can_afford(const ls_progress *p, double now_s)
{
    return p->spent_s <= ALLOWANCE_S + SHARE * (now_s - p->started_s);
}

void ls_progress_begin(ls_progress *p, uint64_t epoch, uint64_t epochs, uint64_t steps, uint64_t done)
{
    p->epoch = epoch;
    p->epochs = epochs;
    p->steps = steps;
    p->first_step = done;
    p->begun_s = ls_now_s();
    p->drawn_s = 0;
    p->width = 0;
    p->shows = p->verbose && (can_afford(p, p->begun_s) || epoch + 1 == epochs);
    if (!p->shows)
        return;
    fprintf(p->out, "Epoch %" PRIu64 "/%" PRIu64 "\n", epoch + 1, epochs);
    fflush(p->out);
    p->spent_s += ls_now_s() - p->begun_s;
}

bool ls_progress_due(const ls_progress *p)
{
    double now_s;

    if (p->verbose != 1 || !p->shows)
        return false;
    now_s = ls_now_s();
    return now_s - p->drawn_s >= REDRAW_S && can_afford(p, now_s);
}

/* "12s", "3:07", "1:02:33" */
static int add_time(char *out, size_t bytes, double seconds)
{
    const long s = (long)seconds;

    if (s >= 3600)
        return snprintf(out, bytes, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    if (s >= 60)
        return snprintf(out, bytes, "%ld:%02ld", s / 60, s % 60);
    return snprintf(out, bytes, "%lds", s);
}

static int add_step_time(char *out, size_t bytes, double seconds)
{
    if (seconds >= 1)
        return snprintf(out, bytes, "%.0fs", seconds);
    if (seconds >= 1e-3)
        return snprintf(out, bytes, "%.0fms", seconds * 1e3);
    return snprintf(out, bytes, "%.0fus", seconds * 1e6);
}

/* As many of them as have room, in characters; all were it INT_MAX. */
static int add_logs(FILE *out, const ls_log *logs, size_t n, int room)
{
    int width = 0;

    for (size_t i = 0; i < n; i++) {
        const char *const format = fabs(logs[i].value) > 1e-3 ? " - %s: %.4f" : " - %s: %.4e";
        char text[512];
        const int length = ls_format(text, sizeof text, format, logs[i].name, logs[i].value);

        if (length > room - width)
            break;
        fputs(text, out);
        width += length;
    }
    return width;
}

static void draw(ls_progress *p, uint64_t done, const ls_log *logs, size_t n, bool last)
{
    const double now_s = ls_now_s(), spent = now_s - p->begun_s, steps = (double)(done - p->first_step);
    const double step = steps > 0 ? spent / steps : 0;
    char time[32], per_step[32], count[64];
    int width, bar, filled, before = p->width;

    if (last)
        snprintf(time, sizeof time, "%.0fs", spent);
    else
        add_time(time, sizeof time, step * (double)(p->steps - done));
    add_step_time(per_step, sizeof per_step, step);
    snprintf(count, sizeof count, "%*" PRIu64 "/%" PRIu64, (int)log10((double)p->steps + 0.5) + 1, done, p->steps);
    /* Three blanks, and the last column stays free: some terminals go to the next line with it. */
    width = (int)(strlen(count) + strlen(time) + strlen(per_step) + strlen("/step")) + 4;
    bar = p->columns - width < BAR ? p->columns - width : BAR;
    bar = bar > 0 ? bar : 0;
    filled = p->steps ? (int)((uint64_t)bar * done / p->steps) : bar;
    fprintf(p->out, "\r\033[1m%s\033[0m \033[32m", count);
    for (int i = 0; i < bar; i++)
        fprintf(p->out, "%s\u2501", i == filled ? "\033[0m\033[37m" : "");
    fprintf(p->out, "\033[0m \033[1m%s\033[0m %s/step", time, per_step);
    width += bar;
    width += add_logs(p->out, logs, n, last ? INT_MAX : p->columns - width);
    for (int i = width; i < before; i++)
        fputc(' ', p->out);
    p->width = width;
    if (last)
        fputc('\n', p->out);
    fflush(p->out);
    p->drawn_s = ls_now_s();
    p->spent_s += p->drawn_s - now_s;
}

void ls_progress_draw(ls_progress *p, uint64_t done, const ls_log *logs, size_t n)
{
    draw(p, done, logs, n, false);
}

void ls_progress_end(ls_progress *p, const ls_log *logs, size_t n)
{
    char per_step[32];
    const double now_s = ls_now_s(), spent = now_s - p->begun_s, steps = (double)(p->steps - p->first_step);

    if (!p->shows)
        return;
    if (p->verbose == 1) {
        draw(p, p->steps, logs, n, true);
    } else if (p->verbose == 2) {
        add_step_time(per_step, sizeof per_step, steps > 0 ? spent / steps : 0);
        fprintf(p->out, "%" PRIu64 "/%" PRIu64 " - %.0fs - %s/step", p->steps, p->steps, spent, per_step);
        add_logs(p->out, logs, n, INT_MAX);
        fputc('\n', p->out);
        fflush(p->out);
        p->spent_s += ls_now_s() - now_s;
    }
}
