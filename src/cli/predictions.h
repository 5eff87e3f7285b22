/* All predictions in rank 0's memory. */
#ifndef LS_CLI_PREDICTIONS_H
#define LS_CLI_PREDICTIONS_H

#include "cli/data_arguments.h"

typedef struct ls_predictions {
    const ls_model *model; /* borrowed */
    float **rows;          /* [outputs] (samples, output shape); NULL on other ranks */
    uint64_t samples;
} ls_predictions;

/* Collective. Of every sample of the split, in dataset order. To be reset, also after a failure. */
ls_status ls_predictions_collect(const ls_comm *comm, const ls_data_arguments *a, ls_predictions *out);
void ls_predictions_reset(ls_predictions *p);

#endif
