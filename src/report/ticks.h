/*
 * Where the numbers of an axis stand. Chosen here and not by gnuplot, whose choice leaves short logarithmic axes bare.
 */
#ifndef LS_REPORT_TICKS_H
#define LS_REPORT_TICKS_H

#include <stdbool.h>
#include <stddef.h>

#define LS_TICKS_MAX 16

typedef struct ls_range {
    double low, high;
} ls_range;

/* A little room on both sides of the data; (INFINITY, -INFINITY), no data, becomes a range too. zero: begins at 0. */
void ls_range_round(ls_range *range, bool is_log, bool zero);

/* Round numbers in a range. base: 0 for a linear axis, 2 or 10 for a logarithmic one. Returns how many. */
size_t ls_ticks(const ls_range *range, int base, double out[LS_TICKS_MAX]);

#endif
