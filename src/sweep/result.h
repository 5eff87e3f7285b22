/* How a trial ended, and its result.json. */
#ifndef LS_SWEEP_RESULT_H
#define LS_SWEEP_RESULT_H

#include "sweep/sweep.h"

typedef enum ls_trial_status {
    LS_TRIAL_REACHED,  /* the target */
    LS_TRIAL_MISSED,   /* the budget is used up */
    LS_TRIAL_DIVERGED, /* a NaN or an infinity */
    LS_TRIAL_CUT,      /* as many updates as a better rate needed */
} ls_trial_status;

extern const char *const ls_trial_statuses[]; /* by ls_trial_status; NULL-terminated */

/* One run of a sweep: what it is called and what it does. */
typedef struct ls_trial {
    size_t combination; /* from 0 */
    bool searches;      /* number `index` of the search; else that of seed number `index` */
    size_t index;       /* from 0 */
    uint64_t seed;
    double rate;    /* of the search; NAN: none */
    uint64_t limit; /* updates after which it has lost; 0: none */
} ls_trial;

/* What a trial came to; the numbers are those of its row in trials.csv. NAN: not known. */
typedef struct ls_trial_result {
    ls_trial_status status;
    double learning_rate;
    uint64_t updates, updates_before, samples, best_updates;
    double epochs, value, best_value, noise_scale;
    char fingerprint[33]; /* "" if diverged */
    int ranks;
    double train_s, evaluate_s;
    char finished[32];
} ls_trial_result;

#define LS_TRIAL_ID_BYTES 64
/* 003-search-05, 003-seed-42 */
void ls_trial_id(const ls_trial *trial, char out[LS_TRIAL_ID_BYTES]);

/* Appends result.json. settings: those of the trial's combination, for a reader of this file alone. */
ls_status ls_result_write(const ls_sweep *sweep, const ls_trial *trial, const ls_trial_result *result, ls_text *out);

/*
 * Read result.json of a trial. *found false: there is none, so it is not finished. LS_ERR_FORMAT if the file is damaged
 * or tells of another trial, naming it.
 */
ls_status ls_result_read(const char *path, const ls_trial *trial, ls_trial_result *out, bool *found);

#endif
