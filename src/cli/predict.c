/* lockstep predict */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/data_arguments.h"
#include "formats/h5_file.h"
#include "train/evaluate.h"

static const char help[] =
    "usage: lockstep predict MODEL --data FILE.h5 [--split test] --output OUT.h5 [OPTIONS]\n\n"
    "The model's outputs for every sample of a split, in dataset order, as OUT.h5:/OUTPUT (float32, one dataset per\n"
    "output of the model). The same bits on any number of ranks.\n"
    "MODEL: a model file of lockstep or Keras (.h5, .keras).\n\n" LS_DATA_ARGUMENTS_HELP
    "  --output OUT.h5      where to write; an existing file is replaced once the new one is whole\n";

/* Rank 0 collects all rows, then writes them at once. */
typedef struct collector {
    const ls_model *model;
    float **rows; /* [outputs] (samples, output shape) */
} collector;

static ls_status collect(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    const collector *c = context;
    const size_t size = ls_shape_size(&c->model->node[c->model->output[output]].shape);

    memcpy(c->rows[output] + first * size, values, n * size * sizeof *values);
    return LS_OK;
}

static ls_status plan(const ls_model *model, uint64_t samples, collector *c)
{
    c->model = model;
    if (!(c->rows = ls_calloc(model->outputs, sizeof *c->rows, "the predictions")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < model->outputs; k++) {
        size_t n;

        if (!ls_size_mul(ls_shape_size(&model->node[model->output[k]].shape), samples, &n) ||
            !(c->rows[k] = ls_calloc(n, sizeof(float), "the predictions")))
            return ls_fail(LS_ERR_MEMORY, "out of memory: %llu predictions", (unsigned long long)samples);
    }
    return LS_OK;
}

static ls_status write_rows(const collector *c, uint64_t samples, const char *path)
{
    hid_t file = H5I_INVALID_HID;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_image_create(&file));
    for (size_t k = 0; k < c->model->outputs; k++) {
        const ls_node *node = &c->model->node[c->model->output[k]];
        size_t dim[LS_RANK_MAX + 1] = {(size_t)samples};

        memcpy(dim + 1, node->shape.dim, node->shape.rank * sizeof *dim);
        LS_TRY_CLEANUP(ls_h5_put_array(file, node->name, H5T_NATIVE_FLOAT, node->shape.rank + 1, dim, c->rows[k]));
    }
    st = ls_h5_image_save(file, path);
cleanup:
    ls_h5_close(file);
    return st;
}

static ls_status predict(const ls_comm *comm, const ls_data_arguments *a)
{
    collector c = {0};
    const ls_prediction_sink sink = {.context = &c, .rows = collect};
    const uint64_t samples = a->task->test->samples;
    ls_status st;

    LS_TRY_CLEANUP(ls_agree(comm, comm->rank == 0 ? plan(a->task->model, samples, &c) : LS_OK));
    LS_TRY_CLEANUP(ls_predict(a->task, a->engine, a->task->test, a->batch_size, a->microbatch, &sink));
    LS_TRY_CLEANUP(ls_agree(comm, comm->rank == 0 ? write_rows(&c, samples, a->output) : LS_OK));
    if (comm->rank == 0)
        printf("%llu predictions in %s\n", (unsigned long long)samples, a->output);
cleanup:
    for (size_t k = 0; c.rows && k < a->task->model->outputs; k++)
        ls_free(c.rows[k]);
    ls_free(c.rows);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_data_arguments a;
    ls_status st = ls_data_arguments_read(comm, argc, argv, true, &a);

    if (st == LS_OK)
        st = predict(comm, &a);
    ls_data_arguments_reset(&a);
    return st;
}

const ls_command ls_command_predict = {
    .name = "predict",
    .summary = "outputs of a trained model for every sample",
    .help = help,
    .run = run,
};
