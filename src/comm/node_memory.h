/*
 * Memory that the ranks of a node have together: data are held once per node, whatever the number of its ranks. With
 * one rank on a node it is plain memory.
 *
 * Not an MPI-3 shared window, although those are made for this: Open MPI keeps them in files of /dev/shm, which has 64
 * MB in a container, and 4.1 hangs when that is too little, for it fails on one rank only; and MPI_Win_free waits for
 * all ranks, so that one with an error of its own could not say so. This is what such a window is inside: a nameless
 * file in memory (memfd), which the first rank of the node makes and the others open through /proc, found with
 * MPI_Comm_split_type. Where that is not possible (ranks of a node in containers of their own), each rank has its own.
 */
#ifndef LS_COMM_NODE_MEMORY_H
#define LS_COMM_NODE_MEMORY_H

#include "comm/comm.h"
#include "data/sharing.h"

typedef struct ls_node_memory ls_node_memory;

/*
 * Collective on comm, which is borrowed. An error anywhere is an error everywhere. Of a node's ranks, `most` neighbours
 * at most share memory; 0: all.
 */
ls_status ls_node_memory_create(const ls_comm *comm, int most, ls_node_memory **out);
/* Releases what came from it, for this rank; not collective. Accepts NULL. */
void ls_node_memory_free(ls_node_memory *memory);

/*
 * Collective; as sharing->allocate, but only the first `shared` bytes (a multiple of LS_ALIGNMENT) are the node's, and
 * `own` bytes right behind them are each rank's.
 */
ls_status ls_node_memory_split(ls_node_memory *memory, size_t shared, size_t own, const char *what, void **out);

/* What data/ needs of it; lent. Parts are the ranks that share memory; agreeing is for all ranks of comm. */
const ls_sharing *ls_node_memory_sharing(const ls_node_memory *memory);

#endif
