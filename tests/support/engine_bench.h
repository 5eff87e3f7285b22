/*
 * Models with losses on a batch of a few short microbatches, fed to an engine by slices, and what the engine hands out:
 * contributions of microbatches to the gradient, and sums over the global batch.
 */
#ifndef LS_TEST_ENGINE_BENCH_H
#define LS_TEST_ENGINE_BENCH_H

#include "ls_test.h"

#include "nn/engine.h"

#define ROWS 7       /* samples of the batch */
#define MICROBATCH 3 /* so the last of 3 is short */
#define MICROBATCHES 3
#define OUTPUTS_MAX 3
#define WIDTH_MAX 16 /* of a node, and of a target */

/* ---- a model with losses ---- */

typedef struct engine_objective {
    const char *loss;
    double weight;
} engine_objective;

typedef struct engine_bench {
    ls_config *description;
    ls_model *model;
    ls_component loss[OUTPUTS_MAX];
    ls_objective objective[OUTPUTS_MAX];
    const engine_objective *wanted;
    float *input[OUTPUTS_MAX], target[OUTPUTS_MAX][ROWS * WIDTH_MAX], weight[ROWS];
} engine_bench;

/* The model of a description, with weights and a batch; freed by tear_down. */
void engine_bench_set_up(engine_bench *b, const char *yaml, const engine_objective *wanted);
void engine_bench_tear_down(engine_bench *b);

bool engine_is_sparse(const engine_objective *o); /* its targets are classes */

/* Elements of a node. */
size_t engine_width(const ls_node *node);

/* To be freed by ls_engine_free. */
ls_engine *engine_bench_engine(const engine_bench *b, size_t rows);

/* The rows of microbatches first … first+count-1 into an engine. */
ls_slice engine_bench_load(const engine_bench *b, ls_engine *engine, size_t first, size_t count);

typedef struct engine_collection {
    const ls_model *model;
    float *contribution;    /* [MICROBATCHES x trainable_size] added up over uses of a layer */
    unsigned char *touched; /* [MICROBATCHES x blocks] */
    size_t layers_done;
    const ls_layer *done[32];
    bool late; /* something came after its layer was done */
} engine_collection;

engine_collection engine_collection_new(const ls_model *model);
void engine_collection_free(engine_collection *c);
/* For an ls_gradient_sink: .add and .layer_done. */
void engine_collection_take(void *context, size_t microbatch, size_t first, const float *values, size_t n);
ls_status engine_collection_layer_done(void *context, const ls_layer *layer);

/*
 * Sums over the global batch, recorded in the order they are asked for; or played back, for a rank with a part of it.
 */
typedef struct engine_sums {
    double sum[64], *record;
    size_t at;
    bool playing;
} engine_sums;

/* For an ls_batch_sums: .add and .total. */
ls_status engine_sums_add(void *context, const double *values, size_t n);
ls_status engine_sums_total(void *context, size_t n, double *totals);

#endif
