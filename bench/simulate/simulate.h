/* What a simulated rank's work takes. */
#ifndef LS_BENCH_SIMULATE_H
#define LS_BENCH_SIMULATE_H

#include <mpi.h>

typedef struct costs {
    double flop_s;        /* of a product */
    double add_s, pack_s; /* of an element that is added, packed */
    double update_s;      /* of a weight */
    double wire_bytes;    /* an element takes, packed */
    unsigned nap_us;      /* between two looks at messages, at first */
} costs;

extern costs cost;

void spend(double seconds);

/* In the place of MPI_Iallreduce. */
int allreduce_at_once(const void *from, void *into, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                      MPI_Request *request);

#endif
