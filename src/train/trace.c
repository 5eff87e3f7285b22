#include "train/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

struct ls_trace {
    const ls_comm *comm;
    const ls_model *model;
    ls_trace_sink sink;
    size_t microbatches_max, words; /* words per microbatch: its order, then its contributions */
    uint64_t *mine, *all;           /* [microbatches_max x words] */
    uint64_t *order, *contribution, *weights;
    int *count, *start; /* [P] */
    uint64_t chain;
};

void ls_trace_free(ls_trace *t)
{
    if (!t)
        return;
    ls_free(t->mine);
    ls_free(t->all);
    ls_free(t->order);
    ls_free(t->contribution);
    ls_free(t->weights);
    ls_free(t->count);
    ls_free(t->start);
    ls_free(t);
}

ls_status ls_trace_create(const ls_comm *comm, const ls_model *model, size_t microbatches_max,
                          const ls_trace_sink *sink, ls_trace **out)
{
    ls_trace *t = ls_calloc(1, sizeof *t, "the trace");
    const size_t words = model->trainable_params + 1;

    *out = NULL;
    if (!t)
        return LS_ERR_MEMORY;
    if (microbatches_max > INT_MAX / words) {
        ls_trace_free(t);
        return ls_fail(LS_ERR_CONFIG,
                       "a trace of %zu microbatches x %zu parameters is too large; use a larger "
                       "fit.microbatch",
                       microbatches_max, model->trainable_params);
    }
    t->comm = comm;
    t->model = model;
    t->sink = *sink;
    t->microbatches_max = microbatches_max;
    t->words = words;
    t->mine = ls_calloc(microbatches_max * words, sizeof *t->mine, "the trace");
    t->all = ls_calloc(microbatches_max * words, sizeof *t->all, "the trace");
    t->order = ls_calloc(microbatches_max, sizeof *t->order, "the trace");
    t->contribution = ls_calloc(microbatches_max * words, sizeof *t->contribution, "the trace");
    t->weights = ls_calloc(model->params, sizeof *t->weights, "the trace");
    t->count = ls_calloc((size_t)comm->size, sizeof *t->count, "the trace");
    t->start = ls_calloc((size_t)comm->size, sizeof *t->start, "the trace");
    if (!t->mine || !t->all || !t->order || !t->contribution || !t->weights || !t->count || !t->start) {
        ls_trace_free(t);
        return LS_ERR_MEMORY;
    }
    *out = t;
    return LS_OK;
}

/* Rank 0: from rows as they came to the three tables, and the chain. */
static ls_status hand_on(ls_trace *t, uint64_t update, uint64_t epoch, uint64_t batch, size_t microbatches)
{
    const size_t params = t->model->trainable_params;

    for (size_t m = 0; m < microbatches; m++) {
        t->order[m] = t->all[m * t->words];
        memcpy(t->contribution + m * params, t->all + m * t->words + 1, params * sizeof *t->contribution);
    }
    for (size_t p = 0; p < t->model->params; p++)
        t->weights[p] = XXH3_64bits(t->model->param[p]->value, t->model->param[p]->size * sizeof(float));
    t->chain = XXH3_64bits_withSeed(t->all, microbatches * t->words * sizeof *t->all, t->chain);
    t->chain = XXH3_64bits_withSeed(t->weights, t->model->params * sizeof *t->weights, t->chain);
    return t->sink.update(t->sink.context, t->model,
                          &(ls_trace_update){
                              .update = update,
                              .epoch = epoch,
                              .batch = batch,
                              .microbatches = microbatches,
                              .params = params,
                              .weights_n = t->model->params,
                              .order = t->order,
                              .contribution = t->contribution,
                              .weights = t->weights,
                              .chain = t->chain,
                          });
}

ls_status ls_trace_record(ls_trace *t, uint64_t update, uint64_t epoch, uint64_t batch, const ls_slice *slice,
                          const uint64_t *order, const uint64_t *contribution)
{
    const size_t params = t->model->trainable_params;
    const uint64_t M = ls_batch_microbatches(slice);
    ls_status st = LS_OK;

    for (size_t m = 0; m < slice->count; m++) {
        t->mine[m * t->words] = order[m];
        memcpy(t->mine + m * t->words + 1, contribution + m * params, params * sizeof *contribution);
    }
    for (int r = 0; r < t->comm->size; r++) {
        const ls_slice theirs = ls_slice_of(M, M, 1, 0, r, t->comm->size);

        t->start[r] = (int)(theirs.first * t->words);
        t->count[r] = (int)(theirs.count * t->words);
    }
    if (t->comm->size == 1)
        memcpy(t->all, t->mine, slice->count * t->words * sizeof *t->mine);
    else
        LS_TRY(ls_mpi_check(MPI_Gatherv(t->mine, (int)(slice->count * t->words), MPI_UINT64_T, t->all, t->count,
                                        t->start, MPI_UINT64_T, 0, t->comm->mpi),
                            "gathering the trace"));
    if (t->comm->rank == 0)
        st = hand_on(t, update, epoch, batch, (size_t)M);
    return ls_agree(t->comm, st);
}

ls_status ls_trace_write(void *context, const ls_model *model, const ls_trace_update *u)
{
    FILE *file = context;
    char name[LS_PARAM_NAME_BYTES];

    fprintf(file, "update %" PRIu64 " epoch %" PRIu64 " batch %" PRIu64 " chain %016" PRIx64 "\n", u->update + 1,
            u->epoch + 1, u->batch, u->chain);
    for (size_t m = 0; m < u->microbatches; m++) {
        fprintf(file, "  microbatch %zu samples %016" PRIx64, m, u->order[m]);
        for (size_t p = 0; p < u->params; p++)
            fprintf(file, " %s %016" PRIx64, ls_model_param_name(model, model->param[p], name),
                    u->contribution[m * u->params + p]);
        fputc('\n', file);
    }
    for (size_t p = 0; p < u->weights_n; p++)
        fprintf(file, "  weights %s %016" PRIx64 "\n", ls_model_param_name(model, model->param[p], name),
                u->weights[p]);
    return ferror(file) || fflush(file) ? ls_fail(LS_ERR_IO, "cannot write the trace: %s", strerror(errno)) : LS_OK;
}
