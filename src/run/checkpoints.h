/*
 * The checkpoints of a run directory. checkpoint.h5 is the newest; with fit.checkpoint_keep: k the k - 1 before it stay
 * as checkpoint-updateN.h5, N updates having been done.
 *
 *     write     checkpoint.h5 ─second name─► checkpoint-update480.h5
 *               the new state ─atomically──► checkpoint.h5
 *               checkpoint-update460.h5 and whatever else is beyond k: removed
 *
 * A checkpoint is copied to memory at its update; a thread writes it while training goes on, and the next one waits for
 * it. A failure of the thread is told by the next collective call. Models that callbacks save go the same way, one
 * after the other: a checkpoint whose state says that a model was saved is on disk after that model.
 *
 * A crash at any instant leaves a whole checkpoint.h5, the old or the new one. A run that begins anew in the directory
 * of another removes the older ones of that run before it writes its first.
 */
#ifndef LS_RUN_CHECKPOINTS_H
#define LS_RUN_CHECKPOINTS_H

#include "run/callback.h"
#include "run/checkpoint_writer.h"

/* One line for the user, without a newline. Called on rank 0. */
typedef void ls_warn(void *context, const char *message);

typedef struct ls_checkpoints {
    ls_trainer *trainer;     /* borrowed, as the callbacks have it */
    ls_callbacks *callbacks; /* borrowed */
    const char *directory;   /* borrowed */
    char *newest;            /* DIRECTORY/checkpoint.h5 */
    bool has_begun;          /* the run wrote or read one: those in the directory are its own */
    bool is_ours;            /* newest holds what this run wrote or read last, after `update` updates */
    uint64_t update;
    bool is_under_way;           /* one is being written, or a model, as far as all ranks know */
    char *model;                 /* the path of the model that is; owned */
    ls_checkpoint_writer writer; /* on rank 0, as are the seconds: */
    double written_s;            /* when the last one was copied, ... */
    double held_s;               /* ... how long that took; */
    double cost_s;               /* what the last one that is on disk took from training */
} ls_checkpoints;

ls_status ls_checkpoints_init(ls_checkpoints *checkpoints, ls_callbacks *callbacks, const char *directory);
void ls_checkpoints_reset(ls_checkpoints *checkpoints);

/*
 * Collective. Restores the trainer from the newest checkpoint that is whole; *found: there are checkpoints at all. One
 * that is damaged, or missing although older ones are there, is passed over with a warning for each. Fails as
 * ls_checkpoint_read does, of the newest, when none is whole, or at the first that belongs to something else.
 */
ls_status ls_checkpoints_read(ls_checkpoints *checkpoints, bool allow_other_kernel, ls_warn *warn, void *context,
                              bool *found);

/* Collective. Is it fit.checkpoint_seconds since the last one, which is on disk? By the clock of rank 0. */
ls_status ls_checkpoints_due(ls_checkpoints *checkpoints, bool *due);

/* Collective. Of the trainer as it is now; waits for the last one, but not for this one. */
ls_status ls_checkpoints_write(ls_checkpoints *checkpoints);

/* Collective. A model file of the trainer as it is now, as ls_checkpoint_write makes it; waits as _write does. */
ls_status ls_checkpoints_write_model(ls_checkpoints *checkpoints, const char *path);

/* Collective. Waits until the last one is on disk. */
ls_status ls_checkpoints_finish(ls_checkpoints *checkpoints);

#endif
