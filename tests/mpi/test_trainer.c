/*
 * Training on every number of ranks: gradient descent worked out by hand, Keras's own numbers, and the same bits as one
 * rank computes.
 */
#include "training.h"

/* ---- the line y = 2x + 3 through five points, from w = 1, b = 0, mean squared error, rate 0.01, full batch ---- */

/*
 * dL/dw = -2/n sum((y - yhat) x), dL/db = -2/n sum(y - yhat), n = 5:
 *     y - yhat = x + 3:            L = 38,          dw = -40,      db = -12
 *     y - yhat = 0.6 x + 2.88:     L = 22.6224,     dw = -30.48,   db = -9.36
 *     y - yhat = 0.2952 x + 2.7864: L = 13.65787008, dw = -23.2128, db = -7.344
 */
static const double line_loss[] = {38, 22.6224, 13.65787008};
static const double line_w[] = {1.4, 1.7048, 1.936928}, line_b[] = {0.12, 0.2136, 0.28704};

static void a_line_trains_as_by_hand(void **state)
{
    static const float x[] = {1, 2, 3, 4, 5}, y[] = {5, 7, 9, 11, 13};
    static const int microbatches[] = {1, 2, 5};

    (void)state;
    data_begin();
    data_put("/train/x", 5, 1, x);
    data_put("/train/y", 5, 1, y);
    for (size_t m = 0; m < count_of(microbatches); m++) {
        char text[512];
        const ls_trainer_options options = {0};
        ls_trainer *trainer = NULL;
        training t;
        bool good = true;

        snprintf(text, sizeof text,
                 "data: {file: data.h5, train: {x: /train/x, y: /train/y}}\n"
                 "model: [dense: {units: 1, kernel_initializer: ones}]\n"
                 "compile: {optimizer: {sgd: {learning_rate: 0.01}}, loss: mse}\n"
                 "fit: {batch_size: 5, microbatch: %d}\n",
                 microbatches[m]);
        assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
        assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
        for (size_t i = 0; i < 3; i++) {
            bool stop = false;
            double loss = NAN;

            trainer->batch = 0;
            ls_trainer_begin_epoch(trainer);
            good &= ok(ls_trainer_update(trainer, &stop, &loss)) && !stop;
            good &= close_to(loss, line_loss[i], 0, 1e-6);
            good &= close_to((double)t.task->model->param[0]->value[0], line_w[i], 0, 1e-6);
            good &= close_to((double)t.task->model->param[1]->value[0], line_b[i], 0, 1e-6);
        }
        good &= trainer->update == 3;
        assert_true(all_ranks(good));
        ls_trainer_free(trainer);
        training_close(&t);
    }
}

/* ---- updates per run: epochs x ceil(N / B), whatever P ---- */

static void updates_are_counted(void **state)
{
    static const struct {
        size_t samples;
        int batch, epochs;
        uint64_t updates;
    } cases[] = {{10000, 1000, 10, 100}, {10000, 3000, 2, 8}, {10, 3, 2, 8}, {10, 10, 3, 3},
                 {10, 32, 4, 4},         {1, 1, 5, 5},        {7, 2, 3, 12}};
    static float zero[10000];

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        char text[512];
        ls_fit_result result;

        data_begin();
        data_put("/x", cases[c].samples, 1, zero);
        data_put("/y", cases[c].samples, 0, zero);
        snprintf(text, sizeof text,
                 "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                 "model: [dense: {units: 1}]\n"
                 "compile: {optimizer: sgd, loss: mse}\n"
                 "fit: {epochs: %d, batch_size: %d}\n",
                 cases[c].epochs, cases[c].batch);
        assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, text, &result, NULL))));
        assert_true(all_ranks(result.updates == cases[c].updates));
    }
}

/* ---- the same bits as one rank: all ranks in one run, then every rank in a run of its own ---- */

static bool same_as_alone(const char *text)
{
    ls_fit_result together = {0}, alone = {0};
    float *weights = NULL, *own = NULL;
    bool good = ok(training_fit(MPI_COMM_WORLD, text, &together, &weights)) &&
                ok(training_fit(MPI_COMM_SELF, text, &alone, &own));

    if (good && strcmp(together.fingerprint, alone.fingerprint) != 0) {
        print_error("fingerprint %s together, %s alone\n", together.fingerprint, alone.fingerprint);
        good = false;
    }
    good = good && together.updates == alone.updates && together.redone == alone.redone;
    free(weights);
    free(own);
    return good;
}

static void all_ranks_equal_one(void **state)
{
    static const char *const models[] = {
        "model: [dense: {units: 20, activation: relu}, dropout: {rate: 0.3}, dense: {units: 4, activation: softmax}]\n",
        "model: [dense: {units: 6, activation: tanh}, batch_normalization, dense: {units: 4, activation: softmax}]\n",
        "model:\n"
        "  inputs: {a: {shape: [5]}}\n"
        "  layers:\n"
        "    - {name: h, dense: {units: 5, activation: gelu}, inputs: a}\n"
        "    - {name: again, shares: h, inputs: h}\n"
        "    - {name: noise, gaussian_noise: {stddev: 0.2}, inputs: again}\n"
        "    - {name: sum, add: null, inputs: [h, noise, a]}\n"
        "    - {name: o, dense: {units: 4, activation: softmax}, inputs: sum}\n"
        "  outputs: o\n",
    };

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 53, 5, 4);
    for (size_t i = 0; i < count_of(models); i++)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            char text[2048];

            snprintf(text, sizeof text,
                     "seed: 7\n"
                     "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                     "%s"
                     "compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\n"
                     "fit: {epochs: 3, batch_size: 20, microbatch: 3, shuffle: %s}\n"
                     "distributed: {bucket_kib: 6}\n",
                     models[i], shuffle ? "true" : "false");
            assert_true(all_ranks(same_as_alone(text)));
        }
}

/* One microbatch per batch: all ranks but one are idle. And batches that are all cut short. */
static void more_ranks_than_microbatches(void **state)
{
    static const int batches[] = {2, 5, 1, 100};

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 6, 3, 0);
    for (size_t i = 0; i < count_of(batches); i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                 "model: [dense: {units: 3}, batch_normalization, dense: {units: 1}]\n"
                 "compile: {loss: mae, metrics: [mse]}\n"
                 "fit: {epochs: 2, batch_size: %d, microbatch: %d}\n",
                 batches[i], batches[i]);
        assert_true(all_ranks(same_as_alone(text)));
    }
}

/* ---- the exact grid rises in the middle of a run ---- */

static const char rising[] = "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                             "model: [dense: {units: 1}]\n"
                             "compile: {optimizer: {sgd: {learning_rate: 1e-6}}, loss: mae}\n"
                             "fit: {batch_size: 8, microbatch: 2, shuffle: false}\n";

static void the_grid_rises_when_it_must(void **state)
{
    static const uint64_t redone[] = {1, 1, 1, 2, 2}; /* the first step finds its grid; so does the fourth, anew */
    const ls_trainer_options options = {0};
    float x[40 * 2], y[40], *carried = NULL, *stationary = NULL;
    char text[512];
    ls_trainer *trainer = NULL;
    ls_fit_result result;
    training t;
    bool good = true;

    (void)state;
    for (size_t i = 0; i < 80; i++)
        x[i] = data_value(i) * (i / 16 == 3 ? 0x1p20f : 1.0f);
    for (size_t i = 0; i < 40; i++)
        y[i] = data_value(i + 5);
    data_begin();
    data_put("/x", 40, 2, x);
    data_put("/y", 40, 0, y);
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, rising, &t))));
    assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
    ls_trainer_begin_epoch(trainer);
    for (size_t i = 0; i < 5; i++) {
        bool stop = false;
        double loss;

        good &= ok(ls_trainer_update(trainer, &stop, &loss)) && trainer->redone == redone[i];
    }
    assert_true(all_ranks(good));
    ls_trainer_free(trainer);
    training_close(&t);
    assert_true(all_ranks(same_as_alone(rising)));

    /* Two grids that never move must come to the same, but for the last rounding. */
    snprintf(text, sizeof text, "%sdistributed: {grid: static}\n", rising);
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, rising, &result, &carried))));
    assert_true(all_ranks(result.redone == 2));
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, text, &result, &stationary))));
    assert_true(all_ranks(result.redone == 0));
    for (size_t i = 0; i < 2; i++)
        good &= close_to((double)carried[i], (double)stationary[i], 1e-7, 1e-6);
    assert_true(all_ranks(good && fabsf(carried[0]) > 0.1f)); /* the large batch did move the weights */
    free(carried);
    free(stationary);
}

/* ---- numbers that are not finite ---- */

/* Sample 5 of batches of two: update 3. Sample 4 and 5 are microbatches 0 and 1 of it. */
static void nonfinite(const char *model, float bad, const char *const *words)
{
    char text[512];
    float x[8], y[8];
    ls_fit_result result;

    for (size_t i = 0; i < 8; i++) {
        x[i] = i == 5 ? bad : data_value(i);
        y[i] = data_value(i + 9);
    }
    data_begin();
    data_put("/x", 8, 1, x);
    data_put("/y", 8, 0, y);
    snprintf(text, sizeof text,
             "data: {file: data.h5, train: {x: /x, y: /y}}\n"
             "model: %s\n"
             "compile: {optimizer: {sgd: {learning_rate: 1e-30}}, loss: mse}\n"
             "fit: {batch_size: 2, microbatch: 1, shuffle: false}\n",
             model);
    assert_true(all_ranks(failed_with(training_fit(MPI_COMM_WORLD, text, &result, NULL), LS_ERR_NUMERIC, words)));
}

static void names_what_is_not_finite(void **state)
{
    (void)state;
    /* 3e38 x 4 overflows on the way forward, in the second layer. */
    nonfinite("[activation: {activation: linear}, dense: {units: 1, name: wide, kernel_initializer: {constant: {value: "
              "4}}}]",
              3e38f, (const char *const[]){"update 3", "epoch 1", "batch 3", "layer 'wide'", "microbatch 1", NULL});
    /* 3e38 x 1e-30 is fine, but dK = 2 x 3e8 x 3e38 is not. */
    nonfinite("[dense: {units: 1, name: steep, kernel_initializer: {constant: {value: 1e-30}}}]", 3e38f,
              (const char *const[]){"update 3", "the gradient of layer 'steep'", "steep/kernel", NULL});
}

/* A gradient beyond the static grid is said, not clipped. */
static void static_grid_is_limited(void **state)
{
    static const float x[] = {1, 0x1p21f}, y[] = {0, 0};
    static const char *const words[] = {"update 2", "dense/kernel", "grid: static", "grid: carried", NULL};
    ls_fit_result result;

    (void)state;
    data_begin();
    data_put("/x", 2, 1, x);
    data_put("/y", 2, 0, y);
    assert_true(all_ranks(failed_with(training_fit(MPI_COMM_WORLD,
                                                   "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                                                   "model: [dense: {units: 1, kernel_initializer: ones}]\n"
                                                   "compile: {optimizer: sgd, loss: mae}\n"
                                                   "fit: {batch_size: 1, shuffle: false}\n"
                                                   "distributed: {grid: static}\n",
                                                   &result, NULL),
                                      LS_ERR_NUMERIC, words)));
}

/* ---- validation ---- */

static bool evaluate_on(MPI_Comm mpi, const char *text, double values[3])
{
    const ls_trainer_options options = {0};
    ls_trainer *trainer = NULL;
    ls_scores *scores = NULL;
    const ls_log *logs;
    training t;
    bool good = ok(training_open(mpi, text, &t)) && ok(ls_trainer_create(t.task, &options, &trainer)) &&
                ok(ls_scores_create(t.comm, t.task->model, t.task->outputs, t.task->objective, &scores)) &&
                ok(ls_trainer_evaluate(trainer, t.task->validation, scores)) && ls_scores_logs(scores, &logs) == 3;

    for (size_t i = 0; i < 3; i++)
        values[i] = good ? logs[i].value : NAN;
    ls_scores_free(scores);
    ls_trainer_free(trainer);
    training_close(&t);
    return good;
}

/* yhat = 0.5 (x0 + x1) - 0.25: loss w (y - yhat)^2 / n + 0.01 x 2 x 0.25, mae sum |d| / n, weighted mse by sum w */
static void validation_sets_of_every_size_are_used(void **state)
{
    int size;
    float x[40], y[20], w[20];

    (void)state;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (size_t i = 0; i < 40; i++)
        x[i] = data_value(i);
    for (size_t i = 0; i < 20; i++) {
        y[i] = data_value(i + 3);
        w[i] = (float)(1 + i % 3);
    }
    data_begin();
    data_put("/x", 20, 2, x);
    data_put("/y", 20, 0, y);
    data_put("/w", 20, 0, w);
    for (int n = 1; n <= 2 * size + 1; n++) {
        char text[1024];
        double got[3], alone[3], loss = 0, mae = 0, mse = 0, weight = 0, want[3];
        bool good;

        snprintf(text, sizeof text,
                 "data:\n"
                 "  file: data.h5\n"
                 "  train: {x: /x, y: /y, sample_weight: /w}\n"
                 "  some: {x: /x, y: /y, sample_weight: /w, rows: [0, %d]}\n"
                 "model: [dense: {units: 1, kernel_initializer: {constant: {value: 0.5}}, bias_initializer: {constant: "
                 "{value: -0.25}}, kernel_regularizer: {l2: {l2: 0.01}}}]\n"
                 "compile: {loss: mse, metrics: [mae], weighted_metrics: [mse]}\n"
                 "fit: {batch_size: 4, microbatch: 1, validation_data: some, validation_batch_size: %d}\n",
                 n, 1 + n % 5);
        for (int i = 0; i < n; i++) {
            const double d = (double)y[i] - (0.5 * ((double)x[2 * i] + (double)x[2 * i + 1]) - 0.25);

            loss += (double)w[i] * d * d / n;
            mse += (double)w[i] * d * d;
            mae += fabs(d) / n;
            weight += (double)w[i];
        }
        want[0] = loss + 0.01 * 2 * 0.25;
        want[1] = mae;
        want[2] = mse / weight;
        good = evaluate_on(MPI_COMM_WORLD, text, got) && evaluate_on(MPI_COMM_SELF, text, alone);
        for (size_t i = 0; i < 3; i++)
            good = good && got[i] == alone[i] && close_to(got[i], want[i], 0, 1e-6);
        assert_true(all_ranks(good));
    }
}

/* ---- labels ---- */

static ls_status fit_labels(float bad, const char *spec, const char *loss)
{
    float x[12] = {0}, y[12] = {0};
    char text[512];
    ls_fit_result result;

    y[7] = bad;
    data_begin();
    data_put("/x", 12, 1, x);
    data_put("/y", 12, 0, y);
    snprintf(text, sizeof text,
             "data: {file: data.h5, train: {x: /x, y: %s}}\n"
             "model: [dense: {units: 3, activation: softmax}]\n"
             "compile: {loss: %s}\n",
             spec, loss);
    return training_fit(MPI_COMM_WORLD, text, &result, NULL);
}

static void labels_are_checked(void **state)
{
    static const char *const words[] = {"/y", "7", "3", NULL};

    (void)state;
    assert_true(all_ranks(ok(fit_labels(2, "/y", "sparse_categorical_crossentropy"))));
    assert_true(all_ranks(failed_with(fit_labels(3, "/y", "sparse_categorical_crossentropy"), LS_ERR_DATA, words)));
    assert_true(all_ranks(failed_with(fit_labels(-1, "/y", "sparse_categorical_crossentropy"), LS_ERR_DATA, words)));
    assert_true(all_ranks(failed_with(fit_labels(0.5f, "/y", "sparse_categorical_crossentropy"), LS_ERR_DATA, words)));
    assert_true(all_ranks(ok(fit_labels(2, "{path: /y, one_hot: 3}", "categorical_crossentropy"))));
    assert_true(all_ranks(
        failed_with(fit_labels(3, "{path: /y, one_hot: 3}", "categorical_crossentropy"), LS_ERR_DATA, words)));
    assert_true(all_ranks(
        failed_with(fit_labels(0, "/y", "categorical_crossentropy"), LS_ERR_SHAPE, (const char *const[]){"3", NULL})));
}

/* Hinge turns 0 and 1 into -1 and 1 if the whole global batch is of them: with yhat = 0.5, 1 - t yhat is 1.5 or 0.5. */
static void hinge_looks_at_the_whole_batch(void **state)
{
    static const float x[] = {1, 1, 1, 1, 1, 1, 1, 1};
    static const struct {
        float y[8];
        double loss;
    } cases[] = {
        {{0, 1, 0, 0, 1, 0, 0, 1}, (5 * 1.5 + 3 * 0.5) / 8},
        {{0, 1, 0, 0, 1, 0, 0, -1}, (5 * 1.0 + 2 * 0.5 + 1.5) / 8}, /* the last rank's label speaks for all */
    };

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        const ls_trainer_options options = {0};
        ls_trainer *trainer = NULL;
        training t;
        bool stop = false;
        double loss = NAN;

        data_begin();
        data_put("/x", 8, 1, x);
        data_put("/y", 8, 0, cases[c].y);
        assert_true(
            all_ranks(ok(training_open(MPI_COMM_WORLD,
                                       "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                                       "model: [dense: {units: 1, kernel_initializer: {constant: {value: 0.5}}}]\n"
                                       "compile: {loss: hinge}\n"
                                       "fit: {batch_size: 8, microbatch: 1, shuffle: false}\n",
                                       &t))));
        assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
        ls_trainer_begin_epoch(trainer);
        assert_true(all_ranks(ok(ls_trainer_update(trainer, &stop, &loss)) && close_to(loss, cases[c].loss, 1e-7, 0)));
        ls_trainer_free(trainer);
        training_close(&t);
    }
}

/* An output that is measured needs targets as much as one that is trained on. */
static void metrics_need_targets(void **state)
{
    static const char *const words[] = {"'o2'", "metrics", NULL};
    ls_fit_result result;

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 6, 3, 0);
    assert_true(all_ranks(failed_with(training_fit(MPI_COMM_WORLD,
                                                   "data: {file: data.h5, train: {x: /x, y: {o1: /y}}}\n"
                                                   "model:\n"
                                                   "  inputs: {a: {shape: [3]}}\n"
                                                   "  layers:\n"
                                                   "    - {name: o1, dense: {units: 1}, inputs: a}\n"
                                                   "    - {name: o2, dense: {units: 1}, inputs: a}\n"
                                                   "  outputs: [o1, o2]\n"
                                                   "compile: {loss: {o1: mse}, metrics: {o2: [accuracy]}}\n",
                                                   &result, NULL),
                                      LS_ERR_CONFIG, words)));
}

/* Class weights are for one output, and not beside sample weights. Groups of ghost batch normalization must fit. */
static void refuses_what_does_not_go_together(void **state)
{
    static const char *const weights[] = {"class_weight", "sample weights", NULL};
    static const char *const groups[] = {"experiment.yaml:2:", "groups of 4", "fit.microbatch is 6", NULL};
    ls_fit_result result;

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 12, 3, 2);
    assert_true(all_ranks(failed_with(training_fit(MPI_COMM_WORLD,
                                                   "data: {file: data.h5, train: {x: /x, y: /y, sample_weight: /y}}\n"
                                                   "model: [dense: {units: 1}]\n"
                                                   "compile: {loss: mse}\n"
                                                   "fit: {class_weight: {1: 2}}\n",
                                                   &result, NULL),
                                      LS_ERR_CONFIG, weights)));
    assert_true(all_ranks(failed_with(training_fit(MPI_COMM_WORLD,
                                                   "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                                                   "model: [dense: {units: 1}, batch_normalization: {groups: 4}]\n"
                                                   "compile: {loss: mse}\n"
                                                   "fit: {batch_size: 12, microbatch: 6}\n",
                                                   &result, NULL),
                                      LS_ERR_CONFIG, groups)));
}

/* ---- a signal ---- */

/* One rank wishes to stop: all give up the update at hand, stand after the one before, and say so. */
static void all_ranks_stop_together(void **state)
{
    static volatile sig_atomic_t wish;
    const ls_fit_settings settings = {.stop = &wish};
    ls_fit_result result;
    int size;
    training t;

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 6, 3, 0);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    wish = world_rank() == size - 1;
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD,
                                           "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                                           "model: [dense: {units: 1}]\n"
                                           "compile: {loss: mse}\n"
                                           "fit: {epochs: 3, batch_size: 2}\n",
                                           &t))));
    assert_true(all_ranks(
        failed_with(ls_fit(t.task, &settings, &result), LS_ERR_STOPPED, (const char *const[]){"update 0", NULL})));
    assert_true(all_ranks(result.stopped && result.updates == 0));
    training_close(&t);
}

/* ---- Keras's numbers ---- */

typedef struct golden {
    const char *column;
    int row;
    double value;
} golden;

#define A6_DATA \
    "data:\n"   \
    "  file: data.h5\n"
#define A6_FIT(epochs) "fit: {epochs: " #epochs ", batch_size: 4, microbatch: 2, shuffle: false"
#define A6_START "initial_weights: start.h5\n"

/* x_i = [(7i mod 10)/10, (3i mod 10)/10 - 0.5], y_i = 2 x_i0 - x_i1 + 0.25 (-1)^i, sw_i = 1 + i mod 3, class i mod 3 */
static void put_a6(void)
{
    float x[20], y[10], weight[10], label[10], by_class[10];

    for (int i = 0; i < 10; i++) {
        x[2 * i] = (float)(7 * i % 10 / 10.0);
        x[2 * i + 1] = (float)(3 * i % 10 / 10.0 - 0.5);
        y[i] = (float)(2 * (7 * i % 10 / 10.0) - (3 * i % 10 / 10.0 - 0.5) + (i % 2 ? -0.25 : 0.25));
        weight[i] = (float)(1 + i % 3);
        label[i] = (float)(i % 3);
        by_class[i] = i % 3 == 1 ? 2.0f : 1.0f;
    }
    data_begin();
    data_put("/x", 10, 2, x);
    data_put("/y", 10, 0, y);
    data_put("/w", 10, 0, weight);
    data_put("/label", 10, 0, label);
    data_put("/by_class", 10, 0, by_class);
}

/*
 * Fit into the run directory; history and weights (in layer order, weights NULL: not asked) must be these to 7 digits.
 */
static void run_golden(const char *text, const golden *want, size_t n, const double *weights)
{
    const ls_fit_settings settings = {.directory = training_run};
    ls_fit_result result;
    training t;
    bool good = true;

    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
    assert_true(all_ranks(ok(ls_fit(t.task, &settings, &result))));
    for (size_t i = 0; i < n; i++)
        if (!close_to(history_value(want[i].column, want[i].row), want[i].value, 0, 4e-7)) {
            print_error("that was %s of epoch %d\n", want[i].column, want[i].row + 1);
            good = false;
        }
    for (size_t i = 0; weights && i < t.task->model->layers; i++)
        for (size_t p = 0; p < t.task->model->layer[i]->params; p++) {
            const ls_param *param = &t.task->model->layer[i]->param[p];

            good &= all_close(param->value, weights, param->size, 6e-8, 4e-7);
            weights += param->size;
        }
    assert_true(all_ranks(good));
    training_close(&t);
}
#define GOLDEN(text, weights, ...) \
    run_golden(text, (const golden[]){__VA_ARGS__}, count_of(((const golden[]){__VA_ARGS__})), weights)

#define LINEAR "model: [dense: {units: 1}]\n"
#define SGD "compile: {optimizer: {sgd: {learning_rate: 0.1}}, loss: mse, metrics: [mae], weighted_metrics: [mse]}\n"

static void a_line_trains_as_keras_s(void **state)
{
    (void)state;
    put_a6();
    weights_put("[input: {shape: [2]}, dense: {units: 1}]", (const float[]){0.5f, -0.25f, 0.1f});
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: /y}\n" LINEAR SGD A6_FIT(2) "}\n",
           ((const double[]){.8123318, -.4066054, .4842768}), {"loss", 0, .6040886}, {"loss", 1, .3226873},
           {"mae", 0, .6736221}, {"mae", 1, .4685967});
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: /y, sample_weight: /w}\n" LINEAR SGD A6_FIT(2) "}\n",
           ((const double[]){.9792894, -.4699839, .663446}), {"loss", 0, .9880432}, {"loss", 1, .354555},
           {"mae", 0, .6104692}, {"mae", 1, .3829057}, {"mse", 0, .5200227}, {"mse", 1, .1866079});
    GOLDEN(A6_START A6_DATA
           "  train: {x: /x, y: /y, sample_weight: /w}\n" LINEAR SGD A6_FIT(2) ", validation_split: 0.3}\n",
           NULL, {"loss", 0, .9716104}, {"loss", 1, .4014862}, {"val_loss", 0, .6862462}, {"val_loss", 1, .4181742},
           {"val_mse", 0, .3431231}, {"val_mse", 1, .2090871});
}

static void penalties_train_as_keras_s(void **state)
{
    (void)state;
    put_a6();
    weights_put("[input: {shape: [2]}, dense: {units: 1}]", (const float[]){0.5f, -0.25f, 0.1f});
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: /y}\n"
                            "  first: {x: /x, y: /y, rows: [0, 3]}\n"
                            "model: [dense: {units: 1, kernel_regularizer: {l2: {l2: 0.1}}}]\n" SGD A6_FIT(
                                2) ", validation_data: first}\n",
           NULL, {"loss", 0, .6483624}, {"loss", 1, .4026221}, {"mse", 0, .6114455}, {"mse", 1, .3445621},
           {"val_loss", 0, .1700625}, {"val_loss", 1, .1054798}, {"val_mse", 0, .1153589}, {"val_mse", 1, .036052});
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: /y}\n"
                            "model: [dense: {units: 1, kernel_regularizer: {l1_l2: {l1: 0.1, l2: 0.2}}, "
                            "activity_regularizer: {l2: {l2: 0.01}}}]\n" SGD A6_FIT(1) "}\n",
           ((const double[]){.6083702, -.275086, .3846983}), {"loss", 0, .7777342});
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: /y}\n"
                            "model: [dense: {units: 1, kernel_constraint: {max_norm: {max_value: 0.5}}}]\n"
                            "compile: {optimizer: {adam: {learning_rate: 0.1}}, loss: mse}\n" A6_FIT(2) "}\n",
           ((const double[]){.3741189, -.3317152, .6416679}), {"loss", 0, .676186}, {"loss", 1, .4571149});
}

/* Class weights {0: 1, 1: 2}, and the sample weights they stand for; also by one-hot targets. */
static void softmax_trains_as_keras_s(void **state)
{
    static const float start[] = {.1f, -.2f, .3f, .4f, 0, -.5f, 0, 0, 0};

    (void)state;
    put_a6();
    weights_put("[input: {shape: [2]}, dense: {units: 3}]", start);
#define SOFTMAX(train, loss, more)                                                                             \
    A6_START A6_DATA "  train: {x: /x, " train "}\n"                                                           \
                     "model: [dense: {units: 3, activation: softmax}]\n"                                       \
                     "compile: {optimizer: {sgd: {learning_rate: 0.5}}, loss: " loss ", metrics: [accuracy], " \
                     "weighted_metrics: [accuracy]}\n" A6_FIT(2) more "}\n"
#define SOFTMAX_HISTORY                                                                     \
    {"loss", 0, 1.519058}, {"loss", 1, 1.360138}, {"accuracy", 0, .2}, {"accuracy", 1, .5}, \
        {"weighted_accuracy", 0, .1538462}, {"weighted_accuracy", 1, .6153846}
    GOLDEN(SOFTMAX("y: /label", "sparse_categorical_crossentropy", ", class_weight: {0: 1, 1: 2}"), NULL,
           SOFTMAX_HISTORY);
    GOLDEN(SOFTMAX("y: {path: /label, one_hot: 3}", "categorical_crossentropy", ", class_weight: {0: 1, 1: 2}"), NULL,
           SOFTMAX_HISTORY);
    GOLDEN(SOFTMAX("y: /label, sample_weight: /by_class", "sparse_categorical_crossentropy", ""), NULL,
           SOFTMAX_HISTORY);
}

/* scikit-learn's compute_class_weight("balanced"): of 4, 3 and 3 samples 10 / 12, 10 / 9, 10 / 9. */
static void balanced_classes_weigh_as_scikit_learn_s(void **state)
{
    static const char *const fractions[] = {"balanced", "classes", "/y is 0.75", NULL};
    ls_fit_result balanced, written;

    (void)state;
    put_a6();
#define BALANCED(train, weights) SOFTMAX(train, "sparse_categorical_crossentropy", ", class_weight: " weights)
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, BALANCED("y: /label", "balanced"), &balanced, NULL))));
    assert_true(all_ranks(ok(
        training_fit(MPI_COMM_WORLD,
                     BALANCED("y: /label", "{0: 0.83333333333333333, 1: 1.11111111111111111, 2: 1.11111111111111111}"),
                     &written, NULL))));
    assert_string_equal(balanced.fingerprint, written.fingerprint);
    assert_true(all_ranks(ok(
        training_fit(MPI_COMM_WORLD,
                     SOFTMAX("y: {path: /label, one_hot: 3}", "categorical_crossentropy", ", class_weight: balanced"),
                     &balanced, NULL))));
    assert_string_equal(balanced.fingerprint, written.fingerprint);
    assert_true(all_ranks(failed_with(
        training_fit(MPI_COMM_WORLD,
                     A6_START A6_DATA "  train: {x: /x, y: /y}\nmodel: [dense: {units: 1}]\ncompile: {loss: "
                                      "mse}\n" A6_FIT(1) ", class_weight: balanced}\n",
                     &written, NULL),
        LS_ERR_CONFIG, fractions)));
}

#define TWO_OUTPUTS                                                         \
    "  inputs: {a: {shape: [2]}}\n"                                         \
    "  layers:\n"                                                           \
    "    - {name: o1, dense: {units: 1}, inputs: a}\n"                      \
    "    - {name: o2, dense: {units: 3, activation: softmax}, inputs: a}\n" \
    "  outputs: [o1, o2]\n"

static void two_outputs_train_as_keras_s(void **state)
{
    static const float start[] = {0.5f, -0.25f, 0.1f, .1f, -.2f, .3f, .4f, 0, -.5f, 0, 0, 0};

    (void)state;
    put_a6();
    weights_put(TWO_OUTPUTS, start);
    GOLDEN(A6_START A6_DATA "  train: {x: /x, y: {o1: /y, o2: /label}}\n"
                            "model:\n" TWO_OUTPUTS "compile:\n"
                            "  optimizer: {sgd: {learning_rate: 0.1}}\n"
                            "  loss: {o1: mse, o2: sparse_categorical_crossentropy}\n"
                            "  loss_weights: {o1: 1, o2: 0.5}\n"
                            "  metrics: {o1: mae}\n" A6_FIT(1) ", validation_data: train}\n",
           NULL, {"loss", 0, 1.16716}, {"o1_loss", 0, .6040886}, {"o2_loss", 0, 1.126143}, {"val_loss", 0, .9054025},
           {"val_o1_loss", 0, .3450184}, {"val_o2_loss", 0, 1.120768}, {"val_o1_mae", 0, .480621});
}

static void batch_normalization_trains_as_keras_s(void **state)
{
    /* kernel, bias; gamma, beta, moving mean, moving variance; kernel, bias */
    static const float start[] = {.1f, -.2f, .4f, .3f, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, -1, 0};
    const ls_fit_settings settings = {.directory = training_run};
    static const char text[] = A6_START A6_DATA
        "  train: {x: /x, y: /y}\n"
        "model: [dense: {units: 2}, batch_normalization, dense: {units: 1}]\n"
        "compile: {optimizer: {sgd: {learning_rate: 0.1}}, loss: mse}\n" A6_FIT(1) ", validation_data: train}\n";
    ls_fit_result result;
    const ls_layer *layer;
    training t;
    bool good;

    (void)state;
    put_a6();
    weights_put("[input: {shape: [2]}, dense: {units: 2}, batch_normalization, dense: {units: 1}]", start);
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
    assert_true(all_ranks(ok(ls_fit(t.task, &settings, &result))));
    layer = t.task->model->layer[2];
    good = close_to(history_value("loss", 0), .7322425, 0, 4e-7);
    good &= close_to(history_value("val_loss", 0), .4491386, 0, 4e-7);
    good &= all_close(layer->param[2].value, (const double[]){.0006582, -.0012778}, 2, 6e-8, 0);
    good &= all_close(layer->param[3].value, (const double[]){.9705825, .9706371}, 2, 6e-8, 4e-7);
    assert_true(all_ranks(good));
    training_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_line_trains_as_by_hand),
    cmocka_unit_test(updates_are_counted),
    cmocka_unit_test(all_ranks_equal_one),
    cmocka_unit_test(more_ranks_than_microbatches),
    cmocka_unit_test(the_grid_rises_when_it_must),
    cmocka_unit_test(names_what_is_not_finite),
    cmocka_unit_test(static_grid_is_limited),
    cmocka_unit_test(validation_sets_of_every_size_are_used),
    cmocka_unit_test(labels_are_checked),
    cmocka_unit_test(hinge_looks_at_the_whole_batch),
    cmocka_unit_test(metrics_need_targets),
    cmocka_unit_test(refuses_what_does_not_go_together),
    cmocka_unit_test(all_ranks_stop_together),
    cmocka_unit_test(a_line_trains_as_keras_s),
    cmocka_unit_test(penalties_train_as_keras_s),
    cmocka_unit_test(softmax_trains_as_keras_s),
    cmocka_unit_test(balanced_classes_weigh_as_scikit_learn_s),
    cmocka_unit_test(two_outputs_train_as_keras_s),
    cmocka_unit_test(batch_normalization_trains_as_keras_s),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
