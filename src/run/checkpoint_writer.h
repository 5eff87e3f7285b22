/*
 * A thread that brings checkpoints to disk while training goes on. One at a time: who starts the next one waits for the
 * last. Rank 0 has it.
 *
 *     _start ─► (training) ─► _is_done? ─► _wait: how it ended
 */
#ifndef LS_RUN_CHECKPOINT_WRITER_H
#define LS_RUN_CHECKPOINT_WRITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "run/checkpoint_files.h"

typedef struct ls_checkpoint_writer {
    ls_checkpoint_job job;
    bool is_busy, has_thread; /* there is a job that nobody has waited for; a thread has it */
    pthread_t thread;
    atomic_bool is_done;
    ls_status status; /* of the job, ... */
    char *message;    /* ... and its message, NULL: there is no memory for it */
    double cpu_s;     /* that the thread has computed for it: what the ranks on its processor miss */
} ls_checkpoint_writer;

/* Takes job->image over. Nothing must be under way. Where no thread can be made, the file is written here and now. */
void ls_checkpoint_writer_start(ls_checkpoint_writer *writer, const ls_checkpoint_job *job);
/* Nothing is under way: ls_checkpoint_writer_wait will not wait. */
bool ls_checkpoint_writer_is_done(const ls_checkpoint_writer *writer);
/* How the last job ended. It is told once: from then on LS_OK. */
ls_status ls_checkpoint_writer_wait(ls_checkpoint_writer *writer);

#endif
