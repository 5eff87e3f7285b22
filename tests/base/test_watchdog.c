/* The watchdog barks when nobody beats, not when somebody does. Times are long, so that a busy machine is no stall. */
#include "ls_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/watchdog.h"

#define TIMEOUT_S 0.8

typedef struct bark {
    atomic_int count;
    double timeout_s;
    char phase[64];
    uint64_t update;
    bool signals_blocked;
} bark;

static void expired(void *context, double timeout_s, const char *phase, uint64_t update)
{
    bark *b = context;
    sigset_t blocked;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    b->signals_blocked = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
    b->timeout_s = timeout_s;
    snprintf(b->phase, sizeof b->phase, "%s", phase);
    b->update = update;
    atomic_fetch_add(&b->count, 1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(double seconds)
{
    const struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&t, NULL);
}

/* Seconds until it barks; gives up after 20. */
static double wait_for(bark *b)
{
    const double begun = now_s();

    while (!atomic_load(&b->count) && now_s() - begun < 20)
        nap(0.01);
    return now_s() - begun;
}

static void is_quiet_while_somebody_beats(void **state)
{
    bark b = {0};
    ls_watchdog *w = NULL;
    const double begun = now_s();
    double waited;

    (void)state;
    assert_true(ok(ls_watchdog_start(TIMEOUT_S, expired, &b, &w)));
    for (uint64_t i = 0; now_s() - begun < 2.2 * TIMEOUT_S; i++) {
        ls_watchdog_beat(w, i % 2 ? "computing" : "reducing");
        ls_watchdog_update(w, i);
        nap(0.01);
    }
    assert_int_equal(atomic_load(&b.count), 0);

    /* The same one, once nobody beats any more. */
    ls_watchdog_beat(w, "sharing the weights");
    ls_watchdog_update(w, 41);
    waited = wait_for(&b);
    assert_int_equal(atomic_load(&b.count), 1);
    assert_true(waited > 0.9 * TIMEOUT_S);
    assert_string_equal(b.phase, "sharing the weights");
    assert_true(b.update == 41 && b.timeout_s == TIMEOUT_S && b.signals_blocked);
    ls_watchdog_stop(w);
}

/* Before the first beat there is a phase already. An update alone is no progress: the phase stands still. */
static void barks_at_a_rank_that_never_began(void **state)
{
    bark b = {0};
    ls_watchdog *w = NULL;

    (void)state;
    assert_true(ok(ls_watchdog_start(0.05, expired, &b, &w)));
    wait_for(&b);
    ls_watchdog_stop(w);
    assert_int_equal(atomic_load(&b.count), 1);
    assert_string_equal(b.phase, "starting");
    assert_true(b.update == 0);
}

static bool busy(void *context)
{
    return atomic_fetch_sub((atomic_int *)context, 1) > 0;
}

/* Asked after every half: while others make progress it waits, and half of the time longer. */
static void waits_while_others_make_progress(void **state)
{
    bark b = {0};
    ls_watchdog *w = NULL;
    atomic_int answers = 5;
    double waited;

    (void)state;
    assert_true(ok(ls_watchdog_start(TIMEOUT_S, expired, &b, &w)));
    ls_watchdog_set_others(w, busy, &answers);
    waited = wait_for(&b);
    assert_true(atomic_load(&b.count) == 1 && waited > 0.9 * (5 + 1) * TIMEOUT_S / 2);
    assert_int_equal(atomic_load(&answers), -1);
    ls_watchdog_stop(w);
}

static void null_is_that_of_the_program(void **state)
{
    bark b = {0};
    ls_watchdog *w = NULL;
    const char *phase;
    uint64_t beats, update;

    (void)state;
    assert_true(ok(ls_watchdog_start(3600, expired, &b, &w)));
    ls_watchdog_beat(NULL, "for nobody");
    ls_watchdog_set_program(w);
    ls_watchdog_beat(NULL, "reading");
    ls_watchdog_tick();
    ls_watchdog_update(NULL, 7);
    ls_watchdog_look(w, &phase, &beats, &update);
    assert_true(strcmp(phase, "reading") == 0 && beats == 2 && update == 7);
    ls_watchdog_set_timeout(w, 0.05);
    wait_for(&b);
    assert_int_equal(atomic_load(&b.count), 1);
    ls_watchdog_set_program(NULL);
    ls_watchdog_tick();
    ls_watchdog_halt(w);
    ls_watchdog_look(w, &phase, &beats, &update);
    assert_int_equal(beats, 2);
    ls_watchdog_stop(w);
}

static void stops_at_once(void **state)
{
    bark b = {0};
    ls_watchdog *w = NULL;
    const double begun = now_s();

    (void)state;
    assert_true(ok(ls_watchdog_start(3600, expired, &b, &w)));
    ls_watchdog_stop(w);
    assert_true(now_s() - begun < 60);
    assert_int_equal(atomic_load(&b.count), 0);
}

static void zero_means_none(void **state)
{
    ls_watchdog *w = (ls_watchdog *)&w;

    (void)state;
    assert_true(ok(ls_watchdog_start(0, expired, NULL, &w)));
    assert_null(w);
    ls_watchdog_beat(w, "x");
    ls_watchdog_update(w, 1);
    ls_watchdog_stop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_quiet_while_somebody_beats),
        cmocka_unit_test(barks_at_a_rank_that_never_began),
        cmocka_unit_test(waits_while_others_make_progress),
        cmocka_unit_test(null_is_that_of_the_program),
        cmocka_unit_test(stops_at_once),
        cmocka_unit_test(zero_means_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
