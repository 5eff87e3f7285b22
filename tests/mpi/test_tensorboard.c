/* The tensorboard callback in a real fit: the same events on every number of ranks, and in a run that was stopped. */
#include "training.h"

#include <dirent.h>

#include "formats/tensorboard_events.h"
#include "formats/tfrecord.h"

#define EXPERIMENT(fit, callbacks)                                                                              \
    "seed: 3\n"                                                                                                 \
    "data: {file: data.h5, train: {x: /train/x, y: /train/y}, val: {x: /train/x, y: /train/y, rows: [0, 5]}}\n" \
    "model:\n  - dense: {units: 40, activation: tanh}\n  - batch_normalization: {}\n  - dense: {units: 1}\n"    \
    "compile: {optimizer: {sgd: {learning_rate: 0.01}}, loss: mse, metrics: [mae]}\n"                           \
    "fit: {batch_size: 4, microbatch: 1, validation_data: val, " fit "}\n"                                      \
    "callbacks:\n" callbacks "  []\n"
#define TENSORBOARD(arguments) "  - tensorboard: {" arguments "}\n#"
#define EVENT_BYTES 8192 /* no event here is longer */
#define ALL "histogram_freq: 2, update_freq: 2, histogram_gradients: true"

static int set_up(void **state)
{
    float x[20], y[10];

    if (training_set_up(state) != 0)
        return -1;
    for (int i = 0; i < 20; i++)
        x[i] = (float)((i * 7) % 11) / 11.0f;
    for (int i = 0; i < 10; i++)
        y[i] = x[2 * i] - 2 * x[2 * i + 1];
    data_begin();
    data_put("/train/x", 10, 2, x);
    data_put("/train/y", 10, 0, y);
    return 0;
}

static const char *path_in(const char *directory, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", directory, name);
    return path;
}

/* Collective: a run directory is gone. */
static void remove_run(const char *directory)
{
    char path[256];

    world_barrier();
    if (world_rank() == 0) {
        remove_all(path_in(directory, "tensorboard/train", path));
        remove_all(path_in(directory, "tensorboard/validation", path));
        remove_all(path_in(directory, "tensorboard", path));
        remove_all(directory);
    }
    world_barrier();
}

static int tear_down(void **state)
{
    char alone[256];

    remove_run(training_run);
    remove_run(path_in(folder, "alone", alone));
    return training_tear_down(state);
}

/* Collective on mpi. */
static bool run(MPI_Comm mpi, const char *text, const char *directory, bool resume, ls_fit_result *result)
{
    const ls_fit_settings settings = {.directory = directory, .resume = resume};
    training t;
    bool good = ok(training_open(mpi, text, &t));

    if (good)
        good = ok(ls_fit(t.task, &settings, result));
    training_close(&t);
    return good;
}

/* ---- what was written ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_event_file(const struct dirent *entry)
{
    return strstr(entry->d_name, "tfevents") != NULL;
}

/* All events of a folder in the order of its files, without their heads; wall times (bytes 1 to 8) are 0. */
static ls_text events_of(const char *directory, const char *name)
{
    char inner[256], path[600];
    struct dirent **entry = NULL;
    const int n = scandir(path_in(directory, name, inner), &entry, is_event_file, by_name);
    ls_text all = {0}, data = {0}, tag = {0};
    uint64_t step;

    for (int i = 0; i < n; i++) {
        bool end = false;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", inner, entry[i]->d_name);
        f = fopen(path, "rb");
        assert_non_null(f);
        while (ok(ls_tfrecord_read(f, &data, &end)) && !end) {
            assert_true(data.length > 9 && data.data[0] == 9); /* field 1, eight bytes */
            if (!ls_event_parse(data.data, data.length, &step, &tag))
                continue;
            memset(data.data + 1, 0, 8);
            ls_tfrecord_add(&all, data.data, data.length);
        }
        fclose(f);
        free(entry[i]);
    }
    free(entry);
    ls_text_reset(&data);
    ls_text_reset(&tag);
    return all;
}

static int files_in(const char *directory, const char *name)
{
    char inner[256];
    struct dirent **entry = NULL;
    const int n = scandir(path_in(directory, name, inner), &entry, is_event_file, by_name);

    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    return n;
}

static bool same_events(const char *got, const char *want)
{
    static const char *const names[] = {"tensorboard/train", "tensorboard/validation"};
    bool good = true;

    for (size_t i = 0; i < count_of(names); i++) {
        ls_text a = events_of(got, names[i]), b = events_of(want, names[i]);

        if (a.length == 0 || a.length != b.length || memcmp(a.data, b.data, a.length) != 0) {
            print_error("%s: %zu bytes of events in %s, %zu in %s, or others\n", names[i], a.length, got, b.length,
                        want);
            good = false;
        }
        ls_text_reset(&a);
        ls_text_reset(&b);
    }
    return good;
}

/*
 * The data of the event of that tag and step: copied into out, its length returned; 0: there is none, or more than one.
 */
static size_t find_event(const char *name, const char *tag, uint64_t step, char out[EVENT_BYTES])
{
    ls_text all = events_of(training_run, name), data = {0}, text = {0};
    FILE *f = tmpfile();
    size_t length = 0, found = 0;
    uint64_t at;
    bool end = false;

    assert_non_null(f);
    fwrite(all.data, 1, all.length, f);
    rewind(f);
    while (ok(ls_tfrecord_read(f, &data, &end)) && !end)
        if (ls_event_parse(data.data, data.length, &at, &text) && at == step && strcmp(text.data, tag) == 0) {
            assert_true(data.length <= EVENT_BYTES);
            memcpy(out, data.data, data.length);
            length = data.length;
            found++;
        }
    fclose(f);
    ls_text_reset(&all);
    ls_text_reset(&data);
    ls_text_reset(&text);
    return found == 1 ? length : 0;
}

/* The value of a scalar: before the metadata {plugin_data {plugin_name "scalars"}}, 13 bytes at the end. NAN: none. */
static float scalar(const char *name, const char *tag, uint64_t step)
{
    char data[EVENT_BYTES];
    const size_t n = find_event(name, tag, step, data);
    float value = NAN;

    if (n > 17)
        memcpy(&value, data + n - 13 - 4, 4);
    return value;
}

/* The buckets of a histogram: the 720 bytes before {plugin_data {plugin_name "histograms"}}, 16 bytes. */
static bool histogram(const char *tag, uint64_t step, ls_histogram *out)
{
    char data[EVENT_BYTES];
    const size_t n = find_event("tensorboard/train", tag, step, data);

    if (n < sizeof *out + 16)
        return false;
    memcpy(out, data + n - 16 - sizeof *out, sizeof *out);
    return true;
}

/* ---- tests ---- */

/* The world's events are those of one rank, and no callback changes a weight. */
static void events_do_not_know_the_ranks(void **state)
{
    const char *const text = EXPERIMENT("epochs: 4", TENSORBOARD(ALL));
    char alone[256];
    ls_fit_result together = {0}, single = {0}, without = {0};
    bool good = true;

    (void)state;
    assert_true(all_ranks(run(MPI_COMM_WORLD, text, training_run, false, &together)));
    assert_true(all_ranks(run(MPI_COMM_WORLD, EXPERIMENT("epochs: 4", ""), NULL, false, &without)));
    assert_string_equal(together.fingerprint, without.fingerprint);
    if (world_rank() == 0) {
        good = run(MPI_COMM_SELF, text, path_in(folder, "alone", alone), false, &single) &&
               strcmp(single.fingerprint, together.fingerprint) == 0 && same_events(training_run, alone);
        good &= files_in(training_run, "tensorboard/train") == 1;
    }
    assert_true(all_ranks(good));
}

/*
 * Of the run before: what history.csv has, at Keras's steps. Three batches in each of four epochs; every second is due.
 */
static void scalars_are_those_of_the_history(void **state)
{
    static const char *const logs[] = {"loss", "mae"};
    char tag[64], column[64], data[EVENT_BYTES];
    bool good = true;

    (void)state;
    for (uint64_t e = 0; world_rank() == 0 && e < 4; e++) {
        for (size_t i = 0; i < count_of(logs); i++) {
            float trained, validated, evaluated;

            snprintf(tag, sizeof tag, "epoch_%s", logs[i]);
            trained = scalar("tensorboard/train", tag, e);
            validated = scalar("tensorboard/validation", tag, e);
            snprintf(tag, sizeof tag, "evaluation_%s_vs_iterations", logs[i]);
            evaluated = scalar("tensorboard/validation", tag, 3 * e + 3);
            snprintf(column, sizeof column, "val_%s", logs[i]);
            good &= (double)trained == history_value(logs[i], (int)e);
            good &= (double)validated == history_value(column, (int)e) && evaluated == validated;
        }
        good &= scalar("tensorboard/train", "epoch_learning_rate", e) == 0.01f;
    }
    for (uint64_t step = 0; world_rank() == 0 && step <= 14; step++)
        good &= (find_event("tensorboard/train", "batch_loss", step, data) > 0) ==
                (step % 2 == 0 && step > 0 && step <= 12);
    /* At the end of an epoch, the mean over the epoch so far is that of the epoch. */
    if (world_rank() == 0)
        good &= scalar("tensorboard/train", "batch_mae", 6) == scalar("tensorboard/train", "epoch_mae", 1) &&
                find_event("tensorboard/train", "keras", 0, data) > 100;
    assert_true(all_ranks(good));
}

/* The short batch at the end of a pass, in an epoch of its own. Weights stay 0: every gradient is one by hand. */
static void the_gradient_of_a_short_batch_is_that_by_hand(void **state)
{
    static const char *const text =
        "seed: 3\n"
        "data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
        "model:\n  - dense: {units: 1, use_bias: false, kernel_initializer: zeros}\n"
        "compile: {optimizer: {sgd: {learning_rate: 0}}, loss: mse}\n"
        "fit: {batch_size: 4, microbatch: 1, steps_per_epoch: 2, shuffle: false, epochs: 2}\n"
        "callbacks: [tensorboard: {histogram_freq: 1, histogram_gradients: true, write_graph: false}]\n";
    static const int batch[2][2] = {{4, 8}, {8, 10}}; /* the last ones of the epochs */
    ls_fit_result result;
    bool good = true;

    (void)state;
    remove_run(training_run);
    assert_true(all_ranks(run(MPI_COMM_WORLD, text, training_run, false, &result)));
    for (uint64_t epoch = 0; world_rank() == 0 && epoch < 2; epoch++) {
        const int begin = batch[epoch][0], end = batch[epoch][1];
        double g[2] = {0, 0};
        ls_histogram h;

        for (int i = begin; i < end; i++) {
            const float x0 = (float)((2 * i * 7) % 11) / 11.0f, x1 = (float)(((2 * i + 1) * 7) % 11) / 11.0f;

            g[0] += -2 * (double)(x0 - 2 * x1) * (double)x0 / (end - begin);
            g[1] += -2 * (double)(x0 - 2 * x1) * (double)x1 / (end - begin);
        }
        good = good && histogram("sequential/dense/kernel/gradient/histogram", epoch, &h) &&
               close_to(h.bucket[0][0], g[0] < g[1] ? g[0] : g[1], 1e-6, 1e-6) &&
               close_to(h.bucket[29][1], g[0] < g[1] ? g[1] : g[0], 1e-6, 1e-6);
    }
    assert_true(all_ranks(good));
}

/* One batch per epoch, no activation: the gradient by hand, of a model that a weight penalty pulls on. */
static void the_gradient_is_that_by_hand(void **state)
{
    static const char *const text =
        "seed: 3\n"
        "data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
        "model:\n  - dense: {units: 1, kernel_initializer: zeros, kernel_regularizer: {l2: {l2: 0.5}}}\n"
        "compile: {optimizer: {sgd: {learning_rate: 0.1, clipvalue: 0.001}}, loss: mse}\n"
        "fit: {batch_size: 10, microbatch: 2, epochs: 3}\n"
        "callbacks: [tensorboard: {histogram_freq: 2, histogram_gradients: true, write_graph: false}]\n";
    double g[2] = {0, 0}, bias = 0;
    ls_fit_result result;
    ls_histogram h;
    bool good = true;

    (void)state;
    remove_run(training_run);
    assert_true(all_ranks(run(MPI_COMM_WORLD, text, training_run, false, &result)));
    /* At weights 0: d/dw mean((w x - y)^2) = mean(-2 y x). */
    for (int i = 0; i < 10; i++) {
        const float x0 = (float)((2 * i * 7) % 11) / 11.0f, x1 = (float)(((2 * i + 1) * 7) % 11) / 11.0f;
        const double y = (double)(x0 - 2 * x1);

        g[0] += -2 * y * (double)x0 / 10;
        g[1] += -2 * y * (double)x1 / 10;
        bias += -2 * y / 10;
    }
    if (world_rank() == 0) {
        const double least = g[0] < g[1] ? g[0] : g[1], most = g[0] < g[1] ? g[1] : g[0];

        good &= histogram("sequential/dense/kernel/gradient/histogram", 0, &h);
        good = good && close_to(h.bucket[0][0], least, 1e-6, 1e-6) && close_to(h.bucket[29][1], most, 1e-6, 1e-6) &&
               h.bucket[0][2] == 1 && h.bucket[29][2] == 1;
        good = good && histogram("sequential/dense/bias/gradient/histogram", 0, &h) &&
               close_to(h.bucket[29][1], bias, 1e-6, 1e-6) && h.bucket[29][2] == 1;
        /* Epochs 0 and 2 are due; weights are those after the update, which clipvalue made 0.1 * 0.001. */
        good = good && !histogram("sequential/dense/kernel/gradient/histogram", 1, &h) &&
               histogram("sequential/dense/kernel/gradient/histogram", 2, &h) &&
               histogram("sequential/dense/kernel/histogram", 0, &h) && close_to(fabs(h.bucket[0][0]), 1e-4, 1e-9, 0) &&
               !histogram("sequential/dense/kernel/histogram", 1, &h) &&
               files_in(training_run, "tensorboard/validation") <= 0;
    }
    assert_true(all_ranks(good));
}

static bool copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t n = 0;

    assert_true(in && out);
    n = fread(bytes, 1, sizeof bytes, in);
    fwrite(bytes, 1, n, out);
    fclose(in);
    return fclose(out) == 0 && n < sizeof bytes;
}

/* Two epochs, then two more, are the events of four; and so when the process died long after its last checkpoint. */
static void a_resumed_run_leaves_the_same_events(void **state)
{
    char alone[256], checkpoint[256], old[256];
    ls_fit_result result;
    bool good = true;

    (void)state;
    path_in(folder, "alone", alone);
    path_in(training_run, "checkpoint.h5", checkpoint);
    path_in(folder, "old.h5", old);
    remove_run(training_run);
    assert_true(
        all_ranks(run(MPI_COMM_WORLD, EXPERIMENT("epochs: 2", TENSORBOARD(ALL)), training_run, false, &result)));
    if (world_rank() == 0)
        good = copy_file(checkpoint, old);
    assert_true(all_ranks(run(MPI_COMM_WORLD, EXPERIMENT("epochs: 4", TENSORBOARD(ALL)), training_run, true, &result)));
    if (world_rank() == 0)
        good = good && same_events(training_run, alone) && files_in(training_run, "tensorboard/train") == 2 &&
               copy_file(old, checkpoint);
    assert_true(all_ranks(good));
    assert_true(all_ranks(run(MPI_COMM_WORLD, EXPERIMENT("epochs: 4", TENSORBOARD(ALL)), training_run, true, &result)));
    if (world_rank() == 0)
        good = same_events(training_run, alone) && files_in(training_run, "tensorboard/train") == 2;
    assert_true(all_ranks(good));
}

/* A batch that made no update has no gradient, and its epoch has all the rest. */
static void a_terminated_epoch_has_all_but_the_gradient(void **state)
{
    ls_fit_result result;
    ls_histogram h;
    bool good = true;

    (void)state;
    remove_run(training_run);
    assert_true(all_ranks(run(MPI_COMM_WORLD,
                              "seed: 3\n"
                              "data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
                              "model: [dense: {units: 1}]\n"
                              "compile: {optimizer: {sgd: {learning_rate: 1e25}}, loss: mse}\n"
                              "fit: {batch_size: 4, epochs: 3}\n"
                              "callbacks: [terminate_on_nan, tensorboard: {histogram_freq: 1, histogram_gradients: "
                              "true, update_freq: batch}]\n",
                              training_run, false, &result)));
    if (world_rank() == 0)
        good = histogram("sequential/dense/kernel/histogram", 0, &h) &&
               !histogram("sequential/dense/kernel/gradient/histogram", 0, &h) &&
               isinf(scalar("tensorboard/train", "epoch_loss", 0)) &&
               scalar("tensorboard/train", "epoch_learning_rate", 0) == 1e25f &&
               !isnan(scalar("tensorboard/train", "batch_loss", 1));
    assert_true(all_ranks(good));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(events_do_not_know_the_ranks),
    cmocka_unit_test(scalars_are_those_of_the_history),
    cmocka_unit_test(the_gradient_is_that_by_hand),
    cmocka_unit_test(the_gradient_of_a_short_batch_is_that_by_hand),
    cmocka_unit_test(a_resumed_run_leaves_the_same_events),
    cmocka_unit_test(a_terminated_epoch_has_all_but_the_gradient),
};

LS_MPI_MAIN(tests, set_up, tear_down)
