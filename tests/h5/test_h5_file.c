/*
 * HDF5 files in memory and on disk: what is put is there, byte for byte the same every time, and faults leave no mess.
 */
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "h5/file.h"
#include "h5/seal.h"

/* After every test: no file, and nothing of HDF5, is left open. */
static int nothing_open(void **state)
{
    const ssize_t open_objects = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);

    (void)state;
    remove_all(folder);
    if (mkdir(folder, 0700))
        return -1;
    H5close(); /* what a failed test left open is not the next one's fault */
    return open_objects == 0 ? 0 : -1;
}

static char *slurp(const char *path, size_t *n)
{
    const int fd = open(path, O_RDONLY);
    struct stat info;
    char *bytes;

    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    *n = (size_t)info.st_size;
    assert_non_null(bytes = malloc(*n + 1));
    assert_int_equal(read(fd, bytes, *n), *n);
    close(fd);
    return bytes;
}

static void spew(const char *path, const void *bytes, size_t n)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && close(fd) == 0);
}

static bool same_bytes(const char *a, const char *b)
{
    size_t n, m;
    char *x = slurp(a, &n), *y = slurp(b, &m);
    const bool same = n == m && memcmp(x, y, n) == 0;

    free(x);
    free(y);
    return same;
}

static const char *const words[] = {"first", "", "zw\xc3\xb6lf", "fourth/with/slashes"};
static const float floats[6] = {0.5f, -1.25f, 3e38f, 1e-45f, -0.0f, 7.0f};
static const double doubles[2] = {1.0 / 3.0, -2e300};
static const int16_t shorts[3] = {-32768, 0, 32767};
static const int64_t longs[4] = {INT64_MIN, -1, 0, INT64_MAX};

/* 200 kB: far above the 64 KiB that an attribute of fixed length may have. */
static char *long_text(void)
{
    char *text = malloc(200001);

    assert_non_null(text);
    for (size_t i = 0; i < 200000; i++)
        text[i] = (char)('a' + i % 26);
    text[200000] = '\0';
    return text;
}

static void fill(hid_t file)
{
    char *text = long_text();

    assert_true(ok(ls_h5_put_text(file, "/", "short", "a text")));
    assert_true(ok(ls_h5_put_text(file, "/", "long", text)));
    assert_true(ok(ls_h5_put_group(file, "/a/b")));
    assert_true(ok(ls_h5_put_texts(file, "/a/b", "words", words, 4)));
    assert_true(ok(ls_h5_put_texts(file, "a", "none", NULL, 0)));
    assert_true(ok(ls_h5_put_int(file, "a", "int", INT64_MIN)));
    assert_true(ok(ls_h5_put_uint(file, "a", "uint", UINT64_MAX)));
    assert_true(ok(ls_h5_put_double(file, "a", "double", -0x1.fffffffffffffp-1000)));
    assert_true(ok(ls_h5_put_array(file, "a/b/c/floats", H5T_NATIVE_FLOAT, 2, (size_t[]){2, 3}, floats)));
    assert_true(ok(ls_h5_put_array(file, "doubles", H5T_NATIVE_DOUBLE, 1, (size_t[]){2}, doubles)));
    assert_true(ok(ls_h5_put_array(file, "shorts", H5T_NATIVE_INT16, 3, (size_t[]){1, 3, 1}, shorts)));
    assert_true(ok(ls_h5_put_array(file, "longs", H5T_NATIVE_INT64, 1, (size_t[]){4}, longs)));
    assert_true(ok(ls_h5_put_array(file, "scalar", H5T_NATIVE_FLOAT, 0, NULL, &floats[1])));
    assert_true(ok(ls_h5_put_array(file, "empty", H5T_NATIVE_FLOAT, 2, (size_t[]){0, 3}, NULL)));
    free(text);
}

static void save(const char *path)
{
    hid_t file;

    assert_true(ok(ls_h5_image_create(&file)));
    fill(file);
    assert_true(ok(ls_h5_image_save(file, path)));
    ls_h5_close(file);
}

static void everything_put_can_be_read(void **state)
{
    char *text, **texts, *want = long_text();
    size_t n, rank, dim[LS_H5_AXES_MAX];
    int64_t i, read_longs[4];
    uint64_t u;
    double d, read_doubles[2];
    float read_floats[6], scalar;
    int16_t read_shorts[3];
    hid_t file;

    (void)state;
    save(in_folder("x.h5"));
    assert_int_equal(folder_entries(), 1);
    assert_true(ok(ls_h5_open_read(in_folder("x.h5"), &file)));

    assert_true(ls_h5_has(file, "/") && ls_h5_has(file, "a/b") && ls_h5_has(file, "/a/b/c/floats"));
    assert_false(ls_h5_has(file, "a/x") || ls_h5_has(file, "x/y/z") || ls_h5_has(file, "longs/y"));
    assert_true(ls_h5_has_attribute(file, "/", "short") && ls_h5_has_attribute(file, "a/b", "words"));
    assert_false(ls_h5_has_attribute(file, "/", "words") || ls_h5_has_attribute(file, "x/y", "words"));

    assert_true(ok(ls_h5_get_text(file, "/", "short", &text)));
    assert_string_equal(text, "a text");
    ls_free(text);
    assert_true(ok(ls_h5_get_text(file, "/", "long", &text)));
    assert_string_equal(text, want);
    ls_free(text);
    assert_true(ok(ls_h5_get_texts(file, "a/b", "words", &texts, &n)) && n == 4);
    for (size_t k = 0; k < 4; k++)
        assert_string_equal(texts[k], words[k]);
    ls_h5_free_texts(texts, n);
    assert_true(ok(ls_h5_get_texts(file, "a", "none", &texts, &n)) && n == 0);
    ls_h5_free_texts(texts, n);
    assert_true(ok(ls_h5_get_int(file, "a", "int", &i)) && i == INT64_MIN);
    assert_true(ok(ls_h5_get_uint(file, "a", "uint", &u)) && u == UINT64_MAX);
    assert_true(ok(ls_h5_get_double(file, "a", "double", &d)) && d == -0x1.fffffffffffffp-1000);

    assert_true(ok(ls_h5_get_shape(file, "a/b/c/floats", &rank, dim)) && rank == 2 && dim[0] == 2 && dim[1] == 3);
    assert_true(ok(ls_h5_get_array(file, "a/b/c/floats", H5T_NATIVE_FLOAT, 2, dim, read_floats)));
    assert_true(same_bits(read_floats, floats, 6));
    assert_true(ok(ls_h5_get_array(file, "doubles", H5T_NATIVE_DOUBLE, 1, (size_t[]){2}, read_doubles)));
    assert_memory_equal(read_doubles, doubles, sizeof doubles);
    assert_true(ok(ls_h5_get_array(file, "shorts", H5T_NATIVE_INT16, 3, (size_t[]){1, 3, 1}, read_shorts)));
    assert_memory_equal(read_shorts, shorts, sizeof shorts);
    assert_true(ok(ls_h5_get_array(file, "longs", H5T_NATIVE_INT64, 1, (size_t[]){4}, read_longs)));
    assert_memory_equal(read_longs, longs, sizeof longs);
    assert_true(ok(ls_h5_get_array(file, "scalar", H5T_NATIVE_FLOAT, 0, NULL, &scalar)) && scalar == -1.25f);
    assert_true(ok(ls_h5_get_array(file, "empty", H5T_NATIVE_FLOAT, 2, (size_t[]){0, 3}, NULL)));
    /* Floating-point numbers may be read at another precision: 1/3 as float32 is 0x1.555556p-2. */
    assert_true(ok(ls_h5_get_array(file, "doubles", H5T_NATIVE_FLOAT, 1, (size_t[]){2}, read_floats)));
    assert_true(read_floats[0] == 0x1.555556p-2f);
    ls_h5_close(file);
    free(want);
}

/* As the HDF5 library itself sees the file: layout, filters, kinds of text and, above all, no times. */
static void files_are_laid_out_as_promised(void **state)
{
    const char *const sets[] = {"a/b/c/floats", "doubles", "shorts", "longs"};
    H5O_info_t info;
    hid_t file;

    (void)state;
    save(in_folder("x.h5"));
    file = H5Fopen(in_folder("x.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t k = 0; k < count_of(sets); k++) {
        const hid_t set = H5Dopen2(file, sets[k], H5P_DEFAULT), creation = H5Dget_create_plist(set);

        assert_int_equal(H5Pget_layout(creation), H5D_CONTIGUOUS);
        assert_int_equal(H5Pget_nfilters(creation), 0);
        assert_true(H5Oget_info2(set, &info, H5O_INFO_TIME) >= 0);
        assert_true(info.atime == 0 && info.mtime == 0 && info.ctime == 0 && info.btime == 0);
        H5Pclose(creation);
        H5Dclose(set);
    }
    {
        const hid_t a = H5Aopen(file, "long", H5P_DEFAULT), type = H5Aget_type(a), space = H5Aget_space(a);

        assert_true(H5Tis_variable_str(type) > 0 && H5Tget_cset(type) == H5T_CSET_UTF8);
        assert_int_equal(H5Sget_simple_extent_type(space), H5S_SCALAR);
        H5Sclose(space);
        H5Tclose(type);
        H5Aclose(a);
    }
    H5Fclose(file);
}

static void the_same_content_gives_the_same_bytes(void **state)
{
    hid_t one, two = H5I_INVALID_HID;

    (void)state;
    /* Two at once, filled in turn; a third more than a second later, so that a stored time would differ. */
    assert_true(ok(ls_h5_image_create(&one)) && ok(ls_h5_image_create(&two)));
    fill(one);
    fill(two);
    assert_true(ok(ls_h5_image_save(two, in_folder("two.h5"))) && ok(ls_h5_image_save(one, in_folder("one.h5"))));
    ls_h5_close(one);
    ls_h5_close(two);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
    save(in_folder("three.h5"));
    assert_true(same_bytes(in_folder("one.h5"), in_folder("two.h5")) &&
                same_bytes(in_folder("one.h5"), in_folder("three.h5")));
    /* Saving again, over itself, is the same too; and an image goes on after it was saved. */
    assert_true(ok(ls_h5_image_create(&one)));
    fill(one);
    assert_true(ok(ls_h5_image_save(one, in_folder("one.h5"))) &&
                same_bytes(in_folder("one.h5"), in_folder("three.h5")));
    assert_true(ok(ls_h5_put_int(one, "/", "more", 1)) && ok(ls_h5_image_save(one, in_folder("one.h5"))));
    assert_false(same_bytes(in_folder("one.h5"), in_folder("three.h5")));
    ls_h5_close(one);
    assert_int_equal(folder_entries(), 3);
}

/* Text of fixed length, as h5py and Fortran write it. */
static void put_fixed(hid_t file, const char *name, size_t size, H5T_str_t padding, hsize_t n, const char *bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    hid_t a;

    H5Tset_size(type, size);
    H5Tset_strpad(type, padding);
    a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, type, bytes) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

static void texts_of_fixed_length_are_read(void **state)
{
    const struct {
        const char *name;
        H5T_str_t padding;
        const char *bytes; /* three texts of 5 bytes */
    } cases[] = {
        {"null-terminated", H5T_STR_NULLTERM, "ab\0xxabcd\0\0\0\0\0\0"},
        {"null-padded", H5T_STR_NULLPAD, "ab\0\0\0abcde\0\0\0\0\0"},
        {"space-padded", H5T_STR_SPACEPAD, "ab   abcde     "},
    };
    const char *const want[][3] = {{"ab", "abcd", ""}, {"ab", "abcde", ""}, {"ab", "abcde", ""}};
    hid_t file;

    (void)state;
    assert_true(ok(ls_h5_image_create(&file)));
    for (size_t k = 0; k < count_of(cases); k++)
        put_fixed(file, cases[k].name, 5, cases[k].padding, 3, cases[k].bytes);
    for (size_t k = 0; k < count_of(cases); k++) {
        char **texts, *text;
        size_t n;

        assert_true(ok(ls_h5_get_texts(file, "/", cases[k].name, &texts, &n)) && n == 3);
        for (size_t i = 0; i < 3; i++)
            assert_string_equal(texts[i], want[k][i]);
        ls_h5_free_texts(texts, n);
        FAILS(ls_h5_get_text(file, "/", cases[k].name, &text), LS_ERR_FORMAT, cases[k].name, "is not one text");
    }
    ls_h5_close(file);
}

static void what_is_no_hdf5_file_is_refused(void **state)
{
    char *bytes;
    size_t n;
    hid_t file;

    (void)state;
    FAILS(ls_h5_open_read(in_folder("none.h5"), &file), LS_ERR_IO, in_folder("none.h5"), "No such file");
    FAILS(ls_h5_open_read(folder, &file), LS_ERR_IO, "not a regular file");
    spew(in_folder("zero.h5"), "", 0);
    FAILS(ls_h5_open_read(in_folder("zero.h5"), &file), LS_ERR_FORMAT, "zero.h5", "not an HDF5 file: it is empty");
    spew(in_folder("text.h5"), "model: []\n", 10);
    FAILS(ls_h5_open_read(in_folder("text.h5"), &file), LS_ERR_FORMAT, "text.h5", "not an HDF5 file");
    save(in_folder("x.h5"));
    bytes = slurp(in_folder("x.h5"), &n);
    spew(in_folder("cut.h5"), bytes, n - LS_H5_SEAL_BYTES - 1);
    FAILS(ls_h5_open_read(in_folder("cut.h5"), &file), LS_ERR_FORMAT, "cut.h5", "truncated");
    spew(in_folder("cut.h5"), bytes, 100);
    FAILS(ls_h5_open_read(in_folder("cut.h5"), &file), LS_ERR_FORMAT, "cut.h5");
    assert_true(file < 0);
    free(bytes);
    ls_h5_close(file); /* nothing to close: no harm */
}

static void values_that_do_not_fit_are_refused(void **state)
{
    const char *file_name = in_folder("x.h5");
    char *text, **texts;
    int64_t i, many[4];
    int32_t narrow[4];
    uint64_t u;
    double d;
    float f[6];
    size_t n, rank, dim[LS_H5_AXES_MAX];
    hid_t file;

    (void)state;
    save(file_name);
    assert_true(ok(ls_h5_open_read(file_name, &file)));
    FAILS(ls_h5_get_text(file, "/", "absent", &text), LS_ERR_FORMAT, file_name, "'absent' of '/' is missing");
    FAILS(ls_h5_get_text(file, "x/y", "absent", &text), LS_ERR_FORMAT, "'x/y' is missing");
    FAILS(ls_h5_get_texts(file, "a", "int", &texts, &n), LS_ERR_FORMAT, "'int' of 'a' does not hold text");
    FAILS(ls_h5_get_int(file, "a", "double", &i), LS_ERR_FORMAT, "not one signed integer");
    FAILS(ls_h5_get_int(file, "a", "uint", &i), LS_ERR_FORMAT, "not one signed integer");
    FAILS(ls_h5_get_uint(file, "a", "int", &u), LS_ERR_FORMAT, "not one unsigned integer");
    FAILS(ls_h5_get_double(file, "a", "int", &d), LS_ERR_FORMAT, "not one floating-point number");
    FAILS(ls_h5_get_double(file, "/", "short", &d), LS_ERR_FORMAT, "not one floating-point number");
    FAILS(ls_h5_get_shape(file, "a/b/x", &rank, dim), LS_ERR_FORMAT, "'a/b/x' is missing");
    FAILS(ls_h5_get_shape(file, "a/b", &rank, dim), LS_ERR_FORMAT, "'a/b' is not a dataset");
    FAILS(ls_h5_get_array(file, "a/b/c/floats", H5T_NATIVE_FLOAT, 2, (size_t[]){3, 2}, f), LS_ERR_FORMAT, file_name,
          "has shape (2, 3), not (3, 2)");
    FAILS(ls_h5_get_array(file, "a/b/c/floats", H5T_NATIVE_FLOAT, 1, (size_t[]){6}, f), LS_ERR_FORMAT,
          "has shape (2, 3), not (6,)");
    FAILS(ls_h5_get_array(file, "scalar", H5T_NATIVE_FLOAT, 1, (size_t[]){1}, f), LS_ERR_FORMAT,
          "has shape (), not (1,)");
    FAILS(ls_h5_get_array(file, "longs", H5T_NATIVE_FLOAT, 1, (size_t[]){4}, f), LS_ERR_FORMAT, "integers of 8 bytes");
    FAILS(ls_h5_get_array(file, "longs", H5T_NATIVE_INT32, 1, (size_t[]){4}, narrow), LS_ERR_FORMAT,
          "integers of 8 bytes");
    FAILS(ls_h5_get_array(file, "longs", H5T_NATIVE_UINT64, 1, (size_t[]){4}, many), LS_ERR_FORMAT,
          "integers of 8 bytes");
    FAILS(ls_h5_get_array(file, "doubles", H5T_NATIVE_INT64, 1, (size_t[]){2}, many), LS_ERR_FORMAT,
          "floating-point numbers of 8 bytes");
    ls_h5_close(file);

    assert_true(ok(ls_h5_image_create(&file)));
    assert_true(ok(ls_h5_put_group(file, "a")));
    FAILS(ls_h5_put_group(file, "a"), LS_ERR_IO, "cannot add 'a'");
    FAILS(ls_h5_put_text(file, "b", "t", "x"), LS_ERR_IO, "cannot add 'b@t'");
    FAILS(ls_h5_put_array(file, "a", H5T_NATIVE_FLOAT, 0, NULL, f), LS_ERR_IO, "cannot add 'a'");
    ls_h5_close(file);
}

/* Reading them as what they are would give pointers that nobody frees. */
static void texts_are_no_array(void **state)
{
    const hid_t f = H5Fcreate(in_folder("x.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1),
                space = H5Screate(H5S_SCALAR);
    const char *text = "a text";
    char *read;
    hid_t file, set;

    (void)state;
    H5Tset_size(type, H5T_VARIABLE);
    set = H5Dcreate2(f, "text", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(f);
    assert_true(ok(ls_h5_open_read(in_folder("x.h5"), &file)));
    FAILS(ls_h5_get_array(file, "text", type, 0, NULL, &read), LS_ERR_FORMAT, "'text' holds strings");
    ls_h5_close(file);
    H5Tclose(type);
}

/* 800 bytes may declare 8 TB. What a chunk of it holds is no reason to believe the rest. */
static void hollow_arrays_cost_a_message_and_no_memory(void **state)
{
    const hsize_t dim = (hsize_t)1 << 40, chunk = 512, some = 1 << 20;
    const hid_t f = H5Fcreate(in_folder("x.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                creation = H5Pcreate(H5P_DATASET_CREATE), huge = H5Screate_simple(1, &dim, NULL),
                small = H5Screate_simple(1, &some, NULL), memory = H5Screate_simple(1, &chunk, NULL);
    static float values[1 << 20];
    size_t rank, got[LS_H5_AXES_MAX];
    hid_t file, set;

    (void)state;
    H5Pset_chunk(creation, 1, &chunk);
    set = H5Dcreate2(f, "huge", H5T_IEEE_F64LE, huge, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Sselect_hyperslab(huge, H5S_SELECT_SET, (hsize_t[]){0}, NULL, &chunk, NULL);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, memory, huge, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Dclose(H5Dcreate2(f, "small", H5T_IEEE_F64LE, small, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(memory);
    H5Sclose(small);
    H5Sclose(huge);
    H5Pclose(creation);
    H5Fclose(f);
    assert_true(ok(ls_h5_open_read(in_folder("x.h5"), &file)));
    FAILS(ls_h5_get_shape(file, "huge", &rank, got), LS_ERR_FORMAT, "'huge' declares far more values");
    FAILS(ls_h5_get_array(file, "huge", H5T_NATIVE_FLOAT, 1, (size_t[]){(size_t)1 << 40}, values), LS_ERR_FORMAT,
          "'huge' declares far more values");
    FAILS(ls_h5_get_array(file, "small", H5T_NATIVE_FLOAT, 1, (size_t[]){1 << 20}, values), LS_ERR_FORMAT,
          "'small' was never written");
    ls_h5_close(file);
}

/* HDF5 prints its error stack unless told not to. Everything above goes through stderr once more. */
static void hdf5_prints_nothing(void **state)
{
    const int log = open(in_folder("stderr"), O_RDWR | O_CREAT, 0600), kept = dup(STDERR_FILENO);
    struct stat info;
    hid_t file;
    int64_t i;

    (void)state;
    save(in_folder("x.h5"));
    fflush(stderr);
    dup2(log, STDERR_FILENO);
    assert_int_not_equal(ls_h5_open_read(in_folder("none.h5"), &file), LS_OK);
    assert_true(ls_h5_open_read(in_folder("x.h5"), &file) == LS_OK);
    assert_int_not_equal(ls_h5_get_int(file, "q", "q", &i), LS_OK);
    assert_int_not_equal(ls_h5_put_group(file, "q"), LS_OK); /* opened for reading */
    assert_false(ls_h5_has(file, "q/q/q") || ls_h5_has_attribute(file, "q/q", "q"));
    ls_h5_close(file);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    assert_true(fstat(log, &info) == 0 && info.st_size == 0);
    close(kept);
    close(log);
}

/* A save that fails says why, leaves the old file as it was, and no temporary. */
static void a_failed_save_leaves_the_old_file(void **state)
{
    struct rlimit before, tight;
    char *bytes, *after;
    size_t n, m;
    hid_t file;

    (void)state;
    save(in_folder("model.h5"));
    bytes = slurp(in_folder("model.h5"), &n);
    assert_true(ok(ls_h5_image_create(&file)));
    fill(file);
    assert_true(ok(ls_h5_put_int(file, "/", "newer", 1)));

    FAILS(ls_h5_image_save(file, in_folder("nowhere/model.h5")), LS_ERR_IO, in_folder("nowhere/model.h5"),
          "No such file");
    FAILS(ls_h5_image_save(file, in_folder("model.h5/model.h5")), LS_ERR_IO, "Not a directory");
    assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
    FAILS(ls_h5_image_save(file, in_folder("folder")), LS_ERR_IO, in_folder("folder"), "directory");
    assert_int_equal(folder_entries(), 2);

    /* A disk that takes the first part of the file and then no more. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 10000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    FAILS(ls_h5_image_save(file, in_folder("model.h5")), LS_ERR_IO, in_folder("model.h5"), "File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(folder_entries(), 2);
    after = slurp(in_folder("model.h5"), &m);
    assert_true(n == m && memcmp(bytes, after, n) == 0);
    free(after);

    /* The image is none the worse for it. */
    assert_true(ok(ls_h5_image_save(file, in_folder("model.h5"))));
    ls_h5_close(file);
    assert_true(ok(ls_h5_open_read(in_folder("model.h5"), &file)));
    assert_true(ls_h5_has_attribute(file, "/", "newer"));
    ls_h5_close(file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(everything_put_can_be_read, nothing_open),
        cmocka_unit_test_teardown(files_are_laid_out_as_promised, nothing_open),
        cmocka_unit_test_teardown(the_same_content_gives_the_same_bytes, nothing_open),
        cmocka_unit_test_teardown(texts_of_fixed_length_are_read, nothing_open),
        cmocka_unit_test_teardown(what_is_no_hdf5_file_is_refused, nothing_open),
        cmocka_unit_test_teardown(values_that_do_not_fit_are_refused, nothing_open),
        cmocka_unit_test_teardown(hollow_arrays_cost_a_message_and_no_memory, nothing_open),
        cmocka_unit_test_teardown(texts_are_no_array, nothing_open),
        cmocka_unit_test_teardown(hdf5_prints_nothing, nothing_open),
        cmocka_unit_test_teardown(a_failed_save_leaves_the_old_file, nothing_open),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
