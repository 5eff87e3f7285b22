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
    bool stop;
    double timeout_s;
    ls_watchdog_expired expired;
    void *context;
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

static void *watch(void *argument)
{
    ls_watchdog *w = argument;
    uint64_t last = atomic_load(&w->beats);
    struct timespec deadline = after(w->timeout_s);

    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        const int code = pthread_cond_timedwait(&w->wake, &w->lock, &deadline);
        const uint64_t now = atomic_load(&w->beats);

        if (code == ETIMEDOUT && now == last && !w->stop) {
            w->expired(w->context, w->timeout_s, atomic_load(&w->phase), atomic_load(&w->update));
            break;
        }
        if (now != last || code == ETIMEDOUT) {
            last = now;
            deadline = after(w->timeout_s);
        }
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
    *out = w;
    return LS_OK;
}

void ls_watchdog_stop(ls_watchdog *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    ls_free(w);
}

void ls_watchdog_beat(ls_watchdog *w, const char *phase)
{
    if (!w)
        return;
    atomic_store_explicit(&w->phase, phase, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
}

void ls_watchdog_update(ls_watchdog *w, uint64_t update)
{
    if (w)
        atomic_store_explicit(&w->update, update, memory_order_relaxed);
}
