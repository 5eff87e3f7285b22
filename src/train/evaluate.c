#include "train/evaluate.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

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
        ls_split_load(split, NULL, &slice, engine, task->objective);
        ls_watchdog_beat(watchdog, "evaluating");
        if (ls_needs_binary_check(task))
            LS_TRY_CLEANUP(ls_check_binary_labels(task, engine, &slice, binary));
        LS_TRY_CLEANUP(ls_engine_forward(engine, &slice, false, 0, 0, NULL));
        if (rows == LS_OK)
            rows = ls_engine_check_rows(engine, &slice);
        LS_TRY_CLEANUP(ls_engine_losses(engine, &slice, false, binary, loss_sums, activity));
        for (size_t m = 0; m < slice.count; m++)
            ls_scores_add(scores, engine, &slice, m, loss_sums + m * outputs, activity[m]);
    }
    if (st == LS_OK)
        st = ls_agree(task->comm, rows);
    if (st == LS_OK)
        st = ls_scores_reduce(scores);
    if (st == LS_OK)
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
        st = ls_engine_create(task->model, task->objective,
                              (size_t)ls_slice_rows_max(batch, microbatch, task->comm->size), false, &engine);
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

/* One batch's rows of one output to rank 0: ranks hold contiguous runs in rank order. */
static ls_status gather_rows(const ls_task *task, const ls_split *split, uint64_t batch_size, uint64_t microbatch,
                             uint64_t k, size_t size, const float *mine, float *all, int *count, int *start)
{
    const ls_slice own = ls_slice_of(split->samples, batch_size, microbatch, k, task->comm->rank, task->comm->size);

    for (int r = 0; r < task->comm->size; r++) {
        const ls_slice s = ls_slice_of(split->samples, batch_size, microbatch, k, r, task->comm->size);

        count[r] = (int)(s.rows * size);
        start[r] = (int)((s.begin - k * batch_size) * size);
    }
    return ls_mpi_check(
        MPI_Gatherv(mine, (int)(own.rows * size), MPI_FLOAT, all, count, start, MPI_FLOAT, 0, task->comm->mpi),
        "gathering predictions");
}

ls_status ls_predict(const ls_task *task, ls_engine *engine, const ls_split *split, uint64_t batch_size,
                     uint64_t microbatch, const ls_prediction_sink *sink)
{
    const ls_comm *comm = task->comm;
    const ls_model *model = task->model;
    size_t largest = 0, n = 0;
    float *all = NULL;
    int *count = ls_calloc((size_t)comm->size, sizeof *count, "gathering predictions");
    int *start = ls_calloc((size_t)comm->size, sizeof *start, "gathering predictions");
    ls_status st = count && start ? LS_OK : LS_ERR_MEMORY;

    for (size_t o = 0; o < model->outputs; o++)
        if (ls_shape_size(&model->node[model->output[o]].shape) > largest)
            largest = ls_shape_size(&model->node[model->output[o]].shape);
    if (st == LS_OK && (!ls_size_mul(largest, batch_size, &n) || n > INT_MAX))
        st = ls_fail(LS_ERR_CONFIG, "a batch of %llu outputs of %zu values is too large to gather; use a smaller batch",
                     (unsigned long long)batch_size, largest);
    if (st == LS_OK && comm->rank == 0 && !(all = ls_calloc(n, sizeof *all, "gathering predictions")))
        st = LS_ERR_MEMORY;
    st = ls_agree(comm, st);
    for (uint64_t k = 0; k < ls_batches(split->samples, batch_size) && st == LS_OK; k++) {
        const ls_slice slice = ls_slice_of(split->samples, batch_size, microbatch, k, comm->rank, comm->size);

        LS_TRY_CLEANUP(ls_split_advance(split, NULL, k * batch_size, slice.batch_rows, NULL));
        ls_split_load(split, NULL, &slice, engine, NULL);
        LS_TRY_CLEANUP(ls_engine_forward(engine, &slice, false, 0, 0, NULL));
        LS_TRY_CLEANUP(ls_agree(comm, ls_engine_check_rows(engine, &slice)));
        for (size_t o = 0; o < model->outputs && st == LS_OK; o++) {
            LS_TRY_CLEANUP(gather_rows(task, split, batch_size, microbatch, k,
                                       ls_shape_size(&model->node[model->output[o]].shape), ls_engine_output(engine, o),
                                       all, count, start));
            if (comm->rank == 0)
                st = sink->rows(sink->context, o, k * batch_size, (size_t)slice.batch_rows, all);
            st = ls_agree(comm, st);
        }
    }
cleanup:
    ls_free(all);
    ls_free(count);
    ls_free(start);
    return st;
}
