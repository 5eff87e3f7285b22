/* From a sweep to the experiment of one of its trials: varied settings, seed, learning rate, budget. */
#ifndef LS_SWEEP_SETTINGS_H
#define LS_SWEEP_SETTINGS_H

#include "experiment/experiment.h"
#include "sweep/result.h"

/*
 * Put the value under that dotted path of an experiment's tree. at: whose key names the path, for messages.
 */
ls_status ls_setting_put(ls_config *root, const char *path, const ls_config *value, const ls_config *at);

/* The value of a varied setting in a combination; NULL: it is not varied. */
const ls_config *ls_varied(const ls_sweep *sweep, size_t combination, const char *setting);

/* How many ranks a combination is trained on; 0: all of its group. */
int ls_trial_ranks(const ls_sweep *sweep, size_t combination);

/*
 * The experiment that a trial trains. samples: of its training split, from which warm-up and budget follow in updates;
 * 0: not known yet, then both are left out. *learning_rate: as in trials.csv.
 */
ls_status ls_trial_experiment(const ls_sweep *sweep, const ls_trial *trial, uint64_t samples, ls_experiment **out,
                              double *learning_rate);

/* How many updates it takes to train on so many samples; ls_samples_in is the way back. */
uint64_t ls_updates_for(uint64_t seen, uint64_t batch_size, uint64_t samples);

/* The budget of a trial's experiment in updates; UINT64_MAX: it is in seconds. */
uint64_t ls_trial_updates(const ls_sweep *sweep, const ls_experiment *experiment, uint64_t samples);

#endif
