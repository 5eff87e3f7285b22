/* CIFAR-10's binary files to HDF5, on a few records of the same layout. */
#include "import_files.h"

#include "data/dataset.h"
#include "data/import.h"

enum { RECORD = 3073 };

static const char *const files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt"};

static const char *path_of(size_t file)
{
    static char path[96];

    snprintf(path, sizeof path, "%s/%s", folder, files[file]);
    return path;
}

/* Record r of file f has label (3 f + r) % 10; colour c of row i, column j is 50 c + 3 i + j + 11 r + f. */
static void write_batch(size_t f, size_t records, size_t more)
{
    unsigned char *const bytes = calloc(records + 1, RECORD);

    assert_non_null(bytes);
    for (size_t r = 0; r < records; r++) {
        bytes[r * RECORD] = (unsigned char)((3 * f + r) % 10);
        for (size_t c = 0; c < 3; c++)
            for (size_t p = 0; p < 1024; p++)
                bytes[r * RECORD + 1 + c * 1024 + p] = (unsigned char)(50 * c + 3 * (p / 32) + p % 32 + 11 * r + f);
    }
    write_bytes(path_of(f), bytes, records * RECORD + more);
    free(bytes);
}

static int make_files(void **state)
{
    static const char classes[] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

    (void)state;
    for (size_t f = 0; f < 6; f++)
        write_batch(f, f == 1 ? 300 : 2 + f, 0); /* 300: more than are read at a time */
    write_bytes(path_of(6), classes, strlen(classes));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    for (size_t f = 0; f < count_of(files); f++)
        unlink(path_of(f));
    unlink(output);
    return 0;
}

static void check_records(const unsigned char *x, const unsigned char *y, size_t f, size_t records)
{
    for (size_t r = 0; r < records; r++) {
        assert_int_equal(y[r], (3 * f + r) % 10);
        for (size_t p = 0; p < 1024; p++)
            for (size_t c = 0; c < 3; c++)
                if (x[(r * 1024 + p) * 3 + c] != (unsigned char)(50 * c + 3 * (p / 32) + p % 32 + 11 * r + f))
                    fail_msg("file %zu, record %zu, pixel %zu, channel %zu is wrong", f, r, p, c);
    }
}

static void images_and_labels_are_those_of_the_files(void **state)
{
    unsigned char *x, *y;
    const char *const *classes;
    hsize_t dim[8];
    ls_array *a;
    size_t n, row = 0;
    float v[3072];
    int rank;

    (void)state;
    assert_true(ok(ls_import_cifar10(folder, output, 1)));
    x = read_dataset(output, "/train/x", H5T_NATIVE_UINT8, &rank, dim);
    assert_true(rank == 4 && dim[0] == 2 + 300 + 4 + 5 + 6 && dim[1] == 32 && dim[2] == 32 && dim[3] == 3);
    y = read_dataset(output, "/train/y", H5T_NATIVE_UINT8, &rank, dim);
    assert_true(rank == 1 && dim[0] == 317);
    for (size_t f = 0; f < 5; f++) {
        const size_t records = f == 1 ? 300 : 2 + f;

        check_records(x + row * 3072, y + row, f, records);
        row += records;
    }
    free(x);
    free(y);
    x = read_dataset(output, "/test/x", H5T_NATIVE_UINT8, &rank, dim);
    y = read_dataset(output, "/test/y", H5T_NATIVE_UINT8, &rank, dim);
    assert_true(dim[0] == 7);
    check_records(x, y, 5, 7);
    free(x);
    free(y);
    assert_true(ok(ls_array_open(output, "/test/x", NULL, &a)));
    ls_array_get(a, 0, v);
    assert_true(v[3071] == (float)((100 + 93 + 31 + 5) % 256) / 255.0f);
    ls_array_free(a);
    assert_true(ok(ls_array_open(output, "/test/y", NULL, &a)));
    classes = ls_array_classes(a, &n);
    assert_int_equal(n, 10);
    assert_string_equal(classes[0], "airplane");
    assert_string_equal(classes[9], "truck");
    ls_array_free(a);
}

#define IMPORT_FAILS(status, ...)                                         \
    do {                                                                  \
        FAILS(ls_import_cifar10(folder, output, 0), status, __VA_ARGS__); \
        assert_int_not_equal(access(output, F_OK), 0);                    \
    } while (0)

static void faulty_files_are_refused(void **state)
{
    unsigned char *bytes;
    size_t n;

    (void)state;
    FAILS(ls_import_cifar10("no/folder", output, 0), LS_ERR_IO, "no/folder/batches.meta.txt", "No such file");
    FAILS(ls_import_cifar10(folder, output, 12), LS_ERR_USAGE, "deflate is 12");
    FAILS(ls_import_cifar10(folder, path_of(5), 0), LS_ERR_USAGE, "test_batch.bin", "also an input");
    write_batch(3, 5, 1);
    IMPORT_FAILS(LS_ERR_FORMAT, "data_batch_4.bin has 15366 bytes", "3073");
    write_batch(3, 0, 0);
    IMPORT_FAILS(LS_ERR_FORMAT, "data_batch_4.bin has 0 bytes");
    unlink(path_of(3));
    IMPORT_FAILS(LS_ERR_IO, "data_batch_4.bin", "No such file");
    write_batch(3, 200, 0);
    bytes = (unsigned char *)read_whole(path_of(3), &n);
    bytes[150 * RECORD] = 10;
    write_bytes(path_of(3), bytes, n);
    free(bytes);
    IMPORT_FAILS(LS_ERR_DATA, "data_batch_4.bin: record 150 has label 10");
    write_bytes(path_of(6), "cat\ndog\n", 8);
    IMPORT_FAILS(LS_ERR_FORMAT, "batches.meta.txt names 2 classes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(images_and_labels_are_those_of_the_files, make_files, remove_files),
        cmocka_unit_test_setup_teardown(faulty_files_are_refused, make_files, remove_files),
    };

    return cmocka_run_group_tests(tests, import_set_up, import_tear_down);
}
