/* The losses of this folder, and what they share. Metrics are built on them too. */
#ifndef LS_NN_LOSSES_LOSSES_H
#define LS_NN_LOSSES_LOSSES_H

#include "nn/loss.h"

/* All losses, in the order of messages and tests. A new loss is a file in this folder and a line here. */
#define LS_LOSS_LIST(X)                      \
    X(mean_squared_error)                    \
    X(mean_absolute_error)                   \
    X(mean_absolute_percentage_error)        \
    X(mean_squared_logarithmic_error)        \
    X(huber)                                 \
    X(log_cosh)                              \
    X(binary_crossentropy)                   \
    X(binary_focal_crossentropy)             \
    X(categorical_crossentropy)              \
    X(categorical_focal_crossentropy)        \
    X(sparse_categorical_crossentropy)       \
    X(categorical_generalized_cross_entropy) \
    X(kl_divergence)                         \
    X(hinge)                                 \
    X(squared_hinge)                         \
    X(categorical_hinge)                     \
    X(cosine_similarity_loss)                \
    X(poisson)

#define LS_LOSS_DECLARE(name) extern const ls_loss_ops ls_##name;
LS_LOSS_LIST(LS_LOSS_DECLARE)

#define LS_LOSS_EPSILON 1e-7f /* Keras's backend.epsilon() */
#define LS_LOSS_CHUNK 1024    /* elements worked at a time, in buffers on the stack */

/* The options of the cross-entropies, in Keras's order. sparse_categorical_crossentropy has only the first. */
typedef struct ls_crossentropy {
    bool from_logits;
    double label_smoothing;
} ls_crossentropy;

extern const ls_option ls_crossentropy_options[], ls_sparse_crossentropy_options[];
bool ls_crossentropy_from_logits(const void *config);

/*
 * Elementwise losses: value[i] = f(t[i], p[i]) and, if slope is not NULL, slope[i] = df/dp, for n <= LS_LOSS_CHUNK
 * elements. No pointer overlaps another.
 */
typedef void (*ls_loss_element)(const void *config, const ls_loss_call *call, const float *t, const float *p, size_t n,
                                float *value, float *slope);

/* Sum and gradient of a loss whose per-position value is the sum of f over the last axis, divided by divisor. */
void ls_loss_elementwise(const void *config, const ls_loss_call *call, ls_loss_element f, double divisor);

/*
 * LS_ERR_SHAPE unless targets fit an output (shapes of one sample); *positions: product of all axes of the output but
 * the last. what, name: "loss", "mean_squared_error". sums_axis: see ls_loss_ops.
 */
ls_status ls_target_check(const char *what, const char *name, bool sparse, bool sums_axis, const ls_shape *output,
                          const ls_shape *target, const ls_config *at, size_t *positions);

/* The weight of position r. */
static inline double ls_loss_weight(const ls_loss_call *call, size_t r)
{
    return call->weight ? (double)call->weight[r] : 1.0;
}

/* The sum of exp(z[i] - max z) over a row, float32 terms summed in double; e (n) gets the terms unless it is NULL. */
double ls_loss_exp_sum(const float *z, size_t n, float *e, float *max);

#endif
