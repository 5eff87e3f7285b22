/* The losses of this folder, and what they share. Metrics are built on them too. */
#ifndef LS_NN_LOSSES_LOSSES_H
#define LS_NN_LOSSES_LOSSES_H

#include "nn/loss.h"

extern const ls_loss_ops ls_binary_crossentropy, ls_categorical_crossentropy, ls_categorical_hinge,
    ls_cosine_similarity_loss, ls_hinge, ls_huber, ls_kl_divergence, ls_log_cosh, ls_mean_absolute_error,
    ls_mean_absolute_percentage_error, ls_mean_squared_error, ls_mean_squared_logarithmic_error, ls_poisson,
    ls_sparse_categorical_crossentropy, ls_squared_hinge;

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
