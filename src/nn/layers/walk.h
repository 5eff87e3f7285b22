/* An odometer over the elements of a shape in order, which tells where each lies in memory with other strides. */
#ifndef LS_NN_LAYERS_WALK_H
#define LS_NN_LAYERS_WALK_H

#include "tensor/shape.h"

typedef struct ls_walk {
    const ls_shape *shape; /* borrowed */
    const size_t *stride;  /* [axes] borrowed; 0: the element is repeated along the axis */
    size_t at[LS_AXES_MAX];
    size_t offset; /* of the current element; starts at 0 */
} ls_walk;

static inline void ls_walk_next(ls_walk *w)
{
    for (size_t i = w->shape->axes; i-- > 0;) {
        w->offset += w->stride[i];
        if (++w->at[i] < w->shape->dim[i])
            return;
        w->offset -= w->stride[i] * w->shape->dim[i];
        w->at[i] = 0;
    }
}

#endif
