/*
 * Running a model: layer by layer, microbatch within layer, over the microbatches a rank holds.
 *
 * All buffers are planned once, for at most `rows_max` local samples; running allocates nothing. The engine knows no
 * MPI: what has to be summed over the global batch goes through ls_batch_sums, gradients go to an ls_gradient_sink.
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
     */
    void (*add)(void *context, size_t microbatch, size_t first, const float *values, size_t n);
    /*
     * OPTIONAL: the contributions of all local microbatches to the weights from `first` on at once, microbatches being
     * the parts of the sum; the sink says where totals go. False: not in this step, they must come one by one.
     */
    bool (*add_products)(void *context, size_t first, const ls_product_sum *products);
    /* All contributions of this rank to the layer's weights are in (also when the rank holds no microbatch). */
    ls_status (*layer_done)(void *context, const ls_layer *layer);
} ls_gradient_sink;

/* What goes on beside the computing: communication. */
typedef struct ls_engine_company {
    void *context;
    /* The layer's weights are about to be read in a forward pass: returns when they are there. */
    ls_status (*before_layer)(void *context, const ls_layer *layer);
    /* Every now and then; returns soon. */
    void (*meanwhile)(void *context);
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

/* training false: buffers for forward only. objective: one per model output, or NULL without losses. */
ls_status ls_engine_create(ls_model *model, const ls_objective *objective, size_t rows_max, bool training,
                           ls_engine **out);
void ls_engine_free(ls_engine *engine);

/* From now on; copied. NULL, as at first: nothing goes on. */
void ls_engine_keep_company(ls_engine *engine, const ls_engine_company *company);

/* Where to write the inputs (rows, in_shape) and targets (rows, target_size) before a run. Borrowed. */
float *ls_engine_input(ls_engine *engine, size_t input);
float *ls_engine_target(ls_engine *engine, size_t output);
/* Sample weights (rows) of an output; NULL until ls_engine_use_weights was called for it. */
float *ls_engine_weights(ls_engine *engine, size_t output);
ls_status ls_engine_use_weights(ls_engine *engine, size_t output);
/* The output (rows, out_shape) after its activation. */
const float *ls_engine_output(const ls_engine *engine, size_t output);

/*
 * Once *stop is set, forward and backward of this engine leave out what they can and keep what is collective: the rest
 * of the job is not kept waiting, and the numbers mean nothing. NULL, as at first: never.
 */
void ls_engine_stop_at(ls_engine *engine, const volatile sig_atomic_t *stop);

/*
 * Forward over the local microbatches. training: dropout and batch statistics on; sums must be given then.
 * Collective if the model has layers with forward rounds and training is on.
 */
ls_status ls_engine_forward(ls_engine *engine, const ls_slice *slice, bool training, uint64_t seed, uint64_t update,
                            const ls_batch_sums *sums);

/*
 * After forward: LS_ERR_DATA naming the layer and the value if one that looks up rows of a table (embedding) was asked
 * for a row that there is none of. Of this rank's samples; no collective.
 */
ls_status ls_engine_check_rows(const ls_engine *engine, const ls_slice *slice);

/*
 * Loss sums of every local microbatch after forward: sum over samples of weight x loss, per output, un-scaled
 * (divide by batch_size x T). loss_sums[count x outputs], and activity penalties activity[count], may be NULL.
 * With want_gradient the gradients of the outputs are prepared for ls_engine_backward.
 */
ls_status ls_engine_losses(ls_engine *engine, const ls_slice *slice, bool want_gradient, const bool *binary_labels,
                           double *loss_sums, double *activity);

/* Backward from the prepared output gradients; contributions go to sink as sums over samples (not yet divided). */
ls_status ls_engine_backward(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums,
                             const ls_gradient_sink *sink);

/* After the batch succeeded everywhere: layers take over their batch statistics (moving averages). */
void ls_engine_commit(ls_engine *engine, const ls_slice *slice);

/*
 * The first node (running order) whose output holds a NaN or Inf in local rows, or SIZE_MAX; *microbatch gets the local
 * index. For error messages.
 */
size_t ls_engine_first_nonfinite(const ls_engine *engine, const ls_slice *slice, size_t *microbatch);

#endif
