/*
 * Reduction algorithms behind one table: reduce-scatter, then (after the owner's update) all-gather.
 *
 * A vector is cut into one chunk per rank by bounds[P+1] (elements, bounds[0] = 0, ascending; chunks may be empty):
 * rank r owns chunk r. Sums of the exact carriers are associative, so all algorithms give the same bits there; float32
 * sums (`reduction: fast`) follow the algorithm's order, fixed for a given P.
 */
#ifndef LS_COMM_REDUCER_H
#define LS_COMM_REDUCER_H

#include <stddef.h>

#include "comm/comm.h"

typedef enum ls_element { LS_FLOAT32, LS_FLOAT64 } ls_element;

typedef struct ls_reducer ls_reducer;

/*
 * LS_ERR_ARG for a vector longer than max_bytes, the same on all ranks, before anything is sent. After LS_ERR_MPI
 * messages may be under way: neither the reducer nor the vector may be used or freed before the run ends.
 */
typedef struct ls_reducer_ops {
    const char *name; /* "ring", "mpi" */
    /*
     * REQUIRED. In place: on return this rank's chunk holds the sum over ranks; the contents of other chunks are lost.
     * Collective; the same bounds and element everywhere.
     */
    ls_status (*reduce_scatter)(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds);
    /* REQUIRED. Every rank's own chunk becomes known to all, in place. Collective. */
    ls_status (*all_gather)(ls_reducer *reducer, void *buf, ls_element element, const size_t *bounds);
    /* OPTIONAL. The algorithm's state, for vectors of up to reducer->max_bytes; the calls above allocate nothing. */
    ls_status (*setup)(ls_reducer *reducer);
    /* OPTIONAL. Releases the state, also after a setup that failed half way. */
    void (*destroy)(ls_reducer *reducer);
} ls_reducer_ops;

struct ls_reducer {
    const ls_reducer_ops *ops;
    const ls_comm *comm;  /* borrowed */
    size_t max_bytes;     /* of a vector */
    size_t segment_bytes; /* ring: what travels at a time; a multiple of 8 */
    size_t *equal;        /* [P+1] bounds of equal chunks, for ls_allreduce */
    void *state;
};

#define LS_SEGMENT_BYTES_DEFAULT ((size_t)256 * 1024)

/* All reducers. A new algorithm is a file in this folder and a line here. */
#define LS_REDUCER_LIST(X) \
    X(ring)                \
    X(mpi)

#define LS_REDUCER_DECLARE(name) extern const ls_reducer_ops ls_reducer_##name;
LS_REDUCER_LIST(LS_REDUCER_DECLARE)

/* NULL-terminated, for tests. */
extern const ls_reducer_ops *const ls_reducers[];
/* What a setting may name: "auto" and those. NULL-terminated. */
extern const char *const ls_reducer_names[];

/*
 * name: "ring", "mpi" or "auto" (the ring). max_bytes: the largest vector that will be handed in. segment_bytes: 8 to
 * INT_MAX, rounded down to a multiple of 8. Collective; fails on all ranks or on none.
 */
ls_status ls_reducer_create(const ls_comm *comm, const char *name, size_t max_bytes, size_t segment_bytes,
                            ls_reducer **out);
void ls_reducer_free(ls_reducer *reducer);

/* What implementations share: the size and MPI type of an element, and the check of a vector against max_bytes. */
size_t ls_element_bytes(ls_element element);
MPI_Datatype ls_element_mpi(ls_element element);
ls_status ls_reducer_check(const ls_reducer *reducer, ls_element element, const size_t *bounds);

/* The whole allreduce, by equal chunks: for small vectors, tests and benchmarks. n elements. Collective. */
ls_status ls_allreduce(ls_reducer *reducer, void *buf, ls_element element, size_t n);

#endif
