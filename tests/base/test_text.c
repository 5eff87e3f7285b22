/* Growing strings, near names, numbers as text. */
#include "ls_test.h"

#include <stdlib.h>

#include "base/printable.h"
#include "base/text.h"

static void text_grows(void **state)
{
    ls_text text = {0};

    (void)state;
    for (int i = 0; i < 2000; i++)
        ls_text_add(&text, "%04d,", i);
    assert_int_equal(text.status, LS_OK);
    assert_int_equal(text.length, 10000);
    assert_int_equal(strlen(text.data), 10000);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(atoi(text.data + 5 * i), i);
    ls_text_reset(&text);
    assert_null(text.data);
    ls_text_add(&text, "again");
    assert_string_equal(text.data, "again");
    ls_text_reset(&text);
}

static void bytes_and_lists_are_added(void **state)
{
    static const char *const items[] = {"relu", "tanh", "softmax"};
    ls_text text = {0};

    (void)state;
    ls_text_add_bytes(&text, "a\0b", 3);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b\0", 4);
    ls_text_reset(&text);
    ls_text_add(&text, "(");
    ls_text_add_list(&text, items, 3);
    ls_text_add_list(&text, items, 0);
    ls_text_add(&text, ")%s", "");
    assert_string_equal(text.data, "(relu, tanh, softmax)");
    ls_text_reset(&text);
}

static void the_first_failure_stays(void **state)
{
    ls_text text = {0};

    (void)state;
    ls_text_add(&text, "kept");
    text.status = LS_ERR_MEMORY;
    ls_text_add(&text, "lost");
    ls_text_add_bytes(&text, "lost", 4);
    assert_string_equal(text.data, "kept");
    assert_int_equal(text.status, LS_ERR_MEMORY);
    ls_text_reset(&text);
    assert_int_equal(text.status, LS_OK);
}

static void near_names_are_found(void **state)
{
    static const char *const known[] = {"epochs", "batch_size", "microbatch", "shuffle", "validation_data"};
    static const struct {
        const char *given, *nearest;
    } cases[] = {
        {"epoch", "epochs"},          /* a letter short */
        {"epcohs", "epochs"},         /* two letters swapped: one edit */
        {"EPOCHS", "epochs"},         /* case is no edit */
        {"batchsize", "batch_size"},  /* a letter short */
        {"batch-size", "batch_size"}, /* a letter wrong */
        {"micro_batch", "microbatch"},
        {"suffle", "shuffle"},
        {"validation_dta", "validation_data"},
        {"x", NULL},
        {"", NULL},
        {"learning_rate", NULL},
    };
    char endless[300];

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        const char *found = ls_nearest_name(cases[i].given, known, count_of(known));

        if (cases[i].nearest) {
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        } else {
            assert_null(found);
        }
    }
    memset(endless, 'e', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_null(ls_nearest_name(endless, known, count_of(known)));
    assert_null(ls_nearest_name("epoch", known, 0));
}

static void the_closest_name_is_taken(void **state)
{
    static const char *const known[] = {"mean_squared_error", "mean_absolute_error", "mse", "mae"};

    (void)state;
    assert_string_equal(ls_nearest_name("mea", known, 4), "mae"); /* a swap beats a substitution */
    assert_string_equal(ls_nearest_name("mean_absolut_error", known, 4), "mean_absolute_error");
}

static void doubles_are_written_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.001, "0.001"},
        {1e-7, "1e-07"},
        {128.0, "128"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {10.0, "10"},
        {100.0, "100"},
        {60000.0, "60000"},
        {-250.0, "-250"},
        {1e22, "1e+22"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_format_double(cases[i].value, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void doubles_read_back(void **state)
{
    uint64_t bits = 0x9e3779b97f4a7c15u;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value, back;
        char text[32];

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        ls_format_double(value, text, sizeof text);
        back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
}

/* Of numbers of few digits, float32 values, and any: no shorter text reads back the same. */
static void doubles_are_as_short_as_can_be(void **state)
{
    uint64_t bits = 0x9e3779b97f4a7c15u;

    (void)state;
    for (int i = 0; i < 60000; i++) {
        double value;
        char text[32], want[32];

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 1)
            value = (double)(int64_t)(bits >> 44) * pow(10, (int)(bits % 40) - 30);
        else if (i % 3 == 2)
            value = (double)(float)(bits >> 20) * 0x1p-50;
        if (i % 100 == 0)
            value = (double)(bits >> 60) * 0x1p-1074;
        if (!isfinite(value) || (fabs(value) < 1e15 && value == floor(value)))
            continue;
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(want, sizeof want, "%.*g", digits, value);
            if (strtod(want, NULL) == value)
                break;
        }
        ls_format_double(value, text, sizeof text);
        assert_string_equal(text, want);
    }
}

static void lets_no_control_character_through(void **state)
{
    static const char *const cases[][3] = {
        /* text, on one line, with its lines */
        {"plain", "plain", "plain"},
        {"a\x1b[31mb", "a?[31mb", "a?[31mb"},
        {"a\n\tb\rc", "a  b c", "a\n\tb c"},
        {"\x01\x07\x7f", "???", "???"},
        {"csi \xc2\x9b 31m", "csi ?? 31m", "csi ?? 31m"},
        {"\xc2\x80\xc2\x9f", "????", "????"},
        {"\xc2\xa0 \xc3\xa9 \xe2\x94\x82", "\xc2\xa0 \xc3\xa9 \xe2\x94\x82",
         "\xc2\xa0 \xc3\xa9 \xe2\x94\x82"}, /* letters, lines */
        {"\xc2", "\xc2", "\xc2"},
        {"", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        char one[32], lines[32];

        snprintf(one, sizeof one, "%s", cases[i][0]);
        snprintf(lines, sizeof lines, "%s", cases[i][0]);
        ls_make_printable(one, false);
        ls_make_printable(lines, true);
        assert_string_equal(one, cases[i][1]);
        assert_string_equal(lines, cases[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(bytes_and_lists_are_added),
        cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(the_closest_name_is_taken),
        cmocka_unit_test(doubles_are_written_short),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(doubles_are_as_short_as_can_be),
        cmocka_unit_test(lets_no_control_character_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
