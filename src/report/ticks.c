#include "report/ticks.h"

#include <math.h>

#define ROOM 0.04 /* of the axis, on each side */

void ls_range_round(ls_range *r, bool is_log, bool zero)
{
    double room;

    if (!(r->low <= r->high))
        *r = is_log ? (ls_range){1, 10} : (ls_range){0, 1};
    if (is_log) {
        const double factor = r->low < r->high ? pow(r->high / r->low, ROOM) : 2;

        r->low /= factor;
        r->high *= factor;
        return;
    }
    if (zero)
        r->low = fmin(r->low, 0);
    room = r->low < r->high ? ROOM * (r->high - r->low) : r->low != 0 ? fabs(r->low) / 2 : 1;
    r->low -= zero && r->low == 0 ? 0 : room;
    r->high += room;
}

/* The largest of 1, 2, 5 times a power of ten that gives at least three steps. */
static double linear_step(double width)
{
    const double rough = width / 3, power = pow(10, floor(log10(rough)));

    return rough / power >= 5 ? 5 * power : rough / power >= 2 ? 2 * power : power;
}

static size_t linear_ticks(const ls_range *r, double *out)
{
    const double step = linear_step(r->high - r->low);
    size_t n = 0;

    for (double k = ceil(r->low / step); k * step <= r->high && n < LS_TICKS_MAX; k++)
        out[n++] = k * step;
    return n;
}

static size_t powers(const ls_range *r, double base, double *out)
{
    const double first = ceil(log(r->low) / log(base) - 1e-9), last = floor(log(r->high) / log(base) + 1e-9);
    const double step = ceil((last - first + 1) / 10);
    size_t n = 0;

    for (double k = first; k <= last && n < LS_TICKS_MAX; k += step)
        out[n++] = pow(base, k);
    return n;
}

/* 1, 2 and 5 times powers of ten. */
static size_t decimals(const ls_range *r, double *out)
{
    static const double digit[] = {1, 2, 5};
    size_t n = 0;

    for (double k = floor(log10(r->low)); pow(10, k) <= r->high; k++)
        for (size_t d = 0; d < 3; d++)
            if (digit[d] * pow(10, k) >= r->low && digit[d] * pow(10, k) <= r->high && n < LS_TICKS_MAX)
                out[n++] = digit[d] * pow(10, k);
    return n;
}

size_t ls_ticks(const ls_range *r, int base, double out[LS_TICKS_MAX])
{
    if (base == 0 || r->high / r->low < 3)
        return linear_ticks(r, out);
    if (base == 2)
        return powers(r, 2, out);
    return r->high / r->low < 2000 ? decimals(r, out) : powers(r, 10, out);
}
