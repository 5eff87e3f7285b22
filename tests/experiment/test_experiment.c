/*
 * Experiments: Keras's defaults, every setting, every refusal with its place, --set, paths, and writing them out again.
 */
#include "files.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "data/sampler.h"
#include "experiment/experiment.h"
#include "nn/model.h"

#define DATA "data: {file: d.h5, train: {x: /x, y: /y}}\n"
#define MODEL "model: [dense: {units: 1}]\n"

static ls_experiment *parse_as(const char *text, const char *name)
{
    ls_experiment *e = NULL;

    assert_true(ok(ls_experiment_parse(text, strlen(text), name, &e)));
    return e;
}

static ls_experiment *parse(const char *text)
{
    return parse_as(text, "e.yaml");
}

static void fails(const char *text, const char *const *words)
{
    ls_experiment *e = (ls_experiment *)&e;

    if (!failed_with(ls_experiment_parse(text, strlen(text), "e.yaml", &e), LS_ERR_CONFIG, words))
        fail_msg("of\n%s", text);
    assert_null(e);
}
#define REFUSED(text, ...) fails((text), (const char *const[]){__VA_ARGS__, NULL})

/* ---- what is read ---- */

static void defaults_are_keras_s(void **state)
{
    ls_experiment *e = parse(DATA MODEL);

    (void)state;
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "rmsprop");
    assert_true(e->optimizer.common.learning_rate == (double)0.001f);
    assert_int_equal(e->fit.epochs, 1);
    assert_int_equal(e->fit.batch_size, 32);
    assert_int_equal(e->fit.microbatch, 16);
    assert_true(e->fit.shuffle);
    assert_int_equal(e->fit.validation_freq, 1);
    assert_true(e->fit.validation_batch_size == e->fit.batch_size);
    assert_true(e->fit.validation_split == 0 && !e->fit.validation_data);
    assert_int_equal(e->fit.checkpoint_every, 0);
    assert_int_equal(e->fit.checkpoint_keep, 1);
    assert_true(e->fit.checkpoint_seconds == LS_CHECKPOINT_AUTO);
    assert_int_equal(e->fit.initial_epoch, 0);
    assert_true(e->fit.steps_per_epoch == 0 && e->fit.validation_steps == 0);
    assert_int_equal(e->distributed.arithmetic, LS_ARITHMETIC_PORTABLE);
    assert_int_equal(e->distributed.reduction, LS_REDUCTION_EXACT);
    assert_int_equal(e->distributed.grid, LS_GRID_CARRIED);
    assert_string_equal(e->distributed.allreduce, "auto");
    assert_int_equal(e->distributed.bucket_kib, 4096);
    assert_int_equal(e->distributed.segment_kib, 256);
    assert_true(e->distributed.timeout_s == 600);
    assert_null(e->distributed.blas_kernel);
    assert_true(e->seed == 0 && !e->name && !e->output && !e->initial_weights && !e->compile);
    assert_int_equal(e->data.splits, 1);
    ls_experiment_free(e);

    e = parse(DATA MODEL "compile: null\nfit: null\ndistributed: null\nname: null\n");
    assert_int_equal(e->fit.batch_size, 32);
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "rmsprop");
    assert_true(!e->name && !e->compile);
    ls_experiment_free(e);

    e = parse(MODEL); /* a program may bring its own data */
    assert_int_equal(e->data.splits, 0);
    ls_experiment_free(e);
}

static void reads_every_setting(void **state)
{
    ls_experiment *e = parse(
        "name: trial\n"
        "seed: 9223372036854775807\n"
        "initial_weights: start.h5\n" DATA MODEL
        "compile: {optimizer: {adam: {learning_rate: 0.5, clipnorm: 2}}, loss: mse}\n"
        "fit: {epochs: 7, batch_size: 100, microbatch: 30, shuffle: false, validation_split: 0.25,\n"
        "      validation_freq: 2, validation_batch_size: 50, checkpoint_every: 11, class_weight: {0: 1, 7: 2.5}}\n"
        "distributed: {reduction: fast, grid: static, allreduce: mpi, bucket_kib: 8, segment_kib: 4,\n"
        "              timeout: 1.5, arithmetic: openblas, blas_kernel: haswell}\n"
        "output: runs/trial\n");

    (void)state;
    assert_string_equal(e->name, "trial");
    assert_true(e->seed == (uint64_t)INT64_MAX);
    assert_string_equal(e->initial_weights, "start.h5");
    assert_string_equal(e->output, "runs/trial");
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "adam");
    assert_true(e->optimizer.common.learning_rate == 0.5 && e->optimizer.common.clipnorm == 2);
    assert_true(e->fit.epochs == 7 && e->fit.batch_size == 100 && e->fit.microbatch == 30 && !e->fit.shuffle);
    assert_true(e->fit.validation_split == 0.25 && e->fit.validation_freq == 2);
    assert_true(e->fit.validation_batch_size == 50 && e->fit.checkpoint_every == 11);
    assert_true(e->fit.class_weights == 2 && e->fit.class_weight[1].label == 7 &&
                e->fit.class_weight[1].weight == 2.5f);
    assert_int_equal(e->distributed.arithmetic, LS_ARITHMETIC_OPENBLAS);
    assert_int_equal(e->distributed.reduction, LS_REDUCTION_FAST);
    assert_int_equal(e->distributed.grid, LS_GRID_STATIC);
    assert_string_equal(e->distributed.allreduce, "mpi");
    assert_true(e->distributed.bucket_kib == 8 && e->distributed.segment_kib == 4 && e->distributed.timeout_s == 1.5);
    assert_string_equal(e->distributed.blas_kernel, "haswell");
    ls_experiment_free(e);
}

/* The largest power of two <= batch / 4, within 16 … 64, never above the batch. */
static void chooses_microbatches(void **state)
{
    static const int64_t cases[][2] = {{1, 1},    {8, 8},    {15, 15},  {16, 16},  {64, 16},  {127, 16},
                                       {128, 32}, {255, 32}, {256, 64}, {512, 64}, {8192, 64}};

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++)
        for (int written = 0; written < 3; written++) {
            char text[256];
            ls_experiment *e;

            snprintf(text, sizeof text, DATA MODEL "fit: {batch_size: %d%s}\n", (int)cases[i][0],
                     written == 0   ? ""
                     : written == 1 ? ", microbatch: auto"
                                    : ", microbatch: null");
            e = parse(text);
            assert_int_equal(e->fit.microbatch, cases[i][1]);
            ls_experiment_free(e);
        }
}

static void a_microbatch_is_at_most_a_batch(void **state)
{
    ls_experiment *e = parse(DATA MODEL "fit: {batch_size: 10, microbatch: 64}\n");

    (void)state;
    assert_int_equal(e->fit.microbatch, 10);
    ls_experiment_free(e);
}

static void reads_splits(void **state)
{
    ls_experiment *e =
        parse_as("data:\n"
                 "  file: d.h5\n"
                 "  train:\n"
                 "    x: {image: /train/img, tabular: {path: /train/tab, scale: 0.5, offset: -1, file: tab.h5}}\n"
                 "    y: {path: /train/y, one_hot: 10}\n"
                 "    sample_weight: /train/w\n"
                 "    rows: [5000, 60000]\n"
                 "  test: {x: /test/x, file: /data/t.h5}\n" MODEL "fit: {validation_data: test}\n",
                 "dir/e.yaml");
    const ls_split_spec *train = ls_experiment_split(e, "train"), *test = ls_experiment_split(e, "test");

    (void)state;
    assert_true(train && test && !ls_experiment_split(e, "file") && e->data.splits == 2);
    assert_true(train->xs == 2 && train->ys == 1 && train->weights == 1);
    assert_string_equal(train->x[0].name, "image");
    assert_string_equal(train->x[0].path, "/train/img");
    assert_string_equal(train->x[0].file, "dir/d.h5");
    assert_true(train->x[0].one_hot == 0 && isnan(train->x[0].scale) && isnan(train->x[0].offset));
    assert_string_equal(train->x[1].name, "tabular");
    assert_string_equal(train->x[1].file, "dir/tab.h5");
    assert_true(train->x[1].scale == 0.5 && train->x[1].offset == -1);
    assert_null(train->y[0].name);
    assert_true(train->y[0].one_hot == 10);
    assert_string_equal(train->sample_weight[0].path, "/train/w");
    assert_true(train->has_rows && train->rows[0] == 5000 && train->rows[1] == 60000);
    assert_true(test->xs == 1 && test->ys == 0 && test->weights == 0 && !test->has_rows);
    assert_string_equal(test->x[0].file, "/data/t.h5"); /* absolute */
    assert_string_equal(e->fit.validation_data, "test");
    ls_experiment_free(e);
}

static void paths_are_relative_to_the_file(void **state)
{
    static const char text[] =
        "initial_weights: ../w.h5\noutput: runs/x\ndata: {file: ../d.h5, train: {x: /x}}\n" MODEL;
    static const struct {
        const char *name, *data, *weights;
    } cases[] = {
        {"a/b/e.yaml", "a/b/../d.h5", "a/b/../w.h5"},
        {"e.yaml", "../d.h5", "../w.h5"},
        {"/e.yaml", "/../d.h5", "/../w.h5"},
        {NULL, "../d.h5", "../w.h5"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_experiment *e = parse_as(text, cases[i].name);

        assert_string_equal(e->data.split[0].x[0].file, cases[i].data);
        assert_string_equal(e->initial_weights, cases[i].weights);
        assert_string_equal(e->output, "runs/x"); /* where the user stands */
        ls_experiment_free(e);
    }
}

/* ---- refusals ---- */

static void refuses_at_the_top(void **state)
{
    (void)state;
    REFUSED("- a\n", "e.yaml:1:1", "map");
    REFUSED("", "e.yaml");
    REFUSED(DATA MODEL "epochs: 3\n", "e.yaml:3:1", "write fit: {epochs: 3}");
    REFUSED(DATA MODEL "distributd: {}\n", "e.yaml:3:1", "'distributd'", "did you mean 'distributed'");
    REFUSED("seed: -1\n" DATA MODEL, "e.yaml:1:7", "seed", "-1");
    REFUSED("seed: first\n" DATA MODEL, "e.yaml:1:7", "seed", "'first'");
    REFUSED("seed: 9223372036854775808\n" DATA MODEL, "e.yaml:1:7", "seed");
    REFUSED("name: [a]\n" DATA MODEL, "e.yaml:1:7", "name");
    REFUSED("output: {a: b}\n" DATA MODEL, "e.yaml:1:9", "output");
    REFUSED("initial_weights: [a]\n" DATA MODEL, "e.yaml:1:18", "initial_weights");
    REFUSED(DATA, "model");
    REFUSED(DATA "model: null\n", "model");
}

static void refuses_data(void **state)
{
    (void)state;
    REFUSED("data: [d.h5]\n" MODEL, "e.yaml:1:7", "data");
    REFUSED("data: {file: d.h5, train: /x}\n" MODEL, "e.yaml:1:20", "train: {file: /x, x: /x, y: /y}");
    REFUSED("data: {file: [d.h5], train: {x: /x}}\n" MODEL, "e.yaml:1:14", "data.file");
    REFUSED("data: {file: d.h5, train: {x: /x, weights: /w}}\n" MODEL, "e.yaml:1:35", "'weights'", "data.train");
    REFUSED("data: {file: d.h5, train: {y: /y}}\n" MODEL, "e.yaml:1:27", "data.train", "x");
    REFUSED("data: {train: {x: /x}}\n" MODEL, "e.yaml:1:19", "no file is named", "file: ...");
    REFUSED("data: {file: d.h5, train: {x: /x, rows: 5}}\n" MODEL, "e.yaml:1:41", "rows is a pair");
    REFUSED("data: {file: d.h5, train: {x: /x, rows: [1, 2, 3]}}\n" MODEL, "e.yaml:1:41", "rows is a pair");
    REFUSED("data: {file: d.h5, train: {x: /x, rows: [7, 7]}}\n" MODEL, "e.yaml:1:41", "[7, 7) holds no sample");
    REFUSED("data: {file: d.h5, train: {x: /x, rows: [0, many]}}\n" MODEL, "e.yaml:1:45", "'many'");
    REFUSED("data: {file: d.h5, train: {x: /x, rows: [-1, 4]}}\n" MODEL, "e.yaml:1:42", "-1");
    REFUSED("data: {file: d.h5, train: {x: {}}}\n" MODEL, "e.yaml:1:31", "names no arrays");
    REFUSED("data: {file: d.h5, train: {x: [/a, /b]}}\n" MODEL, "e.yaml:1:31", "data.train");
    REFUSED("data: {file: d.h5, train: {x: {path: /x, onehot: 3}}}\n" MODEL, "e.yaml:1:42", "'onehot'",
            "did you mean 'one_hot'");
    REFUSED("data: {file: d.h5, train: {x: {a: {scale: 3}}}}\n" MODEL, "e.yaml:1:35", "path");
    REFUSED("data: {file: d.h5, train: {x: {path: /x, one_hot: 1}}}\n" MODEL, "e.yaml:1:51", "one_hot", "1");
    REFUSED("data: {file: d.h5, train: {x: {path: /x, scale: big}}}\n" MODEL, "e.yaml:1:49", "scale", "'big'");
    REFUSED("data: {file: d.h5, train: {x: {path: /x, offset: .nan}}}\n" MODEL, "e.yaml:1:50", "offset");
}

static void refuses_the_rest(void **state)
{
    (void)state;
    REFUSED(DATA MODEL "compile: sgd\n", "e.yaml:3:10", "compile");
    REFUSED(DATA MODEL "compile: {optimiser: sgd}\n", "e.yaml:3:11", "'optimiser'", "did you mean 'optimizer'");
    REFUSED(DATA MODEL "compile: {optimizer: adamm}\n", "e.yaml:3:22", "'adamm'", "adam");
    REFUSED(DATA MODEL "compile: {optimizer: {sgd: {learning_rat: 0.1}}}\n", "e.yaml:3:29", "'learning_rat'",
            "did you mean 'learning_rate'");
    REFUSED(DATA MODEL "fit: 5\n", "e.yaml:3:6", "fit");
    REFUSED(DATA MODEL "fit: {epoch: 5}\n", "e.yaml:3:7", "'epoch'", "did you mean 'epochs'");
    REFUSED(DATA MODEL "fit: {epochs: 0}\n", "e.yaml:3:15", "epochs", "0");
    REFUSED(DATA MODEL "fit: {epochs: 1.5}\n", "e.yaml:3:15", "epochs", "'1.5'");
    REFUSED(DATA MODEL "fit: {batch_size: 0}\n", "e.yaml:3:19", "batch_size");
    REFUSED(DATA MODEL "fit: {shuffle: batch}\n", "e.yaml:3:16", "shuffle", "'batch'");
    REFUSED(DATA MODEL "fit: {validation_split: 1.0}\n", "e.yaml:3:25", "validation_split");
    REFUSED(DATA MODEL "fit: {validation_freq: 0}\n", "e.yaml:3:24", "validation_freq");
    REFUSED(DATA MODEL "fit: {validation_batch_size: 0}\n", "e.yaml:3:30", "validation_batch_size");
    REFUSED(DATA MODEL "fit: {epochs: 3, initial_epoch: 3}\n", "e.yaml:3:33", "initial_epoch", "not a count");
    REFUSED(DATA MODEL "fit: {steps_per_epoch: 3}\n", "e.yaml:3:24", "batch_size");
    REFUSED(DATA MODEL "fit: {batch_size: 2, steps_per_epoch: 0}\n", "e.yaml:3:39", "steps_per_epoch");
    REFUSED(DATA MODEL "fit: {validation_steps: 0}\n", "e.yaml:3:25", "validation_steps");
    REFUSED(DATA MODEL "fit: {checkpoint_keep: 0}\n", "e.yaml:3:24", "checkpoint_keep");
    REFUSED(DATA MODEL "fit: {checkpoint_seconds: -1}\n", "e.yaml:3:27", "checkpoint_seconds");
    REFUSED(DATA MODEL "fit: {checkpoint_every: -1}\n", "e.yaml:3:25", "checkpoint_every");
    REFUSED(DATA MODEL "fit: {microbatch: 0}\n", "e.yaml:3:19", "fit.microbatch");
    REFUSED(DATA MODEL "fit: {microbatch: automatic}\n", "e.yaml:3:19", "fit.microbatch", "'automatic'");
    REFUSED(DATA MODEL "fit: {validation_data: [train]}\n", "e.yaml:3:7", "validation_data: test");
    REFUSED(DATA MODEL "fit: {validation_data: trane}\n", "e.yaml:3:24", "'trane'", "did you mean 'train'");
    REFUSED(DATA MODEL "fit: {class_weight: 2}\n", "e.yaml:3:21", "fit.class_weight");
    REFUSED(DATA MODEL "fit: {class_weight: {cat: 2}}\n", "e.yaml:3:22", "fit.class_weight", "'cat'");
    REFUSED(DATA MODEL "fit: {class_weight: {1: -2}}\n", "e.yaml:3:25", "fit.class_weight", "-2");
    REFUSED(DATA MODEL "distributed: ring\n", "e.yaml:3:14", "distributed");
    REFUSED(DATA MODEL "distributed: {reduction: exakt}\n", "e.yaml:3:26", "'exakt'", "exact");
    REFUSED(DATA MODEL "distributed: {grid: fixed}\n", "e.yaml:3:21", "'fixed'", "carried", "static");
    REFUSED(DATA MODEL "distributed: {allreduce: rings}\n", "e.yaml:3:26", "'rings'", "ring");
    REFUSED(DATA MODEL "distributed: {bucket_kib: 0}\n", "e.yaml:3:27", "bucket_kib");
    REFUSED(DATA MODEL "distributed: {segment_kib: 0}\n", "e.yaml:3:28", "segment_kib");
    REFUSED(DATA MODEL "distributed: {timeout: -1}\n", "e.yaml:3:24", "timeout");
    REFUSED(DATA MODEL "distributed: {arithmetic: openblas, blas_kernel: [a]}\n", "e.yaml:3:50", "blas_kernel");
    REFUSED(DATA MODEL "distributed: {blas_kernel: zen}\n", "e.yaml:3:28", "blas_kernel", "arithmetic: openblas");
    REFUSED(DATA MODEL "distributed: {arithmetic: portabel}\n", "e.yaml:3:27", "'portabel'", "portable", "openblas");
    REFUSED(DATA MODEL "distributed: {buckets: 4}\n", "e.yaml:3:15", "'buckets'");
}

/* ---- files and --set ---- */

static void settings_come_after_the_file(void **state)
{
    static const char *const good[] = {
        "fit.epochs=3",      "fit.batch_size=64",      "model.0.dense.units=7",  "seed=5",
        "data.test={x: /t}", "compile.optimizer=adam", "distributed.grid=static"};
    static const char *const unknown[] = {"fit.epoch=3"}, *const value[] = {"fit.epochs=none"};
    const char *const path = in_folder("e.yaml");
    ls_experiment *e = NULL;
    const ls_config *units;

    (void)state;
    FAILS(ls_experiment_read(path, NULL, 0, &e), LS_ERR_CONFIG, path);
    assert_null(e);
    assert_true(ok(ls_file_replace(path, DATA MODEL "fit: {epochs: 9}\n", strlen(DATA MODEL "fit: {epochs: 9}\n"))));
    assert_true(ok(ls_experiment_read(path, NULL, 0, &e)));
    assert_int_equal(e->fit.epochs, 9);
    ls_experiment_free(e);

    assert_true(ok(ls_experiment_read(path, good, count_of(good), &e)));
    assert_true(e->fit.epochs == 3 && e->fit.batch_size == 64 && e->fit.microbatch == 16 && e->seed == 5);
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "adam");
    assert_int_equal(e->distributed.grid, LS_GRID_STATIC);
    assert_non_null(ls_experiment_split(e, "test"));
    units = ls_config_get(ls_config_get(e->model->first, "dense"), "units");
    assert_string_equal(units->text, "7");
    ls_experiment_free(e);

    FAILS(ls_experiment_read(path, unknown, 1, &e), LS_ERR_CONFIG, "setting fit.epoch=3", "'epoch'");
    assert_null(e);
    FAILS(ls_experiment_read(path, value, 1, &e), LS_ERR_CONFIG, "setting fit.epochs=none", "'none'");
    assert_null(e);
}

/* ---- writing ---- */

static int occurrences(const char *text, const char *word)
{
    int n = 0;

    for (const char *c = text; (c = strstr(c, word)) != NULL; c++)
        n++;
    return n;
}

static void writes_what_parses_to_the_same(void **state)
{
    static const char *const texts[] = {
        DATA MODEL,
        "name: 'null'\nseed: 3\n" DATA
        "model:\n- flatten\n- dense: {units: 3, activation: relu}\n- dropout: {rate: 0.5}\n"
        "compile: {optimizer: {sgd: {learning_rate: 1.0e-3}}, loss: mse, metrics: [mae, mse]}\n"
        "fit: {batch_size: 10, microbatch: auto}\ndistributed: {grid: static}\noutput: 'a: b'\n",
        "data: {memory: 3MB, file: d.h5, train: {x: /x, y: /y}}\nmodel: [input: {shape: [4]}, dense: {units: 1}]\n",
        DATA "model:\n"
             "  inputs: {a: {shape: [4]}}\n"
             "  layers: [{name: o, dense: {units: 1}, inputs: a}]\n"
             "  outputs: [o]\n",
    };
    const ls_shape in = {.axes = 1, .dim = {4}};

    (void)state;
    for (size_t i = 0; i < count_of(texts); i++)
        for (int for_model = 0; for_model < 2; for_model++) {
            ls_experiment *e = parse(texts[i]), *again;
            ls_model *model = NULL, *twin = NULL;
            ls_text once = {0}, twice = {0};

            assert_true(ok(ls_model_create(e->model, NULL, &in, &model)));
            assert_true(ok(ls_experiment_write(e, model, for_model, &once)));
            again = parse(once.data);
            /* The input shape stands there now: no data is needed to make the model. */
            assert_true(ok(ls_model_create(again->model, NULL, NULL, &twin)));
            assert_true(twin->count == model->count && twin->nodes == model->nodes);
            for (size_t n = 0; n < model->nodes; n++) {
                assert_string_equal(twin->node[n].name, model->node[n].name);
                assert_true(ls_shape_equal(&twin->node[n].shape, &model->node[n].shape));
            }
            assert_true(again->seed == e->seed && again->fit.batch_size == e->fit.batch_size &&
                        again->fit.microbatch == e->fit.microbatch);
            assert_true(again->optimizer.common.learning_rate == e->optimizer.common.learning_rate);
            assert_true(!again->name == !e->name && (!e->name || strcmp(again->name, e->name) == 0));
            if (for_model)
                assert_true(!again->output && again->distributed.grid == LS_GRID_CARRIED && !again->data.memory_bytes);
            else
                assert_true(!again->output == !e->output && again->distributed.grid == e->distributed.grid &&
                            again->data.memory_bytes == e->data.memory_bytes);
            assert_true(ok(ls_experiment_write(again, twin, for_model, &twice)));
            assert_string_equal(once.data, twice.data);
            assert_int_equal(occurrences(once.data, "input:"), model->sequential);
            ls_text_reset(&once);
            ls_text_reset(&twice);
            ls_model_free(model);
            ls_model_free(twin);
            ls_experiment_free(again);
            ls_experiment_free(e);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_keras_s),
        cmocka_unit_test(reads_every_setting),
        cmocka_unit_test(chooses_microbatches),
        cmocka_unit_test(a_microbatch_is_at_most_a_batch),
        cmocka_unit_test(reads_splits),
        cmocka_unit_test(paths_are_relative_to_the_file),
        cmocka_unit_test(refuses_at_the_top),
        cmocka_unit_test(refuses_data),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(settings_come_after_the_file),
        cmocka_unit_test(writes_what_parses_to_the_same),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
