/* The callbacks of this folder, and what several of them need. */
#ifndef LS_RUN_CALLBACKS_CALLBACKS_H
#define LS_RUN_CALLBACKS_CALLBACKS_H

#include "run/callback.h"

/* All callbacks, in the order of messages and tests. A new callback is a file in this folder and a line here. */
#define LS_CALLBACK_LIST(X)    \
    X(early_stopping)          \
    X(model_checkpoint)        \
    X(learning_rate_scheduler) \
    X(reduce_lr_on_plateau)    \
    X(csv_logger)              \
    X(terminate_on_nan)        \
    X(tensorboard)

#define LS_CALLBACK_DECLARE(name) extern const ls_callback_ops ls_##name;
LS_CALLBACK_LIST(LS_CALLBACK_DECLARE)

/* ---- arguments ---- */

/* An argument that must be there. args: a map, or what stands there when no arguments are given. */
ls_status ls_callback_need(const ls_config *args, const char *key, const char *where, ls_config **out);

/* ---- monitored values ---- */

extern const char *const ls_monitor_modes[]; /* of option tables: auto, min, max */

/* A value of the logs that should fall or rise. Comparisons are made in float32, as Keras makes them. */
typedef struct ls_monitor {
    const char *name;
    bool rises;
    float min_delta; /* not negative */
} ls_monitor;

/* The best value so far. */
typedef struct ls_best {
    bool any;
    float value;
} ls_best;

/* The argument `monitor`, "val_loss" if it is absent. Lent. */
ls_status ls_monitor_parse(const ls_config *args, const char *where, const char **out);
/* Fails at `at` when there will be no such log, or when `auto` cannot tell whether it should rise. mode: an index. */
ls_status ls_monitor_resolve(const ls_callback_run *run, const char *name, int mode, double min_delta,
                             const ls_config *at, ls_monitor *out);
/* Strictly better than reference by min_delta; anything is better than nothing. A NaN is never better than a value. */
bool ls_monitor_improves(const ls_monitor *monitor, double value, const ls_best *reference);
ls_status ls_best_state(ls_best *best, ls_state *state);

/* ---- learning rates ---- */

#define LS_LOG_LEARNING_RATE "learning_rate"
extern const char *const ls_adds_learning_rate[]; /* of hooks that log it */

/* Fails if the rate follows a schedule, which no callback can change. */
ls_status ls_needs_constant_rate(const ls_callback_run *run, const char *name, const ls_config *at);

/* ---- files ---- */

/* path, taken from the directory of the run if relative. Owned by the caller; NULL: out of memory. */
char *ls_callback_path(const ls_callback_run *run, const char *path);
/*
 * Fails if path is one of the files that every run writes into its directory: by its name alone, and once it is known
 * where that directory is.
 */
ls_status ls_check_not_reserved(const char *path, const ls_config *at);
ls_status ls_check_not_reserved_in(const ls_callback_run *run, const char *path, const ls_config *at);

#endif
