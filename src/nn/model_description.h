/*
 * The `model:` entry of an experiment as a flat list of nodes: both forms, the list (Sequential) and the map (graph),
 * become the same thing here, with names resolved and in an order in which they can run.
 */
#ifndef LS_NN_MODEL_DESCRIPTION_H
#define LS_NN_MODEL_DESCRIPTION_H

#include "nn/layer.h"
#include "nn/submodel.h"

typedef struct ls_model_description ls_model_description;

typedef struct ls_node_description {
    char *name;
    char *layer_name;        /* NULL: as the node's */
    const ls_layer_ops *ops; /* NULL if the node shares another node's layer */
    const ls_config *args;   /* of the layer; may be NULL */
    ls_component config;     /* what they say; without ops if the node shares another node's layer */
    const ls_config *at;     /* where the node stands */
    size_t shares;           /* node whose layer it calls again; SIZE_MAX: none */
    size_t *input;           /* [inputs] */
    size_t inputs;
    bool trainable;
    size_t within; /* submodel; SIZE_MAX: none */
    /* Until the description is complete: a model that stands for the node, and which of the inputs' outputs it reads.
     */
    ls_model_description *model;
    size_t *pick; /* [inputs] */
} ls_node_description;

struct ls_model_description {
    const ls_config *args; /* of a model within the model; NULL: none */
    bool sequential;
    ls_node_description *node; /* [nodes] in running order; inputs first, as declared */
    size_t nodes;
    size_t inputs;  /* the first so many nodes */
    size_t *output; /* [outputs] */
    size_t outputs;
    ls_submodel *submodel; /* [submodels] a model stands before those within it */
    size_t submodels;
    size_t *output_pick; /* as ls_node_description.pick */
};

/* Keys that every layer takes besides its own options. */
extern const char *const ls_layer_common_keys[];

/*
 * Errors name line and column: unknown layers, keys and arguments, all of them together; names given twice, dangling
 * names, cycles (with the names on them). A Sequential description without an input of its own gets one named "input"
 * with args NULL. *out is to be reset by the caller, also after a failure; of a list it has all names even then.
 */
ls_status ls_model_description_read(const ls_config *model, ls_model_description *out);
void ls_model_description_reset(ls_model_description *description);

/*
 * nn/expand.c: every node that stands for a model becomes the nodes of it. LS_ERR_CONFIG if it takes other inputs than
 * it gets.
 */
ls_status ls_model_description_expand(ls_model_description *d);
/* nn/expand.c: the output is that of node `last`, and what does not lead there is left out, but for inputs. */
ls_status ls_model_description_cut(ls_model_description *d, size_t last);
/* The description of the model that node i stands for, or calls again; NULL: it stands for a layer. */
const ls_model_description *ls_node_model(const ls_model_description *d, size_t i);

#endif
