/*
 * Checkpoints: a Keras model file plus /lockstep, which holds everything else that influences a later bit. One format
 * for checkpoint.h5 and model.h5. The same bytes on any number of ranks: nothing of the ranks, hosts or times is in it.
 */
#ifndef LS_RUN_CHECKPOINT_H
#define LS_RUN_CHECKPOINT_H

#include <hdf5.h>

#include "train/trainer.h"

/*
 * What one array or number adds to `checksum`, an attribute of /lockstep: the sum, modulo 2^64, over all datasets in
 * it, over epoch, batch, update, iterations and learning_rate, and over all numbers that are attributes of groups in
 * it. path: of a dataset, or "OBJECT@NAME"; data: in the types of this machine, attributes as uint64 or double.
 */
uint64_t ls_checkpoint_item(const char *path, const void *data, size_t bytes);

/* Collective. Gathers the optimizer's state to rank 0, which writes the file as ls_file_replace does. */
ls_status ls_checkpoint_write(ls_trainer *trainer, const char *path);

/*
 * Collective. As above, for Keras alone: a file of the kind that the end of path names (keras_archive.h), with the
 * optimizer's state if that kind has one.
 */
ls_status ls_checkpoint_write_keras(ls_trainer *trainer, const char *path);

/*
 * Collective. Restores a trainer made from the same experiment, on any number of ranks. Fails, naming the first
 * difference, if the file belongs to another model, data or setting that shapes the weights (fit.epochs may differ), to
 * another format, or to another BLAS kernel family (unless allowed); also if its checksums do not hold.
 */
ls_status ls_checkpoint_read(ls_trainer *trainer, const char *path, bool allow_other_kernel);

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
 * The experiment of a model file, for evaluate, predict and summary: as lockstep wrote it there, or made from what
 * Keras says of a model (then without data; see ls_keras_refused). Not collective.
 */
ls_status ls_checkpoint_experiment(const char *path, ls_experiment **out);
/* The weights of a file of lockstep or of Keras (.h5, .weights.h5, .keras) into a model of the same architecture. Not
 * collective. */
ls_status ls_checkpoint_weights(const char *path, ls_model *model);
/*
 * The whole state of the optimizer into an updater made from ls_checkpoint_experiment. Not collective. Shapes are
 * checked and that numbers are finite; the checksum is not, for it covers what only a run can read.
 */
ls_status ls_checkpoint_optimizer(const char *path, ls_updater *updater);

#endif
