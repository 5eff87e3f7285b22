/*
 * Loaded before the C library where tests start MPI: a rank that waits sleeps instead of asking again at once. Open MPI
 * calls sched_yield then (mpi_yield_when_idle), and with more ranks than cores these calls took most of the time.
 *
 * The longer it waits, the longer it sleeps: first longer than a message between ranks of a node takes, and never as
 * long as a turn of the scheduler.
 */
#include <sched.h>
#include <stdint.h>
#include <time.h>

#define NAP_NS 20000
#define NAP_NS_MAX 400000
#define WORK_NS 30000 /* between two naps: there was something to do */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int sched_yield(void)
{
    static _Thread_local int64_t nap, woke;
    int status;

    nap = now_ns() - woke > WORK_NS ? NAP_NS : nap * 3 / 2;
    if (nap > NAP_NS_MAX)
        nap = NAP_NS_MAX;
    status = nanosleep(&(const struct timespec){.tv_nsec = (long)nap}, NULL);
    woke = now_ns();
    return status;
}
