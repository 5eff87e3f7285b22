/*
 * Traces: after every update, hashes of everything that went into it, so that two runs can be compared and the first
 * difference named.
 *
 *     microbatch k:  the order of its samples, and what it contributed to every parameter's gradient
 *     parameter p:   the weights after the update
 *     chain:         all of this, chained over updates
 */
#ifndef LS_TRAIN_TRACE_H
#define LS_TRAIN_TRACE_H

#include <stdio.h>

#include "comm/comm.h"
#include "data/sampler.h"
#include "nn/model.h"

typedef struct ls_trace_update {
    uint64_t update, epoch, batch;
    size_t microbatches, params;  /* params: trainable ones, whose contributions are hashed */
    size_t weights_n;             /* all parameters */
    const uint64_t *order;        /* [microbatches] */
    const uint64_t *contribution; /* [microbatches x params] */
    const uint64_t *weights;      /* [weights_n] in the model's parameter order */
    uint64_t chain;
} ls_trace_update;

/* Where rank 0 hands every update to. */
typedef struct ls_trace_sink {
    void *context;
    ls_status (*update)(void *context, const ls_model *model, const ls_trace_update *update);
} ls_trace_sink;

typedef struct ls_trace ls_trace;

/* microbatches_max: of a batch. */
ls_status ls_trace_create(const ls_comm *comm, const ls_model *model, size_t microbatches_max,
                          const ls_trace_sink *sink, ls_trace **out);
void ls_trace_free(ls_trace *trace);

/*
 * Collective. slice: of this rank; order [slice->count]: of its microbatches; contribution [slice->count x params].
 */
ls_status ls_trace_record(ls_trace *trace, uint64_t update, uint64_t epoch, uint64_t batch, const ls_slice *slice,
                          const uint64_t *order, const uint64_t *contribution);

/* A sink that writes text, one line per update, microbatch and parameter; context is a FILE. */
ls_status ls_trace_write(void *file, const ls_model *model, const ls_trace_update *update);

#endif
