#define _GNU_SOURCE /* syscall */
#include "comm/wait.h"

#include <limits.h>
#include <linux/futex.h>
#include <mpi.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/profile.h"

#define SPINS 256          /* rounds of spinning: some ten microseconds */
#define YIELDS 32          /* of who has to ask again and again: then rounds of offering the core to others */
#define AWAKE_NS 200000    /* of who can be woken: so long, while nobody else wants the core */
#define ASKS 16            /* looks between two offers */
#define TAKEN_NS 50000     /* an offer that takes longer was taken */
#define CROWDED_WAITS 64   /* so many waits make no offers after one that was taken */
#define FIRST_NAP_NS 20000 /* then sleep, longer every time */
#define LONGEST_NAP_NS 500000
#define FUTEX_NS 10000000 /* a sleeper looks again after this, whatever happens */

/* Of each thread. */
static _Thread_local uint64_t began_ns, waited_ns;
static _Thread_local unsigned crowded; /* waits to come that make no offers: others want this core */

void ls_wait_begin(const char *what)
{
    ls_profile_begin(LS_PHASE_WAIT, what);
    began_ns = ls_now_ns();
}

void ls_wait_end(void)
{
    waited_ns += ls_now_ns() - began_ns;
    ls_profile_end();
}

double ls_waited_s(void)
{
    return 1e-9 * (double)waited_ns;
}

/* Offers the core to others. False: somebody took it, and it is back only now. */
static bool offer_core(void)
{
    const uint64_t before_ns = ls_now_ns();

    sched_yield();
    if (ls_now_ns() - before_ns < TAKEN_NS)
        return true;
    crowded = CROWDED_WAITS;
    return false;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void ls_pause_next(ls_pause *pause)
{
    const unsigned round = pause->rounds < UINT_MAX ? pause->rounds++ : UINT_MAX;
    long nap_ns = FIRST_NAP_NS;

    if (round < SPINS) {
        relax();
        return;
    }
    if (round < SPINS + YIELDS && crowded == 0) {
        if (!offer_core())
            pause->rounds = SPINS + YIELDS;
        return;
    }
    if (round == SPINS && crowded > 0)
        crowded--;
    for (unsigned doubled = SPINS + YIELDS; doubled < round && nap_ns < LONGEST_NAP_NS; doubled += 8)
        nap_ns *= 2;
    nanosleep(&(struct timespec){.tv_nsec = nap_ns < LONGEST_NAP_NS ? nap_ns : LONGEST_NAP_NS}, NULL);
}

bool ls_counter_reached(const ls_counter *counter, uint32_t value)
{
    return (int32_t)(atomic_load_explicit(&counter->value, memory_order_acquire) - value) >= 0;
}

/*
 * No sleeper is missed: it counts itself before it looks at the value for the last time, and the value is raised before
 * the sleepers are counted; all in one order of sequentially consistent operations. Between that look and its sleep the
 * kernel looks once more.
 */
void ls_counter_raise(ls_counter *counter, uint32_t value)
{
    atomic_store(&counter->value, value);
    if (atomic_load(&counter->sleepers) > 0)
        syscall(SYS_futex, &counter->value, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* What MPI has still to send for this rank, which others may wait for, goes only when MPI is called. */
static void let_mpi_go_on(void)
{
    int there;

    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &there, MPI_STATUS_IGNORE);
}

static bool spin(const ls_counter *counter, uint32_t value, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        if (ls_counter_reached(counter, value))
            return true;
        relax();
    }
    return false;
}

void ls_counter_wait(ls_counter *counter, uint32_t value)
{
    uint64_t until_ns;

    if (spin(counter, value, SPINS))
        return;
    if (crowded > 0) {
        crowded--;
    } else {
        until_ns = ls_now_ns() + AWAKE_NS;
        while (ls_now_ns() < until_ns && offer_core())
            if (spin(counter, value, ASKS))
                return;
    }
    atomic_fetch_add(&counter->sleepers, 1);
    for (;;) {
        const uint32_t now = atomic_load(&counter->value);

        if ((int32_t)(now - value) >= 0)
            break;
        if (syscall(SYS_futex, &counter->value, FUTEX_WAIT, now, &(struct timespec){.tv_nsec = FUTEX_NS}, NULL, 0) != 0)
            let_mpi_go_on();
    }
    atomic_fetch_sub(&counter->sleepers, 1);
}
