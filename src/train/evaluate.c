#include "train/evaluate.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/kernels.h"

ls_status ls_evaluate_engine(const ls_task *task, bool with_losses, uint64_t batch_size, uint64_t microbatch,
                             ls_engine **out)
{
    const ls_engine_size size = {.rows = (size_t)ls_slice_rows_max(batch_size, microbatch, task->comm->size),
                                 .microbatch = (size_t)microbatch};

    return ls_engine_create(task->model, with_losses ? task->objective : NULL, &size, out);
}

ls_status ls_evaluate(const ls_task *task, ls_engine *engine, const ls_split *split, uint64_t batch_size,
                      uint64_t microbatch, uint64_t steps, ls_watchdog *watchdog, ls_scores *scores)
{
    const uint64_t all = ls_batches(split->samples, batch_size), batches = steps < all ? steps : all;
    const uint64_t samples = batches < all ? batches * batch_size : split->samples;
    const size_t most = (size_t)ls_batches(batch_size, microbatch), outputs = task->model->outputs;
    double *loss_sums = ls_calloc(most * outputs, sizeof *loss_sums, "the losses of a batch");
    double *activity = ls_calloc(most, sizeof *activity, "the losses of a batch");
    bool *binary = ls_calloc(outputs, sizeof *binary, "the losses of a batch");
    ls_status st = loss_sums && activity && binary ? ls_task_check_targets(task, split) : LS_ERR_MEMORY;
    ls_status rows = LS_OK; /* this rank's own: told to all at the end, for the batches have collectives */

    st = ls_agree(task->comm, st);
    ls_scores_begin_epoch(scores);
    ls_scores_begin_batch(scores);
    for (uint64_t k = 0; k < batches && st == LS_OK; k++) {
        const ls_slice slice =
            ls_slice_of(split->samples, batch_size, microbatch, k, task->comm->rank, task->comm->size);

        LS_TRY_CLEANUP(ls_split_advance(split, NULL, k * batch_size, slice.batch_rows, watchdog));
        ls_watchdog_beat(watchdog, "evaluating");
        if (ls_needs_binary_check(task))
            LS_TRY_CLEANUP(ls_check_binary_labels(task, split, NULL, &slice, engine, binary));
        for (size_t w = 0; w < ls_engine_waves(engine, &slice); w++) {
            const ls_slice wave = ls_engine_wave(engine, &slice, w);

            ls_split_load(split, NULL, &wave, engine, task->objective);
            LS_TRY_CLEANUP(ls_engine_forward(engine, &wave, false, 0, 0, NULL));
            if (rows == LS_OK)
                rows = ls_engine_check_rows(engine, &wave);
            LS_TRY_CLEANUP(ls_engine_losses(engine, &wave, false, binary, loss_sums, activity));
            for (size_t m = 0; m < wave.count; m++)
                ls_scores_add(scores, engine, &wave, m, loss_sums + m * outputs, activity[m], binary);
        }
        if (ls_scores_by_batch(scores)) {
            LS_TRY_CLEANUP(ls_scores_reduce(scores));
            ls_scores_commit(scores, slice.batch_rows, ls_model_penalty(task->model));
            ls_scores_begin_batch(scores);
        }
    }
    if (st == LS_OK)
        st = ls_agree(task->comm, rows);
    if (st == LS_OK && !ls_scores_by_batch(scores))
        st = ls_scores_reduce(scores);
    if (st == LS_OK && !ls_scores_by_batch(scores))
        ls_scores_commit(scores, samples, ls_model_penalty(task->model));
cleanup:
    ls_free(loss_sums);
    ls_free(activity);
    ls_free(binary);
    return st;
}

ls_status ls_evaluate_once(const ls_task *task, const ls_split *split, ls_watchdog *watchdog, ls_scores **out)
{
    const uint64_t batch = (uint64_t)task->experiment->fit.batch_size;
    const uint64_t microbatch = (uint64_t)task->experiment->fit.microbatch;
    ls_engine *engine = NULL;
    ls_scores *scores = NULL;
    ls_status st;

    *out = NULL;
    st = ls_task_check_targets(task, split);
    if (st == LS_OK)
        st = ls_evaluate_engine(task, true, batch, microbatch, &engine);
    if (st == LS_OK)
        st = ls_task_plan_weights(task, split, engine);
    if (st == LS_OK)
        st = ls_scores_create(task->comm, task->model, task->outputs, task->objective, &scores);
    LS_TRY_CLEANUP(ls_agree(task->comm, st));
    LS_TRY_CLEANUP(ls_evaluate(task, engine, split, batch, microbatch, UINT64_MAX, watchdog, scores));
    *out = scores;
    scores = NULL;
cleanup:
    ls_engine_free(engine);
    ls_scores_free(scores);
    return st;
}

/* What it takes to bring a batch's outputs to rank 0. */
typedef struct gathering {
    float **mine; /* [outputs] of this rank's samples */
    float *all;   /* of one output, on rank 0 */
    int *count, *start;
} gathering;

static size_t output_size(const ls_model *model, size_t o)
{
    return ls_shape_size(&model->node[model->output[o]].shape);
}

static void free_gathering(gathering *g, size_t outputs)
{
    for (size_t o = 0; g->mine && o < outputs; o++)
        ls_free(g->mine[o]);
    ls_free(g->mine);
    ls_free(g->all);
    ls_free(g->count);
    ls_free(g->start);
}

/* Not collective. What is allocated is the caller's to free, also after a failure. */
static ls_status plan_gathering(const ls_task *task, uint64_t batch_size, uint64_t microbatch, gathering *g)
{
    static const char what[] = "gathering predictions";
    const ls_comm *comm = task->comm;
    const ls_model *model = task->model;
    const size_t rows = (size_t)ls_slice_rows_max(batch_size, microbatch, comm->size);
    size_t largest = 0, n = 0;

    for (size_t o = 0; o < model->outputs; o++)
        if (output_size(model, o) > largest)
            largest = output_size(model, o);
    if (!ls_size_mul(largest, batch_size, &n) || n > INT_MAX)
        return ls_fail(LS_ERR_CONFIG,
                       "a batch of %llu outputs of %zu values is too large to gather; use a smaller batch",
                       (unsigned long long)batch_size, largest);
    g->count = ls_calloc((size_t)comm->size, sizeof *g->count, what);
    g->start = ls_calloc((size_t)comm->size, sizeof *g->start, what);
    g->mine = ls_calloc(model->outputs, sizeof *g->mine, what);
    if (!g->count || !g->start || !g->mine)
        return LS_ERR_MEMORY;
    for (size_t o = 0; o < model->outputs; o++)
        if (!(g->mine[o] = ls_calloc(rows * output_size(model, o), sizeof *g->mine[o], what)))
            return LS_ERR_MEMORY;
    return comm->rank == 0 && !(g->all = ls_calloc(n, sizeof *g->all, what)) ? LS_ERR_MEMORY : LS_OK;
}

/* This rank's outputs, wave after wave. */
static ls_status compute_outputs(const ls_task *task, ls_engine *engine, const ls_split *split, const ls_slice *slice,
                                 float *const *mine)
{
    ls_status rows = LS_OK;

    for (size_t w = 0; w < ls_engine_waves(engine, slice); w++) {
        const ls_slice wave = ls_engine_wave(engine, slice, w);

        ls_split_load(split, NULL, &wave, engine, NULL);
        LS_TRY(ls_engine_forward(engine, &wave, false, 0, 0, NULL));
        if (rows == LS_OK)
            rows = ls_engine_check_rows(engine, &wave);
        for (size_t o = 0; o < task->model->outputs; o++) {
            const size_t size = output_size(task->model, o);

            ls_copy(ls_engine_output(engine, o), mine[o] + (wave.begin - slice->begin) * size, wave.rows * size);
        }
    }
    return rows;
}

/* One batch's rows of one output to rank 0: ranks hold contiguous runs in rank order. */
static ls_status gather_rows(const ls_task *task, const ls_split *split, uint64_t batch_size, const ls_slice *own,
                             uint64_t k, size_t size, const float *mine, gathering *g)
{
    if (task->comm->size == 1) {
        ls_copy(mine, g->all, (size_t)own->rows * size);
        return LS_OK;
    }
    for (int r = 0; r < task->comm->size; r++) {
        const ls_slice s = ls_slice_of(split->samples, batch_size, own->microbatch, k, r, task->comm->size);

        g->count[r] = (int)(s.rows * size);
        g->start[r] = (int)((s.begin - k * batch_size) * size);
    }
    return ls_mpi_check(MPI_Gatherv(mine, (int)(own->rows * size), MPI_FLOAT, g->all, g->count, g->start, MPI_FLOAT, 0,
                                    task->comm->mpi),
                        "gathering predictions");
}

ls_status ls_predict(const ls_task *task, ls_engine *engine, const ls_split *split, uint64_t batch_size,
                     uint64_t microbatch, const ls_prediction_sink *sink)
{
    const ls_comm *comm = task->comm;
    const ls_model *model = task->model;
    gathering g = {0};
    ls_status st = ls_agree(comm, plan_gathering(task, batch_size, microbatch, &g));

    for (uint64_t k = 0; k < ls_batches(split->samples, batch_size) && st == LS_OK; k++) {
        const ls_slice slice = ls_slice_of(split->samples, batch_size, microbatch, k, comm->rank, comm->size);

        LS_TRY_CLEANUP(ls_split_advance(split, NULL, k * batch_size, slice.batch_rows, NULL));
        ls_watchdog_beat(NULL, "predicting");
        LS_TRY_CLEANUP(ls_agree(comm, compute_outputs(task, engine, split, &slice, g.mine)));
        for (size_t o = 0; o < model->outputs && st == LS_OK; o++) {
            LS_TRY_CLEANUP(gather_rows(task, split, batch_size, &slice, k, output_size(model, o), g.mine[o], &g));
            if (comm->rank == 0)
                st = sink->rows(sink->context, o, k * batch_size, (size_t)slice.batch_rows, g.all);
            st = ls_agree(comm, st);
        }
    }
cleanup:
    free_gathering(&g, model->outputs);
    return st;
}
