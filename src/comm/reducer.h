/*
 * Reduction algorithms behind one table: reduce-scatter, then (after the owner's update) all-gather; both begin, go on
 * when they are asked to, and end.
 *
 * A vector is cut into one chunk per rank, [begin[p], end[p]) (elements; chunks may be empty, and need not touch): rank
 * r owns chunk r. Sums of the exact carriers are associative, so all algorithms give the same bits there; float32 sums
 * (`reduction: fast`) follow the algorithm's order, fixed for a given P.
 */
#ifndef LS_COMM_REDUCER_H
#define LS_COMM_REDUCER_H

#include <stddef.h>

#include "base/text.h"
#include "comm/comm.h"
#include "comm/node_memory.h"
#include "comm/wait.h"

typedef enum ls_element { LS_FLOAT32, LS_FLOAT64 } ls_element;
typedef enum ls_half { LS_REDUCE_SCATTER, LS_ALL_GATHER } ls_half;

/*
 * What is to be done. LS_REDUCE_SCATTER: buf, part of reducer->sums, becomes the sum over ranks in this rank's chunk;
 * the contents of other chunks are lost. LS_ALL_GATHER: every rank's own chunk becomes known to all, in place; buf is
 * part of reducer->common on all ranks, or elsewhere on all. All ranks pass the same chunks and element, in the same
 * order.
 */
typedef struct ls_vector {
    ls_half half;
    ls_element element;
    void *buf;
    const size_t *begin, *end; /* [P] borrowed until the vector is finished */
    const double *grid; /* [blocks] the elements' grids (wire.h), borrowed likewise; NULL: they may not be packed */
} ls_vector;

/* Are vectors with grids packed? AUTO: where the network is measured to be slow. */
typedef enum ls_wire { LS_WIRE_AUTO, LS_WIRE_PACKED, LS_WIRE_PLAIN } ls_wire;

typedef struct ls_reducer ls_reducer;

/* Vectors that are under way at a time; the others wait for their turn. */
#define LS_LANES 4

/*
 * After LS_ERR_MPI messages may be under way: neither the reducer nor its vectors may be used or freed before the run
 * ends.
 */
typedef struct ls_reducer_ops {
    const char *name; /* "ring", "mpi" */
    /* OPTIONAL. Collective. The algorithm's state; the calls below allocate nothing. */
    ls_status (*setup)(ls_reducer *reducer);
    /* OPTIONAL. Releases the state, also after a setup that failed half way. */
    void (*destroy)(ls_reducer *reducer);
    /* REQUIRED. A vector (kept by the caller) takes the lane, which is free. Never with one rank. Waits for nothing. */
    ls_status (*start)(ls_reducer *reducer, size_t lane, const ls_vector *vector);
    /* REQUIRED. The lane's vector goes on as far as it can without waiting. */
    ls_status (*advance)(ls_reducer *reducer, size_t lane, bool *done);
    /* OPTIONAL. Sleeps until the lane's vector may go on; without it whoever waits asks again and again, gently. */
    void (*wait)(ls_reducer *reducer, size_t lane);
    /* OPTIONAL. Returns when no other rank reads what this one may write of the sums any more. */
    void (*settle)(ls_reducer *reducer);
    /* OPTIONAL. Of sums that are together: this rank reads them no more. */
    void (*release)(ls_reducer *reducer);
    /* OPTIONAL. Collective on the ranks that share reducer->common: returns when all are here. */
    void (*meet)(ls_reducer *reducer);
    /* OPTIONAL. After setup, for people: what the algorithm found. */
    ls_status (*describe)(const ls_reducer *reducer, ls_text *out);
} ls_reducer_ops;

struct ls_reducer {
    const ls_reducer_ops *ops;
    const ls_comm *comm;    /* borrowed */
    size_t max_bytes;       /* of a vector */
    size_t segment_bytes;   /* ring: what travels at a time; a multiple of 8 */
    char *sums;             /* [sums_bytes] this rank's vectors to be summed, from the beginning of a page on */
    bool together;          /* a rank reads its chunk from the sums of all: see ls_reducer_sums_of */
    size_t sums_bytes;      /* a multiple of LS_ALIGNMENT */
    ls_node_memory *memory; /* owned; NULL: nothing is shared */
    char *common;           /* one copy for the ranks of a node; NULL: there is none. See ls_reducer_share */
    size_t common_bytes;
    char *why;        /* owned text: what was chosen, and why */
    ls_wire wire;     /* as asked for */
    bool packs;       /* vectors with grids are packed */
    bool slow;        /* the network is measured to be: worth looking after often */
    bool any_order;   /* sums are exact: what is measured may decide how they are made */
    bool fell_back;   /* the algorithm asked for is not possible here: `why` is worth a warning */
    void *state;      /* the algorithm's */
    void *own_sums;   /* owned; NULL: in shared memory */
    ls_vector *queue; /* [capacity] number t at t mod capacity */
    size_t capacity;
    uint64_t issued, begun, finished; /* vectors so far; the lane of number t is t mod LS_LANES */
    bool done[LS_LANES];
    ls_pause pause; /* of the wait in hand */
};

#define LS_SEGMENT_BYTES_DEFAULT ((size_t)256 * 1024)

/* All reducers. A new algorithm is a file in this folder and a line here. */
#define LS_REDUCER_LIST(X) \
    X(ring)                \
    X(halving)             \
    X(shared)              \
    X(hierarchical)        \
    X(mpi)

#define LS_REDUCER_DECLARE(name) extern const ls_reducer_ops ls_reducer_##name;
LS_REDUCER_LIST(LS_REDUCER_DECLARE)

/* NULL-terminated, for tests. */
extern const ls_reducer_ops *const ls_reducers[];
/* What a setting may name: "auto" and those. NULL-terminated. */
extern const char *const ls_reducer_names[];

typedef struct ls_reducer_options {
    const char *algorithm; /* a name in ls_reducer_names */
    size_t max_bytes;      /* of the largest vector that will be handed in */
    size_t segment_bytes;  /* 8 to INT_MAX, rounded down to a multiple of 8 */
    size_t sums_bytes;     /* of all vectors to be summed */
    size_t vectors;        /* that may be begun and not yet finished */
    int node_ranks;        /* so many neighbours on a node share memory, at most; 0: all */
    bool any_order;        /* sums are exact */
    bool together;         /* and whoever reads totals can take them from several ranks' sums: see ls_reducer_sums_of */
    ls_wire wire;
} ls_reducer_options;

/* Collective; fails on all ranks or on none. */
ls_status ls_reducer_create(const ls_comm *comm, const ls_reducer_options *options, ls_reducer **out);
void ls_reducer_free(ls_reducer *reducer);

/*
 * Collective. Memory for vectors that are gathered and then need not be copied: `shared` bytes of which the ranks of a
 * node have one copy, and `own` behind them of which each has its own. *memory is NULL if there is no such memory.
 */
ls_status ls_reducer_share(ls_reducer *reducer, size_t shared, size_t own, void **memory);

/*
 * Collective. A vector begins its way; *number is for ls_reducer_finish. LS_ERR_ARG for one longer than max_bytes, the
 * same on all ranks, before anything is sent.
 */
ls_status ls_reducer_start(ls_reducer *reducer, const ls_vector *vector, uint64_t *number);
/* Not collective; waits for nothing: whatever can go on goes on. */
ls_status ls_reducer_progress(ls_reducer *reducer);
/* Returns when vector `number` and all before it have arrived. */
ls_status ls_reducer_finish(ls_reducer *reducer, uint64_t number);
/* ls_reducer_start and ls_reducer_finish. */
ls_status ls_reducer_run(ls_reducer *reducer, const ls_vector *vector);
/* Returns when no other rank reads this rank's sums any more, so that they may be written. */
void ls_reducer_settle(ls_reducer *reducer);
/*
 * This rank does not read the sums any more, of as many vectors as there were so far. Each rank says so as often as the
 * others; for sums that are together, ls_reducer_settle waits until all have.
 */
void ls_reducer_release(ls_reducer *reducer);
/* If the sums are together, those of a rank of the node, by its part: a finished vector's total is the sum of them. */
char *ls_reducer_sums_of(const ls_reducer *reducer, size_t part);
/* Collective. Returns when all ranks that share memory are here: none of them reads it as it was any more. */
void ls_reducer_meet(ls_reducer *reducer);

/* What implementations share: the size and MPI type of an element; y (n) += x (n). */
size_t ls_element_bytes(ls_element element);
MPI_Datatype ls_element_mpi(ls_element element);
void ls_element_add(ls_element element, void *y, const void *x, size_t n);

#endif
