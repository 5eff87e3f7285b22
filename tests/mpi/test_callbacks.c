/* Callbacks in a real fit, on every number of ranks: the order of hooks, what they may change, and how a run ends. */
#include "training.h"

#include "run/checkpoint.h"

#define EXPERIMENT(rate, fit, callbacks)                                                  \
    "seed: 3\n"                                                                           \
    "data: {file: data.h5, train: {x: /train/x, y: {path: /train/y, scale: 0.5}}, "       \
    "val: {x: /train/x, y: {path: /train/y, scale: 0.5}, rows: [0, 5]}}\n"                \
    "model:\n  - dense: {units: 4, activation: tanh}\n  - dense: {units: 1}\n"            \
    "compile: {optimizer: {sgd: {learning_rate: " rate "}}, loss: mse, metrics: [mae]}\n" \
    "fit: {batch_size: 4, microbatch: 1, validation_data: val, " fit "}\n"                \
    "callbacks:\n" callbacks "  []\n"
#define NONE ""
/* Hinge asks of every batch, in validation too, whether its labels are 0 or 1. */
#define HINGE(fit, callbacks)                                                       \
    "seed: 3\n"                                                                     \
    "data: {file: data.h5, train: {x: /train/x, y: {path: /train/y, scale: 0.5}}, " \
    "val: {x: /train/x, y: {path: /train/y, scale: 0.5}, rows: [0, 5]}}\n"          \
    "model: [dense: {units: 1}]\n"                                                  \
    "compile: {optimizer: sgd, loss: hinge}\n"                                      \
    "fit: {batch_size: 4, microbatch: 1, " fit "}\n"                                \
    "callbacks:\n" callbacks "  []\n"

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

/* ---- a callback of the calling program ---- */

typedef struct spy {
    char seen[1024];     /* the hooks in the order they came, one letter each */
    uint64_t stop_batch; /* set stop_training after this batch of the first epoch; UINT64_MAX: never */
    int fail_rank;       /* this rank fails at the end of the first epoch; -1: none */
    float rate;          /* to train with; 0: as it is */
    uint64_t epochs;     /* its state */
    double last_loss, last_doubled;
    size_t logs, train_logs;
    const char *const *adds; /* NULL: "doubled" */
    int states;              /* how often it was asked for its state: files that were written, on rank 0 */
} spy;

static void note(spy *s, const char *format, uint64_t n)
{
    const size_t length = strlen(s->seen);

    snprintf(s->seen + length, sizeof s->seen - length, format, (int)n);
}

static ls_status train_begin(void *context, ls_callback_run *run)
{
    note(context, run->resumed ? "R " : "T ", 0);
    return LS_OK;
}

static ls_status epoch_begin(void *context, ls_callback_run *run, uint64_t epoch)
{
    spy *const s = context;

    note(s, "E%d ", epoch);
    if (s->rate > 0)
        run->trainer->updater->learning_rate = s->rate;
    return LS_OK;
}

static ls_status batch_begin(void *context, ls_callback_run *run, uint64_t batch)
{
    (void)run;
    note(context, "b%d", batch);
    return LS_OK;
}

static ls_status batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    spy *const s = context;

    note(s, ".%d ", batch);
    assert_int_equal(logs->n, 2);
    assert_non_null(ls_logs_get(logs, "loss"));
    if (run->trainer->epoch == 0 && batch == s->stop_batch)
        run->stop_training = true;
    return LS_OK;
}

static ls_status test_begin(void *context, ls_callback_run *run)
{
    (void)run;
    note(context, "v", 0);
    return LS_OK;
}

static ls_status test_end(void *context, ls_callback_run *run, ls_logs *logs)
{
    (void)run;
    note(context, ls_logs_get(logs, "loss") && ls_logs_get(logs, "mae") && logs->n == 2 ? ". " : "? ", 0);
    return LS_OK;
}

static ls_status epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    spy *const s = context;

    note(s, "e%d ", epoch);
    s->epochs++;
    s->logs = logs->n;
    s->train_logs = run->train_logs;
    s->last_loss = *ls_logs_get(logs, "loss");
    if (run->trainer->comm->rank == s->fail_rank && epoch == 0)
        return ls_fail(LS_ERR_IO, "the spy failed");
    LS_TRY(ls_logs_put(logs, "doubled", 2 * s->last_loss));
    return LS_OK;
}

static ls_status train_end(void *context, ls_callback_run *run, ls_logs *logs)
{
    spy *const s = context;
    const double *doubled = ls_logs_get(logs, "doubled");

    (void)run;
    note(s, "t", 0);
    s->last_doubled = doubled ? *doubled : NAN;
    return LS_OK;
}

static ls_status spy_state(void *context, ls_callback_run *run, ls_state *state)
{
    (void)run;
    ((spy *)context)->states++;
    return ls_state_uint(state, "epochs", &((spy *)context)->epochs);
}

static const ls_callback_hooks spy_hooks = {
    .on_train_begin = train_begin,
    .on_epoch_begin = epoch_begin,
    .on_train_batch_begin = batch_begin,
    .on_train_batch_end = batch_end,
    .on_test_begin = test_begin,
    .on_test_end = test_end,
    .on_epoch_end = epoch_end,
    .on_train_end = train_end,
    .state = spy_state,
    .adds = (const char *const[]){"doubled", NULL},
};

/* Collective. With the spy as the program's callback; directory NULL: no files. weights: as training_fit. */
static ls_status fit(const char *experiment, spy *s, const char *directory, bool resume, ls_fit_result *result)
{
    ls_callback_hooks hooks = spy_hooks;
    const ls_callback callback = {.name = "spy", .hooks = &hooks, .context = s};
    const ls_fit_settings settings = {
        .directory = directory, .resume = resume, .callback = &callback, .callbacks = s != NULL};
    training t;
    ls_status st = training_open(MPI_COMM_WORLD, experiment, &t);

    if (s && s->adds)
        hooks.adds = s->adds;
    if (st == LS_OK)
        st = ls_fit(t.task, &settings, result);
    training_close(&t);
    return st;
}

#define SPY ((spy){.stop_batch = UINT64_MAX, .fail_rank = -1})

/* Keras's order; validation at the ends of epochs 1 and 3 only (counted from 0). */
static void hooks_are_called_in_keras_s_order(void **state)
{
    spy s = SPY;
    ls_fit_result result;
    bool good = true;

    (void)state;
    assert_true(
        all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 3, validation_freq: 2", NONE), &s, training_run, false, &result))));
    assert_string_equal(s.seen, "T E0 b0.0 b1.1 b2.2 e0 E1 b0.0 b1.1 b2.2 v. e1 E2 b0.0 b1.1 b2.2 e2 t");
    assert_int_equal(s.train_logs, 2);
    assert_int_equal(s.logs, 2); /* no validation in the last epoch */
    assert_true(s.last_doubled == 2 * s.last_loss);
    assert_int_equal(result.epochs, 3);
    /* The history has what the callback added. Its NA is read as 0. */
    world_barrier();
    for (int e = 0; e < 3; e++)
        good &= history_value("loss", e) > 0 && history_value("doubled", e) == 2 * history_value("loss", e);
    good &= history_value("val_mae", 0) == 0 && history_value("val_mae", 1) > 0;
    assert_true(all_ranks(good));
}

/* An epoch that is stopped within still is validated and ends; its resumption trains no more. */
static void an_epoch_stopped_within_still_ends_well(void **state)
{
    spy s = SPY, again = SPY;
    ls_fit_result result, later;

    (void)state;
    s.stop_batch = 1;
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 5", NONE), &s, training_run, false, &result))));
    assert_string_equal(s.seen, "T E0 b0.0 b1.1 v. e0 t");
    assert_int_equal(result.updates, 2);
    assert_int_equal(result.epochs, 1);
    assert_false(result.stopped);
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 5", NONE), &again, training_run, true, &later))));
    assert_string_equal(again.seen, "R t");
    assert_int_equal(again.epochs, 1); /* its state came with the checkpoint */
    assert_string_equal(later.fingerprint, result.fingerprint);
}

/* Three epochs, then three more, are six. */
static void three_epochs_and_three_more_are_six(void **state)
{
    spy whole = SPY, first = SPY, second = SPY;
    ls_fit_result want, got;

    (void)state;
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 6", NONE), &whole, NULL, false, &want))));
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 3", NONE), &first, training_run, false, &got))));
    assert_string_not_equal(got.fingerprint, want.fingerprint);
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 6", NONE), &second, training_run, true, &got))));
    assert_string_equal(got.fingerprint, want.fingerprint);
    assert_int_equal(second.epochs, 6);
    assert_int_equal(strncmp(second.seen, "R E3 b0", 7), 0);
    assert_true(second.last_loss == whole.last_loss);
    /* Without the callback it is another run. */
    assert_true(all_ranks(failed_with(fit(EXPERIMENT("0.1", "epochs: 6", NONE), NULL, training_run, true, &got),
                                      LS_ERR_MISMATCH, (const char *const[]){"spy", NULL})));
}

#define EARLY "  - early_stopping: {monitor: val_loss, patience: 9}\n#"
#define OTHER(call, ...) \
    assert_true(all_ranks(failed_with((call), LS_ERR_MISMATCH, (const char *const[]){__VA_ARGS__, NULL})))

/* What callbacks decide by must stay, whoever brought the callbacks: how the validation is cut, where that matters. */
static void another_validation_is_another_run(void **state)
{
    spy s = SPY;
    ls_fit_result got;

    (void)state;
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 1", NONE), &s, training_run, false, &got))));
    OTHER(fit(EXPERIMENT("0.1", "epochs: 2, validation_freq: 2", NONE), &s, training_run, true, &got),
          "validation_freq: 1", "validation_freq: 2");
    assert_true(all_ranks(
        ok(fit(EXPERIMENT("0.1", "epochs: 2, validation_batch_size: 3", NONE), &s, training_run, true, &got))));

    assert_true(all_ranks(ok(fit(HINGE("epochs: 1, validation_data: val", EARLY), NULL, training_run, false, &got))));
    OTHER(
        fit(HINGE("epochs: 2, validation_data: val, validation_batch_size: 3", EARLY), NULL, training_run, true, &got),
        "validation_batch_size: 4", "validation_batch_size: 3");
    assert_true(all_ranks(ok(fit(HINGE("epochs: 2, validation_data: val, validation_batch_size: 4", EARLY), NULL,
                                 training_run, true, &got))));
}

/* Another set of logs is another run, and no damage for which an older checkpoint would be taken. */
static void another_set_of_logs_is_another_run(void **state)
{
    static const char *const tripled[] = {"tripled", NULL};
    spy s = SPY;
    ls_fit_result got;

    (void)state;
    assert_true(all_ranks(
        ok(fit(HINGE("epochs: 2, checkpoint_keep: 3, validation_data: val", NONE), NULL, training_run, false, &got))));
    OTHER(fit(HINGE("epochs: 3, checkpoint_keep: 3", NONE), NULL, training_run, true, &got), "checkpoint.h5",
          "has the column 'val_loss'");
    assert_true(all_ranks(ok(fit(HINGE("epochs: 2, checkpoint_keep: 3", NONE), NULL, training_run, false, &got))));
    OTHER(fit(HINGE("epochs: 3, checkpoint_keep: 3, validation_data: val", NONE), NULL, training_run, true, &got),
          "has no column 'val_loss'");
    /* As many as before. */
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 1", NONE), &s, training_run, false, &got))));
    s.adds = tripled;
    OTHER(fit(EXPERIMENT("0.1", "epochs: 2", NONE), &s, training_run, true, &got), "has the column 'doubled'");
}

/* A callback may set the rate: then the run is that of this rate. */
static void a_callback_may_set_the_rate(void **state)
{
    spy fast = SPY, plain = SPY;
    ls_fit_result want, got, other;

    (void)state;
    fast.rate = 0.25f;
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.25", "epochs: 2", NONE), &plain, NULL, false, &want))));
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 2", NONE), &fast, NULL, false, &got))));
    assert_true(all_ranks(ok(fit(EXPERIMENT("0.1", "epochs: 2", NONE), NULL, NULL, false, &other))));
    assert_string_equal(got.fingerprint, want.fingerprint);
    assert_string_not_equal(got.fingerprint, other.fingerprint);
}

/* A failure on the last rank alone is one on all. */
static void a_failure_on_one_rank_is_one_on_all(void **state)
{
    int size;
    spy s = SPY;
    ls_fit_result result;

    (void)state;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    s.fail_rank = size - 1;
    assert_true(all_ranks(failed_with(fit(EXPERIMENT("0.1", "epochs: 2", NONE), &s, NULL, false, &result), LS_ERR_IO,
                                      (const char *const[]){"the spy failed", NULL})));
    assert_string_equal(s.seen, "T E0 b0.0 b1.1 b2.2 v. e0 ");
}

/* ---- terminate_on_nan ---- */

#define EXPLODES "1e25"

/* Without it, not being finite is an error; with it, the run ends well, on the last finite weights. */
static void what_is_not_finite_is_an_error_or_the_end_as_asked(void **state)
{
    spy s = SPY;
    ls_fit_result result;

    (void)state;
    assert_true(all_ranks(failed_with(fit(EXPERIMENT(EXPLODES, "epochs: 4", NONE), &s, NULL, false, &result),
                                      LS_ERR_NUMERIC, (const char *const[]){"epoch", NULL})));
    assert_true(
        all_ranks(failed_with(fit(EXPERIMENT(EXPLODES, "epochs: 4", "  - terminate_on_nan: {raise_error: true}\n#"), &s,
                                  NULL, false, &result),
                              LS_ERR_NUMERIC, (const char *const[]){"epoch", NULL})));
}

static void a_terminated_run_stays_terminated(void **state)
{
    static const char first[] = "T E0 b0.0 b1.1 ";
    spy s = SPY;
    ls_fit_result result;
    ls_status st;

    (void)state;
    st = fit(EXPERIMENT(EXPLODES, "epochs: 4, checkpoint_every: 1, checkpoint_seconds: 0", "  - terminate_on_nan\n#"),
             &s, training_run, false, &result);
    assert_true(all_ranks(ok(st)));
    assert_int_equal(strncmp(s.seen, first, strlen(first)), 0);
    assert_string_equal(s.seen + strlen(s.seen) - 6, ". e0 t");
    assert_true(isinf(s.last_loss)); /* Keras: squares of 1e25 are */
    assert_int_equal(result.epochs, 1);
    assert_int_equal(result.updates, 1);
    /* After the update and after the epoch, and model.h5; not once more after the batch that made no update. */
    assert_int_equal(s.states, world_rank() == 0 ? 3 : 0);
    world_barrier();
    assert_true(all_ranks(isinf(history_value("loss", 0)) && history_value("val_mae", 0) > 0));
    /* There is nothing left to train. */
    s = SPY;
    assert_true(all_ranks(
        ok(fit(EXPERIMENT(EXPLODES, "epochs: 4", "  - terminate_on_nan\n#"), &s, training_run, true, &result))));
    assert_string_equal(s.seen, "R t");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(hooks_are_called_in_keras_s_order),
    cmocka_unit_test(an_epoch_stopped_within_still_ends_well),
    cmocka_unit_test(three_epochs_and_three_more_are_six),
    cmocka_unit_test(another_validation_is_another_run),
    cmocka_unit_test(another_set_of_logs_is_another_run),
    cmocka_unit_test(a_callback_may_set_the_rate),
    cmocka_unit_test(a_failure_on_one_rank_is_one_on_all),
    cmocka_unit_test(what_is_not_finite_is_an_error_or_the_end_as_asked),
    cmocka_unit_test(a_terminated_run_stays_terminated),
};

LS_MPI_MAIN(tests, set_up, training_tear_down)
