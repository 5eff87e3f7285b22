/*
 * The `model:` entry of an experiment as a flat list of nodes: both forms, the list (Sequential) and the map (graph),
 * become the same thing here, with names resolved and in an order in which they can run.
 */
#ifndef LS_NN_MODEL_DESCRIPTION_H
#define LS_NN_MODEL_DESCRIPTION_H

#include "nn/layer.h"

typedef struct ls_node_description {
    char *name;
    const ls_layer_ops *ops; /* NULL if the node shares another node's layer */
    const ls_config *args;   /* of the layer; may be NULL */
    ls_component config;     /* what they say; without ops if the node shares another node's layer */
    const ls_config *at;     /* where the node stands */
    size_t shares;           /* node whose layer it calls again; SIZE_MAX: none */
    size_t *input;           /* [inputs] */
    size_t inputs;
    bool trainable;
} ls_node_description;

typedef struct ls_model_description {
    bool sequential;
    ls_node_description *node; /* [nodes] in running order; inputs first, as declared */
    size_t nodes;
    size_t inputs;  /* the first so many nodes */
    size_t *output; /* [outputs] */
    size_t outputs;
} ls_model_description;

/* Keys that every layer takes besides its own options. */
extern const char *const ls_layer_common_keys[];

/*
 * Errors name line and column: unknown layers, keys and arguments, all of them together; names given twice, dangling
 * names, cycles (with the names on them). A Sequential description without an input of its own gets one named "input"
 * with args NULL. *out is to be reset by the caller, also after a failure; of a list it has all names even then.
 */
ls_status ls_model_description_read(const ls_config *model, ls_model_description *out);
void ls_model_description_reset(ls_model_description *description);

#endif
