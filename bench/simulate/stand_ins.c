/*
 * What the simulation puts in the place of memory, arithmetic and waiting: memory that all ranks have one copy of,
 * since nobody looks at what is in it, and seconds of the simulated processor where something would be packed or added.
 */
#include "simulate.h"

#include <smpi/smpi.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/reducer.h"
#include "comm/wait.h"
#include "comm/wire.h"

#define LARGE_BYTES \
    ((size_t)1 << 20) /* from here on all blocks of all ranks are one, which SimGrid copies nothing of */
#define LARGEST_BYTES ((size_t)1 << 29)
#define FLOPS 1e9 /* of a simulated processor: what the platforms say */

#define NAPS 20 /* a wait between two looks at messages grows to so many times as much */

costs cost;

void spend(double seconds)
{
    if (seconds > 0)
        smpi_execute_flops(seconds * FLOPS);
}

static void *large_block(size_t bytes)
{
    static void *block;

    if (!block)
        block = smpi_shared_malloc(LARGEST_BYTES, "all", 0);
    return bytes <= LARGEST_BYTES ? block : NULL;
}

void *ls_calloc(size_t count, size_t size, const char *what)
{
    size_t bytes = 0;
    void *block = NULL;

    if (ls_size_mul(count, size, &bytes))
        block = bytes < LARGE_BYTES ? calloc(1, bytes ? bytes : 1) : large_block(bytes);
    if (!block)
        ls_fail(LS_ERR_MEMORY, "not enough memory for %s", what);
    return block;
}

void *ls_realloc(void *old, size_t count, size_t size, const char *what)
{
    size_t bytes = 0;
    void *block = ls_size_mul(count, size, &bytes) ? realloc(old, bytes) : NULL;

    if (!block)
        ls_fail(LS_ERR_MEMORY, "not enough memory for %s", what);
    return block;
}

/* Memory stays until the end. */
void ls_free(void *memory)
{
    (void)memory;
}

ls_status ls_mpi_check(int code, const char *what)
{
    return code == MPI_SUCCESS ? LS_OK : ls_fail(LS_ERR_MPI, "%s", what);
}

ls_status ls_agree(const ls_comm *comm, ls_status st)
{
    (void)comm;
    return st;
}

uint64_t ls_part_begin(uint64_t n, uint64_t part, uint64_t parts)
{
    return n * part / parts;
}

/* Nodes share no memory here: what they would add up in it is spent (simulate.c). */
void ls_node_memory_free(ls_node_memory *memory)
{
    (void)memory;
}

ls_status ls_node_memory_split(ls_node_memory *memory, size_t shared, size_t own, const char *what, void **out)
{
    (void)memory, (void)shared, (void)own;
    *out = NULL;
    return ls_fail(LS_ERR_INTERNAL, "%s: nothing is shared", what);
}

const ls_sharing *ls_node_memory_sharing(const ls_node_memory *memory)
{
    (void)memory;
    return NULL;
}

void ls_pause_next(ls_pause *pause)
{
    pause->rounds += pause->rounds < NAPS;
    smpi_usleep((useconds_t)(pause->rounds * cost.nap_us));
}

void ls_wait_begin(const char *what)
{
    (void)what;
}

void ls_wait_end(void)
{
}

bool ls_counter_reached(const ls_counter *counter, uint32_t value)
{
    (void)counter, (void)value;
    return true;
}

void ls_counter_raise(ls_counter *counter, uint32_t value)
{
    (void)counter, (void)value;
}

void ls_counter_wait(ls_counter *counter, uint32_t value)
{
    (void)counter, (void)value;
}

void ls_add(const float *x, float *y, size_t n)
{
    (void)x, (void)y;
    spend((double)n * cost.add_s);
}

void ls_element_add(ls_element element, void *y, const void *x, size_t n)
{
    (void)element, (void)y, (void)x;
    spend((double)n * cost.add_s);
}

size_t ls_wire_pack(const double *x, size_t first, size_t count, const double *grid, char *out)
{
    (void)x, (void)first, (void)grid, (void)out;
    spend((double)count * cost.pack_s);
    return (size_t)((double)count * cost.wire_bytes);
}

void ls_wire_add(const char *in, size_t first, size_t count, const double *grid, double *y)
{
    (void)in, (void)first, (void)grid, (void)y;
    spend((double)count * cost.add_s);
}

/* SimGrid sends everything to everybody for MPI_Iallreduce; Open MPI's own choice for the blocking one is nearer. */
int allreduce_at_once(const void *from, void *into, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                      MPI_Request *request)
{
    *request = MPI_REQUEST_NULL;
    return MPI_Allreduce(from, into, n, type, op, comm);
}
