/*
 * The public interface, as a program uses it, on every number of ranks: what it trains against the command line's own
 * way, a second fit against arithmetic by hand, and everything that can be asked wrongly.
 */
#include "estimators.h"
#include "source_dir.h"

#include "run/checkpoint.h"

/* ---- what is trained ---- */

/* The same bits as from a file, with validation and weights; and the history says the same. */
static void data_in_memory_are_as_good_as_a_file(void **state)
{
    static const char from_file[] =
        "data: {file: data.h5, train: {x: /train/x, y: /train/y, sample_weight: /train/w}, val: {x: /train/x, y: "
        "/train/y, rows: [0, 5]}}\n" MODEL("epochs: 3, validation_data: val");
    ls_data *train = memory_data("train", true), *val = memory_data("val", false), *file = NULL;
    ls_estimator *e = made(MODEL("epochs: 3")), *f = NULL;
    ls_fit_result want, got;
    const ls_history *history, *other;
    const ls_logs *logs;
    FILE *text;

    (void)state;
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, from_file, &want, NULL))));
    assert_true(all_ranks(ok(ls_data_rows(val, 0, 5))));
    assert_int_equal(ls_history_count(ls_estimator_history(e)), 0);
    assert_true(all_ranks(ok(ls_estimator_fit(e, &(ls_fit_arguments){.train = train, .validation = val}, &got))));
    assert_string_equal(got.fingerprint, want.fingerprint);
    assert_int_equal(got.updates, 9);
    assert_int_equal(got.epochs, 3);
    history = ls_estimator_history(e);
    assert_int_equal(ls_history_count(history), 3);
    assert_int_equal(ls_history_columns(history), 4);
    assert_string_equal(ls_history_name(history, 3), "val_mae");
    assert_int_equal(ls_history_epoch(history, 2), 2);
    assert_true(isnan(ls_history_value(history, 0, "accuracy")));
    assert_true(isnan(ls_history_value(history, 3, "loss")));

    /* An experiment file with data of its own, and splits by name. */
    if (world_rank() == 0) {
        text = fopen(training_yaml, "w");
        assert_non_null(text);
        fputs(from_file, text);
        fclose(text);
    }
    world_barrier();
    assert_true(all_ranks(ok(ls_estimator_read(estimator_comm, training_yaml, &f))));
    assert_true(all_ranks(ok(ls_estimator_fit(f, NULL, &got))));
    assert_string_equal(got.fingerprint, want.fingerprint);
    other = ls_estimator_history(f);
    for (size_t row = 0; row < 3; row++)
        for (size_t c = 0; c < 4; c++)
            assert_true(ls_history_value(history, row, ls_history_name(history, c)) ==
                        ls_history_value(other, row, ls_history_name(other, c)));
    assert_true(all_ranks(ok(ls_estimator_data(f, "val", &file))));
    assert_true(all_ranks(ok(ls_estimator_evaluate(e, file, &logs))));
    assert_true(*ls_logs_get(logs, "loss") == ls_history_value(history, 2, "val_loss"));
    assert_true(*ls_logs_get(logs, "mae") == ls_history_value(history, 2, "val_mae"));
    ls_data_free(file);
    assert_true(all_ranks(
        failed_with(ls_estimator_data(f, "vol", &file), LS_ERR_CONFIG, (const char *const[]){"'vol'", NULL})));
    ls_data_free(train);
    ls_data_free(val);
    ls_estimator_free(e);
    /* The data outlive the estimator they came from. */
    assert_true(all_ranks(ok(ls_estimator_data(f, "train", &file))));
    ls_estimator_free(f);
    {
        uint64_t samples = 0;

        assert_true(all_ranks(ok(ls_data_samples(file, &samples))));
        assert_int_equal(samples, N);
    }
    ls_data_free(file);
}

/*
 * One weight from 0, one sample x = y = 1, mse, sgd with learning rate 1/4 and momentum 1/2, by hand and exactly:
 *   gradient 2 (w - 1), velocity v <- v/2 - gradient/4, w <- w + v:  v = 1/2 1/2 1/4 0, w = 1/2 1 5/4 5/4.
 * With a velocity that begins anew the second fit would end at 3/4.
 */
static void a_second_fit_goes_on_as_by_hand(void **state)
{
    static const float want[] = {0.5f, 1.0f, 1.25f, 1.25f};
    const float one = 1;
    const size_t axis = 1;
    ls_data *data = NULL;
    ls_model *model = NULL;
    ls_fit_result result;
    ls_estimator *e =
        made("model: [{input: {shape: [1]}}, {dense: {units: 1, use_bias: false, kernel_initializer: zeros}}]\n"
             "compile: {optimizer: {sgd: {learning_rate: 0.25, momentum: 0.5}}, loss: mse}\n");

    (void)state;
    assert_true(all_ranks(ok(ls_data_create("train", &data))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, 1, 1, &axis, &one))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_TARGET, NULL, LS_TYPE_FLOAT32, 1, 0, NULL, &one))));
    assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
    for (size_t i = 0; i < count_of(want); i++) {
        float w = NAN;

        assert_true(all_ranks(ok(ls_estimator_fit(e, &(ls_fit_arguments){.train = data}, &result))));
        assert_true(all_ranks(ok(ls_model_get_weight(model, 0, &w, 1))));
        assert_true(w == want[i]);
        assert_int_equal(result.updates, i + 1);
        assert_int_equal(result.epochs, 1);
        assert_int_equal(ls_history_epoch(ls_estimator_history(e), 0), 0);
    }
    ls_estimator_free(e);
    ls_data_free(data);
}

/*
 * Without a shuffle, fits of 1, 1 and 2 epochs are one of 4; so are two with a file between, on other settings of fit.
 */
static void a_loaded_estimator_goes_on(void **state)
{
    char path[128];
    ls_data *data = memory_data("train", false);
    ls_estimator *whole = made(MODEL("epochs: 4, shuffle: false")), *parts = made(MODEL("epochs: 1, shuffle: false"));
    ls_estimator *loaded = NULL;
    const char *want = fitted(whole, data);
    ls_fit_result result;
    ls_model *model = NULL;
    char fingerprint[33];

    (void)state;
    assert_string_not_equal(fitted(parts, data), want);
    snprintf(path, sizeof path, "%s/start.h5", folder);
    fitted(parts, data);
    assert_true(all_ranks(ok(ls_estimator_save(parts, path))));
    assert_true(all_ranks(ok(ls_estimator_set(parts, "fit.epochs=2"))));
    assert_string_equal(fitted(parts, data), want);
    assert_true(all_ranks(ok(ls_estimator_load(estimator_comm, path, &loaded))));
    assert_true(all_ranks(ok(ls_estimator_set(loaded, "fit.epochs=2"))));
    assert_true(all_ranks(ok(ls_estimator_fit(loaded, &(ls_fit_arguments){.train = data}, &result))));
    assert_string_equal(result.fingerprint, want);
    assert_int_equal(result.updates, 12);
    ls_estimator_free(loaded);
    ls_estimator_free(parts);

    /* model.h5 and checkpoint.h5 of a run directory go on, too. */
    parts = made(MODEL("epochs: 2, shuffle: false"));
    assert_true(
        all_ranks(ok(ls_estimator_fit(parts, &(ls_fit_arguments){.train = data, .directory = training_run}, &result))));
    ls_estimator_free(parts);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.h5", training_run, i ? "model" : "checkpoint");
        assert_true(all_ranks(ok(ls_estimator_load(estimator_comm, path, &loaded))));
        assert_true(all_ranks(ok(ls_estimator_model(loaded, &model))));
        ls_model_fingerprint(model, fingerprint);
        assert_string_equal(fingerprint, result.fingerprint);
        assert_string_equal(fitted(loaded, data), want);
        ls_estimator_free(loaded);
    }
    ls_estimator_free(whole);
    ls_data_free(data);
    world_barrier();
    if (world_rank() == 0)
        remove_all(training_run);
    world_barrier();
}

/* A flipped bit of the optimizer's state in a saved file is found; the file of a model that was never fitted loads. */
static void saved_files_are_checked(void **state)
{
    char path[128];
    float rate[4] = {0};
    hid_t f;
    ls_data *data = memory_data("train", false);
    ls_estimator *e = made(MODEL("epochs: 1")), *loaded = NULL;
    const char *want;

    (void)state;
    snprintf(path, sizeof path, "%s/start.h5", folder);
    assert_true(
        all_ranks(failed_with(ls_estimator_save(e, path), LS_ERR_CONFIG, (const char *const[]){"input shape", NULL})));
    assert_true(all_ranks(ok(ls_estimator_predict(e, data, 0, (float[N]){0}, N))));
    assert_true(all_ranks(ok(ls_estimator_save(e, path))));
    want = fitted(e, data);
    assert_true(all_ranks(ok(ls_estimator_load(estimator_comm, path, &loaded))));
    assert_string_equal(fitted(loaded, data), want);
    ls_estimator_free(loaded);
    loaded = NULL;

    assert_true(all_ranks(ok(ls_estimator_save(e, path))));
    world_barrier();
    if (world_rank() == 0) {
        hid_t d;

        f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        d = H5Dopen2(f, "/lockstep/optimizer/velocity/dense_1/bias", H5P_DEFAULT);
        assert_true(d >= 0 && H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, rate) >= 0);
        rate[0] = rate[0] * 2 + 1;
        assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, rate) >= 0);
        H5Dclose(d);
        H5Fclose(f);
    }
    world_barrier();
    assert_true(all_ranks(failed_with(ls_estimator_load(estimator_comm, path, &loaded), LS_ERR_FORMAT,
                                      (const char *const[]){"start.h5", "checksum", NULL})));
    assert_null(loaded);
    assert_true(all_ranks(failed_with(ls_estimator_load(estimator_comm, "none.h5", &loaded), LS_ERR_IO,
                                      (const char *const[]){"none.h5", NULL})));
    ls_estimator_free(e);
    ls_data_free(data);
}

/* Files of Keras: one model in both formats. */
static void files_of_keras_are_loaded(void **state)
{
    const char *const paths[] = {in_source("tests/golden/keras_files/dictionary.h5"),
                                 in_source("tests/golden/keras_files/dictionary.keras")};
    char fingerprint[2][33];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ls_estimator *e = NULL;
        ls_model *model = NULL;

        assert_true(all_ranks(ok(ls_estimator_load(estimator_comm, paths[i], &e))));
        assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
        ls_model_fingerprint(model, fingerprint[i]);
        ls_estimator_free(e);
    }
    assert_string_equal(fingerprint[0], fingerprint[1]);
}

/* ---- using it ---- */

/* y = 2 x + 1 by weights that are set: predictions 1, 3, 5, ... and errors 1, 0, 0, ... of weights 3, 1, 1, ... */
static void predictions_and_scores_are_those_by_hand(void **state)
{
    const float two = 2, one = 1, nan = NAN;
    float inputs[N], targets[N], weights[N], got[N] = {0};
    const size_t axis = 1;
    ls_estimator *e = made("model: [{input: {shape: [1]}}, {dense: {units: 1}}]\n"
                           "compile: {loss: mse, metrics: [mae], weighted_metrics: [mse]}\nfit: {batch_size: 3}\n");
    ls_data *data = NULL;
    ls_model *model = NULL;
    ls_array_info info;
    const ls_logs *logs = NULL;
    char *table = NULL;

    (void)state;
    for (int i = 0; i < N; i++) {
        inputs[i] = (float)i;
        targets[i] = (float)(2 * i + 1 + (i == 0));
        weights[i] = i == 0 ? 3 : 1;
    }
    assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
    assert_int_equal(ls_model_weight_count(model), 2);
    assert_int_equal(ls_model_input_count(model), 1);
    assert_int_equal(ls_model_output_count(model), 1);
    assert_true(all_ranks(ok(ls_model_weight(model, 1, &info))));
    assert_string_equal(info.name, "dense/bias");
    assert_true(info.axes == 1 && info.dim[0] == 1 && info.size == 1 && info.trainable);
    assert_true(all_ranks(ok(ls_model_output(model, 0, &info))));
    assert_string_equal(info.name, "dense");
    assert_true(all_ranks(ok(ls_model_set_weight(model, 0, &two, 1))));
    assert_true(all_ranks(ok(ls_model_set_weight(model, 1, &one, 1))));
    assert_true(all_ranks(failed_with(ls_model_set_weight(model, 0, &nan, 1), LS_ERR_NUMERIC,
                                      (const char *const[]){"dense/kernel", NULL})));
    assert_true(all_ranks(failed_with(ls_model_set_weight(model, 0, inputs, 2), LS_ERR_SHAPE,
                                      (const char *const[]){"dense/kernel", "2", NULL})));
    assert_true(
        all_ranks(failed_with(ls_model_get_weight(model, 2, got, 1), LS_ERR_ARG, (const char *const[]){"2", NULL})));
    assert_true(all_ranks(failed_with(ls_model_output(model, 1, &info), LS_ERR_ARG, (const char *const[]){"1", NULL})));

    assert_true(all_ranks(ok(ls_data_create("test", &data))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, &axis, inputs))));
    assert_true(all_ranks(ok(ls_estimator_predict(e, data, 0, world_rank() ? NULL : got, N))));
    for (int i = 0; i < N && world_rank() == 0; i++)
        assert_true(got[i] == (float)(2 * i + 1));
    assert_true(all_ranks(failed_with(ls_estimator_evaluate(e, data, &logs), LS_ERR_CONFIG,
                                      (const char *const[]){"test", "targets", NULL})));
    assert_null(logs);
    assert_true(all_ranks(ok(ls_data_add(data, LS_TARGET, "dense", LS_TYPE_FLOAT32, N, 0, NULL, targets))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_SAMPLE_WEIGHT, NULL, LS_TYPE_FLOAT32, N, 0, NULL, weights))));
    assert_true(all_ranks(ok(ls_estimator_evaluate(e, data, &logs))));
    assert_int_equal(ls_logs_count(logs), 3);
    assert_string_equal(ls_logs_name(logs, 0), "loss");
    assert_true(close_to(ls_logs_value(logs, 0), 0.3, 0, 1e-7)); /* 3 x 1 / 10 */
    assert_true(close_to(*ls_logs_get(logs, "mae"), 0.1, 0, 1e-7));
    assert_true(close_to(*ls_logs_get(logs, "mse"), 3.0 / 12, 0, 1e-7)); /* a weighted mean */
    assert_null(ls_logs_get(logs, "accuracy"));
    assert_true(all_ranks(ok(ls_estimator_summary(e, &table))));
    assert_non_null(strstr(table, "Total params: 2 (8.00 B)"));
    ls_text_free(table);

    /* Part of the samples. */
    assert_true(all_ranks(ok(ls_data_rows(data, 3, 7))));
    assert_true(all_ranks(ok(ls_estimator_predict(e, data, 0, got, 4))));
    assert_true(all_ranks(world_rank() != 0 || (got[0] == 7 && got[3] == 13)));
    ls_data_free(data);
    ls_estimator_free(e);
}

/* Two inputs and two outputs by name, integers with a scale, labels as one-hot rows; Keras's order of weights. */
static void inputs_and_outputs_are_found_by_name(void **state)
{
    static const char yaml[] = "model:\n"
                               "  inputs: {image: {shape: [2]}, number: {shape: [1]}}\n"
                               "  layers:\n"
                               "    - {name: norm, batch_normalization: {}, inputs: [image]}\n"
                               "    - {name: both, concatenate: {}, inputs: [norm, number]}\n"
                               "    - {name: price, dense: {units: 1}, inputs: [both]}\n"
                               "    - {name: kind, dense: {units: 3, activation: softmax}, inputs: [both]}\n"
                               "  outputs: [price, kind]\n"
                               "compile: {loss: {price: mse, kind: categorical_crossentropy}}\n"
                               "fit: {batch_size: 4, microbatch: 2, epochs: 2}\n";
    static const char *const names[] = {"norm/gamma",   "norm/beta",  "norm/moving_mean", "norm/moving_variance",
                                        "price/kernel", "price/bias", "kind/kernel",      "kind/bias"};
    const size_t two = 2, one = 1;
    int16_t image[2 * N];
    double number[N];
    float kind[3 * N];
    ls_estimator *e = made(yaml);
    ls_data *data = NULL;
    ls_model *model = NULL;
    ls_array_info info;

    (void)state;
    for (int i = 0; i < 2 * N; i++)
        image[i] = (int16_t)(i * i % 17 - 8);
    for (int i = 0; i < N; i++)
        number[i] = i / 8.0;
    assert_true(all_ranks(ok(ls_data_create("train", &data))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_TARGET, "kind", LS_TYPE_UINT8, N, 0, NULL, labels))));
    assert_true(all_ranks(ok(ls_data_one_hot(data, 3))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, "number", LS_TYPE_FLOAT64, N, 1, &one, number))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, "image", LS_TYPE_INT16, N, 1, &two, image))));
    assert_true(all_ranks(ok(ls_data_scale(data, 0.125, 0))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_TARGET, "price", LS_TYPE_FLOAT32, N, 0, NULL, y))));
    fitted(e, data);
    assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
    assert_int_equal(ls_model_weight_count(model), count_of(names));
    for (size_t i = 0; i < count_of(names); i++) {
        assert_true(all_ranks(ok(ls_model_weight(model, i, &info))));
        assert_string_equal(info.name, names[i]);
        assert_int_equal(info.trainable, i != 2 && i != 3);
    }
    assert_true(all_ranks(ok(ls_model_input(model, 1, &info))));
    assert_string_equal(info.name, "number");
    assert_true(all_ranks(ok(ls_estimator_predict(e, data, 1, kind, 3 * N))));
    for (int i = 0; i < N && world_rank() == 0; i++)
        assert_true(close_to((double)(kind[3 * i] + kind[3 * i + 1] + kind[3 * i + 2]), 1, 0, 1e-6));
    ls_data_free(data);

    assert_true(all_ranks(ok(ls_data_create("train", &data))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, "imago", LS_TYPE_INT16, N, 1, &two, image))));
    assert_true(all_ranks(failed_with(ls_estimator_predict(e, data, 1, kind, 3 * N), LS_ERR_CONFIG,
                                      (const char *const[]){"imago", "image", NULL})));
    ls_data_free(data);
    ls_estimator_free(e);
}

/* ---- what can be asked wrongly ---- */

static void wrong_data_are_refused(void **state)
{
    const size_t two = 2, none = 0;
    const float bad[2] = {1, NAN};
    ls_data *data = NULL;
    uint64_t samples;

    (void)state;
    REFUSED(ls_data_create(NULL, &data), LS_ERR_ARG, "name");
    REFUSED(ls_data_create("train", NULL), LS_ERR_ARG, "out");
    REFUSED(ls_data_add(NULL, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, &two, x), LS_ERR_ARG, "data");
    assert_true(all_ranks(ok(ls_data_create("train", &data))));
    REFUSED(ls_data_scale(data, 1, 0), LS_ERR_ARG, "no array");
    REFUSED(ls_data_samples(data, &samples), LS_ERR_ARG, "train", "no input");
    REFUSED(ls_data_add(data, (ls_role)7, NULL, LS_TYPE_FLOAT32, N, 1, &two, x), LS_ERR_ARG, "7");
    REFUSED(ls_data_add(data, LS_INPUT, "a", (ls_type)10, N, 1, &two, x), LS_ERR_ARG, "train", "'a'", "10");
    REFUSED(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, &two, NULL), LS_ERR_ARG, "values");
    REFUSED(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, 0, 1, &two, x), LS_ERR_ARG, "no sample");
    REFUSED(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 7, &two, x), LS_ERR_ARG, "axes");
    REFUSED(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, NULL, x), LS_ERR_ARG, "axes");
    REFUSED(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, &none, x), LS_ERR_SHAPE, "train");
    REFUSED(ls_data_add_file(data, LS_INPUT, NULL, NULL, "/x"), LS_ERR_ARG, "file");
    REFUSED(ls_data_rows(data, 3, 3), LS_ERR_ARG, "[3, 3)");
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, 2, 0, NULL, bad))));
    REFUSED(ls_data_scale(data, NAN, 0), LS_ERR_ARG, "scale");
    REFUSED(ls_data_one_hot(data, 1), LS_ERR_ARG, "classes");
    {
        ls_estimator *e = made("model: [{input: {shape: [1]}}, {dense: {units: 1}}]\n");
        float out[N];

        REFUSED(ls_estimator_predict(e, data, 0, out, 2), LS_ERR_DATA, "train", "sample 1", "nan");
        assert_true(all_ranks(ok(ls_data_rows(data, 0, 3))));
        REFUSED(ls_estimator_predict(e, data, 0, out, 3), LS_ERR_ARG, "[0, 3)", "2 samples");
        REFUSED(ls_data_samples(data, &samples), LS_ERR_ARG, "[0, 3)", "2 samples");
        assert_true(all_ranks(ok(ls_data_rows(data, 0, 1))));
        assert_true(all_ranks(ok(ls_data_samples(data, &samples)) && samples == 1));
        assert_true(all_ranks(ok(ls_estimator_predict(e, data, 0, out, 1))));
        ls_estimator_free(e);
    }
    ls_data_free(data);
    ls_data_free(NULL);
}

static void wrong_calls_are_refused(void **state)
{
    const size_t three = 3;
    float out[N];
    const ls_logs *logs;
    static const ls_callback_hooks hooks = {0};
    const ls_callback nameless = {.hooks = &hooks}, slash = {.name = "a/b", .hooks = &hooks};
    ls_estimator *e = NULL, *lossless = made("model: [{dense: {units: 1}}]\n");
    ls_data *data = memory_data("train", false), *other = NULL;
    ls_model *model;

    (void)state;
    REFUSED(ls_estimator_create(NULL, MODEL(""), &e), LS_ERR_ARG, "comm");
    REFUSED(ls_estimator_create(estimator_comm, NULL, &e), LS_ERR_ARG, "yaml");
    REFUSED(ls_estimator_create(estimator_comm, MODEL(""), NULL), LS_ERR_ARG, "out");
    REFUSED(ls_estimator_create(estimator_comm, MODEL("epoch: 3"), &e), LS_ERR_CONFIG, "experiment:6:", "epochs");
    REFUSED(ls_estimator_create(estimator_comm, "fit: {}", &e), LS_ERR_CONFIG, "model");
    REFUSED(ls_estimator_read(estimator_comm, "none.yaml", &e), LS_ERR_CONFIG, "none.yaml");
    assert_null(e);
    REFUSED(ls_estimator_fit(NULL, NULL, NULL), LS_ERR_ARG, "estimator");
    REFUSED(ls_estimator_fit(lossless, NULL, NULL), LS_ERR_CONFIG, "no data to train on");
    REFUSED(ls_estimator_model(lossless, &model), LS_ERR_CONFIG, "input shape");
    REFUSED(ls_estimator_fit(lossless, &(ls_fit_arguments){.train = data}, NULL), LS_ERR_CONFIG, "loss");
    REFUSED(ls_estimator_evaluate(lossless, data, &logs), LS_ERR_CONFIG, "loss");

    e = made(MODEL("epochs: 1"));
    REFUSED(ls_estimator_set(e, "fit.epoch=3"), LS_ERR_CONFIG, "epochs");
    REFUSED(ls_estimator_set(e, "fit.epochs=zwei"), LS_ERR_CONFIG, "setting fit.epochs=zwei: ");
    REFUSED(ls_estimator_set(e, NULL), LS_ERR_ARG, "setting");
    assert_true(all_ranks(ok(ls_estimator_set(e, "seed=4"))));
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .verbose = 3}, NULL), LS_ERR_ARG, "verbose");
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .resume = true}, NULL), LS_ERR_ARG, "directory");
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .callbacks = 1}, NULL), LS_ERR_ARG, "callback");
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .callback = &nameless, .callbacks = 1}, NULL),
            LS_ERR_ARG, "name");
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .callback = &slash, .callbacks = 1}, NULL),
            LS_ERR_ARG, "'a/b'");
    fitted(e, data);
    REFUSED(ls_estimator_set(e, "seed=5"), LS_ERR_CONFIG, "too late");
    REFUSED(ls_estimator_set(e, "fitness=5"), LS_ERR_CONFIG, "too late");
    REFUSED(ls_estimator_predict(e, data, 1, out, N), LS_ERR_ARG, "output 1");
    REFUSED(ls_estimator_predict(e, data, 0, out, N - 1), LS_ERR_SHAPE, "10", "9");
    REFUSED(ls_estimator_predict(e, data, 0, NULL, N), LS_ERR_ARG, "out");
    REFUSED(ls_estimator_predict(e, NULL, 0, out, N), LS_ERR_ARG, "data");
    REFUSED(ls_estimator_save(e, "moons.keras"), LS_ERR_ARG, "'moons.keras'", ".h5");
    REFUSED(ls_estimator_save(e, "moons.weights.h5"), LS_ERR_ARG, "'moons.weights.h5'", ".h5");
    REFUSED(ls_estimator_save(e, "/nowhere/at/all.h5"), LS_ERR_IO, "/nowhere/at/all.h5");
    assert_true(all_ranks(ok(ls_data_create("other", &other))));
    REFUSED(ls_estimator_predict(e, other, 0, out, N), LS_ERR_CONFIG, "other", "no array", "'input'");
    assert_true(all_ranks(ok(ls_data_add(other, LS_INPUT, NULL, LS_TYPE_FLOAT32, 6, 1, &three, x))));
    REFUSED(ls_estimator_predict(e, other, 0, out, 6), LS_ERR_SHAPE, "other", "(3,)", "(2,)");
    ls_data_free(other);
    assert_true(all_ranks(ok(ls_data_create("other", &other))));
    assert_true(all_ranks(ok(ls_data_add(other, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, (const size_t[]){2}, x))));
    assert_true(all_ranks(ok(ls_data_add(other, LS_TARGET, NULL, LS_TYPE_FLOAT32, N - 1, 0, NULL, y))));
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = other}, NULL), LS_ERR_DATA, "9 samples", "10");
    ls_data_free(other);
    /* Nothing of this harmed it. */
    fitted(e, data);
    ls_estimator_free(lossless);
    ls_estimator_free(e);
    ls_estimator_free(NULL);
    ls_data_free(data);
}

/* One rank has other text, data, weights or arguments than the others: all learn it. */
static void ranks_that_differ_are_told(void **state)
{
    const bool alone = ls_comm_size(estimator_comm) == 1,
               mine = ls_comm_rank(estimator_comm) == ls_comm_size(estimator_comm) - 1;
    ls_estimator *e = NULL;
    ls_data *data;
    ls_model *model = NULL;
    float *spoiled = &y[4], bias = 1;

    (void)state;
    if (alone)
        return;
    REFUSED(ls_estimator_create(estimator_comm, mine ? MODEL("epochs: 1") : MODEL("epochs: 2"), &e), LS_ERR_MISMATCH,
            "the experiment");
    e = made(MODEL("epochs: 1"));
    data = memory_data("train", false);
    *spoiled += (float)mine;
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data}, NULL), LS_ERR_MISMATCH, "the data");
    *spoiled -= (float)mine;
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .directory = mine ? "a" : NULL}, NULL),
            LS_ERR_MISMATCH, "fit");
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .verbose = mine ? 9 : 0}, NULL), LS_ERR_ARG,
            "verbose");
    fitted(e, data);
    assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
    if (mine)
        assert_int_equal(ls_model_set_weight(model, 3, &bias, 1), LS_OK);
    REFUSED(ls_estimator_fit(e, &(ls_fit_arguments){.train = data}, NULL), LS_ERR_MISMATCH, "weights");
    assert_int_equal(ls_model_set_weight(model, 3, &bias, 1), LS_OK);
    fitted(e, data);
    ls_estimator_free(e);
    ls_data_free(data);
}

/* Functions of a model take NULL as the others do. */
static void functions_of_a_model_take_null(void **state)
{
    ls_estimator *e = made("model: [{input: {shape: [2]}}, {dense: {units: 1}}]\n");
    ls_model *model = NULL;
    ls_array_info info;
    float value[2];
    char fingerprint[33] = "x";

    (void)state;
    assert_true(all_ranks(ok(ls_estimator_model(e, &model))));
    assert_int_equal(ls_model_input_count(NULL) + ls_model_output_count(NULL) + ls_model_weight_count(NULL), 0);
    REFUSED(ls_model_input(NULL, 0, &info), LS_ERR_ARG, "ls_model_input: model is NULL");
    REFUSED(ls_model_output(model, 0, NULL), LS_ERR_ARG, "ls_model_output: out is NULL");
    REFUSED(ls_model_weight(NULL, 0, &info), LS_ERR_ARG, "ls_model_weight: model is NULL");
    REFUSED(ls_model_weight(model, 0, NULL), LS_ERR_ARG, "ls_model_weight: out is NULL");
    REFUSED(ls_model_get_weight(NULL, 0, value, 2), LS_ERR_ARG, "ls_model_get_weight: model is NULL");
    REFUSED(ls_model_get_weight(model, 0, NULL, 2), LS_ERR_ARG, "ls_model_get_weight: values is NULL");
    REFUSED(ls_model_set_weight(NULL, 0, value, 2), LS_ERR_ARG, "ls_model_set_weight: model is NULL");
    REFUSED(ls_model_set_weight(model, 0, NULL, 2), LS_ERR_ARG, "ls_model_set_weight: values is NULL");
    ls_model_fingerprint(NULL, fingerprint);
    assert_string_equal(fingerprint, "");
    ls_estimator_free(e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(data_in_memory_are_as_good_as_a_file),
    cmocka_unit_test(a_second_fit_goes_on_as_by_hand),
    cmocka_unit_test(a_loaded_estimator_goes_on),
    cmocka_unit_test(saved_files_are_checked),
    cmocka_unit_test(files_of_keras_are_loaded),
    cmocka_unit_test(predictions_and_scores_are_those_by_hand),
    cmocka_unit_test(inputs_and_outputs_are_found_by_name),
    cmocka_unit_test(wrong_data_are_refused),
    cmocka_unit_test(wrong_calls_are_refused),
    cmocka_unit_test(ranks_that_differ_are_told),
    cmocka_unit_test(functions_of_a_model_take_null),
};

LS_MPI_MAIN(tests, estimators_set_up, estimators_tear_down)
