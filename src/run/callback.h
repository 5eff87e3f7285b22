/*
 * Callbacks as fit sees them; include/lockstep/callback.h says what they are. The experiment's run before those of
 * ls_fit_settings; then the history takes its row and the progress display its line, so that both see what callbacks
 * added to the logs.
 */
#ifndef LS_RUN_CALLBACK_H
#define LS_RUN_CALLBACK_H

#include "lockstep/callback.h"
#include "run/progress.h"
#include "train/trainer.h"

/* Names are borrowed. */
struct ls_logs {
    ls_log *log;
    size_t n, capacity;
};

struct ls_callback_run {
    ls_trainer *trainer;     /* borrowed. ->model: the weights; ->updater: the rate; ->update: how many are done */
    const char *directory;   /* of the run; NULL: write no files */
    FILE *out;               /* for messages: rank 0 only, NULL elsewhere and in a silent run */
    ls_progress *progress;   /* borrowed; it may have a line on `out` that is not ended */
    const ls_log *known;     /* names of all logs there can be at the end of an epoch, without values */
    size_t train_logs, logs; /* how many: of training, which come first, and in all */
    bool resumed;            /* on_train_begin: the state came from a checkpoint */
    bool stop_training;      /* set it to end the training after this batch or epoch, as Keras's model.stop_training */
    bool survives_nan;       /* a loss that is not finite is no error but a log */
};

/* ls_state_text for a text of any length; text->data may become NULL if empty. */
ls_status ls_state_bytes(ls_state *state, const char *name, ls_text *text);
/* A copy of all weights in the layout of model->weights, one array per parameter in the file. */
ls_status ls_state_weights(ls_state *state, const char *name, float *weights);

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

/* Not collective. Makes the callbacks of trainer->experiment, and plans the logs: columns of the history. Sets
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
