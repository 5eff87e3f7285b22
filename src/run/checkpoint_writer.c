#include "run/checkpoint_writer.h"

#include <signal.h>
#include <time.h>

#include "base/memory.h"
#include "base/profile.h"

static void work(ls_checkpoint_writer *w)
{
    struct timespec cpu = {0};

    ls_profile_begin(LS_PHASE_CHECKPOINT, "writing the file");
    w->status = ls_checkpoint_put(&w->job);
    ls_profile_end();
    if (w->status != LS_OK) /* the error record is the thread's own */
        w->message = ls_strdup(ls_error_message());
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    w->cpu_s = (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec;
    atomic_store(&w->is_done, true);
}

/* The thread's own. */
static void *work_beside(void *writer)
{
    ls_profile_join();
    work(writer);
    ls_profile_leave();
    return NULL;
}

void ls_checkpoint_writer_start(ls_checkpoint_writer *w, const ls_checkpoint_job *job)
{
    sigset_t all, old;

    w->job = *job;
    w->is_busy = true;
    w->message = NULL;
    w->cpu_s = 0;
    atomic_store(&w->is_done, false);
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    w->has_thread = pthread_create(&w->thread, NULL, work_beside, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!w->has_thread) {
        work(w);
        w->cpu_s = 0; /* the caller's time is counted by the caller */
    }
}

bool ls_checkpoint_writer_is_done(const ls_checkpoint_writer *w)
{
    return !w->is_busy || atomic_load(&w->is_done);
}

ls_status ls_checkpoint_writer_wait(ls_checkpoint_writer *w)
{
    ls_status st;

    if (!w->is_busy)
        return LS_OK;
    if (w->has_thread)
        pthread_join(w->thread, NULL);
    w->is_busy = w->has_thread = false;
    st = w->status == LS_OK ? LS_OK
                            : ls_fail(w->status, "%s", w->message ? w->message : "a checkpoint could not be written");
    ls_free(w->message);
    ls_free(w->job.image);
    w->message = NULL;
    w->job = (ls_checkpoint_job){0};
    return st;
}
