/**
 * @file comm.h
 * The ranks that work together.
 *
 * The program starts and ends MPI (MPI_Init or MPI_Init_thread with MPI_THREAD_FUNNELED, MPI_Finalize); the library
 * never does. A function marked "collective" must be called by all ranks of its communicator, in the same order and
 * from the thread that started MPI. If it fails on one rank it fails on all, with the same status and message.
 */
#ifndef LOCKSTEP_COMM_H
#define LOCKSTEP_COMM_H

/* The C interface alone: the C++ bindings of some mpi.h want a library that lockstep does not name. */
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include "lockstep/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Ranks that work together. */
typedef struct ls_comm ls_comm;

/**
 * A communicator of the library's own: a duplicate of `parent` whose errors are returned and do not end the program.
 *
 * Collective on parent.
 *
 * @param out  to be freed with ls_comm_free before MPI_Finalize, after all that was made from it
 * @return LS_OK; LS_ERR_MPI; LS_ERR_MEMORY
 */
ls_status ls_comm_create(MPI_Comm parent, ls_comm **out);

/** Free a communicator. Collective. NULL is accepted. */
void ls_comm_free(ls_comm *comm);

/** The number of this process among the ranks, from 0. Not collective. */
int ls_comm_rank(const ls_comm *comm);
/** How many ranks there are. Not collective. */
int ls_comm_size(const ls_comm *comm);

/**
 * An error anywhere becomes an error everywhere: what a program calls after work that may fail on one rank only.
 *
 * Collective. Every rank returns the status of the lowest rank that failed and has its message in its error record,
 * with "rank R on HOST: " before it when there is more than one rank and not all of them failed.
 *
 * @param mine  how it went on this rank
 */
ls_status ls_agree(const ls_comm *comm, ls_status mine);

#ifdef __cplusplus
}
#endif
#endif
