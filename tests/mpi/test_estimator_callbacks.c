/*
 * Callbacks of a program: what they see, what they may do with the estimator that runs them, and what becomes of a run
 * when one fails, stops, or does something on one rank alone.
 */
#include "estimators.h"

#include "run/checkpoint.h"

typedef struct spy {
    char seen[512];
    int fail_rank; /* this rank fails at the end of the first epoch; -1: none */
    int stop_rank; /* this rank stops the training in the second batch */
    uint64_t epochs, updates;
    float loss;
    bool flag, resumed;
    char text[16];
} spy;

static void note(spy *s, const char *what, uint64_t n)
{
    const size_t length = strlen(s->seen);

    snprintf(s->seen + length, sizeof s->seen - length, "%s%d ", what, (int)n);
}

static ls_status spy_train_begin(void *context, ls_callback_run *run)
{
    spy *s = context;

    s->resumed = ls_callback_resumed(run);
    note(s, "T", 0);
    return LS_OK;
}

static ls_status spy_epoch_begin(void *context, ls_callback_run *run, uint64_t epoch)
{
    note(context, "E", epoch);
    assert_int_equal(ls_callback_epoch(run), epoch);
    assert_int_equal(ls_comm_size(ls_callback_comm(run)), ls_comm_size(estimator_comm));
    return ls_callback_set_learning_rate(run, epoch ? 0.25 : ls_callback_learning_rate(run));
}

static ls_status spy_batch_begin(void *context, ls_callback_run *run, uint64_t batch)
{
    note(context, "b", batch);
    assert_int_equal(ls_callback_batch(run), batch);
    return LS_OK;
}

static ls_status spy_batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    spy *s = context;

    note(s, ".", batch);
    assert_non_null(ls_logs_get(logs, "loss"));
    if (batch == 1 && s->stop_rank == ls_comm_rank(ls_callback_comm(run)))
        ls_callback_stop_training(run);
    return LS_OK;
}

static ls_status spy_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    spy *s = context;
    float kernel[8];

    note(s, "e", epoch);
    s->epochs++;
    s->updates = ls_callback_updates(run);
    s->loss = (float)*ls_logs_get(logs, "loss");
    s->flag = epoch % 2 == 0;
    snprintf(s->text, sizeof s->text, "epoch %d", (int)epoch);
    if (s->fail_rank == ls_comm_rank(ls_callback_comm(run)))
        return ls_callback_fail(LS_ERR_DATA, "the spy saw %s", "enough");
    assert_int_equal(ls_model_get_weight(ls_callback_model(run), 0, kernel, 8), LS_OK);
    return ls_logs_put(logs, "kernel", (double)kernel[0]);
}

static ls_status spy_train_end(void *context, ls_callback_run *run, ls_logs *logs)
{
    (void)run;
    note(context, "t", ls_logs_count(logs));
    return LS_OK;
}

static ls_status spy_state(void *context, ls_callback_run *run, ls_state *state)
{
    spy *s = context;

    (void)run;
    LS_TRY(ls_state_uint(state, "epochs", &s->epochs));
    LS_TRY(ls_state_float(state, "loss", &s->loss));
    LS_TRY(ls_state_flag(state, "flag", &s->flag));
    return ls_state_text(state, "text", s->text, sizeof s->text);
}

static const ls_callback_hooks spy_hooks = {
    .on_train_begin = spy_train_begin,
    .on_epoch_begin = spy_epoch_begin,
    .on_train_batch_begin = spy_batch_begin,
    .on_train_batch_end = spy_batch_end,
    .on_epoch_end = spy_epoch_end,
    .on_train_end = spy_train_end,
    .state = spy_state,
    .adds = (const char *const[]){"kernel", NULL},
};

#define SPY ((spy){.fail_rank = -1, .stop_rank = -1})

static ls_status spied(ls_estimator *e, const ls_data *data, spy *s, bool files, bool resume, ls_fit_result *result)
{
    const ls_callback callback = {.name = "spy", .hooks = &spy_hooks, .context = s};

    return ls_estimator_fit(e,
                            &(ls_fit_arguments){.train = data,
                                                .directory = files ? training_run : NULL,
                                                .resume = resume,
                                                .callback = &callback,
                                                .callbacks = 1},
                            result);
}

/*
 * Six epochs in one go, and three, then three more by another estimator that resumes: the same run, and the same state.
 */
static void callbacks_see_what_the_history_says(void **state)
{
    ls_data *data = memory_data("train", false);
    ls_estimator *e = made(MODEL("epochs: 6"));
    spy whole = SPY, first = SPY, second = SPY;
    ls_fit_result want, got;
    const ls_history *history;

    (void)state;
    assert_true(all_ranks(ok(spied(e, data, &whole, false, false, &want))));
    assert_int_equal(strncmp(whole.seen, "T0 E0 b0 .0 b1 .1 b2 .2 e0 E1 ", 30), 0);
    assert_string_equal(whole.seen + strlen(whole.seen) - 6, "e5 t3 ");
    assert_int_equal(whole.updates, 18);
    history = ls_estimator_history(e);
    assert_true(ls_history_value(history, 5, "kernel") != 0 && !isnan(ls_history_value(history, 5, "kernel")));
    ls_estimator_free(e);

    e = made(MODEL("epochs: 3"));
    assert_true(all_ranks(ok(spied(e, data, &first, true, false, &got))));
    assert_false(first.resumed);
    assert_string_not_equal(got.fingerprint, want.fingerprint);
    ls_estimator_free(e);
    e = made(MODEL("epochs: 6"));
    assert_true(all_ranks(ok(spied(e, data, &second, true, true, &got))));
    assert_true(second.resumed);
    assert_int_equal(strncmp(second.seen, "T0 E3 b0 ", 9), 0);
    assert_string_equal(got.fingerprint, want.fingerprint);
    assert_int_equal(second.epochs, 6);
    assert_int_equal(ls_history_count(ls_estimator_history(e)), 6);
    ls_estimator_free(e);

    /* What was in the last checkpoint comes back, and there is nothing left to train. */
    e = made(MODEL("epochs: 6"));
    second = SPY;
    assert_true(all_ranks(ok(spied(e, data, &second, true, true, &got))));
    assert_string_equal(second.seen, "T0 t0 ");
    assert_true(second.epochs == 6 && second.loss == whole.loss && !second.flag);
    assert_string_equal(second.text, "epoch 5");
    ls_estimator_free(e);
    ls_data_free(data);
    world_barrier();
    if (world_rank() == 0)
        remove_all(training_run);
    world_barrier();
}

static void a_callback_or_a_signal_ends_the_run(void **state)
{
    const int last = ls_comm_size(estimator_comm) - 1;
    ls_data *data = memory_data("train", false);
    ls_estimator *e = made(MODEL("epochs: 5"));
    spy s = SPY;
    ls_fit_result result;
    static volatile sig_atomic_t stop;

    (void)state;
    s.stop_rank = last;
    assert_true(all_ranks(ok(spied(e, data, &s, false, false, &result))));
    assert_string_equal(s.seen, "T0 E0 b0 .0 b1 .1 e0 t3 ");
    assert_int_equal(result.updates, 2);
    s = SPY;
    s.fail_rank = last;
    assert_true(all_ranks(failed_with(spied(e, data, &s, false, false, &result), LS_ERR_DATA,
                                      (const char *const[]){"the spy saw enough", NULL})));
    /* The estimator is as good as before. */
    s = SPY;
    assert_true(all_ranks(ok(spied(e, data, &s, false, false, &result))));
    assert_int_equal(result.updates, 2 + 3 + 15);
    /* The wish of one rank to stop: the update at hand is given up. */
    stop = ls_comm_rank(estimator_comm) == last;
    assert_true(all_ranks(failed_with(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .stop = &stop}, &result),
                                      LS_ERR_STOPPED, NULL)));
    assert_true(result.stopped && result.updates == 20);
    ls_estimator_free(e);
    ls_data_free(data);
}

typedef struct inner {
    ls_estimator *e; /* that runs it */
    const ls_data *data;
    char h5[64], keras[64];
    float loss; /* of an evaluation within */
} inner;

/* At the end of the first of two epochs. */
static ls_status use_within(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    inner *s = context;
    const ls_logs *evaluated;

    (void)logs;
    if (epoch > 0)
        return LS_OK;
    REFUSED(ls_estimator_save(s->e, s->h5), LS_ERR_ARG, "ls_estimator_save", "ls_callback_save");
    REFUSED(ls_estimator_set(s->e, "fit.epochs=3"), LS_ERR_ARG, "ls_estimator_set");
    REFUSED(ls_estimator_fit(s->e, &(ls_fit_arguments){.train = s->data}, NULL), LS_ERR_ARG, "ls_estimator_fit");
    REFUSED(ls_callback_save(run, NULL), LS_ERR_ARG, "path");
    REFUSED(ls_callback_save(run, "/nowhere/at/all.h5"), LS_ERR_IO, "/nowhere/at/all.h5");
    LS_TRY(ls_callback_save(run, s->h5));
    LS_TRY(ls_callback_save(run, s->keras));
    LS_TRY(ls_estimator_evaluate(s->e, s->data, &evaluated));
    s->loss = (float)*ls_logs_get(evaluated, "loss");
    return LS_OK;
}

/* What a callback may do with the estimator that runs it, and what not; the run is as without it. */
static void callbacks_may_use_the_estimator_that_runs_them(void **state)
{
    static const ls_callback_hooks hooks = {.on_epoch_end = use_within};
    ls_data *data = memory_data("train", false);
    ls_estimator *e = made(MODEL("epochs: 2")), *loaded = NULL;
    inner s = {.e = e, .data = data};
    const ls_callback callback = {.name = "inner", .hooks = &hooks, .context = &s};
    ls_fit_result got = {0};
    const ls_logs *logs;
    char want[33];

    (void)state;
    snprintf(s.h5, sizeof s.h5, "%s/within.h5", folder);
    snprintf(s.keras, sizeof s.keras, "%s/within.keras", folder);
    snprintf(want, sizeof want, "%s", fitted(e, data));
    ls_estimator_free(e);

    e = s.e = made(MODEL("epochs: 2"));
    assert_true(all_ranks(
        ok(ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .callback = &callback, .callbacks = 1}, &got))));
    assert_string_equal(got.fingerprint, want);
    ls_estimator_free(e);
    for (int i = 0; i < 2; i++) {
        assert_true(all_ranks(ok(ls_estimator_load(estimator_comm, i ? s.keras : s.h5, &loaded))));
        assert_true(all_ranks(ok(ls_estimator_evaluate(loaded, data, &logs))));
        assert_true((float)*ls_logs_get(logs, "loss") == s.loss);
        ls_estimator_free(loaded);
    }
    ls_data_free(data);
}

/* A damaged checkpoint is passed over, and not in silence. */
static void a_damaged_checkpoint_is_passed_over_with_a_warning(void **state)
{
    ls_data *data = memory_data("train", false);
    ls_estimator *e = made(MODEL("epochs: 2, checkpoint_keep: 2"));
    ls_fit_arguments arguments = {.train = data, .directory = training_run};
    char path[128], line[256] = "";
    ls_fit_result want, got;

    (void)state;
    assert_true(all_ranks(ok(ls_estimator_fit(e, &arguments, &want))));
    ls_estimator_free(e);
    snprintf(path, sizeof path, "%s/checkpoint.h5", training_run);
    if (world_rank() == 0)
        assert_int_equal(truncate(path, 1000), 0);
    world_barrier();
    e = made(MODEL("epochs: 2, checkpoint_keep: 2"));
    arguments.resume = true;
    arguments.out = tmpfile();
    assert_true(all_ranks(arguments.out && ok(ls_estimator_fit(e, &arguments, &got))));
    assert_string_equal(got.fingerprint, want.fingerprint);
    rewind(arguments.out);
    assert_int_equal(fgets(line, sizeof line, arguments.out) != NULL, world_rank() == 0);
    if (world_rank() == 0)
        assert_true(strncmp(line, "warning: ", 9) == 0 && strstr(line, path) && strstr(line, "checkpoint-update3.h5"));
    fclose(arguments.out);
    ls_estimator_free(e);
    ls_data_free(data);
    world_barrier();
    if (world_rank() == 0)
        remove_all(training_run);
    world_barrier();
}

/* A callback that does something on rank 1 alone: 'r' sets a learning rate, 'w' a weight. */
static ls_status drift(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    const float kernel[8] = {0.5f};

    (void)epoch, (void)logs;
    if (ls_comm_rank(ls_callback_comm(run)) != 1)
        return LS_OK;
    if (*(const char *)context == 'r')
        return ls_callback_set_learning_rate(run, 0.25);
    return ls_model_set_weight(ls_callback_model(run), 0, kernel, 8);
}

static void ranks_that_drift_apart_are_found(void **state)
{
    static const ls_callback_hooks hooks = {.on_epoch_end = drift};
    ls_data *data = memory_data("train", false);

    (void)state;
    for (int i = 0; i < 2; i++) {
        const ls_callback callback = {.name = "drift", .hooks = &hooks, .context = i ? "w" : "r"};
        ls_estimator *e = made(MODEL("epochs: 1"));
        const ls_status st =
            ls_estimator_fit(e, &(ls_fit_arguments){.train = data, .callback = &callback, .callbacks = 1}, NULL);

        assert_true(all_ranks(st == (ls_comm_size(estimator_comm) == 1 ? LS_OK : LS_ERR_MISMATCH)));
        if (st != LS_OK)
            assert_true(all_ranks(strstr(ls_error_message(), i ? "the weights" : "the learning rate") != NULL));
        ls_estimator_free(e);
    }
    ls_data_free(data);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(callbacks_see_what_the_history_says),
    cmocka_unit_test(a_callback_or_a_signal_ends_the_run),
    cmocka_unit_test(callbacks_may_use_the_estimator_that_runs_them),
    cmocka_unit_test(a_damaged_checkpoint_is_passed_over_with_a_warning),
    cmocka_unit_test(ranks_that_drift_apart_are_found),
};

LS_MPI_MAIN(tests, estimators_set_up, estimators_tear_down)
