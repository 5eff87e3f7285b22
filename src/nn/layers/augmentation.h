/*
 * Layers that change images (height, width, channels) at random while a model is trained, and leave them as they are
 * afterwards. What is drawn is a function of seed, update, node and sample, like every random number; given the same
 * numbers, pixels are Keras's.
 */
#ifndef LS_NN_LAYERS_AUGMENTATION_H
#define LS_NN_LAYERS_AUGMENTATION_H

#include "nn/layers/layers.h"

/* An image's sizes. */
typedef struct ls_image_size {
    size_t height, width, channels;
} ls_image_size;

ls_image_size ls_image_size_of(const ls_layer *layer); /* of its input */

/* ls_layer_ops.build of layers whose images keep their shape; LS_ERR_SHAPE unless there are three axes. */
ls_status ls_build_augmentation(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out);

/* u (n): the first n numbers in [0, 1) of a row. seed: -1 for that of the experiment. */
void ls_draw(const ls_call *call, int64_t seed, size_t row, size_t n, float *u);
/* n normal numbers of a row, from its number `first` (even) on. */
void ls_draw_normal(const ls_call *call, int64_t seed, size_t row, size_t first, size_t n, float *normal);

/*
 * The beginning of backward. False: nothing is left to do, for no gradient is asked for, or the images were left as
 * they are, so that it passes. True: dX is there to be added to.
 */
bool ls_backward_begins(const ls_call *call);

/* A range that a factor is drawn from, as its two ends or as one number f: from max(-f, least) to f. */
typedef struct ls_range {
    float low, high;
} ls_range;

ls_range ls_range_of(const ls_floats *factor, double least);
/* u of [0, 1) in a range shifted by `shift`, as Keras rounds it. */
float ls_in_range(float u, double low, double high);

/* LS_ERR_CONFIG unless it has one number or two. */
ls_status ls_check_range(const ls_floats *factor, const char *name, const ls_config *at);
/* LS_ERR_CONFIG unless it is two numbers, the second larger. */
ls_status ls_check_value_range(const ls_floats *range, const ls_config *at);

#define LS_AUGMENTATION_SEED(type)                                                                                  \
    {                                                                                                               \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(type, seed), .initial = "null", .nullable = true, \
        .max = 0x1p62                                                                                               \
    }
#define LS_VALUE_RANGE(type)                                                                                          \
    {                                                                                                                 \
        .name = "value_range", .kind = LS_OPTION_FLOATS, .offset = offsetof(type, value_range), .initial = "[0, 255]" \
    }

#endif
