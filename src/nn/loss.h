/* Losses: value and gradient of one microbatch. Formulas: src/nn/KERAS.md, section 4. */
#ifndef LS_NN_LOSS_H
#define LS_NN_LOSS_H

#include "base/options.h"
#include "nn/activation.h"
#include "tensor/shape.h"

/*
 * One microbatch at one output. An output of shape (…, C) has T = product of "…" positions per sample; losses reduce
 * the last axis and see R = samples x T positions.
 */
typedef struct ls_loss_call {
    size_t positions;    /* R */
    size_t n;            /* C: the last axis of the prediction */
    const float *target; /* (R, C), or (R, 1) for losses with sparse targets */
    const float *pred;   /* (R, C): the output; the logits if on_logits */
    bool on_logits;      /* the engine hands logits: either from_logits, or the fused softmax / sigmoid */
    const float *weight; /* (R) sample weights, or NULL for all 1 */
    bool binary_labels;  /* hinge: every label of the global batch is 0 or 1 */
    double *sum;         /* out: sum of weight x per-position loss, double, positions in order */
    double scale;        /* factor of the gradient: loss_weight / T. The 1/batch_size comes after the reduction. */
    float *dpred;        /* out: scale x weight x d loss / d pred (R, C); NULL: not wanted */
} ls_loss_call;

typedef struct ls_loss_ops {
    ls_ops ops;
    bool sparse_targets; /* targets are class indices, one per position */
    enum {
        LS_CLASSES_NONE,
        LS_CLASSES_SPARSE
    } labels; /* SPARSE: targets must be integers in [0, C): checked when data are bound */
    /* The activation whose logits this loss is about; LS_LOGITS_NONE: it is about values. See ls_loss_takes_logits. */
    int fused_logits;
    bool own_logits_only;    /* … of no other activation: it needs the probabilities, too */
    bool needs_binary_check; /* hinge family */
    bool shares;             /* targets are probabilities or shares: in [0, 1], checked when data are bound */
    bool signs, counts;      /* … are -1, 0 or 1; … are 0 or more: likewise */
    bool logs_prediction;    /* takes the logarithm of a prediction as it is: NaN of a negative one */
    bool sums_axis;          /* the loss is no mean over the last axis: which axis is the last matters */
    /* OPTIONAL. The `from_logits` option of this configuration. */
    bool (*from_logits)(const void *config);
    /* REQUIRED. */
    void (*evaluate)(const void *config, const ls_loss_call *call);
} ls_loss_ops;

extern const ls_registry ls_losses;

/*
 * Does a loss at an output with this activation work on the logits, whatever from_logits says? As in TensorFlow, a
 * cross-entropy does after sigmoid and after softmax, also after the one that it is not about.
 */
bool ls_loss_takes_logits(const ls_component *loss, const ls_component *activation);

/*
 * Does the loss fit this output and these targets (per-sample shapes)? Aligns ranks as Keras does ((B,) targets with
 * (B,1) outputs). Fails with what is allowed. *positions: T.
 */
ls_status ls_loss_check(const ls_component *loss, const ls_shape *output, const ls_shape *target, const ls_config *at,
                        size_t *positions);

#endif
