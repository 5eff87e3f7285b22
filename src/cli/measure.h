/* What a training will take: a few updates are done, on the first samples, and looked at. */
#ifndef LS_CLI_MEASURE_H
#define LS_CLI_MEASURE_H

#include "comm/comm.h"
#include "experiment/experiment.h"

typedef struct ls_measured {
    double update_s;   /* of an update, the median */
    double sample_s;   /* of a sample that is evaluated, all ranks together */
    double rank_bytes; /* what a rank takes of memory, without the data; 0: unknown */
    double slot_bytes; /* of those, the optimizer's state */
    size_t updates;    /* that were measured */
} ls_measured;

/*
 * Collective. Trains for about so many seconds, as `train` would, and throws the result away; nothing is written. The
 * experiment must have been checked (ls_task_describe).
 */
ls_status ls_measure(const ls_comm *comm, const ls_experiment *experiment, double seconds, ls_measured *out);

#endif
