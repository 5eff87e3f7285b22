#include "base/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

struct ls_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, has_thread;
    double timeout_s;
    ls_watchdog_expired expired;
    void *context;
    ls_watchdog_others others;
    void *others_context;
    _Atomic(const char *) phase;
    atomic_uint_fast64_t beats, update;
};

static struct timespec after(double seconds)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)seconds;
    t.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

static _Atomic(ls_watchdog *) program;

static ls_watchdog *of(ls_watchdog *w)
{
    return w ? w : atomic_load_explicit(&program, memory_order_acquire);
}

/* With the lock, which is let go of meanwhile: the answers take a moment. */
static bool others_progress(ls_watchdog *w)
{
    const ls_watchdog_others others = w->others;
    void *const context = w->others_context;
    bool progress = false;

    if (others) {
        pthread_mutex_unlock(&w->lock);
        progress = others(context);
        pthread_mutex_lock(&w->lock);
    }
    return progress;
}

static void *watch(void *argument)
{
    ls_watchdog *w = argument;
    uint64_t last = atomic_load(&w->beats);
    struct timespec deadline;
    int halves = 0; /* of the time without a beat */

    pthread_mutex_lock(&w->lock);
    deadline = after(w->timeout_s / 2);
    while (!w->stop) {
        const int code = w->timeout_s > 0 ? pthread_cond_timedwait(&w->wake, &w->lock, &deadline)
                                          : pthread_cond_wait(&w->wake, &w->lock);
        const uint64_t now = atomic_load(&w->beats);
        const bool waited = code == ETIMEDOUT && !w->stop;

        if (now != last || code != ETIMEDOUT)
            halves = 0;
        else if (others_progress(w))
            halves = 1;
        else if (waited && atomic_load(&w->beats) == last && ++halves == 2) {
            w->expired(w->context, w->timeout_s, atomic_load(&w->phase), atomic_load(&w->update));
            break;
        }
        last = now;
        deadline = after(w->timeout_s / 2);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

ls_status ls_watchdog_start(double timeout_s, ls_watchdog_expired expired, void *context, ls_watchdog **out)
{
    ls_watchdog *w;
    pthread_condattr_t clock;
    sigset_t all, old;
    int code;

    *out = NULL;
    if (timeout_s <= 0)
        return LS_OK;
    if (!(w = ls_calloc(1, sizeof *w, "the watchdog")))
        return LS_ERR_MEMORY;
    w->timeout_s = timeout_s;
    w->expired = expired;
    w->context = context;
    atomic_init(&w->phase, "starting");
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, &clock);
    pthread_condattr_destroy(&clock);
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    code = pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code) {
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        ls_free(w);
        return ls_fail(LS_ERR_INTERNAL, "cannot start the watchdog thread: %s", strerror(code));
    }
    w->has_thread = true;
    *out = w;
    return LS_OK;
}

void ls_watchdog_halt(ls_watchdog *w)
{
    if (!w || !w->has_thread)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->has_thread = false;
}

void ls_watchdog_stop(ls_watchdog *w)
{
    if (!w)
        return;
    ls_watchdog_halt(w);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    ls_free(w);
}

void ls_watchdog_set_timeout(ls_watchdog *w, double timeout_s)
{
    pthread_mutex_lock(&w->lock);
    w->timeout_s = timeout_s;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

void ls_watchdog_set_others(ls_watchdog *w, ls_watchdog_others others, void *context)
{
    pthread_mutex_lock(&w->lock);
    w->others = others;
    w->others_context = context;
    pthread_mutex_unlock(&w->lock);
}

void ls_watchdog_set_program(ls_watchdog *w)
{
    atomic_store_explicit(&program, w, memory_order_release);
}

void ls_watchdog_beat(ls_watchdog *w, const char *phase)
{
    if (!(w = of(w)))
        return;
    atomic_store_explicit(&w->phase, phase, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
}

void ls_watchdog_tick(void)
{
    ls_watchdog *const w = of(NULL);

    if (w)
        atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
}

void ls_watchdog_update(ls_watchdog *w, uint64_t update)
{
    if ((w = of(w)))
        atomic_store_explicit(&w->update, update, memory_order_relaxed);
}

void ls_watchdog_look(const ls_watchdog *w, const char **phase, uint64_t *beats, uint64_t *update)
{
    *phase = atomic_load_explicit(&w->phase, memory_order_relaxed);
    *beats = atomic_load_explicit(&w->beats, memory_order_relaxed);
    *update = atomic_load_explicit(&w->update, memory_order_relaxed);
}
