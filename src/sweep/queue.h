/*
 * The work of a sweep: groups of ranks take trials that may begin until there are none left. What has been taken is
 * known by files that only one group can make (claims), so that groups on different nodes need no server; what is done
 * is known by result.json. Trials of searches go before those of seeds, because a search is a chain.
 */
#ifndef LS_SWEEP_QUEUE_H
#define LS_SWEEP_QUEUE_H

#include <signal.h>
#include <stdio.h>

#include "base/watchdog.h"
#include "sweep/directory.h"
#include "sweep/facts.h"

typedef struct ls_sweep_settings {
    const char *directory;
    ls_shard shard;                    /* {0}: all of the sweep */
    const volatile sig_atomic_t *stop; /* set by a signal handler; NULL: none */
    ls_watchdog *watchdog;             /* NULL: none; borrowed */
    FILE *out; /* a line per finished trial, from the first rank of its group; the table, from rank 0. NULL: silent */
} ls_sweep_settings;

/* LS_ERR_USAGE unless the ranks can be divided into groups of ranks_per_run. */
ls_status ls_sweep_check_ranks(const ls_comm *comm, const ls_sweep *sweep);

/*
 * Collective. Does what is left to do and writes the tables. Orders the sweep as its directory has it (growth.h).
 * LS_ERR_STOPPED if a signal ended it: finished trials are kept.
 */
ls_status ls_sweep_run(const ls_comm *comm, ls_sweep *sweep, const ls_sweep_settings *settings);

/* Collective. How many trials are finished in that directory, of how many (*exact: no search is open, which may widen).
 */
ls_status ls_sweep_look(const ls_comm *comm, ls_sweep *sweep, const char *directory, size_t *done, size_t *all,
                        bool *exact);

/* Collective. Train the finished trial of that ID again, write nothing, and compare: LS_ERR_MISMATCH if it ends
 * otherwise. */
ls_status ls_sweep_repeat(const ls_comm *comm, ls_sweep *sweep, const ls_sweep_settings *settings, const char *id);

#endif
