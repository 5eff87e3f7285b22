/*
 * NumPy's arrays to HDF5: what NumPy itself wrote, every type and order, bit for bit; headers that lie; damaged files.
 */
#include "import_files.h"
#include "source_dir.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/zip.h"
#include "data/dataset.h"
#include "data/import.h"
#include "data/npy.h"

#define ARCHIVE in_source("tests/golden/numpy.npz")
#define DEFLATED in_source("tests/golden/numpy_deflated.npz")

static ls_status import(const char *file, const char *member, bool channels_first, const char *to)
{
    const ls_npy_source source = {
        .split = "train", .array = "x", .file = file, .member = member, .channels_first = channels_first, .scale = NAN};

    return ls_import_npy(&source, 1, to, 0);
}
#define IMPORT_FAILS(file, member, status, ...)                          \
    do {                                                                 \
        FAILS(import(file, member, false, output), status, __VA_ARGS__); \
        assert_int_not_equal(access(output, F_OK), 0);                   \
    } while (0)

/* A member of the archive as a file. */
static void extract(const char *member, const char *to)
{
    char name[64];
    ls_zip *zip;
    void *data;
    size_t n;

    snprintf(name, sizeof name, "%s.npy", member);
    assert_true(ok(ls_zip_open(ARCHIVE, &zip)));
    assert_true(ok(ls_zip_read(zip, name, 1 << 20, &data, &n)));
    write_bytes(to, data, n);
    ls_free(data);
    ls_zip_close(zip);
}

/* ---- what NumPy wrote ---- */

/* small() of make_arrays.py. */
static double golden_value(size_t i, const char *type)
{
    const double v = (double)(i * 37 % 101);

    return strncmp(type, "bool", 4) == 0   ? (double)(i * 37 % 101 % 2)
           : strncmp(type, "uint", 4) == 0 ? v
           : strncmp(type, "int", 3) == 0  ? v - 50
                                           : (v - 50) / 2;
}

static void holds_golden(const char *path, const char *type, int axes, const hsize_t *dim)
{
    hsize_t got_dim[8] = {0};
    int got_rank;
    double *const got = read_dataset(output, path, H5T_NATIVE_DOUBLE, &got_rank, got_dim);
    size_t n = 1;

    assert_int_equal(got_rank, axes);
    for (int i = 0; i < axes; i++) {
        assert_int_equal(got_dim[i], dim[i]);
        n *= dim[i];
    }
    for (size_t i = 0; i < n; i++)
        if (got[i] != golden_value(i, type)) {
            print_error("%s: value %zu is %g, not %g\n", path, i, got[i], golden_value(i, type));
            fail();
        }
    free(got);
}

static void every_type_arrives(void **state)
{
    static const struct {
        const char *name, *stored;
    } types[] = {{"bool", "uint8"},    {"int8", "int8"},       {"uint8", "uint8"},     {"int16", "int16"},
                 {"uint16", "uint16"}, {"int32", "int32"},     {"uint32", "uint32"},   {"int64", "int64"},
                 {"uint64", "uint64"}, {"float16", "float32"}, {"float32", "float32"}, {"float64", "float64"}};

    (void)state;
    for (size_t i = 0; i < count_of(types); i++)
        for (int big = 0; big < 2; big++) {
            char member[32];

            snprintf(member, sizeof member, "%s_%s", types[i].name, big ? "big" : "little");
            assert_true(ok(import(ARCHIVE, member, false, output)));
            holds_golden("/train/x", types[i].name, 3, (const hsize_t[]){5, 2, 3});
            assert_string_equal(stored_type(output, "/train/x"), types[i].stored);
            extract(member, input);
            assert_true(ok(import(input, NULL, false, second)));
            assert_true(same_files(output, second));
        }
}

static void fortran_order_and_versions_are_read(void **state)
{
    static const struct {
        const char *member, *type;
        int axes;
        hsize_t dim[4];
    } cases[] = {
        {"fortran_7", "int", 1, {7}},
        {"fortran_7x1", "int", 2, {7, 1}},
        {"fortran_4x3", "int", 2, {4, 3}},
        {"fortran_5x2x3", "int", 3, {5, 2, 3}},
        {"fortran_3x2x4x5", "int", 4, {3, 2, 4, 5}},
        {"fortran_big", "float", 3, {6, 4, 2}},
        {"version_2", "float", 3, {5, 2, 3}},
        {"version_3", "float", 3, {5, 2, 3}},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        assert_true(ok(import(ARCHIVE, cases[i].member, false, output)));
        holds_golden("/train/x", cases[i].type, cases[i].axes, cases[i].dim);
        extract(cases[i].member, input);
        assert_true(ok(import(input, NULL, false, second)));
        assert_true(same_files(output, second));
    }
    assert_true(ok(import(DEFLATED, "fortran_5x2x3", false, output)));
    holds_golden("/train/x", "int", 3, (const hsize_t[]){5, 2, 3});
}

/* patterns() of make_arrays.py: subnormals, infinities and NaNs must come through with every bit. */
static void every_bit_comes_through(void **state)
{
    static const char *const members[] = {"bits_f4_little", "bits_f4_big", "bits_f8_little", "bits_f8_big"};

    (void)state;
    for (size_t m = 0; m < count_of(members); m++) {
        const size_t bytes = m < 2 ? 4 : 8;
        hsize_t dim[8];
        int axes;
        unsigned char *got;

        assert_true(ok(import(ARCHIVE, members[m], false, output)));
        got = read_dataset(output, "/train/x", bytes == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE, &axes, dim);
        assert_true(axes == 2 && dim[0] == 333 && dim[1] == 3);
        for (size_t i = 0; i < 999; i++) {
            uint64_t want = i * UINT64_C(0x9e3779b97f4a7c15) >> (64 - 8 * bytes), have = 0;
            const uint64_t all = bytes == 4 ? UINT32_MAX : UINT64_MAX;

            if (i < 4)
                want = (const uint64_t[]){1, all, 0, all / 2 + 1}[i];
            memcpy(&have, got + i * bytes, bytes);
            if (have != want) {
                print_error("%s: value %zu is %" PRIx64 ", not %" PRIx64 "\n", members[m], i, have, want);
                fail();
            }
        }
        free(got);
    }
}

/* ---- arrays made here ---- */

static size_t make_npy(char *out, const char *dictionary, const void *values, size_t n)
{
    const size_t length = strlen(dictionary);

    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(length & 255);
    out[9] = (char)(length >> 8);
    memcpy(out + 10, dictionary, length);
    memcpy(out + 10 + length, values, n);
    return 10 + length + n;
}

static char space[300000];

/* All 65536 of them, by the definition: 1 bit of sign, 5 of exponent with bias 15, 10 of fraction. */
static void every_half_comes_through(void **state)
{
    static uint16_t half[65536];
    hsize_t dim[8];
    float *got;
    int axes;

    (void)state;
    for (unsigned i = 0; i < 65536; i++)
        half[i] = (uint16_t)i;
    write_bytes(input, space,
                make_npy(space, "{'descr': '<f2', 'fortran_order': False, 'shape': (4096, 16), }", half, sizeof half));
    assert_true(ok(import(input, NULL, false, output)));
    got = read_dataset(output, "/train/x", H5T_NATIVE_FLOAT, &axes, dim);
    for (unsigned i = 0; i < 65536; i++) {
        const int exponent = (int)(i >> 10 & 31), fraction = (int)(i & 1023);
        const double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);

        if (exponent == 31 && fraction)
            assert_true(isnan(got[i]));
        else if (exponent == 31)
            assert_true(isinf(got[i]));
        else
            assert_true((double)got[i] == (i >> 15 ? -size : size));
        assert_int_equal(!!signbit(got[i]), exponent == 31 && fraction ? !!signbit(got[i]) : (int)(i >> 15));
    }
    free(got);
}

/* More than one piece, which is 32 MiB in Fortran order and a chunk of half a MiB else; the last ones are not full. */
static void many_pieces_make_one_array(void **state)
{
    enum { SAMPLES = 70001, A = 5, B = 103, BYTES = SAMPLES * A * B };
    unsigned char *const values = malloc(BYTES + 200);
    char header[200];

    (void)state;
    assert_non_null(values);
    for (int fortran = 0; fortran < 2; fortran++) {
        hsize_t dim[8];
        unsigned char *got;
        size_t begin;
        int axes;

        snprintf(header, sizeof header, "{'descr': '|u1', 'fortran_order': %s, 'shape': (%d, %d, %d), }",
                 fortran ? "True" : "False", SAMPLES, A, B);
        begin = make_npy((char *)values, header, "", 0);
        for (size_t s = 0, i = 0; s < SAMPLES; s++)
            for (size_t a = 0; a < A; a++)
                for (size_t b = 0; b < B; b++, i++)
                    values[begin + (fortran ? s + SAMPLES * (a + A * b) : i)] = (unsigned char)(s * 7 + a * 31 + b);
        write_bytes(input, values, begin + BYTES);
        assert_true(ok(import(input, NULL, false, output)));
        got = read_dataset(output, "/train/x", H5T_NATIVE_UINT8, &axes, dim);
        assert_true(axes == 3 && dim[0] == SAMPLES && dim[1] == A && dim[2] == B);
        for (size_t s = 0, i = 0; s < SAMPLES; s++)
            for (size_t a = 0; a < A; a++)
                for (size_t b = 0; b < B; b++, i++)
                    if (got[i] != (unsigned char)(s * 7 + a * 31 + b))
                        fail_msg("sample %zu, %zu, %zu is wrong", s, a, b);
        free(got);
    }
    free(values);
}

/* (channels, height, width) becomes (height, width, channels): numpy.moveaxis(x, 1, -1). */
static void channels_come_last_when_asked_for(void **state)
{
    static const char *const members[] = {"fortran_3x2x4x5", "fortran_5x2x3"};
    ls_array *a;

    (void)state;
    for (size_t m = 0; m < 2; m++) {
        const size_t samples = m ? 5 : 3, channels = 2, positions = m ? 3 : 20;
        int16_t *got;
        hsize_t dim[8];
        int axes;

        assert_true(ok(import(ARCHIVE, members[m], true, output)));
        got = read_dataset(output, "/train/x", H5T_NATIVE_INT16, &axes, dim);
        assert_true(dim[0] == samples && dim[axes - 1] == channels && dim[1] == (m ? 3 : 4));
        for (size_t s = 0; s < samples; s++)
            for (size_t p = 0; p < positions; p++)
                for (size_t c = 0; c < channels; c++)
                    assert_true(got[(s * positions + p) * channels + c] ==
                                golden_value((s * channels + c) * positions + p, "int"));
        free(got);
    }
    FAILS(import(ARCHIVE, "fortran_4x3", true, output), LS_ERR_SHAPE, "numpy.npz:fortran_4x3", "channels-first");

    {
        const ls_npy_source scaled = {"test", "pixels", ARCHIVE, "x", false, 1.0 / 255};
        float v[4];

        assert_true(ok(ls_import_npy(&scaled, 1, output, 3)));
        assert_true(ok(ls_array_open(output, "/test/pixels", NULL, &a)));
        ls_array_get(a, 8, v);
        for (size_t i = 0; i < 4; i++)
            assert_true(v[i] == (float)((32 + i) * 37 % 101) / 255.0f);
        ls_array_free(a);
    }
}

static void splits_have_their_arrays(void **state)
{
    ls_npy_source sources[] = {{"train", "x", DEFLATED, "x", false, NAN},
                               {"test", "x", ARCHIVE, "float32_big", false, NAN},
                               {"train", "y", ARCHIVE, "y", false, NAN},
                               {"test", "y", ARCHIVE, "int8_little", false, NAN}};

    (void)state;
    assert_true(ok(ls_import_npy(sources, 4, output, 0)));
    holds_golden("/train/x", "uint", 3, (const hsize_t[]){9, 2, 2});
    holds_golden("/train/y", "int", 1, (const hsize_t[]){9});
    holds_golden("/test/x", "float", 3, (const hsize_t[]){5, 2, 3});
    holds_golden("/test/y", "int", 3, (const hsize_t[]){5, 2, 3});
    assert_true(ok(ls_import_npy(sources, 4, second, 0)));
    assert_true(same_files(output, second));
    unlink(output);

    sources[2].member = "int8_big";
    FAILS(ls_import_npy(sources, 4, output, 0), LS_ERR_DATA, "split 'train'", "numpy.npz:int8_big has 5 samples",
          "'x' has 9");
    sources[2].array = "x";
    FAILS(ls_import_npy(sources, 4, output, 0), LS_ERR_USAGE, "array 'x' of split 'train' is given twice");
    sources[2].array = "a/b";
    FAILS(ls_import_npy(sources, 4, output, 0), LS_ERR_USAGE, "'a/b' cannot name an array");
    sources[0].split = "preprocessing";
    FAILS(ls_import_npy(sources, 1, output, 0), LS_ERR_USAGE, "'preprocessing' cannot name a split");
    sources[0].split = "train";
    FAILS(ls_import_npy(sources, 0, output, 0), LS_ERR_USAGE, "nothing to import");
    FAILS(ls_import_npy(sources, 2, output, 10), LS_ERR_USAGE, "deflate is 10");
    extract("x", input);
    sources[1] = (ls_npy_source){"test", "x", input, NULL, false, NAN};
    FAILS(ls_import_npy(sources, 2, input, 0), LS_ERR_USAGE, "also an input");
    assert_int_not_equal(access(output, F_OK), 0);
}

/* ---- what cannot be imported ---- */

static void types_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    IMPORT_FAILS(ARCHIVE, "complex", LS_ERR_DATA, "numpy.npz:complex", "complex numbers", "'<c8'");
    IMPORT_FAILS(ARCHIVE, "texts", LS_ERR_DATA, "numpy.npz:texts", "texts");
    IMPORT_FAILS(ARCHIVE, "bytes", LS_ERR_DATA, "texts");
    IMPORT_FAILS(ARCHIVE, "times", LS_ERR_DATA, "times");
    IMPORT_FAILS(ARCHIVE, "records", LS_ERR_DATA, "records");
    IMPORT_FAILS(ARCHIVE, "objects", LS_ERR_DATA, "Python objects");
    IMPORT_FAILS(ARCHIVE, "long", LS_ERR_DATA, "f16");
    IMPORT_FAILS(ARCHIVE, "scalar", LS_ERR_DATA, "single value");
    IMPORT_FAILS(ARCHIVE, "empty", LS_ERR_DATA, "axis 1 has length 0");
    IMPORT_FAILS(ARCHIVE, "nothing", LS_ERR_DATA, "no array 'nothing'", "bool_little", "...");
    IMPORT_FAILS(DEFLATED, "z", LS_ERR_DATA, "x, y, fortran_5x2x3");
    IMPORT_FAILS("no/such.npy", NULL, LS_ERR_IO, "no/such.npy", "No such file");
    IMPORT_FAILS(folder, NULL, LS_ERR_IO, folder, "not a regular file");
    IMPORT_FAILS("no/such.npz", "x", LS_ERR_IO, "no/such.npz");
    IMPORT_FAILS(ARCHIVE, NULL, LS_ERR_FORMAT, "numpy.npz is not an NPY file");
}

static void headers_are_read_as_numpy_does(void **state)
{
    static const struct {
        const char *text;
        ls_status status;
        const char *words;
    } cases[] = {
        {"{'shape': (2L, 3,), 'fortran_order':True,\"descr\":\"|i1\"}  \n", LS_OK, NULL},
        {"{'descr':'=f4','fortran_order':False,'shape':(1,)}", LS_OK, NULL},
        {"", LS_ERR_FORMAT, "'{' is expected"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), ", LS_ERR_FORMAT, "text in quotes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", LS_ERR_FORMAT, "comma or '}'"},
        {"{'descr': '<f4', 'fortran_order': False}", LS_ERR_FORMAT, "lacks shape"},
        {"{'fortran_order': False, 'shape': (2,)}", LS_ERR_FORMAT, "lacks descr"},
        {"{'descr': '<f4', 'shape': (2,)}", LS_ERR_FORMAT, "lacks fortran_order"},
        {"{}", LS_ERR_FORMAT, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", LS_ERR_FORMAT, "more than one"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", LS_ERR_FORMAT, "unknown key 'x'"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", LS_ERR_FORMAT, "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", LS_ERR_FORMAT, "a comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2,]}", LS_ERR_FORMAT, "parentheses"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", LS_ERR_FORMAT, "length of an axis"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}", LS_ERR_FORMAT, "a comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", LS_ERR_FORMAT, "length of an axis"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", LS_ERR_FORMAT, "the end"},
        {"{'descr': <f4, 'fortran_order': False, 'shape': (2,)}", LS_ERR_FORMAT, "text in quotes"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}", LS_ERR_DATA, "'|f4'"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}", LS_ERR_DATA, "'<f3'"},
        {"{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}", LS_ERR_DATA, "'f4'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", LS_ERR_DATA, "''"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", LS_ERR_DATA, "records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", LS_ERR_FORMAT, "64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4294967296)}", LS_ERR_SHAPE, "4294967296"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2147483647, 2147483647)}", LS_ERR_SHAPE, "2^40"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,1,1,1,1,1,1,1)}", LS_ERR_DATA, "more than 7 axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}", LS_ERR_DATA, "axis 0 has length 0"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", LS_ERR_DATA, "single value"},
    };
    ls_npy_info info;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        /* In memory of just this size, for the sanitizers. */
        char *const text = malloc(strlen(cases[i].text) + 1);

        memcpy(text, cases[i].text, strlen(cases[i].text));
        if (cases[i].status == LS_OK)
            assert_true(ok(ls_npy_parse(text, strlen(cases[i].text), "it", &info)));
        else
            FAILS(ls_npy_parse(text, strlen(cases[i].text), "it", &info), cases[i].status, "it", cases[i].words);
        free(text);
    }
    assert_true(ok(ls_npy_parse(cases[0].text, strlen(cases[0].text), "it", &info)));
    assert_true(info.kind == 'i' && info.value_bytes == 1 && info.fortran_order && info.samples == 2 &&
                info.shape.axes == 1 && info.shape.dim[0] == 3);
    FAILS(ls_npy_parse("{'descr': x     \n", 17, "it", &info), LS_ERR_FORMAT, "where 'x' stands");
    FAILS(ls_npy_parse("{'a\nb': 1}", 10, "it", &info), LS_ERR_FORMAT, "'a'"); /* the message stays one line */
}

static void wrong_lengths_are_refused(void **state)
{
    static const char lie[] = "{'descr': '<f8', 'fortran_order': True, 'shape': (2305843009213693951, 2), }";
    static const char truth[] = "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 2), }";
    static const char wide[] = "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 1000000, 1000), }";
    char *bytes;
    size_t n;

    (void)state;
    write_bytes(input, space, make_npy(space, lie, "", 0));
    IMPORT_FAILS(input, NULL, LS_ERR_FORMAT, input, "64 bits");
    write_bytes(input, space, make_npy(space, wide, "", 0));
    IMPORT_FAILS(input, NULL, LS_ERR_DATA, input, "a sample has more than");
    write_bytes(input, space, make_npy(space, truth, "\0\1\1\7", 4));
    IMPORT_FAILS(input, NULL, LS_ERR_DATA, input, "sample 1", "a byte of 7");
    extract("x", input);
    bytes = read_whole(input, &n);
    for (size_t length = 0; length < n; length++) {
        write_bytes(input, bytes, length);
        IMPORT_FAILS(input, NULL, LS_ERR_FORMAT, input);
    }
    bytes[n] = 0;
    write_bytes(input, bytes, n + 1);
    IMPORT_FAILS(input, NULL, LS_ERR_FORMAT, input, "longer than");
    bytes[6] = 4;
    write_bytes(input, bytes, n);
    IMPORT_FAILS(input, NULL, LS_ERR_FORMAT, input, "version 4.0");
    memcpy(bytes + 6, (char[]){2, 0, 0, 0, 0, 127}, 6);
    write_bytes(input, bytes, n);
    IMPORT_FAILS(input, NULL, LS_ERR_FORMAT, input, "2130706432 bytes");
    free(bytes);
}

/* An archive with one bit changed anywhere gives the same array or a message; values are under its checksum. */
static void damage(const char *member)
{
    size_t n, refused = 0;
    char *const bytes = read_whole(DEFLATED, &n);

    assert_true(ok(import(DEFLATED, member, false, second)));
    for (size_t i = 0; i < n; i++) {
        ls_status st;

        bytes[i] ^= (char)(1 << i % 8);
        write_bytes(input, bytes, n);
        bytes[i] ^= (char)(1 << i % 8);
        st = import(input, member, false, output);
        if (st != LS_OK) {
            assert_non_null(strstr(ls_error_message(), input));
            assert_int_not_equal(access(output, F_OK), 0);
            refused++;
        } else {
            assert_true(same_files(output, second));
            unlink(output);
        }
    }
    assert_true(refused > n / 4);
    for (size_t length = 0; length < n; length++) {
        write_bytes(input, bytes, length);
        IMPORT_FAILS(input, member, LS_ERR_FORMAT, input);
    }
    free(bytes);
}

static void damaged_archives_give_the_same_or_a_message(void **state)
{
    (void)state;
    damage("fortran_5x2x3"); /* held in memory */
    damage("x");             /* read in pieces */
}

/* What is written is what NumPy writes: the header of x, 128 bytes in all. */
static void headers_are_written_as_numpy_does(void **state)
{
    const ls_shape shape = {.axes = 2, .dim = {2, 3}}, none = {0};
    ls_text got = {0};
    char *bytes;
    size_t n;

    (void)state;
    extract("float32_little", input);
    bytes = read_whole(input, &n);
    ls_npy_write_header(5, &shape, &got);
    assert_int_equal(got.status, LS_OK);
    assert_int_equal(got.length, n - 5 * 2 * 3 * 4);
    assert_memory_equal(got.data, bytes, got.length);
    free(bytes);
    ls_text_reset(&got);
    ls_npy_write_header(7, &none, &got);
    assert_int_equal(got.length % 64, 0);
    assert_non_null(strstr(got.data + 10, "(7,), }"));
    ls_text_reset(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_arrives),
        cmocka_unit_test(fortran_order_and_versions_are_read),
        cmocka_unit_test(every_bit_comes_through),
        cmocka_unit_test(every_half_comes_through),
        cmocka_unit_test(many_pieces_make_one_array),
        cmocka_unit_test(channels_come_last_when_asked_for),
        cmocka_unit_test(splits_have_their_arrays),
        cmocka_unit_test(types_that_are_no_numbers_are_refused),
        cmocka_unit_test(headers_are_read_as_numpy_does),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(damaged_archives_give_the_same_or_a_message),
        cmocka_unit_test(headers_are_written_as_numpy_does),
    };

    return cmocka_run_group_tests(tests, import_set_up, import_tear_down);
}
