/*
 * A small engine for the tests of layers: makes a layer, gives it weights, and runs a global batch through it in
 * microbatches (rounds of sums, forward, backward, weight gradients tile by tile), each microbatch in memory of its
 * own.
 *
 * Gradients are checked against central differences of a float64 reference that the test writes independently.
 */
#ifndef LS_LAYER_DRIVER_H
#define LS_LAYER_DRIVER_H

#include <stdlib.h>

#include "ls_test.h"

#include "nn/layer.h"
#include "nn/model.h"

#define DRIVER_INPUTS 8

typedef struct layer_driver {
    ls_config *tree;
    ls_component config;
    ls_layer layer;
    ls_shape in[DRIVER_INPUTS];
    size_t inputs;
    ls_shape out;
    float *weights; /* every parameter padded to LS_BLOCK, as in a model */
    size_t trainable_size;
} layer_driver;

/* What a run is given and what it gives. Arrays are (batch rows, shape). */
typedef struct layer_run {
    size_t rows, microbatch;
    bool training;
    bool first_use;
    bool want_dX[DRIVER_INPUTS];
    uint64_t seed, update, position;
    uint32_t node;
    size_t shift; /* floats before every buffer handed to the layer, so that its alignment varies */
    float *X[DRIVER_INPUTS];
    float *dY;
    float *Y;
    float *dX[DRIVER_INPUTS];
    float *dW;      /* [trainable_size] sum over microbatches */
    double *totals; /* of all rounds */
} layer_run;

/* In (-1, 1), different at every index and salt, on a grid of 2^-23. */
float test_value(size_t index, size_t salt);

void *test_alloc(size_t count, size_t size);

size_t padded(size_t n);

/* args: name, value, name, value, …, NULL. A value "[a, b]" is a list, "{a: b}" a map, "null" null. */
ls_config *tree_of_args(const char *const *args);

/* Number i of argument `name` of the layer (a lone number stands for all), or `otherwise` if it was not given. */
long driver_arg(const layer_driver *d, const char *name, size_t i, long otherwise);

/* The text of an argument, "" if it was not given. */
const char *driver_text(const layer_driver *d, const char *name);

void driver_free(layer_driver *d);

/* Fails as the layer's options or its build fail; weights get test values (moving_variance: positive ones). */
ls_status driver_init(layer_driver *d, const char *kind, const char *const *args, const ls_shape *in, size_t inputs);

void run_free(const layer_driver *d, layer_run *run);

/* Buffers for a run, filled with test values. dX starts at 0.5, which a first use must overwrite. */
void run_init(const layer_driver *d, layer_run *run, size_t rows, size_t microbatch);

/*
 * One gradient tile after the other into dW (added), each in a buffer of its own length; padding must stay as it was.
 */
void run_params(const layer_driver *d, layer_run *run, const ls_call *call);

enum driver_phase { DRIVE_FORWARD_SUMS, DRIVE_FORWARD, DRIVE_BACKWARD_SUMS, DRIVE_BACKWARD };

/* Forward, and backward if the layer is in training mode. dW is cleared first. */
void run_batch(const layer_driver *d, layer_run *run);

/*
 * The float64 twin of a layer's forward over a whole batch. X[i] (rows, in_shape i), W[p] parameter p, Y (rows, out).
 */
typedef void (*layer_reference)(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                                double *Y);

typedef struct reference_run {
    double *X[DRIVER_INPUTS], *W[LS_LAYER_PARAMS_MAX], *Y;
} reference_run;

#define DRIVER_STEP 1e-6

/* Y, dX and dW of a finished run against the reference and its differences. `before`: what dX held before. */
bool agrees_with_reference(const layer_driver *d, const layer_run *run, layer_reference forward,
                           bool differentiable_inputs, double before);

#endif
