/*
 * What a run that goes on has in another way than the run so far, where it may: the learning rate, callbacks, and
 * settings of fit that shape no weight, like epochs. Anything else makes another run (run_identity.h).
 */
#ifndef LS_RUN_CHANGES_H
#define LS_RUN_CHANGES_H

#include "base/options.h"

/* {0} and owned; the lists are JSON: [{"update": 480, "key": "fit.epochs", "from": "3", "to": "5"}, …], NULL: empty. */
typedef struct ls_changes {
    char *kept;  /* those that shaped weights, since the run began: they go into checkpoints */
    char *other; /* the others, of this process */
} ls_changes;

void ls_changes_reset(ls_changes *changes);

/* How an experiment differs from that of a checkpoint. */
typedef struct ls_departure {
    ls_changes changes; /* without numbers of updates */
    bool rate;          /* the learning rate is another */
    bool callbacks;     /* the list of callbacks is another */
    size_t *place;      /* [ours] the callback of the checkpoint whose state ours goes on from; SIZE_MAX: none */
    size_t ours, theirs;
    bool drops; /* some of theirs has no heir, or was changed */
} ls_departure;

/* registry: of the callbacks, NULL: none; theirs, ours: experiments as model files have them (ls_experiment_write). To
 * be reset, also after a failure. */
ls_status ls_departure_find(const ls_registry *registry, const char *theirs, const char *ours, ls_departure *out);
void ls_departure_reset(ls_departure *difference);

/*
 * The difference, found after so many updates, goes to the changes of a run, behind those that the checkpoint has had
 * (JSON; NULL: none).
 */
ls_status ls_changes_add(ls_changes *changes, const char *before, const ls_departure *difference, uint64_t update);

#endif
