/* A picture of a model in Graphviz's language. */
#ifndef LS_NN_GRAPHVIZ_H
#define LS_NN_GRAPHVIZ_H

#include "base/text.h"
#include "nn/model.h"

/*
 * Append a digraph with one box per call of a layer: name, class, input and output shapes, parameters. Calls of one
 * shared layer are dashed boxes; only the first counts the parameters, the others name it. (A line between them would
 * be clearer, but Graphviz cannot draw one between neighbours of the same rank.)
 */
ls_status ls_graphviz_write(const ls_model *model, ls_text *out);

#endif
