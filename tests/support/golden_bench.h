/*
 * One layer in the engine, between inputs whose gradients can be seen and a loss of the test's choice:
 *
 *     sample number ─► embedding ─► reshape ─► ┌────────┐
 *     sample number ─► embedding ─► reshape ─► │ tested │ ─► loss
 *                                              └────────┘
 *
 * The engine hands out gradients of weights only. So an input of the case is the table of an embedding, one row per
 * sample: its gradient is the gradient of the input. Inputs of integers (tokens) go to the layer as they are.
 */
#ifndef LS_TEST_GOLDEN_BENCH_H
#define LS_TEST_GOLDEN_BENCH_H

#include "golden.h"

#include "comm/exact_sums.h"
#include "nn/engine.h"

#define BENCH_INPUTS_MAX 4

typedef struct bench {
    const golden_array *x[BENCH_INPUTS_MAX];
    size_t inputs, rows;
    ls_config *description;
    ls_model *model;
    ls_engine *engine;
    ls_comm alone; /* one rank, without MPI */
    ls_exact_sums sums;
    ls_component loss; /* of bench_plan_gradient; holds nothing */
    double *gradient;  /* [trainable_size] all contributions of the last backward */
} bench;

ls_layer *bench_layer(const bench *b, const char *name);

/*
 * Build the model around `layer` ("dense: {units: 3}"); x[i] (rows, shape) borrowed. masked: through masking layers,
 * and without a mask at the end.
 */
void bench_open(bench *b, const char *layer, const golden_array *const *x, size_t inputs, bool masked);

void bench_close(bench *b);

const ls_shape *bench_output_shape(const bench *b);

/* The engine with what the output is trained on, and the targets (rows, objective's target_size). */
void bench_plan(bench *b, const ls_objective *objective, const golden_array *target);

ls_slice bench_forward(bench *b, size_t microbatch, bool training);

/* Plan for the gradient dy (rows, shape) at the output. */
void bench_plan_gradient(bench *b, const golden_array *dy);

/* Losses and gradients after a forward pass in training mode; the sum of all losses over the batch. */
double bench_backward(bench *b, const ls_slice *slice, bool binary_labels);

/* The gradient of input i (rows, shape), of the last backward. */
const double *bench_input_gradient(const bench *b, size_t i);

#endif
