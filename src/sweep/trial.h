/* One run of a sweep: trained, watched until it reaches the target or the end of its budget, and written down. */
#ifndef LS_SWEEP_TRIAL_H
#define LS_SWEEP_TRIAL_H

#include <signal.h>

#include "base/watchdog.h"
#include "sweep/facts.h"
#include "sweep/result.h"

typedef struct ls_trial_settings {
    const char *directory;             /* of this trial; NULL: write no files */
    const volatile sig_atomic_t *stop; /* set by a signal handler; NULL: none */
    ls_watchdog *watchdog;             /* NULL: none; borrowed */
    /* OPTIONAL. Asked on rank 0 several times a second: true ends the trial with LS_ERR_STOPPED. */
    bool (*abandoned)(void *context);
    void *context;
} ls_trial_settings;

/* The updates at which a target is looked for: the one that follows `update`, or the first if that is 0. */
uint64_t ls_next_evaluation(const ls_sweep *sweep, uint64_t batch_size, uint64_t samples, uint64_t update);

/* Collective on comm, the group that works on it. A trial that diverges is a result, not an error. */
ls_status ls_trial_run(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts, const ls_trial *trial,
                       const ls_trial_settings *settings, ls_trial_result *out);

#endif
