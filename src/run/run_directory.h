/*
 * What a run leaves behind besides its checkpoints: experiment.yaml, history.csv, timings.csv, run.json. Rank 0
 * writes.
 */
#ifndef LS_RUN_RUN_DIRECTORY_H
#define LS_RUN_RUN_DIRECTORY_H

#include "run/fit.h"
#include "run/timings.h"

/*
 * Collective. Creates the directory, removes what a killed run left in it and, unless this one goes on, what an earlier
 * one did; writes experiment.yaml, before any work is done.
 */
ls_status ls_run_begin(const ls_trainer *trainer, const ls_fit_settings *settings, bool goes_on);
/* Collective. history.csv as of now. */
ls_status ls_run_history(const ls_trainer *trainer, const char *directory);
/* Collective. timings: rank 0's. Nothing is written if they do not know the beginning of the run. */
ls_status ls_run_timings(const ls_trainer *trainer, const char *directory, const ls_timings *timings);
/* Collective. run.json: ranks, hosts, versions, seed, timings, fingerprint. */
ls_status ls_run_end(const ls_trainer *trainer, const char *directory, const ls_fit_result *result);

#endif
