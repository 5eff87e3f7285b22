/*
 * What it takes to add a layer (formulas: src/nn/KERAS.md, section 1): one file in src/nn/layers/ with an ls_layer_ops
 * table, one line in layers/layers.h.
 *
 * A layer owns a configuration and weights. A node is one call of a layer in the graph (a shared layer has several
 * nodes). The engine (engine.h) walks the nodes; for every node it walks the local microbatches and hands each to the
 * functions below as an ls_call. All of them must be pure functions of the microbatch: same inputs, weights and place,
 * same bits, whatever rank or order they run in. No allocation, no libm, sums in a fixed order.
 */
#ifndef LS_NN_LAYER_H
#define LS_NN_LAYER_H

#include "base/options.h"
#include "nn/activation.h"
#include "nn/initializer.h"
#include "tensor/arithmetic.h"
#include "tensor/product/product.h"
#include "tensor/shape.h"

#define LS_LAYER_PARAMS_MAX 12
#define LS_PARAM_GROUP_BYTES 64

/* Where the randomness of a call is addressed: see random/philox.h. */
typedef struct ls_place {
    uint64_t seed;
    uint64_t update;   /* updates done before this one, over the whole training */
    uint64_t position; /* of the microbatch's first sample in the epoch order */
} ls_place;

typedef struct ls_param {
    const char *name;                 /* "kernel": Keras's variable name; static */
    char group[LS_PARAM_GROUP_BYTES]; /* where .weights.h5 of Keras keeps it below the layer: "cell"; "": in its own */
    ls_shape shape;
    ls_shape
        fans;    /* (inputs, outputs) of a unit where the shape does not say them to an initializer; axes 0: it does */
    size_t size; /* elements */
    bool trainable;
    ls_component initializer, regularizer, constraint; /* borrowed from the layer's config; ops NULL: none */
    size_t offset; /* in the model's flat weight buffer, in elements; a multiple of LS_BLOCK */
    size_t index;  /* among the model's parameters, in Keras's order */
    float *value;  /* (shape) the weights: a view of the flat buffer, set by the engine */
} ls_param;

typedef struct ls_layer ls_layer;
typedef struct ls_call ls_call;

/* For a layer that begins with the weights that are there: asked for the first n (SIZE_MAX: all), returns when it may.
 */
typedef struct ls_arrival {
    void (*wait)(void *context, const ls_layer *layer, size_t n);
    void *context;
} ls_arrival;

/* One microbatch at one node, or in portable arithmetic, but for sums and gradients of weights, the rows of a wave.
 * Row-major; R = rows samples. */
struct ls_call {
    const ls_layer *layer;
    size_t rows;
    bool training;
    ls_arithmetic arithmetic; /* of matrix products */
    ls_place place;
    uint32_t node; /* index in the graph: part of the address of random numbers */
    size_t steps;  /* rows that make up a sample, within time_distributed; else 0 */

    size_t inputs;
    const float *const *X;    /* [inputs] (R, in_shape[i]) */
    const float *const *mask; /* [inputs] (R, mask shape) 0 or 1, NULL where the input has none; may be NULL itself */
    size_t mask_size;         /* places of the output's mask per sample */
    float *Y;                 /* (R, out_shape): pre-activation when the layer has an activation */
    bool relu;                /* Y shall be max(pre-activation, 0) instead: only where layer->does_relu */
    float *saved;   /* (R, saved_per_sample) this node's own, kept from forward to backward; NULL if that is 0 */
    float *scratch; /* layer->scratch_floats(rows) floats, shared by all; contents undefined */

    const ls_arrival
        *arrival; /* forward: weights are still coming in; NULL: all are here. Only if layer->ops->reads_in_order */

    const float *dY;  /* backward: (R, out_shape) */
    float *const *dX; /* backward: [inputs] (R, in_shape[i]) to be ADDED to; an entry is NULL if not wanted */
    bool first_use;   /* backward: dX entries hold nothing yet, so the layer must write instead of add */

    double *sums;         /* forward_sums, backward_sums: this microbatch's contribution, overwritten */
    const double *totals; /* [node state] totals of the rounds so far, over the global batch: see below */
    uint64_t batch_size;  /* samples in the global batch */
};

typedef struct ls_layer_ops {
    ls_ops ops;
    size_t inputs_min, inputs_max; /* 1,1 for most; 2,SIZE_MAX for merging layers */

    /*
     * REQUIRED. Once, with the input shapes: check them (LS_ERR_SHAPE with both sides in the message), declare weights
     * with ls_layer_add_param, set *out, layer->saved_per_sample and layer->scratch_per_sample/_fixed. Must not depend
     * on the batch. For a shared layer it is called for every further node too and then must only check and set *out
     * (layer->built is true).
     */
    ls_status (*build)(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out);

    /* Its outputs are the values of its inputs, in other places: what an embedding behind it looks up is in the data.
     */
    bool moves_values;
    /*
     * OPTIONAL (NULL: whatever the inputs have, the output has no mask). A mask says which positions of an output
     * count: a shape that is the beginning of the output's, and 0 or 1 at every place. in[k]: that of input k, NULL if
     * it has none. *out: the output's, if *has.
     */
    ls_status (*mask_shape)(const ls_layer *layer, const ls_shape *const *in, size_t inputs, bool *has, ls_shape *out);
    /*
     * How Keras comes by the mask of the output, and whether a call of the layer takes that of its input. Keras counts
     * such operations where it orders layers by their depth, and weights in files are in that order.
     */
    enum {
        LS_MASK_PASSES,     /* the input's */
        LS_MASK_OF_NUMBERS, /* numbers that are not 0: one operation */
        LS_MASK_OF_STEPS,   /* any of the numbers of a step: two */
        LS_MASK_FOLDS,      /* those of all inputs, one after the other */
        LS_MASK_JOINS,      /* those of all inputs, each as large as the input first */
        LS_MASK_COPIES,     /* that of the first input: one operation */
    } mask_kind;
    bool takes_mask;
    /*
     * Keras hands masks to a layer that takes_mask as the model is built. One that looks for them as it runs (masks at
     * run) finds none where another, which takes them off its inputs, came before: sheds_masks.
     */
    bool masks_at_run, sheds_masks;
    /* OPTIONAL (NULL: the mask of the first input that has one). mask (R, mask shape), before forward. */
    void (*write_mask)(const ls_call *call, float *mask);

    /* OPTIONAL, of Keras's files, NULL-terminated: names of inputs that are arguments of their own, not one list; … */
    const char *const *input_names;
    const char *const *call_options; /* … options that are arguments of the call, … */
    const char *keras_class;         /* … the class where that is not what Keras exports it as, ops.keras_name, … */
    const char *keras_package;       /* … and the package, "keras_hub"; NULL: Keras itself */

    /* OPTIONAL. Its inputs name rows of a table of so many. */
    size_t (*table_rows)(const ls_layer *layer);

    /* REQUIRED. Y from X. It may write call->saved. */
    void (*forward)(const ls_call *call);

    /* OPTIONAL (NULL: the layer passes no gradient to its inputs). dX from dY. */
    void (*backward)(const ls_call *call);

    /*
     * OPTIONAL. Once for the rows of a wave before backward and backward_params, from dY into call->saved: what both
     * need (the way back through a sequence).
     */
    void (*prepare_backward)(const ls_call *call);

    /*
     * OPTIONAL (NULL: no trainable weights). This microbatch's gradient of a slice of the layer's weights: tile t of
     * `tiles`, where tiles cut the concatenation of the trainable parameters (each padded to LS_BLOCK, as in the flat
     * buffer). out is the tile's first element; every element of the tile's parameters is overwritten. Padding stays 0.
     * Tiles let the sum over microbatches stay in cache; their shape depends on the layer alone.
     */
    void (*backward_params)(const ls_call *call, size_t tile, float *out);
    /*
     * OPTIONAL. The gradient of the first parameter as a sum of products over all rows of the call, in portable
     * arithmetic: A, B, ldb and n; `length` is of one sample. Its bits are those of backward_params. A.at NULL: not as
     * the layer is configured.
     */
    ls_product_sum (*first_param_product)(const ls_call *call);
    /* OPTIONAL. forward reads the weights from the first one on, and looks at call->arrival before it does. */
    bool reads_in_order;
    /* OPTIONAL (NULL: one tile with everything). First element (a multiple of LS_BLOCK) and elements of a tile. */
    size_t (*tiles)(const ls_layer *layer);
    void (*tile_range)(const ls_layer *layer, size_t tile, size_t *first, size_t *n);

    /* OPTIONAL. The weights have their place (param.value), at first or another one: for layers within this one. */
    void (*placed)(ls_layer *layer);

    /* OPTIONAL. After the initializers: fresh weights that those cannot say (lstm's unit_forget_bias). */
    void (*initialize)(const ls_layer *layer);

    /*
     * OPTIONAL: sums over the whole global batch that a layer needs before it can go on (batch normalization), training
     * mode only. Round r of forward_rounds: forward_sums is called for every microbatch and writes sums[0..width);
     * the engine adds them up exactly over all ranks and appends the width totals to call->totals; then the next round.
     * After the last, forward runs with all totals in sight. Backward likewise: its totals follow the forward ones. It
     * has X, dY and totals; Y and saved hold other rows by then.
     */
    size_t forward_rounds, backward_rounds;
    size_t (*sum_width)(const ls_layer *layer); /* the same for every round */
    void (*forward_sums)(const ls_call *call, size_t round);
    void (*backward_sums)(const ls_call *call, size_t round);
    /*
     * OPTIONAL. After a whole global batch succeeded, once per node in training mode on every rank, with the same
     * totals everywhere: new values of non-trainable weights (moving statistics). Must be deterministic.
     */
    void (*commit)(ls_layer *layer, const double *totals, uint64_t batch_size);
} ls_layer_ops;

struct ls_layer {
    const ls_layer_ops *ops;
    char *name;              /* "base/dense" within a model "base" */
    size_t within;           /* submodel of the model; SIZE_MAX: directly in it */
    void *config;            /* ops->ops.config_bytes, owned */
    ls_component activation; /* borrowed from the config; ops NULL: linear. Applied by the engine after forward. */
    ls_component activity_regularizer; /* borrowed; ops NULL: none */
    bool trainable;
    bool built;
    bool does_relu;       /* set by build: in portable arithmetic forward can end with relu (ls_call.relu) */
    ls_shape in_shape[4]; /* as of the first build; the first four inputs */
    size_t in_count;
    ls_shape out_shape;
    ls_param param[LS_LAYER_PARAMS_MAX];
    size_t params;             /* trainable ones first, then the others: Keras's order */
    size_t saved_per_sample;   /* floats kept from forward to backward */
    size_t scratch_per_sample; /* floats of scratch a call needs per row … */
    size_t scratch_fixed;      /* … and besides */
    const ls_config *at;       /* where it stands in the experiment, for messages; may be NULL */
};

extern const ls_registry ls_layers;

/* A layer within a layer: see ls_layer_ops.placed. */
/* Builds `inner`, zeroed or built already, from a component of the wrapper's config: its shapes are set, *out too. */
ls_status ls_layer_build_inner(ls_layer *inner, const ls_layer *wrapper, const ls_component *component,
                               const ls_shape *in, ls_shape *out);
/* Declares the inner layer's weights as the wrapper's. names: [inner->params] static, or NULL: as they are called. */
ls_status ls_layer_add_inner_params(ls_layer *wrapper, const ls_layer *inner, const char *const *names,
                                    const char *group);
/* The inner layer's weights are those of the wrapper from `first` on. */
void ls_layer_place_inner(const ls_layer *wrapper, size_t first, ls_layer *inner);

/* Declare a weight during build. Components are borrowed and may be NULL. Fails if there are too many. */
ls_status ls_layer_add_param(ls_layer *layer, const char *name, const ls_shape *shape, bool trainable,
                             const ls_component *initializer, const ls_component *regularizer,
                             const ls_component *constraint);

/* LS_ERR_SHAPE: "experiment.yaml:9:5: layer 'h1' (dense): MESSAGE". */
ls_status ls_layer_fail(const ls_layer *layer, const char *format, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* base/error.h */
#define ls_layer_fail(...) ls_still_fault(LS_ERR_INTERNAL, (ls_layer_fail)(__VA_ARGS__))
#endif

/*
 * The stream of a call's random numbers for one of its rows: seed, purpose, update, (node, position + row); within
 * time_distributed the row's step goes beside the update.
 */
ls_stream ls_call_stream(const ls_call *call, ls_purpose purpose, size_t row);

#endif
