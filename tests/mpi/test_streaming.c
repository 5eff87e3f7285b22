/*
 * Data larger than memory: what feeds give on every number of ranks, the memory that ranks of a node share, and
 * training that does not notice.
 */
#include "training.h"

#include <sys/resource.h>

#include "comm/node_memory.h"
#include "feed_files.h"

static ls_comm *world;
static ls_node_memory *memory;

static int before(void **state)
{
    return training_set_up(state) || ls_comm_create(MPI_COMM_WORLD, &world) != LS_OK ||
           ls_node_memory_create(world, 0, &memory) != LS_OK;
}

static int after(void **state)
{
    ls_node_memory_free(memory);
    ls_comm_free(world);
    return training_tear_down(state);
}

static void put_file(size_t n, const layout *l, size_t bad)
{
    world_barrier();
    if (world_rank() == 0)
        feed_file(training_data, n, l, bad);
    world_barrier();
}

/* Collective. /x and /y, which are arrays 0 and 2 of the feeds here. */
static void describe(ls_array *array[3], const uint64_t *rows)
{
    array[1] = NULL;
    assert_true(all_ranks(ok(ls_array_describe(training_data, "/x", rows, &array[0]))));
    assert_true(all_ranks(ok(ls_array_describe(training_data, "y", rows, &array[2]))));
}

static void free_arrays(ls_array *array[3])
{
    ls_array_free(array[0]);
    ls_array_free(array[2]);
}

/* ---- memory of a node ---- */

static void what_one_rank_writes_all_can_read(void **state)
{
    const ls_sharing *s = ls_node_memory_sharing(memory);
    const size_t n = 100000;
    void *block = NULL;
    int *value;
    bool good = true;

    (void)state;
    assert_int_equal(s->parts, world->size); /* the tests run on one node */
    assert_int_equal(s->part, world->rank);
    assert_true(all_ranks(ok(s->allocate(s->context, n * sizeof *value, "a test", &block))));
    assert_int_equal((uintptr_t)block % 64, 0);
    value = block;
    for (size_t i = (size_t)s->part; i < n; i += (size_t)s->parts) {
        good &= value[i] == 0;
        value[i] = (int)i + 1;
    }
    assert_true(all_ranks(ok(s->agree(s->context, LS_OK, NULL))));
    for (size_t i = 0; i < n; i++)
        good &= value[i] == (int)i + 1;
    assert_true(all_ranks(good));
}

/* Not the end of the program by SIGXFSZ. */
static void limit_on_file_sizes_is_an_error(void **state)
{
    const ls_sharing *s = ls_node_memory_sharing(memory);
    struct rlimit old, low;
    void *block = NULL;
    ls_status st;

    (void)state;
    getrlimit(RLIMIT_FSIZE, &old);
    low = (struct rlimit){.rlim_cur = 1000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &low);
    st = s->allocate(s->context, 100000, "a test", &block);
    setrlimit(RLIMIT_FSIZE, &old);
    if (s->parts == 1)
        assert_true(ok(st)); /* plain memory */
    else
        assert_true(all_ranks(failed_with(st, LS_ERR_MEMORY, (const char *const[]){"a test", "ulimit -f", NULL})));
}

static void agreeing_adds_what_is_left_and_shares_errors(void **state)
{
    const ls_sharing *s = ls_node_memory_sharing(memory);
    uint64_t left = (uint64_t)world->rank + 1;
    const bool last = world->rank == world->size - 1;

    (void)state;
    assert_true(all_ranks(ok(s->agree(s->context, LS_OK, &left))));
    assert_true(all_ranks(left == (uint64_t)(world->size * (world->size + 1) / 2)));
    assert_true(all_ranks(failed_with(s->agree(s->context, last ? ls_fail(LS_ERR_DATA, "no such thing") : LS_OK, &left),
                                      LS_ERR_DATA, (const char *const[]){"no such thing", NULL})));
}

/* Any number of ranks, and none at all, read the same values with the same hash. */
static void arrays_are_read_by_parts(void **state)
{
    static const layout layouts[] = {{0, 0}, {7, 0}, {100, 1}};
    const uint64_t rows[] = {13, 997};

    (void)state;
    for (size_t k = 0; k < count_of(layouts); k++) {
        ls_array *together[3], *alone = NULL;
        bool good = true;

        put_file(1003, &layouts[k], SIZE_MAX);
        describe(together, rows);
        assert_true(all_ranks(ok(ls_array_load(together[0], ls_node_memory_sharing(memory)))));
        assert_true(all_ranks(ok(ls_array_open(training_data, "/x", rows, &alone))));
        good = ls_array_hash(together[0]) == ls_array_hash(alone);
        for (uint64_t i = 0; i < ls_array_samples(alone); i++) {
            float a[3], b[3];

            ls_array_get(alone, i, a);
            ls_array_get(together[0], i, b);
            good &= memcmp(a, b, sizeof a) == 0 && a[0] == (float)(i + 13);
        }
        assert_true(all_ranks(good));
        ls_array_free(alone);
        free_arrays(together);
    }
}

/*
 * One rank's part has the fault; all name it. The rows are several pieces, so that there are parts for several ranks.
 */
static void faults_are_found_by_parts(void **state)
{
    enum { N = 2000000 };
    const layout l = {0, 0};

    (void)state;
    for (size_t bad = 5; bad < N; bad += N - 10) {
        ls_array *array[3];

        put_file(N, &l, bad);
        describe(array, NULL);
        char sample[32];
        snprintf(sample, sizeof sample, "sample %zu ", bad);
        assert_true(all_ranks(failed_with(ls_array_load(array[0], ls_node_memory_sharing(memory)), LS_ERR_DATA,
                                          (const char *const[]){"data.h5:/x", sample, "nan", NULL})));
        assert_true(all_ranks(ok(ls_array_check_labels(array[2], 10)))); /* when they are read */
        assert_true(all_ranks(failed_with(ls_array_load(array[2], ls_node_memory_sharing(memory)), LS_ERR_DATA,
                                          (const char *const[]){"data.h5:/y", sample, "label 10", NULL})));
        free_arrays(array);
    }
}

/* ---- feeds ---- */

/* Batches of one epoch after the other, from any batch on; then the last ones again. */
static void check_feed(const ls_feed_settings *s, const ls_permutation *order_given, ls_permutation *order)
{
    const uint64_t epochs = s->shuffled ? 3 : 1;
    ls_feed *feed = NULL;
    bool good = true;

    assert_true(all_ranks(ok(ls_feed_open(s, &feed))));
    for (uint64_t pass = 0; pass < 4; pass++) {
        const uint64_t epoch = pass % epochs, from = pass == 3 ? s->samples / 2 : 0;

        if (order)
            ls_permutation_set_epoch(order, epoch);
        for (uint64_t i = from; i < s->samples && good; i += s->most) {
            const uint64_t n = s->samples - i < s->most ? s->samples - i : s->most;

            good = ok(ls_feed_advance(feed, epoch, i, n, NULL, NULL)) &&
                   feed_holds(feed, order_given ? order_given : ls_feed_order(feed), epoch, s->begin, i, n);
            good = all_ranks(good);
        }
    }
    assert_true(good);
    ls_feed_close(feed);
}

static void feeds_hold_what_the_order_says(void **state)
{
    static const layout layouts[] = {{0, 0}, {10, 0}, {64, 1}};
    static const struct {
        uint64_t chunk, window, most;
    } cases[] = {{10, 5, 32}, {10, 1, 32},   {64, 3, 100},    {7, 4, 1},
                 {1, 1, 9},   {1000, 2, 50}, {100, 1000, 64}, {64, 2, 1003}};
    const uint64_t n = 1003, begin = 3;

    (void)state;
    for (size_t k = 0; k < count_of(layouts); k++) {
        ls_array *array[3];

        put_file(n + begin, &layouts[k], SIZE_MAX);
        describe(array, NULL);
        for (size_t c = 0; c < count_of(cases); c++) {
            const ls_windows windows = {.chunk = cases[c].chunk, .window = cases[c].window};
            ls_feed_settings s = {.array = array,
                                  .arrays = 3,
                                  .begin = begin,
                                  .samples = n,
                                  .windows = windows,
                                  .most = cases[c].most < n ? cases[c].most : n,
                                  .seed = 5,
                                  .sharing = ls_node_memory_sharing(memory)};
            ls_permutation *order = NULL;

            if (world->size > 3 && c % 2 != k % 2) /* many ranks on few processors */
                continue;
            check_feed(&s, NULL, NULL);
            s.shuffled = true;
            assert_true(all_ranks(ok(ls_permutation_create_windowed(n, &windows, 5, &order))));
            check_feed(&s, order, order);
            ls_permutation_free(order);
        }
        free_arrays(array);
    }
}

/* The rank that reads the bad sample tells all; those before it have come. */
static void faults_end_all_ranks_when_their_window_comes(void **state)
{
    static const layout l = {10, 1};
    const ls_windows windows = {.chunk = 10, .window = 4};
    ls_array *array[3];
    ls_feed *feed = NULL;
    ls_status st = LS_OK;
    uint64_t i = 0;

    (void)state;
    put_file(1000, &l, 777);
    describe(array, NULL);
    assert_true(all_ranks(ok(ls_array_check_labels(array[2], 11)))); /* the label passes, the NaN does not */
    const ls_feed_settings s = {.array = array,
                                .arrays = 3,
                                .samples = 1000,
                                .windows = windows,
                                .most = 40,
                                .sharing = ls_node_memory_sharing(memory)};
    assert_true(all_ranks(ok(ls_feed_open(&s, &feed))));
    for (; st == LS_OK && i < 1000; i += 40)
        st = ls_feed_advance(feed, 0, i, 40, NULL, NULL);
    assert_true(all_ranks(i == 800));
    assert_true(all_ranks(failed_with(st, LS_ERR_DATA, (const char *const[]){"data.h5:/x", "sample 777 ", NULL})));
    ls_feed_close(feed);
    free_arrays(array);
}

/* ---- training ---- */

#define EXPERIMENT                                                                             \
    "seed: 4\n"                                                                                \
    "data: {file: data.h5, memory: %s, train: {x: {path: /x, scale: 0.0005}, y: /y}}\n"        \
    "model: [dense: {units: 12, activation: relu}, dense: {units: 10, activation: softmax}]\n" \
    "compile: {optimizer: adam, loss: sparse_categorical_crossentropy}\n"                      \
    "fit: {epochs: 3, batch_size: 50, microbatch: 8, validation_split: 0.2, shuffle: %s}\n"

static void training_does_not_notice(void **state)
{
    static const layout layouts[] = {{0, 0}, {30, 1}};
    static const char *const shuffles[] = {"{window: 3, chunk: 20}", "{window: 1, chunk: 7}", "false"};

    (void)state;
    for (size_t k = 0; k < count_of(layouts); k++) {
        put_file(1903, &layouts[k], SIZE_MAX);
        for (size_t c = 0; c < count_of(shuffles); c++) {
            char streamed[1024], whole[1024];
            ls_fit_result a, b, one;

            snprintf(streamed, sizeof streamed, EXPERIMENT, "8KB", shuffles[c]);
            snprintf(whole, sizeof whole, EXPERIMENT, "1GB", shuffles[c]);
            assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, streamed, &a, NULL))));
            assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, whole, &b, NULL))));
            assert_true(all_ranks(ok(training_fit(MPI_COMM_SELF, streamed, &one, NULL))));
            assert_true(all_ranks(strcmp(a.fingerprint, b.fingerprint) == 0));
            assert_true(all_ranks(strcmp(a.fingerprint, one.fingerprint) == 0));
            assert_true(all_ranks(a.updates == 3 * 31));
        }
    }
}

/*
 * Three quarters of 8 KB are for training, the rest for validation. A sample has 13 bytes; a batch of 50 lies in up to
 * two windows, and a third is read ahead: 3 * 5 * 30 * 13 = 5850 bytes, 7020 for windows of 6 chunks.
 */
static void the_order_is_never_changed_silently(void **state)
{
    static const layout l = {30, 0};
    char text[1024];
    training t;

    (void)state;
    put_file(1903, &l, SIZE_MAX);
    snprintf(text, sizeof text, EXPERIMENT, "8KB", "true");
    assert_true(
        all_ranks(failed_with(training_open(MPI_COMM_WORLD, text, &t), LS_ERR_CONFIG,
                              (const char *const[]){"chunks of 30 samples", "fit.shuffle: {window: 5}", NULL})));
    snprintf(text, sizeof text, EXPERIMENT, "8KB", "{window: 6}");
    assert_true(all_ranks(failed_with(training_open(MPI_COMM_WORLD, text, &t), LS_ERR_CONFIG,
                                      (const char *const[]){"at most fit.shuffle: {window: 5}", NULL})));
    snprintf(text, sizeof text, EXPERIMENT, "8KB", "{window: 5}");
    assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))));
    training_close(&t);
}

/* 10^9 rows that cost nothing on the disk, for they were never written. */
static void a_billion_rows_stream_in_little_memory(void **state)
{
    const ls_trainer_options options = {0};
    ls_trainer *trainer = NULL;
    training t;
    bool good = true;

    (void)state;
    world_barrier();
    if (world_rank() == 0) {
        const hid_t f = H5Fcreate(training_data, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

        feed_put(f, "x", H5T_STD_U8LE, 2, (const hsize_t[]){1000000000, 4}, 0, 0, H5T_NATIVE_UINT8, NULL);
        feed_put(f, "y", H5T_STD_U8LE, 1, (const hsize_t[]){1000000000}, 4096, 0, H5T_NATIVE_UINT8, NULL);
        H5Fclose(f);
    }
    world_barrier();
    assert_true(
        all_ranks(ok(training_open(MPI_COMM_WORLD,
                                   "data: {file: data.h5, memory: 4MB, unwritten: fill, train: {x: /x, y: /y}}\n"
                                   "model: [dense: {units: 2, activation: softmax}]\n"
                                   "compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}\n"
                                   "fit: {batch_size: 512, microbatch: 128, shuffle: {window: 16}}\n",
                                   &t))));
    assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
    assert_true(all_ranks(trainer->plan.batches == 1953125));
    ls_trainer_begin_epoch(trainer);
    for (int i = 0; i < 200 && good; i++) {
        bool stop = false;
        double loss = NAN;

        if (i == 100)
            trainer->batch = 1953125 - 100; /* the end of the epoch */
        good = ok(ls_trainer_update(trainer, &stop, &loss)) && isfinite(loss);
    }
    assert_true(all_ranks(good));
    ls_trainer_free(trainer);
    training_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_one_rank_writes_all_can_read),
    cmocka_unit_test(limit_on_file_sizes_is_an_error),
    cmocka_unit_test(agreeing_adds_what_is_left_and_shares_errors),
    cmocka_unit_test(arrays_are_read_by_parts),
    cmocka_unit_test(faults_are_found_by_parts),
    cmocka_unit_test(feeds_hold_what_the_order_says),
    cmocka_unit_test(faults_end_all_ranks_when_their_window_comes),
    cmocka_unit_test(training_does_not_notice),
    cmocka_unit_test(the_order_is_never_changed_silently),
    cmocka_unit_test(a_billion_rows_stream_in_little_memory),
};

LS_MPI_MAIN(tests, before, after)
