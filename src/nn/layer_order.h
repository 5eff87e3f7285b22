/* Keras's order of a model's layers, which decides the order of weights, in memory and in files. */
#ifndef LS_NN_LAYER_ORDER_H
#define LS_NN_LAYER_ORDER_H

#include "nn/model.h"

/*
 * Sorts model->layer. A Sequential model: as listed. A graph (keras.Function): layers by depth, deepest first, ties by
 * the order in which a depth-first walk from the outputs first reaches them. A model within the model is one layer of
 * the model around it, and its layers stand in its place, in the order of its own.
 */
ls_status ls_model_order_layers(ls_model *model);

/* What Keras takes for one layer of a model: a layer, or a model within it. */
typedef struct ls_unit {
    const ls_layer *layer; /* NULL: a model */
    size_t submodel;       /* the first call of it */
    const char *name;      /* of its own: "base" */
    size_t first, end;     /* its layers in model->layer */
} ls_unit;

/*
 * The units of a level (SIZE_MAX: the whole model), in Keras's order. Begin with {0}; false: there are no more.
 */
bool ls_model_next_unit(const ls_model *model, size_t within, ls_unit *unit);
/* How often the layer of a node, or the model of a submodel, was called before that in the model that it is in. */
size_t ls_node_call(const ls_model *model, size_t node);
size_t ls_submodel_call(const ls_model *model, size_t submodel);
/* What Keras calls output k of the model. */
const char *ls_model_output_name(const ls_model *model, size_t k);

#endif
