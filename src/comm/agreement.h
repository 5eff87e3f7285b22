/*
 * What the ranks have to agree on in a step, in one message: maxima (exponents, a wish to stop) and exact sums (loss,
 * metrics). Neither has an order. Ranks that share memory read each other's; others send (MPI_Iallreduce with an
 * operation of its own).
 */
#ifndef LS_COMM_AGREEMENT_H
#define LS_COMM_AGREEMENT_H

#include "comm/node_memory.h"
#include "tensor/wide.h"

typedef struct ls_agreement ls_agreement;

/* Collective; fails on all ranks or on none. node: borrowed, of all ranks of comm; NULL: send messages. */
ls_status ls_agreement_create(const ls_comm *comm, ls_node_memory *node, size_t maxima, size_t sums,
                              ls_agreement **out);
void ls_agreement_free(ls_agreement *agreement);

/* In: this rank's. Out, after ls_agreement_finish: the largest, and the totals. Lent. */
int16_t *ls_agreement_maxima(ls_agreement *agreement);
ls_wide *ls_agreement_sums(ls_agreement *agreement);

/* Collective. This rank's part is complete; it is not touched before the end of ls_agreement_finish. */
ls_status ls_agreement_start(ls_agreement *agreement);
/* Lets a message move on. Not collective; waits for nothing. */
ls_status ls_agreement_progress(ls_agreement *agreement);
ls_status ls_agreement_finish(ls_agreement *agreement);

#endif
