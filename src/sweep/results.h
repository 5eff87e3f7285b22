/* What is finished of a sweep, and what can be done next: read from the trials' result.json, again and again. */
#ifndef LS_SWEEP_RESULTS_H
#define LS_SWEEP_RESULTS_H

#include "sweep/facts.h"
#include "sweep/result.h"

/* One combination: the chain of its search, then its seeds. */
typedef struct ls_chain {
    ls_trial_result *search; /* [searched] in order */
    size_t searched;
    bool decided;          /* the search is through; true without one */
    size_t best;           /* of search, once decided */
    ls_trial_result *seed; /* [seeds] of the chosen rate; with a search, the first is search[best] */
    bool *finished;        /* [seeds] */
    bool complete;         /* nothing is left to do */
} ls_chain;

typedef struct ls_results {
    const ls_sweep *sweep;       /* borrowed */
    const ls_sweep_facts *facts; /* borrowed */
    const char *directory;       /* of the sweep; borrowed */
    ls_chain *chain;             /* [combinations] */
} ls_results;

ls_status ls_results_create(const ls_sweep *sweep, const ls_sweep_facts *facts, const char *directory,
                            ls_results **out);
void ls_results_free(ls_results *results);

/* Look for results that are new. */
ls_status ls_results_refresh(ls_results *results);

/* Trials of one combination that may begin: at most one if `searches`, else those of seeds. out: [seeds]. Returns how
 * many. */
size_t ls_results_ready(const ls_results *results, size_t combination, bool searches, ls_trial *out);

bool ls_results_complete(const ls_results *results);
size_t ls_results_count(const ls_results *results); /* finished trials */

/* All trials there will be. *exact: no search is open, which may widen. */
size_t ls_results_expected(const ls_results *results, bool *exact);

/* Trial number k of a combination that is finished, in the order of trials.csv; false: there is none. chosen may be
 * NULL. */
bool ls_results_get(const ls_results *results, size_t combination, size_t k, ls_trial *trial, ls_trial_result *result,
                    bool *chosen);

/* DIRECTORY/trials/ID, owned by the caller; NULL: out of memory. */
char *ls_trial_directory(const char *directory, const ls_trial *trial);

#endif
