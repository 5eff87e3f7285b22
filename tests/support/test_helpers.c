/* The helpers of ls_test.h are what every other verdict rests on: they must refuse what they should. */
#include "ls_test.h"

#include "base/error.h"

static void all_close_accepts_what_is_close(void **unused)
{
    const float got[] = {1.0f, -2.0f, 0.0f};
    const double want[] = {1.0 + 1e-7, -2.0 - 1e-7, 0.0};

    (void)unused;
    assert_true(all_close(got, want, 3, 1e-6, 0.0));
    assert_true(all_close(got, want, 3, 0.0, 1e-6));
    assert_false(all_close(got, want, 3, 1e-8, 0.0));
    assert_false(all_close(got, want, 3, 0.0, 1e-8));
    assert_true(all_close(got, want, 0, 0.0, 0.0));
}

static void all_close_looks_at_every_element(void **unused)
{
    (void)unused;
    for (size_t wrong = 0; wrong < 5; wrong++) {
        float got[] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
        const double want[] = {1.0, 2.0, 3.0, 4.0, 5.0};

        got[wrong] += 0.5f;
        assert_false(all_close(got, want, 5, 0.1, 0.0));
        assert_true(all_close(got, want, wrong, 0.1, 0.0));
    }
}

static void nothing_is_close_to_nan_or_infinity(void **unused)
{
    const double special[] = {(double)NAN, INFINITY, -INFINITY};

    (void)unused;
    for (size_t i = 0; i < count_of(special); i++) {
        const float f = (float)special[i], one = 1.0f;
        const double d = special[i], want = 1.0;

        assert_false(all_close(&f, &want, 1, 1e30, 1e30));
        assert_false(all_close(&one, &d, 1, 1e30, 1e30));
        assert_false(all_close(&f, &d, 1, 1e30, 1e30));
        assert_false(close_to(d, want, 1e30, 1e30));
        assert_false(close_to(want, d, 1e30, 1e30));
        assert_false(close_to(d, d, 1e30, 1e30));
    }
    assert_true(close_to(1.0, 1.1, 0.2, 0.0));
    assert_false(close_to(1.0, 1.1, 0.05, 0.0));
    assert_true(close_to(100.0, 101.0, 0.0, 0.01));
}

static void same_bits_means_bits(void **unused)
{
    const float zeros[] = {1.0f, 0.0f}, minus[] = {1.0f, -0.0f}, nan[] = {1.0f, NAN};

    (void)unused;
    assert_true(same_bits(zeros, zeros, 2));
    assert_false(same_bits(zeros, minus, 2));
    assert_true(same_bits(zeros, minus, 1));
    assert_true(same_bits(nan, nan, 2));
    assert_false(same_bits(nan, zeros, 2));
}

static void failures_are_told_by_status_and_words(void **unused)
{
    const char *const words[] = {"dense", "17", NULL}, *const others[] = {"dense", "18", NULL};

    (void)unused;
    assert_true(ok(LS_OK));
    assert_false(ok(ls_fail(LS_ERR_SHAPE, "dense takes 17 inputs")));
    assert_true(failed_with(ls_fail(LS_ERR_SHAPE, "dense takes 17 inputs"), LS_ERR_SHAPE, words));
    assert_true(failed_with(ls_fail(LS_ERR_SHAPE, "dense takes 17 inputs"), LS_ERR_SHAPE, NULL));
    assert_false(failed_with(ls_fail(LS_ERR_ARG, "dense takes 17 inputs"), LS_ERR_SHAPE, words));
    assert_false(failed_with(ls_fail(LS_ERR_SHAPE, "dense takes 17 inputs"), LS_ERR_SHAPE, others));
    assert_false(failed_with(LS_OK, LS_ERR_SHAPE, NULL));
    FAILS(ls_fail(LS_ERR_IO, "cannot open 'x.h5'"), LS_ERR_IO, "x.h5", "open");
}

static void count_of_counts(void **unused)
{
    const int five[] = {1, 2, 3, 4, 5};

    (void)unused;
    assert_int_equal(count_of(five), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_close_accepts_what_is_close),       cmocka_unit_test(all_close_looks_at_every_element),
        cmocka_unit_test(nothing_is_close_to_nan_or_infinity),   cmocka_unit_test(same_bits_means_bits),
        cmocka_unit_test(failures_are_told_by_status_and_words), cmocka_unit_test(count_of_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
