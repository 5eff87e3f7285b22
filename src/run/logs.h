/* Logs: names and values of an epoch or an evaluation; include/lockstep/callback.h has the functions. */
#ifndef LS_RUN_LOGS_H
#define LS_RUN_LOGS_H

#include "lockstep/callback.h"
#include "train/scores.h"

/* Names are borrowed. */
struct ls_logs {
    ls_log *log;
    size_t n, capacity;
};

#endif
