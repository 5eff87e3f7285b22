/*
 * How processes that hold the same data share the work and the memory. The processes of a node read one copy together,
 * each a part of it; src/comm/node_memory.h makes this from MPI. A NULL ls_sharing stands for a process by itself.
 */
#ifndef LS_DATA_SHARING_H
#define LS_DATA_SHARING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_sharing {
    void *context;
    int part, parts; /* this process reads part `part` of `parts` */
    /*
     * Collective. Zeroed memory for all parts together, aligned to LS_ALIGNMENT, at an address of each process's own.
     * It belongs to the context.
     */
    ls_status (*allocate)(void *context, size_t bytes, const char *what, void **memory);
    /*
     * Collective. An error of one is an error of all. What each has written to shared memory before, all can read
     * after. unfinished: in, what this process still has to do; out, the sum over all. NULL: nobody asks.
     */
    ls_status (*agree)(void *context, ls_status mine, uint64_t *unfinished);
} ls_sharing;

#endif
