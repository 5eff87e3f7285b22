/* HDF5 arrays: every type, shape and attribute with values known beforehand. */
#include "dataset_files.h"

/* Every integer and float type, in both byte orders, arrives with its values and under its own name. */
static void every_number_type_arrives_with_its_values(void **state)
{
    static const struct {
        hid_t *little, *big;
        const char *name;
        double value[3];
    } types[] = {
        {&H5T_STD_U8LE_g, &H5T_STD_U8BE_g, "uint8", {0, 1, 255}},
        {&H5T_STD_I8LE_g, &H5T_STD_I8BE_g, "int8", {-128, 1, 127}},
        {&H5T_STD_U16LE_g, &H5T_STD_U16BE_g, "uint16", {0, 258, 65535}},
        {&H5T_STD_I16LE_g, &H5T_STD_I16BE_g, "int16", {-32768, 258, 32767}},
        {&H5T_STD_U32LE_g, &H5T_STD_U32BE_g, "uint32", {0, 16909060, 4294967040.0}},
        {&H5T_STD_I32LE_g, &H5T_STD_I32BE_g, "int32", {-2147483648.0, 66051, 2147483520}},
        {&H5T_STD_U64LE_g, &H5T_STD_U64BE_g, "uint64", {0, 258, 0x1p63}},
        {&H5T_STD_I64LE_g, &H5T_STD_I64BE_g, "int64", {-0x1p63, 258, 0x1p40}},
        {&H5T_IEEE_F32LE_g, &H5T_IEEE_F32BE_g, "float32", {-1.5, 0x1p-130, 0x1.fffffep127}},
        {&H5T_IEEE_F64LE_g, &H5T_IEEE_F64BE_g, "float64", {-1.5, 0.25, 0x1.fffffep127}},
    };
    const hsize_t dim[] = {3};

    (void)state;
    for (size_t i = 0; i < count_of(types); i++)
        for (int big = 0; big < 2; big++) {
            const hid_t f = begin();
            ls_array *a;

            H5Dclose(
                put(f, "/x", big ? *types[i].big : *types[i].little, 1, dim, 0, H5T_NATIVE_DOUBLE, types[i].value));
            H5Fclose(f);
            a = open_array("/x", NULL);
            assert_string_equal(ls_array_type(a), types[i].name);
            assert_int_equal(ls_array_samples(a), 3);
            assert_int_equal(ls_array_shape(a)->axes, 0);
            assert_int_equal(ls_array_is_integer(a), i < 8);
            for (uint64_t k = 0; k < 3; k++) {
                float x = -1;

                ls_array_get(a, k, &x);
                assert_true((double)x == types[i].value[k]);
            }
            ls_array_free(a);
        }
}

/* IEEE half precision, as h5py writes it: 1 sign, 5 exponent, 10 fraction bits. */
static void half_precision_is_read(void **state)
{
    const uint16_t bits[] = {0x3c00, 0xc100, 0x0001, 0x7bff}; /* 1, -2.5, 2^-24, 65504 */
    const float want[] = {1, -2.5f, 0x1p-24f, 65504};
    const hid_t half = H5Tcopy(H5T_IEEE_F32LE), f = begin();
    const hsize_t dim[] = {4};
    float x;
    ls_array *a;

    (void)state;
    H5Tset_fields(half, 15, 10, 5, 0, 10);
    H5Tset_size(half, 2);
    H5Tset_ebias(half, 15);
    H5Dclose(put(f, "/x", half, 1, dim, 0, half, bits));
    H5Tclose(half);
    H5Fclose(f);
    a = open_array("/x", NULL);
    assert_string_equal(ls_array_type(a), "float32");
    for (uint64_t i = 0; i < 4; i++) {
        ls_array_get(a, i, &x);
        assert_true(x == want[i]);
    }
    ls_array_free(a);
}

static void shape_rows_and_path_are_as_asked_for(void **state)
{
    static const uint64_t ranges[][2] = {{0, 100}, {0, 1}, {99, 100}, {37, 64}};
    float x[6];

    (void)state;
    for (hsize_t chunk = 0; chunk < 40; chunk += 13) {
        write_grid(100, chunk);
        for (size_t k = 0; k < count_of(ranges); k++) {
            ls_array *a = open_array(k % 2 ? "train/x" : "/train/x", ranges[k]);
            char path[128];

            snprintf(path, sizeof path, "%s:/train/x", file);
            assert_string_equal(ls_array_path(a), path);
            assert_int_equal(ls_array_samples(a), ranges[k][1] - ranges[k][0]);
            assert_int_equal(ls_array_shape(a)->axes, 2);
            assert_int_equal(ls_array_shape(a)->dim[0], 2);
            assert_int_equal(ls_array_shape(a)->dim[1], 3);
            for (uint64_t i = ls_array_samples(a); i-- > 0;) {
                ls_array_get(a, i, x);
                for (int j = 0; j < 6; j++)
                    assert_true((double)x[j] == 1000.0 * (double)(ranges[k][0] + i) + j);
            }
            ls_array_free(a);
        }
    }
}

/* More than one piece of reading, rows beginning within a chunk. */
static void many_pieces_make_one_array(void **state)
{
    const uint64_t rows[] = {12345, 700001};
    float x[6];
    ls_array *a;

    (void)state;
    write_grid(700010, 999);
    a = open_array("/train/x", rows);
    for (uint64_t i = 0; i < ls_array_samples(a); i += 997) {
        ls_array_get(a, i, x);
        for (int j = 0; j < 6; j++)
            assert_true(x[j] == (float)(1000 * (12345 + i) + (uint64_t)j));
    }
    ls_array_free(a);
}

/* uint8 with scale 1/255 is what x.astype("float32") / 255 gives, for all 256 values. */
static void scaled_bytes_are_those_of_numpy(void **state)
{
    const hsize_t dim[] = {1, 256};
    const double scale = 1.0 / 255.0;
    const hid_t f = begin();
    uint8_t v[256];
    float x[256];
    hid_t d;
    ls_array *a;

    (void)state;
    for (int i = 0; i < 256; i++)
        v[i] = (uint8_t)i;
    d = put(f, "/x", H5T_STD_U8LE, 2, dim, 0, H5T_NATIVE_UINT8, v);
    put_attribute(d, "scale", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &scale);
    H5Dclose(d);
    H5Fclose(f);
    a = open_array("/x", NULL);
    assert_string_equal(ls_array_type(a), "uint8");
    assert_false(ls_array_is_integer(a));
    ls_array_get(a, 0, x);
    for (int i = 0; i < 256; i++)
        assert_true(x[i] == (float)i / 255.0f);
    ls_array_free(a);
}

/* Samples (2, 3) of 10 s + j; scale and offset of every allowed length in every combination. */
static void scale_and_offset_may_be_per_feature(void **state)
{
    static const int lengths[] = {-1, 1, 3, 6}; /* -1: scalar */
    const hsize_t dim[] = {4, 2, 3};
    int16_t v[24];

    (void)state;
    for (int i = 0; i < 24; i++)
        v[i] = (int16_t)(10 * (i / 6) + i % 6);
    for (size_t s = 0; s < 4; s++)
        for (size_t o = 0; o < 4; o++) {
            const float scale[] = {2, 0.5f, -4, 8, 0.25f, 1};
            const int32_t offset[] = {1, -2, 3, -4, 5, -6};
            const int scales = abs(lengths[s]), offsets = abs(lengths[o]);
            const hid_t f = begin(), d = put(f, "/x", H5T_STD_I16BE, 3, dim, 0, H5T_NATIVE_INT16, v);
            ls_array *a;

            put_attribute(d, "scale", H5T_IEEE_F32LE, lengths[s], H5T_NATIVE_FLOAT, scale);
            put_attribute(d, "offset", H5T_STD_I32BE, lengths[o], H5T_NATIVE_INT32, offset);
            H5Dclose(d);
            H5Fclose(f);
            a = open_array("/x", NULL);
            for (int i = 0; i < 4; i++) {
                float x[6];

                ls_array_get(a, (uint64_t)i, x);
                for (int j = 0; j < 6; j++)
                    assert_true(x[j] == (float)(10 * i + j - offset[j % offsets]) * scale[j % scales]);
            }
            ls_array_free(a);
        }
}

static void class_names_are_read(void **state)
{
    const hsize_t dim[] = {2};
    const char *const variable[] = {"T-shirt/top", "", "Sandale f\xc3\xbcr"};
    const hid_t f = begin(), fixed = H5Tcopy(H5T_C_S1), padded = H5Tcopy(H5T_FORTRAN_S1), utf8 = H5Tcopy(H5T_C_S1);
    const uint8_t v[2] = {0, 1};
    const char *const *names;
    ls_array *a;
    size_t n;
    hid_t d;

    (void)state;
    H5Tset_size(fixed, 5);
    H5Tset_strpad(fixed, H5T_STR_NULLPAD); /* numpy's S5: the last name fills it without a zero */
    H5Tset_size(padded, 4);
    H5Tset_size(utf8, H5T_VARIABLE);
    H5Tset_cset(utf8, H5T_CSET_UTF8);
    d = put(f, "/fixed", H5T_STD_U8LE, 1, dim, 0, H5T_NATIVE_UINT8, v);
    put_attribute(d, "classes", fixed, 2, fixed, "cat\0\0horse");
    H5Dclose(d);
    d = put(f, "/padded", H5T_STD_U8LE, 1, dim, 0, H5T_NATIVE_UINT8, v);
    put_attribute(d, "classes", padded, 2, padded, "a b wxyz");
    H5Dclose(d);
    d = put(f, "/variable", H5T_STD_U8LE, 1, dim, 0, H5T_NATIVE_UINT8, v);
    put_attribute(d, "classes", utf8, 3, utf8, variable);
    H5Dclose(d);
    H5Dclose(put(f, "/none", H5T_STD_U8LE, 1, dim, 0, H5T_NATIVE_UINT8, v));
    H5Tclose(fixed);
    H5Tclose(padded);
    H5Tclose(utf8);
    H5Fclose(f);

    a = open_array("/fixed", NULL);
    names = ls_array_classes(a, &n);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "cat");
    assert_string_equal(names[1], "horse");
    ls_array_free(a);
    a = open_array("/padded", NULL);
    names = ls_array_classes(a, &n);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "a b");
    assert_string_equal(names[1], "wxyz");
    ls_array_free(a);
    a = open_array("/variable", NULL);
    names = ls_array_classes(a, &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(names[i], variable[i]);
    ls_array_free(a);
    a = open_array("/none", NULL);
    assert_null(ls_array_classes(a, &n));
    assert_int_equal(n, 0);
    ls_array_free(a);
}

static void write_labels(hid_t type, const double *label, hsize_t n, bool column)
{
    const hsize_t dim[] = {n, 1};
    const hid_t f = begin();

    H5Dclose(put(f, "/train/y", type, column ? 2 : 1, dim, 0, H5T_NATIVE_DOUBLE, label));
    H5Fclose(f);
}

static void labels_are_checked_and_read(void **state)
{
    double label[20];
    ls_array *a;

    (void)state;
    for (int i = 0; i < 20; i++)
        label[i] = i % 10;
    write_labels(H5T_STD_U8LE, label, 20, false);
    a = open_array("/train/y", NULL);
    assert_true(ok(ls_array_check_labels(a, 10)));
    FAILS(ls_array_check_labels(a, 9), LS_ERR_DATA, "data.h5:/train/y: sample 9 has label 9", "9 classes", "0 to 8");
    FAILS(ls_array_check_labels(a, 0), LS_ERR_ARG, "0 classes");
    FAILS(ls_array_check_labels(a, UINT64_MAX), LS_ERR_ARG, "classes");
    ls_array_free(a);

    label[17] = 10;
    write_labels(H5T_STD_I64BE, label, 20, true);
    a = open_array("/train/y", NULL);
    FAILS(ls_array_check_labels(a, 10), LS_ERR_DATA,
          "data.h5:/train/y: sample 17 has label 10, but the model has 10 classes: labels must be 0 to 9");
    ls_array_free(a);
    a = open_array("/train/y", (uint64_t[]){15, 20}); /* named as in the file, not as in the range */
    FAILS(ls_array_check_labels(a, 10), LS_ERR_DATA, "sample 17 has label 10");
    ls_array_free(a);

    label[17] = -1;
    write_labels(H5T_STD_I8LE, label, 20, false);
    a = open_array("/train/y", NULL);
    FAILS(ls_array_check_labels(a, 10), LS_ERR_DATA, "sample 17 has label -1,");
    ls_array_free(a);

    label[17] = 2.5;
    write_labels(H5T_IEEE_F32LE, label, 20, false);
    a = open_array("/train/y", NULL);
    FAILS(ls_array_check_labels(a, 10), LS_ERR_DATA, "sample 17 has label 2.5,", "integers");
    ls_array_free(a);

    label[17] = 1;
    write_labels(H5T_IEEE_F32LE, label, 20, false); /* whole numbers in a float type are fine */
    a = open_array("/train/y", NULL);
    assert_true(ok(ls_array_check_labels(a, 10)));
    ls_array_free(a);
}

static void labels_become_one_hot_rows(void **state)
{
    const double label[] = {2, 0, 3, 1, 2};
    float x[5];
    ls_array *a;

    (void)state;
    for (int column = 0; column < 2; column++) {
        write_labels(column ? H5T_STD_I64LE : H5T_STD_U8LE, label, 5, column);
        a = open_array("/train/y", NULL);
        FAILS(ls_array_one_hot(a, 3), LS_ERR_DATA, "sample 2 has label 3");
        assert_int_equal(ls_array_shape(a)->axes, column); /* a refusal changes nothing */
        assert_true(ok(ls_array_one_hot(a, 4)));
        assert_int_equal(ls_array_shape(a)->axes, 1);
        assert_int_equal(ls_array_shape(a)->dim[0], 4);
        for (uint64_t i = 0; i < 5; i++) {
            for (int j = 0; j < 5; j++)
                x[j] = -7;
            ls_array_get(a, i, x);
            for (int j = 0; j < 4; j++)
                assert_true(x[j] == (j == (int)label[i] ? 1.0f : 0.0f));
            assert_true(x[4] == -7);
        }
        FAILS(ls_array_one_hot(a, 4), LS_ERR_ARG, "one-hot already");
        ls_array_free(a);
    }
    write_grid(3, 0);
    a = open_array("/train/x", NULL);
    FAILS(ls_array_one_hot(a, 4), LS_ERR_SHAPE, "(2, 3)", "one_hot");
    ls_array_free(a);
}

static uint64_t hash_of(hid_t type, const double *values, int rank, const hsize_t *dim, double scale)
{
    const hid_t f = begin(), d = put(f, "/x", type, rank, dim, 0, H5T_NATIVE_DOUBLE, values);
    uint64_t hash;
    ls_array *a;

    if (scale != 1)
        put_attribute(d, "scale", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &scale);
    H5Dclose(d);
    H5Fclose(f);
    a = open_array("/x", NULL);
    hash = ls_array_hash(a);
    ls_array_free(a);
    return hash;
}

/* Equal data, equal hash, whatever the byte order on disk; any difference in type, shape, value or scale shows. */
static void equal_data_have_equal_hashes(void **state)
{
    const hsize_t flat[] = {12, 1, 1}, table[] = {2, 2, 3}, wide[] = {2, 3, 2};
    double v[12], w[12];
    uint64_t hash;

    (void)state;
    for (int i = 0; i < 12; i++)
        v[i] = w[i] = i;
    w[11] = 12;
    hash = hash_of(H5T_STD_I16LE, v, 3, table, 1);
    assert_true(hash == hash_of(H5T_STD_I16LE, v, 3, table, 1));
    assert_true(hash == hash_of(H5T_STD_I16BE, v, 3, table, 1));
    assert_true(hash != hash_of(H5T_STD_U16LE, v, 3, table, 1));
    assert_true(hash != hash_of(H5T_STD_I16LE, w, 3, table, 1));
    assert_true(hash != hash_of(H5T_STD_I16LE, v, 3, wide, 1));
    assert_true(hash != hash_of(H5T_STD_I16LE, v, 3, table, 0.5));
    assert_true(hash_of(H5T_STD_I16LE, v, 1, flat, 1) != hash_of(H5T_STD_I16LE, v, 2, flat, 1));
}

/* n samples of 64 KiB, zeros but for one byte of the first sample. */
static void write_large(hsize_t n, uint8_t byte)
{
    const hsize_t dim[] = {n, 65536}, chunk[] = {1, 65536}, one[] = {1, 1}, start[] = {0, 5};
    const hid_t f = begin(), space = H5Screate_simple(2, dim, NULL), memory = H5Screate_simple(2, one, NULL);
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    hid_t d;

    H5Pset_chunk(create, 2, chunk);
    H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY); /* the zeros are written */
    d = H5Dcreate2(f, "/x", H5T_STD_U8LE, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, one, NULL);
    assert_true(H5Dwrite(d, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, &byte) >= 0);
    H5Dclose(d);
    H5Pclose(create);
    H5Sclose(memory);
    H5Sclose(space);
    H5Fclose(f);
}

/* The identity does not know whether the values are in memory; small arrays are hashed whole, large ones sampled. */
static void identity_does_not_know_where_values_lie(void **state)
{
    const uint64_t cut[] = {3, 900};
    uint64_t seen[4];
    size_t n = 0;

    (void)state;
    for (int large = 0; large < 2; large++)
        for (uint8_t byte = 1; byte < 3; byte++) {
            ls_array *loaded, *described;

            write_large(large ? 1100 : 1000, byte); /* 69 and 62.5 MiB */
            for (int all = 0; all < 2; all++) {
                loaded = open_array("/x", all ? NULL : cut);
                assert_true(ok(ls_array_describe(file, "/x", all ? NULL : cut, &described)));
                assert_true(ok(ls_array_identify(loaded)));
                assert_true(ok(ls_array_identify(described)));
                assert_false(ls_array_is_loaded(described));
                assert_true(ls_array_identity(loaded) == ls_array_identity(described));
                assert_true((ls_array_identity(loaded) == ls_array_hash(loaded)) == !(large && all));
                if (all)
                    seen[n++] = ls_array_identity(loaded);
                ls_array_free(loaded);
                ls_array_free(described);
            }
        }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
}

static void null_may_be_freed(void **state)
{
    (void)state;
    ls_array_free(NULL);
}

/* (channels, height, width) to (height, width, channels); scale and offset go with the stored elements. */
static void channels_come_last_when_asked_for(void **state)
{
    const hsize_t dim[] = {2, 3, 2, 5}, flat[] = {2, 30};
    uint8_t bytes[60];
    float floats[60], got[30];
    double scale[30], offset[30];
    ls_array *a;
    hid_t f, d;
    uint64_t before;

    (void)state;
    for (size_t i = 0; i < 60; i++) {
        bytes[i] = (uint8_t)(i * 4);
        floats[i] = (float)i / 8;
        scale[i % 30] = 1 + (double)(i % 30);
        offset[i % 30] = (double)(i % 30) / 2;
    }
    f = begin();
    H5Dclose(put(f, "/bytes", H5T_STD_U8LE, 4, dim, 0, H5T_NATIVE_UINT8, bytes));
    H5Dclose(put(f, "/floats", H5T_IEEE_F32LE, 4, dim, 0, H5T_NATIVE_FLOAT, floats));
    d = put(f, "/scaled", H5T_STD_U8LE, 4, dim, 0, H5T_NATIVE_UINT8, bytes);
    put_attribute(d, "scale", H5T_IEEE_F64LE, 30, H5T_NATIVE_DOUBLE, scale);
    put_attribute(d, "offset", H5T_IEEE_F64LE, 30, H5T_NATIVE_DOUBLE, offset);
    H5Dclose(d);
    H5Dclose(put(f, "/flat", H5T_STD_U8LE, 2, flat, 0, H5T_NATIVE_UINT8, bytes));
    H5Fclose(f);
    for (int kind = 0; kind < 3; kind++) {
        a = open_array(kind == 0 ? "/bytes" : kind == 1 ? "/floats" : "/scaled", NULL);
        before = ls_array_hash(a);
        assert_true(ok(ls_array_channels_first(a)));
        assert_true(ls_array_hash(a) != before);
        assert_int_equal(ls_array_shape(a)->axes, 3);
        assert_int_equal(ls_array_shape(a)->dim[0], 2);
        assert_int_equal(ls_array_shape(a)->dim[1], 5);
        assert_int_equal(ls_array_shape(a)->dim[2], 3);
        for (size_t sample = 0; sample < 2; sample++) {
            ls_array_get(a, sample, got);
            for (size_t c = 0; c < 3; c++)
                for (size_t p = 0; p < 10; p++) {
                    const size_t i = c * 10 + p, at = sample * 30 + i;
                    const double want = kind == 0   ? bytes[at]
                                        : kind == 1 ? (double)floats[at]
                                                    : (bytes[at] - offset[i]) * scale[i];

                    assert_true(got[p * 3 + c] == (float)want);
                }
        }
        ls_array_free(a);
    }
    a = open_array("/flat", NULL);
    FAILS(ls_array_channels_first(a), LS_ERR_SHAPE, "/flat", "(30,)", "channels_first");
    ls_array_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_type_arrives_with_its_values),
        cmocka_unit_test(half_precision_is_read),
        cmocka_unit_test(shape_rows_and_path_are_as_asked_for),
        cmocka_unit_test(many_pieces_make_one_array),
        cmocka_unit_test(scaled_bytes_are_those_of_numpy),
        cmocka_unit_test(scale_and_offset_may_be_per_feature),
        cmocka_unit_test(class_names_are_read),
        cmocka_unit_test(labels_are_checked_and_read),
        cmocka_unit_test(labels_become_one_hot_rows),
        cmocka_unit_test(equal_data_have_equal_hashes),
        cmocka_unit_test(identity_does_not_know_where_values_lie),
        cmocka_unit_test(null_may_be_freed),
        cmocka_unit_test(channels_come_last_when_asked_for),
    };

    H5open();
    return cmocka_run_group_tests(tests, dataset_set_up, dataset_tear_down);
}
