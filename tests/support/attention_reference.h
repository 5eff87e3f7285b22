/* Attention layers in float64, written plainly and apart from src/: see layer_driver.h. */
#ifndef LS_ATTENTION_REFERENCE_H
#define LS_ATTENTION_REFERENCE_H

#include "layer_driver.h"

/* multi_head_attention and group_query_attention, with what dropout draws at the place of run_init. */
void ref_multi_head(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);
/* attention and additive_attention, likewise. */
void ref_attention(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);

/* position_embedding and sine_position_encoding. */
void ref_positions(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y);

#endif
