/* `fit:` of an experiment, with defaults filled in. */
#ifndef LS_EXPERIMENT_FIT_OPTIONS_H
#define LS_EXPERIMENT_FIT_OPTIONS_H

#include "base/options.h"

#define LS_CHECKPOINT_AUTO (-1.0)

/* fit.class_weight: training samples of this class count so much. Other classes count 1. */
typedef struct ls_class_weight {
    int64_t label;
    float weight;
} ls_class_weight;

typedef struct ls_fit_options {
    int64_t initial_epoch, epochs;  /* epochs: the index after the last one, not a count */
    int64_t batch_size, microbatch; /* microbatch: resolved, never 0 */
    int64_t steps_per_epoch;        /* 0: a pass over the data; see epoch_plan.h */
    bool shuffle;
    int64_t window, chunk; /* fit.shuffle: {window: CHUNKS, chunk: ROWS}; 0: no windows, chunks of the file */
    int64_t validation_freq, validation_batch_size;
    int64_t validation_steps; /* 0: all batches */
    double validation_split;
    double noise_scale_decay;  /* of the gradient noise scale's averages, per update; 0: it is not measured */
    int64_t checkpoint_every;  /* updates; 0: at the ends of epochs only */
    int64_t checkpoint_keep;   /* how many checkpoints stay, the newest among them */
    double checkpoint_seconds; /* none sooner than so long after the one before, but those of a signal and of the end;
                                  LS_CHECKPOINT_AUTO: so that they take less than 1 % of the time */
    char *validation_data;     /* a split; NULL: none */
    ls_class_weight *class_weight; /* [class_weights] owned */
    size_t class_weights;
    bool balanced; /* class_weight: balanced: every class counts as much as the others, by scikit-learn's formula */
} ls_fit_options;

/* Its option table, and the keys besides, NULL-terminated: what takes words or maps as well as numbers. */
extern const ls_ops ls_fit_ops;
extern const char *const ls_fit_extra_keys[];
bool ls_fit_is_key(const char *key);

/* node: `fit`; absent or null: all defaults. Whether validation_data names a split is for the caller to see. */
ls_status ls_fit_options_read(const ls_config *node, ls_fit_options *out);
void ls_fit_options_reset(ls_fit_options *options);

#endif
