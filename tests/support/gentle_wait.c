/*
 * Loaded before the C library where tests start MPI: a rank that waits sleeps instead of asking again at once. Open MPI
 * calls sched_yield then (mpi_yield_when_idle), and with more ranks than cores these calls took most of the time.
 */
#include <sched.h>
#include <time.h>

#define NAP_NS                                                                                             \
    20000 /* longer than a message between ranks of a node takes, far shorter than a turn of the scheduler \
           */

int sched_yield(void)
{
    return nanosleep(&(const struct timespec){.tv_nsec = NAP_NS}, NULL);
}
