/* Layers of sequences in float64, written plainly and apart from src/: see layer_driver.h. */
#ifndef LS_SEQUENCE_REFERENCE_H
#define LS_SEQUENCE_REFERENCE_H

#include "layer_driver.h"

/* simple_rnn, gru and lstm, with the masks of dropout that the layer draws at the place of run_init. */
void ref_recurrent(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);
/* Those within bidirectional, without a backward_layer of its own. */
void ref_bidirectional(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);
void ref_repeat_vector(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);

#endif
