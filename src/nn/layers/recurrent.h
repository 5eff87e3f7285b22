/*
 * What simple_rnn, gru and lstm share: the walk over the steps of a sequence, forward and back, and everything about
 * weights. A cell adds what happens within one step.
 *
 * X (R,T,in), time last but one. Every step of every sample has a record of `record` floats, all in the call's saved
 * memory, (R,T,step) with step >= record, so that rows of all records lie in one arithmetic progression and the sums
 * over time are single products:
 *
 *     gates      (gates, units)     x K + b, then with the recurrent products, then activated; backward: gradients
 *     inner      (units)            gru with reset_after: h U_h + b, apart from x K; backward: its gradient
 *     operands   (operands, units)  what the recurrent kernel is multiplied by: h before the step, masked or reset
 *     h          (units)            after the step
 *     c, act(c)  (units) each       lstm
 *     before     (gates, units)     gates before their activations, where those are differentiated by their input
 */
#ifndef LS_NN_LAYERS_RECURRENT_H
#define LS_NN_LAYERS_RECURRENT_H

#include "nn/layers/layers.h"

typedef struct ls_recurrent ls_recurrent;

/* One sample at one step. */
typedef struct ls_recurrent_step {
    const ls_recurrent *layer;
    float *record;
    const float *h, *c; /* (units) before the step; of zeros at the first */
    const float *mask;  /* (operands, units) of recurrent_dropout; NULL: none */
    float *dh, *dc;     /* backward, (units) each: gradient by the states after the step; becomes that by those before
                           it, but for what goes through the recurrent kernel */
    float *d;           /* backward: (gates, units) scratch */
} ls_recurrent_step;

typedef struct ls_recurrent_cell {
    size_t gates;
    bool carries; /* c */
    /* Activations and new states from the finished sums in gates and inner. */
    void (*forward)(const ls_recurrent_step *step);
    /* Gates and inner become gradients. */
    void (*backward)(const ls_recurrent_step *step);
    /*
     * OPTIONAL. The last group's operand depends on the gates before it (gru without reset_after): writes it; and
     * takes its gradient d (units) back into gates and dh.
     */
    void (*reset)(const ls_recurrent_step *step);
    void (*reset_backward)(const ls_recurrent_step *step, const float *d);
} ls_recurrent_cell;

/* One product of a step: what lies at `into` of a record gets operand x U[:, column … column + columns). */
typedef struct ls_recurrent_group {
    size_t operand, column, columns, into; /* operand, into: places in a record */
} ls_recurrent_group;

#define LS_RECURRENT_GROUPS_MAX 4

struct ls_recurrent {
    int64_t units;
    ls_component activation, recurrent_activation;
    bool use_bias;
    ls_component kernel_initializer, recurrent_initializer, bias_initializer;
    ls_component kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer;
    ls_component kernel_constraint, recurrent_constraint, bias_constraint;
    double dropout, recurrent_dropout;
    bool return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask;
    bool reset_after, unit_forget_bias;
    int64_t seed; /* -1: the seed of the experiment */

    /* set by build */
    const ls_recurrent_cell *cell;
    const ls_activation_ops *act, *gate_act; /* NULL: linear */
    size_t u, in, steps;
    size_t width;              /* gates x units */
    size_t inner, h, c, act_c; /* places in a record */
    size_t operands, operand;  /* how many, and where the first is */
    size_t before;             /* SIZE_MAX: not kept */
    size_t filled;             /* floats at a record's begin that start as biases */
    size_t record, step;
    size_t input_masks;  /* masks of one sample: 0, 1, or one for each gate */
    size_t first_random; /* of the numbers at a sample's address */
    ls_recurrent_group group[LS_RECURRENT_GROUPS_MAX];
    size_t groups;
};

/* Option tables: before and after what is a cell's own. */
#define LS_RECURRENT_UNITS                                                                                    \
    {                                                                                                         \
        .name = "units", .kind = LS_OPTION_INT, .offset = offsetof(ls_recurrent, units), .min = 1, .max = 1e6 \
    }
#define LS_RECURRENT_FLAG(field, default_text)                                                                   \
    {                                                                                                            \
        .name = #field, .kind = LS_OPTION_BOOL, .offset = offsetof(ls_recurrent, field), .initial = default_text \
    }
#define LS_RECURRENT_RATE(field)                                                                                    \
    {                                                                                                               \
        .name = #field, .kind = LS_OPTION_FLOAT, .offset = offsetof(ls_recurrent, field), .initial = "0", .max = 1, \
        .open_max = true                                                                                            \
    }
#define LS_RECURRENT_OPTIONS                                                                                    \
    LS_RECURRENT_FLAG(use_bias, "true"), LS_COMPONENT_OPTION(ls_recurrent, activation, ls_activations, "tanh"), \
        LS_COMPONENT_OPTION(ls_recurrent, kernel_initializer, ls_initializers, "glorot_uniform"),               \
        LS_COMPONENT_OPTION(ls_recurrent, recurrent_initializer, ls_initializers, "orthogonal"),                \
        LS_COMPONENT_OPTION(ls_recurrent, bias_initializer, ls_initializers, "zeros"),                          \
        LS_COMPONENT_OPTION(ls_recurrent, kernel_regularizer, ls_regularizers, "null"),                         \
        LS_COMPONENT_OPTION(ls_recurrent, recurrent_regularizer, ls_regularizers, "null"),                      \
        LS_COMPONENT_OPTION(ls_recurrent, bias_regularizer, ls_regularizers, "null"),                           \
        LS_COMPONENT_OPTION(ls_recurrent, activity_regularizer, ls_regularizers, "null"),                       \
        LS_COMPONENT_OPTION(ls_recurrent, kernel_constraint, ls_constraints, "null"),                           \
        LS_COMPONENT_OPTION(ls_recurrent, recurrent_constraint, ls_constraints, "null"),                        \
        LS_COMPONENT_OPTION(ls_recurrent, bias_constraint, ls_constraints, "null"), LS_RECURRENT_RATE(dropout), \
        LS_RECURRENT_RATE(recurrent_dropout), LS_RECURRENT_FLAG(return_sequences, "false"),                     \
        LS_RECURRENT_FLAG(return_state, "false"), LS_RECURRENT_FLAG(go_backwards, "false"),                     \
        LS_RECURRENT_FLAG(stateful, "false"), LS_RECURRENT_FLAG(unroll, "false"),                               \
        LS_RECURRENT_FLAG(zero_output_for_mask, "false"),                                                       \
    {                                                                                                           \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(ls_recurrent, seed), .initial = "null",       \
        .nullable = true, .max = 0x1p62                                                                         \
    }

/* The ops of a cell's layer, but for build, names and options. */
#define LS_RECURRENT_OPS                                                                         \
    .inputs_min = 1, .inputs_max = 1, .mask_shape = ls_recurrent_mask_shape, .takes_mask = true, \
    .forward = ls_recurrent_layer_forward, .prepare_backward = ls_recurrent_layer_prepare,       \
    .backward = ls_recurrent_layer_backward, .backward_params = ls_recurrent_layer_params,       \
    .first_param_product = ls_recurrent_layer_product, .tiles = ls_recurrent_tiles,              \
    .tile_range = ls_recurrent_tile_range

/* Sequences of outputs keep the mask of their inputs. */
ls_status ls_recurrent_mask_shape(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has,
                                  ls_shape *out);
ls_status ls_recurrent_check(const void *config, const ls_config *at);
/* Shapes, weights, records and groups, all but the saved memory; groups of gru come after. */
ls_status ls_recurrent_build(ls_layer *layer, const ls_recurrent_cell *cell, const ls_shape *in, size_t inputs,
                             ls_shape *out);

/* --- the walk, for layers of one direction and for bidirectional --- */

/* All records of call->rows samples, from X. records: (R,T,step). */
void ls_recurrent_run(const ls_layer *layer, const ls_call *call, float *records);

/* Adds the gradient of the output at step k of the walk to dh (units). */
typedef void ls_recurrent_gradient(const ls_call *call, size_t row, size_t k, float *dh);
/* Gates and inner of all records become gradients. */
void ls_recurrent_run_back(const ls_layer *layer, const ls_call *call, float *records, ls_recurrent_gradient *add);
/* dX. */
void ls_recurrent_input_gradient(const ls_layer *layer, const ls_call *call, const float *records);
/* ls_layer_ops.backward_params, .tiles, .tile_range of one direction. */
void ls_recurrent_params(const ls_layer *layer, const ls_call *call, const float *records, size_t tile, float *out);
/* ls_layer_ops.first_param_product of one direction. */
ls_product_sum ls_recurrent_kernel_product(const ls_layer *layer, const ls_call *call, const float *records);
/* dK of so many rows of the kernel. */
void ls_recurrent_kernel_rows(const ls_layer *layer, const ls_call *call, const float *records, size_t first,
                              size_t rows, float *out);
size_t ls_recurrent_tiles(const ls_layer *layer);
void ls_recurrent_tile_range(const ls_layer *layer, size_t tile, size_t *first, size_t *n);
/*
 * The output at step k of the walk: h after it, which a masked step leaves as it was; NULL for zeros
 * (zero_output_for_mask).
 */
const float *ls_recurrent_output(const ls_recurrent *layer, const ls_call *call, const float *records, size_t row,
                                 size_t k);

/* --- for cells --- */

/* z (rows, units), activated in place; its place in `before` is filled if it will be wanted. at: of z in the record. */
void ls_recurrent_activate(const ls_recurrent_step *step, const ls_activation_ops *act, const ls_component *component,
                           size_t at, size_t rows);
/* d (rows, units) by the activated values at `at` becomes that by what they were before. */
void ls_recurrent_derive(const ls_recurrent_step *step, const ls_activation_ops *act, const ls_component *component,
                         size_t at, size_t rows, float *d);

void ls_recurrent_layer_forward(const ls_call *call);
void ls_recurrent_layer_prepare(const ls_call *call);
void ls_recurrent_layer_backward(const ls_call *call);
void ls_recurrent_layer_params(const ls_call *call, size_t tile, float *out);
ls_product_sum ls_recurrent_layer_product(const ls_call *call);

#endif
