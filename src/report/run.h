/* What a run directory holds, read for a report. */
#ifndef LS_REPORT_RUN_H
#define LS_REPORT_RUN_H

#include "base/config.h"
#include "experiment/experiment.h"
#include "report/curves.h"
#include "report/scaling.h"
#include "report/sheet.h"

typedef struct ls_run {
    const char *directory; /* borrowed */
    const char *name;      /* of the experiment, or the directory */
    ls_sheet *history;
    ls_sheet *timings;         /* NULL: none */
    ls_config *info;           /* run.json; NULL: the run has not ended */
    ls_experiment *experiment; /* as resolved */
    double *over[LS_OVER];     /* [history->rows] where each epoch ended; NAN: not known */
} ls_run;

/* Is `directory` that of a run? */
bool ls_is_run(const char *directory);
ls_status ls_run_read(const char *directory, ls_run **out);
void ls_run_free(ls_run *run);

const char *ls_run_text(const ls_run *run, const char *key); /* of run.json; "" if it is not there */
double ls_run_number(const ls_run *run, const char *key);    /* NAN if it is not there */
/* Add "3 (val_loss 0.3412)" and "loss 0.3525, accuracy 0.8710", from run.json; nothing if it does not say. */
void ls_run_best(const ls_run *run, ls_text *out);
void ls_run_test(const ls_run *run, ls_text *out);
/* Numbers of a column of the history, NULL if there is none; [history->rows], ls_free. */
ls_status ls_run_column(const ls_run *run, const char *name, double **out);
/* Is a column of the history a metric? Losses, noise scales and learning rates are none. */
bool ls_is_metric(const char *column);

/* The time of an update for every number of ranks that worked on the run: medians over epochs. None without timings. */
ls_status ls_run_times(const ls_run *run, ls_times *times);

#endif
