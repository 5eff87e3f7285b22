/* timings.csv: that it grows by the row, and that a run goes on counting where its checkpoint was. */
#include "ls_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "run/timings.h"

static char path[] = "timings.XXXXXX";

static int set_up(void **state)
{
    const int fd = mkstemp(path);

    (void)state;
    return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void write_file(const char *text)
{
    assert_int_equal(ls_file_replace(path, text, strlen(text)), LS_OK);
}

#define HEADER "epochs,updates,samples,seconds,train_seconds,ranks\n"

static void expect_file(const char *want)
{
    ls_text text = {0};

    assert_int_equal(ls_file_read(path, &text), LS_OK);
    assert_string_equal(text.data, want);
    ls_text_reset(&text);
}

static void grows_by_the_row_and_goes_on_from_a_checkpoint(void **state)
{
    static const ls_timing rows[] = {{0.5, 5, 50, 1, 0.9, 2},
                                     {1, 10, 100, 2, 1.8, 2},
                                     {1, 10, 100, 2.5, 1.8, 2}, /* the same moment */
                                     {1.5, 15, 150, 3, 2.7, 2},
                                     {2, 20, 200, 4, 3.6, 2}};
    ls_timings t;

    (void)state;
    write_file("of an earlier run");
    assert_int_equal(ls_timings_open(path, 0, &t), LS_OK);
    expect_file("of an earlier run");
    for (size_t i = 0; i < count_of(rows); i++)
        assert_int_equal(ls_timings_add(&t, &rows[i]), LS_OK);
    expect_file(HEADER "0.5,5,50,1.000000,0.900000,2\n"
                       "1,10,100,2.000000,1.800000,2\n"
                       "1.5,15,150,3.000000,2.700000,2\n"
                       "2,20,200,4.000000,3.600000,2\n");
    ls_timings_reset(&t);

    assert_int_equal(ls_timings_open(path, 15, &t), LS_OK); /* from the checkpoint at 1.5 */
    assert_true(t.last.updates == 15 && t.last.seconds == 3 && t.last.train_seconds == 2.7 && t.last.ranks == 2);
    assert_int_equal(ls_timings_add(&t, &(ls_timing){1.5, 15, 150, 3.5, 2.7, 3}), LS_OK);
    assert_int_equal(ls_timings_add(&t, &(ls_timing){2, 20, 200, 5, 4.6, 3}), LS_OK);
    expect_file(HEADER "0.5,5,50,1.000000,0.900000,2\n"
                       "1,10,100,2.000000,1.800000,2\n"
                       "1.5,15,150,3.000000,2.700000,2\n"
                       "2,20,200,5.000000,4.600000,3\n");
    ls_timings_reset(&t);
}

static void knows_what_it_does_not_know(void **state)
{
    static const char *const bad[] = {
        "",
        "epochs,updates\n1,2\n",
        HEADER,
        HEADER "1,10,100,2.0,1.8,2\n", /* not the moment of the checkpoint */
        HEADER "1,x,100,2.0,1.8,2\n",  /* no number */
        HEADER "1,10,100,2.0,1.8,2\n2,20,200,-4,3.6,2\n",
        HEADER "1,10,100,2.0,1.8,2\n2,20,20", /* torn */
    };

    (void)state;
    for (size_t i = 0; i < count_of(bad); i++) {
        ls_timings t;

        write_file(bad[i]);
        assert_int_equal(ls_timings_open(path, 20, &t), LS_OK);
        if (t.path || ls_file_exists(path))
            fail_msg("file %zu is taken for one that can be gone on with", i);
        assert_int_equal(ls_timings_add(&t, &(ls_timing){3, 30, 300, 1, 1, 1}), LS_OK);
        assert_false(ls_file_exists(path));
        ls_timings_reset(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_by_the_row_and_goes_on_from_a_checkpoint),
        cmocka_unit_test(knows_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
