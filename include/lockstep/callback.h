/**
 * @file callback.h
 * Callbacks of the calling program: functions that fit calls at fixed points, in Keras's order:
 *
 *     on_train_begin
 *       on_epoch_begin
 *         on_train_batch_begin, on_train_batch_end     per batch
 *       on_test_begin, on_test_end                     when the epoch is validated
 *       on_epoch_end
 *     on_train_end
 *
 * At each point they run in the order of the list, the experiment's own before those of the program.
 *
 * Hooks run on every rank with the same logs and must decide alike; only rank 0 should write files. Whatever they
 * decide by goes through `state` into every checkpoint, so that a resumed run decides as one that was never stopped.
 */
#ifndef LOCKSTEP_CALLBACK_H
#define LOCKSTEP_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lockstep/comm.h"
#include "lockstep/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- logs ---- */

/** Names and values: "loss", "accuracy", "val_loss", ... of an epoch, of an epoch so far, or of an evaluation. */
typedef struct ls_logs ls_logs;

/** How many values there are. */
size_t ls_logs_count(const ls_logs *logs);
/** The i-th name, i < ls_logs_count(logs). It lives as long as the logs. */
const char *ls_logs_name(const ls_logs *logs, size_t i);
/** The i-th value, i < ls_logs_count(logs). */
double ls_logs_value(const ls_logs *logs, size_t i);

/**
 * The value of that name; NULL: there is none, as of "val_loss" in an epoch without validation. Lent until the logs
 * change.
 */
const double *ls_logs_get(const ls_logs *logs, const char *name);

/**
 * Add a value, or replace the one of that name: the history and later callbacks see it.
 *
 * @param name  borrowed until fit returns. An added name must be in the `adds` of the hooks.
 * @return LS_OK; LS_ERR_ARG if there is no room for it
 */
ls_status ls_logs_put(ls_logs *logs, const char *name, double value);

/* ---- the run ---- */

/** What hooks see of the run and may change. Lent for the time of the call. */
typedef struct ls_callback_run ls_callback_run;

/** The ranks of the run. */
const ls_comm *ls_callback_comm(const ls_callback_run *run);
/** The weights as of now. A hook that sets some must set the same on every rank. */
ls_model *ls_callback_model(ls_callback_run *run);
/** The run directory; NULL: write no files. */
const char *ls_callback_directory(const ls_callback_run *run);
/** Did this run go on from a checkpoint? Known from on_train_begin on. */
bool ls_callback_resumed(const ls_callback_run *run);

/** The epoch at hand, from 0. */
uint64_t ls_callback_epoch(const ls_callback_run *run);
/** The batch at hand, from 0; after the last batch of an epoch: how many batches it had. */
uint64_t ls_callback_batch(const ls_callback_run *run);
/** Updates of the weights since they were fresh, over all fits. */
uint64_t ls_callback_updates(const ls_callback_run *run);

/** End the training after this batch or epoch, as Keras's model.stop_training; one rank's wish is enough. */
void ls_callback_stop_training(ls_callback_run *run);

/** The learning rate of the next update. */
double ls_callback_learning_rate(const ls_callback_run *run);
/**
 * Set the learning rate, rounded to float32; the same on all ranks.
 *
 * @return LS_OK; LS_ERR_ARG if it is negative or not finite; LS_ERR_CONFIG if the rate follows a schedule
 */
ls_status ls_callback_set_learning_rate(ls_callback_run *run, double rate);

/**
 * Save the model as it is now, as Keras's model.save in a callback.
 *
 * Collective; rank 0 writes. The file appears whole or not at all.
 *
 * @param path  relative to the working directory. What ends in .keras or .weights.h5 becomes a file of Keras's, with
 * the state of the optimizer; anything else an HDF5 file as ls_estimator_save writes it, with the state of the run
 * besides (`state` of every callback is called).
 * @return LS_OK; LS_ERR_ARG if Keras cannot keep this model in such a file; LS_ERR_IO; LS_ERR_MEMORY
 */
ls_status ls_callback_save(ls_callback_run *run, const char *path);

/** A line for the user, from rank 0 to where progress goes; silent elsewhere. printf's format, no newline at its end.
 */
void ls_callback_say(ls_callback_run *run, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** Fail with a message: returns `status`, so that a hook can return it. Not collective; fit makes all ranks fail. */
ls_status ls_callback_fail(ls_status status, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* ---- state in checkpoints ---- */

/** A checkpoint being written or read: the same calls do both, so that one function is enough. */
typedef struct ls_state ls_state;

/**
 * Write the number *value to the checkpoint, or read it from there. A name may be passed once.
 *
 * Not collective: written on rank 0, read on every rank.
 *
 * @return LS_OK; LS_ERR_FORMAT and others of a damaged checkpoint; LS_ERR_MEMORY
 */
ls_status ls_state_uint(ls_state *state, const char *name, uint64_t *value);
/** ls_state_uint for a yes or no. */
ls_status ls_state_flag(ls_state *state, const char *name, bool *value);
/** ls_state_uint for a float32. */
ls_status ls_state_float(ls_state *state, const char *name, float *value);
/**
 * ls_state_uint for a text.
 *
 * @param text      ends with a zero byte
 * @param capacity  bytes of `text`; a longer text in the checkpoint is LS_ERR_FORMAT
 */
ls_status ls_state_text(ls_state *state, const char *name, char *text, size_t capacity);

/* ---- callbacks ---- */

/**
 * What fit calls. All OPTIONAL, all called on every rank. Epochs and batches count from 0. A failure on one rank is a
 * failure of the training on all: it ends with that status.
 */
typedef struct ls_callback_hooks {
    /** The training begins; what a checkpoint held is there. */
    ls_status (*on_train_begin)(void *context, ls_callback_run *run);
    /** An epoch begins. */
    ls_status (*on_epoch_begin)(void *context, ls_callback_run *run, uint64_t epoch);
    /** A batch begins. */
    ls_status (*on_train_batch_begin)(void *context, ls_callback_run *run, uint64_t batch);
    /** The weights are updated. logs: means over the epoch so far. */
    ls_status (*on_train_batch_end)(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs);
    /** The validation of an epoch begins. */
    ls_status (*on_test_begin)(void *context, ls_callback_run *run);
    /** The validation of an epoch ended. logs: names without "val_". */
    ls_status (*on_test_end)(void *context, ls_callback_run *run, ls_logs *logs);
    /** An epoch and its validation ended. logs: the row of the history, which the callback may change. */
    ls_status (*on_epoch_end)(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs);
    /** The training ended. logs: those of the last epoch. */
    ls_status (*on_train_end)(void *context, ls_callback_run *run, ls_logs *logs);
    /** Pass whatever the callback decides by to ls_state_uint and its like. Not collective: written on rank 0, read on
     * every rank. */
    ls_status (*state)(void *context, ls_callback_run *run, ls_state *state);
    const char *const *adds; /**< names that the callback puts into the logs of an epoch, NULL-terminated */
} ls_callback_hooks;

/** A callback of the calling program. */
typedef struct ls_callback {
    const char *name;               /**< also in checkpoints; no '/' */
    const ls_callback_hooks *hooks; /**< borrowed until fit returns */
    void *context;                  /**< handed to every hook */
} ls_callback;

#ifdef __cplusplus
}
#endif
#endif
