/*
 * Callbacks: what Keras calls at fixed points of fit, in this order:
 *
 *     on_train_begin
 *       on_epoch_begin
 *         on_train_batch_begin, on_train_batch_end     per batch
 *       on_test_begin, on_test_end                     when the epoch is validated
 *       on_epoch_end
 *     on_train_end
 *
 * At each point they run in the order of the list, the experiment's before those of ls_fit_settings; then the history
 * takes its row and the progress display its line, so that both see what callbacks added to the logs.
 *
 * Hooks run on every rank with the same logs and must decide alike; only rank 0 writes files. What a decision depends
 * on goes through `state` into every checkpoint, so that a resumed run decides as one that was never stopped.
 */
#ifndef LS_TRAIN_CALLBACK_H
#define LS_TRAIN_CALLBACK_H

#include "train/progress.h"
#include "train/trainer.h"

/* Names and values of an epoch, or of an epoch so far. The name of an added one must be in the hooks' `adds`. */
typedef struct ls_logs {
    ls_log *log;
    size_t n, capacity;
} ls_logs;

/* NULL: there is no such value, as that of "val_loss" in an epoch without validation. */
const double *ls_logs_get(const ls_logs *logs, const char *name);
/* name is borrowed. Replaces a value of that name. */
ls_status ls_logs_put(ls_logs *logs, const char *name, double value);

/* What hooks see of the run and may change. */
typedef struct ls_callback_run {
    ls_trainer *trainer;     /* borrowed. ->model: the weights; ->updater: the rate; ->update: how many are done */
    const char *directory;   /* of the run; NULL: write no files */
    FILE *out;               /* for messages: rank 0 only, NULL elsewhere and in a silent run */
    ls_progress *progress;   /* borrowed; it may have a line on `out` that is not ended */
    const ls_log *known;     /* names of all logs there can be at the end of an epoch, without values */
    size_t train_logs, logs; /* how many: of training, which come first, and in all */
    bool resumed;            /* on_train_begin: the state came from a checkpoint */
    bool stop_training;      /* set it to end the training after this batch or epoch, as Keras's model.stop_training */
    bool survives_nan;       /* a loss that is not finite is no error but a log */
} ls_callback_run;

/* A line for the user, from rank 0. No newline at its end. */
void ls_callback_say(ls_callback_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A checkpoint being written or read: the same calls do both. Values of one name may be passed once. */
typedef struct ls_state ls_state;

ls_status ls_state_uint(ls_state *state, const char *name, uint64_t *value);
ls_status ls_state_flag(ls_state *state, const char *name, bool *value);
ls_status ls_state_float(ls_state *state, const char *name, float *value);
ls_status ls_state_text(ls_state *state, const char *name, ls_text *text); /* text->data may become NULL if empty */
/* A copy of all weights in the layout of model->weights, one array per parameter in the file. */
ls_status ls_state_weights(ls_state *state, const char *name, float *weights);

/* All OPTIONAL, all collective. Epochs and batches count from 0. A failure on one rank is a failure on all. */
typedef struct ls_callback_hooks {
    ls_status (*on_train_begin)(void *context, ls_callback_run *run);
    ls_status (*on_epoch_begin)(void *context, ls_callback_run *run, uint64_t epoch);
    ls_status (*on_train_batch_begin)(void *context, ls_callback_run *run, uint64_t batch);
    /* logs: means over the epoch so far. */
    ls_status (*on_train_batch_end)(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs);
    ls_status (*on_test_begin)(void *context, ls_callback_run *run);
    ls_status (*on_test_end)(void *context, ls_callback_run *run, ls_logs *logs); /* names without "val_" */
    ls_status (*on_epoch_end)(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs);
    ls_status (*on_train_end)(void *context, ls_callback_run *run, ls_logs *logs); /* of the last epoch */
    /* What a checkpoint holds of it. Not collective: written on rank 0, read on every rank. */
    ls_status (*state)(void *context, ls_callback_run *run, ls_state *state);
    const char *const *adds; /* names it puts into the logs of an epoch, NULL-terminated */
} ls_callback_hooks;

/* A callback of the calling program. */
typedef struct ls_callback {
    const char *name; /* also in checkpoints; no '/' */
    const ls_callback_hooks *hooks;
    void *context;
} ls_callback;

/* ---- the callbacks that an experiment can name ---- */

typedef struct ls_callback_ops {
    ls_ops ops;
    const char *const *texts; /* arguments that are not in ops.options, NULL-terminated; NULL: none */
    /* OPTIONAL. Reads those of args (never NULL) into config, which borrows from the tree. */
    ls_status (*parse)(void *config, const ls_config *args, const char *where);
    /* OPTIONAL. Frees what parse made; config may be half filled. */
    void (*reset)(void *config);
    size_t context_bytes; /* zeroed; begins with a pointer to the config */
    /* OPTIONAL. Checks the arguments against the run and prepares the context. at: where it stands, for messages. */
    ls_status (*open)(void *context, ls_callback_run *run, const ls_config *at);
    /* OPTIONAL. */
    void (*close)(void *context);
    ls_callback_hooks hooks;
} ls_callback_ops;

extern const ls_registry ls_callback_registry;

/* One entry of `callbacks:`, parsed. */
typedef struct ls_callback_spec {
    ls_component component; /* ops is an ls_callback_ops */
    const ls_config *at;
} ls_callback_spec;

/* `callbacks:` of an experiment, a list or null. The tree must outlive the specs. */
ls_status ls_callback_specs_parse(const ls_config *list, ls_callback_spec **out, size_t *n);
void ls_callback_specs_free(ls_callback_spec *specs, size_t n);

/* ---- the callbacks of a run ---- */

typedef struct ls_callbacks {
    ls_callback_run run;
    ls_callback *callback; /* [n] those of the experiment first: as many as there are specs */
    size_t n;
    const ls_callback_spec *spec; /* borrowed */
    size_t specs;
    ls_log *known;          /* [run.logs] */
    char **validation_name; /* [run.train_logs] "val_loss", …; NULL: no validation */
    ls_logs logs;           /* of the epoch */
    ls_logs test;           /* of its validation */
} ls_callbacks;

typedef struct ls_callbacks_settings {
    const char *directory;
    FILE *out;
    ls_progress *progress;
    bool validates;              /* there will be val_ logs */
    const ls_callback *callback; /* [callbacks] of the calling program; borrowed */
    size_t callbacks;
} ls_callbacks_settings;

/* Not collective. Makes those of trainer->experiment, and plans the logs: columns of the history. Sets
 * trainer->callbacks. */
ls_status ls_callbacks_create(ls_trainer *trainer, const ls_callbacks_settings *settings, ls_callbacks **out);
void ls_callbacks_free(ls_callbacks *callbacks);

/* Collective: the points of fit. Epoch and batch are the trainer's. */
ls_status ls_callbacks_train_begin(ls_callbacks *callbacks);
ls_status ls_callbacks_epoch_begin(ls_callbacks *callbacks);
ls_status ls_callbacks_batch_begin(ls_callbacks *callbacks);
ls_status ls_callbacks_batch_end(ls_callbacks *callbacks, uint64_t batch);
ls_status ls_callbacks_test_begin(ls_callbacks *callbacks);
ls_status ls_callbacks_test_end(ls_callbacks *callbacks, ls_scores *validation);
/* Fills `logs` from the trainer's scores and, unless NULL, from those of the validation. */
ls_status ls_callbacks_epoch_end(ls_callbacks *callbacks, ls_scores *validation);
ls_status ls_callbacks_train_end(ls_callbacks *callbacks);

#endif
