/* lockstep predict */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/zip.h"
#include "cli/data_arguments.h"
#include "cli/prediction_table.h"
#include "cli/predictions.h"
#include "data/npy.h"
#include "h5/file.h"
#include "tensor/kernels.h"

static const char help[] =
    "usage: lockstep predict MODEL DATA [--split test] --output OUT [OPTIONS]\n\n"
    "The model's outputs for every sample of a split, in dataset order, as OUT.h5:/OUTPUT (float32, one dataset per\n"
    "output of the model), or for every row of a CSV file, or image of a folder, which need\n"
    "no targets. The same bits on any number of ranks.\n"
    "MODEL: a model file of lockstep or Keras (.h5, .keras), or a run directory.\n\n" LS_DATA_ARGUMENTS_HELP
    "  --output OUT         where to write; an existing file is replaced once the new one is whole. OUT.h5, OUT.npy (of a\n"
    "                       model with one output) and OUT.npz hold the numbers as the model gives them, an array per\n"
    "                       output; in OUT.h5 with the attributes classes, and scale and offset by which they become the\n"
    "                       values before targets were scaled, (value - offset) * scale. OUT.csv is a table in the words\n"
    "                       and units of the training data: the number of the row, from 0; the columns of a CSV file that\n"
    "                       are no inputs, or the name of the image; the class and the probability of each, or the value\n"
    "                       as it was before targets were scaled\n\n"
    "  lockstep predict runs/titanic passengers.csv --output survivors.csv\n";

/* Names of classes, and the scaling that brings values back to the units of the target: value = y / scale + offset. */
static ls_status put_meaning(hid_t file, const char *name, const ls_prepared *target)
{
    if (target && target->classes)
        LS_TRY(ls_h5_put_texts(file, name, "classes", (const char *const *)target->class_name, target->classes));
    if (!target || target->period != 1)
        return LS_OK;
    LS_TRY(ls_h5_put_double(file, name, "scale", 1 / target->scale[0]));
    return ls_h5_put_double(file, name, "offset", -target->offset[0] * target->scale[0]);
}

static ls_status write_rows(const ls_preparation *p, const ls_predictions *c, uint64_t samples, const char *path)
{
    hid_t file = H5I_INVALID_HID;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_image_create(&file));
    for (size_t k = 0; k < c->model->outputs; k++) {
        const ls_node *node = &c->model->node[c->model->output[k]];
        size_t dim[LS_AXES_MAX + 1] = {(size_t)samples};

        memcpy(dim + 1, node->shape.dim, node->shape.axes * sizeof *dim);
        LS_TRY_CLEANUP(ls_h5_put_array(file, node->name, H5T_NATIVE_FLOAT, node->shape.axes + 1, dim, c->rows[k]));
        LS_TRY_CLEANUP(put_meaning(file, node->name, ls_preparation_output(p, node->name)));
    }
    st = ls_h5_image_save(file, path);
cleanup:
    ls_h5_close(file);
    return st;
}

/* One output as NumPy keeps it; to be freed. */
static ls_status make_npy(const ls_predictions *c, size_t output, uint64_t samples, void **bytes, size_t *n)
{
    const ls_shape *shape = &c->model->node[c->model->output[output]].shape;
    const size_t value_bytes = (size_t)samples * ls_shape_size(shape) * sizeof(float);
    ls_text header = {0};
    char *all = NULL;

    ls_npy_write_header(samples, shape, &header);
    if (header.status == LS_OK && (all = ls_calloc(header.length + value_bytes, 1, "the predictions"))) {
        memcpy(all, header.data, header.length);
        memcpy(all + header.length, c->rows[output], value_bytes);
    }
    *bytes = all;
    *n = header.length + value_bytes;
    ls_text_reset(&header);
    return all ? LS_OK : LS_ERR_MEMORY;
}

static ls_status write_npy(const ls_predictions *c, uint64_t samples, const char *path)
{
    void *bytes;
    size_t n;
    ls_status st;

    LS_TRY(make_npy(c, 0, samples, &bytes, &n));
    st = ls_file_replace(path, bytes, n);
    ls_free(bytes);
    return st;
}

static ls_status write_npz(const ls_predictions *c, uint64_t samples, const char *path)
{
    const size_t outputs = c->model->outputs;
    ls_zip_member *const member = ls_calloc(outputs, sizeof *member, "the predictions");
    void **const bytes = ls_calloc(outputs, sizeof *bytes, "the predictions");
    ls_text *const name = ls_calloc(outputs, sizeof *name, "the predictions");
    ls_status st = LS_ERR_MEMORY;

    if (!member || !bytes || !name)
        goto cleanup;
    for (size_t k = 0; k < outputs; k++) {
        LS_TRY_CLEANUP(make_npy(c, k, samples, &bytes[k], &member[k].bytes));
        ls_text_add(&name[k], "%s.npy", c->model->node[c->model->output[k]].name);
        LS_TRY_CLEANUP(name[k].status);
        member[k].data = bytes[k];
        member[k].name = name[k].data;
    }
    st = ls_zip_save(path, member, outputs);
cleanup:
    for (size_t k = 0; k < outputs; k++) {
        if (bytes)
            ls_free(bytes[k]);
        if (name)
            ls_text_reset(&name[k]);
    }
    ls_free(member);
    ls_free(bytes);
    ls_free(name);
    return st;
}

static ls_status write_predictions(const ls_data_arguments *a, const ls_predictions *c, uint64_t samples)
{
    const char *const path = a->output;

    if (ls_ends_with(path, ".csv"))
        return ls_prediction_table_write(a, c->rows, samples);
    if (ls_ends_with(path, ".npy"))
        return write_npy(c, samples, path);
    return ls_ends_with(path, ".npz") ? write_npz(c, samples, path) : write_rows(&a->preparation, c, samples, path);
}

/* Before any work is done. */
static ls_status check_output(const ls_data_arguments *a)
{
    static const char *const endings[] = {".csv", ".h5", ".hdf5", ".npy", ".npz"};
    size_t i = 0;

    while (i < 5 && !ls_ends_with(a->output, endings[i]))
        i++;
    if (i == 5)
        return ls_fail(LS_ERR_USAGE, "--output writes .csv, .h5, .npy and .npz files; '%s' is none by its name",
                       a->output);
    if (a->task->model->outputs > 1 && ls_ends_with(a->output, ".npy"))
        return ls_fail(LS_ERR_USAGE,
                       "'%s' can hold one array, but the model has %zu outputs; write an .npz or .h5 file", a->output,
                       a->task->model->outputs);
    if (ls_file_same(a->output, a->model) || ls_file_same(a->output, a->table ? a->table : a->data))
        return ls_fail(LS_ERR_USAGE, "--output would overwrite '%s', which is read", a->output);
    return LS_OK;
}

/* How many samples have an output that is no finite number, and which is the first of them. */
static void warn_not_finite(const ls_predictions *c, uint64_t samples)
{
    uint64_t bad = 0, first = 0;

    for (uint64_t i = samples; i-- > 0;) {
        bool finite = true;

        for (size_t k = 0; k < c->model->outputs && finite; k++) {
            const size_t size = ls_shape_size(&c->model->node[c->model->output[k]].shape);

            finite = ls_max_bits(c->rows[k] + i * size, size) < 0x7f800000u;
        }
        if (!finite) {
            bad++;
            first = i;
        }
    }
    if (bad)
        fprintf(
            stderr,
            "lockstep: warning: %llu of %llu predictions hold a NaN or an infinity, the first is that of sample %llu\n",
            (unsigned long long)bad, (unsigned long long)samples, (unsigned long long)first);
}

static ls_status predict(const ls_comm *comm, const ls_data_arguments *a)
{
    ls_predictions p = {0};
    ls_status st;

    LS_TRY(ls_agree(comm, check_output(a)));
    LS_TRY_CLEANUP(ls_predictions_collect(comm, a, &p));
    LS_TRY_CLEANUP(ls_agree(comm, comm->rank == 0 ? write_predictions(a, &p, p.samples) : LS_OK));
    if (comm->rank == 0) {
        printf("%llu predictions in %s\n", (unsigned long long)p.samples, a->output);
        warn_not_finite(&p, p.samples);
    }
cleanup:
    ls_predictions_reset(&p);
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
    .works_alone = true,
    .is_watched = true,
    .run = run,
};
