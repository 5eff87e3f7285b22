#include "run/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "experiment/model_file.h"
#include "formats/keras_archive.h"
#include "formats/keras_file.h"
#include "formats/keras_model.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "h5/lock.h"
#include "lockstep/version.h"
#include "run/callback.h"
#include "tensor/kernels.h"
#include "train/evaluate.h"

#define GROUP LS_MODEL_FILE_GROUP
#define TRAINING_CHECKSUM "training_checksum"

/*
 * The arrays and numbers of /lockstep pass through one list, for writing and for reading, and through one checksum: so
 * what is read is what was written, and a flipped bit anywhere is found.
 */
typedef struct ls_state {
    hid_t file;
    bool writing;
    uint64_t checksum;
    const ls_model *model; /* of the run */
    const char *group;     /* of the callback whose turn it is */
    uint64_t training;     /* the part of the checksum that pass_training and pass_steps give: it can be read alone */
} transfer;

uint64_t ls_checkpoint_item(const char *path, const void *data, size_t bytes)
{
    return XXH3_64bits_withSeed(data, bytes, XXH3_64bits(path, strlen(path)));
}

static ls_status pass(transfer *t, const char *path, hid_t type, size_t element_bytes, size_t rank, const size_t *dim,
                      void *data)
{
    size_t n = 1;

    for (size_t i = 0; i < rank; i++)
        n *= dim[i];
    if (t->writing)
        LS_TRY(ls_h5_put_array(t->file, path, type, rank, dim, data));
    else
        LS_TRY(ls_h5_get_array(t->file, path, type, rank, dim, data));
    t->checksum += ls_checkpoint_item(path, data, n * element_bytes);
    return LS_OK;
}

/* The part of one parameter's slot that this rank owns, from a whole copy of it; g NULL: all of it. */
static void keep_own(const ls_gradients *g, const ls_param *param, const float *whole, float *slot)
{
    if (!g)
        memcpy(slot + param->offset, whole, param->size * sizeof *slot);
    for (size_t i = 0; g && i < g->buckets; i++) {
        size_t begin = g->bucket[i].own_begin * LS_BLOCK, end = g->bucket[i].own_end * LS_BLOCK;

        begin = begin > param->offset ? begin : param->offset;
        end = end < param->offset + param->size ? end : param->offset + param->size;
        if (begin < end)
            memcpy(slot + begin, whole + begin - param->offset, (end - begin) * sizeof *slot);
    }
}

/* own: which part of it to keep when reading; NULL: all. */
static ls_status pass_slot(transfer *t, const ls_gradients *own, const ls_slot *slot)
{
    const ls_model *model = t->model;

    for (size_t p = 0; p < model->trainable_params; p++) {
        const ls_param *param = model->param[p];
        char name[LS_PARAM_NAME_BYTES], path[LS_PARAM_NAME_BYTES + 64];
        float *whole;
        ls_status st;

        snprintf(path, sizeof path, GROUP "/optimizer/%s/%s", slot->name, ls_model_param_name(model, param, name));
        if (t->writing) {
            LS_TRY(pass(t, path, H5T_NATIVE_FLOAT, sizeof(float), param->shape.rank, param->shape.dim,
                        slot->value + param->offset));
            continue;
        }
        if (!(whole = ls_calloc(param->size, sizeof *whole, "the optimizer's state")))
            return LS_ERR_MEMORY;
        st = pass(t, path, H5T_NATIVE_FLOAT, sizeof(float), param->shape.rank, param->shape.dim, whole);
        if (st == LS_OK)
            keep_own(own, param, whole, slot->value);
        ls_free(whole);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status pass_optimizer(transfer *t, const ls_gradients *own, ls_updater *updater)
{
    const size_t scalars = LS_OPTIMIZER_SCALARS_MAX;

    for (size_t s = 0; s < sizeof updater->slot / sizeof updater->slot[0]; s++)
        if (updater->slot[s].value)
            LS_TRY(pass_slot(t, own, &updater->slot[s]));
    return pass(t, GROUP "/optimizer/scalars", H5T_NATIVE_DOUBLE, sizeof(double), 1, &scalars, updater->scalars);
}

static bool holds(char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* LS_ERR_MISMATCH naming the first log that only one of the two has: the identity does not cover what is validated. */
static ls_status check_columns(const transfer *t, const ls_history *history)
{
    char **names;
    size_t n;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_texts(t->file, GROUP "/history", "columns", &names, &n));
    for (size_t i = 0; i < n && st == LS_OK; i++)
        if (!holds(history->name, history->columns, names[i]))
            st = ls_fail(LS_ERR_MISMATCH,
                         "its history has the column '%s', but this run would log no such thing: go on "
                         "with the same validation, metrics and callbacks, or train without --resume",
                         names[i]);
    for (size_t i = 0; i < history->columns && st == LS_OK; i++)
        if (!holds(names, n, history->name[i]))
            st = ls_fail(LS_ERR_MISMATCH,
                         "its history has no column '%s', which this run would log: go on with the same "
                         "validation, metrics and callbacks, or train without --resume",
                         history->name[i]);
    ls_h5_free_texts(names, n);
    return st;
}

/* Rows that are read are added to an empty history with the same columns. */
static ls_status pass_history(transfer *t, ls_history *history)
{
    size_t dim[LS_H5_RANK_MAX] = {history->epochs, history->columns}, rank, values;
    uint64_t *epoch = history->epoch;
    double *value = history->value;
    ls_status st = LS_OK;

    if (t->writing) {
        LS_TRY(ls_h5_put_group(t->file, GROUP "/history"));
        LS_TRY(ls_h5_put_texts(t->file, GROUP "/history", "columns", (const char *const *)history->name,
                               history->columns));
        LS_TRY(pass(t, GROUP "/history/epoch", H5T_NATIVE_UINT64, sizeof *epoch, 1, dim, epoch));
        return pass(t, GROUP "/history/value", H5T_NATIVE_DOUBLE, sizeof *value, 2, dim, value);
    }
    LS_TRY(check_columns(t, history));
    LS_TRY(ls_h5_get_shape(t->file, GROUP "/history/value", &rank, dim));
    if (rank != 2 || dim[1] != history->columns || !ls_size_mul(dim[0], dim[1], &values))
        return ls_fail(LS_ERR_FORMAT, "the history is no table of %zu columns", history->columns);
    epoch = ls_calloc(dim[0], sizeof *epoch, "the history");
    value = ls_calloc(values, sizeof *value, "the history");
    if (!epoch || !value) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(pass(t, GROUP "/history/epoch", H5T_NATIVE_UINT64, sizeof *epoch, 1, dim, epoch));
    LS_TRY_CLEANUP(pass(t, GROUP "/history/value", H5T_NATIVE_DOUBLE, sizeof *value, 2, dim, value));
    ls_free(history->epoch);
    ls_free(history->value);
    history->epoch = epoch;
    history->value = value;
    history->epochs = history->capacity = dim[0];
    epoch = NULL;
    value = NULL;
cleanup:
    ls_free(epoch);
    ls_free(value);
    return st;
}

static ls_status add_attribute(transfer *t, const char *group, const char *name, const void *value, size_t bytes)
{
    ls_text path = {0};
    ls_status st;

    ls_text_add(&path, "%s@%s", group, name);
    if ((st = path.status) == LS_OK)
        t->checksum += ls_checkpoint_item(path.data, value, bytes);
    ls_text_reset(&path);
    return st;
}

static ls_status pass_uint(transfer *t, const char *group, const char *name, uint64_t *value)
{
    LS_TRY(t->writing ? ls_h5_put_uint(t->file, group, name, *value) : ls_h5_get_uint(t->file, group, name, value));
    return add_attribute(t, group, name, value, sizeof *value);
}

static ls_status pass_float(transfer *t, const char *group, const char *name, float *value)
{
    double wide = (double)*value;

    LS_TRY(t->writing ? ls_h5_put_double(t->file, group, name, wide) : ls_h5_get_double(t->file, group, name, &wide));
    *value = (float)wide;
    return add_attribute(t, group, name, &wide, sizeof wide);
}

static ls_status pass_optimizer_position(transfer *t, ls_updater *updater)
{
    LS_TRY(pass_uint(t, GROUP, "iterations", &updater->iterations));
    return pass_float(t, GROUP, "learning_rate", &updater->learning_rate);
}

/* The grid and the optimizer: what training leaves besides the weights, and where it stands. */
static ls_status pass_training(transfer *t, ls_gradients *gradients, ls_updater *updater)
{
    ls_exponents *exponents = &gradients->exponents;
    const uint64_t before = t->checksum;

    LS_TRY(pass(t, GROUP "/exponents/E", H5T_NATIVE_INT16, sizeof(int16_t), 1, &exponents->blocks, exponents->E));
    LS_TRY(pass(t, GROUP "/exponents/seen", H5T_NATIVE_INT16, sizeof(int16_t), 1, &exponents->blocks, exponents->seen));
    LS_TRY(pass_optimizer(t, gradients, updater));
    t->training += t->checksum - before;
    return LS_OK;
}

static ls_status pass_steps(transfer *t, ls_updater *updater, uint64_t *update)
{
    const uint64_t before = t->checksum;

    LS_TRY(pass_uint(t, GROUP, "update", update));
    LS_TRY(pass_optimizer_position(t, updater));
    t->training += t->checksum - before;
    return LS_OK;
}

/* Where the run stands. */
static ls_status pass_place(transfer *t, uint64_t *epoch, uint64_t *batch)
{
    LS_TRY(pass_uint(t, GROUP, "epoch", epoch));
    return pass_uint(t, GROUP, "batch", batch);
}

/* Only where it is measured. */
static ls_status pass_noise_scale(transfer *t, ls_noise_scale *noise)
{
    const size_t n = LS_NOISE_REPLICATES;

    if (!noise)
        return LS_OK;
    LS_TRY(pass(t, GROUP "/noise_scale/S", H5T_NATIVE_DOUBLE, sizeof(double), 1, &n, noise->S));
    LS_TRY(pass(t, GROUP "/noise_scale/Q", H5T_NATIVE_DOUBLE, sizeof(double), 1, &n, noise->Q));
    return pass_uint(t, GROUP "/noise_scale", "steps", &noise->steps);
}

/* ---- what callbacks keep ---- */

ls_status ls_state_uint(ls_state *t, const char *name, uint64_t *value)
{
    return pass_uint(t, t->group, name, value);
}

ls_status ls_state_flag(ls_state *t, const char *name, bool *value)
{
    uint64_t number = *value;

    LS_TRY(pass_uint(t, t->group, name, &number));
    *value = number != 0;
    return LS_OK;
}

ls_status ls_state_float(ls_state *t, const char *name, float *value)
{
    return pass_float(t, t->group, name, value);
}

ls_status ls_state_bytes(ls_state *t, const char *name, ls_text *text)
{
    size_t dim[LS_H5_RANK_MAX] = {text->length}, rank;
    ls_text path = {0};
    char *bytes = NULL;
    ls_status st;

    ls_text_add(&path, "%s/%s", t->group, name);
    LS_TRY_CLEANUP(path.status);
    if (t->writing) {
        st = pass(t, path.data, H5T_NATIVE_UINT8, 1, 1, dim, text->data);
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_h5_get_shape(t->file, path.data, &rank, dim));
    if (rank != 1) {
        st = ls_fail(LS_ERR_FORMAT, "'%s' is no list of bytes", path.data);
        goto cleanup;
    }
    if (!(bytes = ls_calloc(dim[0], 1, "the state of a callback"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(pass(t, path.data, H5T_NATIVE_UINT8, 1, 1, dim, bytes));
    ls_text_reset(text);
    ls_text_add_bytes(text, bytes, dim[0]);
    st = text->status;
cleanup:
    ls_text_reset(&path);
    ls_free(bytes);
    return st;
}

ls_status ls_state_text(ls_state *t, const char *name, char *text, size_t capacity)
{
    ls_text all = {0};
    ls_status st = LS_OK;

    if (t->writing)
        ls_text_add(&all, "%s", text);
    LS_TRY_CLEANUP(all.status);
    LS_TRY_CLEANUP(ls_state_bytes(t, name, &all));
    if (all.length >= capacity)
        st = ls_fail(LS_ERR_FORMAT, "'%s/%s' is a text of %zu bytes, but there is room for %zu", t->group, name,
                     all.length, capacity);
    else if (!t->writing)
        memcpy(text, all.data ? all.data : "", all.length + 1);
cleanup:
    ls_text_reset(&all);
    return st;
}

ls_status ls_state_weights(ls_state *t, const char *name, float *weights)
{
    for (size_t p = 0; p < t->model->params; p++) {
        const ls_param *param = t->model->param[p];
        char param_name[LS_PARAM_NAME_BYTES];
        ls_text path = {0};
        ls_status st;

        ls_text_add(&path, "%s/%s/%s", t->group, name, ls_model_param_name(t->model, param, param_name));
        st = path.status;
        if (st == LS_OK)
            st = pass(t, path.data, H5T_NATIVE_FLOAT, sizeof *weights, param->shape.rank, param->shape.dim,
                      weights + param->offset);
        ls_text_reset(&path);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status pass_callback(transfer *t, ls_callbacks *callbacks, size_t index)
{
    const ls_callback *callback = &callbacks->callback[index];
    ls_text group = {0};
    ls_status st;

    ls_text_add(&group, GROUP "/callbacks/%zu_%s", index, callback->name);
    st = group.status;
    if (st == LS_OK && t->writing)
        st = ls_h5_put_group(t->file, group.data);
    if (st == LS_OK && callback->hooks->state) {
        t->group = group.data;
        st = callback->hooks->state(callback->context, &callbacks->run, t);
    }
    ls_text_reset(&group);
    return st;
}

/* Only where there are any: a run without callbacks has no such group. */
static ls_status pass_callbacks(transfer *t, ls_callbacks *callbacks)
{
    uint64_t stop;

    if (!callbacks || !callbacks->n)
        return LS_OK;
    if (t->writing)
        LS_TRY(ls_h5_put_group(t->file, GROUP "/callbacks"));
    stop = callbacks->run.stop_training;
    LS_TRY(pass_uint(t, GROUP "/callbacks", "stop_training", &stop));
    callbacks->run.stop_training = stop != 0;
    for (size_t i = 0; i < callbacks->n; i++)
        LS_TRY(pass_callback(t, callbacks, i));
    return LS_OK;
}

static ls_status pass_state(transfer *t, ls_trainer *trainer)
{
    const size_t scores = ls_scores_state_size(trainer->scores);

    t->model = trainer->model;
    LS_TRY(pass_training(t, trainer->gradients, trainer->updater));
    LS_TRY(pass(t, GROUP "/scores", H5T_NATIVE_DOUBLE, sizeof(double), 1, &scores, ls_scores_state(trainer->scores)));
    LS_TRY(pass_noise_scale(t, trainer->noise));
    LS_TRY(pass_history(t, trainer->history));
    LS_TRY(pass_callbacks(t, trainer->callbacks));
    LS_TRY(pass_place(t, &trainer->epoch, &trainer->batch));
    return pass_steps(t, trainer->updater, &trainer->update);
}

/* INT64_MIN: null. */
static void add_count(ls_text *out, const char *name, int64_t value)
{
    if (value == INT64_MIN)
        ls_text_add(out, "%s: null\n", name);
    else
        ls_text_add(out, "%s: %" PRId64 "\n", name, value);
}

/* Everything that shapes the weights and must be the same when a run goes on, one setting per line. */
static ls_status identity(const ls_trainer *t, ls_text *out)
{
    const ls_experiment *e = t->experiment;
    const char *const reductions[] = {"exact", "fast"}, *const grids[] = {"carried", "static"};
    ls_text experiment = {0};
    ls_config *root = NULL;
    ls_status st;

    ls_text_add(out, "seed: %" PRIu64 "\nbatch_size: %" PRId64 "\nmicrobatch: %" PRId64 "\nshuffle: %s", e->seed,
                e->fit.batch_size, e->fit.microbatch, e->fit.shuffle ? "true" : "false");
    if (t->task->train->windows.window)
        ls_text_add(out, ", in windows of %" PRIu64 " chunks of %" PRIu64, t->task->train->windows.window,
                    t->task->train->windows.chunk);
    ls_text_add(out, "\n");
    add_count(out, "steps_per_epoch", e->fit.steps_per_epoch);
    add_count(out, "initial_epoch", e->fit.initial_epoch);
    ls_text_add(out, "reduction: %s\ngrid: %s\ntraining data: ", reductions[e->distributed.reduction],
                grids[e->distributed.grid]);
    LS_TRY(ls_split_identity(t->task->train, out));
    ls_text_add(out, "\nclass_weight:");
    for (size_t i = 0; i < e->fit.class_weights; i++)
        ls_text_add(out, " %" PRId64 "=%a", e->fit.class_weight[i].label, (double)e->fit.class_weight[i].weight);
    ls_text_add(out, "\n");
    if (t->noise)
        ls_text_add(out, "noise_scale: %a\n", e->fit.noise_scale_decay);
    LS_TRY_CLEANUP(ls_experiment_write(e, t->model, true, &experiment));
    LS_TRY_CLEANUP(ls_yaml_parse(experiment.data, experiment.length, "experiment", &root));
    for (ls_config *c = root->first; c; c = c->next)
        if (strcmp(c->key, "model") == 0 || strcmp(c->key, "compile") == 0 || strcmp(c->key, "callbacks") == 0) {
            ls_text_add(out, "%s:\n", c->key);
            ls_config_write_yaml(c, out);
        }
    for (size_t i = e->callbacks; t->callbacks && i < t->callbacks->n; i++)
        ls_text_add(out, "callback of the program: %s\n", t->callbacks->callback[i].name);
    if (t->callbacks && t->callbacks->n && t->task->validation) { /* callbacks decide by it */
        add_count(out, "validation_freq", e->fit.validation_freq);
        add_count(out, "validation_steps", e->fit.validation_steps);
        if (e->fit.validation_steps != INT64_MIN || ls_needs_binary_check(t->task)) /* else it shapes no number */
            add_count(out, "validation_batch_size", (int64_t)ls_trainer_validation_batch(t));
        ls_text_add(out, "validation data: ");
        LS_TRY_CLEANUP(ls_split_identity(t->task->validation, out));
    }
    st = out->status;
cleanup:
    ls_text_reset(&experiment);
    ls_config_free(root);
    return st;
}

/* What every model file says of itself. */
static ls_status put_attributes(const transfer *out, const ls_experiment *e, const ls_model *model)
{
    const hid_t file = out->file;
    ls_text experiment = {0};
    char fingerprint[33];
    ls_status st;

    LS_TRY_CLEANUP(ls_experiment_write(e, model, true, &experiment));
    ls_model_fingerprint(model, fingerprint);
    LS_TRY_CLEANUP(ls_h5_put_int(file, GROUP, "format", LS_MODEL_FILE_FORMAT));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "version", ls_version()));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "kernel", ls_blas_kernel()));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "experiment", experiment.data));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "fingerprint", fingerprint));
    LS_TRY_CLEANUP(ls_h5_put_uint(file, GROUP, "seed", e->seed));
    LS_TRY_CLEANUP(ls_h5_put_uint(file, GROUP, "checksum", out->checksum));
    st = ls_h5_put_uint(file, GROUP, TRAINING_CHECKSUM, out->training);
cleanup:
    ls_text_reset(&experiment);
    return st;
}

/* And what one says that a run can go on from. */
static ls_status put_identity(const transfer *out, const ls_trainer *t)
{
    ls_text same = {0};
    ls_status st = identity(t, &same);

    if (st == LS_OK)
        st = ls_h5_put_text(out->file, GROUP, "identity", same.data);
    ls_text_reset(&same);
    return st;
}

static ls_compile_info compile_of(const ls_trainer *t, const ls_optimizer_state *state)
{
    return (ls_compile_info){.outputs = t->task->outputs,
                             .optimizer = &t->experiment->optimizer,
                             .learning_rate = t->updater->learning_rate,
                             .state = state};
}

static ls_status write_file(ls_trainer *t, const char *path)
{
    const ls_compile_info compile = compile_of(t, NULL);
    transfer out = {.file = H5I_INVALID_HID, .writing = true};
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_image_create(&out.file));
    LS_TRY_CLEANUP(ls_keras_write(out.file, t->model, &compile));
    LS_TRY_CLEANUP(ls_h5_put_group(out.file, GROUP));
    LS_TRY_CLEANUP(pass_state(&out, t));
    LS_TRY_CLEANUP(put_attributes(&out, t->experiment, t->model));
    LS_TRY_CLEANUP(put_identity(&out, t));
    st = ls_h5_image_save(out.file, path);
cleanup:
    ls_h5_close(out.file);
    return st;
}

ls_status ls_checkpoint_write(ls_trainer *t, const char *path)
{
    ls_h5_quiet quiet;
    ls_status st;

    LS_TRY(ls_updater_gather(t->updater, t->gradients));
    ls_h5_quiet_begin(&quiet); /* the types of HDF5 that are named on the way are calls of it, too */
    st = t->comm->rank == 0 ? write_file(t, path) : LS_OK;
    ls_h5_quiet_end(&quiet);
    return ls_agree(t->comm, st);
}

ls_status ls_checkpoint_write_keras(ls_trainer *t, const char *path)
{
    const ls_optimizer_state state = ls_updater_state(t->updater);
    const ls_compile_info compile = compile_of(t, &state);
    ls_h5_quiet quiet;
    ls_status st;

    LS_TRY(ls_updater_gather(t->updater, t->gradients));
    ls_h5_quiet_begin(&quiet);
    st = t->comm->rank == 0 ? ls_keras_save(path, t->model, &compile) : LS_OK;
    ls_h5_quiet_end(&quiet);
    return ls_agree(t->comm, st);
}

static ls_status write_model(const ls_experiment *e, ls_model *model, ls_training_state *state, const char *path)
{
    transfer out = {.file = H5I_INVALID_HID, .writing = true, .model = model};
    ls_compile_info compile = {.optimizer = &e->optimizer, .learning_rate = state->updater->learning_rate};
    ls_output_spec *outputs = NULL;
    uint64_t none = 0; /* it stands before the first epoch of a fit */
    ls_status st;

    LS_TRY_CLEANUP(ls_outputs_read(e->compile, model, &outputs));
    compile.outputs = outputs;
    LS_TRY_CLEANUP(ls_h5_image_create(&out.file));
    LS_TRY_CLEANUP(ls_keras_write(out.file, model, &compile));
    LS_TRY_CLEANUP(ls_h5_put_group(out.file, GROUP));
    LS_TRY_CLEANUP(pass_training(&out, state->gradients, state->updater));
    LS_TRY_CLEANUP(pass_place(&out, &none, &none));
    LS_TRY_CLEANUP(pass_steps(&out, state->updater, &state->update));
    LS_TRY_CLEANUP(put_attributes(&out, e, model));
    st = ls_h5_image_save(out.file, path);
cleanup:
    ls_h5_close(out.file);
    ls_outputs_free(outputs, model->outputs);
    return st;
}

ls_status ls_checkpoint_write_model(const ls_comm *comm, const ls_experiment *experiment, ls_model *model,
                                    ls_training_state *state, const char *path)
{
    ls_h5_quiet quiet;
    ls_status st;

    LS_TRY(ls_updater_gather(state->updater, state->gradients));
    ls_h5_quiet_begin(&quiet);
    st = comm->rank == 0 ? write_model(experiment, model, state, path) : LS_OK;
    ls_h5_quiet_end(&quiet);
    return ls_agree(comm, st);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* LS_ERR_MISMATCH naming the first line in which two identities differ. */
static ls_status check_identity(const char *path, const char *theirs, const char *ours)
{
    while (*theirs || *ours) {
        const size_t a = strcspn(theirs, "\n"), b = strcspn(ours, "\n");

        if (a != b || memcmp(theirs, ours, a) != 0)
            return ls_fail(
                LS_ERR_MISMATCH,
                "'%s' is of another experiment: it has '%.*s' where this one has '%.*s'; use another --output, "
                "or train without --resume",
                path, (int)(a < 200 ? a : 200), theirs, (int)(b < 200 ? b : 200), ours);
        theirs += a + (theirs[a] == '\n');
        ours += b + (ours[b] == '\n');
    }
    return LS_OK;
}

/* Equal bits need the same kernels and the same lockstep. */
static ls_status check_maker(hid_t file, const char *path, bool allow_other)
{
    char *kernel, *version;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_text(file, GROUP, "version", &version));
    if (strcmp(version, ls_version()) != 0 && !allow_other)
        st = ls_fail(
            LS_ERR_MISMATCH,
            "'%s' was written by lockstep %s, this is %s: the bits may differ. Go on with that version, or accept "
            "it with --allow-other-kernel",
            path, version, ls_version());
    ls_free(version);
    LS_TRY(st);
    LS_TRY(ls_h5_get_text(file, GROUP, "kernel", &kernel));
    if (strcmp(kernel, ls_blas_kernel()) != 0 && !allow_other)
        st = ls_fail(LS_ERR_MISMATCH,
                     "'%s' was computed with OpenBLAS's %s kernels, this run uses %s: the bits would differ. Set "
                     "distributed.blas_kernel: %s, or accept it with --allow-other-kernel",
                     path, kernel, ls_blas_kernel(), kernel);
    ls_free(kernel);
    return st;
}

static ls_status check_fingerprint(hid_t file, const char *path, const ls_model *model)
{
    char *want, fingerprint[33];
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_text(file, GROUP, "fingerprint", &want));
    ls_model_fingerprint(model, fingerprint);
    if (strcmp(want, fingerprint) != 0)
        st = ls_fail(LS_ERR_FORMAT, "'%s' is damaged: its weights have the fingerprint %s, not %s", path, fingerprint,
                     want);
    ls_free(want);
    return st;
}

static ls_status check_sums(hid_t file, const char *path, const ls_trainer *t, uint64_t found)
{
    uint64_t checksum;

    LS_TRY(check_fingerprint(file, path, t->model));
    LS_TRY(ls_h5_get_uint(file, GROUP, "checksum", &checksum));
    return checksum == found ? LS_OK
                             : ls_fail(LS_ERR_FORMAT, "'%s' is damaged: the checksum of its state does not hold", path);
}

/* *digest: of the state that was read. */
static ls_status read_file(ls_trainer *t, const char *path, bool allow_other_kernel, uint64_t *digest)
{
    transfer in = {.file = H5I_INVALID_HID};
    ls_text ours = {0};
    char *theirs = NULL;
    ls_status st;

    LS_TRY(ls_model_file_open(path, &in.file));
    LS_TRY_CLEANUP(ls_h5_get_text(in.file, GROUP, "identity", &theirs));
    LS_TRY_CLEANUP(identity(t, &ours));
    LS_TRY_CLEANUP(check_identity(path, theirs, ours.data));
    LS_TRY_CLEANUP(check_maker(in.file, path, allow_other_kernel));
    LS_TRY_CLEANUP(ls_keras_read_weights(in.file, path, t->model));
    st = pass_state(&in, t);
    if (st != LS_OK) {
        ls_fail_in(st, "%s", path);
        goto cleanup;
    }
    *digest = in.checksum;
    st = check_sums(in.file, path, t, *digest);
cleanup:
    ls_h5_close(in.file);
    ls_text_reset(&ours);
    ls_free(theirs);
    return st;
}

ls_status ls_checkpoint_read(ls_trainer *t, const char *path, bool allow_other_kernel)
{
    char fingerprint[33], text[64];
    uint64_t digest = 0;
    ls_h5_quiet quiet;
    ls_status st;

    ls_h5_quiet_begin(&quiet);
    st = read_file(t, path, allow_other_kernel, &digest);
    ls_h5_quiet_end(&quiet);
    LS_TRY(ls_agree(t->comm, st));
    /* Each rank read a whole file, but was it the same one? (A directory of its own on every node; a stale cache.) */
    ls_model_fingerprint(t->model, fingerprint);
    snprintf(text, sizeof text, "%s %016" PRIx64, fingerprint, digest);
    return ls_comm_same(t->comm, "the checkpoint", text);
}

static ls_status read_training(hid_t file, const ls_model *model, ls_training_state *state, uint64_t *digest)
{
    transfer in = {.file = file, .model = model};
    uint64_t checksum;

    LS_TRY(pass_training(&in, state->gradients, state->updater));
    LS_TRY(pass_steps(&in, state->updater, &state->update));
    LS_TRY(ls_h5_get_uint(file, GROUP, TRAINING_CHECKSUM, &checksum));
    *digest = in.training;
    return checksum == *digest ? LS_OK : ls_fail(LS_ERR_FORMAT, "the checksum of the optimizer's state does not hold");
}

ls_status ls_checkpoint_training(const ls_comm *comm, const char *path, const ls_model *model, ls_training_state *state)
{
    hid_t file = H5I_INVALID_HID;
    uint64_t digest = 0;
    char text[32];
    ls_h5_quiet quiet;
    ls_status st;

    ls_h5_quiet_begin(&quiet);
    st = ls_keras_open(path, &file);
    if (st == LS_OK && ls_h5_has(file, GROUP) && ls_h5_has_attribute(file, GROUP, TRAINING_CHECKSUM) &&
        (st = read_training(file, model, state, &digest)) != LS_OK)
        ls_fail_in(st, "%s", path);
    ls_h5_close(file);
    ls_h5_quiet_end(&quiet);
    LS_TRY(ls_agree(comm, st));
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    return ls_comm_same(comm, "the optimizer's state", text);
}

ls_status ls_checkpoint_experiment(const char *path, ls_experiment **out)
{
    ls_config *root;
    ls_keras_refused refused;
    ls_status st;

    *out = NULL;
    st = ls_model_file_experiment(path, &root, &refused);
    if (st == LS_OK)
        st = ls_experiment_create(root, path, out);
    if (st != LS_OK) {
        ls_keras_refused_reset(&refused);
        return st;
    }
    (*out)->refused = refused;
    (*out)->of_model_file = true;
    return LS_OK;
}

ls_status ls_checkpoint_weights(const char *path, ls_model *model)
{
    hid_t file = H5I_INVALID_HID;
    ls_h5_quiet quiet;
    ls_status st;

    ls_h5_quiet_begin(&quiet);
    st = ls_keras_open(path, &file);
    if (st == LS_OK)
        st = ls_keras_read_weights(file, path, model);
    if (st == LS_OK && ls_h5_has(file, GROUP)) /* Keras's own files have no fingerprint */
        st = check_fingerprint(file, path, model);
    ls_h5_close(file);
    ls_h5_quiet_end(&quiet);
    return st;
}

/* A slot that is not finite would make Keras's next update so, too. */
static ls_status check_finite(const char *path, const ls_updater *updater)
{
    for (size_t s = 0; s < sizeof updater->slot / sizeof updater->slot[0]; s++)
        for (size_t i = 0; updater->slot[s].value && i < updater->model->trainable_size; i++)
            if (!isfinite(updater->slot[s].value[i]))
                return ls_fail(LS_ERR_NUMERIC, "%s: the optimizer's %s holds a value that is not finite", path,
                               updater->slot[s].name);
    return LS_OK;
}

ls_status ls_checkpoint_optimizer(const char *path, ls_updater *updater)
{
    transfer in = {.file = H5I_INVALID_HID, .model = updater->model};
    ls_h5_quiet quiet;
    ls_status st;

    ls_h5_quiet_begin(&quiet);
    st = ls_model_file_open(path, &in.file);
    if (st == LS_OK &&
        ((st = pass_optimizer(&in, NULL, updater)) != LS_OK || (st = pass_optimizer_position(&in, updater)) != LS_OK))
        ls_fail_in(st, "%s", path);
    ls_h5_close(in.file);
    ls_h5_quiet_end(&quiet);
    return st == LS_OK ? check_finite(path, updater) : st;
}
