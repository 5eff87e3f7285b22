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
/* Collective. run.json: ranks, hosts, versions, seed, timings, fingerprint. profile: rank 0's, NULL: there is none. */
ls_status ls_run_end(const ls_trainer *trainer, const char *directory, const ls_fit_result *result,
                     const ls_changes *changes, const ls_run_profile *profile);

#endif
