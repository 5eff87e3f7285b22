/* The files that a run writes into its directory. */
#ifndef LS_RUN_RUN_FILES_H
#define LS_RUN_RUN_FILES_H

#include <stdbool.h>

#include "base/error.h"

#define LS_RUN_CHECKPOINT "checkpoint.h5"           /* the newest */
#define LS_RUN_OLDER_CHECKPOINT "checkpoint-update" /* and a number: those before it */
#define LS_RUN_MODEL "model.h5"
#define LS_RUN_EXPERIMENT "experiment.yaml"
#define LS_RUN_HISTORY "history.csv"
#define LS_RUN_TIMINGS "timings.csv"
#define LS_RUN_FACTS "run.json"
#define LS_RUN_TRACE "trace.txt"
#define LS_RUN_TIMELINE "timeline.json"

/* All whose whole name is known: no callback may write one. */
#define LS_RUN_FILES                                                                                                \
    LS_RUN_CHECKPOINT, LS_RUN_MODEL, LS_RUN_EXPERIMENT, LS_RUN_HISTORY, LS_RUN_TIMINGS, LS_RUN_FACTS, LS_RUN_TRACE, \
        LS_RUN_TIMELINE

/*
 * The file that a command takes for this: of a run directory its model, of a run that has not ended the newest
 * checkpoint, with or_experiment of one that has none its experiment; of anything else itself. *out: to be freed.
 */
ls_status ls_run_model_file(const char *path, bool or_experiment, char **out);

#endif
