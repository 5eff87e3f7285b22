/* A feed by itself: its thread and a main thread that uses HDF5 at the same time, its memory, and how it ends. */
#include <unistd.h>

#include "feed_files.h"
#include "h5/file.h"
#include "h5/lock.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "feed.%ld.h5", (long)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void describe(ls_array *array[3])
{
    array[1] = NULL;
    assert_true(ok(ls_array_describe(path, "/x", NULL, &array[0])));
    assert_true(ok(ls_array_describe(path, "/y", NULL, &array[2])));
}

static void free_arrays(ls_array *array[3])
{
    ls_array_free(array[0]);
    ls_array_free(array[2]);
}

/* What a checkpoint does, again and again, while the thread reads. */
static void use_hdf5(void)
{
    static const size_t dim[] = {1000};
    static float values[1000];
    ls_h5_lock lock;
    hid_t f;

    ls_h5_lock_take(&lock);
    assert_true(ok(ls_h5_image_create(&f)));
    assert_true(ok(ls_h5_put_array(f, "a", H5T_NATIVE_FLOAT, 1, dim, values)));
    assert_true(ok(ls_h5_put_text(f, "/", "text", "anything")));
    ls_h5_close(f);
    ls_h5_lock_release(&lock);
}

static void a_feed_reads_while_hdf5_is_in_use(void **state)
{
    static const layout layouts[] = {{100, 1}, {0, 0}};
    enum { N = 20011 };

    (void)state;
    for (size_t k = 0; k < count_of(layouts); k++) {
        const ls_windows windows = {.chunk = 100, .window = 4};
        ls_feed_settings s = {.arrays = 3, .samples = N, .windows = windows, .shuffled = true, .seed = 1, .most = 64};
        ls_permutation *order = NULL;
        ls_array *array[3];
        ls_feed *feed = NULL;

        feed_file(path, N, &layouts[k], SIZE_MAX);
        describe(array);
        s.array = array;
        assert_true(ok(ls_permutation_create_windowed(N, &windows, 1, &order)));
        assert_true(ok(ls_feed_open(&s, &feed)));
        for (uint64_t epoch = 0; epoch < 2; epoch++) {
            ls_permutation_set_epoch(order, epoch);
            for (uint64_t i = 0; i < N; i += 64) {
                const uint64_t n = N - i < 64 ? N - i : 64;

                assert_true(ok(ls_feed_advance(feed, epoch, i, n, NULL, NULL)));
                assert_true(feed_holds(feed, order, epoch, 0, i, n));
                use_hdf5();
            }
        }
        ls_feed_close(feed);
        ls_permutation_free(order);
        free_arrays(array);
    }
}

/* Three slots of 400 rows of 13 bytes: the batch may lie in two windows. */
static void a_feed_holds_three_slots(void **state)
{
    static const layout l = {100, 0};
    ls_feed_settings s = {.arrays = 3, .samples = 10000, .windows = {.chunk = 100, .window = 4}, .most = 64};
    ls_array *array[3];

    (void)state;
    feed_file(path, 10000, &l, SIZE_MAX);
    describe(array);
    s.array = array;
    assert_int_equal(ls_feed_bytes(&s), 3 * 400 * 13);
    s.most = 1;
    assert_int_equal(ls_feed_bytes(&s), 2 * 400 * 13);
    s.most = 402; /* a whole window and one sample at either end */
    assert_int_equal(ls_feed_bytes(&s), 4 * 400 * 13);
    s.windows.window = UINT64_C(1) << 62;
    assert_int_equal(ls_feed_bytes(&s), 2 * 10000 * 13);
    free_arrays(array);
}

/* Closed in the middle of reading; never used; asked for too much. */
static void a_feed_ends_at_any_time(void **state)
{
    static const layout l = {500, 1};
    ls_feed_settings s = {.arrays = 3, .samples = 50000, .windows = {.chunk = 500, .window = 20}, .most = 100};
    ls_array *array[3];

    (void)state;
    feed_file(path, 50000, &l, SIZE_MAX);
    describe(array);
    s.array = array;
    for (int i = 0; i < 10; i++) {
        ls_feed *feed = NULL;

        assert_true(ok(ls_feed_open(&s, &feed)));
        if (i % 2)
            assert_true(ok(ls_feed_advance(feed, 0, (uint64_t)i * 1000, 100, NULL, NULL)));
        FAILS(ls_feed_advance(feed, 0, 0, 101, NULL, NULL), LS_ERR_ARG, "101", "100");
        ls_feed_close(feed);
    }
    ls_feed_close(NULL);
    free_arrays(array);
}

/* The file is another one when it comes to reading. */
static void a_file_that_changed_is_refused(void **state)
{
    static const layout l = {500, 0};
    ls_feed_settings s = {.arrays = 3, .samples = 1000, .windows = {.chunk = 500, .window = 1}, .most = 10};
    ls_array *array[3];
    ls_feed *feed = NULL;

    (void)state;
    feed_file(path, 1000, &l, SIZE_MAX);
    describe(array);
    feed_file(path, 900, &l, SIZE_MAX);
    s.array = array;
    FAILS(ls_feed_open(&s, &feed), LS_ERR_IO, path, "while it was in use");
    assert_null(feed);
    free_arrays(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_reads_while_hdf5_is_in_use),
        cmocka_unit_test(a_feed_holds_three_slots),
        cmocka_unit_test(a_feed_ends_at_any_time),
        cmocka_unit_test(a_file_that_changed_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
