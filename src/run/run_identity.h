/* What makes a run the same run: that a checkpoint belongs to it is decided by this text. */
#ifndef LS_RUN_RUN_IDENTITY_H
#define LS_RUN_RUN_IDENTITY_H

#include "run/callback.h"

/* Everything that shapes the weights and must be the same when a run goes on, one setting per line. callbacks may be
 * NULL. */
ls_status ls_run_identity(const ls_trainer *trainer, const ls_callbacks *callbacks, ls_text *out);

/*
 * LS_ERR_MISMATCH naming the first line in which two identities differ that makes them different runs: not the learning
 * rate, nor callbacks (run/changes.h). path: of the checkpoint that has `theirs`.
 */
ls_status ls_run_identity_check(const char *path, const char *theirs, const char *ours);

#endif
