/*
 * Callbacks as fit sees them; include/lockstep/callback.h says what they are. The experiment's run before those of
 * ls_fit_settings; then the history takes its row and the progress display its line, so that both see what callbacks
 * added to the logs.
 */
#ifndef LS_RUN_CALLBACK_H
#define LS_RUN_CALLBACK_H

#include "run/callback_spec.h"
#include "run/changes.h"
#include "run/logs.h"
#include "run/progress.h"
#include "train/trainer.h"

struct ls_callback_run {
    struct ls_callbacks *all; /* whose run this is: their state goes into what a callback saves */
    ls_trainer *trainer;      /* borrowed. ->model: the weights; ->updater: the rate; ->update: how many are done */
    const char *directory;    /* of the run; NULL: write no files */
    struct ls_checkpoints *checkpoints; /* borrowed: who writes models beside the training; NULL: nobody */
    FILE *out;                          /* for messages: rank 0 only, NULL elsewhere and in a silent run */
    ls_progress *progress;              /* borrowed; it may have a line on `out` that is not ended */
    const ls_log *known;                /* names of all logs there can be at the end of an epoch, without values */
    size_t train_logs, logs;            /* how many: of training, which come first, and in all */
    bool resumed;                       /* on_train_begin: the state came from a checkpoint */
    bool stop_training; /* set it to end the training after this batch or epoch, as Keras's model.stop_training */
    bool survives_nan;  /* a loss that is not finite is no error but a log */
};

typedef struct ls_callbacks {
    ls_callback_run run;
    ls_callback *callback; /* [n] those of the experiment first: as many as there are specs */
    size_t n;
    ls_callback_spec *spec; /* [specs] owned */
    size_t specs;
    ls_log *known;               /* [run.logs] */
    char **validation_name;      /* [run.train_logs] "val_loss", …; NULL: no validation */
    ls_logs logs;                /* of the epoch */
    ls_logs test;                /* of its validation */
    const ls_registry *registry; /* of those that experiments can name */
    ls_changes changes;          /* of the run, if it went on in another way */
} ls_callbacks;

typedef struct ls_callbacks_settings {
    const char *directory;
    FILE *out;
    ls_progress *progress;
    bool validates;              /* there will be val_ logs */
    const ls_callback *callback; /* [callbacks] of the calling program; borrowed */
    size_t callbacks;
} ls_callbacks_settings;

/*
 * Collective. As ls_callback_save, but a file of lockstep is on its way to disk only, and there before the next
 * checkpoint is; where callbacks of the calling program may want to read it, it is there at once.
 */
ls_status ls_callback_save_beside(ls_callback_run *run, const char *path);

/* Not collective. Makes the callbacks of trainer->experiment, and plans the logs: columns of the history. */
ls_status ls_callbacks_create(ls_trainer *trainer, const ls_callbacks_settings *settings, ls_callbacks **out);
void ls_callbacks_free(ls_callbacks *callbacks);

/* Does any of them look at the model before or after single batches? */
bool ls_callbacks_watch_batches(const ls_callbacks *callbacks);

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
