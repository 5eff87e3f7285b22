/*
 * A split, bound to the inputs and outputs of a model, and the assembly of local batches from it. Its values are in
 * memory, or in a feed that reads them a window at a time.
 *
 *     ls_split_open ─► (ls_split_cut) ─► ls_split_read or ls_split_stream ─► ls_split_advance, ls_split_load per batch
 */
#ifndef LS_TRAIN_SPLIT_H
#define LS_TRAIN_SPLIT_H

#include "base/watchdog.h"
#include "data/dataset.h"
#include "data/feed.h"
#include "data/sampler.h"
#include "experiment/experiment.h"
#include "random/permutation.h"

typedef struct ls_split {
    char *name;
    ls_array **x; /* one per model input */
    ls_array **y; /* one per model output; entries may be NULL; NULL when the split has no targets */
    ls_array *
        *weight; /* sample weights: one per model output (entries may be NULL), or only the first, for all of them */
    bool one_weight;                     /* only the first */
    const ls_class_weight *class_weight; /* [class_weights] borrowed: weights by the target's class, or NULL */
    size_t class_weights;
    size_t inputs, outputs;
    uint64_t begin, samples; /* the samples [begin, begin + samples) of the arrays */
    bool owns;               /* arrays are freed with the split; a view does not own them */
    ls_windows windows;      /* of the shuffled order; no windows: all samples are shuffled as one */
    ls_feed *feed;           /* NULL: the arrays are in memory */
    ls_array **fed;          /* [inputs + 2 outputs] the arrays as the feed numbers them; entries may be NULL */
} ls_split;

/* Keras's class of a target of n numbers: the number itself, or the first of the largest. */
int64_t ls_class_of(const float *target, size_t n);

/* The sample weights of an output; NULL: it has none. */
const ls_array *ls_split_weight(const ls_split *split, size_t output);

/*
 * Find the arrays of a split, without reading them. Names are matched with the model's inputs and outputs; sample
 * counts must agree. Shapes are checked when a task is made of it (ls_task_create). model NULL: only x and y in the
 * order given (to learn the input shape).
 */
ls_status ls_split_open(const ls_split_spec *spec, const ls_model *model, ls_split **out);
/* The last `fraction` of a split, as Keras cuts it (before any shuffling): shrinks split, makes a view of the rest. */
ls_status ls_split_cut(ls_split *split, double fraction, const ls_config *at, ls_split **rest);
void ls_split_free(ls_split *split);

/*
 * Bytes of the samples of a split as they are stored, without those in the program's memory; SIZE_MAX: more than can be
 * addressed.
 */
size_t ls_split_bytes(const ls_split *split);
/* Rows of a chunk if nobody gives another number: those of the first input's HDF5 chunks, or 1024 if it has none. */
uint64_t ls_split_chunk_rows(const ls_split *split);

/* Collective over sharing. Read all arrays; a view's are those of the split it was cut from. */
ls_status ls_split_read(ls_split *split, const ls_sharing *sharing);
/* What ls_split_stream would ask of ls_feed_open. */
ls_feed_settings ls_split_feed_settings(const ls_split *split, const ls_windows *windows, uint64_t most,
                                        const ls_sharing *sharing);
/* Collective over sharing. Read the arrays a window at a time: of split->windows and a seed if it is shuffled. */
ls_status ls_split_stream(ls_split *split, const ls_feed_settings *settings);

/* What can be known of the data without reading them, as text: the same on all ranks, or they are not the same data. */
ls_status ls_split_facts(const ls_split *split, ls_text *out);
/* ls_array_identify for the arrays of a split, which ls_split_read and ls_split_stream do; a view's are those of the
 * split it was cut from. */
ls_status ls_split_identify(ls_split *split);
/* Identity of the data, as text: the range and the arrays' identities, which do not depend on where the values are. */
ls_status ls_split_identity(const ls_split *split, ls_text *out);
/* ls_split_identity and the hashes of all that is in memory: the same on all ranks, or they have not read the same. */
ls_status ls_split_contents(const ls_split *split, ls_text *out);

/*
 * Collective. Called before ls_split_load for the same batch: makes positions [begin, begin + rows) available, which
 * waits for the disk if they are not in memory yet.
 */
ls_status ls_split_advance(const ls_split *split, const ls_permutation *order, uint64_t begin, uint64_t rows,
                           ls_watchdog *watchdog);

/*
 * Put the rows of a slice into the engine: inputs, targets (if the engine has some) and sample weights.
 * order NULL: dataset order.
 */
void ls_split_load(const ls_split *split, const ls_permutation *order, const ls_slice *slice, ls_engine *engine,
                   const ls_objective *objective);

/* XXH3-64 chained over the dataset indices of one microbatch, for traces. */
uint64_t ls_split_order_hash(const ls_split *split, const ls_permutation *order, uint64_t begin, uint64_t rows);

#endif
