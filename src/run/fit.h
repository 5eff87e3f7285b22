/* The fit loop: for each epoch, permute; for each batch, update; at the end validate, callbacks, log, checkpoint. */
#ifndef LS_RUN_FIT_H
#define LS_RUN_FIT_H

#include <signal.h>
#include <stdio.h>

#include "lockstep/estimator.h"
#include "run/callback.h"
#include "run/checkpoints.h"

/* Hears the scores of the test split, on rank 0. */
typedef void ls_fit_tested(const ls_log *logs, size_t n);

typedef struct ls_fit_settings {
    const char *directory;   /* the run directory; NULL: write no files */
    bool resume;             /* go on from the directory's newest whole checkpoint if there is one */
    bool overwrite;          /* a run that begins removes what the callbacks of an earlier one wrote, too */
    bool allow_other_kernel; /* resume under another BLAS kernel family */
    int verbose;             /* 0: silent, 1: a bar, 2: one line per epoch */
    bool explains;           /* a line says how the ranks add up */
    bool profile;            /* a timeline of all ranks goes to the directory, and a table to `out` */
    FILE *out;               /* progress, rank 0 only; NULL: none */
    ls_warn *warn;           /* NULL: nobody hears */
    void *warn_context;
    const volatile sig_atomic_t *stop; /* set by a signal handler; NULL: none */
    const ls_split *test;              /* scored with the final weights, for run.json; borrowed; NULL: none */
    ls_fit_tested *tested;             /* NULL: nobody hears */
    ls_trainer_options trainer;
    const ls_callback *callback; /* [callbacks] of the calling program, after those of the experiment; borrowed */
    size_t callbacks;
} ls_fit_settings;

/*
 * An experiment that is to be trained, from a tree, which is taken, or from a file: ls_experiment_create or _read, and
 * what fit would refuse before there are any data, all told together. Not collective.
 */
ls_status ls_fit_experiment(ls_config *root, const char *file, ls_experiment **out);
ls_status ls_fit_read(const char *file, const char *const *settings, size_t n, ls_experiment **out);
/* What fit would refuse of an experiment that was read by others. Not collective. */
ls_status ls_fit_check(const ls_experiment *experiment);

/*
 * Collective. Trains to the end, until a callback stops it, or until a signal; LS_ERR_STOPPED in the last case, after
 * the checkpoint was written. task->model holds the weights afterwards.
 */
ls_status ls_fit(const ls_task *task, const ls_fit_settings *settings, ls_fit_result *result);

#endif
