/* What `check` says of one experiment or of a sweep. */
#ifndef LS_CLI_CHECK_H
#define LS_CLI_CHECK_H

#include "cli/cli.h"
#include "cli/measure.h"
#include "sweep/sweep.h"

/*
 * Collective. All that can be known of an experiment without training it. ranks: that it is to be trained on; 0: those
 * there are. out: of rank 0.
 */
ls_status ls_check_experiment(const ls_comm *comm, const ls_experiment *experiment, long ranks, ls_text *out);
ls_status ls_check_sweep(const ls_comm *comm, const ls_sweep *sweep, ls_text *out);

#endif
