/*
 * The callbacks of experiments, driven by scripted logs as a fit would drive them: decisions against those of Keras's
 * own callbacks (golden/callbacks.json), also when the run stops after any epoch and goes on from a checkpoint.
 */
#include "component.h"
#include "training.h"
#include "source_dir.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/json.h"
#include "run/callbacks/callbacks.h"
#include "run/callbacks/path_template.h"
#include "run/checkpoint.h"

static char state_file[64];

/* Eight samples, batches of two: the four batches of the golden epochs. The weight comes first in model->weights. */
#define EXPERIMENT(compile, fit, callbacks)                                                       \
    "data: {file: data.h5, train: {x: /train/x, y: /train/y}, val: {x: /train/x, y: /train/y}}\n" \
    "model:\n  - dense: {units: 1, use_bias: false}\n"                                            \
    "compile: {" compile ", loss: mse, metrics: [accuracy, mae]}\n"                               \
    "fit: {batch_size: 2, microbatch: 1, " fit "}\n"                                              \
    "callbacks:\n" callbacks
#define SGD "optimizer: {sgd: {learning_rate: 0.1}}"
#define FIT "epochs: 3, validation_data: val"

static int set_up(void **state)
{
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[8] = {2, 3, 4, 5, 6, 7, 8, 9};

    if (training_set_up(state) != 0)
        return -1;
    snprintf(state_file, sizeof state_file, "%s/state.h5", folder);
    data_begin();
    data_put("/train/x", 8, 1, x);
    data_put("/train/y", 8, 1, y);
    return ok(ls_directory_create(training_run)) ? 0 : -1;
}

/* ---- a run whose logs are scripted ---- */

typedef struct run {
    training task;
    ls_trainer *trainer;
    ls_scores *validation;
    ls_progress progress;
    ls_callbacks *callbacks;
} run;

static void close_run(run *r)
{
    ls_callbacks_free(r->callbacks);
    ls_trainer_free(r->trainer);
    training_close(&r->task);
    *r = (run){0};
}

static ls_status open_run_to(const char *experiment, FILE *out, run *r)
{
    const ls_trainer_options options = {0};
    ls_status st;

    *r = (run){0};
    LS_TRY(training_open(MPI_COMM_SELF, experiment, &r->task));
    st = ls_trainer_create(r->task.task, &options, &r->trainer);
    ls_progress_init(&r->progress, stdout, 0);
    if (st == LS_OK)
        st = ls_callbacks_create(r->trainer,
                                 &(ls_callbacks_settings){.directory = training_run,
                                                          .out = out,
                                                          .progress = &r->progress,
                                                          .validates = r->task.task->validation != NULL},
                                 &r->callbacks);
    if (st != LS_OK)
        close_run(r);
    return st;
}

static ls_status open_run(const char *experiment, run *r)
{
    return open_run_to(experiment, NULL, r);
}

/* Write a checkpoint, throw the run away, and go on with a fresh one that has read it. */
static void restart(const char *experiment, run *r)
{
    const bool stops = r->callbacks->run.stop_training;

    assert_true(ok(ls_checkpoint_write(r->trainer, r->callbacks, state_file)));
    close_run(r);
    assert_true(ok(open_run(experiment, r)));
    assert_true(ok(ls_checkpoint_read(r->trainer, r->callbacks, state_file, false, &(ls_earlier_rows){0})));
    r->callbacks->run.resumed = true;
    assert_int_equal(r->callbacks->run.stop_training, stops);
}

static void end_batch(run *r, uint64_t batch, const char *name, double value)
{
    ls_log log[2] = {{name, value}};
    ls_logs logs = {.log = log, .n = strncmp(name, "val_", 4) != 0, .capacity = 2};

    for (size_t i = 0; i < r->callbacks->n; i++)
        if (r->callbacks->callback[i].hooks->on_train_batch_end)
            assert_true(ok(r->callbacks->callback[i].hooks->on_train_batch_end(r->callbacks->callback[i].context,
                                                                               &r->callbacks->run, batch, &logs)));
}

/* The logged learning rate, or NAN. */
static double end_epoch(run *r, const ls_log *values, size_t n)
{
    ls_log log[16];
    ls_logs logs = {.log = log, .n = n, .capacity = 16};
    const double *rate;

    memcpy(log, values, n * sizeof *log);
    for (size_t i = 0; i < r->callbacks->n; i++)
        if (r->callbacks->callback[i].hooks->on_epoch_end)
            assert_true(ok(r->callbacks->callback[i].hooks->on_epoch_end(
                r->callbacks->callback[i].context, &r->callbacks->run, r->trainer->epoch, &logs)));
    rate = ls_logs_get(&logs, "learning_rate");
    r->trainer->epoch++;
    return rate ? *rate : NAN;
}

/* ---- against Keras ---- */

typedef struct file_list {
    char text[4096]; /* "epoch/batch path\n" of every file written, batch -1: at the end of an epoch */
} file_list;

/* Files in the run directory are noted and removed. */
static void take_files(file_list *files, uint64_t epoch, int batch)
{
    DIR *d = opendir(training_run);

    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char path[512];
        const size_t length = strlen(files->text);

        if (entry->d_name[0] == '.')
            continue;
        snprintf(files->text + length, sizeof files->text - length, "%d/%d %s\n", (int)epoch, batch, entry->d_name);
        snprintf(path, sizeof path, "%s/%s", training_run, entry->d_name);
        assert_int_equal(unlink(path), 0);
    }
    closedir(d);
}

static void list_saves(const json_t *saves, file_list *files)
{
    const json_t *save;
    size_t i;

    json_array_foreach(saves, i, save)
    {
        const json_t *batch = json_object_get(save, "batch");
        const size_t length = strlen(files->text);

        snprintf(files->text + length, sizeof files->text - length, "%d/%d %s\n",
                 (int)json_integer_value(json_object_get(save, "epoch")),
                 json_is_null(batch) ? -1 : (int)json_integer_value(batch),
                 json_string_value(json_object_get(save, "path")));
    }
}

static double number_at(const json_t *list, size_t i)
{
    const json_t *value = json_array_get(list, i);

    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

static bool same_rate(double got, double want)
{
    return close_to(got, want, 0, 1e-7);
}

/* The counters of early_stopping, as a checkpoint shows them. */
static uint64_t counter(run *r, const char *name)
{
    hid_t f;
    uint64_t value;

    assert_true(ok(ls_checkpoint_write(r->trainer, r->callbacks, state_file)));
    assert_true(ok(ls_h5_open_read(state_file, &f)));
    assert_true(ok(ls_h5_get_uint(f, "/lockstep/callbacks/0_early_stopping", name, &value)));
    ls_h5_close(f);
    return value;
}

/* One golden case. A run that stops after epoch `restart_after` and goes on decides the same. */
static bool run_case(const json_t *entry, int batches, size_t restart_after)
{
    const char *config = json_string_value(json_object_get(entry, "config"));
    const char *monitor = json_string_value(json_object_get(entry, "monitor"));
    const json_t *values = json_object_get(entry, "values"), *expect = json_object_get(entry, "expect");
    const json_t *after = json_object_get(expect, "learning_rate_after");
    const json_t *logged = json_object_get(expect, "learning_rate_logged");
    const json_t *stopped = json_object_get(expect, "stopped");
    file_list got = {""}, want = {""};
    char experiment[2048];
    uint64_t epochs = 0;
    bool good = true;
    run r;

    snprintf(experiment, sizeof experiment, EXPERIMENT(SGD, FIT, "  - %s\n"), config);
    if (!ok(open_run(experiment, &r)))
        return false;
    for (size_t e = 0; e < json_array_size(values) && !r.callbacks->run.stop_training; e++) {
        const ls_log log = {monitor, number_at(values, e)};
        double rate;

        for (int b = 0; b < batches; b++) {
            end_batch(&r, (uint64_t)b, monitor, log.value);
            take_files(&got, e, b);
        }
        r.trainer->model->weights[0] = (float)e;
        rate = end_epoch(&r, &log, 1);
        take_files(&got, e, -1);
        if (after)
            good &= same_rate(rate, number_at(logged, e)) &&
                    same_rate((double)r.trainer->updater->learning_rate, number_at(after, e));
        if (e == restart_after)
            restart(experiment, &r);
        epochs++;
    }
    if (stopped) {
        good &= epochs == (uint64_t)json_integer_value(json_object_get(expect, "epochs_run"));
        good &= r.callbacks->run.stop_training == json_is_true(stopped);
        good &= counter(&r, "wait") == (uint64_t)json_integer_value(json_object_get(expect, "wait"));
        good &= counter(&r, "stopped_epoch") == (uint64_t)json_integer_value(json_object_get(expect, "stopped_epoch"));
        good &= ok(ls_callbacks_train_end(r.callbacks));
        good &= r.trainer->model->weights[0] == (float)json_integer_value(json_object_get(expect, "weights_of_epoch"));
    }
    list_saves(json_object_get(expect, "saves"), &want);
    good &= strcmp(got.text, want.text) == 0;
    if (!good)
        print_error("%s, monitor %s, a restart after epoch %zd, %d epochs\nfiles:\n%sinstead of\n%s", config, monitor,
                    (ssize_t)restart_after, (int)epochs, got.text, want.text);
    close_run(&r);
    return good;
}

static void callbacks_decide_as_keras_s(void **state)
{
    json_error_t error;
    json_t *const golden = json_load_file(in_source("tests/golden/callbacks.json"), 0, &error);
    const json_t *cases = json_object_get(golden, "cases"), *entry;
    const int batches = (int)json_integer_value(json_object_get(golden, "batches_per_epoch"));
    size_t i, n[3] = {0};
    bool good = true;

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(golden, "format_version")), 1);
    assert_true((float)json_real_value(json_object_get(golden, "initial_learning_rate")) == 0.1f);
    json_array_foreach(cases, i, entry)
    {
        const char *config = json_string_value(json_object_get(entry, "config"));
        const size_t epochs = json_array_size(json_object_get(entry, "values"));

        n[0] += strncmp(config, "early_stopping", 14) == 0;
        n[1] += strncmp(config, "reduce_lr_on_plateau", 20) == 0;
        n[2] += strncmp(config, "model_checkpoint", 16) == 0;
        good &= run_case(entry, batches, SIZE_MAX);
        for (size_t e = i % 2; e < epochs && good; e += 2)
            good &= run_case(entry, batches, e);
    }
    assert_true(good);
    assert_int_equal(n[0], 29);
    assert_int_equal(n[1], 15);
    assert_int_equal(n[2], 13);
    json_decref(golden);
}

/* ---- learning rates ---- */

static void a_table_sets_the_rate(void **state)
{
    const float want[] = {0.1f, 0.5f, 0.5f, 0.25f, 0.25f};
    run r;

    (void)state;
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT, "  - learning_rate_scheduler: {schedule: {1: 0.5, 3: 0.25}}\n"), &r)));
    for (size_t e = 0; e < count_of(want); e++) {
        const ls_log log = {"loss", 1};

        assert_true(ok(ls_callbacks_epoch_begin(r.callbacks)));
        assert_true(r.trainer->updater->learning_rate == want[e]);
        assert_true(end_epoch(&r, &log, 1) == (double)want[e]);
    }
    close_run(&r);
}

/* 0.5 * 0.25^(epoch / 2), which is exact at every epoch. */
static void a_schedule_sets_the_rate(void **state)
{
    float want = 0.5f;
    run r;

    (void)state;
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT,
                                       "  - learning_rate_scheduler: {schedule: {exponential_decay: "
                                       "{initial_learning_rate: 0.5, decay_steps: 2, decay_rate: 0.25}}}\n"),
                            &r)));
    for (size_t e = 0; e < 4; e++, want /= 2, r.trainer->epoch++) {
        assert_true(ok(ls_callbacks_epoch_begin(r.callbacks)));
        assert_true(close_to((double)r.trainer->updater->learning_rate, (double)want, 0, 1e-7));
    }
    close_run(&r);
}

/* ---- csv_logger ---- */

static void read_text(const char *name, char *out, size_t bytes)
{
    char path[512];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", training_run, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(out, 1, bytes - 1, f);
    out[n] = '\0';
    fclose(f);
}

static void write_text(const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", training_run, name);
    assert_true(ok(ls_file_replace(path, text, strlen(text))));
}

static void log_three(const char *experiment, size_t restart_after)
{
    const ls_log first[] = {{"mae", (double)0.1f}, {"loss", 1}};
    const ls_log second[] = {{"mae", 1e-5}, {"loss", (double)NAN}, {"val_mae", 3}, {"val_loss", (double)INFINITY}};
    const ls_log third[] = {{"mae", 0.5}, {"loss", 16777216}, {"late", 7}};
    run r;

    assert_true(ok(open_run(experiment, &r)));
    assert_true(ok(ls_callbacks_train_begin(r.callbacks)));
    for (size_t e = 0; e < 3; e++) {
        end_epoch(&r, e == 0 ? first : e == 1 ? second : third, e == 0 ? 2 : e == 1 ? 4 : 3);
        if (e == restart_after) {
            end_epoch(&r, third, 3); /* a row that the file has but the checkpoint will not */
            r.trainer->epoch--;
            close_run(&r);
            assert_true(ok(open_run(experiment, &r)));
            assert_true(ok(ls_checkpoint_read(r.trainer, r.callbacks, state_file, false, &(ls_earlier_rows){0})));
            r.callbacks->run.resumed = true;
            assert_true(ok(ls_callbacks_train_begin(r.callbacks)));
        } else if (restart_after != SIZE_MAX) {
            assert_true(ok(ls_checkpoint_write(r.trainer, r.callbacks, state_file)));
        }
    }
    close_run(&r);
}

/* Keras fixes its columns at the first row; without validation there, each column gets a twin for it. */
static void the_csv_log_is_keras_s(void **state)
{
    char text[1024];
    run r;

    (void)state;
    log_three(EXPERIMENT(SGD, FIT, "  - csv_logger: {filename: log.csv}\n"), SIZE_MAX);
    read_text("log.csv", text, sizeof text);
    assert_string_equal(text, "epoch,loss,mae,val_loss,val_mae\r\n0,1.0,0.10000000149011612,NA,NA\r\n"
                              "1,nan,1e-05,inf,3.0\r\n2,16777216.0,0.5,NA,NA\r\n");
    log_three(EXPERIMENT(SGD, FIT, "  - csv_logger: {filename: log.csv, separator: ;}\n"), SIZE_MAX);
    read_text("log.csv", text, sizeof text);
    assert_string_equal(text, "epoch;loss;mae;val_loss;val_mae\r\n0;1.0;0.10000000149011612;NA;NA\r\n"
                              "1;nan;1e-05;inf;3.0\r\n2;16777216.0;0.5;NA;NA\r\n");
    /* What contains the separator is quoted. */
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT, "  - csv_logger: {filename: log.csv, separator: .}\n"), &r)));
    end_epoch(&r, &(ls_log){"loss", 2}, 1);
    read_text("log.csv", text, sizeof text);
    assert_string_equal(text, "epoch.loss.val_loss\r\n0.\"2.0\".NA\r\n");
    close_run(&r);
}

static void the_csv_log_goes_on_when_resumed(void **state)
{
    const char *const experiment = EXPERIMENT(SGD, FIT, "  - csv_logger: {filename: log.csv, append: true}\n");
    const char *const rows = "0,1.0,0.10000000149011612,NA,NA\r\n1,nan,1e-05,inf,3.0\r\n2,16777216.0,0.5,NA,NA\r\n";
    char text[1024], want[1024];

    (void)state;
    for (size_t after = 1; after <= 2; after++) {
        write_text("log.csv", "what was there\r\n");
        log_three(experiment, after == 1 ? SIZE_MAX : 1);
        read_text("log.csv", text, sizeof text);
        /* A second start after epoch 1 has the checkpoint of epoch 0: its row 1 is that of the third logs. */
        snprintf(want, sizeof want, "what was there\r\n%s", after == 1 ? rows : "0,1.0,0.10000000149011612,NA,NA\r\n");
        assert_int_equal(strncmp(text, want, strlen(want)), 0);
        assert_null(strstr(text, "epoch"));
        if (after == 2)
            assert_string_equal(text + strlen(want), "1,16777216.0,0.5,NA,NA\r\n");
    }
    /* An empty file gets a header. */
    write_text("log.csv", "");
    log_three(experiment, SIZE_MAX);
    read_text("log.csv", text, sizeof text);
    assert_int_equal(strncmp(text, "epoch,loss,", 11), 0);
}

/* ---- file names ---- */

/* What Python's str.format gives, epoch=7, batch=12, loss=0.123456789, acc=1.0, big=-1234.5. */
static void paths_are_formatted_as_python_does(void **state)
{
    const ls_log log[] = {{"loss", 0.123456789}, {"acc", 1.0}, {"big", -1234.5}};
    const ls_path_values values = {.epoch = 7, .batch = 12, .log = log, .logs = 3};
    static const char *const good[][2] = {
        {"plain.h5", "plain.h5"},
        {"m.{epoch:02d}-{loss:.4f}.h5", "m.07-0.1235.h5"},
        {"{epoch}{batch}{epoch:d}", "7127"},
        {"{epoch:04}|{epoch:4}|{epoch:<4}|{epoch:^4}|{epoch:*>4}", "0007|   7|7   | 7  |***7"},
        {"{epoch:+d}|{epoch: d}|{epoch:+04d}", "+7| 7|+007"},
        {"{loss}|{acc}|{big}", "0.123456789|1.0|-1234.5"},
        {"{loss:f}|{loss:.2e}|{loss:.3g}|{loss:.1%}|{loss:E}", "0.123457|1.23e-01|0.123|12.3%|1.234568E-01"},
        {"{big:010.2f}|{big:>10.1f}|{big:<10.1f}|{big:^10.1f}|{acc:+.1f}",
         "-001234.50|   -1234.5|-1234.5   | -1234.5  |+1.0"},
        {"{{{epoch}}}", "{7}"},
    };
    static const char *const bad[][2] = {
        {"{val_loss}", "val_loss"},
        {"{epoch:02f}", "02f"},
        {"{loss:d}", "{loss:d}"},
        {"{loss:.f}", ".f"},
        {"{epoch", "no '}'"},
        {"epoch}", "without"},
        {"{}", "{}"},
        {"{loss:.3}", ".3"},
        {"{loss:999f}", "999f"},
        {"{loss!r}", "{loss!r}"},
        {"{loss:.2fx}", ".2fx"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(good); i++) {
        ls_text out = {0};

        assert_true(ok(ls_path_format(good[i][0], &values, &out)));
        assert_string_equal(out.data, good[i][1]);
        ls_text_reset(&out);
    }
    for (size_t i = 0; i < count_of(bad); i++) {
        ls_text out = {0};

        FAILS(ls_path_format(bad[i][0], &values, &out), LS_ERR_CONFIG, bad[i][1]);
        ls_text_reset(&out);
    }
}

/* A directory of the name is made. */
static void directories_of_a_path_are_made(void **state)
{
    char path[512];
    struct stat file;
    run r;

    (void)state;
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT, "  - model_checkpoint: {filepath: 'a/b/{epoch}.h5'}\n"), &r)));
    end_epoch(&r, &(ls_log){"loss", 1}, 1);
    close_run(&r);
    snprintf(path, sizeof path, "%s/a/b/1.h5", training_run);
    assert_int_equal(stat(path, &file), 0);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

/* save_weights_only: the layout that Keras's load_weights reads. */
static void weights_alone_are_saved_for_keras(void **state)
{
    const size_t kernel[] = {1, 2}, last[] = {3, 1}, width[] = {2};
    const char *const experiment =
        "data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
        "model:\n  - dense: {units: 2, name: first}\n  - batch_normalization: {}\n  - dropout: {rate: 0.5}\n"
        "  - dense: {units: 3}\n  - dense: {units: 1, use_bias: false}\n"
        "compile: {optimizer: sgd, loss: mse}\n"
        "callbacks:\n  - model_checkpoint: {filepath: w.weights.h5, save_weights_only: true}\n";
    char path[512], *name;
    float value[3];
    hid_t f;
    run r;

    (void)state;
    assert_true(ok(open_run(experiment, &r)));
    for (size_t i = 0; i < r.trainer->model->params; i++)
        for (size_t k = 0; k < r.trainer->model->param[i]->size; k++)
            r.trainer->model->param[i]->value[k] = (float)(100 * i + k);
    end_epoch(&r, &(ls_log){"loss", 1}, 1);
    snprintf(path, sizeof path, "%s/w.weights.h5", training_run);
    assert_true(ok(ls_h5_open_read(path, &f)));
    assert_true(ls_h5_has(f, "/vars") && ls_h5_has(f, "/layers/dropout/vars"));
    assert_false(ls_h5_has(f, "/layers/input_layer") || ls_h5_has(f, "/lockstep"));
    assert_true(ok(ls_h5_get_text(f, "/layers/dense/vars", "name", &name)));
    assert_string_equal(name, "first");
    ls_free(name);
    assert_true(ok(ls_h5_get_array(f, "/layers/dense/vars/0", H5T_NATIVE_FLOAT, 2, kernel, value)));
    assert_true(value[0] == 0 && value[1] == 1);
    /* Trainable ones come first in the model, but a layer keeps its own together. */
    assert_true(ok(ls_h5_get_array(f, "/layers/batch_normalization/vars/0", H5T_NATIVE_FLOAT, 1, width, value)));
    assert_true(value[0] == 200);
    assert_true(ok(ls_h5_get_array(f, "/layers/batch_normalization/vars/3", H5T_NATIVE_FLOAT, 1, width, value)));
    assert_true(value[1] == 801);
    assert_true(ok(ls_h5_get_array(f, "/layers/dense_2/vars/0", H5T_NATIVE_FLOAT, 2, last, value)));
    assert_true(value[2] == 602);
    assert_true(ls_h5_has(f, "/layers/dense_1/vars/1") && !ls_h5_has(f, "/layers/dense_2/vars/1"));
    /* Plain sgd has two variables, iteration and rate. */
    assert_true(ok(ls_h5_get_array(f, "/optimizer/vars/1", H5T_NATIVE_FLOAT, 0, NULL, value)));
    assert_true(value[0] == 0.01f && !ls_h5_has(f, "/optimizer/vars/2"));
    ls_h5_close(f);
    close_run(&r);
}

/* ---- messages ---- */

static void messages_are_keras_s(void **state)
{
    char text[1024] = "";
    FILE *out = tmpfile();
    run r;

    (void)state;
    assert_non_null(out);
    assert_true(ok(open_run_to(EXPERIMENT(SGD, FIT,
                                          "  - early_stopping: {verbose: 1, restore_best_weights: true}\n"
                                          "  - reduce_lr_on_plateau: {verbose: 1, patience: 1}\n"
                                          "  - model_checkpoint: {filepath: b.h5, verbose: 1, save_best_only: true}\n"
                                          "  - learning_rate_scheduler: {verbose: 1, schedule: {0: 0.5}}\n"),
                               out, &r)));
    assert_true(ok(ls_callbacks_epoch_begin(r.callbacks)));
    end_epoch(&r, &(ls_log){"val_loss", 0.5}, 1);
    end_epoch(&r, &(ls_log){"val_loss", 0.75}, 1);
    assert_true(ok(ls_callbacks_train_end(r.callbacks)));
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    assert_string_equal(text, "Epoch 1: LearningRateScheduler setting learning rate to 0.5.\n"
                              "Epoch 1: val_loss improved from None to 0.50000, saving model to b.h5\n"
                              "Epoch 1: finished saving model to b.h5\n"
                              "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.0500000007.\n"
                              "Epoch 2: val_loss did not improve from 0.50000\n"
                              "Epoch 2: early stopping\n"
                              "Restoring model weights from the end of the best epoch: 1.\n");
    fclose(out);
    close_run(&r);
}

/* Where each callback is held against Keras's: a new one needs a line, and the test that it names. */
static void every_callback_has_a_case(void **state)
{
    static const struct {
        const char *name, *shown_by;
    } cases[] = {
        {"csv_logger", "the_csv_log_is_keras_s"},
        {"early_stopping", "golden/callbacks.json"},
        {"learning_rate_scheduler", "a_table_sets_the_rate, a_schedule_sets_the_rate"},
        {"model_checkpoint", "golden/callbacks.json"},
        {"reduce_lr_on_plateau", "golden/callbacks.json"},
        {"tensorboard", "mpi/test_tensorboard.c"},
        {"terminate_on_nan", "mpi/test_callbacks.c"},
    };

    (void)state;
    assert_true(all_covered(&ls_callback_registry, cases, count_of(cases), sizeof cases[0]));
}

/* ---- what is refused ---- */

static void wrong_arguments_are_refused(void **state)
{
    static const char *const cases[][3] = {
        /* the entry, and two words of the message */
        {"early_stoping", "early_stopping", ":7:"},
        {"early_stopping: {patence: 3}", "patience", ":7:"},
        {"early_stopping: {monitor: val_acc}", "val_accuracy", ":7:"},
        {"early_stopping: {monitor: lr, mode: min}", "there will be: loss, accuracy, mae", "'lr'"},
        {"early_stopping: {mode: up}", "auto, min, max", ":7:"},
        {"early_stopping: [1]", "early_stopping", ":7:"},
        {"reduce_lr_on_plateau: {factor: 1.0}", "factor", ":7:"},
        {"reduce_lr_on_plateau: {monitor: learning_rate}", "mode: max", "mode: min"},
        {"model_checkpoint", "filepath", ":7:"},
        {"model_checkpoint: {}", "filepath", ":7:"},
        {"model_checkpoint: {filepath: m.onnx}", ".keras or .h5", "m.onnx"},
        {"model_checkpoint: {filepath: m.keras, save_weights_only: true}", ".weights.h5", "m.keras"},
        {"model_checkpoint: {filepath: m.weights.h5}", "save_weights_only", ":7:"},
        {"model_checkpoint: {filepath: m.h5, save_weights_only: true}", ".weights.h5", ":7:"},
        {"model_checkpoint: {filepath: ./checkpoint.h5}", "every run writes", ":7:"},
        {"model_checkpoint: {filepath: 'checkpoint-update{epoch}.h5'}", "every run writes", ":7:"},
        {"model_checkpoint: {filepath: m.h5, save_freq: 0}", "save_freq", ":7:"},
        {"model_checkpoint: {filepath: m.h5, save_freq: often}", "save_freq", ":7:"},
        {"model_checkpoint: {filepath: m.h5, save_freq: 2, save_best_only: true}", "val_loss", "save_freq: 2"},
        {"model_checkpoint: {filepath: 'm{batch}.h5'}", "{batch}", "epoch, loss"},
        {"model_checkpoint: {filepath: 'm{val_loss}.h5', save_freq: 2}", "{val_loss}", "epoch, batch, loss"},
        {"model_checkpoint: {filepath: 'm{epoch:x}.h5'}", "{epoch:x}", ":7:"},
        {"model_checkpoint: {filepath: m.h5, monitor: nothing}", "nothing", ":7:"},
        {"learning_rate_scheduler", "schedule", ":7:"},
        {"learning_rate_scheduler: {schedule: {0: 0.1, -1: 2}}", "'-1'", ":7:"},
        {"learning_rate_scheduler: {schedule: {0: 0.1, 3: 0.2, 2: 0.3}}", "rise", ":7:"},
        {"learning_rate_scheduler: {schedule: {0: -0.1}}", "schedule", ":7:"},
        {"learning_rate_scheduler: {schedule: cosine}", "cosine_decay", ":7:"},
        {"csv_logger", "filename", ":7:"},
        {"csv_logger: {filename: history.csv}", "every run writes", ":7:"},
        {"csv_logger: {filename: x/../checkpoint.h5}", "every run writes", ":7:"},
        {"csv_logger: {filename: .//a/./b/../../run.json}", "every run writes", ":7:"},
        {"model_checkpoint: {filepath: 'x/../checkpoint-update{epoch}.h5'}", "every run writes", ":7:"},
        {"tensorboard: {log_dir: x/../model.h5}", "every run writes", ":7:"},
        {"csv_logger: {filename: a.csv, separator: ab}", "one character", ":7:"},
        {"backup_and_restore: {backup_dir: x}", "--resume", ":7:"},
    };
    run r;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        char experiment[2048];

        snprintf(experiment, sizeof experiment, EXPERIMENT(SGD, FIT, "  - %s\n"), cases[i][0]);
        if (!failed_with(open_run(experiment, &r), LS_ERR_CONFIG,
                         (const char *const[]){cases[i][1], cases[i][2], NULL}))
            fail_msg("%s", cases[i][0]);
    }
    FAILS(open_run(EXPERIMENT(SGD, FIT, "  early_stopping: {}\n"), &r), LS_ERR_CONFIG, "list");
    /* Without validation there is no val_loss; not every epoch has one when validation is rarer. */
    FAILS(open_run(EXPERIMENT(SGD, "epochs: 2", "  - early_stopping: {}\n"), &r), LS_ERR_CONFIG, "val_loss",
          "validation_data", ":7:");
    FAILS(open_run(EXPERIMENT(SGD, FIT ", validation_freq: 2", "  - model_checkpoint: {filepath: '{val_loss}.h5'}\n"),
                   &r),
          LS_ERR_CONFIG, "val_loss", ":7:");
    /* Known before the first epoch: Keras could not load the archive. */
    FAILS(open_run("data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
                   "model:\n  - dense: {units: 1, activation: {gelu: {approximate: true}}}\n"
                   "compile: {optimizer: sgd, loss: mse}\n"
                   "callbacks:\n  - model_checkpoint: {filepath: m.keras}\n",
                   &r),
          LS_ERR_CONFIG, "gelu", ".weights.h5", ":6:");
    /* A rate that follows a schedule is not a callback's to set. */
#define SCHEDULE "optimizer: {sgd: {learning_rate: {cosine_decay: {initial_learning_rate: 0.1, decay_steps: 9}}}}"
    FAILS(open_run(EXPERIMENT(SCHEDULE, FIT, "  - reduce_lr_on_plateau: {}\n"), &r), LS_ERR_CONFIG, "cosine_decay",
          ":7:");
    FAILS(open_run(EXPERIMENT(SCHEDULE, FIT, "  - learning_rate_scheduler: {schedule: {0: 1}}\n"), &r), LS_ERR_CONFIG,
          "cosine_decay", ":7:");
}

/* That losses of outputs should fall goes without saying (Keras wants a mode), as it does for their metrics. */
static void losses_of_outputs_should_fall(void **state)
{
    static const char experiment[] =
        "data: {file: data.h5, train: {x: /train/x, y: {a: /train/y, b: /train/y}}}\n"
        "model:\n  inputs: {x: {shape: [1]}}\n  layers:\n    - {name: a, dense: {units: 1}, inputs: [x]}\n"
        "    - {name: b, dense: {units: 1}, inputs: [x]}\n  outputs: [a, b]\n"
        "compile: {loss: {a: mse, b: mae}, metrics: {a: [r2_score]}}\n"
        "fit: {batch_size: 4, validation_split: 0.5}\n"
        "callbacks:\n  - early_stopping: {monitor: val_a_loss}\n  - reduce_lr_on_plateau: {monitor: b_loss}\n"
        "  - model_checkpoint: {filepath: m.h5, monitor: val_b_loss, save_best_only: true}\n";
    run r;

    (void)state;
    assert_true(ok(open_run(experiment, &r)));
    assert_int_equal(ls_scores_direction(r.trainer->scores, "a_loss"), LS_METRIC_DOWN);
    assert_int_equal(ls_scores_direction(r.trainer->scores, "b_loss"), LS_METRIC_DOWN);
    assert_int_equal(ls_scores_direction(r.trainer->scores, "a_r2_score"), LS_METRIC_UP);
    assert_int_equal(ls_scores_direction(r.trainer->scores, "c_loss"), LS_METRIC_UNKNOWN);
    close_run(&r);
}

/* A checkpoint of other callbacks is gone on from, and that is noted; Keras's class names are as good as ours. */
static void a_checkpoint_of_other_callbacks_is_noted(void **state)
{
    const char *const experiment = EXPERIMENT(SGD, FIT, "  - EarlyStopping: {patience: 2}\n  - terminate_on_nan\n");
    hid_t f;
    run r;

    (void)state;
    assert_true(ok(open_run(experiment, &r)));
    assert_true(ok(ls_checkpoint_write(r.trainer, r.callbacks, state_file)));
    close_run(&r);
    assert_true(ok(ls_h5_open_read(state_file, &f)));
    assert_true(ls_h5_has(f, "/lockstep/callbacks/1_terminate_on_nan"));
    ls_h5_close(f);
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT, "  - EarlyStopping: {patience: 3}\n  - terminate_on_nan\n"), &r)));
    assert_true(ok(ls_checkpoint_read(r.trainer, r.callbacks, state_file, false, &(ls_earlier_rows){0})));
    assert_non_null(r.callbacks->changes.kept);
    assert_non_null(strstr(r.callbacks->changes.kept, "patience: 2"));
    assert_non_null(strstr(r.callbacks->changes.kept, "patience: 3"));
    assert_null(r.callbacks->changes.other);
    close_run(&r);
    assert_true(ok(open_run(EXPERIMENT(SGD, FIT, "  []\n"), &r)));
    assert_true(ok(ls_checkpoint_read(r.trainer, r.callbacks, state_file, false, &(ls_earlier_rows){0})));
    assert_non_null(strstr(r.callbacks->changes.kept, "EarlyStopping"));
    /* Without callbacks a file holds nothing of them. */
    assert_true(ok(ls_checkpoint_write(r.trainer, r.callbacks, state_file)));
    close_run(&r);
    assert_true(ok(ls_h5_open_read(state_file, &f)));
    assert_false(ls_h5_has(f, "/lockstep/callbacks"));
    ls_h5_close(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(callbacks_decide_as_keras_s),
    cmocka_unit_test(every_callback_has_a_case),
    cmocka_unit_test(a_table_sets_the_rate),
    cmocka_unit_test(a_schedule_sets_the_rate),
    cmocka_unit_test(the_csv_log_is_keras_s),
    cmocka_unit_test(the_csv_log_goes_on_when_resumed),
    cmocka_unit_test(paths_are_formatted_as_python_does),
    cmocka_unit_test(directories_of_a_path_are_made),
    cmocka_unit_test(weights_alone_are_saved_for_keras),
    cmocka_unit_test(messages_are_keras_s),
    cmocka_unit_test(wrong_arguments_are_refused),
    cmocka_unit_test(a_checkpoint_of_other_callbacks_is_noted),
    cmocka_unit_test(losses_of_outputs_should_fall),
};

LS_MPI_MAIN(tests, set_up, training_tear_down)
