/* What is known of a sweep once its data was opened. Nothing is written before this has succeeded. */
#ifndef LS_SWEEP_FACTS_H
#define LS_SWEEP_FACTS_H

#include "base/watchdog.h"
#include "comm/comm.h"
#include "sweep/sweep.h"

#define LS_MONITOR_BYTES 128

typedef struct ls_sweep_facts {
    char monitor[LS_MONITOR_BYTES]; /* "val_accuracy" */
    bool up;                        /* larger is better */
    uint64_t *samples;              /* [combinations] of the training split */
    uint64_t validation_samples;    /* of the first combination; 0: no validation */
    char *data;                     /* identity of the data of all combinations; owned */
} ls_sweep_facts;

/*
 * Collective. Binds the experiment of every combination to its data, each rank some of them, and so checks shapes,
 * losses, labels (ls_task_describe), and that there is what the sweep monitors. No rank holds data for this. watchdog
 * may be NULL.
 */
ls_status ls_sweep_facts_create(const ls_comm *comm, const ls_sweep *sweep, ls_watchdog *watchdog,
                                ls_sweep_facts **out);
void ls_sweep_facts_free(ls_sweep_facts *facts);

#endif
