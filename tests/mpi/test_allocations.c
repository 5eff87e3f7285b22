/* Training allocates nothing after its first update: not by us, and not by what we call in a way that grows. */
#include "training.h"

#include <malloc.h>

#include "base/memory.h"

#define SAMPLES 96

static int set_up(void **state)
{
    float x[SAMPLES * 16], y[SAMPLES];

    if (training_set_up(state))
        return -1;
    for (size_t i = 0; i < SAMPLES * 16; i++)
        x[i] = (float)((i * 29 + i / 5) % 97) / 97;
    for (size_t i = 0; i < SAMPLES; i++)
        y[i] = (float)((i * 7) % 3);
    data_begin();
    data_put("/x", SAMPLES, 16, x);
    data_put("/y", SAMPLES, 0, y);
    return 0;
}

static void updates_allocate_nothing(void **unused)
{
    static const char text[] =
        "data: {file: data.h5, train: {x: /x, y: /y}}\n"
        "model: [input: {shape: [16]}, reshape: {target_shape: [4, 4, 1]}, "
        "conv2d: {filters: 3, kernel_size: 2, activation: gelu}, flatten: {}, dense: {units: 9, activation: relu}, "
        "batch_normalization: {}, dropout: {rate: 0.2}, dense: {units: 3, activation: softmax, kernel_regularizer: l2}]\n"
        "compile: {optimizer: {adam: {global_clipnorm: 0.5}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\n"
        "fit: {epochs: 1, batch_size: 8, microbatch: 2}\n";
    const ls_trainer_options options = {0};
    training t;
    ls_trainer *trainer;
    uint64_t before = 0;

    (void)unused;
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
    assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
    ls_trainer_begin_epoch(trainer);
    while (trainer->batch < trainer->plan.batches) {
        bool stop = false;
        double loss;

        assert_true(all_ranks(ok(ls_trainer_update(trainer, &stop, &loss))));
        if (trainer->update == 1)
            before = ls_allocations();
    }
    assert_int_equal(trainer->update, SAMPLES / 8);
    if (ls_allocations() != before)
        print_error("%llu blocks were allocated after the first update\n",
                    (unsigned long long)(ls_allocations() - before));
    assert_true(all_ranks(before > 0 && ls_allocations() == before));
    ls_trainer_free(trainer);
    training_close(&t);
}

/* The heap as a whole (MPI, OpenBLAS and HDF5 too) is no larger after many epochs than after a few. */
static void the_heap_does_not_grow(void **unused)
{
    static const char text[] = "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                               "model: [dense: {units: 9, activation: relu}, dense: {units: 3, activation: softmax}]\n"
                               "compile: {optimizer: adam, loss: sparse_categorical_crossentropy}\n"
                               "fit: {epochs: 1, batch_size: 8, microbatch: 2}\n";
    const ls_trainer_options options = {0};
    training t;
    ls_trainer *trainer;
    size_t in_use[2] = {0, 0};

    (void)unused;
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
    assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
    for (int epoch = 0; epoch < 40; epoch++) {
        ls_trainer_begin_epoch(trainer);
        while (trainer->batch < trainer->plan.batches) {
            bool stop = false;
            double loss;

            assert_true(all_ranks(ok(ls_trainer_update(trainer, &stop, &loss))));
        }
        trainer->epoch++;
        trainer->batch = 0;
        if (epoch == 9 || epoch == 39)
            in_use[epoch == 39] = mallinfo2().uordblks;
    }
    if (in_use[1] > in_use[0] + 65536)
        print_error("%zu bytes in use after 10 epochs, %zu after 40\n", in_use[0], in_use[1]);
    assert_true(all_ranks(in_use[1] <= in_use[0] + 65536));
    ls_trainer_free(trainer);
    training_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(updates_allocate_nothing),
    cmocka_unit_test(the_heap_does_not_grow),
};

LS_MPI_MAIN(tests, set_up, training_tear_down)
