/* A communicator of our own: duplicated, errors returned, rank and size cached. */
#ifndef LS_COMM_COMM_H
#define LS_COMM_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Message tags, one list. */
typedef enum ls_tag { LS_TAG_REDUCE_SCATTER = 1, LS_TAG_ALL_GATHER } ls_tag;

typedef struct ls_comm {
    MPI_Comm mpi; /* owned duplicate with MPI_ERRORS_RETURN */
    int rank, size;
} ls_comm;

/* Collective on parent. */
ls_status ls_comm_create(MPI_Comm parent, ls_comm **out);
void ls_comm_free(ls_comm *comm); /* collective */

/* LS_ERR_MPI with MPI's own text for a return code other than MPI_SUCCESS. */
ls_status ls_mpi_check(int code, const char *what);

/*
 * Collective. An error anywhere is an error everywhere: every rank returns the status of the lowest failing rank and
 * has its message in the error record, with "rank R on HOST: " before it when there is more than one rank and not all
 * of them failed.
 */
ls_status ls_agree(const ls_comm *comm, ls_status mine);

/* Collective. LS_ERR_MISMATCH naming the first rank and host whose text differs from rank 0's; `what` names the thing.
 */
ls_status ls_comm_same(const ls_comm *comm, const char *what, const char *text);

/* Contiguous runs: part p of `parts` of n things is [n p / parts, n (p+1) / parts). Exact for any size. */
uint64_t ls_part_begin(uint64_t n, uint64_t part, uint64_t parts);

#endif
