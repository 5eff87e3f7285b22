/*
 * Running a model over the microbatches that a rank has of a batch.
 *
 * They go through in waves: a few at a time, so that memory does not grow with the batch. Where a layer sums over the
 * whole batch (batch normalization), waves wait for each other, and what they need afterwards is kept for all local
 * samples. How many samples a wave has changes no bit.
 *
 * All buffers are planned once; running allocates nothing. The engine knows no MPI: what has to be summed over the
 * global batch goes through ls_batch_sums, gradients go to an ls_gradient_sink.
 */
#ifndef LS_NN_ENGINE_H
#define LS_NN_ENGINE_H

#include <signal.h>

#include "nn/loss.h"
#include "nn/model.h"
#include "nn/slice.h"

/* Exact sums over all microbatches of a global batch. `total` is collective: every rank calls it, also with nothing
 * added. */
typedef struct ls_batch_sums {
    void *context;
    ls_status (*add)(void *context, const double *values, size_t n);
    ls_status (*total)(void *context, size_t n, double *totals);
} ls_batch_sums;

/* Where the gradient contributions of microbatches go. */
typedef struct ls_gradient_sink {
    void *context;
    /*
     * One microbatch's contribution to weights [first, first+n) of the flat buffer; first and n multiples of LS_BLOCK.
     * The microbatch is counted in the batch.
     */
    void (*add)(void *context, size_t microbatch, size_t first, const float *values, size_t n);
    /*
     * OPTIONAL: the contributions of several microbatches to the weights from `first` on at once, microbatches being
     * the parts of the sum; the sink says where totals go. finishes: the layer that has no others to come, so that its
     * last weights need not wait for the first; NULL: it has. Only if the sink takes them in this step; else they come
     * one by one.
     */
    bool (*takes_products)(void *context, const ls_product_sum *products);
    void (*add_products)(void *context, size_t first, const ls_product_sum *products, const ls_layer *finishes);
    /*
     * All contributions of this rank to the layer's weights are in (also when the rank holds no microbatch). NULL: they
     * are not, there is more to come of every layer.
     */
    ls_status (*layer_done)(void *context, const ls_layer *layer);
} ls_gradient_sink;

/* What goes on beside the computing: communication. */
typedef struct ls_engine_company {
    void *context;
    /*
     * The first n of the layer's weights (SIZE_MAX: all) are about to be read in a forward pass: returns when they are
     * there.
     */
    ls_status (*before_weights)(void *context, const ls_layer *layer, size_t n);
    /* Every now and then; returns soon. */
    void (*meanwhile)(void *context);
    bool often; /* also between the rows of a layer, and weights are worth reading as they come in */
} ls_engine_company;

typedef struct ls_engine ls_engine;

/*
 * Does output k's loss get the logits of its activation (ls_loss_takes_logits)? Not if something else reads the output,
 * a node or an activity penalty, for that needs the activation's own gradient.
 */
bool ls_engine_fuses(const ls_model *model, size_t k, const ls_component *loss);

/* What an output is trained on. */
typedef struct ls_objective {
    const ls_component *loss; /* borrowed; ops NULL: this output has none */
    double loss_weight;
    bool sums;          /* the loss of a batch is a sum, not a mean */
    size_t positions;   /* T: from ls_loss_check */
    size_t target_size; /* floats of one sample's target */
} ls_objective;

/* What an engine is made for. */
typedef struct ls_engine_size {
    size_t rows;       /* samples that a rank gets of a batch, at most */
    size_t microbatch; /* samples of one */
    size_t wave;   /* samples of a wave, at most, but at least one microbatch; 0: as many as are worth their memory */
    bool training; /* false: buffers for forward only */
} ls_engine_size;

/* objective: one per model output, or NULL without losses. */
ls_status ls_engine_create(ls_model *model, const ls_objective *objective, const ls_engine_size *size, ls_engine **out);
void ls_engine_free(ls_engine *engine);

/* From now on; copied. NULL, as at first: nothing goes on. */
void ls_engine_keep_company(ls_engine *engine, const ls_engine_company *company);

/* The waves of a slice, in order: at least one, if only an empty one. */
size_t ls_engine_waves(const ls_engine *engine, const ls_slice *slice);
ls_slice ls_engine_wave(const ls_engine *engine, const ls_slice *slice, size_t i);

/* Where to write a wave's inputs (rows, in_shape) and targets (rows, target_size) before it is run. Borrowed. */
float *ls_engine_input(ls_engine *engine, size_t input);
float *ls_engine_target(ls_engine *engine, size_t output);
/* Sample weights (rows) of an output; NULL until ls_engine_use_weights was called for it. */
float *ls_engine_weights(ls_engine *engine, size_t output);
ls_status ls_engine_use_weights(ls_engine *engine, size_t output);
/*
 * What positions (rows, positions) weigh in the scores of an output: sample weights if `weighted`, 0 where the output's
 * mask says that they do not count. NULL: all 1. After ls_engine_losses.
 */
const float *ls_engine_score_weights(const ls_engine *engine, size_t output, bool weighted);
/* How many positions of microbatch m count, at an output with a mask. After ls_engine_losses. */
double ls_engine_counted(const ls_engine *engine, const ls_slice *slice, size_t output, size_t m);
/* The output (rows, out_shape) after its activation. */
const float *ls_engine_output(const ls_engine *engine, size_t output);

/* How a batch is trained on. Everything is borrowed. */
typedef struct ls_pass {
    uint64_t seed, update;
    const ls_batch_sums *sums;
    const ls_gradient_sink *sink;
    const bool *binary_labels;    /* [outputs] */
    double *loss_sums, *activity; /* out: see ls_engine_losses; of the slice */
    /*
     * Once *stop is set, everything is left out but what is collective: the rest of the job is not kept waiting, and
     * the numbers mean nothing. NULL: never.
     */
    const volatile sig_atomic_t *stop;
    void *context;
    /* Puts a wave's inputs, targets and weights in. Perhaps more than once per wave. */
    void (*load)(void *context, const ls_slice *wave);
    /* A wave's outputs and targets are there to be scored, and its part of loss_sums and activity. */
    void (*scored)(void *context, const ls_slice *wave, const double *loss_sums, const double *activity);
} ls_pass;

/*
 * Forward, losses and backward of a rank's part of a batch. Collective where its layers sum over the batch, and where
 * the sink is. *stopped: *pass->stop was set before it was over.
 */
ls_status ls_engine_train(ls_engine *engine, const ls_slice *slice, const ls_pass *pass, bool *stopped);
/*
 * For messages: forward once more, and a look at every wave after every stage of it. ls_engine_first_nonfinite and
 * ls_engine_check_rows then look at that stage. last: outputs are there. Collective as ls_engine_train is.
 */
ls_status ls_engine_replay(ls_engine *engine, const ls_slice *slice, const ls_pass *pass,
                           void (*look)(void *context, const ls_slice *wave, bool last), void *context);

/*
 * Forward of a slice that is one wave. training: dropout and batch statistics on; sums must be given then.
 * Collective if training is on and the model has layers with forward rounds or an output with a mask.
 */
ls_status ls_engine_forward(ls_engine *engine, const ls_slice *slice, bool training, uint64_t seed, uint64_t update,
                            const ls_batch_sums *sums);

/*
 * After forward: LS_ERR_DATA naming the layer and the value if one that looks up rows of a table (embedding) was asked
 * for a row that there is none of. Of these samples; no collective.
 */
ls_status ls_engine_check_rows(const ls_engine *engine, const ls_slice *slice);

/*
 * Loss sums of every local microbatch after forward: sum over samples of weight x loss, per output, un-scaled
 * (divide by batch_size x T, or by the positions that count). loss_sums[count x outputs], and activity penalties
 * activity[count], may be NULL. With want_gradient the gradients of the outputs are prepared for ls_engine_backward.
 */
ls_status ls_engine_losses(ls_engine *engine, const ls_slice *slice, bool want_gradient, const bool *binary_labels,
                           double *loss_sums, double *activity);

/*
 * Backward of a slice that is one wave, from the prepared output gradients; contributions go to sink as sums over
 * samples (not yet divided).
 */
ls_status ls_engine_backward(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums,
                             const ls_gradient_sink *sink);

/* After the batch succeeded everywhere: layers take over their batch statistics (moving averages). */
void ls_engine_commit(ls_engine *engine, const ls_slice *slice);

/*
 * The first node (running order) whose output holds a NaN or Inf in these rows, or SIZE_MAX; *microbatch gets the index
 * in the slice. For error messages.
 */
size_t ls_engine_first_nonfinite(const ls_engine *engine, const ls_slice *slice, size_t *microbatch);

#endif
