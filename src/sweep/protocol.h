/*
 * The search for a learning rate: which rate to try next, given how the earlier trials of its chain ended. Pure
 * functions of what stands in the sweep file and of results, so that every restart and every number of groups decides
 * alike. The rules: launch/sweeps/README.md.
 */
#ifndef LS_SWEEP_PROTOCOL_H
#define LS_SWEEP_PROTOCOL_H

#include "sweep/result.h"

/* n rates in (low, high), evenly spread over the logarithm however many of them are used. */
void ls_search_points(double low, double high, uint64_t seed, size_t n, double *out);

/* The mean distance of n rates in (low, high), as a factor. */
double ls_search_step(double low, double high, size_t n);

/*
 * The next rate of a search with `n` trials behind it; false: it is through. up: larger values are better.
 */
bool ls_search_next(const ls_rate_search *search, const ls_trial_result *done, size_t n, bool up, double *rate);

/* After how many updates the next trial has lost; 0: there is no such number, for none reached the target. */
uint64_t ls_search_limit(const ls_trial_result *done, size_t n);

/* Which of n > 0 trials was best. */
size_t ls_search_best(const ls_trial_result *done, size_t n, bool up);

/* Where the best trial lies. -1: its rate is the lowest that was tried; 1: the highest; 0: neither. n > 1 */
int ls_search_edge(const ls_trial_result *done, size_t n, bool up);

/* The most trials a search can have. */
size_t ls_search_most(const ls_rate_search *search);

#endif
