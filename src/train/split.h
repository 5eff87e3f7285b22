/* A split in memory, bound to the inputs and outputs of a model, and the assembly of local batches from it. */
#ifndef LS_TRAIN_SPLIT_H
#define LS_TRAIN_SPLIT_H

#include "data/dataset.h"
#include "data/sampler.h"
#include "random/permutation.h"
#include "train/experiment.h"

typedef struct ls_split {
    char *name;
    ls_array **x;       /* one per model input */
    ls_array **y;       /* one per model output; entries may be NULL; NULL when the split has no targets */
    ls_array *weight;   /* sample weights, or NULL */
    const ls_class_weight *class_weight; /* [class_weights] borrowed: weights by the target's class, or NULL */
    size_t class_weights;
    size_t inputs, outputs;
    uint64_t begin, samples; /* the samples [begin, begin + samples) of the arrays */
    bool owns;          /* arrays are freed with the split; a view does not own them */
} ls_split;

/*
 * Read the arrays of a split. Names are matched with the model's inputs and outputs; sample counts must agree. Shapes are
 * checked by ls_split_bind. model NULL: only x and y in the order given (to learn the input shape).
 */
ls_status ls_split_open(const ls_split_spec *spec, const ls_model *model, ls_split **out);
/* The last `fraction` of a split, as Keras cuts it (before any shuffling): shrinks split, makes a view of the rest. */
ls_status ls_split_cut(ls_split *split, double fraction, const ls_config *at, ls_split **rest);
void ls_split_free(ls_split *split);

/* Identity of the data: hashes of all arrays and the range, as text. */
ls_status ls_split_identity(const ls_split *split, ls_text *out);

/*
 * Put the rows of a slice into the engine: inputs, targets (if the engine has some) and sample weights.
 * order NULL: dataset order. Returns the local batch to run.
 */
ls_local_batch ls_split_load(const ls_split *split, const ls_permutation *order, const ls_slice *slice,
                             uint64_t microbatch, ls_engine *engine, const ls_objective *objective);

/* XXH3-64 chained over the dataset indices of one microbatch, for traces. */
uint64_t ls_split_order_hash(const ls_split *split, const ls_permutation *order, uint64_t begin, uint64_t rows);

#endif
