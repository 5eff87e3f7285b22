/*
 * Which splits stay in memory and which windows the others get, by hand: samples are one byte, chunks 10 rows. Batches
 * of 4 touch two windows at most, and one more is read ahead: w chunks per window take 3 x 10 w bytes.
 */
#include "dataset_files.h"

#include "train/placement.h"

typedef struct plan {
    ls_experiment experiment;
    ls_placement placement;
    ls_split split[LS_PLACEMENT_MAX];
    ls_array *x[LS_PLACEMENT_MAX];
} plan;

/* 0 samples: no such split. Batches of 4, shuffled as a whole. */
static plan plan_of(size_t train, size_t test, size_t validation, uint64_t limit)
{
    static char *const name[] = {(char *)(uintptr_t) "train", (char *)(uintptr_t) "test", (char *)(uintptr_t) "val"};
    const size_t samples[] = {train, test, validation};
    plan p = {.experiment = {.data.memory_bytes = limit,
                             .fit = {.batch_size = 4, .validation_batch_size = 4, .shuffle = true}}};
    const hid_t f = begin();

    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        if (samples[i] > 0)
            H5Dclose(put(f, name[i], H5T_STD_U8LE, 1, &(hsize_t){samples[i]}, 10, H5T_NATIVE_UINT8,
                         (unsigned char[1024]){0}));
    H5Fclose(f);
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        if (samples[i] > 0) {
            p.x[i] = open_array(name[i], NULL);
            p.split[i] = (ls_split){.name = name[i], .inputs = 1, .samples = samples[i], .owns = true};
        }
    return p;
}

/* Pointers into the plan, which lies where it stays. */
static ls_status decide(plan *p)
{
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        if (p->split[i].name) {
            p->split[i].x = p->split[i].fed = &p->x[i];
            p->placement.split[i] = &p->split[i];
        }
    return ls_placement_plan(&p->experiment, &p->placement);
}

static bool streams(const plan *p, bool train, bool test, bool validation)
{
    const bool *const got = p->placement.streamed;

    if (got[0] == train && got[1] == test && got[2] == validation)
        return true;
    print_error("streamed: train %d, test %d, val %d\n", got[0], got[1], got[2]);
    return false;
}

static bool has_windows(const plan *p, size_t i, uint64_t chunk, uint64_t window, uint64_t most)
{
    const ls_feed_settings *const feed = &p->placement.feed[i];

    if (feed->windows.chunk == chunk && feed->windows.window == window && feed->most == most)
        return true;
    print_error("%s: windows of %llu chunks of %llu rows, %llu at a time\n", p->split[i].name,
                (unsigned long long)feed->windows.window, (unsigned long long)feed->windows.chunk,
                (unsigned long long)feed->most);
    return false;
}

static void release(plan *p)
{
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        if (p->x[i] && p->split[i].owns)
            ls_array_free(p->x[i]);
}

static void what_fits_stays_in_memory(void **state)
{
    plan p = plan_of(100, 50, 0, 150), free_of_limits = plan_of(100, 50, 20, 0);

    (void)state;
    assert_true(ok(decide(&p)) && streams(&p, false, false, false));
    assert_true(ok(decide(&free_of_limits)) && streams(&free_of_limits, false, false, false));
    release(&p);
    release(&free_of_limits);
}

/* A quarter of 200 is 50: val (20) and test (30) stay, 150 remain for training: 3 x 10 x 5. */
static void the_smallest_stay_within_a_quarter(void **state)
{
    plan p = plan_of(1000, 30, 20, 200);

    (void)state;
    p.experiment.fit.window = 5;
    assert_true(ok(decide(&p)) && streams(&p, true, false, false));
    assert_true(has_windows(&p, 0, 10, 5, 4));
    assert_true(p.placement.feed[0].shuffled && p.split[0].windows.chunk == 10 && p.split[0].windows.window == 5);
    release(&p);
}

/*
 * A quarter of 199 is 49: test (30) goes with the training data. 179 remain, a quarter of them, 44, for test: one
 * chunk. 135 are for training: 3 x 10 x 4 = 120 fit, 150 do not.
 */
static void what_is_only_evaluated_gets_a_quarter_of_the_rest(void **state)
{
    plan p = plan_of(1000, 30, 20, 199), q = plan_of(1000, 30, 20, 199);

    (void)state;
    p.experiment.fit.window = 4;
    assert_true(ok(decide(&p)) && streams(&p, true, true, false));
    assert_true(has_windows(&p, 0, 10, 4, 4) && has_windows(&p, 1, 10, 1, 4));
    assert_false(p.placement.feed[1].shuffled);
    q.experiment.fit.window = 5;
    FAILS(decide(&q), LS_ERR_CONFIG, "windows of 5 chunks of 10 samples", "{window: 4}");
    release(&p);
    release(&q);
}

/* Nobody trains: all that remains, 100 of 100, is shared by the two: 50 each, one chunk of 10 takes 30, two take 60. */
static void without_training_the_others_share_all(void **state)
{
    plan p = plan_of(0, 300, 200, 100);

    (void)state;
    p.experiment.fit.validation_batch_size = 6;
    assert_true(ok(decide(&p)) && streams(&p, false, true, true));
    assert_true(has_windows(&p, 1, 10, 1, 6) && has_windows(&p, 2, 10, 1, 6));
    release(&p);
}

/* 80 training samples and the 20 cut from them are one array of 100: it stays whole or goes whole. */
static void a_view_follows_its_split(void **state)
{
    plan p = plan_of(100, 0, 0, 100), q = plan_of(100, 0, 0, 99);
    plan *const both[] = {&p, &q};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        plan *const one = both[i];

        one->split[0].samples = 80;
        one->split[1] = (ls_split){.name = one->split[0].name, .inputs = 1, .begin = 80, .samples = 20};
        one->x[1] = one->x[0];
        one->experiment.fit.window = 2;
        assert_true(ok(decide(one)) && streams(one, i, i, false));
    }
    /* 99: a quarter, 24, for the view, 75 for training: 3 x 10 x 2. The view's chunks of 10 do not fit, of 5 they do.
     */
    assert_true(has_windows(&q, 0, 10, 2, 4) && has_windows(&q, 1, 5, 1, 4));
    release(&p);
    release(&q);
}

/* In dataset order windows are as large as they fit, 3 x 10 x 6 of 199; chunks of the file may be too large for that.
 */
static void in_order_chunks_are_halved_until_they_fit(void **state)
{
    plan p = plan_of(1000, 0, 0, 199), small = plan_of(1000, 0, 0, 16), none = plan_of(1000, 0, 0, 2);

    (void)state;
    p.experiment.fit.shuffle = small.experiment.fit.shuffle = none.experiment.fit.shuffle = false;
    assert_true(ok(decide(&p)) && has_windows(&p, 0, 10, 6, 4));
    assert_true(ok(decide(&small)) && has_windows(&small, 0, 5, 1, 4)); /* 3 x 5 of 16 */
    FAILS(decide(&none), LS_ERR_CONFIG, "too small", "windows of 1 samples");
    release(&p);
    release(&small);
    release(&none);
}

/* Shuffled as a whole, or in windows of which not one fits: the message says what would. */
static void shuffling_that_does_not_fit_is_refused(void **state)
{
    plan whole = plan_of(1000, 0, 0, 150), chunks = plan_of(1000, 0, 0, 29), given = plan_of(1000, 0, 0, 150);

    (void)state;
    FAILS(decide(&whole), LS_ERR_CONFIG, "shuffle: true needs all of it", "chunks of 10 samples", "{window: 5}");
    chunks.experiment.fit.window = 1;
    FAILS(decide(&chunks), LS_ERR_CONFIG, "too small for the split 'train'", "windows of 10 samples");
    given.experiment.fit.chunk = 50;
    given.experiment.fit.window = 1; /* 3 x 50 */
    assert_true(ok(decide(&given)) && has_windows(&given, 0, 50, 1, 4));
    release(&whole);
    release(&chunks);
    release(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_in_memory),
        cmocka_unit_test(the_smallest_stay_within_a_quarter),
        cmocka_unit_test(what_is_only_evaluated_gets_a_quarter_of_the_rest),
        cmocka_unit_test(without_training_the_others_share_all),
        cmocka_unit_test(a_view_follows_its_split),
        cmocka_unit_test(in_order_chunks_are_halved_until_they_fit),
        cmocka_unit_test(shuffling_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, dataset_set_up, dataset_tear_down);
}
