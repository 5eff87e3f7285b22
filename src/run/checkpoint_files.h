/*
 * The files of the checkpoints in a run directory, whoever made their bytes. Nothing here is collective: rank 0 calls
 * it, or the thread that writes for it.
 */
#ifndef LS_RUN_CHECKPOINT_FILES_H
#define LS_RUN_CHECKPOINT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The name that a checkpoint gets when it is no more the newest. To be freed; NULL: out of memory. */
char *ls_checkpoint_older_path(const char *directory, uint64_t update);

/* The updates of the older ones in the directory, the newest first. *out is to be freed. No directory: none. */
ls_status ls_checkpoint_list_older(const char *directory, uint64_t **out, uint64_t *n);

/* A checkpoint on its way to disk. */
typedef struct ls_checkpoint_job {
    const char *directory; /* borrowed; NULL: a model that a callback saves, of which nothing older stays */
    const char *newest;    /* borrowed */
    void *image;           /* [bytes] borrowed */
    size_t bytes;
    uint64_t update; /* that it is of */
    uint64_t keep;   /* how many older ones of this run stay */
    bool begins;     /* the first of its run: older ones that are there are another run's and go first */
    bool has_before; /* `newest` is there and of this run, ... */
    uint64_t before; /* ... of this update: it gets a name among the older ones */
} ls_checkpoint_job;

/* Replaces the newest; checkpoints.h tells in which order. */
ls_status ls_checkpoint_put(const ls_checkpoint_job *job);

#endif
