/*
 * Whose a run directory is: one run's at a time, and never taken from an earlier run without a word.
 *
 * The lock is on the directory itself (flock), so that nothing lies about and the system lets go of it with the
 * process, however that ends. Where directories cannot be locked (NFS), a file of the name .lock is, which goes with
 * the run.
 */
#ifndef LS_RUN_CLAIM_H
#define LS_RUN_CLAIM_H

#include <stdbool.h>

#include "comm/comm.h"

typedef struct ls_run_claim {
    int directory; /* descriptors; 0: none */
    int file;
    char *path; /* of the file */
    char *made; /* the directory, if there was none before */
} ls_run_claim;

/* Collective. Is there a run in the directory already, which neither goes on nor may be replaced? Nothing is made. */
ls_status ls_run_check(const ls_comm *comm, const char *directory, bool resume, bool overwrite);

/* Collective. The directory is made if there is none, checked once more, and this run's until ls_run_release, which
 * removes it if it was made for this run and nothing was written. */
ls_status ls_run_take(const ls_comm *comm, const char *directory, bool resume, bool overwrite, ls_run_claim *out);
void ls_run_release(ls_run_claim *claim);

/*
 * Rank 0 of a run that begins. Removes the files of an earlier run. everything: also those that its callbacks wrote
 * into the directory, as its experiment.yaml tells, but for logs that are appended to. keep_trace: this run has begun
 * its own.
 */
ls_status ls_run_clear(const char *directory, bool everything, bool keep_trace);

#endif
