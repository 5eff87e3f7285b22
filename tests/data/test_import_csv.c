/* CSV to HDF5: scikit-learn's numbers, splits, storage, --like, and every fault with its file and line. */
#include "golden.h"
#include "import_files.h"

#include <sys/wait.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/import.h"
#include "data/preprocessing.h"

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* ---- a shorthand for requests ---- */

#define LIST(...)                                                                                         \
    {                                                                                                     \
        (const ls_setting[]){__VA_ARGS__}, sizeof((const ls_setting[]){__VA_ARGS__}) / sizeof(ls_setting) \
    }
/* What is left out is as import_file says. */
#define REQUEST(...) ((ls_csv_import){__VA_ARGS__})
/* The whole of `input` as the split train. */
#define ONE(...) REQUEST(.input = input, .splits = LIST({"train", "1"}), __VA_ARGS__)

static bool no_header;
static uint64_t dropped; /* by the last import */

static ls_status import_file(const ls_csv_import *given)
{
    ls_csv_import import = *given;

    import.no_header = no_header;
    import.seed = import.seed ? import.seed : 1;
    import.output = import.output ? import.output : output;
    return ls_import_csv(&import, &dropped);
}
#define IMPORT(...) assert_true(ok(import_file(&ONE(__VA_ARGS__))))
#define IMPORT_FAILS(request, status, ...) FAILS(import_file(&request), status, __VA_ARGS__)

/* ---- what came out ---- */

static ls_array *open_array(const char *file, const char *path)
{
    ls_array *a = NULL;

    assert_true(ok(ls_array_open(file, path, NULL, &a)));
    return a;
}

/* All values of an array, which has this type and shape of a sample ("uint8 (2,)"). */
static void holds(const char *file, const char *path, const char *type, size_t n, const double *want, double tolerance)
{
    ls_array *const a = open_array(file, path);
    const size_t elements = ls_shape_size(ls_array_shape(a));
    char text[LS_SHAPE_TEXT_BYTES], got[256];
    float *const value = calloc(elements, sizeof *value);

    assert_non_null(value);
    snprintf(got, sizeof got, "%s %s", ls_array_type(a), ls_shape_format(ls_array_shape(a), text));
    assert_string_equal(got, type);
    assert_int_equal(ls_array_samples(a) * elements, n);
    for (uint64_t i = 0; i < ls_array_samples(a); i++) {
        ls_array_get(a, i, value);
        assert_true(all_close(value, want + i * elements, elements, tolerance, tolerance));
    }
    free(value);
    ls_array_free(a);
}
#define HOLDS(path, type, ...) \
    holds(output, path, type, count_of(((const double[]){__VA_ARGS__})), (const double[]){__VA_ARGS__}, 1e-7)

static void classes_are(const char *path, const char *want)
{
    ls_array *const a = open_array(output, path);
    char got[256] = "";
    size_t n;
    const char *const *const classes = ls_array_classes(a, &n);

    for (size_t i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? "|" : "", classes[i]);
    assert_string_equal(got, want);
    ls_array_free(a);
}

/* ---- scikit-learn ---- */

/* "a=b;…" of the case as settings; at most one. */
static ls_settings setting_of(char *text, ls_setting *setting)
{
    char *const equals = strchr(text, '=');

    if (!*text)
        return (ls_settings){0};
    if (equals)
        *equals = '\0';
    *setting = equals ? (ls_setting){text, equals + 1} : (ls_setting){NULL, text};
    return (ls_settings){setting, 1};
}

static bool same_as_golden(golden_case *c, const char *path, const char *name)
{
    ls_array *const a = open_array(output, path);
    const size_t elements = ls_shape_size(ls_array_shape(a)), n = (size_t)ls_array_samples(a) * elements;
    const golden_array *const want = golden_get(c, name);
    float *const value = calloc(n, sizeof *value);
    bool good;

    assert_non_null(value);
    assert_int_equal(want->n, n);
    for (uint64_t i = 0; i < ls_array_samples(a); i++)
        ls_array_get(a, i, value + i * elements);
    good = all_close(value, want->value, n, c->atol, c->rtol);
    free(value);
    ls_array_free(a);
    return good;
}

static bool check_encoder(golden_case *c, void *context)
{
    static char text[1 << 16];
    char columns[64], scale[16], encode[64], missing[16];
    ls_setting scaling = {"x", scale}, encoding, gaps;
    bool good;

    (void)context;
    write_text(input, golden_text(c, "train_csv", text, sizeof text));
    write_text(other, golden_text(c, "test_csv", text, sizeof text));
    golden_text(c, "scale", scale, sizeof scale);
    assert_true(ok(
        import_file(&REQUEST(.splits = LIST({"test", other}, {"train", input}),
                             .arrays = LIST({"x", golden_text(c, "columns", columns, sizeof columns)}),
                             .scales = {&scaling, *scale != '\0'},
                             .encodes = setting_of((char *)golden_text(c, "encode", encode, sizeof encode), &encoding),
                             .missing = setting_of((char *)golden_text(c, "missing", missing, sizeof missing), &gaps),
                             .ignore_unknown = golden_int(c->group, "ignore_unknown")))));
    good = same_as_golden(c, "/train/x", "train");
    good &= same_as_golden(c, "/test/x", "test");

    /* The test table alone, treated like the training table: the same again, bit for bit. */
    assert_true(ok(import_file(&REQUEST(.input = other, .splits = LIST({"test", "1"}), .like = output, .output = second,
                                        .ignore_unknown = golden_int(c->group, "ignore_unknown")))));
    {
        ls_array *const a = open_array(output, "/test/x"), *const b = open_array(second, "/test/x");
        const size_t elements = ls_shape_size(ls_array_shape(a));
        float *const value = calloc(2 * elements, sizeof *value);

        assert_non_null(value);
        assert_true(ls_shape_equal(ls_array_shape(a), ls_array_shape(b)));
        assert_int_equal(ls_array_samples(a), ls_array_samples(b));
        for (uint64_t i = 0; i < ls_array_samples(a); i++) {
            ls_array_get(a, i, value);
            ls_array_get(b, i, value + elements);
            good &= same_bits(value + elements, value, elements);
        }
        free(value);
        ls_array_free(a);
        ls_array_free(b);
    }
    return good;
}

static void columns_are_scaled_and_encoded_as_scikit_learn_does(void **state)
{
    (void)state;
    assert_true(golden_each("encoders.h5", (golden_tolerance){1e-6, 1e-6}, check_encoder, NULL));
}

/* ---- arrays ---- */

static void arrays_get_their_types_and_shapes(void **state)
{
    (void)state;
    write_text(input,
               "a,b,c,d,e,f,kind\n1,-1,300,-300,1e0,70000,x\n255,127,65535,32767,2.5,-70000,y\n0,0,0,0,-1,0,x\n");
    IMPORT(.arrays = LIST({"a", "a"}, {"b", "b"}, {"c", "c"}, {"d", "d"}, {"e", "e"}, {"f", "f"}, {"kind", "kind"},
                          {"ab", "b,a"}, {"range", "a:d"}, {"mixed", "a,e"}, {"text", "kind,a"}, {"scalar", "a"}),
           .shapes = LIST({"range", "2,2"}, {"scalar", ""}));
    HOLDS("/train/a", "uint8 (1,)", 1, 255, 0);
    HOLDS("/train/b", "int8 (1,)", -1, 127, 0);
    HOLDS("/train/c", "uint16 (1,)", 300, 65535, 0);
    HOLDS("/train/d", "int16 (1,)", -300, 32767, 0);
    HOLDS("/train/e", "float32 (1,)", 1, 2.5, -1);
    HOLDS("/train/f", "int32 (1,)", 70000, -70000, 0);
    HOLDS("/train/kind", "uint8 (1,)", 0, 1, 0);
    HOLDS("/train/ab", "int16 (2,)", -1, 1, 127, 255, 0, 0);
    HOLDS("/train/range", "int32 (2, 2)", 1, -1, 300, -300, 255, 127, 65535, 32767, 0, 0, 0, 0);
    HOLDS("/train/mixed", "float32 (2,)", 1, 1, 255, 2.5, 0, -1);
    HOLDS("/train/text", "uint8 (2,)", 0, 1, 1, 255, 0, 0);
    HOLDS("/train/scalar", "uint8 ()", 1, 255, 0);
    classes_are("/train/kind", "x|y");
    classes_are("/train/text", "");
    classes_are("/train/a", "");
}

static void scaling_is_that_by_hand(void **state)
{
    (void)state;
    write_text(input, "a,b,k\n1,5,x\n3,5,y\n5,5,x\n");
    IMPORT(.arrays = LIST({"s", "a,b"}, {"m", "a,b,k"}), .scales = LIST({"s", "standard"}, {"m", "minmax"}));
    /* a: mean 3, variance 8/3; b does not change, so that only its mean goes. Labels stay. */
    HOLDS("/train/s", "uint8 (2,)", -1.2247448713915890, 0, 0, 0, 1.2247448713915890, 0);
    HOLDS("/train/m", "uint8 (3,)", 0, 0, 0, 0.5, 0, 1, 1, 0, 0);

    /* A small change of a large value survives: scaled numbers are kept in double precision. */
    write_text(input, "t\n1700000000.25\n1700000000.75\n");
    IMPORT(.arrays = LIST({"t", "t"}), .scales = LIST({"t", "minmax"}));
    HOLDS("/train/t", "float64 (1,)", 0, 1);
}

static void categories_stand_in_order(void **state)
{
    (void)state;
    write_text(input, "n,t,m\n10,10,10\n9,9,9\n-1,x,9\n10,Z,9\n");
    IMPORT(.arrays = LIST({"n", "n"}, {"t", "t"}, {"m", "m"}), .encodes = LIST({"n,m", "label"}),
           .types = LIST({"t", "category"}));
    classes_are("/train/n", "-1|9|10");  /* whole numbers by value */
    classes_are("/train/t", "10|9|Z|x"); /* others by code point */
    HOLDS("/train/n", "uint8 (1,)", 2, 1, 0, 2);
    HOLDS("/train/t", "uint8 (1,)", 0, 1, 3, 2);
    HOLDS("/train/m", "uint8 (1,)", 1, 0, 0, 0);
    write_text(input, "n\n1\n0\n01\n00\n");
    IMPORT(.arrays = LIST({"n", "n"}), .types = LIST({"n", "category"}));
    classes_are("/train/n", "0|00|01|1"); /* equal ones by code point, wherever they stand */
}

static void names_and_formats_are_as_given(void **state)
{
    (void)state;
    write_text(input, "\"a,b\";c:d;\"e=f\"\";\"\n1,5;2;x\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "c:d"}), .delimiter = ';'), LS_ERR_DATA, "no column 'c'");
    write_text(input, "\"a,b\";c:d;\"e\"\"f\"\n1.5;2;x\n");
    IMPORT(.arrays = LIST({"x", "\"a,b\",\"c:d\""}, {"y", "\"e\"\"f\""}, {"z", "\"a,b\":\"c:d\""}), .delimiter = ';');
    HOLDS("/train/x", "float32 (2,)", 1.5, 2);
    HOLDS("/train/z", "float32 (2,)", 1.5, 2);
    classes_are("/train/y", "x");
    write_text(input, "1,2,3,4\n5,6,7,8\n");
    no_header = true;
    IMPORT(.arrays = LIST({"x", "2:4"}, {"y", "1"}));
    no_header = false;
    HOLDS("/train/x", "uint8 (3,)", 2, 3, 4, 6, 7, 8);
    HOLDS("/train/y", "uint8 (1,)", 1, 5);
}

static void missing_values_are_handled_as_asked(void **state)
{
    const ls_csv_import drop = ONE(.arrays = LIST({"x", "a,b"}, {"k", "k"}), .missing = LIST({NULL, "drop"}),
                                   .na = (const char *const[]){"NA", "?"}, .nas = 2);

    (void)state;
    write_text(input, "a,b,k,unused\n1,2,x,\nNA,4,y,\n5,,x,\n7,8,?,\n9,10,y,\n");
    assert_true(ok(import_file(&drop)));
    assert_int_equal(dropped, 3);
    HOLDS("/train/x", "uint8 (2,)", 1, 2, 9, 10);
    HOLDS("/train/k", "uint8 (1,)", 0, 1);

    IMPORT(.arrays = LIST({"x", "a,b"}, {"k", "k"}), .na = (const char *const[]){"NA", "?"}, .nas = 2,
           .missing = LIST({"a", "mean"}, {"b", "fill:-3"}, {"k", "fill:none"}));
    HOLDS("/train/x", "float32 (2,)", 1, 2, 5.5, 4, 5, -3, 7, 8, 9, 10);
    classes_are("/train/k", "none|x|y");
    HOLDS("/train/k", "uint8 (1,)", 1, 2, 1, 0, 2);

    /* The first row has no value, so that the second one tells the type. */
    write_text(input, "a,k\n,\n1.5,x\n");
    IMPORT(.arrays = LIST({"a", "a"}, {"k", "k"}), .missing = LIST({"a", "fill:0"}, {"k", "fill:0"}));
    HOLDS("/train/a", "float32 (1,)", 0, 1.5);
    classes_are("/train/k", "0|x");

    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":2: column 'a'", "missing");
    IMPORT_FAILS(ONE(.arrays = LIST({"k", "k"}), .missing = LIST({NULL, "mean"})), LS_ERR_USAGE, "'k'", "no mean");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"}), .missing = LIST({NULL, "fill:x"})), LS_ERR_USAGE, "'a'", "'x'");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"}), .missing = LIST({NULL, "median"})), LS_ERR_USAGE, "'median'", "drop");
    write_text(input, "a,b\n,1\n,2\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"}), .missing = LIST({NULL, "mean"})), LS_ERR_DATA, "'a'", "no value");
}

/* ---- splits ---- */

#define ROWS 1000

/* Row i holds i and a class; class 0 has 60 % of the rows, 1 has 30 %, 2 has 10 %. */
static void write_rows(void)
{
    FILE *f = fopen(input, "w");

    assert_non_null(f);
    fprintf(f, "i,class\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "%d,%c\n", i, "aaaaaabbbc"[i % 10]);
    fclose(f);
}

/* The rows of a split, and how many there are of each class. */
static size_t rows_of(const char *path, float row[ROWS], size_t count[3])
{
    ls_array *const a = open_array(output, path);
    const size_t n = (size_t)ls_array_samples(a);

    memset(count, 0, 3 * sizeof *count);
    for (size_t i = 0; i < n; i++) {
        ls_array_get(a, i, &row[i]);
        count[(int)row[i] % 10 < 6 ? 0 : (int)row[i] % 10 < 9 ? 1 : 2]++;
    }
    ls_array_free(a);
    return n;
}

#define THREE LIST({"train", "0.7"}, {"validation", "0.15"}, {"test", "0.15"})

static void splits_have_their_rows_and_classes(void **state)
{
    static float row[3][ROWS], again[ROWS];
    static bool seen[ROWS];
    size_t n[3], count[3][3];

    (void)state;
    write_rows();
    for (int stratified = 0; stratified < 2; stratified++) {
        size_t inversions = 0, total = 0;

        assert_true(ok(import_file(&REQUEST(.input = input, .splits = THREE, .arrays = LIST({"i", "i"}),
                                            .stratify = stratified ? "class" : NULL))));
        memset(seen, 0, sizeof seen);
        n[0] = rows_of("/train/i", row[0], count[0]);
        n[1] = rows_of("/validation/i", row[1], count[1]);
        n[2] = rows_of("/test/i", row[2], count[2]);
        for (size_t s = 0; s < 3; s++) {
            const double share = s == 0 ? 0.7 : 0.15;

            total += n[s];
            assert_true(fabs((double)n[s] - share * ROWS) <= 1);
            for (size_t i = 0; i < n[s]; i++) {
                assert_false(seen[(int)row[s][i]]);
                seen[(int)row[s][i]] = true;
                inversions += i > 0 && row[s][i] < row[s][i - 1];
            }
            for (size_t k = 0; k < 3; k++)
                if (stratified)
                    assert_true(fabs((double)count[s][k] - share * (double[]){600, 300, 100}[k]) <= 2);
        }
        assert_int_equal(total, ROWS);
        assert_int_equal(inversions, 0);                   /* in the order of the file */
        assert_true(row[0][699] > 900 && row[2][0] < 100); /* but from all of it */
    }

    /* Another seed, other rows; the same seed, the same rows. */
    for (uint64_t seed = 1; seed <= 2; seed++) {
        size_t same = 0;

        assert_true(ok(import_file(
            &REQUEST(.input = input, .splits = THREE, .arrays = LIST({"i", "i"}), .stratify = "class", .seed = seed))));
        assert_int_equal(rows_of("/train/i", again, count[0]), n[0]);
        for (size_t i = 0; i < n[0]; i++)
            same += again[i] == row[0][i];
        assert_true(seed == 1 ? same == n[0] : same < n[0] / 4);
    }

    /* Shuffled: the same rows of the same seed in another order. */
    assert_true(ok(import_file(
        &REQUEST(.input = input, .splits = THREE, .arrays = LIST({"i", "i"}), .stratify = "class", .shuffle = true))));
    assert_int_equal(rows_of("/train/i", again, count[0]), n[0]);
    {
        size_t inversions = 0;

        memset(seen, 0, sizeof seen);
        for (size_t i = 0; i < n[0]; i++) {
            seen[(int)again[i]] = true;
            inversions += i > 0 && again[i] < again[i - 1];
        }
        for (size_t i = 0; i < n[0]; i++)
            assert_true(seen[(int)row[0][i]]);
        assert_true(inversions > 250 && inversions < 450);
    }

    /* In order: consecutive rows. */
    assert_true(
        ok(import_file(&REQUEST(.input = input, .splits = THREE, .arrays = LIST({"i", "i"}), .in_order = true))));
    assert_int_equal(rows_of("/validation/i", again, count[0]), 150);
    for (size_t i = 0; i < 150; i++)
        assert_true(again[i] == (float)(700 + i));
}

/* Scaling and categories come from the training rows alone, wherever these stand. */
static void scales_are_fitted_on_training_rows_only(void **state)
{
    (void)state;
    write_text(input, "a,k\n1,x\n3,y\n");
    write_text(other, "k,a\ny,1001\nx,-5\n");
    for (int first = 0; first < 2; first++) {
        assert_true(ok(import_file(&REQUEST(.splits = LIST({first ? "train" : "test", first ? input : other},
                                                           {first ? "test" : "train", first ? other : input}),
                                            .arrays = LIST({"a", "a"}, {"k", "k"}), .scales = LIST({"a", "minmax"})))));
        HOLDS("/train/a", "int16 (1,)", 0, 1);
        HOLDS("/test/a", "int16 (1,)", 500, -3);
        HOLDS("/test/k", "uint8 (1,)", 1, 0);
    }
    write_text(other, "k,a\nx,1\n\"z\n\",2\n");
    IMPORT_FAILS(REQUEST(.splits = LIST({"test", other}, {"train", input}), .arrays = LIST({"k", "k"})), LS_ERR_DATA,
                 other, ":3: column 'k'", "does not occur in the training rows");
    /* Labels have no number for it, so it cannot be ignored; one-hot features can be all 0. */
    IMPORT_FAILS(
        REQUEST(.splits = LIST({"test", other}, {"train", input}), .arrays = LIST({"k", "k"}), .ignore_unknown = true),
        LS_ERR_DATA, other, ":3:");
    assert_true(ok(import_file(&REQUEST(.splits = LIST({"test", other}, {"train", input}), .arrays = LIST({"k", "k"}),
                                        .encodes = LIST({"k", "onehot"}), .ignore_unknown = true))));
    HOLDS("/test/k", "uint8 (2,)", 1, 0, 0, 0);
}

/* ---- like ---- */

static void another_file_is_prepared_like_the_first(void **state)
{
    (void)state;
    write_text(input, "a,b,k,target\n1,4,x,1.5\n3,,y,2.5\n5,8,x,3\n");
    IMPORT(.arrays = LIST({"x", "a,b"}, {"k", "k"}, {"y", "target"}, {"t", "k,b"}), .scales = LIST({"x", "standard"}),
           .missing = LIST({"b", "mean"}), .shapes = LIST({"x", "1,2"}));

    /* New rows without the target: choose the arrays that need none. Twice removed is the same. */
    write_text(other, "k,b,a\ny,,3\nx,6,9\n");
    assert_true(ok(import_file(&REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = output, .output = second,
                                        .arrays = LIST({"x", NULL}, {"k", NULL})))));
    assert_true(ok(import_file(&REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second))));
    HOLDS("/new/x", "float64 (1, 2)", 0, 0, 3.674234614174767, 0); /* standard deviation of 1 3 5: 1.63299 */
    HOLDS("/new/k", "uint8 (1,)", 1, 0);
    classes_are("/new/k", "x|y");

    /* Split again, by a column that no array has. */
    write_text(other, "k,b,a,group\ny,8,3,g\ny,4,3,g\nx,8,3,h\nx,4,3,h\n");
    for (uint64_t seed = 1; seed <= 8; seed++) {
        assert_true(ok(import_file(&REQUEST(.input = other, .splits = LIST({"p", "0.5"}, {"q", "0.5"}), .like = second,
                                            .arrays = LIST({"k", NULL}), .stratify = "group", .seed = seed))));
        HOLDS("/p/k", "uint8 (1,)", 1, 0);
        HOLDS("/q/k", "uint8 (1,)", 1, 0);
    }

    IMPORT_FAILS(REQUEST(.input = input, .splits = LIST({"new", "1"}), .like = second, .output = output,
                         .arrays = LIST({"y", NULL})),
                 LS_ERR_USAGE, "no array 'y'");
    IMPORT_FAILS(REQUEST(.input = input, .splits = LIST({"new", "1"}), .like = second, .arrays = LIST({"x", "a"})),
                 LS_ERR_USAGE, "columns of array 'x'");
    IMPORT_FAILS(REQUEST(.input = input, .splits = LIST({"new", "1"}), .like = second, .scales = LIST({"x", "minmax"})),
                 LS_ERR_USAGE, "taken from");
    IMPORT_FAILS(REQUEST(.input = input, .splits = LIST({"new", "1"}), .like = output), LS_ERR_USAGE, output,
                 "an input");
    write_text(other, "b,a\n1,2\n");
    IMPORT_FAILS(REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second), LS_ERR_DATA, other,
                 "no column 'k'");
    write_text(other, "k,b,a\nx,1,word\n");
    IMPORT_FAILS(REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second), LS_ERR_DATA, other,
                 ":2: column 'a'", "'word' is not a number");
    IMPORT_FAILS(REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = other), LS_ERR_FORMAT, other, "HDF5");
    {
        const hid_t f = H5Fcreate(second, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

        H5Fclose(f);
        IMPORT_FAILS(REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second), LS_ERR_DATA, second,
                     "/preprocessing", "lockstep import csv");
    }
}

/* How the first file was written is kept; what is said for the second one goes before it. */
static void the_format_of_the_first_file_is_kept(void **state)
{
    (void)state;
    write_text(input, "1;NA;x\n3;5;y\n?;7;x\n");
    no_header = true;
    IMPORT(.arrays = LIST({"x", "1,2"}, {"k", "3"}), .missing = LIST({"1,2", "fill:0"}), .delimiter = ';',
           .na = (const char *const[]){"NA", "?"}, .nas = 2);
    no_header = false;
    HOLDS("/train/x", "uint8 (2,)", 1, 0, 3, 5, 0, 7);

    write_text(other, "?;8;y\n9;NA;x\n");
    assert_true(
        ok(import_file(&REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = output, .output = second))));
    write_text(other, "-|8|y\n9|6|x\n");
    assert_true(ok(import_file(&REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second, .delimiter = '|',
                                        .na = (const char *const[]){"-"}, .nas = 1))));
    HOLDS("/new/x", "uint8 (2,)", 0, 8, 9, 6);
    HOLDS("/new/k", "uint8 (1,)", 1, 0);

    /* Twice removed is the same, and the newest word counts. */
    assert_true(
        ok(import_file(&REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = output, .output = second))));
    write_text(other, "?|8|y\n");
    IMPORT_FAILS(REQUEST(.input = other, .splits = LIST({"new", "1"}), .like = second), LS_ERR_DATA, other,
                 ":1:", "'?' is not a number");
}

/* Reads the file with one byte changed at many places, and cut at many; each is understood or refused by name. */
static int read_damaged(char *bytes, size_t n)
{
    int refused = 0;

    for (size_t i = 0; i < 2 * n; i += 1 + i % 37) {
        ls_preprocessing p = {0};
        ls_status st;

        if (i < n)
            bytes[i] = (char)(i % 2 ? bytes[i] + 1 : ~bytes[i]);
        write_bytes(second, bytes, i < n ? n : i - n);
        if (i < n)
            bytes[i] = (char)(i % 2 ? bytes[i] - 1 : ~bytes[i]);
        st = ls_preprocessing_read(second, &p);
        ls_preprocessing_reset(&p);
        if (st == LS_OK ? i >= n : !strstr(ls_error_message(), second))
            return 1;
        refused += st != LS_OK && i < n;
    }
    return refused == 0;
}

/* In a child, since HDF5 itself does not come out of damaged files with all its memory given back. */
static void a_damaged_first_file_is_refused(void **state)
{
    int end = -1;
    pid_t child;
    char *bytes;
    size_t n;

    (void)state;
    write_text(input, "a,k,m,t\n1,x,u,1\n3,y,v,2\n5,x,w,5\n");
    IMPORT(.arrays = LIST({"x", "a,k,m"}, {"y", "t"}), .scales = LIST({"x", "standard"}),
           .encodes = LIST({"k", "target:t"}, {"m", "onehot"}), .missing = LIST({"a", "mean"}, {"m", "fill:u"}),
           .na = (const char *const[]){"NA", "?"}, .nas = 2);
    bytes = read_whole(output, &n);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_damaged(bytes, n));
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    free(bytes);
}

/* Tables beyond the 64 KiB of a plain HDF5 attribute. */
static void many_categories_fit(void **state)
{
    enum { MANY = 9000 };
    FILE *f = fopen(input, "w");
    ls_array *a;
    size_t n;

    (void)state;
    assert_non_null(f);
    fprintf(f, "k,y,c\n");
    for (int i = 0; i < MANY; i++)
        fprintf(f, "name-%05d,%d.5,%d\n", (i * 7) % MANY, i % 3, i);
    fclose(f);
    IMPORT(.arrays = LIST({"k", "k"}, {"t", "c"}), .encodes = LIST({"c", "target:y"}));
    a = open_array(output, "/train/k");
    assert_string_equal(ls_array_classes(a, &n)[8999], "name-08999");
    assert_int_equal(n, MANY);
    ls_array_free(a);
    assert_true(
        ok(import_file(&REQUEST(.input = input, .splits = LIST({"test", "1"}), .like = output, .output = second))));
    a = open_array(second, "/test/k");
    for (uint64_t i = 0; i < MANY; i++) {
        float v;

        ls_array_get(a, i, &v);
        assert_true(v == (float)(i * 7 % MANY));
    }
    ls_array_free(a);
}

/* ---- faults ---- */

static void wrong_data_are_refused_with_their_line(void **state)
{
    (void)state;
    write_text(input, "a,b\n1,x\n2,y\n\nnone,z\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":5: column 'a'", "'none' is not a number",
                 "2 of its 3 values");
    write_text(input, "a,b\n1,x\nnan,y\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":3: column 'a'", "nan", "--na nan");
    write_text(input, "a,b\ninf,x\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":2: column 'a'", "finite");
    write_text(input, "a,b\n1e39,x\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":2: column 'a'", "float32");
    write_text(input, "a,b\n1,x\n1,2,3\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_FORMAT, input, ":3:", "3 fields");
    write_text(input, "a,b\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, "train", "0 rows");
    write_text(input, "a,b\n1,x\n");
    IMPORT_FAILS(ONE(.arrays = LIST({"b", "b"}), .types = LIST({"b", "number"})), LS_ERR_DATA, input, ":2: column 'b'",
                 "'x'");
    {
        static char text[1200];

        memset(text, 'x', sizeof text - 1);
        memcpy(text, "a\n", 2);
        write_text(input, text);
        IMPORT_FAILS(ONE(.arrays = LIST({"a", "a"})), LS_ERR_DATA, input, ":2: column 'a'", "1197 bytes");
    }
}

static void wrong_requests_are_refused(void **state)
{
    size_t before;
    char *kept;
    size_t n;

    (void)state;
    write_text(input, "a,b,k\n1,2,x\n3,4,y\n");
    write_text(output, "precious");
    before = folder_entries();
    IMPORT_FAILS(ONE(.deflate = 10), LS_ERR_USAGE, "deflate");
    IMPORT_FAILS(ONE(.arrays = {0}), LS_ERR_USAGE, "no array");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", NULL})), LS_ERR_USAGE, "'x' has no columns");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}, {"x", "b"})), LS_ERR_USAGE, "'x' is given twice");
    IMPORT_FAILS(ONE(.arrays = LIST({"x/y", "a"})), LS_ERR_USAGE, "'x/y' cannot name an array");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,,b"})), LS_ERR_USAGE, "'a,,b'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,"})), LS_ERR_USAGE, "'a,'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "b:a"})), LS_ERR_USAGE, "'b:a'", "later");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a:b:k"})), LS_ERR_USAGE, "'a:b:k'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "\"a"})), LS_ERR_USAGE, "never closed");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,c"})), LS_ERR_DATA, input, "no column 'c'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .shapes = LIST({"y", "1"})), LS_ERR_USAGE, "array 'y'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,b"}), .shapes = LIST({"x", "3"})), LS_ERR_SHAPE, "'x'", "3 elements",
                 "2 features");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,b"}), .shapes = LIST({"x", "2,"})), LS_ERR_USAGE, "'2,'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a,b"}), .shapes = LIST({"x", "-2"})), LS_ERR_USAGE, "'-2'");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .scales = LIST({"x", "robust"})), LS_ERR_USAGE, "'robust'", "minmax");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .types = LIST({"a", "any"})), LS_ERR_USAGE, "'any'", "category");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "k"}), .encodes = LIST({"k", "hash"})), LS_ERR_USAGE, "'hash'", "onehot");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "k"}), .encodes = LIST({"k", "target"})), LS_ERR_USAGE, "target:COLUMN");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "k"}), .encodes = LIST({"k", "target:k"})), LS_ERR_USAGE, "by itself");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "k"}), .encodes = LIST({"k", "onehot"}), .types = LIST({"k", "number"})),
                 LS_ERR_USAGE, "type number");
    IMPORT_FAILS(REQUEST(.input = input, .arrays = LIST({"x", "a"})), LS_ERR_USAGE, "split");
    IMPORT_FAILS(REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"train", "0.5"})), LS_ERR_USAGE,
                 "add up to 0.5");
    IMPORT_FAILS(REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"train", "1.5"})), LS_ERR_USAGE,
                 "'1.5'");
    IMPORT_FAILS(REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"train", "nan"})), LS_ERR_USAGE,
                 "'nan'");
    IMPORT_FAILS(
        REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"train", "0.5"}, {"train", "0.5"})),
        LS_ERR_USAGE, "given twice");
    IMPORT_FAILS(REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"preprocessing", "1"})),
                 LS_ERR_USAGE, "cannot name a split");
    IMPORT_FAILS(
        REQUEST(.input = input, .arrays = LIST({"x", "a"}), .splits = LIST({"train", "0.99"}, {"test", "0.01"})),
        LS_ERR_DATA, "'test' gets none of the 2 rows", input);
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .in_order = true, .shuffle = true), LS_ERR_USAGE, "order");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .stratify = "none"), LS_ERR_DATA, "no column 'none'");
    IMPORT_FAILS(REQUEST(.splits = LIST({"train", input}), .arrays = LIST({"x", "a"}), .stratify = "k"), LS_ERR_USAGE,
                 "stratified");
    IMPORT_FAILS(REQUEST(.splits = LIST({"train", output}), .arrays = LIST({"x", "a"})), LS_ERR_USAGE, output,
                 "an input");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .output = folder), LS_ERR_USAGE, folder, "not a regular file");
    IMPORT_FAILS(ONE(.arrays = LIST({"x", "a"}), .output = "no/such/out.h5"), LS_ERR_IO, "no/such/out.h5",
                 "No such file");
    kept = read_whole(output, &n);
    assert_int_equal(n, 8);
    assert_memory_equal(kept, "precious", 8);
    free(kept);
    assert_int_equal(folder_entries(), before);
}

/* The same bytes again, in another second and over an existing file. */
static void the_same_input_gives_the_same_bytes(void **state)
{
    char *bytes[2];
    size_t n[2];

    (void)state;
    write_rows();
    for (int round = 0; round < 2; round++) {
        assert_true(ok(import_file(&REQUEST(.input = input, .splits = THREE, .arrays = LIST({"i", "i"}, {"k", "class"}),
                                            .scales = LIST({"i", "standard"}), .stratify = "class", .deflate = 4))));
        bytes[round] = read_whole(output, &n[round]);
        sleep(round == 0);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}

/* More rows than a chunk, read back one by one. */
static void large_tables_read_back_row_by_row(void **state)
{
    enum { LARGE = 200000 };
    FILE *f = fopen(input, "w");
    ls_array *a;

    (void)state;
    assert_non_null(f);
    fprintf(f, "i,half\n");
    for (int i = 0; i < LARGE; i++)
        fprintf(f, "%d,%d.5\n", i, i);
    fclose(f);
    IMPORT(.arrays = LIST({"x", "half,i"}));
    a = open_array(output, "/train/x");
    assert_int_equal(ls_array_samples(a), LARGE);
    for (uint64_t i = 0; i < LARGE; i++) {
        float v[2];

        ls_array_get(a, i, v);
        assert_true(v[0] == (float)i + 0.5f && v[1] == (float)i);
    }
    ls_array_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_scaled_and_encoded_as_scikit_learn_does),
        cmocka_unit_test(arrays_get_their_types_and_shapes),
        cmocka_unit_test(scaling_is_that_by_hand),
        cmocka_unit_test(categories_stand_in_order),
        cmocka_unit_test(names_and_formats_are_as_given),
        cmocka_unit_test(missing_values_are_handled_as_asked),
        cmocka_unit_test(splits_have_their_rows_and_classes),
        cmocka_unit_test(scales_are_fitted_on_training_rows_only),
        cmocka_unit_test(another_file_is_prepared_like_the_first),
        cmocka_unit_test(the_format_of_the_first_file_is_kept),
        cmocka_unit_test(a_damaged_first_file_is_refused),
        cmocka_unit_test(many_categories_fit),
        cmocka_unit_test(wrong_data_are_refused_with_their_line),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(large_tables_read_back_row_by_row),
    };

    return cmocka_run_group_tests(tests, import_set_up, import_tear_down);
}
