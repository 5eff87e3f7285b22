/*
 * Where the time of a run went (`train --profile`): a timeline of all ranks in the run directory, in the Trace Event
 * Format that Perfetto and chrome://tracing open, and a summary for run.json and for people.
 *
 * Of a rank's training, `work` is loading, forward, backward, products and updates. Communication is under way from
 * the moment a rank hands a vector in until it knows that it has arrived; what of that it spends waiting or moving
 * numbers is bare, and the rest is hidden behind work.
 */
#ifndef LS_RUN_RUN_PROFILE_H
#define LS_RUN_RUN_PROFILE_H

#include <jansson.h>
#include <stdio.h>

#include "base/profile.h"
#include "comm/comm.h"

/* Seconds of a phase: mean over ranks, and the ranks with the least and most. */
typedef struct ls_phase_time {
    double mean_s, least_s, most_s;
    int least_rank, most_rank;
} ls_phase_time;

typedef struct ls_run_profile {
    int ranks;
    uint64_t updates, samples; /* of this process */
    double train_s;            /* in updates; the caller's */
    ls_phase_time phase[LS_PHASES], other, all;
    double efficiency;    /* work / (work, reduce and wait), over all ranks */
    double hidden;        /* share of communication; NAN: there was none */
    double flight_s;      /* communication under way, mean over ranks */
    int slowest;          /* the rank with most work … */
    double slowest_by;    /* … and how much more than the mean that is: 0.1 for a tenth */
    uint64_t kept, spans; /* of the rank with most spans: in the timeline, and in all */
} ls_run_profile;

/* Collective. From here on. */
ls_status ls_run_profile_start(const ls_comm *comm);
/*
 * Collective. Nothing is noted any more; rank 0 writes `directory`/timeline.json (NULL: it does not) and gets the
 * summary without updates, samples and train_s.
 */
ls_status ls_run_profile_end(const ls_comm *comm, const char *directory, ls_run_profile *out);

/* A table; the last line is about the timeline, if `directory` is not NULL. */
ls_status ls_run_profile_print(const ls_run_profile *profile, const char *directory, FILE *out);
/* For run.json; NULL: out of memory. */
json_t *ls_run_profile_json(const ls_run_profile *profile);

#endif
