/* Shapes: sizes, limits, equality, text. */
#include "ls_test.h"

#include "tensor/shape.h"

static void sizes_are_products(void **state)
{
    const ls_shape scalar = {0}, image = {3, {28, 27, 3}};

    (void)state;
    assert_int_equal(ls_shape_size(&scalar), 1);
    assert_int_equal(ls_shape_size(&image), 2268);
}

static void limits_are_kept(void **state)
{
    const ls_shape scalar = {0}, zero = {2, {5, 0}}, most = {3, {1024, 1048576, 1024}},
                   over = {3, {1024, 1048577, 1024}};
    const ls_shape wraps = {6, {65536, 65536, 65536, 65536, 65536, 65536}}, wide = {1, {(size_t)INT32_MAX + 1}};
    const ls_shape widest = {1, {INT32_MAX}}, deep = {7, {1}};

    (void)state;
    assert_true(ok(ls_shape_check(&scalar, "x")));
    assert_true(ok(ls_shape_check(&most, "x")));
    assert_true(ok(ls_shape_check(&widest, "x")));
    FAILS(ls_shape_check(&zero, "input 'a'"), LS_ERR_SHAPE, "input 'a'", "(5, 0)", "dimension 1");
    FAILS(ls_shape_check(&over, "x"), LS_ERR_SHAPE, "2^40", "(1024, 1048577, 1024)");
    FAILS(ls_shape_check(&wraps, "x"), LS_ERR_SHAPE, "2^40");
    FAILS(ls_shape_check(&wide, "x"), LS_ERR_SHAPE, "2147483648");
    FAILS(ls_shape_check(&deep, "x"), LS_ERR_SHAPE, "7 dimensions");
}

static void shapes_are_equal_axis_by_axis(void **state)
{
    const ls_shape a = {2, {3, 4}}, same = {2, {3, 4, 9}}, other = {2, {4, 3}}, longer = {3, {3, 4, 1}};

    (void)state;
    assert_true(ls_shape_equal(&a, &same)); /* what lies behind the rank does not count */
    assert_false(ls_shape_equal(&a, &other));
    assert_false(ls_shape_equal(&a, &longer));
}

/* Python's tuples, as Keras prints them. */
static void shapes_are_written_as_tuples(void **state)
{
    const ls_shape scalar = {0}, vector = {1, {10}}, image = {2, {28, 27}};
    const size_t big = SIZE_MAX;
    const ls_shape longest = {6, {big, big, big, big, big, big}};
    char out[LS_SHAPE_TEXT_BYTES];

    (void)state;
    assert_string_equal(ls_shape_format(&scalar, out), "()");
    assert_string_equal(ls_shape_format(&vector, out), "(10,)");
    assert_string_equal(ls_shape_format(&image, out), "(28, 27)");
    assert_string_equal(ls_shape_format_batch(&scalar, out), "(None,)");
    assert_string_equal(ls_shape_format_batch(&vector, out), "(None, 10)");
    assert_string_equal(ls_shape_format_batch(&image, out), "(None, 28, 27)");
    assert_int_equal(strlen(ls_shape_format_batch(&longest, out)), 6 + 6 * 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_products),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(shapes_are_equal_axis_by_axis),
        cmocka_unit_test(shapes_are_written_as_tuples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
