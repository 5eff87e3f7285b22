/* The error record: one line, per thread, never cut in a way that harms; exit codes as the manual promises. */
#include "ls_test.h"

#include <pthread.h>

static void every_status_has_text_and_exit_code(void **state)
{
    (void)state;
    assert_string_equal(ls_status_text(LS_OK), "success");
    assert_string_equal(ls_status_text(LS_ERR_MPI), "MPI failed");
    assert_string_equal(ls_status_text((ls_status)12345), "unknown status");
    for (int s = LS_OK; s <= LS_ERR_INTERNAL; s++)
        assert_true(strcmp(ls_status_text((ls_status)s), "unknown status") != 0);

    assert_int_equal(ls_exit_code(LS_OK), 0);
    assert_int_equal(ls_exit_code(LS_ERR_CONFIG), 2);
    assert_int_equal(ls_exit_code(LS_ERR_USAGE), 2);
    assert_int_equal(ls_exit_code(LS_ERR_STOPPED), 3);
    assert_int_equal(ls_exit_code(LS_ERR_IO), 1);
    assert_int_equal(ls_exit_code(LS_ERR_NUMERIC), 1);
}

static void a_message_is_set_and_kept(void **state)
{
    (void)state;
    assert_int_equal(ls_fail(LS_ERR_SHAPE, "layer takes %d inputs, batch has %s columns", 784, "783"), LS_ERR_SHAPE);
    assert_string_equal(ls_error_message(), "layer takes 784 inputs, batch has 783 columns");
    assert_string_equal(ls_error_message(), "layer takes 784 inputs, batch has 783 columns");
}

static void a_message_is_one_line(void **state)
{
    (void)state;
    ls_fail(LS_ERR_DATA, "a\nb\r\nc");
    assert_string_equal(ls_error_message(), "a b  c");
    ls_fail(LS_ERR_DATA, "\x1b[2J\t\x7f\xc3\xa9"); /* nothing that a terminal would obey; UTF-8 stays */
    assert_string_equal(ls_error_message(), "?[2J ?\xc3\xa9");
}

static void a_long_message_is_cut_at_1023_bytes(void **state)
{
    char text[3000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    text[sizeof text - 1] = '\0';
    ls_fail(LS_ERR_ARG, "%s", text);
    assert_int_equal(strlen(ls_error_message()), 1023);
    assert_memory_equal(ls_error_message(), text, 1023);
}

static void the_old_message_may_be_an_argument(void **state)
{
    (void)state;
    ls_fail(LS_ERR_IO, "no such file");
    ls_fail(LS_ERR_FORMAT, "first (%s) then (%s)", ls_error_message(), ls_error_message());
    assert_string_equal(ls_error_message(), "first (no such file) then (no such file)");
}

static void context_goes_in_front(void **state)
{
    (void)state;
    ls_fail(LS_ERR_IO, "cannot read");
    assert_int_equal(ls_fail_in(LS_ERR_IO, "rank %d", 3), LS_ERR_IO);
    assert_string_equal(ls_error_message(), "rank 3: cannot read");
    assert_int_equal(ls_fail_in(LS_OK, "rank %d", 4), LS_OK);
    assert_string_equal(ls_error_message(), "rank 3: cannot read");
}

static ls_status step(int *calls, ls_status st)
{
    ++*calls;
    return st;
}

static ls_status try_three(int *calls)
{
    LS_TRY(step(calls, LS_OK));
    LS_TRY(step(calls, LS_ERR_DATA));
    LS_TRY(step(calls, LS_OK));
    return LS_OK;
}

static ls_status try_with_cleanup(int *calls, bool *cleaned)
{
    ls_status st;

    LS_TRY_CLEANUP(step(calls, LS_OK));
    LS_TRY_CLEANUP(step(calls, LS_ERR_SHAPE));
    LS_TRY_CLEANUP(step(calls, LS_OK));
cleanup:
    *cleaned = true;
    return st;
}

static void try_stops_at_the_first_failure(void **state)
{
    int calls = 0;
    bool cleaned = false;

    (void)state;
    assert_int_equal(try_three(&calls), LS_ERR_DATA);
    assert_int_equal(calls, 2);
    assert_int_equal(try_with_cleanup(&calls, &cleaned), LS_ERR_SHAPE);
    assert_int_equal(calls, 4);
    assert_true(cleaned);
}

static void *fail_elsewhere(void *seen)
{
    *(bool *)seen = ls_error_message()[0] != '\0';
    ls_fail(LS_ERR_MPI, "of the other thread");
    return NULL;
}

static void each_thread_has_its_own_record(void **state)
{
    pthread_t thread;
    bool seen = true;

    (void)state;
    ls_fail(LS_ERR_IO, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(seen);
    assert_string_equal(ls_error_message(), "of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_text_and_exit_code),
        cmocka_unit_test(a_message_is_set_and_kept),
        cmocka_unit_test(a_message_is_one_line),
        cmocka_unit_test(a_long_message_is_cut_at_1023_bytes),
        cmocka_unit_test(the_old_message_may_be_an_argument),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(try_stops_at_the_first_failure),
        cmocka_unit_test(each_thread_has_its_own_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
