/* timings.csv: what is kept, what is dropped, and that a run goes on counting where its checkpoint was. */
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
    return unlink(path);
}

static void write_file(const char *text)
{
    assert_int_equal(ls_file_replace(path, text, strlen(text)), LS_OK);
}

#define HEADER "epochs,updates,samples,seconds,train_seconds,ranks\n"

static void keeps_what_a_checkpoint_may_be_from(void **state)
{
    static const ls_timing rows[] = {
        {0.5, 5, 50, 1, 0.9, 2},   {1, 10, 100, 2, 1.8, 2}, {1.5, 15, 150, 3, 2.7, 2},
        {1.7, 17, 170, 3.4, 3, 2}, {2, 20, 200, 4, 3.6, 2}, /* the last two within epochs stay, for one checkpoint is
                                                               kept */
    };
    ls_timings t;
    ls_text text = {0};

    (void)state;
    assert_int_equal(ls_timings_read("no/such/file", 0, &t), LS_OK);
    assert_true(t.known);
    for (size_t i = 0; i < count_of(rows); i++)
        assert_int_equal(ls_timings_add(&t, &rows[i], 1), LS_OK);
    assert_int_equal(ls_timings_add(&t, &(ls_timing){2, 20, 200, 4.5, 3.6, 2}, 1), LS_OK); /* the same moment */
    assert_int_equal(ls_timings_csv(&t, &text), LS_OK);
    assert_string_equal(text.data, HEADER "1,10,100,2.000000,1.800000,2\n"
                                          "1.5,15,150,3.000000,2.700000,2\n"
                                          "1.7,17,170,3.400000,3.000000,2\n"
                                          "2,20,200,4.500000,3.600000,2\n");
    write_file(text.data);
    ls_text_reset(&text);
    ls_timings_reset(&t);

    assert_int_equal(ls_timings_read(path, 15, &t), LS_OK); /* goes on from the checkpoint at 1.5 */
    assert_true(t.known && t.n == 2);
    assert_int_equal(t.row[1].updates, 15);
    assert_true(t.row[1].seconds == 3);
    assert_true(t.row[1].train_seconds == 2.7);
    assert_int_equal(t.row[1].ranks, 2);
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
        assert_int_equal(ls_timings_read(path, 20, &t), LS_OK);
        if (t.known)
            fail_msg("file %zu: %zu rows", i, t.n);
        assert_int_equal(ls_timings_add(&t, &(ls_timing){3, 30, 300, 1, 1, 1}, 1), LS_OK);
        assert_true(t.n == 0);
        ls_timings_reset(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_a_checkpoint_may_be_from),
        cmocka_unit_test(knows_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
