/*
 * Weight and activity penalties: l1, l2, l1_l2 as one formula, l1 sum|w| + l2 sum w^2 (Keras: no 1/2).
 * src/nn/KERAS.md, section 6.
 */
#ifndef LS_NN_REGULARIZER_H
#define LS_NN_REGULARIZER_H

#include "base/options.h"

typedef struct ls_regularizer_ops {
    ls_ops ops;
    /* REQUIRED. The two factors of this configuration. */
    void (*factors)(const void *config, double *l1, double *l2);
} ls_regularizer_ops;

extern const ls_registry ls_regularizers;

typedef struct ls_l1_l2 {
    double l1, l2;
} ls_l1_l2;

/* The regularizer l1_l2 of these factors, which are borrowed. */
ls_component ls_regularizer_l1_l2(ls_l1_l2 *factors);

/* 0, 0 for none. */
void ls_regularizer_factors(const ls_component *regularizer, double *l1, double *l2);
/* l1 sum|w| + l2 sum w^2, double, over fixed blocks of LS_BLOCK elements in order: does not depend on shards. */
double ls_penalty(double l1, double l2, const float *w, size_t n);
/* g += l1 sign(w) + 2 l2 w, elementwise. */
void ls_penalty_gradient(double l1, double l2, const float *w, float *g, size_t n);

#endif
