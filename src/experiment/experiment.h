/*
 * An experiment: what the YAML file says, checked and with defaults filled in. Nothing here knows ranks.
 */
#ifndef LS_EXPERIMENT_EXPERIMENT_H
#define LS_EXPERIMENT_EXPERIMENT_H

#include "base/options.h"
#include "data/dataset.h"
#include "formats/keras_architecture.h"
#include "nn/engine.h"
#include "nn/optimizer.h"
#include "nn/outputs.h"

/* One array of a split: where it lies and how it is read. */
typedef struct ls_array_spec {
    char *name;              /* the input or output it feeds; NULL: the only one */
    char *file;              /* path, already relative to the working directory */
    char *path;              /* inside the file: "/train/x"; what to call the array when it lies in memory */
    const ls_buffer *memory; /* borrowed; NULL: it lies in a file */
    int64_t one_hot;         /* classes; 0: not asked for */
    double scale, offset;    /* NAN: as the file says */
    bool channels_first;     /* samples are stored as (channels, …) */
    const ls_config *at;
} ls_array_spec;

typedef struct ls_split_spec {
    char *name; /* "train" */
    ls_array_spec *x, *y, *sample_weight;
    size_t xs, ys, weights; /* weights: 0 or 1 */
    bool has_rows;
    uint64_t rows[2]; /* [begin, end) */
    const ls_config *at;
} ls_split_spec;

/* Names of the following two as settings and files have them, NULL-terminated. */
extern const char *const ls_reduction_names[], *const ls_grid_names[];

typedef enum ls_reduction { LS_REDUCTION_EXACT, LS_REDUCTION_FAST } ls_reduction;
typedef enum ls_grid { LS_GRID_CARRIED, LS_GRID_STATIC } ls_grid;

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
    double checkpoint_seconds; /* none sooner than so long after the one before, but those of a signal and of the end */
    char *validation_data;     /* a split; NULL: none */
    ls_class_weight *class_weight; /* [class_weights] owned */
    size_t class_weights;
} ls_fit_options;

typedef struct ls_distributed_options {
    int arithmetic;      /* ls_arithmetic */
    int reduction;       /* ls_reduction */
    int grid;            /* ls_grid */
    int64_t bucket_kib;  /* of the carrier */
    int64_t segment_kib; /* of what a ring sends at a time */
    double timeout_s;    /* 0: wait for ever */
    char *allreduce;     /* a name in ls_reducers, or "auto" */
    char *blas_kernel;   /* with OpenBLAS; NULL: as it picks */
} ls_distributed_options;

typedef struct ls_experiment {
    ls_config *root; /* owned: everything below borrows from it */
    char *file;      /* for messages */
    char *name;
    uint64_t seed;
    char *initial_weights; /* path; NULL: fresh ones */
    char *output;          /* directory; NULL: none given */
    ls_split_spec *split;
    size_t splits;
    uint64_t memory_bytes;  /* data.memory: of data held on a node; 0: no limit */
    const ls_config *model; /* description */
    const ls_config *compile;
    bool of_model_file;       /* `model` is that of a file of lockstep or Keras, not a user's description */
    ls_keras_refused refused; /* what a model of Keras was compiled with that `compile` leaves out */
    ls_optimizer optimizer;
    ls_fit_options fit;
    const ls_config *callbacks; /* description; NULL: none */
    ls_distributed_options distributed;
} ls_experiment;

/*
 * Read FILE and apply settings ("fit.epochs=3"). Every error names file, line and column. Checks all that can be
 * checked without data: the model's shapes and losses come later (ls_task_create).
 */
ls_status ls_experiment_read(const char *file, const char *const *settings, size_t n, ls_experiment **out);
/* ls_experiment_read from text. name: for messages and as base of relative paths (may be NULL: none). */
ls_status ls_experiment_parse(const char *text, size_t bytes, const char *name, ls_experiment **out);
/* ls_experiment_read from a tree, which is taken. */
ls_status ls_experiment_create(ls_config *root, const char *name, ls_experiment **out);
/*
 * That of a model file, for evaluate, predict and summary: as lockstep wrote it there, or made from what Keras says of
 * a model (then without data; see ls_keras_refused).
 */
ls_status ls_experiment_of_model(const char *path, ls_experiment **out);
/* A copy with one more setting. */
ls_status ls_experiment_with(const ls_experiment *experiment, const char *setting, ls_experiment **out);
void ls_experiment_free(ls_experiment *experiment);

/* Bytes of a size like 512MB or 1.5 GiB, or of a number of bytes; where: for messages, "data.memory". */
ls_status ls_bytes_parse(const char *text, const char *where, uint64_t *out);

/* n array specs with their texts, and the list itself. */
void ls_array_specs_free(ls_array_spec *spec, size_t n);

/* NULL if there is no split of that name. */
const ls_split_spec *ls_experiment_split(const ls_experiment *experiment, const char *name);

/*
 * The experiment as YAML with the input shape written out and paths made absolute: what a run directory gets.
 * for_model: only what shapes the weights, without `output`, `distributed` and `data.memory`, so that the text does not
 * depend on how the run was started.
 */
ls_status ls_experiment_write(const ls_experiment *experiment, const ls_model *model, bool for_model, ls_text *out);

#endif
