/* Failures that are told together: each once, in the order of the file, none lost, and counted. */
#include "ls_test.h"

#include <stdio.h>

#include "base/failures.h"

static ls_failures gathered;

static bool add(const char *message)
{
    return ls_failures_add(&gathered, ls_fail(LS_ERR_CONFIG, "%s", message));
}

static void nothing_is_no_failure(void **state)
{
    (void)state;
    assert_true(ls_failures_add(&gathered, LS_OK));
    assert_int_equal(ls_failures_end(&gathered), LS_OK);
}

static void one_stays_as_it_is(void **state)
{
    (void)state;
    add("e.yaml:3:1: wrong");
    assert_int_equal(ls_failures_end(&gathered), LS_ERR_CONFIG);
    assert_string_equal(ls_error_message(), "e.yaml:3:1: wrong");
    assert_int_equal(ls_error_count(), 1);
}

static void many_stand_in_the_order_of_their_file(void **state)
{
    (void)state;
    add("e.yaml:12:3: a");
    add("e.yaml:9:30: b");
    add("e.yaml:9:4: c");
    add("setting fit.epochs=x: d");
    add("f: g.yaml:2:1: e");
    add("e.yaml:1:1: f"); /* not past what has another place */
    add("f: g.yaml:1:1: g");
    assert_int_equal(ls_failures_end(&gathered), LS_ERR_CONFIG);
    assert_string_equal(ls_error_message(),
                        "e.yaml:9:4: c\ne.yaml:9:30: b\ne.yaml:12:3: a\nsetting fit.epochs=x: d\nf: g.yaml:2:1: e\n"
                        "e.yaml:1:1: f\nf: g.yaml:1:1: g");
    assert_int_equal(ls_error_count(), 7);
}

static void each_is_told_once(void **state)
{
    ls_failures inner = {0};

    (void)state;
    add("e.yaml:1:1: a");
    ls_failures_add(&inner, ls_fail(LS_ERR_DATA, "e.yaml:1:1: a"));
    ls_failures_add(&inner, ls_fail(LS_ERR_DATA, "e.yaml:1:1: b"));
    assert_true(ls_failures_add(&gathered, ls_failures_end(&inner)));
    add("e.yaml:1:1:");
    assert_int_equal(ls_failures_end(&gathered), LS_ERR_CONFIG); /* the first one's */
    assert_string_equal(ls_error_message(), "e.yaml:1:1: a\ne.yaml:1:1: b\ne.yaml:1:1:");
    assert_int_equal(ls_error_count(), 3);
}

static void want_of_memory_ends_it(void **state)
{
    (void)state;
    add("e.yaml:1:1: a");
    assert_false(ls_failures_add(&gathered, ls_fail(LS_ERR_MEMORY, "out of memory")));
    assert_int_equal(ls_failures_end(&gathered), LS_ERR_MEMORY);
    assert_string_equal(ls_error_message(), "out of memory");
}

static void what_has_no_room_is_counted(void **state)
{
    char line[1000];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "e.yaml:%d:1: %0900d", i + 1, i);
        add(line);
    }
    assert_int_equal(ls_failures_end(&gathered), LS_ERR_CONFIG);
    assert_int_equal(ls_error_count(), 100);
    assert_int_equal(strlen(ls_error_message()), LS_ERROR_BYTES - 1);
    ls_fail(LS_ERR_IO, "another");
    assert_int_equal(ls_error_count(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_failure),
        cmocka_unit_test(one_stays_as_it_is),
        cmocka_unit_test(many_stand_in_the_order_of_their_file),
        cmocka_unit_test(each_is_told_once),
        cmocka_unit_test(want_of_memory_ends_it),
        cmocka_unit_test(what_has_no_room_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
