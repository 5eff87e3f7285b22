/*
 * steps_per_epoch, initial_epoch and validation_steps: epochs, batches and losses as in Keras's own fit
 * (golden/fit_epochs.json), in one go and when the run ends after an epoch and goes on from its checkpoint.
 */
#include "training.h"
#include "source_dir.h"

#include <jansson.h>

#include "base/text.h"

#define SAMPLES_MAX 32

typedef struct counter {
    uint64_t batches;
    const json_t *epochs;
    size_t next;
    bool good;
} counter;

static ls_status epoch_begin(void *context, ls_callback_run *run, uint64_t epoch)
{
    (void)run;
    (void)epoch;
    ((counter *)context)->batches = 0;
    return LS_OK;
}

static ls_status batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    counter *const c = context;

    (void)run;
    (void)logs;
    c->good &= batch == c->batches++;
    return LS_OK;
}

/* Keras has the log of that name exactly if this fit has it, with the same value: float32 sums of a few numbers. */
static bool same_log(const json_t *want, const ls_logs *logs, const char *name)
{
    const json_t *value = json_object_get(want, name);
    const double *got = ls_logs_get(logs, name);

    return value && got ? close_to(*got, json_real_value(value), 0, 2e-6) : !value && !got;
}

static ls_status epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    counter *const c = context;
    const json_t *want = json_array_get(c->epochs, c->next++);

    (void)run;
    c->good &= want && (uint64_t)json_integer_value(json_object_get(want, "epoch")) == epoch &&
               (uint64_t)json_integer_value(json_object_get(want, "batches")) == c->batches &&
               same_log(want, logs, "loss") && same_log(want, logs, "val_loss");
    return LS_OK;
}

static const ls_callback_hooks hooks = {
    .on_epoch_begin = epoch_begin, .on_train_batch_end = batch_end, .on_epoch_end = epoch_end};

/* epochs 0: as the case says. */
static void write_experiment(const json_t *golden, const json_t *example, json_int_t epochs, ls_text *out)
{
    const char *key;
    json_t *value;

    ls_text_add(out,
                "data: {file: data.h5, train: {x: /x, y: /y, rows: [0, %d]}, val: {x: /x, y: /y, rows: [0, %d]}}\n"
                "model:\n  - dense: {units: 1, kernel_initializer: zeros}\n"
                "compile: {optimizer: {sgd: {learning_rate: %.17g}}, loss: mse}\n"
                "fit: {shuffle: false, checkpoint_seconds: 1000, validation_data: val, microbatch: 1, batch_size: %d",
                (int)json_integer_value(json_object_get(example, "samples")),
                (int)json_integer_value(json_object_get(golden, "validation_samples")),
                json_real_value(json_object_get(golden, "learning_rate")),
                (int)json_integer_value(json_object_get(golden, "batch_size")));
    json_object_foreach(json_object_get(example, "fit"), key, value) ls_text_add(
        out, ", %s: %lld", key, (long long)(epochs && strcmp(key, "epochs") == 0 ? epochs : json_integer_value(value)));
    ls_text_add(out, "}\n");
    assert_int_equal(out->status, LS_OK);
}

static bool fit(const json_t *golden, const json_t *example, json_int_t epochs, bool resume, counter *c,
                ls_fit_result *result)
{
    const ls_callback callback = {.name = "counter", .hooks = &hooks, .context = c};
    const ls_fit_settings settings = {
        .directory = training_run, .resume = resume, .callback = &callback, .callbacks = 1};
    ls_text experiment = {0};
    training t;
    bool good;

    write_experiment(golden, example, epochs, &experiment);
    good = ok(training_open(MPI_COMM_WORLD, experiment.data, &t));
    good = good && ok(ls_fit(t.task, &settings, result));
    training_close(&t);
    ls_text_reset(&experiment);
    return good;
}

/* In one go, then in two with a stop after some epoch, not always the same. */
static bool check_case(const json_t *golden, const json_t *example, size_t index)
{
    const json_t *epochs = json_object_get(example, "epochs");
    const json_int_t begun = json_integer_value(json_object_get(json_array_get(epochs, 0), "epoch"));
    const size_t stop = 1 + index % (json_array_size(epochs) - 1);
    ls_fit_result whole, parts;
    counter c = {.epochs = epochs, .good = true};
    bool good = fit(golden, example, 0, false, &c, &whole) && c.good && c.next == json_array_size(epochs);

    c = (counter){.epochs = epochs, .good = true};
    good = good && fit(golden, example, begun + (json_int_t)stop, false, &c, &parts) && c.next == stop;
    good = good && fit(golden, example, 0, true, &c, &parts) && c.next == json_array_size(epochs) && c.good;
    return good && strcmp(whole.fingerprint, parts.fingerprint) == 0 && whole.updates == parts.updates;
}

static size_t read_numbers(const json_t *list, float *out)
{
    const size_t n = json_array_size(list);

    assert_in_range(n, 1, SAMPLES_MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)json_number_value(json_array_get(list, i));
    return n;
}

static void agrees_with_keras(void **state)
{
    json_error_t error;
    json_t *const golden = json_load_file(in_source("tests/golden/fit_epochs.json"), 0, &error);
    const json_t *example;
    float x[SAMPLES_MAX], y[SAMPLES_MAX];
    size_t n, i, samples;

    (void)state;
    assert_non_null(golden);
    assert_int_equal(json_integer_value(json_object_get(golden, "format_version")), 1);
    samples = read_numbers(json_object_get(golden, "x"), x);
    assert_int_equal(read_numbers(json_object_get(golden, "y"), y), samples);
    data_begin();
    data_put("/x", samples, 1, x);
    data_put("/y", samples, 1, y);
    n = json_array_size(json_object_get(golden, "cases"));
    assert_true(n >= 14);
    json_array_foreach(json_object_get(golden, "cases"), i, example)
    {
        const bool good = all_ranks(check_case(golden, example, i));

        if (!good)
            print_error("case %zu\n", i);
        assert_true(good);
    }
    json_decref(golden);
}

#define TINY(fit)                                                                                         \
    "data: {file: data.h5, train: {x: /x, y: /y}}\nmodel:\n  - dense: {units: 1}\ncompile: {loss: mse}\n" \
    "fit: {batch_size: 4, epochs: 6" fit "}\n"

/* What cuts the passes is part of the run: it cannot change when it goes on. */
static void keeps_its_cuts(void **state)
{
    ls_fit_settings settings = {.directory = training_run};
    ls_fit_result result;
    training t;

    (void)state;
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, TINY(", steps_per_epoch: 2"), &t))));
    assert_true(all_ranks(ok(ls_fit(t.task, &settings, &result))));
    training_close(&t);
    settings.resume = true;
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, TINY(", steps_per_epoch: 3"), &t))));
    FAILS(ls_fit(t.task, &settings, &result), LS_ERR_MISMATCH, "steps_per_epoch: 2", "steps_per_epoch: 3");
    training_close(&t);
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, TINY(", steps_per_epoch: 2, initial_epoch: 1"), &t))));
    FAILS(ls_fit(t.task, &settings, &result), LS_ERR_MISMATCH, "initial_epoch: 0", "initial_epoch: 1");
    training_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(agrees_with_keras),
    cmocka_unit_test(keeps_its_cuts),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
