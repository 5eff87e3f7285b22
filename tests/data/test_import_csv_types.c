/* What a column of a CSV file holds is decided by all its values, whatever stands first; whole numbers stay what they
 * are. */
#include "import_files.h"

#include "data/import.h"

static const ls_setting x_and_y[] = {{"x", "a"}, {"y", "b"}};
static const ls_setting x_only[] = {{"x", "a"}};
static const ls_setting all[] = {{"train", "1"}};
static uint64_t dropped;

/* What is left out: `input` whole as the split train, its column a as x. */
static ls_status import_file(ls_csv_import import)
{
    if (!import.splits.n) {
        import.input = input;
        import.splits = (ls_settings){all, 1};
    }
    if (!import.arrays.n && !import.like)
        import.arrays = (ls_settings){x_only, 1};
    import.output = import.output ? import.output : output;
    return ls_import_csv(&import, &dropped);
}
#define IMPORT(...) import_file((ls_csv_import){__VA_ARGS__})
#define SETTINGS(...)                                                                                     \
    {                                                                                                     \
        (const ls_setting[]){__VA_ARGS__}, sizeof((const ls_setting[]){__VA_ARGS__}) / sizeof(ls_setting) \
    }

static ls_status import_like(void)
{
    return ls_import_csv(&(ls_csv_import){.input = other, .splits = {all, 1}, .like = output, .output = second},
                         &dropped);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* A column a of these values, which stand one per line; whole ones beside it keep lines from being empty. */
static void write_column(const char *const *values, size_t n, size_t turn)
{
    char text[4096] = "a;b\n";

    for (size_t i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s;%zu\n", values[(i + turn) % n], i);
    write_text(input, text);
}

static void doubles_are(const char *type, size_t n, const double *want)
{
    hsize_t dim[8];
    int rank;
    double *const got = read_dataset(output, "/train/x", H5T_NATIVE_DOUBLE, &rank, dim);

    assert_string_equal(stored_type(output, "/train/x"), type);
    assert_int_equal(dim[0], n);
    for (size_t i = 0; i < n; i++)
        assert_true(got[i] == want[i]);
    free(got);
}

/* One that is not a number among numbers: refused wherever it stands, with its line. */
static void a_column_of_numbers_but_for_some_is_refused(void **state)
{
    static const char *const strays[] = {"NA",
                                         "?",
                                         "$1.50",
                                         "1.5%",
                                         "1,500",
                                         ("\xe2\x88\x92"
                                          "5"),
                                         "x",
                                         "nan",
                                         "1e999",
                                         "-",
                                         "inf",
                                         "18446744073709551615",
                                         "-9223372036854775809"};

    (void)state;
    for (size_t s = 0; s < count_of(strays); s++) {
        const char *const values[] = {strays[s], "2", "3.5", "4"};

        for (size_t turn = 0; turn < count_of(values); turn++) {
            const size_t line = 2 + (count_of(values) - turn) % count_of(values);
            char where[64], value[32];

            write_column(values, count_of(values), turn);
            snprintf(where, sizeof where, ":%zu: column 'a'", line);
            snprintf(value, sizeof value, "'%s' is no", strays[s]);
            FAILS(IMPORT(.delimiter = ';'), LS_ERR_DATA, where, value, "3 of its 4 values", "--type a=category");
        }
    }
}

/* All are numbers in another notation: not one category is made of them. */
static void other_notations_of_numbers_are_refused(void **state)
{
    static const char *const columns[][3] = {
        {"1,5", "22,0", "3,25"},
        {"$1.50", "$2", "$3.25"},
        {"1.5%", "2%", "3.5 %"},
        {"1,500", "2,000", "1,234,567"},
        {"\xe2\x88\x92"
         "5",
         "\xe2\x88\x92"
         "7",
         "\xe2\x88\x92"
         "9"},
        {"(1)", "(2)", "(3)"},
        {"NA", "NA", "NA"},
        {"?", "1,5", "2,5"},
        {"1.5kg", "2.5kg", "3.5kg"},
    };
    static const ls_setting standard[] = {{"x", "standard"}};

    (void)state;
    for (size_t c = 0; c < count_of(columns); c++)
        for (int scaled = 0; scaled < 2; scaled++) {
            write_column(columns[c], 3, 0);
            FAILS(IMPORT(.delimiter = ';', .scales = {standard, (size_t)scaled}), LS_ERR_DATA, ":2: column 'a'",
                  columns[c][0], columns[c][1], "line 4");
        }
    write_column(columns[0], 3, 0);
    FAILS(IMPORT(.delimiter = ';'), LS_ERR_DATA, "--decimal ,");
}

static void messages_name_ways_out_that_work(void **state)
{
    (void)state;
    write_text(input, "a;b\n1,5;0\n22,0;1\n3,25;0\n");
    assert_true(ok(IMPORT(.delimiter = ';', .decimal = ',')));
    doubles_are("float32", 3, (const double[]){1.5, 22, 3.25});
    /* Another file like it knows. */
    write_text(other, "a;b\n0,5;0\n");
    assert_true(ok(import_like()));
    assert_string_equal(stored_type(second, "/train/x"), "float32");
    write_text(other, "a;b\n0.5;0\n");
    FAILS(import_like(), LS_ERR_DATA, ":2: column 'a'");

    write_text(input, "a,b\nNA,0\n2,1\n4,0\n");
    assert_true(ok(IMPORT(.na = (const char *const[]){"NA"}, .nas = 1, .missing = SETTINGS({NULL, "mean"}))));
    doubles_are("float32", 3, (const double[]){3, 2, 4});
    assert_true(ok(IMPORT(.types = SETTINGS({"a", "category"}))));
    doubles_are("uint8", 3, (const double[]){2, 0, 1});
}

/* Most are names: categories, those written like numbers among them, whichever stands first. */
static void names_with_some_numbers_are_categories(void **state)
{
    static const char *const values[] = {"42", "red", "42.0", "blue", "red", "green", "blue"};
    static const double code[] = {0, 4, 1, 2, 4, 3, 2}; /* "42" "42.0" "blue" "green" "red" */

    (void)state;
    for (size_t turn = 0; turn < count_of(values); turn++) {
        double want[count_of(values)];

        for (size_t i = 0; i < count_of(values); i++)
            want[i] = code[(i + turn) % count_of(values)];
        write_column(values, count_of(values), turn);
        assert_true(ok(IMPORT(.delimiter = ';')));
        doubles_are("uint8", count_of(values), want);
    }
    /* The other columns of a file that is read twice are what they were. */
    write_column(values, count_of(values), 0);
    assert_true(ok(IMPORT(.delimiter = ';', .arrays = {x_and_y, 2})));
    assert_string_equal(stored_type(output, "/train/y"), "uint8");
}

/* The training file decides for the others. */
static void columns_of_all_files_decide_together(void **state)
{
    const ls_setting splits[] = {{"test", other}, {"train", input}};

    (void)state;
    write_text(input, "a\n1\n2\n");
    write_text(other, "a\nx\ny\nz\nz\n");
    FAILS(IMPORT(.splits = {splits, 2}), LS_ERR_DATA, other, ":2: column 'a'", "'x' is not a number");
    write_text(input, "a\nx\n1\ny\n");
    write_text(other, "a\n1\n1\ny\n1\n");
    assert_true(ok(IMPORT(.splits = {splits, 2})));
    doubles_are("uint8", 3, (const double[]){1, 0, 2});
}

static void whole_numbers_are(const char *type, const char *text, const ls_csv_import *import, size_t n,
                              const int64_t *want)
{
    hsize_t dim[8];
    int rank;
    int64_t *got;

    write_text(input, text);
    assert_true(ok(import_file(*import)));
    assert_string_equal(stored_type(output, "/train/x"), type);
    got = read_dataset(output, "/train/x", H5T_NATIVE_INT64, &rank, dim);
    assert_int_equal(dim[0], n);
    for (size_t i = 0; i < n; i++)
        assert_true(got[i] == want[i]);
    free(got);
}

/* 2^53 and beyond, where doubles skip numbers. */
static void whole_numbers_stay_exact(void **state)
{
    static const int64_t most[] = {INT64_MAX, INT64_MIN, -9007199254740993};
    static const int64_t few[] = {7, 9007199254740991, 9007199254740992, 9007199254740993, 5};
    static const int64_t filled[] = {1, 4611686018427387905, 3};

    (void)state;
    whole_numbers_are("int64", "a\n9223372036854775807\n-9223372036854775808\n-9007199254740993\n",
                      &(ls_csv_import){.seed = 1}, 3, most);
    whole_numbers_are("int64", "a\n7\n9007199254740991\n9007199254740992\n9007199254740993\n5\n",
                      &(ls_csv_import){.seed = 1}, 5, few);
    whole_numbers_are("int64", "a,b\n1,0\n,0\n3,0\n",
                      &(ls_csv_import){.missing = SETTINGS({"a", "fill:4611686018427387905"})}, 3, filled);
    whole_numbers_are("int64", "a,b\n9007199254740993,0\n,0\n1,0\n",
                      &(ls_csv_import){.missing = SETTINGS({NULL, "drop"})}, 2, (const int64_t[]){9007199254740993, 1});
    /* Many rows, so that the table grows in between. */
    {
        FILE *const f = fopen(input, "w");
        hsize_t dim[8];
        int64_t *got;
        int rank;

        assert_non_null(f);
        fprintf(f, "a\n");
        for (int i = 0; i < 5000; i++)
            fprintf(f, "%lld\n", i < 700 ? (long long)i : 9007199254740993 + i);
        fclose(f);
        assert_true(ok(IMPORT(.seed = 1)));
        got = read_dataset(output, "/train/x", H5T_NATIVE_INT64, &rank, dim);
        for (int i = 0; i < 5000; i++)
            assert_true(got[i] == (i < 700 ? i : 9007199254740993 + i));
        free(got);
    }
    /* A fraction makes them all floats, as ever. */
    write_text(input, "a\n9007199254740993\n0.5\n");
    assert_true(ok(IMPORT(.seed = 1)));
    doubles_are("float32", 2, (const double[]){9007199254740992.0, 0.5});
}

/* What is said to all columns must fit those alone that have gaps. */
static void gaps_are_no_values(void **state)
{
    static const ls_setting sex[] = {{NULL, "mean"}, {"b", "fill:male"}};

    (void)state;
    write_text(input, "a,b\n1,male\n,female\n3,\n");
    assert_true(ok(IMPORT(.arrays = {x_and_y, 2}, .missing = {sex, 2})));
    doubles_are("float32", 3, (const double[]){1, 2, 3});
    write_text(input, "a,b\n1,male\n,female\n3,male\n");
    assert_true(ok(IMPORT(.arrays = {x_and_y, 2}, .missing = {sex, 1})));
    assert_true(ok(IMPORT(.arrays = {x_and_y, 2}, .missing = SETTINGS({NULL, "fill:7"}))));
    write_text(input, "a,b\n1,male\n2,\n3,male\n");
    assert_true(ok(IMPORT(.arrays = {x_and_y, 2}, .missing = SETTINGS({NULL, "fill:male"}))));
    FAILS(IMPORT(.arrays = {x_and_y, 2}, .missing = {sex, 1}), LS_ERR_USAGE, "column 'b'", "no mean");
    write_text(input, "a,b\n1,male\n,\n3,male\n");
    FAILS(IMPORT(.arrays = {x_and_y, 2}, .missing = SETTINGS({NULL, "fill:male"})), LS_ERR_USAGE, "column 'a'",
          "'male'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_of_numbers_but_for_some_is_refused),
        cmocka_unit_test(other_notations_of_numbers_are_refused),
        cmocka_unit_test(messages_name_ways_out_that_work),
        cmocka_unit_test(names_with_some_numbers_are_categories),
        cmocka_unit_test(columns_of_all_files_decide_together),
        cmocka_unit_test(whole_numbers_stay_exact),
        cmocka_unit_test(gaps_are_no_values),
    };

    return cmocka_run_group_tests(tests, import_set_up, import_tear_down);
}
