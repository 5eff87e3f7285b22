/*
 * Waiting gently: a rank that has nothing to do spins for some microseconds, goes on as long as nobody else wants its
 * core, and then sleeps. Machines are shared, and ranks may be more than cores: one that spins for long takes the time
 * of the one it waits for, and of the kernel's network work; one that sleeps has time to its credit when it is woken.
 */
#ifndef LS_COMM_WAIT_H
#define LS_COMM_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Around every wait for other ranks, for profiles and for ls_waited_s. what: static text. */
void ls_wait_begin(const char *what);
void ls_wait_end(void);
/* Seconds that this process has waited for other ranks since it began. */
double ls_waited_s(void);

/* One wait for something that has to be asked for again and again; {0} at its beginning. */
typedef struct ls_pause {
    unsigned rounds;
} ls_pause;

/* Between two questions: a moment that grows with their number, to half a millisecond. */
void ls_pause_next(ls_pause *pause);

/*
 * A number that only grows (modulo 2^32), raised by one process and awaited by others, in memory that they share;
 * zeroed memory is one at 0. What was written before it was raised can be read by whoever saw it. Whoever waits long
 * sleeps in the kernel (futex); to raise it is no system call unless somebody does.
 */
typedef struct ls_counter {
    _Alignas(64) _Atomic uint32_t value; /* a cache line of its own */
    _Atomic uint32_t sleepers;
} ls_counter;

void ls_counter_raise(ls_counter *counter, uint32_t value);
bool ls_counter_reached(const ls_counter *counter, uint32_t value);
void ls_counter_wait(ls_counter *counter, uint32_t value);

#endif
