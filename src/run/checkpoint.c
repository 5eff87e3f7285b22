#include "run/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/model_file.h"
#include "formats/keras_archive.h"
#include "formats/keras_file.h"
#include "formats/keras_model.h"
#include "h5/file.h"
#include "h5/lock.h"
#include "h5/seal.h"
#include "lockstep/version.h"
#include "run/maker.h"
#include "run/preparation.h"
#include "run/run_identity.h"
#include "run/state.h"

#define GROUP LS_MODEL_FILE_GROUP
#define TRAINING_CHECKSUM "training_checksum"
#define EXPERIMENT_CHECKSUM "experiment_checksum"
#define CHANGES "changes" /* of settings, while the run went on; an attribute that others lack */

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
static ls_status pass_slot(ls_state *t, const ls_gradients *own, const ls_slot *slot)
{
    const ls_model *model = t->model;

    for (size_t p = 0; p < model->trainable_params; p++) {
        const ls_param *param = model->param[p];
        char name[LS_PARAM_NAME_BYTES], path[LS_PARAM_NAME_BYTES + 64];
        float *whole;
        ls_status st;

        snprintf(path, sizeof path, GROUP "/optimizer/%s/%s", slot->name, ls_model_param_name(model, param, name));
        if (t->writing) {
            LS_TRY(ls_state_array(t, path, H5T_NATIVE_FLOAT, sizeof(float), param->shape.axes, param->shape.dim,
                                  slot->value + param->offset));
            continue;
        }
        if (!(whole = ls_calloc(param->size, sizeof *whole, "the optimizer's state")))
            return LS_ERR_MEMORY;
        st = ls_state_array(t, path, H5T_NATIVE_FLOAT, sizeof(float), param->shape.axes, param->shape.dim, whole);
        if (st == LS_OK)
            keep_own(own, param, whole, slot->value);
        ls_free(whole);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status pass_optimizer(ls_state *t, const ls_gradients *own, ls_updater *updater)
{
    const size_t scalars = LS_OPTIMIZER_SCALARS_MAX;

    for (size_t s = 0; s < sizeof updater->slot / sizeof updater->slot[0]; s++)
        if (updater->slot[s].value)
            LS_TRY(pass_slot(t, own, &updater->slot[s]));
    return ls_state_array(t, GROUP "/optimizer/scalars", H5T_NATIVE_DOUBLE, sizeof(double), 1, &scalars,
                          updater->scalars);
}

static bool holds(char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* May a run log it because of its callbacks alone? */
static bool is_of_callbacks(const ls_registry *registry, const char *column)
{
    for (const ls_ops *const *entry = registry ? registry->entries : NULL; entry && *entry; entry++)
        for (const char *const *name = ((const ls_callback_ops *)*entry)->hooks.adds; name && *name; name++)
            if (strcmp(*name, column) == 0)
                return true;
    return false;
}

/*
 * LS_ERR_MISMATCH naming the first log that only one of the two has: the identity does not cover what is validated.
 * What callbacks add may come and go; the history keeps the column.
 */
static ls_status check_columns(const ls_registry *registry, char *const *names, size_t n, const ls_history *history)
{
    for (size_t i = 0; i < n; i++)
        if (!holds(history->name, history->columns, names[i]) && !is_of_callbacks(registry, names[i]))
            return ls_fail(LS_ERR_MISMATCH,
                           "its history has the column '%s', but this run would log no such thing: go on "
                           "with the same validation, metrics and callbacks, or train without --resume",
                           names[i]);
    for (size_t i = 0; i < history->columns; i++)
        if (!holds(names, n, history->name[i]) && !is_of_callbacks(registry, history->name[i]))
            return ls_fail(LS_ERR_MISMATCH,
                           "its history has no column '%s', which this run would log: go on with the same "
                           "validation, metrics and callbacks, or train without --resume",
                           history->name[i]);
    return LS_OK;
}

/* Only where the rows are not all of the history: how many come before them, and the digest of all. */
static ls_status pass_earlier(ls_state *t, ls_earlier_rows *earlier)
{
    if (t->writing ? earlier->n == 0 : !ls_h5_has_attribute(t->file, GROUP "/history", "earlier"))
        return LS_OK;
    LS_TRY(ls_state_group_uint(t, GROUP "/history", "earlier", &earlier->n));
    return ls_state_group_uint(t, GROUP "/history", "digest", &earlier->digest);
}

/* The last rows: those before them are in history.csv, so that a checkpoint does not grow with the epochs. */
static ls_status write_history(ls_state *t, const ls_history *history)
{
    const size_t first = history->epochs > LS_CHECKPOINT_EPOCHS ? history->epochs - LS_CHECKPOINT_EPOCHS : 0;
    const size_t dim[] = {history->epochs - first, history->columns};
    ls_earlier_rows earlier = {.n = first, .digest = history->digest};

    LS_TRY(ls_h5_put_group(t->file, GROUP "/history"));
    LS_TRY(ls_h5_put_texts(t->file, GROUP "/history", "columns", (const char *const *)history->name, history->columns));
    LS_TRY(pass_earlier(t, &earlier));
    LS_TRY(ls_state_array(t, GROUP "/history/epoch", H5T_NATIVE_UINT64, sizeof *history->epoch, 1, dim,
                          history->epoch + first));
    return ls_state_array(t, GROUP "/history/value", H5T_NATIVE_DOUBLE, sizeof *history->value, 2, dim,
                          history->value + first * history->columns);
}

/* Rows of a table with these columns into the history, which has them all and perhaps others. */
static ls_status add_rows(ls_history *history, char *const *names, size_t n, const uint64_t *epoch, const double *value,
                          size_t rows)
{
    ls_log *logs = ls_calloc(n, sizeof *logs, "the history");
    ls_status st = logs ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; i < rows && st == LS_OK; i++) {
        for (size_t c = 0; c < n; c++)
            logs[c] = (ls_log){.name = names[c], .value = value[i * n + c]};
        st = ls_history_add(history, epoch[i], logs, n);
    }
    ls_free(logs);
    return st;
}

static ls_status read_table(ls_state *t, char *const *names, size_t n, ls_history *history)
{
    size_t dim[LS_H5_AXES_MAX], rank, values;
    uint64_t *epoch;
    double *value;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_shape(t->file, GROUP "/history/value", &rank, dim));
    if (rank != 2 || dim[1] != n || !ls_size_mul(dim[0], dim[1], &values))
        return ls_fail(LS_ERR_FORMAT, "the history is no table of %zu columns", n);
    epoch = ls_calloc(dim[0], sizeof *epoch, "the history");
    value = ls_calloc(values, sizeof *value, "the history");
    if (!epoch || !value) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_state_array(t, GROUP "/history/epoch", H5T_NATIVE_UINT64, sizeof *epoch, 1, dim, epoch));
    LS_TRY_CLEANUP(ls_state_array(t, GROUP "/history/value", H5T_NATIVE_DOUBLE, sizeof *value, 2, dim, value));
    history->epochs = 0;
    history->digest = 0;
    st = add_rows(history, names, n, epoch, value, dim[0]);
cleanup:
    ls_free(epoch);
    ls_free(value);
    return st;
}

/* Into an empty history, which gets the columns that it lacks. */
static ls_status read_history(ls_state *t, const ls_registry *registry, ls_history *history, ls_earlier_rows *earlier)
{
    const size_t planned = history->columns;
    char **names;
    size_t n;
    ls_status st;

    LS_TRY(ls_h5_get_texts(t->file, GROUP "/history", "columns", &names, &n));
    LS_TRY_CLEANUP(check_columns(registry, names, n, history));
    LS_TRY_CLEANUP(ls_history_add_columns(history, (const char *const *)names, n));
    LS_TRY_CLEANUP(pass_earlier(t, earlier));
    if (earlier->n > 0 && (n != planned || history->columns != planned)) {
        st =
            ls_fail(LS_ERR_MISMATCH,
                    "its first %" PRIu64 " epochs are in history.csv with other columns than this run would log: go on "
                    "with callbacks that log the same",
                    earlier->n);
        goto cleanup;
    }
    st = read_table(t, names, n, history);
cleanup:
    ls_h5_free_texts(names, n);
    return st;
}

static ls_status pass_optimizer_position(ls_state *t, ls_updater *updater)
{
    LS_TRY(ls_state_group_uint(t, GROUP, "iterations", &updater->iterations));
    return ls_state_group_float(t, GROUP, "learning_rate", &updater->learning_rate);
}

/* The grid and the optimizer: what training leaves besides the weights, and where it stands. */
static ls_status pass_training(ls_state *t, ls_gradients *gradients, ls_updater *updater)
{
    ls_exponents *exponents = &gradients->exponents;
    const uint64_t before = t->checksum;

    LS_TRY(ls_state_array(t, GROUP "/exponents/E", H5T_NATIVE_INT16, sizeof(int16_t), 1, &exponents->blocks,
                          exponents->E));
    LS_TRY(ls_state_array(t, GROUP "/exponents/seen", H5T_NATIVE_INT16, sizeof(int16_t), 1, &exponents->blocks,
                          exponents->seen));
    LS_TRY(pass_optimizer(t, gradients, updater));
    t->training += t->checksum - before;
    return LS_OK;
}

static ls_status pass_steps(ls_state *t, ls_updater *updater, uint64_t *update)
{
    const uint64_t before = t->checksum;

    LS_TRY(ls_state_group_uint(t, GROUP, "update", update));
    LS_TRY(pass_optimizer_position(t, updater));
    t->training += t->checksum - before;
    return LS_OK;
}

/* Only of a run that was stopped within an update: that the batch has begun. */
static ls_status pass_begun(ls_state *t, bool *begun)
{
    uint64_t number = *begun;

    if (t->writing ? *begun : ls_h5_has_attribute(t->file, GROUP, "begun"))
        LS_TRY(ls_state_group_uint(t, GROUP, "begun", &number));
    *begun = number != 0;
    return LS_OK;
}

/* Where the run stands. */
static ls_status pass_place(ls_state *t, uint64_t *epoch, uint64_t *batch)
{
    LS_TRY(ls_state_group_uint(t, GROUP, "epoch", epoch));
    return ls_state_group_uint(t, GROUP, "batch", batch);
}

/* Only where it is measured. */
static ls_status pass_noise_scale(ls_state *t, ls_noise_scale *noise)
{
    const size_t n = LS_NOISE_REPLICATES;

    if (!noise)
        return LS_OK;
    LS_TRY(ls_state_array(t, GROUP "/noise_scale/S", H5T_NATIVE_DOUBLE, sizeof(double), 1, &n, noise->S));
    LS_TRY(ls_state_array(t, GROUP "/noise_scale/Q", H5T_NATIVE_DOUBLE, sizeof(double), 1, &n, noise->Q));
    return ls_state_group_uint(t, GROUP "/noise_scale", "steps", &noise->steps);
}

/* Where the file has the state of a callback: those of the program come after the experiment's. SIZE_MAX: nowhere. */
static size_t place_of(const ls_state *t, const ls_callbacks *callbacks, size_t index)
{
    if (!t->place)
        return index;
    return index < callbacks->specs ? t->place[index] : t->stored + index - callbacks->specs;
}

static ls_status pass_callback(ls_state *t, ls_callbacks *callbacks, size_t index)
{
    const ls_callback *callback = &callbacks->callback[index];
    const size_t place = place_of(t, callbacks, index);
    ls_text group = {0};
    ls_status st;

    if (place == SIZE_MAX)
        return LS_OK;
    ls_text_add(&group, GROUP "/callbacks/%zu_%s", place, callback->name);
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
static ls_status pass_callbacks(ls_state *t, ls_callbacks *callbacks)
{
    uint64_t stop;

    if (!callbacks || !callbacks->n || (t->place && t->stored + callbacks->n == callbacks->specs))
        return LS_OK; /* in the latter case the file has none */
    if (t->writing)
        LS_TRY(ls_h5_put_group(t->file, GROUP "/callbacks"));
    stop = callbacks->run.stop_training;
    LS_TRY(ls_state_group_uint(t, GROUP "/callbacks", "stop_training", &stop));
    callbacks->run.stop_training = stop != 0 && !t->drops;
    for (size_t i = 0; i < callbacks->n; i++)
        LS_TRY(pass_callback(t, callbacks, i));
    return LS_OK;
}

/* earlier: when reading, the rows that the history lacks. */
static ls_status pass_state(ls_state *t, ls_trainer *trainer, ls_callbacks *callbacks, ls_earlier_rows *earlier)
{
    const size_t scores = ls_scores_state_size(trainer->scores);

    t->model = trainer->model;
    LS_TRY(pass_training(t, trainer->gradients, trainer->updater));
    LS_TRY(ls_state_array(t, GROUP "/scores", H5T_NATIVE_DOUBLE, sizeof(double), 1, &scores,
                          ls_scores_state(trainer->scores)));
    LS_TRY(pass_noise_scale(t, trainer->noise));
    LS_TRY(t->writing ? write_history(t, trainer->history)
                      : read_history(t, callbacks ? callbacks->registry : NULL, trainer->history, earlier));
    LS_TRY(pass_callbacks(t, callbacks));
    LS_TRY(pass_place(t, &trainer->epoch, &trainer->batch));
    LS_TRY(pass_begun(t, &trainer->begun));
    return pass_steps(t, trainer->updater, &trainer->update);
}

/* What every model file says of itself. */
static ls_status put_attributes(const ls_state *out, const ls_experiment *e, const ls_model *model)
{
    const hid_t file = out->file;
    ls_text experiment = {0};
    char fingerprint[33];
    ls_status st;

    LS_TRY_CLEANUP(ls_experiment_write(e, model, true, &experiment));
    ls_model_fingerprint(model, fingerprint);
    LS_TRY_CLEANUP(ls_h5_put_int(file, GROUP, "format", LS_MODEL_FILE_FORMAT));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "version", ls_version()));
    LS_TRY_CLEANUP(ls_maker_put(file, model->arithmetic));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "experiment", experiment.data));
    LS_TRY_CLEANUP(ls_h5_put_text(file, GROUP, "fingerprint", fingerprint));
    LS_TRY_CLEANUP(ls_h5_put_uint(file, GROUP, "seed", e->seed));
    LS_TRY_CLEANUP(ls_h5_put_uint(file, GROUP, "checksum", out->checksum));
    LS_TRY_CLEANUP(ls_h5_put_uint(file, GROUP, TRAINING_CHECKSUM, out->training));
    st = ls_h5_put_uint(file, GROUP, EXPERIMENT_CHECKSUM,
                        ls_state_item(EXPERIMENT_CHECKSUM, experiment.data, experiment.length));
cleanup:
    ls_text_reset(&experiment);
    return st;
}

/* And what one says that a run can go on from. */
static ls_status put_identity(const ls_state *out, const ls_trainer *t, const ls_callbacks *callbacks)
{
    ls_text same = {0};
    ls_status st = ls_run_identity(t, callbacks, &same);

    if (st == LS_OK)
        st = ls_h5_put_text(out->file, GROUP, "identity", same.data);
    if (st == LS_OK && callbacks && callbacks->changes.kept)
        st = ls_h5_put_text(out->file, GROUP, CHANGES, callbacks->changes.kept);
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

static ls_status make_image(ls_trainer *t, ls_callbacks *callbacks, void **image, size_t *bytes)
{
    const ls_compile_info compile = compile_of(t, NULL);
    ls_state out = {.file = H5I_INVALID_HID, .writing = true};
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_image_create(&out.file));
    LS_TRY_CLEANUP(ls_keras_write(out.file, t->model, &compile));
    LS_TRY_CLEANUP(ls_h5_put_group(out.file, GROUP));
    LS_TRY_CLEANUP(pass_state(&out, t, callbacks, NULL));
    LS_TRY_CLEANUP(put_attributes(&out, t->experiment, t->model));
    LS_TRY_CLEANUP(put_identity(&out, t, callbacks));
    LS_TRY_CLEANUP(ls_preparation_put(out.file, t->task));
    st = ls_h5_image_sealed(out.file, image, bytes);
cleanup:
    ls_h5_close(out.file);
    return st;
}

ls_status ls_checkpoint_image(ls_trainer *t, ls_callbacks *callbacks, void **image, size_t *bytes)
{
    ls_h5_lock lock;
    ls_status st;

    *image = NULL;
    *bytes = 0;
    LS_TRY(ls_updater_gather(t->updater, t->gradients));
    ls_h5_lock_take(&lock); /* the types of HDF5 that are named on the way are calls of it, too */
    st = t->comm->rank == 0 ? make_image(t, callbacks, image, bytes) : LS_OK;
    ls_h5_lock_release(&lock);
    return ls_agree(t->comm, st);
}

ls_status ls_checkpoint_write(ls_trainer *t, ls_callbacks *callbacks, const char *path)
{
    void *image;
    size_t bytes;
    ls_status st;

    LS_TRY(ls_checkpoint_image(t, callbacks, &image, &bytes));
    st = ls_agree(t->comm, t->comm->rank == 0 ? ls_file_replace(path, image, bytes) : LS_OK);
    ls_free(image);
    return st;
}

ls_status ls_checkpoint_write_keras(ls_trainer *t, const char *path)
{
    const ls_optimizer_state state = ls_updater_state(t->updater);
    const ls_compile_info compile = compile_of(t, &state);
    ls_h5_lock lock;
    ls_status st;

    LS_TRY(ls_updater_gather(t->updater, t->gradients));
    ls_h5_lock_take(&lock);
    st = t->comm->rank == 0 ? ls_keras_save(path, t->model, &compile) : LS_OK;
    ls_h5_lock_release(&lock);
    return ls_agree(t->comm, st);
}

static ls_status write_model(const ls_experiment *e, ls_model *model, ls_training_state *state, const char *path)
{
    ls_state out = {.file = H5I_INVALID_HID, .writing = true, .model = model};
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
    ls_h5_lock lock;
    ls_status st;

    LS_TRY(ls_updater_gather(state->updater, state->gradients));
    ls_h5_lock_take(&lock);
    st = comm->rank == 0 ? write_model(experiment, model, state, path) : LS_OK;
    ls_h5_lock_release(&lock);
    return ls_agree(comm, st);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Of two facts that the file holds twice. */
static ls_status check_fact(hid_t file, const char *path, const char *name, uint64_t want)
{
    uint64_t found;

    LS_TRY(ls_h5_get_uint(file, GROUP, name, &found));
    return found == want
               ? LS_OK
               : ls_fail(LS_ERR_FORMAT, "'%s' is damaged: its attribute %s does not fit the rest", path, name);
}

/* Without all callbacks' states the checksum of the state is not known: then that of the file stands for it. */
static ls_status check_sums(const ls_state *in, const char *path, const ls_trainer *t)
{
    const hid_t file = in->file;
    char *experiment;
    uint64_t checksum;

    LS_TRY(ls_model_file_check_fingerprint(file, path, t->model));
    LS_TRY(ls_h5_get_uint(file, GROUP, "checksum", &checksum));
    if (!in->place && checksum != in->checksum)
        return ls_fail(LS_ERR_FORMAT, "'%s' is damaged: the checksum of its state does not hold", path);
    LS_TRY(check_fact(file, path, TRAINING_CHECKSUM, in->training));
    LS_TRY(check_fact(file, path, "seed", t->experiment->seed));
    LS_TRY(ls_h5_get_text(file, GROUP, "experiment", &experiment));
    checksum = ls_state_item(EXPERIMENT_CHECKSUM, experiment, strlen(experiment));
    ls_free(experiment);
    return check_fact(file, path, EXPERIMENT_CHECKSUM, checksum);
}

/* How the experiment differs from that of the file, where it may. */
static ls_status find_departure(const ls_trainer *t, const ls_registry *registry, ls_state *in, const char *path,
                                ls_departure *out)
{
    ls_text ours = {0};
    char *theirs = NULL;
    bool sealed = true;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_get_text(in->file, GROUP, "experiment", &theirs));
    LS_TRY_CLEANUP(ls_experiment_write(t->experiment, t->model, true, &ours));
    LS_TRY_CLEANUP(ls_departure_find(registry, theirs, ours.data, out));
    if (out->callbacks)
        LS_TRY_CLEANUP(ls_h5_check_seal(path, &sealed));
    if (!sealed)
        st = ls_fail(LS_ERR_MISMATCH,
                     "'%s' has no checksum of the file, which an older lockstep did not write: go on with the same "
                     "callbacks once, or train without --resume",
                     path);
    in->place = out->place;
    in->stored = out->theirs;
    in->drops = out->drops;
cleanup:
    ls_text_reset(&ours);
    ls_free(theirs);
    return st;
}

/* The state was read: the run goes on in the way of this experiment, and says so. */
static ls_status take_changes(ls_trainer *t, ls_callbacks *callbacks, hid_t file, const ls_departure *d)
{
    char *before = NULL;
    ls_status st = LS_OK;

    if (d->rate)
        t->updater->learning_rate = (float)t->experiment->optimizer.common.learning_rate;
    if (!callbacks)
        return LS_OK;
    if (ls_h5_has_attribute(file, GROUP, CHANGES))
        LS_TRY(ls_h5_get_text(file, GROUP, CHANGES, &before));
    st = ls_changes_add(&callbacks->changes, before, d, t->update);
    ls_free(before);
    return st;
}

/* *digest: of the state that was read. */
static ls_status read_file(ls_trainer *t, ls_callbacks *callbacks, const char *path, bool allow_other_kernel,
                           ls_earlier_rows *earlier, uint64_t *digest)
{
    ls_state in = {.file = H5I_INVALID_HID};
    ls_departure difference = {0};
    ls_text ours = {0};
    char *theirs = NULL;
    ls_status st;

    LS_TRY(ls_model_file_open(path, &in.file));
    LS_TRY_CLEANUP(ls_h5_get_text(in.file, GROUP, "identity", &theirs));
    LS_TRY_CLEANUP(ls_run_identity(t, callbacks, &ours));
    LS_TRY_CLEANUP(ls_run_identity_check(path, theirs, ours.data));
    LS_TRY_CLEANUP(find_departure(t, callbacks ? callbacks->registry : NULL, &in, path, &difference));
    if (!allow_other_kernel)
        LS_TRY_CLEANUP(ls_maker_check(in.file, path, t->model->arithmetic));
    LS_TRY_CLEANUP(ls_keras_read_weights(in.file, path, t->model));
    st = pass_state(&in, t, callbacks, earlier);
    if (st != LS_OK) {
        ls_fail_in(st, "%s", path);
        goto cleanup;
    }
    *digest = in.checksum;
    LS_TRY_CLEANUP(check_sums(&in, path, t));
    st = take_changes(t, callbacks, in.file, &difference);
cleanup:
    ls_h5_close(in.file);
    ls_departure_reset(&difference);
    ls_text_reset(&ours);
    ls_free(theirs);
    return st;
}

ls_status ls_checkpoint_read(ls_trainer *t, ls_callbacks *callbacks, const char *path, bool allow_other_kernel,
                             ls_earlier_rows *earlier)
{
    char fingerprint[33], text[64];
    uint64_t digest = 0;
    ls_h5_lock lock;
    ls_status st;

    *earlier = (ls_earlier_rows){0};
    ls_h5_lock_take(&lock);
    st = read_file(t, callbacks, path, allow_other_kernel, earlier, &digest);
    ls_h5_lock_release(&lock);
    LS_TRY(ls_agree(t->comm, st));
    /* Each rank read a whole file, but was it the same one? (A directory of its own on every node; a stale cache.) */
    ls_model_fingerprint(t->model, fingerprint);
    snprintf(text, sizeof text, "%s %016" PRIx64, fingerprint, digest);
    return ls_comm_same(t->comm, "the checkpoint", text);
}

static ls_status read_training(hid_t file, const ls_model *model, ls_training_state *state, uint64_t *digest)
{
    ls_state in = {.file = file, .model = model};
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
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = ls_keras_open(path, &file);
    if (st == LS_OK && ls_h5_has(file, GROUP) && ls_h5_has_attribute(file, GROUP, TRAINING_CHECKSUM) &&
        (st = read_training(file, model, state, &digest)) != LS_OK)
        ls_fail_in(st, "%s", path);
    ls_h5_close(file);
    ls_h5_lock_release(&lock);
    LS_TRY(ls_agree(comm, st));
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    return ls_comm_same(comm, "the optimizer's state", text);
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
    ls_state in = {.file = H5I_INVALID_HID, .model = updater->model};
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = ls_model_file_open(path, &in.file);
    if (st == LS_OK &&
        ((st = pass_optimizer(&in, NULL, updater)) != LS_OK || (st = pass_optimizer_position(&in, updater)) != LS_OK))
        ls_fail_in(st, "%s", path);
    ls_h5_close(in.file);
    ls_h5_lock_release(&lock);
    return st == LS_OK ? check_finite(path, updater) : st;
}
