/*
 * A model within the model. Its layers stand among those of the model around it, called "base/dense", and its nodes
 * among the nodes: what runs is one flat graph. Which of them belong together is kept for Keras's order of weights and
 * for files.
 */
#ifndef LS_NN_SUBMODEL_H
#define LS_NN_SUBMODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

#define LS_MODEL_DEPTH_MAX 16 /* of models within each other */

/* One call of such a model. */
typedef struct ls_submodel {
    char *name;    /* "base", "tower/base"; owned */
    size_t parent; /* the one that it is in; SIZE_MAX: in the model itself */
    size_t shares; /* the one whose layers are called again; SIZE_MAX: it has layers of its own */
    bool sequential;
    const ls_config *args;  /* as described; borrowed; NULL: a chain of repeated ones */
    size_t *input, *output; /* nodes; owned */
    size_t inputs, outputs;
} ls_submodel;

void ls_submodels_free(ls_submodel *all, size_t n);

/* What comes after the last '/': its name in the model that it is directly in. */
const char *ls_own_name(const char *name);

/*
 * Of something that is `within` a submodel: the submodel directly within `level` that it is in. SIZE_MAX: it is itself
 * directly within `level`, or not there at all. Both may be SIZE_MAX, the model itself.
 */
size_t ls_submodel_at(const ls_submodel *all, size_t within, size_t level);
/* Is it within `level`, at whatever depth? */
bool ls_submodel_is_in(const ls_submodel *all, size_t within, size_t level);
/* The one whose layers it calls. */
size_t ls_submodel_owner(const ls_submodel *all, size_t i);

#endif
