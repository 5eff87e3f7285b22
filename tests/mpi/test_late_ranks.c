/*
 * One copy of the weights for the ranks of a node, messages under way while others compute, and ranks that are late:
 * the same bits as one rank computes.
 */
#include "training.h"

#include <time.h>

/*
 * Epochs of single updates; before some of them one rank sleeps, another one every time. slow_network: layers begin
 * with the weights that are there, as they do on one.
 */
static ls_status train_slowly(MPI_Comm mpi, const char *text, bool slow_network, char fingerprint[33])
{
    const ls_trainer_options options = {0};
    ls_trainer *trainer = NULL;
    training t;
    ls_status st = training_open(mpi, text, &t);

    if (st == LS_OK)
        st = ls_trainer_create(t.task, &options, &trainer);
    if (st == LS_OK) {
        ls_engine_company company = ls_gradients_company(trainer->gradients);

        company.often = company.often || slow_network;
        ls_engine_keep_company(trainer->engine, &company);
        trainer->overlaps = true;
    }
    for (; st == LS_OK && trainer->epoch < 3; trainer->epoch++) {
        ls_trainer_begin_epoch(trainer);
        for (trainer->batch = 0; st == LS_OK && trainer->batch < trainer->plan.batches;) {
            const size_t turn = (size_t)trainer->update;
            bool stop = false;
            double loss;

            if ((int)(turn * 5 % 7) == trainer->comm->rank)
                nanosleep(&(struct timespec){.tv_nsec = (long)(turn % 4) * 700000}, NULL);
            st = ls_trainer_update(trainer, &stop, &loss);
        }
    }
    if (st == LS_OK)
        st = ls_updater_finish(trainer->updater, trainer->gradients);
    ls_trainer_free(trainer); /* the weights come home */
    if (st == LS_OK)
        ls_model_fingerprint(t.task->model, fingerprint);
    training_close(&t);
    return st;
}

/* Constraints and averages write weights outside the update; moving statistics are each rank's own. */
static void late_ranks_change_nothing(void **state)
{
    char text[1024], alone[33] = "";

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 53, 5, 4);
    for (const char *const *name = ls_reducer_names; *name; name++)
        for (int bucket_kib = 1; bucket_kib <= 64; bucket_kib *= 8) {
            char together[33] = "";
            bool good;

            snprintf(text, sizeof text,
                     "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                     "model: [dense: {units: 70, activation: tanh, kernel_constraint: {max_norm: {max_value: 0.5}}}, "
                     "batch_normalization, dense: {units: 9, bias_constraint: non_neg, kernel_regularizer: l2}, "
                     "dense: {units: 4, activation: softmax, kernel_constraint: unit_norm}]\n"
                     "compile: {optimizer: {adam: {use_ema: true, ema_momentum: 0.7}}, "
                     "loss: sparse_categorical_crossentropy}\n"
                     "fit: {batch_size: 20, microbatch: 3}\n"
                     "distributed: {allreduce: %s, bucket_kib: %d, segment_kib: 1, node_ranks: %d}\n",
                     *name, bucket_kib, strcmp(*name, "hierarchical") == 0 ? 2 : 0);
            if (!alone[0])
                assert_true(all_ranks(ok(train_slowly(MPI_COMM_SELF, text, false, alone))));
            good = ok(train_slowly(MPI_COMM_WORLD, text, false, together)) && strcmp(alone, together) == 0;
            if (!good)
                print_error("%s, buckets of %d KiB: %s together, %s alone\n", *name, bucket_kib, together, alone);
            assert_true(all_ranks(good));
        }
}

static void layers_may_begin_before_their_weights_are_there(void **state)
{
    static const char *const settings[] = {"allreduce: ring", "allreduce: halving", "allreduce: auto, node_ranks: 1",
                                           "allreduce: hierarchical, node_ranks: 2"};
    char text[1024], alone[33] = "";

    (void)state;
    data_begin();
    data_put_samples("/x", "/y", 31, 2 * LS_PRODUCT_SEGMENT + 3, 4);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char together[33] = "";
        bool good;

        snprintf(text, sizeof text,
                 "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                 "model: [dense: {units: %d, activation: relu}, dropout: {rate: 0.2}, dense: {units: 9}, "
                 "dense: {units: 4, activation: softmax}]\n"
                 "compile: {optimizer: adam, loss: sparse_categorical_crossentropy}\n"
                 "fit: {batch_size: 13, microbatch: 3}\n"
                 "distributed: {%s, bucket_kib: 64, segment_kib: 1}\n",
                 LS_PRODUCT_SEGMENT + 5, settings[i]);
        if (!alone[0])
            assert_true(all_ranks(ok(train_slowly(MPI_COMM_SELF, text, false, alone))));
        good = ok(train_slowly(MPI_COMM_WORLD, text, true, together)) && strcmp(alone, together) == 0;
        if (!good)
            print_error("%s: %s together, %s alone\n", settings[i], together, alone);
        assert_true(all_ranks(good));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(late_ranks_change_nothing),
    cmocka_unit_test(layers_may_begin_before_their_weights_are_there),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
