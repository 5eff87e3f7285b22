/*
 * train --resume: a checkpoint of lockstep with edits (h5_edit.h), read into a run of the same experiment; then as a
 * model file by predict.
 *
 *     edits…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "experiment/model_file.h"
#include "h5_edit.h"
#include "run/callback.h"
#include "run/checkpoint.h"

static const char experiment[] =
    "data: {file: data.h5, train: {x: /x, y: /y}}\n"
    "model:\n  - dense: {units: 2, activation: relu}\n  - batch_normalization\n  - dense: {units: 1}\n"
    "compile: {optimizer: adam, loss: mse, metrics: [mae]}\n"
    "fit: {batch_size: 2, microbatch: 1, noise_scale: true}\n"
    "callbacks:\n"
    "  - early_stopping: {monitor: loss, restore_best_weights: true}\n"
    "  - model_checkpoint: {filepath: best.h5, monitor: loss, save_best_only: true}\n"
    "  - reduce_lr_on_plateau: {monitor: loss}\n"
    "  - csv_logger: {filename: log.csv}\n";

static ls_trainer *trainer;
static ls_callbacks *callbacks;
static void *sound;
static size_t sound_bytes;
static fuzz_h5_names names;

static void write_data(const char *path)
{
    const hsize_t dim[] = {8, 3};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    float value[24];

    for (int i = 0; i < 24; i++)
        value[i] = (float)i / 24;
    for (int i = 0; i < 2; i++) {
        const hid_t space = H5Screate_simple(i ? 1 : 2, dim, NULL);
        const hid_t set = H5Dcreate2(file, i ? "y" : "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

        FUZZ_CHECK(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
        H5Dclose(set);
        H5Sclose(space);
    }
    H5Fclose(file);
}

/* A run of two epochs, which stays open, and the checkpoint of it. */
static void start(void)
{
    const ls_trainer_options options = {0};
    const char *const path = fuzz_path("checkpoint.h5");
    static ls_progress progress;
    ls_experiment *e;
    const ls_comm *const comm = fuzz_comm();
    ls_task *task;

    write_data(fuzz_path("data.h5"));
    FUZZ_CHECK(fuzz_verdict(ls_experiment_parse(experiment, strlen(experiment), fuzz_path("experiment.yaml"), &e)));
    FUZZ_CHECK(fuzz_verdict(ls_task_create(comm, e, &task)));
    FUZZ_CHECK(fuzz_verdict(ls_trainer_create(task, &options, &trainer)));
    ls_progress_init(&progress, stdout, 0);
    FUZZ_CHECK(fuzz_verdict(ls_callbacks_create(trainer, &(ls_callbacks_settings){.progress = &progress}, &callbacks)));
    for (; trainer->epoch < 2; trainer->epoch++, trainer->batch = 0) {
        const ls_log log = {"loss", 0.5};
        bool stop = false;
        double loss;

        ls_trainer_begin_epoch(trainer);
        while (trainer->batch < trainer->plan.batches)
            FUZZ_CHECK(fuzz_verdict(ls_trainer_update(trainer, &stop, &loss)));
        FUZZ_CHECK(fuzz_verdict(ls_history_add(trainer->history, trainer->epoch, &log, 1)));
    }
    FUZZ_CHECK(fuzz_verdict(ls_checkpoint_write(trainer, NULL, path)));
    sound = fuzz_read(path, &sound_bytes);
    names = fuzz_h5_names_of(sound, sound_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const char *const path = fuzz_path("edited.h5");
    ls_experiment *e = NULL;
    ls_model *model = NULL;
    bool read;

    if (!sound)
        start();
    fuzz_begin();
    if (!fuzz_h5_make(path, sound, sound_bytes, &input, &names))
        return 0;
    read = fuzz_verdict(ls_checkpoint_read(trainer, NULL, path, false, &(ls_earlier_rows){0}));
    FUZZ_CHECK(read || n > 0); /* as it was, it is sound */
    if (fuzz_verdict(ls_experiment_of_model(path, &e)) && fuzz_verdict(ls_model_create(e->model, NULL, NULL, &model)))
        fuzz_verdict(ls_model_file_weights(path, model));
    ls_model_free(model);
    ls_experiment_free(e);
    fuzz_command(&ls_command_inspect, path, NULL);
    fuzz_end();
    return 0;
}
