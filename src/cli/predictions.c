#include "cli/predictions.h"

#include <string.h>

#include "base/memory.h"
#include "train/evaluate.h"

static ls_status take(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    const ls_predictions *const p = context;
    const size_t size = ls_shape_size(&p->model->node[p->model->output[output]].shape);

    memcpy(p->rows[output] + first * size, values, n * size * sizeof *values);
    return LS_OK;
}

static ls_status plan(ls_predictions *p)
{
    const ls_model *const model = p->model;

    if (!(p->rows = ls_calloc(model->outputs, sizeof *p->rows, "the predictions")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < model->outputs; k++) {
        size_t n;

        if (!ls_size_mul(ls_shape_size(&model->node[model->output[k]].shape), p->samples, &n) ||
            !(p->rows[k] = ls_calloc(n, sizeof(float), "the predictions")))
            return ls_fail(LS_ERR_MEMORY, "out of memory: %llu predictions", (unsigned long long)p->samples);
    }
    return LS_OK;
}

ls_status ls_predictions_collect(const ls_comm *comm, const ls_data_arguments *a, ls_predictions *out)
{
    const ls_prediction_sink sink = {.context = out, .rows = take};

    *out = (ls_predictions){.model = a->task->model, .samples = a->task->test->samples};
    LS_TRY(ls_agree(comm, comm->rank == 0 ? plan(out) : LS_OK));
    return ls_predict(a->task, a->engine, a->task->test, a->batch_size, a->microbatch, &sink);
}

void ls_predictions_reset(ls_predictions *p)
{
    for (size_t k = 0; p->rows && k < p->model->outputs; k++)
        ls_free(p->rows[k]);
    ls_free(p->rows);
    *p = (ls_predictions){0};
}
