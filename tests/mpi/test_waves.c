/*
 * A batch goes through the model in waves: whatever their size, on every number of ranks, a training ends with the same
 * weights, losses, traces and noise scale, does as many steps twice, and says the same of what is not finite.
 */
#include "training.h"

#define SAMPLES ((size_t)53)
#define WIDTH ((size_t)5)

static float value_at(size_t i)
{
    return (float)((i * 37 + 11) % 101) / 101.0f - 0.5f + (float)(i % 7) / 16.0f;
}

/* large: a sample of numbers near the largest; SIZE_MAX: none. */
static void put_samples(size_t large)
{
    float x[SAMPLES * WIDTH], y[SAMPLES], sign[SAMPLES], index[SAMPLES];

    for (size_t i = 0; i < SAMPLES * WIDTH; i++)
        x[i] = i / WIDTH == large ? 3e38f : value_at(i) * (i / WIDTH == 40 ? 0x1p12f : 1.0f);
    for (size_t i = 0; i < SAMPLES; i++) {
        y[i] = (float)((i * 5 + i / 3) % 4);
        sign[i] = (float)(i % 3 == 0);
        index[i] = i == 47 ? 6 : (float)(i % 6);
    }
    data_begin();
    data_put("/x", SAMPLES, WIDTH, x);
    data_put("/y", SAMPLES, 0, y);
    data_put("/sign", SAMPLES, 0, sign);
    data_put("/index", SAMPLES, 1, index);
}

/* What is left of two epochs. */
typedef struct outcome {
    char fingerprint[33];
    uint64_t chain, redone;
    double losses, validation, noise;
} outcome;

static ls_status note_chain(void *context, const ls_model *model, const ls_trace_update *update)
{
    (void)model;
    ((outcome *)context)->chain = update->chain;
    return LS_OK;
}

static bool train(MPI_Comm mpi, const char *text, size_t wave, bool traced, outcome *o)
{
    const ls_trace_sink sink = {.context = o, .update = note_chain};
    const ls_trainer_options options = {.wave = wave, .trace = traced ? &sink : NULL};
    ls_trainer *trainer = NULL;
    ls_scores *scores = NULL;
    training t;
    bool good = ok(training_open(mpi, text, &t));

    *o = (outcome){0};
    if (!good)
        return false;
    good = ok(ls_trainer_create(t.task, &options, &trainer)) &&
           ok(ls_scores_create(t.comm, t.task->model, t.task->outputs, t.task->objective, &scores));
    for (; good && trainer->epoch < 2; trainer->epoch++, trainer->batch = 0) {
        ls_trainer_begin_epoch(trainer);
        while (good && trainer->batch < trainer->plan.batches) {
            bool stop = false;
            double loss = 0;

            good = ok(ls_trainer_update(trainer, &stop, &loss));
            o->losses += loss;
        }
    }
    if (good) {
        const ls_log *logs;

        good = ok(ls_trainer_evaluate(trainer, t.task->train, scores));
        ls_scores_logs(scores, &logs);
        o->validation = logs[0].value;
        o->noise = trainer->noise ? ls_noise_scale_estimate(trainer->noise).scale : 0;
        o->redone = trainer->redone;
        ls_model_fingerprint(t.task->model, o->fingerprint);
    }
    if (t.comm->rank > 0)
        o->chain = 0; /* rank 0 has it */
    ls_scores_free(scores);
    ls_trainer_free(trainer);
    training_close(&t);
    return good;
}

static bool same_outcome(const outcome *a, const outcome *b)
{
    return strcmp(a->fingerprint, b->fingerprint) == 0 && a->redone == b->redone &&
           memcmp(&a->losses, &b->losses, sizeof a->losses) == 0 &&
           memcmp(&a->validation, &b->validation, sizeof a->validation) == 0 &&
           memcmp(&a->noise, &b->noise, sizeof a->noise) == 0 && (world_rank() > 0 || a->chain == b->chain);
}

static const char *const models[] = {
    "[dense: {units: 20, activation: relu}, dropout: {rate: 0.3}, dense: {units: 4, activation: softmax}]",
    "[batch_normalization, dense: {units: 6, activation: gelu, activity_regularizer: l1_l2}, batch_normalization, "
    "dropout: {rate: 0.3}, dense: {units: 4, activation: softmax}]",
    "{inputs: {a: {shape: [5]}}, layers: [{name: h, dense: {units: 5, activation: gelu}, inputs: a}, "
    "{name: n, batch_normalization: null, inputs: h}, {name: o, gaussian_noise: {stddev: 0.2}, inputs: n}, "
    "{name: p, batch_normalization: null, inputs: o}, {name: sum, add: null, inputs: [h, n, p, a]}, "
    "{name: last, dense: {units: 4, activation: softmax}, inputs: sum}], outputs: last}",
};

static void waves_of_any_size_train_alike(void **unused)
{
    static const size_t waves[] = {1, 6, 9, 0};

    (void)unused;
    put_samples(SIZE_MAX);
    for (size_t i = 0; i < count_of(models); i++)
        for (int traced = 0; traced < 2; traced++) {
            outcome want, got;
            char text[2048];

            snprintf(text, sizeof text,
                     "seed: 7\n"
                     "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                     "model: %s\n"
                     "compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\n"
                     "fit: {epochs: 2, batch_size: 40, microbatch: 3, noise_scale: %s}\n"
                     "distributed: {bucket_kib: 6}\n",
                     models[i], traced ? "true" : "false");
            assert_true(all_ranks(train(MPI_COMM_SELF, text, 40, traced, &want)));
            if (world_rank() == 0 && traced)
                assert_true(want.chain != 0 && want.noise != 0);
            for (size_t w = 0; w < count_of(waves); w++)
                assert_true(
                    all_ranks(train(MPI_COMM_WORLD, text, waves[w], traced, &got) && same_outcome(&got, &want)));
        }
}

/* Hinge asks for the labels of the whole batch before the first loss. */
static void hinge_sees_all_waves(void **unused)
{
    static const char text[] = "data: {file: data.h5, train: {x: /x, y: /sign}}\n"
                               "model: [dense: {units: 1, activation: tanh}]\n"
                               "compile: {loss: hinge}\n"
                               "fit: {epochs: 2, batch_size: 40, microbatch: 3}\n";
    outcome want, got;

    (void)unused;
    put_samples(SIZE_MAX);
    assert_true(all_ranks(train(MPI_COMM_SELF, text, 40, false, &want)));
    assert_true(all_ranks(train(MPI_COMM_WORLD, text, 3, false, &got) && same_outcome(&got, &want)));
}

/* The message that the first update ends with; "" if it does not fail. */
static bool message_of(MPI_Comm mpi, const char *text, size_t wave, char *out, size_t size)
{
    const ls_trainer_options options = {.wave = wave};
    ls_trainer *trainer = NULL;
    training t;
    bool good = ok(training_open(mpi, text, &t)) && ok(ls_trainer_create(t.task, &options, &trainer));

    out[0] = '\0';
    if (good) {
        bool stop = false;
        double loss;

        ls_trainer_begin_epoch(trainer);
        if (ls_trainer_update(trainer, &stop, &loss) != LS_OK)
            snprintf(out, size, "%s", ls_error_message());
    }
    ls_trainer_free(trainer);
    training_close(&t);
    return good;
}

static void what_is_not_finite_is_found_in_its_wave(void **unused)
{
    static const struct {
        const char *model, *x, *words;
    } cases[] = {
        {"[dense: {units: 3, name: wide, kernel_initializer: {constant: {value: 4}}}, batch_normalization, dense: "
         "{units: 4, activation: softmax}]",
         "/x", "layer 'wide' gave a NaN or an infinity (microbatch 6)"},
        {"[dense: {units: 3}, batch_normalization: {name: steep, gamma_initializer: {constant: {value: 3e38}}}, dense: "
         "{units: 4, activation: softmax}]",
         "/index", "layer 'steep' gave a NaN or an infinity (microbatch "},
        {"[activation: {activation: relu}, embedding: {input_dim: 6, output_dim: 3}, flatten, batch_normalization, dense: {units: 4, activation: "
         "softmax}]",
         "/index", "row 6 of its table, which has 6 rows"},
        {"[batch_normalization, dense: {units: 1, name: o, kernel_initializer: {constant: {value: -1}}}]", "/x",
         "takes the logarithm of a negative prediction"},
    };

    (void)unused;
    put_samples(20);
    for (size_t i = 0; i < count_of(cases); i++) {
        char text[2048], want[512], got[512];

        snprintf(text, sizeof text,
                 "data: {file: data.h5, train: {x: %s, y: /y}}\n"
                 "model: %s\n"
                 "compile: {loss: %s}\n"
                 "fit: {batch_size: 53, microbatch: 3, shuffle: false}\n",
                 cases[i].x, cases[i].model, i == 3 ? "poisson" : "sparse_categorical_crossentropy");
        assert_true(all_ranks(message_of(MPI_COMM_SELF, text, 53, want, sizeof want)));
        if (!strstr(want, cases[i].words))
            fail_msg("case %zu: %s", i, want);
        for (size_t wave = 3; wave <= 53; wave += 25) {
            bool good = message_of(MPI_COMM_WORLD, text, wave, got, sizeof got);

            if (i < 2) /* the others are said of the first rank's first wave that has one */
                good = good && strcmp(got, want) == 0;
            assert_true(all_ranks(good && strstr(got, cases[i].words)));
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(waves_of_any_size_train_alike),
    cmocka_unit_test(hinge_sees_all_waves),
    cmocka_unit_test(what_is_not_finite_is_found_in_its_wave),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
