/*
 * Checkpoints: a Keras model file plus /lockstep, which holds everything else that influences a later bit. One format
 * for checkpoint.h5 and model.h5. The same bytes on any number of ranks: nothing of the ranks, hosts or times is in it.
 */
#ifndef LS_RUN_CHECKPOINT_H
#define LS_RUN_CHECKPOINT_H

#include <hdf5.h>

#include "run/callback.h"

#define LS_CHECKPOINT_EPOCHS 256 /* rows of the history that a checkpoint holds at most: the last ones */

/* Rows of the history before those that a checkpoint holds. */
typedef struct ls_earlier_rows {
    uint64_t n;
    uint64_t digest; /* of the whole history; only if there are any */
} ls_earlier_rows;

/*
 * Collective. Gathers the optimizer's state to rank 0, which makes the bytes of the file; other ranks get NULL.
 * callbacks: whose state goes along; NULL: there are none.
 */
ls_status ls_checkpoint_image(ls_trainer *trainer, ls_callbacks *callbacks, void **image, size_t *bytes);
/* Collective. The same, into a file, as ls_file_replace writes it. */
ls_status ls_checkpoint_write(ls_trainer *trainer, ls_callbacks *callbacks, const char *path);

/*
 * Collective. As above, for Keras alone: a file of the kind that the end of path names (keras_archive.h), with the
 * optimizer's state if that kind has one.
 */
ls_status ls_checkpoint_write_keras(ls_trainer *trainer, const char *path);

/*
 * Collective. Restores a trainer made from the same experiment, on any number of ranks. Fails, naming the first
 * difference, if the file belongs to another model, data or setting that shapes the weights (fit.epochs may differ), to
 * another format, or to another BLAS kernel family (unless allowed); also if its checksums do not hold. *earlier: what
 * ls_history_prepend has to add to the history.
 */
ls_status ls_checkpoint_read(ls_trainer *trainer, ls_callbacks *callbacks, const char *path, bool allow_other_kernel,
                             ls_earlier_rows *earlier);

/*
 * Collective. A model file without a run: description, weights, and what training left.
 * Written as ls_checkpoint_write does; a checkpoint holds all that it holds.
 */
ls_status ls_checkpoint_write_model(const ls_comm *comm, const ls_experiment *experiment, ls_model *model,
                                    ls_training_state *state, const char *path);
/* Collective. What training left, into a fresh state, which stays so if the file has nothing of it (one of Keras's). */
ls_status ls_checkpoint_training(const ls_comm *comm, const char *path, const ls_model *model,
                                 ls_training_state *state);

/*
 * The whole state of the optimizer into an updater made from ls_experiment_of_model. Not collective. Shapes are
 * checked and that numbers are finite; the checksum is not, for it covers what only a run can read.
 */
ls_status ls_checkpoint_optimizer(const char *path, ls_updater *updater);

#endif
