/**
 * @file estimator.h
 * A model, what it is trained on, and all that training made of it, behind one handle: what Keras calls a compiled
 * model.
 *
 *     ls_estimator_create ──► ls_estimator_fit ──► ls_estimator_evaluate, _predict ──► ls_estimator_save
 *     (or _read, or _load)    (again: goes on)                                         (_load: goes on)
 *
 * The description of an estimator is that of an experiment file, with the same keys, defaults and messages. The weights
 * are the same bits on any number of ranks, and the same as those of `lockstep train` with that description and these
 * data.
 *
 * All functions that take part in computing are collective: see comm.h. An estimator is for one thread at a time. Only
 * a NULL communicator or estimator cannot be agreed on: it is LS_ERR_ARG on the rank that has it, at once.
 *
 * Callbacks of a running fit may evaluate and predict with its estimator. There ls_estimator_fit, _set and _save are
 * LS_ERR_ARG (save with ls_callback_save), and ls_estimator_free must not be called.
 */
#ifndef LOCKSTEP_ESTIMATOR_H
#define LOCKSTEP_ESTIMATOR_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lockstep/callback.h"
#include "lockstep/comm.h"
#include "lockstep/data.h"
#include "lockstep/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model with its description, weights, optimizer and history. */
typedef struct ls_estimator ls_estimator;

/* ---- making one ---- */

/**
 * An estimator from YAML text with the keys of an experiment file: model, compile, fit, seed, callbacks, distributed.
 * `data` may be left out. Paths are relative to the working directory.
 *
 * Collective. Sets OpenBLAS to one thread, and the processor to round to nearest and keep denormals: leave both so.
 *
 * @param comm  borrowed; must outlive the estimator
 * @param yaml  copied; the same on all ranks
 * @param out   to be freed with ls_estimator_free
 * @return LS_OK; LS_ERR_CONFIG naming line and column; LS_ERR_MISMATCH if ranks differ in text, version or OpenBLAS
 *         kernels; LS_ERR_MEMORY
 */
ls_status ls_estimator_create(const ls_comm *comm, const char *yaml, ls_estimator **out);

/** An estimator from an experiment file, which every rank reads. Paths in it are relative to it. Collective. */
ls_status ls_estimator_read(const ls_comm *comm, const char *file, ls_estimator **out);

/**
 * An estimator from a saved model: description, weights, and the state of the optimizer, so that fit goes on where it
 * ended. A file without that state (one of Keras's) gives a fresh optimizer.
 *
 * Collective; every rank reads the file.
 *
 * @return LS_OK; LS_ERR_IO; LS_ERR_FORMAT, also if a checksum does not hold; LS_ERR_MISMATCH if ranks read different
 *         files
 */
ls_status ls_estimator_load(const ls_comm *comm, const char *path, ls_estimator **out);

/** Free an estimator. NULL is accepted. Collective: what it holds may include communication buffers. */
void ls_estimator_free(ls_estimator *estimator);

/**
 * Change a setting, as `--set` of the command line does: "fit.epochs=3", "compile.optimizer={sgd: {momentum: 0.9}}".
 *
 * Collective. Once there are weights (see ls_estimator_model) only `fit` and `callbacks` may change: to compile anew
 * is to make a new estimator.
 *
 * @return LS_OK; LS_ERR_CONFIG for a setting that is wrong or comes too late, and then nothing changes
 */
ls_status ls_estimator_set(ls_estimator *estimator, const char *setting);

/* ---- training ---- */

/** What a fit logged, epoch by epoch. */
typedef struct ls_history ls_history;

/**
 * Called from a thread of its own when this rank made no progress for distributed.timeout seconds: another rank hangs
 * or cannot be reached. There is no way back: report, and end the process.
 */
typedef void (*ls_stalled)(void *context, double timeout_s, const char *phase, uint64_t update);

/**
 * What Keras's fit takes as arguments and the description does not say (epochs, batch_size, shuffle, ... stand under
 * `fit`). Begin with a zeroed struct: all zero trains silently on the description's own data and writes no files.
 */
typedef struct ls_fit_arguments {
    const ls_data *train;      /**< NULL: data.train of the description */
    const ls_data *validation; /**< NULL: what fit.validation_split or fit.validation_data say; it overrides them */
    const char *directory;   /**< the run directory: checkpoint.h5, model.h5, history.csv, ...; NULL: write no files */
    bool resume;             /**< go on from directory/checkpoint.h5 if there is one, on any number of ranks; if it is
                                  damaged, from one that fit.checkpoint_keep kept, with a warning to `out` */
    bool overwrite;          /**< replace the run that is in directory: its files go, those of its callbacks there,
                                  too. Without it and resume, a directory with a run in it is refused */
    bool allow_other_kernel; /**< also from a checkpoint of another OpenBLAS kernel family or version of lockstep */
    int verbose;             /**< 0: silent, 1: a progress bar, 2: one line per epoch */
    FILE *out;               /**< for progress and, even if silent, warnings, on rank 0; NULL: none */
    const ls_callback *callback; /**< [callbacks] of the program, after those of the description; borrowed */
    size_t callbacks;            /**< how many */
    const volatile sig_atomic_t
        *stop;             /**< set by a signal handler on any rank: finish the update, write the checkpoint */
    ls_stalled stalled;    /**< NULL: wait for ever */
    void *stalled_context; /**< handed to it */
} ls_fit_arguments;

/** What a fit came to. */
typedef struct ls_fit_result {
    char fingerprint[33]; /**< of the weights: equal ones mean equal bits */
    uint64_t updates;     /**< of the weights since they were fresh, over all fits */
    uint64_t redone;      /**< steps of this fit that were done twice because an exact grid had to rise */
    double seconds;       /**< in the loop, without set-up */
    uint64_t epochs;      /**< done by this fit, and by the run it resumed */
    bool stopped;         /**< by `stop` */
} ls_fit_result;

/**
 * Train for fit.epochs epochs.
 *
 * Collective. A second call goes on, as Keras's does: weights, the state of the optimizer, its count of steps and a
 * learning rate that callbacks changed stay; epochs count from the beginning again, callbacks begin anew, and the order
 * of samples is that of these epochs again. One call for six epochs is therefore not two calls for three, if samples
 * are shuffled. (`directory` and `resume` are the way to interrupt one fit.)
 *
 * @param arguments  NULL: all zero
 * @param result     NULL: not wanted
 * @return LS_OK; LS_ERR_STOPPED after `stop`, with the checkpoint written; LS_ERR_CONFIG, LS_ERR_SHAPE, LS_ERR_DATA if
 *         model, loss and data do not fit; LS_ERR_MISMATCH if ranks have different data or weights; LS_ERR_NUMERIC if
 *         something is not finite; what a callback returned; LS_ERR_IO. The weights are then those of the last update
 *         that was whole; but after a checkpoint that could not be read (resume), free the estimator.
 */
ls_status ls_estimator_fit(ls_estimator *estimator, const ls_fit_arguments *arguments, ls_fit_result *result);

/** The history of the last fit; without rows before the first. Lent until the next fit. Not collective. */
const ls_history *ls_estimator_history(const ls_estimator *estimator);

/** How many rows a history has, one per epoch. */
size_t ls_history_count(const ls_history *history);
/** How many columns: all logs there could be ("accuracy", "loss", "val_loss", ...), sorted. */
size_t ls_history_columns(const ls_history *history);
/** The name of column i < ls_history_columns. Lent. */
const char *ls_history_name(const ls_history *history, size_t i);
/** The epoch of a row < ls_history_count, from 0. */
uint64_t ls_history_epoch(const ls_history *history, size_t row);
/** A value. NAN: there is no such column, or no value in this row (validation of every second epoch). */
double ls_history_value(const ls_history *history, size_t row, const char *name);

/* ---- using it ---- */

/**
 * Loss and metrics, in inference mode. Sample weights count; fit.batch_size is the batch size, on which only hinge
 * losses depend.
 *
 * Collective. The same numbers on all ranks.
 *
 * @param data  with targets for every output that has a loss or metrics
 * @param out   lent until the next ls_estimator_evaluate
 * @return LS_OK; LS_ERR_CONFIG without a loss or targets; LS_ERR_SHAPE, LS_ERR_DATA, LS_ERR_MISMATCH as of fit
 */
ls_status ls_estimator_evaluate(ls_estimator *estimator, const ls_data *data, const ls_logs **out);

/**
 * One output of the model for every sample, in the order of the data, in inference mode. Targets are not needed.
 *
 * Collective. Only rank 0 gets them: broadcast them where all need them.
 *
 * @param output  index of the output; 0 if there is one
 * @param out     (samples, dim of the output...) float32; not used on other ranks than 0, where it may be NULL
 * @param n       floats that `out` holds on rank 0: exactly samples times the size of the output
 * @return LS_OK; LS_ERR_ARG; LS_ERR_SHAPE for another n, or samples of another shape than the model takes; LS_ERR_DATA
 */
ls_status ls_estimator_predict(ls_estimator *estimator, const ls_data *data, size_t output, float *out, size_t n);

/**
 * A split that the description names under `data`, to evaluate or predict.
 *
 * Not collective.
 *
 * @param out  to be freed with ls_data_free
 * @return LS_OK; LS_ERR_CONFIG if there is none of that name; LS_ERR_MEMORY
 */
ls_status ls_estimator_data(const ls_estimator *estimator, const char *name, ls_data **out);

/**
 * The model with its weights. A model that does not name its input shape is made, with fresh weights, when the shape is
 * known: by the first fit, evaluate or predict, or by this function if the description names data.train.
 *
 * Collective.
 *
 * @param out  lent; it lives as long as the estimator
 * @return LS_OK; LS_ERR_CONFIG if the shape of the input is not known yet
 */
ls_status ls_estimator_model(ls_estimator *estimator, ls_model **out);

/**
 * Keras's table of layers, shapes and parameters. Collective.
 *
 * @param out  a text that ends with a newline; to be freed with ls_text_free
 * @return as ls_estimator_model; LS_ERR_MEMORY
 */
ls_status ls_estimator_summary(ls_estimator *estimator, char **out);

/** Frees a text that the library made. NULL is accepted. */
void ls_text_free(char *text);

/**
 * Write the model to an HDF5 file that Keras's load_model opens, and `lockstep evaluate`, `predict` and
 * ls_estimator_load: description, weights, state of the optimizer. The file appears whole or not at all, and has the
 * same bytes on any number of ranks. It ends no run: --resume takes the checkpoint.h5 of a run directory.
 *
 * Collective; rank 0 writes.
 *
 * @return LS_OK; LS_ERR_ARG for a name that ends in .keras or .weights.h5, which `lockstep export` writes; LS_ERR_IO;
 *         as ls_estimator_model
 */
ls_status ls_estimator_save(ls_estimator *estimator, const char *path);

#ifdef __cplusplus
}
#endif
#endif
