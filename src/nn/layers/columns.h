/*
 * The matrix C (windows, cells x channels) whose rows are the windows of images, for convolutions as products: written
 * out
 * ("im2col"), or added back to the images. Cells in the padding are 0 there, and lost on the way back.
 */
#ifndef LS_NN_LAYERS_COLUMNS_H
#define LS_NN_LAYERS_COLUMNS_H

#include "nn/layers/window.h"

#define LS_COLUMNS_FLOATS                                                                       \
    ((size_t)65536) /* about this many of C at a time: it should stay in the second-level cache \
                     */

/* C of group `group` of `groups`, which has channels [group, group + 1) channels / groups. X (samples, images). */
void ls_columns_write(const ls_window *window, size_t groups, size_t group, const float *X, float *C, size_t samples);

/* dX += what of dC comes from each cell, windows in order. */
void ls_columns_add(const ls_window *window, size_t groups, size_t group, float *dX, float *dC, size_t samples);

#endif
