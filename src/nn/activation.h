/*
 * Activations: elementwise functions, and softmax over the last axis. One file per family in src/nn/activations/.
 * Formulas: src/nn/KERAS.md, section 2.
 */
#ifndef LS_NN_ACTIVATION_H
#define LS_NN_ACTIVATION_H

#include "base/options.h"

typedef struct ls_activation_ops ls_activation_ops;

struct ls_activation_ops {
    ls_ops ops;
    /* OPTIONAL. What a configuration really runs; NULL: this table. */
    const ls_activation_ops *(*variant)(const void *config);
    /* What backward reads. FROM_OUTPUT lets the output overwrite the pre-activation. */
    enum { LS_FROM_OUTPUT, LS_FROM_INPUT } backward_reads;
    /*
     * REQUIRED. Y = act(Z); rows of n elements; n is the last axis. Y may be Z when backward_reads == LS_FROM_OUTPUT.
     */
    void (*forward)(const void *config, const float *Z, float *Y, size_t rows, size_t n);
    /*
     * REQUIRED. In place dY -> dZ. V is Y or Z as backward_reads says.
     */
    void (*backward)(const void *config, const float *V, float *dY, size_t rows, size_t n);
    /* OPTIONAL. Does a configuration run max(x, 0), NaN staying NaN? Then a layer may do that itself (ls_call). */
    bool (*is_relu)(const void *config);
    /* The loss may work on the logits Z instead (softmax, sigmoid): see ls_loss_ops. */
    enum { LS_LOGITS_NONE, LS_LOGITS_SIGMOID, LS_LOGITS_SOFTMAX } logits;
    bool shares; /* results lie in [0, 1] */
};

/* relu, sigmoid, tanh, softmax, linear, … ; "linear" and null are the same. */
extern const ls_registry ls_activations;

/* What a chosen activation runs; NULL for linear or none. */
const ls_activation_ops *ls_activation(const ls_component *component);

#endif
