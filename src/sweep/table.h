/* trials.csv, summary.csv and what a sweep prints. The columns: launch/sweeps/README.md. */
#ifndef LS_SWEEP_TABLE_H
#define LS_SWEEP_TABLE_H

#include "sweep/results.h"

/* The median, smallest and largest of n numbers that are not NAN (NAN if there is none). Sorts them. */
typedef struct ls_spread {
    double median, min, max;
} ls_spread;
ls_spread ls_spread_of(double *value, size_t n);

ls_status ls_table_trials(const ls_results *results, ls_text *out);
ls_status ls_table_summary(const ls_results *results, ls_text *out);

/* The summary for people: one line per combination, under the label. */
ls_status ls_table_print(const ls_results *results, ls_text *out);

/* One line about a trial that has ended: "003-search-05: fit.batch_size 128, …". */
void ls_table_line(const ls_results *results, const ls_trial *trial, const ls_trial_result *result, ls_text *out);

#endif
