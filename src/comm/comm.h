/* What is inside a communicator of our own, and what the library alone asks of it. See include/lockstep/comm.h. */
#ifndef LS_COMM_COMM_H
#define LS_COMM_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "lockstep/comm.h"

#ifdef __clang_analyzer__ /* base/error.h */
#define ls_agree(comm, mine)                                \
    __extension__({                                         \
        const ls_status fault_ = (mine);                    \
        ls_still_fault(fault_, (ls_agree)((comm), fault_)); \
    })
#endif

/* Message tags, one list. */
typedef enum ls_tag {
    LS_TAG_LANE = 1,     /* and LS_LANES - 1 more: vectors under way */
    LS_TAG_TIMELINE = 64 /* what ranks noted for a profile */
} ls_tag;

struct ls_comm {
    MPI_Comm mpi; /* owned duplicate with MPI_ERRORS_RETURN */
    int rank, size;
};

/* LS_ERR_MPI with MPI's own text for a return code other than MPI_SUCCESS. */
ls_status ls_mpi_check(int code, const char *what);

/*
 * Collective. LS_ERR_MISMATCH naming the first rank and host whose text differs from rank 0's; `what` names the thing.
 */
ls_status ls_comm_same(const ls_comm *comm, const char *what, const char *text);

/* A communicator of this process alone, made without MPI, which need not be started: for ls_agree and ls_comm_same. */
ls_status ls_comm_alone(ls_comm **out);

/*
 * Collective. Before anything is computed: the processor and BLAS in the state that every bit depends on, and one
 * version of lockstep on all ranks.
 */
ls_status ls_comm_prepare(const ls_comm *comm);

/* Contiguous runs: part p of `parts` of n things is [n p / parts, n (p+1) / parts). Exact for any size. */
uint64_t ls_part_begin(uint64_t n, uint64_t part, uint64_t parts);

#endif
