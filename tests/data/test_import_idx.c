/* IDX files to HDF5: values, layout, repeatable bytes; damaged input and full disks leave an existing output alone. */
#include "files.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hdf5.h>
#include <zlib.h>

#include "data/dataset.h"
#include "data/import.h"

static char images[64], labels[64], output[64];
static const ls_idx_split train = {"train", images, labels};

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(images, sizeof images, "%s/images", folder);
    snprintf(labels, sizeof labels, "%s/labels", folder);
    snprintf(output, sizeof output, "%s/out.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){images, labels, output}, 3);
}

static void write_maybe_gzip(const char *path, const void *bytes, size_t n, bool gzip)
{
    if (gzip) {
        gzFile f = gzopen(path, "wb");

        assert_non_null(f);
        assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
        assert_int_equal(gzclose(f), Z_OK);
    } else {
        write_bytes(path, bytes, n);
    }
}

/* Header and n bytes of values, byte i being (i * 7 + 3) % 251 unless values are given; out must be large enough. */
static size_t make_idx(unsigned char *out, int type, int rank, const uint32_t *dim, const void *values, size_t n)
{
    const size_t header = 4 + 4 * (size_t)rank;

    memcpy(out, (unsigned char[]){0, 0, (unsigned char)type, (unsigned char)rank}, 4);
    for (int i = 0; i < rank; i++)
        for (int b = 0; b < 4; b++)
            out[4 + 4 * i + b] = (unsigned char)(dim[i] >> (24 - 8 * b));
    for (size_t i = 0; i < n; i++)
        out[header + i] = values ? ((const unsigned char *)values)[i] : (unsigned char)((i * 7 + 3) % 251);
    return header + n;
}

static unsigned char space[2000000];

static void write_images(uint32_t samples, bool gzip)
{
    write_maybe_gzip(images, space, make_idx(space, 8, 3, (uint32_t[]){samples, 4, 5}, NULL, samples * 20), gzip);
}

static void write_labels(uint32_t samples, bool gzip)
{
    write_maybe_gzip(labels, space, make_idx(space, 8, 1, &samples, NULL, samples), gzip);
}

static ls_array *open_array(const char *path)
{
    ls_array *a = NULL;

    assert_true(ok(ls_array_open(output, path, NULL, &a)));
    return a;
}

static void check_train(uint64_t samples)
{
    ls_array *x = open_array("/train/x"), *y = open_array("/train/y");
    float v[20];

    assert_string_equal(ls_array_type(x), "uint8");
    assert_int_equal(ls_array_samples(x), samples);
    assert_int_equal(ls_array_samples(y), samples);
    assert_int_equal(ls_array_shape(x)->axes, 2);
    assert_int_equal(ls_array_shape(x)->dim[0], 4);
    assert_int_equal(ls_array_shape(x)->dim[1], 5);
    assert_int_equal(ls_array_shape(y)->axes, 0);
    assert_true(ls_array_is_integer(y));
    for (uint64_t i = 0; i < samples; i++) {
        ls_array_get(x, i, v);
        for (uint64_t j = 0; j < 20; j++)
            assert_true(v[j] == (float)(((i * 20 + j) * 7 + 3) % 251) / 255.0f);
        ls_array_get(y, i, v);
        assert_true(v[0] == (float)((i * 7 + 3) % 251));
    }
    ls_array_free(x);
    ls_array_free(y);
}

static void plain_and_gzipped_files_are_read(void **state)
{
    (void)state;
    for (int gzip = 0; gzip < 4; gzip++)
        for (int deflate = 0; deflate <= 9; deflate += 3) {
            write_images(100, gzip & 1);
            write_labels(100, gzip & 2);
            assert_true(ok(ls_import_idx(&train, 1, output, deflate)));
            check_train(100);
        }
}

static void several_splits_and_chunks_are_written(void **state)
{
    const ls_idx_split splits[] = {{"train", images, labels}, {"test", images, labels}, {"a b", images, labels}};
    struct stat plain, packed;

    (void)state;
    write_images(60000, true); /* 1.2 MB: more than one chunk, the last one not full */
    write_labels(60000, false);
    assert_true(ok(ls_import_idx(splits, 3, output, 0)));
    check_train(60000);
    ls_array_free(open_array("/test/x"));
    ls_array_free(open_array("/a b/y"));
    stat(output, &plain);
    assert_true(ok(ls_import_idx(splits, 3, output, 9)));
    check_train(60000);
    stat(output, &packed);
    assert_true(packed.st_size < plain.st_size / 2);
}

/* Big-endian values with a known meaning, in each of the six types. */
static void all_six_types_arrive(void **state)
{
    static const struct {
        int type;
        const char *name;
        unsigned char bytes[16];
        size_t width;
        float want[2];
    } types[] = {
        {0x08, "uint8", {0, 255}, 1, {0, 255}},
        {0x09, "int8", {0x80, 127}, 1, {-128, 127}},
        {0x0b, "int16", {0x80, 0, 1, 2}, 2, {-32768, 258}},
        {0x0c, "int32", {0xff, 0xff, 0xff, 0xfe, 0, 1, 0, 2}, 4, {-2, 65538}},
        {0x0d, "float32", {0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0}, 4, {1, -2.5f}},
        {0x0e, "float64", {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0}, 8, {1, -2.5f}},
    };
    const uint32_t two = 2;

    (void)state;
    for (size_t i = 0; i < count_of(types); i++) {
        const size_t n = make_idx(space, types[i].type, 1, &two, types[i].bytes, 2 * types[i].width);
        ls_array *x, *y;
        float v;

        write_maybe_gzip(images, space, n, false);
        write_maybe_gzip(labels, space, n, true);
        assert_true(ok(ls_import_idx(&train, 1, output, 0)));
        x = open_array("/train/x");
        y = open_array("/train/y");
        assert_string_equal(ls_array_type(x), types[i].name);
        for (uint64_t k = 0; k < 2; k++) {
            ls_array_get(x, k, &v); /* rank 1 is no image: no scale */
            assert_true(v == types[i].want[k]);
            ls_array_get(y, k, &v);
            assert_true(v == types[i].want[k]);
        }
        ls_array_free(x);
        ls_array_free(y);
    }
}

/* What the file holds, seen through HDF5 itself. */
static void files_are_laid_out_as_promised(void **state)
{
    hid_t f, d, p, a;
    hsize_t chunk[3];
    double scale = 0;
    H5O_info_t info;

    (void)state;
    write_images(60000, false);
    write_labels(60000, false);
    assert_true(ok(ls_import_idx(&train, 1, output, 6)));
    f = H5Fopen(output, H5F_ACC_RDONLY, H5P_DEFAULT);
    d = H5Dopen2(f, "/train/x", H5P_DEFAULT);
    p = H5Dget_create_plist(d);
    assert_int_equal(H5Pget_chunk(p, 3, chunk), 3);
    assert_true(chunk[0] * 20 > 256 * 1024 && chunk[0] * 20 <= 1024 * 1024 && chunk[1] == 4 && chunk[2] == 5);
    assert_true(H5Pget_filter_by_id2(p, H5Z_FILTER_FLETCHER32, NULL, NULL, NULL, 0, NULL, NULL) >= 0);
    assert_true(H5Pget_filter_by_id2(p, H5Z_FILTER_DEFLATE, NULL, NULL, NULL, 0, NULL, NULL) >= 0);
    a = H5Aopen(d, "scale", H5P_DEFAULT);
    assert_true(H5Aread(a, H5T_NATIVE_DOUBLE, &scale) >= 0);
    assert_true(scale == 1.0 / 255.0);
    H5Aclose(a);
    H5Pclose(p);
    H5Oget_info(d, &info);
    assert_int_equal(info.num_attrs, 1);
    assert_int_equal(info.mtime, 0);
    H5Dclose(d);
    d = H5Dopen2(f, "/train/y", H5P_DEFAULT);
    H5Oget_info(d, &info);
    assert_int_equal(info.num_attrs, 0);
    H5Dclose(d);
    H5Fclose(f);
}

/* The same bytes again, in another second and over an existing file. */
static void the_same_input_gives_the_same_bytes(void **state)
{
    char *first, *second;
    size_t n, m;

    (void)state;
    write_images(1000, false);
    write_labels(1000, true);
    assert_true(ok(ls_import_idx(&train, 1, output, 4)));
    first = read_whole(output, &n);
    sleep(1);
    assert_true(ok(ls_import_idx(&train, 1, output, 4)));
    second = read_whole(output, &m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    free(first);
    free(second);
}

/* The import fails with these words, what was in the output stays, and nothing else is left in the folder. */
#define IMPORT_FAILS(splits, n, status, ...)                             \
    do {                                                                 \
        size_t before_, after_;                                          \
        char *old_, *new_;                                               \
        size_t entries_;                                                 \
                                                                         \
        write_maybe_gzip(output, "precious", 8, false);                  \
        old_ = read_whole(output, &before_);                             \
        entries_ = folder_entries();                                     \
        FAILS(ls_import_idx(splits, n, output, 0), status, __VA_ARGS__); \
        new_ = read_whole(output, &after_);                              \
        assert_int_equal(before_, after_);                               \
        assert_memory_equal(old_, new_, before_);                        \
        assert_int_equal(folder_entries(), entries_);                    \
        free(old_);                                                      \
        free(new_);                                                      \
    } while (0)

static void bad_headers_are_refused(void **state)
{
    const uint32_t sizes[8] = {3, 1, 1, 1, 1, 1, 1, 1}, huge[3] = {0xffffffff, 0xffffffff, 0xffffffff};
    const uint32_t broad[3] = {10, 1u << 15, 1u << 16}, zero[3] = {3, 0, 5}, many[2] = {0xffffffff, 1000};

    (void)state;
    write_labels(3, false);
    write_maybe_gzip(images, "", 0, false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "header", "truncated");
    write_maybe_gzip(images, "\0\0\x08", 3, false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "header", "truncated");
    write_maybe_gzip(images, "\0\0\x08\x03\0\0\0\x03\0\0", 10, true);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "header", "truncated");
    write_maybe_gzip(images, "\x89PNG\r\n\x1a\n", 8, false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "not an IDX file", "89 50");
    write_maybe_gzip(images, space, make_idx(space, 0x0a, 1, sizes, NULL, 3), false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "0x0a");
    write_maybe_gzip(images, space, make_idx(space, 8, 0, sizes, NULL, 1), false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "0 axes");
    write_maybe_gzip(images, space, make_idx(space, 8, 8, sizes, NULL, 3), false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "8 axes");
    write_maybe_gzip(images, space, make_idx(space, 8, 3, zero, NULL, 0), false);
    IMPORT_FAILS(&train, 1, LS_ERR_DATA, images, "axis 1", "length 0");
    for (int gzip = 0; gzip < 2; gzip++) {
        write_maybe_gzip(images, space, make_idx(space, 0x0e, 3, huge, NULL, 24), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "damaged");
        write_maybe_gzip(images, space, make_idx(space, 8, 3, broad, NULL, 24), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "damaged");
        /* Terabytes by its header, 24 bytes in truth: only the end of the data can tell. */
        write_maybe_gzip(images, space, make_idx(space, 8, 2, many, NULL, 24), gzip);
        write_maybe_gzip(labels, space, make_idx(space, 8, 1, many, NULL, 24), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "truncated");
    }
}

static void wrong_lengths_are_refused(void **state)
{
    char *bytes;
    size_t n;

    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        write_labels(3, false);
        write_maybe_gzip(images, space, make_idx(space, 8, 3, (uint32_t[]){3, 4, 5}, NULL, 59), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "truncated");
        write_maybe_gzip(images, space, make_idx(space, 8, 3, (uint32_t[]){3, 4, 5}, NULL, 61), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "longer than");
        write_images(3, gzip);
        write_labels(4, false);
        IMPORT_FAILS(&train, 1, LS_ERR_DATA, "split 'train'", images, "3 samples", labels, "4");
        write_labels(3, false);
        write_maybe_gzip(labels, space, make_idx(space, 8, 1, (uint32_t[]){3}, NULL, 2), gzip);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, labels, "truncated");
    }

    /* A gzip file cut anywhere, its checksum included; and one with a wrong checksum or damaged data. */
    write_labels(3, false);
    write_images(3, true);
    bytes = read_whole(images, &n);
    for (size_t length = n - 1; length > 1; length--) {
        write_maybe_gzip(images, bytes, length, false);
        IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images);
    }
    bytes[n - 8] ^= 1;
    write_maybe_gzip(images, bytes, n, false);
    IMPORT_FAILS(&train, 1, LS_ERR_FORMAT, images, "incorrect data check");
    free(bytes);
}

static void wrong_arguments_are_refused(void **state)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/"};
    ls_idx_split twice[] = {{"train", images, labels}, {"test", images, labels}, {"train", images, labels}};
    ls_idx_split wrong = train;
    char nowhere[128];

    (void)state;
    write_images(3, false);
    write_labels(3, false);
    IMPORT_FAILS(NULL, 0, LS_ERR_USAGE, "nothing to import");
    IMPORT_FAILS(twice, 3, LS_ERR_USAGE, "split 'train' is given twice");
    for (size_t i = 0; i < count_of(names); i++) {
        wrong.name = names[i];
        IMPORT_FAILS(&wrong, 1, LS_ERR_USAGE, "cannot name a split");
    }
    wrong = (ls_idx_split){"train", "no/such/file", labels};
    IMPORT_FAILS(&wrong, 1, LS_ERR_IO, "no/such/file", "No such file");
    wrong = (ls_idx_split){"train", images, folder};
    IMPORT_FAILS(&wrong, 1, LS_ERR_IO, folder, "not a regular file");
    wrong = (ls_idx_split){"train", images, output};
    IMPORT_FAILS(&wrong, 1, LS_ERR_USAGE, output, "also an input");
    FAILS(ls_import_idx(&train, 1, output, 10), LS_ERR_USAGE, "deflate is 10");
    FAILS(ls_import_idx(&train, 1, output, -1), LS_ERR_USAGE, "deflate is -1");
    FAILS(ls_import_idx(&train, 1, folder, 0), LS_ERR_USAGE, folder, "not a regular file");
    snprintf(nowhere, sizeof nowhere, "%s/no/out.h5", folder);
    FAILS(ls_import_idx(&train, 1, nowhere, 0), LS_ERR_IO, nowhere, "No such file");
}

/* A disk that fills up, played by a limit on the size of files. In a child, for the limit is for good. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    pid_t child;
    char *bytes;
    size_t n;
    int end = -1;

    (void)state;
    write_images(60000, false);
    write_labels(60000, false);
    write_maybe_gzip(output, "precious", 8, false);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {300000, 300000};

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(ls_import_idx(&train, 1, output, 0) == LS_ERR_IO && strstr(ls_error_message(), output) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    bytes = read_whole(output, &n);
    assert_int_equal(n, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    assert_int_equal(folder_entries(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzipped_files_are_read),
        cmocka_unit_test(several_splits_and_chunks_are_written),
        cmocka_unit_test(all_six_types_arrive),
        cmocka_unit_test(files_are_laid_out_as_promised),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
