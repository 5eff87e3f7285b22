/*
 * A watchdog: a thread that notices when its rank makes no progress for a while (another rank hangs, a network is down)
 * and calls back, so that a job ends instead of waiting for ever. mpirun notices death, not stalls.
 */
#ifndef LS_BASE_WATCHDOG_H
#define LS_BASE_WATCHDOG_H

#include <stdint.h>

#include "base/error.h"

typedef struct ls_watchdog ls_watchdog;

/*
 * Called from the watchdog's thread: phase is what the rank was at, update the updates done. Must not return to work.
 */
typedef void (*ls_watchdog_expired)(void *context, double timeout_s, const char *phase, uint64_t update);

/* timeout_s 0: no watchdog, *out is NULL, which every function below accepts. */
ls_status ls_watchdog_start(double timeout_s, ls_watchdog_expired expired, void *context, ls_watchdog **out);
void ls_watchdog_stop(ls_watchdog *watchdog);

/* Progress: the rank begins `phase` (static text). */
void ls_watchdog_beat(ls_watchdog *watchdog, const char *phase);
void ls_watchdog_update(ls_watchdog *watchdog, uint64_t update);

#endif
