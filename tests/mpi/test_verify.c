/* verify: the same bits at every number of ranks, whatever carries the sums; and planted faults are found and named. */
#include "training.h"

#include "run/verify.h"

#define SAMPLES 53
#define MICROBATCHES 12 /* of the first two batches of an epoch: 24 samples in twos; the third has 5 samples in 3 */
#define BATCHES 3

static ls_comm *world;

static int begin_world(void **state)
{
    float x[SAMPLES * 5], y[SAMPLES];

    if (training_set_up(state) || !ok(ls_comm_create(MPI_COMM_WORLD, &world)))
        return -1;
    for (size_t i = 0; i < SAMPLES * 5; i++)
        x[i] = (float)((i * 37 + 11) % 101) / 101.0f - 0.5f;
    for (size_t i = 0; i < SAMPLES; i++)
        y[i] = (float)((i * 5 + i / 3) % 4);
    data_begin();
    data_put("/x", SAMPLES, 5, x);
    data_put("/y", SAMPLES, 0, y);
    return 0;
}

static int end_world(void **state)
{
    ls_comm_free(world);
    return training_tear_down(state);
}

static ls_experiment *experiment_of(const char *optimizer, const char *distributed)
{
    char text[1024];
    ls_experiment *e = NULL;

    snprintf(text, sizeof text,
             "seed: 3\n"
             "data: {file: data.h5, train: {x: /x, y: /y}}\n"
             "model: [dense: {units: 60, activation: tanh}, dropout: {rate: 0.2}, dense: {units: 4, activation: "
             "softmax}]\n"
             "compile: {optimizer: %s, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\n"
             "fit: {epochs: 2, batch_size: 24, microbatch: 2}\n"
             "distributed: {%s}\n",
             optimizer, distributed);
    assert_true(ok(ls_experiment_parse(text, strlen(text), training_yaml, &e)));
    return e;
}

/* All ranks know what rank 0 knows. */
static bool is_shared(const ls_verify_result *result)
{
    ls_verify_result first = *result;

    MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, world->mpi);
    return memcmp(&first, result, sizeof first) == 0;
}

/* ---- what must be the same ---- */

typedef struct reports {
    int runs, ranks[16];
    char fingerprint[33];
    bool same;
} reports;

static void take_report(void *context, int ranks, const char *fingerprint, double seconds)
{
    reports *r = context;

    if (r->runs == 0)
        snprintf(r->fingerprint, sizeof r->fingerprint, "%s", fingerprint);
    r->same = (r->runs == 0 || r->same) && strcmp(r->fingerprint, fingerprint) == 0 && seconds >= 0;
    if (r->runs < 16)
        r->ranks[r->runs] = ranks;
    r->runs++;
}

static bool all_counts_agree(const char *optimizer, const char *distributed)
{
    ls_experiment *e = experiment_of(optimizer, distributed);
    int count[16];
    const size_t n = world->size < 16 ? (size_t)world->size : 16;
    reports r = {0};
    ls_verify_result result;
    bool good;

    for (size_t i = 0; i < n; i++)
        count[i] = (int)i + 1;
    good = ok(ls_verify(world, e, count, n, NULL, take_report, &r, &result)) && result.difference == LS_SAME;
    if (!good) {
        ls_text text = {0};

        ls_verify_explain(&result, &text);
        print_error("%s, %s: %s\n", optimizer, distributed, text.data);
        ls_text_reset(&text);
    }
    good = good && result.updates == 2 * BATCHES && strlen(result.fingerprint) == 32 && is_shared(&result);
    if (world->rank == 0) {
        good = good && r.runs == (int)n && r.same && strcmp(r.fingerprint, result.fingerprint) == 0;
        for (size_t i = 0; i < n; i++)
            good = good && r.ranks[i] == count[i];
    } else {
        good = good && r.runs == 0;
    }
    ls_experiment_free(e);
    return good;
}

static void every_count_gives_the_same(void **state)
{
    static const char *const optimizers[] = {"{sgd: {momentum: 0.9}}", "rmsprop", "adam"};
    static const char *const distributed[] = {
        "allreduce: ring, bucket_kib: 1, segment_kib: 1, grid: carried",
        "allreduce: ring, bucket_kib: 6, grid: static",
        "allreduce: ring, grid: carried",
        "allreduce: mpi, bucket_kib: 1, grid: static",
        "allreduce: mpi, bucket_kib: 6, grid: carried",
        "allreduce: mpi, grid: static",
        "allreduce: shared, bucket_kib: 1",
        "grid: static",
        "allreduce: halving, bucket_kib: 1",
        "allreduce: hierarchical, node_ranks: 2, bucket_kib: 1, segment_kib: 1",
        "node_ranks: 1, bucket_kib: 6, wire_bits: 64",
        "allreduce: ring, wire_bits: 40, segment_kib: 1",
        "node_ranks: 1, bucket_kib: 3, wire_bits: 40",
    };

    (void)state;
    for (size_t o = 0; o < count_of(optimizers); o++)
        for (size_t d = 0; d < count_of(distributed); d++)
            assert_true(all_ranks(all_counts_agree(optimizers[o], distributed[d])));
}

/* With averaged weights the end is another matter than the last update. */
static void the_end_is_compared_too(void **state)
{
    (void)state;
    assert_true(all_ranks(all_counts_agree("{adam: {use_ema: true, ema_momentum: 0.7}}", "bucket_kib: 1")));
}

/* ---- what must be found ---- */

/* The fault happens on the last rank when all take part. Its first microbatch of a batch of 12: */
static size_t first_of_last(void)
{
    return (size_t)(MICROBATCHES * (world->size - 1) / world->size);
}

static ls_verify_result verdict_on(const ls_fault *fault, const char *distributed)
{
    ls_experiment *e = experiment_of("{sgd: {learning_rate: 0.5}}", distributed);
    const int count[] = {1, world->size, 1};
    ls_verify_result result;
    reports r = {0};

    assert_true(all_ranks(ok(ls_verify(world, e, count, 3, fault, take_report, &r, &result))));
    assert_true(all_ranks(is_shared(&result)));
    assert_true(all_ranks(r.runs == (world->rank == 0))); /* only the first run is agreed with */
    assert_true(all_ranks(result.ranks[0] == 1 && result.ranks[1] == world->size));
    ls_experiment_free(e);
    return result;
}

static bool explains(const ls_verify_result *result, const char *const *words)
{
    ls_text text = {0};
    bool all = true;

    ls_verify_explain(result, &text);
    for (; *words; words++)
        if (!strstr(text.data, *words)) {
            print_error("no '%s' in: %s\n", *words, text.data);
            all = false;
        }
    ls_text_reset(&text);
    return all;
}
#define EXPLAINS(result, ...) assert_true(all_ranks(explains((result), (const char *const[]){__VA_ARGS__, NULL})))

static void finds_a_lost_contribution(void **state)
{
    const ls_fault fault = {.kind = LS_FAULT_DROP_CONTRIBUTION,
                            .rank = world->size - 1,
                            .ranks = world->size,
                            .update = 3,
                            .microbatch = 1};
    ls_verify_result r;

    (void)state;
    if (world->size < 2)
        return;
    r = verdict_on(&fault, "bucket_kib: 1");
    assert_true(all_ranks(r.difference == LS_DIFFERENT_SUM && r.update == 3 && r.epoch == 1 && r.batch == 0));
    assert_true(all_ranks(strcmp(r.tensor, "dense/kernel") == 0));
    EXPLAINS(&r, "update 4", "epoch 2, batch 1", "dense/kernel", "reduction");
}

static void finds_a_spoilt_contribution(void **state)
{
    const ls_fault fault = {.kind = LS_FAULT_SPOIL_CONTRIBUTION,
                            .rank = world->size - 1,
                            .ranks = world->size,
                            .update = 4,
                            .microbatch = 1,
                            .param = 2};
    char microbatch[32];
    ls_verify_result r;

    (void)state;
    if (world->size < 2)
        return;
    r = verdict_on(&fault, "allreduce: mpi");
    assert_true(all_ranks(r.difference == LS_DIFFERENT_CONTRIBUTION && r.update == 4 && r.epoch == 1 && r.batch == 1));
    assert_true(all_ranks(r.microbatch == first_of_last() + 1 && strcmp(r.tensor, "dense_1/kernel") == 0));
    snprintf(microbatch, sizeof microbatch, "microbatch %zu", first_of_last() + 1);
    EXPLAINS(&r, "update 5", "epoch 2, batch 2", microbatch, "dense_1/kernel");
}

static void finds_another_seed(void **state)
{
    const ls_fault fault = {.kind = LS_FAULT_SEED, .rank = world->size - 1, .ranks = world->size};
    ls_verify_result r;

    (void)state;
    if (world->size < 2)
        return;
    r = verdict_on(&fault, "grid: static");
    assert_true(all_ranks(r.difference == LS_DIFFERENT_SAMPLES && r.update == 0 && r.epoch == 0 && r.batch == 0));
    assert_true(all_ranks(r.microbatch == first_of_last()));
    EXPLAINS(&r, "update 1", "samples");
}

/* Sums of float32 depend on the ranks: a fault that nobody had to plant. */
static void finds_that_fast_is_not_exact(void **state)
{
    ls_verify_result r;

    (void)state;
    if (world->size < 2)
        return;
    r = verdict_on(NULL, "reduction: fast");
    assert_true(all_ranks(r.difference == LS_DIFFERENT_SUM));
}

/* An error of a run reaches the ranks that had no part in it. */
static void errors_reach_everyone(void **state)
{
    static const char text[] = "data: {file: none.h5, train: {x: /x, y: /y}}\n"
                               "model: [dense: {units: 1}]\n"
                               "compile: {loss: mse}\n";
    static const char *const words[] = {"none.h5", NULL};
    const int count[] = {1, 1};
    ls_verify_result result;
    ls_experiment *e = NULL;

    (void)state;
    assert_true(all_ranks(ok(ls_experiment_parse(text, strlen(text), training_yaml, &e))));
    assert_true(all_ranks(failed_with(ls_verify(world, e, count, 2, NULL, NULL, NULL, &result), LS_ERR_IO, words)));
    ls_experiment_free(e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_count_gives_the_same), cmocka_unit_test(the_end_is_compared_too),
    cmocka_unit_test(finds_a_lost_contribution),  cmocka_unit_test(finds_a_spoilt_contribution),
    cmocka_unit_test(finds_another_seed),         cmocka_unit_test(finds_that_fast_is_not_exact),
    cmocka_unit_test(errors_reach_everyone),
};

LS_MPI_MAIN(tests, begin_world, end_world)
