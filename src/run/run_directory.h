/*
 * What a run leaves behind besides its checkpoints: experiment.yaml, history.csv, timings.csv, run.json. Rank 0
 * writes.
 */
#ifndef LS_RUN_RUN_DIRECTORY_H
#define LS_RUN_RUN_DIRECTORY_H

#include "run/fit.h"
#include "run/run_profile.h"

/*
 * Collective. Creates the directory, removes what a killed run left in it and, unless this one goes on, what an earlier
 * one did; writes experiment.yaml, before any work is done.
 */
ls_status ls_run_begin(const ls_trainer *trainer, const ls_fit_settings *settings, bool goes_on);
/* Collective. history.csv: all of it, or its last row behind those that are there. */
ls_status ls_run_history(const ls_trainer *trainer, const char *directory, bool whole);

/* What of a run that ends only its fit knows; all borrowed. */
typedef struct ls_run_facts {
    const ls_fit_result *result;
    const ls_changes *changes;
    const ls_run_profile *profile; /* rank 0's; NULL: there is none */
    ls_scores *test;               /* NULL: none were made */
} ls_run_facts;

/*
 * Collective. run.json: ranks, hosts, versions, seed, timings, fingerprint; "best", the epoch, counted from 1, of the
 * least val_loss or else loss; "test", the scores of the final weights, null where one is not finite.
 */
ls_status ls_run_end(const ls_trainer *trainer, const char *directory, const ls_run_facts *facts);

#endif
