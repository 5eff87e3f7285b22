/*
 * A model: layers (which own weights), nodes (calls of layers, in the order they run) and flat buffers.
 *
 *     Sequential            graph
 *     [layer]─[layer]─…     nodes name their inputs; a layer may be called by several nodes (`shares`)
 *
 * Weights lie in one buffer: trainable parameters first, in Keras's layer order, then the others. Every parameter
 * starts at a multiple of LS_BLOCK elements, so that a block (the unit of the exact grid, of shards and of norms) never
 * spans two parameters. Padding stays zero.
 */
#ifndef LS_NN_MODEL_H
#define LS_NN_MODEL_H

#include "lockstep/model.h"
#include "nn/layer.h"
#include "nn/submodel.h"
#include "tensor/block.h"

/* The layer of an input node: no weights, nothing to compute. Not in ls_layers, since no list of layers may name it. */
extern const ls_layer_ops ls_input_layer;
/* Where a model within the model begins: what it is given. */
extern const ls_layer_ops ls_inner_input_layer;
bool ls_layer_is_input(const ls_layer *layer); /* one of these */

typedef struct ls_node {
    ls_layer *layer; /* borrowed from the model */
    char *name;      /* "h1"; for a call of a shared layer the node's own name */
    size_t *input;   /* [inputs] node indices, all smaller than this node's */
    size_t inputs;
    ls_shape shape; /* of one sample of its output */
    ls_shape mask;  /* of its output's mask, if it has one */
    bool masked;
    size_t within;       /* submodel; SIZE_MAX: directly in the model */
    bool masked_at_run;  /* … which is still there when the node has run, and for those that run after it */
    unsigned mask_gone;  /* bit k: this node finds the mask of input k gone (ls_layer_ops.masks_at_run) */
    size_t use;          /* 0 for the first call of its layer, 1 for the next, … */
    const ls_config *at; /* where it stands in the description */
} ls_node;

struct ls_model {
    char *name;
    bool sequential;
    ls_arithmetic arithmetic; /* of its matrix products; portable unless it is changed */
    ls_layer **layer;         /* [layers] in Keras's model.layers order, inputs included */
    size_t layers;
    ls_node *node; /* [nodes] in running order: inputs first, then topological */
    size_t nodes;
    size_t *input; /* [inputs] node indices, in the order they were declared */
    size_t inputs;
    size_t *output; /* [outputs] node indices */
    size_t outputs;
    ls_submodel *submodel; /* [submodels] models within it, one entry per call */
    size_t submodels;
    ls_param **param; /* [params] borrowed: trainable ones first, then the others, in layer order */
    size_t params, trainable_params;
    size_t trainable_size;         /* elements of the flat buffer that are trained: a multiple of LS_BLOCK */
    size_t size;                   /* all elements of the flat buffer */
    size_t count, trainable_count; /* parameters as Keras counts them, without padding */
    float *weights;                /* [size] home, or where ls_model_move has put them */
    float *home;                   /* [size] owned */
};

/*
 * Build from the `model:` entry of an experiment: a list (Sequential) or a map (graph). in_shape: the shape of the
 * input for a Sequential model that does not declare its own `input`, taken from the data (may be NULL if it does).
 * Weights are allocated, zero. The description must outlive the model.
 */
ls_status ls_model_create(const ls_config *description, const char *name, const ls_shape *in_shape, ls_model **out);
void ls_model_free(ls_model *model);

/*
 * LS_ERR_CONFIG naming the first layer whose name Keras would not run: its layers' names are TensorFlow's scopes. Of
 * models that a user describes; a file of Keras may hold what another of its backends allows. Inputs are no scopes.
 */
ls_status ls_model_check_names(const ls_model *model);

/* Fresh weights: a pure function of (model, seed). */
ls_status ls_model_init_weights(ls_model *model, uint64_t seed);

/*
 * The weights from element `first` on move into memory [size], which is borrowed until they move again; what lies
 * before is there already. Their own memory costs nothing meanwhile. NULL: they move home.
 */
void ls_model_move(ls_model *model, float *memory, size_t first);

/* Sum of all weight penalties of what is trained. Keras adds it to the loss once, not divided by the batch. */
double ls_model_penalty(const ls_model *model);

/* A parameter's name, "dense/kernel", in out, which is returned. */
#define LS_PARAM_NAME_BYTES 160
const char *ls_model_param_name(const ls_model *model, const ls_param *param, char out[LS_PARAM_NAME_BYTES]);
const ls_layer *ls_model_param_layer(const ls_model *model, const ls_param *param);

#endif
