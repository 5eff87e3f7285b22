/* Float64 twins of the layers over lines, images and volumes, for layer_driver.h. */
#ifndef LS_SPATIAL_REFERENCE_H
#define LS_SPATIAL_REFERENCE_H

#include "layer_driver.h"

#define LS_REFERENCE(name) \
    void name(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)

LS_REFERENCE(ref_convolution);
LS_REFERENCE(ref_transposed_convolution);
LS_REFERENCE(ref_depthwise_convolution); /* separable ones, too */
LS_REFERENCE(ref_pooling);               /* adaptive ones, too */
LS_REFERENCE(ref_global_pooling);
LS_REFERENCE(ref_margins);
LS_REFERENCE(ref_up_sampling);

#endif
