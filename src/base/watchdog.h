/*
 * A watchdog: a thread that notices when its rank makes no progress for a while (another rank hangs, a network is down)
 * and calls back, so that a job ends instead of waiting for ever. mpirun notices death, not stalls.
 */
#ifndef LS_BASE_WATCHDOG_H
#define LS_BASE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_watchdog ls_watchdog;

/*
 * Called from the watchdog's thread: phase is what the rank was at, update the updates done. Must not return to work.
 */
typedef void (*ls_watchdog_expired)(void *context, double timeout_s, const char *phase, uint64_t update);

/* Called from the watchdog's thread when its rank has stood still for half of the time and then for all of it: has any
 * other made progress since the call before? Then this one only waits, and the half begins again. */
typedef bool (*ls_watchdog_others)(void *context);

/* timeout_s 0: no watchdog, *out is NULL. */
ls_status ls_watchdog_start(double timeout_s, ls_watchdog_expired expired, void *context, ls_watchdog **out);
/* It watches no more; others can still look at it. */
void ls_watchdog_halt(ls_watchdog *watchdog);
void ls_watchdog_stop(ls_watchdog *watchdog); /* and is gone */

/* From now on. 0: never. */
void ls_watchdog_set_timeout(ls_watchdog *watchdog, double timeout_s);
/* NULL: there are no others, or they cannot be asked. */
void ls_watchdog_set_others(ls_watchdog *watchdog, ls_watchdog_others others, void *context);

/* The watchdog of the whole program, which NULL means below; NULL: there is none, and nothing happens. */
void ls_watchdog_set_program(ls_watchdog *watchdog);

/* Progress: the rank begins `phase` (static text). */
void ls_watchdog_beat(ls_watchdog *watchdog, const char *phase);
/* Progress in what it is at: a piece of a file. For the watchdog of the program. */
void ls_watchdog_tick(void);
void ls_watchdog_update(ls_watchdog *watchdog, uint64_t update);

/* Where the rank stands. */
void ls_watchdog_look(const ls_watchdog *watchdog, const char **phase, uint64_t *beats, uint64_t *update);

#endif
