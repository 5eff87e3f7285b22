/* Every way a dataset can be wrong ends with a message that names it, and with nothing opened. */
#include "dataset_files.h"

static void rows_out_of_range_are_refused(void **state)
{
    (void)state;
    write_grid(10, 0);
    OPEN_FAILS("/train/x", ((uint64_t[]){0, 11}), LS_ERR_CONFIG, "/train/x", "[0, 11]", "10 samples");
    OPEN_FAILS("/train/x", ((uint64_t[]){5, 5}), LS_ERR_CONFIG, "[5, 5]");
    OPEN_FAILS("/train/x", ((uint64_t[]){6, 5}), LS_ERR_CONFIG, "[6, 5]");
    OPEN_FAILS("/train/x", ((uint64_t[]){10, UINT64_MAX}), LS_ERR_CONFIG, "10 samples");
}

static void bad_attributes_are_refused(void **state)
{
    const hsize_t dim[] = {4, 2, 3};
    const double values[6] = {1, 2, 3, 4, 5, 6}, nan_value = NAN;
    const int8_t v[24] = {0};
    hid_t f, d, text;

    (void)state;
    f = begin();
    d = put(f, "/x", H5T_STD_I8LE, 3, dim, 0, H5T_NATIVE_INT8, v);
    put_attribute(d, "scale", H5T_IEEE_F64LE, 2, H5T_NATIVE_DOUBLE, values);
    H5Dclose(d);
    d = put(f, "/y", H5T_STD_I8LE, 3, dim, 0, H5T_NATIVE_INT8, v);
    put_attribute(d, "offset", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &nan_value);
    H5Dclose(d);
    text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 4);
    d = put(f, "/z", H5T_STD_I8LE, 3, dim, 0, H5T_NATIVE_INT8, v);
    put_attribute(d, "scale", text, -1, text, "0.5");
    H5Dclose(d);
    d = put(f, "/c", H5T_STD_I8LE, 3, dim, 0, H5T_NATIVE_INT8, v);
    put_attribute(d, "classes", H5T_IEEE_F64LE, 2, H5T_NATIVE_DOUBLE, values);
    H5Dclose(d);
    H5Tclose(text);
    H5Fclose(f);
    OPEN_FAILS("/x", NULL, LS_ERR_DATA, "/x", "'scale' has 2 values", "3", "6");
    OPEN_FAILS("/y", NULL, LS_ERR_DATA, "/y", "'offset'", "nan");
    OPEN_FAILS("/z", NULL, LS_ERR_DATA, "/z", "'scale'", "strings");
    OPEN_FAILS("/c", NULL, LS_ERR_DATA, "/c", "'classes'", "strings");
}

static void files_that_are_no_datasets_are_refused(void **state)
{
    const char *const other = in_folder("other");
    ls_array *a;
    FILE *text;

    (void)state;
    unlink(other);
    FAILS(ls_array_open(other, "/x", NULL, &a), LS_ERR_IO, other, "No such file");
    FAILS(ls_array_open(folder, "/x", NULL, &a), LS_ERR_IO, folder, "not a regular file");
    text = fopen(other, "w");
    assert_non_null(text);
    fclose(text);
    FAILS(ls_array_open(other, "/x", NULL, &a), LS_ERR_FORMAT, other, "not an HDF5 file", "empty");
    text = fopen(other, "w");
    fputs("x,y\n1,2\n", text);
    fclose(text);
    FAILS(ls_array_open(other, "/x", NULL, &a), LS_ERR_FORMAT, other, "not an HDF5 file");
}

/* Cut anywhere, a file gives an error and never wrong data; HDF5 itself prints nothing (its setting is kept). */
static void a_truncated_file_gives_an_error_and_no_data(void **state)
{
    struct stat info;
    H5E_auto2_t before, after;
    void *data;

    (void)state;
    H5Eget_auto2(H5E_DEFAULT, &before, &data);
    write_grid(500, 100);
    assert_int_equal(stat(file, &info), 0);
    for (off_t length = info.st_size - 1; length > 0; length = length > 3000 ? length - 1777 : length - 97) {
        ls_array *a = NULL;

        assert_int_equal(truncate(file, length), 0);
        assert_int_equal(ls_array_open(file, "/train/x", NULL, &a), LS_ERR_FORMAT);
        assert_non_null(strstr(ls_error_message(), file));
    }
    H5Eget_auto2(H5E_DEFAULT, &after, &data);
    assert_non_null(before);
    assert_true(before == after);
}

/* A flipped bit in the values: the checksum finds it, and the message says which samples. */
static void a_flipped_bit_is_found_and_placed(void **state)
{
    int32_t wanted[2] = {333000, 333001};
    char *bytes;
    size_t size, at = 0;
    FILE *f;

    (void)state;
    write_grid(500, 100);
    f = fopen(file, "r+b");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size = (size_t)ftell(f);
    bytes = malloc(size);
    assert_non_null(bytes);
    rewind(f);
    assert_int_equal(fread(bytes, 1, size, f), size);
    while (at + sizeof wanted <= size && memcmp(bytes + at, wanted, sizeof wanted) != 0)
        at++;
    assert_true(at + sizeof wanted <= size);
    fseek(f, (long)at, SEEK_SET);
    fputc(bytes[at] ^ 4, f);
    fclose(f);
    free(bytes);
    OPEN_FAILS("/train/x", NULL, LS_ERR_DATA, "/train/x", "samples 0 to 499", "Fletcher32");
    /* Rows in whole other chunks are readable still. */
    ls_array_free(open_array("/train/x", (uint64_t[]){400, 500}));
}

static void what_is_missing_or_no_dataset_is_refused(void **state)
{
    hid_t f, type;

    (void)state;
    write_grid(10, 0);
    f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    type = H5Tcopy(H5T_NATIVE_INT);
    H5Tcommit2(f, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
    H5Lcreate_soft("/nowhere", f, "/dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/train/x", f, "/alias", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(f);
    OPEN_FAILS("/train/X", NULL, LS_ERR_DATA, "/train/X", "did you mean '/train/x'");
    OPEN_FAILS("/test/x/deep/down", NULL, LS_ERR_DATA, "/test/x/deep/down", "/train/x");
    OPEN_FAILS("/train/x/y", NULL, LS_ERR_DATA, "no such dataset");
    OPEN_FAILS("/dangling", NULL, LS_ERR_DATA, "the link /dangling -> /nowhere leads to nothing");
    OPEN_FAILS("", NULL, LS_ERR_DATA, "is a group");
    OPEN_FAILS("/train", NULL, LS_ERR_DATA, "/train is a group");
    OPEN_FAILS("/", NULL, LS_ERR_DATA, "is a group");
    OPEN_FAILS("/type", NULL, LS_ERR_DATA, "/type is not a dataset");
    ls_array_free(open_array("/alias", NULL));
    H5Fclose(begin());
    OPEN_FAILS("/x", NULL, LS_ERR_DATA, "holds none at all");
}

static void types_that_are_no_numbers_are_refused(void **state)
{
    const hsize_t dim[] = {2}, one = 1;
    const int8_t yes = 1;
    const char *const texts[] = {"a", "b"};
    hid_t text = H5Tcopy(H5T_C_S1), pair = H5Tcreate(H5T_COMPOUND, 16), boolean = H5Tenum_create(H5T_STD_I8LE);
    hid_t list = H5Tvlen_create(H5T_STD_I8LE), fixed = H5Tarray_create2(H5T_STD_I8LE, 1, &one);
    hid_t wide = H5Tcopy(H5T_STD_I64LE), f = begin();

    (void)state;
    H5Tset_size(text, H5T_VARIABLE);
    H5Tinsert(pair, "re", 0, H5T_IEEE_F64LE);
    H5Tinsert(pair, "im", 8, H5T_IEEE_F64LE);
    H5Tenum_insert(boolean, "TRUE", &yes);
    H5Tset_size(wide, 16);
    H5Dclose(put(f, "/text", text, 1, dim, 0, text, texts));
    H5Dclose(put(f, "/pair", pair, 1, dim, 0, pair, NULL));
    H5Dclose(put(f, "/boolean", boolean, 1, dim, 0, boolean, NULL));
    H5Dclose(put(f, "/list", list, 1, dim, 0, list, NULL));
    H5Dclose(put(f, "/fixed", fixed, 1, dim, 0, fixed, NULL));
    H5Dclose(put(f, "/wide", wide, 1, dim, 0, wide, NULL));
    H5Fclose(f);
    H5Tclose(text);
    H5Tclose(pair);
    H5Tclose(boolean);
    H5Tclose(list);
    H5Tclose(fixed);
    H5Tclose(wide);
    OPEN_FAILS("/text", NULL, LS_ERR_DATA, "/text holds strings");
    OPEN_FAILS("/pair", NULL, LS_ERR_DATA, "/pair holds compounds");
    OPEN_FAILS("/boolean", NULL, LS_ERR_DATA, "/boolean holds enumeration");
    OPEN_FAILS("/list", NULL, LS_ERR_DATA, "/list holds variable-length");
    OPEN_FAILS("/fixed", NULL, LS_ERR_DATA, "/fixed holds fixed arrays");
    OPEN_FAILS("/wide", NULL, LS_ERR_DATA, "/wide holds integers of 16 bytes");
}

static void shapes_without_samples_are_refused(void **state)
{
    const hsize_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, none[] = {0, 3}, hollow[] = {3, 0};
    const hid_t f = begin(), null_space = H5Screate(H5S_NULL);
    const float v[1] = {7};
    float x = 0;
    ls_array *a;

    (void)state;
    H5Dclose(put(f, "/scalar", H5T_IEEE_F32LE, -1, NULL, 0, H5T_NATIVE_FLOAT, v));
    H5Dclose(put(f, "/seven", H5T_IEEE_F32LE, 7, ones, 0, H5T_NATIVE_FLOAT, v));
    H5Dclose(put(f, "/eight", H5T_IEEE_F32LE, 8, ones, 0, H5T_NATIVE_FLOAT, v));
    H5Dclose(put(f, "/none", H5T_IEEE_F32LE, 2, none, 0, H5T_NATIVE_FLOAT, NULL));
    H5Dclose(put(f, "/hollow", H5T_IEEE_F32LE, 2, hollow, 0, H5T_NATIVE_FLOAT, NULL));
    H5Dclose(H5Dcreate2(f, "/null", H5T_IEEE_F32LE, null_space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null_space);
    H5Fclose(f);
    OPEN_FAILS("/scalar", NULL, LS_ERR_DATA, "/scalar", "first axis");
    OPEN_FAILS("/null", NULL, LS_ERR_DATA, "/null", "first axis");
    OPEN_FAILS("/eight", NULL, LS_ERR_DATA, "/eight has 8 axes", "7");
    OPEN_FAILS("/none", NULL, LS_ERR_DATA, "/none holds no samples");
    OPEN_FAILS("/hollow", NULL, LS_ERR_SHAPE, "/hollow", "(0,)");
    a = open_array("/seven", NULL);
    assert_int_equal(ls_array_shape(a)->axes, 6);
    ls_array_get(a, 0, &x);
    assert_true(x == 7);
    ls_array_free(a);
}

/* A tiny file may declare any size: it costs a message, no memory. */
static void absurd_sizes_cost_a_message_and_no_memory(void **state)
{
    const hsize_t tera[] = {UINT64_C(1) << 40, 1024}, overflow[] = {UINT64_C(1) << 62, 8, 8},
                  broad[] = {1, 1 << 30, 1 << 30};
    const hid_t f = begin(), creation = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[] = {1, 1, 1};
    hid_t space;

    (void)state;
    H5Pset_chunk(creation, 2, chunk);
    space = H5Screate_simple(2, tera, NULL);
    H5Dclose(H5Dcreate2(f, "/tera", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pset_chunk(creation, 3, chunk);
    space = H5Screate_simple(3, overflow, NULL);
    if (space >= 0) {
        const hid_t d = H5Dcreate2(f, "/overflow", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);

        assert_true(d >= 0);
        H5Dclose(d);
        H5Sclose(space);
    }
    space = H5Screate_simple(3, broad, NULL);
    H5Dclose(H5Dcreate2(f, "/broad", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
    OPEN_FAILS("/tera", NULL, LS_ERR_DATA, "/tera", "were never written");
    OPEN_FAILS("/overflow", NULL, LS_ERR_DATA, "/overflow", "were never written");
    OPEN_FAILS("/broad", NULL, LS_ERR_SHAPE, "/broad", "2^40");
    {
        const ls_h5_rules fill = {.unwritten = true};
        const uint64_t many[] = {0, 1 << 14}, few[] = {UINT64_C(1) << 39, (UINT64_C(1) << 39) + 4};
        ls_array *a;

        assert_true(ok(ls_array_describe_by(&fill, file, "/tera", NULL, &a)));
        FAILS(ls_array_load(a, NULL), LS_ERR_MEMORY, "/tera", "1099511627776 samples", "8.389e+06 GiB",
              "GiB of memory");
        ls_array_free(a);
        /* What fits, but was made of nothing, is refused as well: it would take long. */
        assert_true(ok(ls_array_describe_by(&fill, file, "/tera", many, &a)));
        FAILS(ls_array_load(a, NULL), LS_ERR_DATA, "/tera", "declares 0.125 GiB", "holds only 0 bytes");
        ls_array_free(a);
        /* A few rows of the same dataset are no problem. */
        assert_true(ok(ls_array_describe_by(&fill, file, "/tera", few, &a)));
        assert_true(ok(ls_array_load(a, NULL)));
        ls_array_free(a);
    }
}

/* HDF5 would read any file that this one names, and wait for ever for a pipe. */
static void values_in_other_files_are_refused(void **state)
{
    const hsize_t dim = 4;
    const hid_t f = begin(), creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &dim, NULL);

    (void)state;
    H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
    H5Dclose(H5Dcreate2(f, "/x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
    OPEN_FAILS("/x", NULL, LS_ERR_DATA, "/x", "other files");
}

static void values_that_are_not_finite_are_refused(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e39}; /* 1e39 is finite as double, not as float32 */
    const hsize_t dim[] = {20, 3};
    double v[60];

    (void)state;
    for (size_t k = 0; k < count_of(bad); k++) {
        hid_t f = begin();

        for (int i = 0; i < 60; i++)
            v[i] = i;
        v[17 * 3 + 2] = v[19 * 3] = bad[k];
        H5Dclose(put(f, "/x", H5T_IEEE_F64LE, 2, dim, 0, H5T_NATIVE_DOUBLE, v));
        H5Fclose(f);
        OPEN_FAILS("/x", NULL, LS_ERR_DATA, "/x: sample 17 ", "element 2", k == 0 ? "nan" : "inf");
        OPEN_FAILS("/x", ((uint64_t[]){15, 18}), LS_ERR_DATA, "/x: sample 17 ");
        ls_array_free(open_array("/x", (uint64_t[]){0, 17}));
    }
}

/* Finite values that a scale makes infinite. */
static void values_that_a_scale_makes_infinite_are_refused(void **state)
{
    const hsize_t dim[] = {3, 2};
    const int64_t v[] = {1, 2, 3, 1000000000000000, 5, 6};
    const double huge = 1e30;
    const hid_t f = begin(), d = put(f, "/x", H5T_STD_I64LE, 2, dim, 0, H5T_NATIVE_INT64, v);

    (void)state;
    put_attribute(d, "scale", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &huge);
    H5Dclose(d);
    H5Fclose(f);
    OPEN_FAILS("/x", NULL, LS_ERR_DATA, "/x: sample 1 ", "inf", "element 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_out_of_range_are_refused),
        cmocka_unit_test(bad_attributes_are_refused),
        cmocka_unit_test(files_that_are_no_datasets_are_refused),
        cmocka_unit_test(a_truncated_file_gives_an_error_and_no_data),
        cmocka_unit_test(a_flipped_bit_is_found_and_placed),
        cmocka_unit_test(what_is_missing_or_no_dataset_is_refused),
        cmocka_unit_test(types_that_are_no_numbers_are_refused),
        cmocka_unit_test(shapes_without_samples_are_refused),
        cmocka_unit_test(absurd_sizes_cost_a_message_and_no_memory),
        cmocka_unit_test(values_in_other_files_are_refused),
        cmocka_unit_test(values_that_are_not_finite_are_refused),
        cmocka_unit_test(values_that_a_scale_makes_infinite_are_refused),
    };

    H5open();
    return cmocka_run_group_tests(tests, dataset_set_up, dataset_tear_down);
}
