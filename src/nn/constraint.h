/* Weight constraints, applied to a whole parameter right after each update. Formulas: src/nn/KERAS.md, section 6. */
#ifndef LS_NN_CONSTRAINT_H
#define LS_NN_CONSTRAINT_H

#include "base/options.h"
#include "tensor/shape.h"

typedef struct ls_constraint_ops {
    ls_ops ops;
    /* REQUIRED. The axes that are summed over for norms; NULL if there are no norms. Borrowed. */
    const ls_ints *(*axes)(const void *config);
    /* REQUIRED. In place on the whole parameter; sums in a fixed order. */
    void (*apply)(const void *config, const ls_shape *shape, float *w);
} ls_constraint_ops;

extern const ls_registry ls_constraints;

/* Does a weight of this shape have the axes the constraint works on? */
ls_status ls_constraint_check(const ls_component *constraint, const ls_shape *shape, const ls_config *at);

#endif
