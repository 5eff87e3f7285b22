/* The CSV reader: RFC 4180 and what people make of it, every way in which a file can be wrong, and random files. */
#include "files.h"

#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "data/csv.h"

static char path[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(path, sizeof path, "%s/data.csv", folder);
    return 0;
}

static void write_data(const void *bytes, size_t n, bool gzip)
{
    gzFile f = gzopen(path, gzip ? "wb" : "wbT");

    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static void write_text(const char *text)
{
    write_data(text, strlen(text), false);
}

/* The rows as "a|b|c\n", header included, with "@LINE " before each where lines is set. */
static char *parse(char delimiter, bool header, bool lines, ls_status *st)
{
    static char out[1 << 16];
    ls_csv *csv;
    ls_csv_row row;
    size_t n, at = 0;
    const char *const *names;

    out[0] = '\0';
    *st = ls_csv_open(path, delimiter, header, &csv);
    if (*st != LS_OK)
        return out;
    names = ls_csv_names(csv, &n);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%c", names[i], i + 1 < n ? '|' : '\n');
    while ((*st = ls_csv_next(csv, &row)) == LS_OK && row.field) {
        if (lines)
            at += (size_t)snprintf(out + at, sizeof out - at, "@%d ", (int)row.line);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(strlen(row.field[i]), row.length[i]);
            at += (size_t)snprintf(out + at, sizeof out - at, "%s%c", row.field[i], i + 1 < n ? '|' : '\n');
        }
    }
    ls_csv_close(csv);
    return out;
}

/* Plain and gzipped. */
static void gives(const char *text, const char *want)
{
    for (int gzip = 0; gzip < 2; gzip++) {
        ls_status st;
        const char *got;

        write_data(text, strlen(text), gzip);
        got = parse(',', true, false, &st);
        assert_true(ok(st));
        assert_string_equal(got, want);
    }
}

static void rows_of_all_forms_are_read(void **state)
{
    (void)state;
    gives("a,b\n1,2\n3,4\n", "a|b\n1|2\n3|4\n");
    gives("a,b\n1,2\n3,4", "a|b\n1|2\n3|4\n");
    gives("a,b\r\n1,2\r\n3,4\r\n", "a|b\n1|2\n3|4\n");
    gives("a,b\r1,2\r3,4\r", "a|b\n1|2\n3|4\n");
    gives("\xef\xbb\xbf"
          "a,b\n1,2\n",
          "a|b\n1|2\n");
    gives("\xef\xbb\xbf\"a\",b\n1,2\n", "a|b\n1|2\n");
    gives("\n\na,b\n\n1,2\n\r\n  \n3,4\n\n\n", "a|b\n1|2\n3|4\n");
    gives("a,b\n,\n1,\n,2\n", "a|b\n|\n1|\n|2\n");
    gives("a\n1\n\"\"\n2\n", "a\n1\n\n2\n");
    gives("a , b\n 1 ,\t2 \n", "a|b\n1|2\n");
    gives("a,b\n\" 1 \",\"2\" \n \"x\",y\n", "a|b\n 1 |2\nx|y\n");
    gives("\"a\",\"b,c\"\n\"d\"\"e\",\"f\ng\"\n", "a|b,c\nd\"e|f\ng\n");
    gives("a\n\"\"\"\"\n\"\"\"x\"\"\"\n", "a\n\"\n\"x\"\n");
    gives("a,b\n5\" pipe,it's\n", "a|b\n5\" pipe|it's\n");
    gives("a,b\n\"1\r\n2\",\"\r\"\n", "a|b\n1\r\n2|\r\n");
    gives("stra\xc3\x9f"
          "e,\xe6\x97\xa5\xe6\x9c\xac\n\xf0\x9f\x98\x80,\xc2\xa0\n",
          "stra\xc3\x9f"
          "e|\xe6\x97\xa5\xe6\x9c\xac\n\xf0\x9f\x98\x80|\xc2\xa0\n");
    gives("a,b", "a|b\n");
}

static void delimiters_and_names_are_as_given(void **state)
{
    ls_status st;
    ls_csv *csv;
    size_t index = 99;

    (void)state;
    write_text("a;b\n1,5;\"2;3\"\n");
    assert_string_equal(parse(';', true, false, &st), "a|b\n1,5|2;3\n");
    write_text("a\tb c\n1\t 2 \n\t\n");
    assert_string_equal(parse('\t', true, false, &st), "a|b c\n1|2\n|\n");
    write_text("1,2\n3,4\n");
    assert_string_equal(parse(',', false, false, &st), "1|2\n1|2\n3|4\n");
    FAILS(ls_csv_open(path, '"', true, &csv), LS_ERR_USAGE, "delimiter");
    FAILS(ls_csv_open(path, '\n', true, &csv), LS_ERR_USAGE, "delimiter");
    FAILS(ls_csv_open(path, '\0', true, &csv), LS_ERR_USAGE, "delimiter");
    FAILS(ls_csv_open(path, (char)0xe4, true, &csv), LS_ERR_USAGE, "delimiter");

    write_text("length,width,width,\n1,2,3,4\n");
    assert_true(ok(ls_csv_open(path, ',', true, &csv)));
    assert_true(ok(ls_csv_find(csv, "length", &index)));
    assert_int_equal(index, 0);
    assert_true(ok(ls_csv_find(csv, "", &index)));
    assert_int_equal(index, 3);
    FAILS(ls_csv_find(csv, "lenght", &index), LS_ERR_DATA, path, "no column 'lenght'", "did you mean 'length'");
    FAILS(ls_csv_find(csv, "width", &index), LS_ERR_DATA, path, "2 columns named 'width'");
    ls_csv_close(csv);
}

/* Lines are counted through quoted line ends, empty lines and all kinds of line end. */
static void lines_are_counted_through_quoted_ends(void **state)
{
    ls_status st;

    (void)state;
    write_text("a,b\n\n1,\"x\ny\n\"\r\n2,3\r\r4,5\n");
    assert_string_equal(parse(',', true, true, &st), "a|b\n@3 1|x\ny\n\n@6 2|3\n@8 4|5\n");
}

static void fails(const char *text, size_t n, const char *place, const char *what)
{
    for (int gzip = 0; gzip < 2; gzip++) {
        char where[96];
        ls_status st;

        snprintf(where, sizeof where, "%s%s", path, place);
        write_data(text, n, gzip);
        parse(',', true, false, &st);
        FAILS(st, *place ? LS_ERR_FORMAT : LS_ERR_DATA, where, what);
    }
}
#define TEXT_FAILS(text, place, what) fails(text, sizeof(text) - 1, place, what)

static void wrong_files_are_refused(void **state)
{
    ls_csv *csv;

    (void)state;
    TEXT_FAILS("", "", "empty");
    TEXT_FAILS("\n \r\n", "", "empty");
    TEXT_FAILS("\xef\xbb\xbf", "", "empty");
    TEXT_FAILS("a,b\n1,2\n1,2,3\n", ":3:", "3 fields, but the first row has 2");
    TEXT_FAILS("a,b\n\n1\n", ":3:", "1 field, but the first row has 2");
    TEXT_FAILS("a\n1,\n", ":2:", "2 fields");
    TEXT_FAILS("a,b\n1,\"2\n3,4\n", ":2:", "never closed");
    TEXT_FAILS("a,b\n1,\"2\"\"\n", ":2:", "never closed");
    TEXT_FAILS("\"", ":1:", "never closed");
    TEXT_FAILS("a,b\n1,\"2\"x\n", ":2:", "between a closing quote");
    TEXT_FAILS("a,b\n1,\"2\" \"3\"\n", ":2:", "between a closing quote");
    TEXT_FAILS("a,b\n1,2\0\n", ":2:", "zero byte");
    TEXT_FAILS("a,b\n1,\"\0\"\n", ":2:", "zero byte");
    TEXT_FAILS("\xff\xfe"
               "a\0,\0b\0\n\0",
               ":1:", "zero byte");
    TEXT_FAILS("a,b\n1,M\xfcller\n", ":2:", "field 2 is not UTF-8");
    TEXT_FAILS("a\n\xc0\x80\n", ":2:", "not UTF-8");
    TEXT_FAILS("a\n\xed\xa0\x80\n", ":2:", "not UTF-8");
    TEXT_FAILS("a\n\xf4\x90\x80\x80\n", ":2:", "not UTF-8");
    TEXT_FAILS("a\n\xe2\x82\n", ":2:", "not UTF-8");
    TEXT_FAILS("\xe2\n", ":1:", "not UTF-8");
    FAILS(ls_csv_open("no/such/file", ',', true, &csv), LS_ERR_IO, "no/such/file", "No such file");
    FAILS(ls_csv_open(folder, ',', true, &csv), LS_ERR_IO, folder, "directory");
    assert_null(csv);
}

/* A gzip file cut anywhere or with a damaged checksum is never taken for a shorter table. */
static void damaged_gzip_is_no_shorter_table(void **state)
{
    static char text[20000], packed[20000];
    size_t n = 0;
    ls_status st;
    FILE *f;

    (void)state;
    n = (size_t)snprintf(text, sizeof text, "a,b\n");
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,%d\n", i, i * 7919 % 1000);
    write_data(text, n, true);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(packed, 1, sizeof packed, f);
    fclose(f);
    for (size_t length = n - 1; length > 2; length -= length > 100 ? 37 : 1) {
        write_data(packed, length, false);
        parse(',', true, false, &st);
        assert_true(st == LS_ERR_FORMAT || st == LS_ERR_DATA);
        assert_non_null(strstr(ls_error_message(), path));
    }
    packed[n - 6] ^= 1;
    write_data(packed, n, false);
    parse(',', true, false, &st);
    FAILS(st, LS_ERR_FORMAT, path, "incorrect data check");
}

/* Exactly the longest field passes; one byte more does not, quoted or not, and neither do too many fields. */
static void the_longest_field_passes_and_no_longer_one(void **state)
{
    char *text = malloc(LS_CSV_FIELD_MAX + 64);
    ls_csv *csv;
    ls_csv_row row;
    size_t n;

    (void)state;
    assert_non_null(text);
    for (int quoted = 0; quoted < 2; quoted++)
        for (size_t extra = 0; extra < 2; extra++) {
            n = (size_t)sprintf(text, "a,b\n1,2\n3,%s", quoted ? "\"" : "");
            memset(text + n, 'x', LS_CSV_FIELD_MAX + extra);
            n += LS_CSV_FIELD_MAX + extra;
            n += (size_t)sprintf(text + n, "%s\n", quoted ? "\"" : "");
            write_data(text, n, true);
            assert_true(ok(ls_csv_open(path, ',', true, &csv)));
            assert_true(ok(ls_csv_next(csv, &row)));
            if (extra) {
                FAILS(ls_csv_next(csv, &row), LS_ERR_FORMAT, path, ":3:", "longer than 1 MiB",
                      quoted ? "closing quote missing" : "is this a CSV file");
            } else {
                assert_true(ok(ls_csv_next(csv, &row)));
                assert_int_equal(row.length[1], LS_CSV_FIELD_MAX);
            }
            ls_csv_close(csv);
        }
    memset(text, ',', LS_CSV_COLUMNS_MAX);
    write_data(text, LS_CSV_COLUMNS_MAX - 1, true);
    assert_true(ok(ls_csv_open(path, ',', true, &csv)));
    ls_csv_names(csv, &n);
    assert_int_equal(n, LS_CSV_COLUMNS_MAX);
    ls_csv_close(csv);
    write_data(text, LS_CSV_COLUMNS_MAX, true);
    FAILS(ls_csv_open(path, ',', true, &csv), LS_ERR_FORMAT, ":1:", "2^20 fields");
    free(text);
}

/* A gigabyte in one field costs a megabyte. */
static void a_gigabyte_in_one_field_costs_a_megabyte(void **state)
{
    static char piece[1 << 20];
    gzFile f = gzopen(path, "wb1");
    ls_csv *csv;
    ls_csv_row row;

    (void)state;
    assert_non_null(f);
    memset(piece, 'x', sizeof piece);
    gzputs(f, "a,b\n1,\"");
    for (int i = 0; i < 1024; i++)
        gzwrite(f, piece, sizeof piece);
    gzclose(f);
    assert_true(ok(ls_csv_open(path, ',', true, &csv)));
    FAILS(ls_csv_next(csv, &row), LS_ERR_FORMAT, path, ":2:", "longer than 1 MiB");
    ls_csv_close(csv);
}

static void numbers_are_told_from_text(void **state)
{
    static const struct {
        const char *text;
        ls_csv_kind kind;
        double value;
    } cases[] = {
        {"0", LS_CSV_WHOLE, 0},
        {"-17", LS_CSV_WHOLE, -17},
        {"+42", LS_CSV_WHOLE, 42},
        {"007", LS_CSV_WHOLE, 7},
        {"9007199254740992", LS_CSV_WHOLE, 9007199254740992.0},
        {"9007199254740993", LS_CSV_WHOLE, 9007199254740992.0},
        {"9223372036854775807", LS_CSV_WHOLE, 0x1p63},
        {"-9223372036854775808", LS_CSV_WHOLE, -0x1p63},
        {"9223372036854775808", LS_CSV_NO_NUMBER, 0},
        {"1.0", LS_CSV_NUMBER, 1},
        {"1.", LS_CSV_NUMBER, 1},
        {".5", LS_CSV_NUMBER, 0.5},
        {"-0.125", LS_CSV_NUMBER, -0.125},
        {"1e3", LS_CSV_NUMBER, 1000},
        {"1E+3", LS_CSV_NUMBER, 1000},
        {"25e-2", LS_CSV_NUMBER, 0.25},
        {"0.1", LS_CSV_NUMBER, 0.1},
        {"3.4028234e38", LS_CSV_NUMBER, 3.4028234e38},
        {"1e-400", LS_CSV_NUMBER, 0},
        {"3.5e38", LS_CSV_NO_NUMBER, 0},
        {"-1e999", LS_CSV_NO_NUMBER, 0},
        {"nan", LS_CSV_NO_NUMBER, 0},
        {"-NaN", LS_CSV_NO_NUMBER, 0},
        {"inf", LS_CSV_NO_NUMBER, 0},
        {"+Infinity", LS_CSV_NO_NUMBER, 0},
        {"", LS_CSV_TEXT, 0},
        {"-", LS_CSV_TEXT, 0},
        {".", LS_CSV_TEXT, 0},
        {"e5", LS_CSV_TEXT, 0},
        {"1e", LS_CSV_TEXT, 0},
        {"1e+", LS_CSV_TEXT, 0},
        {"0x10", LS_CSV_TEXT, 0},
        {"1,5", LS_CSV_TEXT, 0},
        {"1 000", LS_CSV_TEXT, 0},
        {" 1", LS_CSV_TEXT, 0},
        {"1 ", LS_CSV_TEXT, 0},
        {"1.2.3", LS_CSV_TEXT, 0},
        {"--1", LS_CSV_TEXT, 0},
        {"nan(1)", LS_CSV_TEXT, 0},
        {"12a", LS_CSV_TEXT, 0},
        {"NA", LS_CSV_TEXT, 0},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        double value = 0;
        const ls_csv_kind kind = ls_csv_number(cases[i].text, &value);

        if (kind != cases[i].kind || value != cases[i].value)
            fail_msg("'%s': kind %d, value %.17g", cases[i].text, (int)kind, value);
    }
}

static void numbers_may_have_a_decimal_comma(void **state)
{
    static const struct {
        const char *text;
        ls_csv_kind kind;
        double value;
    } cases[] = {
        {"1,5", LS_CSV_NUMBER, 1.5},
        {"-,25", LS_CSV_NUMBER, -0.25},
        {"1,5e3", LS_CSV_NUMBER, 1500},
        {"17", LS_CSV_WHOLE, 17},
        {"1.5", LS_CSV_TEXT, 0},
        {"1.234,5", LS_CSV_TEXT, 0},
        {"1,2,3", LS_CSV_TEXT, 0},
        {"9e99", LS_CSV_NO_NUMBER, 0},
        {"0,00000000000000000000000000000000000000000000000000000000000000000000000000000125e80", LS_CSV_NUMBER, 125},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        double value = 0;
        const ls_csv_kind kind = ls_csv_number_in(cases[i].text, ',', &value);

        if (kind != cases[i].kind || value != cases[i].value)
            fail_msg("'%s': kind %d, value %.17g", cases[i].text, (int)kind, value);
    }
}

static void texts_that_look_like_numbers_are_known(void **state)
{
    static const char *const numbers[] = {
        "1,5",
        "-1,5",
        "$1.50",
        "1.50$",
        "1.5%",
        "1.5 %",
        "1,500",
        "1,234,567.89",
        "1.234.567,89",
        "1 500",
        "1'500",
        "1\xc2\xa0"
        "500",
        "1_000",
        "\xe2\x88\x92"
        "5",
        "\xe2\x88\x92"
        "0.5",
        "(1.50)",
        "5-",
        "\xe2\x82\xac 7",
        "7 \xe2\x82\xac",
        "\xc2\xa3"
        "9.99",
        "EUR 3",
        "3 USD",
        "0x1F",
        "1e999",
        "inf",
        "-Infinity",
        "12.5kg",
        "12,5 km/h",
        "<5",
        "~3",
        "'5",
        "1d5",
        "12,34,567",
    };
    static const char *const missing[] = {"NA",   "N/A",  "n/a",  "?",   "-",    "--",   ".",
                                          "null", "NULL", "None", "NaN", "-nan", "#N/A", "missing"};
    static const char *const texts[] = {"red",  "12a", "1.2.3", "A1", "2020-01-01", "12:30",    "5 kg",
                                        "64GB", "1st", "+",     "$",  "infant",     "10.0.0.1", "a,b"};

    (void)state;
    for (size_t i = 0; i < count_of(numbers); i++)
        if (ls_csv_look_of(numbers[i]) != LS_CSV_LOOKS_NUMBER)
            fail_msg("'%s' looks like a number", numbers[i]);
    for (size_t i = 0; i < count_of(missing); i++)
        if (ls_csv_look_of(missing[i]) != LS_CSV_LOOKS_MISSING)
            fail_msg("'%s' looks like a missing value", missing[i]);
    for (size_t i = 0; i < count_of(texts); i++)
        if (ls_csv_look_of(texts[i]) != LS_CSV_LOOKS_TEXT)
            fail_msg("'%s' looks like a text", texts[i]);
}

/* ---- random files ---- */

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * n >> 32);
}

/* A random table written in random style reads back as it was, across the reader's buffers. */
static void random_tables_read_back(void **state)
{
    static const char *const letters[] = {"a", "Z", "9",  "-",  ";", "'", "\xc3\xa9", "\xe2\x82\xac",
                                          " ", ",", "\"", "\n", "\r"};
    static char text[400000], want[300000];

    (void)state;
    for (int round = 0; round < 40; round++) {
        const uint32_t columns = 1 + random_below(6), rows = round < 30 ? random_below(50) : 3000;
        size_t n = 0, m = 0, at = 0;
        ls_csv *csv;
        ls_csv_row row;

        for (uint32_t r = 0; r <= rows; r++) {
            for (uint32_t c = 0; c < columns; c++) {
                const bool quoted = random_below(2);
                const uint32_t length = random_below(round < 30 ? 30 : 8);

                n += (size_t)sprintf(text + n, "%s%s", c ? "," : "", quoted ? "\"" : "x");
                m += (size_t)sprintf(want + m, "%s", quoted ? "" : "x");
                for (uint32_t i = 0; i < length; i++) {
                    const char *letter = letters[random_below(quoted ? count_of(letters) : 8)];

                    n += (size_t)sprintf(text + n, "%s%s", letter, *letter == '"' ? "\"" : "");
                    m += (size_t)sprintf(want + m, "%s", letter);
                }
                n += (size_t)sprintf(text + n, "%s", quoted ? "\"" : "");
                want[m++] = '\0';
            }
            n += (size_t)sprintf(text + n, "%s", random_below(2) ? "\n" : "\r\n");
        }
        write_data(text, n, round % 2);
        assert_true(ok(ls_csv_open(path, ',', false, &csv)));
        for (uint32_t r = 0; r <= rows; r++) {
            assert_true(ok(ls_csv_next(csv, &row)));
            assert_non_null(row.field);
            for (uint32_t c = 0; c < columns; c++) {
                assert_string_equal(row.field[c], want + at);
                at += strlen(want + at) + 1;
            }
        }
        assert_true(ok(ls_csv_next(csv, &row)));
        assert_null(row.field);
        ls_csv_close(csv);
    }
}

/* Whatever the bytes: rows of the right width or a message with the file's name. */
static void random_bytes_give_rows_or_a_message(void **state)
{
    static const char alphabet[] = "\",\n\r\0 ax1.\t\xc3\xa9\xff;";
    char text[200];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        const size_t n = random_below(sizeof text);
        ls_csv *csv = NULL;
        ls_csv_row row;
        ls_status st;
        size_t names;

        for (size_t i = 0; i < n; i++)
            text[i] = alphabet[random_below(round % 2 ? sizeof alphabet - 1 : 4)];
        write_data(text, n, false);
        st = ls_csv_open(path, ',', round % 3, &csv);
        if (st == LS_OK) {
            ls_csv_names(csv, &names);
            while ((st = ls_csv_next(csv, &row)) == LS_OK && row.field)
                for (size_t i = 0; i < names; i++)
                    assert_int_equal(strlen(row.field[i]), row.length[i]);
        }
        assert_true(st == LS_OK || (strstr(ls_error_message(), path) && (st == LS_ERR_FORMAT || st == LS_ERR_DATA)));
        ls_csv_close(csv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_forms_are_read),
        cmocka_unit_test(delimiters_and_names_are_as_given),
        cmocka_unit_test(lines_are_counted_through_quoted_ends),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(damaged_gzip_is_no_shorter_table),
        cmocka_unit_test(the_longest_field_passes_and_no_longer_one),
        cmocka_unit_test(a_gigabyte_in_one_field_costs_a_megabyte),
        cmocka_unit_test(numbers_are_told_from_text),
        cmocka_unit_test(numbers_may_have_a_decimal_comma),
        cmocka_unit_test(texts_that_look_like_numbers_are_known),
        cmocka_unit_test(random_tables_read_back),
        cmocka_unit_test(random_bytes_give_rows_or_a_message),
    };

    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
