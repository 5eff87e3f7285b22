/*
 * ls_batch_sums over a communicator: contributions of microbatches are added exactly, so that their totals do not
 * depend on how the microbatches are dealt to ranks. For what layers sum over a batch (batch normalization).
 */
#ifndef LS_COMM_EXACT_SUMS_H
#define LS_COMM_EXACT_SUMS_H

#include "comm/comm.h"
#include "nn/engine.h"
#include "tensor/wide.h"

typedef struct ls_exact_sums {
    const ls_comm *comm; /* borrowed */
    ls_wide *sum;        /* [width_max] zero between totals */
    size_t width_max;
} ls_exact_sums;

ls_status ls_exact_sums_init(ls_exact_sums *sums, const ls_comm *comm, size_t width_max);
void ls_exact_sums_reset(ls_exact_sums *sums);
/* The interface for the engine. sums must outlive it. */
ls_batch_sums ls_exact_sums_interface(ls_exact_sums *sums);

#endif
