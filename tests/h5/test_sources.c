/* What a data file leads to and what nobody has written: read whole and right, or refused with what is the case. */
#include "dataset_files.h"

#include <fcntl.h>
#include <sys/file.h>

#include "data/dataset_impl.h"
#include "h5/case.h"
#include "h5/open.h"

static char source[64], pipe_[64], outside[64], below[64], folder_below[64];

static const hsize_t grid[] = {10, 2};

static int set_up_sources(void **state)
{
    if (dataset_set_up(state))
        return -1;
    snprintf(source, sizeof source, "%s/source.h5", folder);
    snprintf(pipe_, sizeof pipe_, "%s/pipe", folder);
    snprintf(folder_below, sizeof folder_below, "%s/sub", folder);
    snprintf(below, sizeof below, "%s/sub/source.h5", folder);
    snprintf(outside, sizeof outside, "%s.outside.h5", folder);
    return mkfifo(pipe_, 0600) || mkdir(folder_below, 0700);
}

static int tear_down_sources(void **state)
{
    unlink(source);
    unlink(pipe_);
    unlink(below);
    rmdir(folder_below);
    unlink(outside);
    return dataset_tear_down(state);
}

/* /x: 10 rows i, -i, in this file. */
static void write_source(const char *path)
{
    const hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    float v[20];

    for (int i = 0; i < 20; i++)
        v[i] = (float)(i % 2 ? -i / 2 : i / 2);
    assert_true(f >= 0);
    H5Dclose(put(f, "/x", H5T_IEEE_F32LE, 2, grid, 0, H5T_NATIVE_FLOAT, v));
    H5Fclose(f);
}

/* Rows 0 to 9 of /x, and no others. */
static void has_grid(const ls_h5_rules *rules, float last)
{
    ls_array *a = NULL;
    float v[2];

    assert_true(ok(ls_array_describe_by(rules, file, "/x", NULL, &a)));
    assert_true(ok(ls_array_load(a, NULL)));
    assert_int_equal(ls_array_samples(a), 10);
    ls_array_get(a, 3, v);
    assert_true(v[0] == 3 && v[1] == -3);
    ls_array_get(a, 9, v);
    assert_true(v[0] == last);
    ls_array_free(a);
}

static const ls_h5_rules strict, any_links = {.any_links = true}, fill = {.unwritten = true};

#define REFUSED(rules, status, ...)                                                        \
    do {                                                                                   \
        ls_array *none_;                                                                   \
                                                                                           \
        FAILS(ls_array_describe_by(rules, file, "/x", NULL, &none_), status, __VA_ARGS__); \
    } while (0)

/* Rows [begin, end) of a virtual /x are those of /x in `from`; more of them may follow. */
static void map_rows(hid_t creation, const char *from, hsize_t begin, hsize_t end, hsize_t source_rows)
{
    const hsize_t start[] = {begin, 0}, count[] = {end - begin, 2}, zero[] = {0, 0}, dim[] = {source_rows, 2};
    const hid_t here = H5Screate_simple(2, grid, NULL), there = H5Screate_simple(2, dim, NULL);

    H5Sselect_hyperslab(here, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Sselect_hyperslab(there, H5S_SELECT_SET, zero, NULL, count, NULL);
    assert_true(H5Pset_virtual(creation, here, from, "/x", there) >= 0);
    H5Sclose(here);
    H5Sclose(there);
}

static void write_virtual(const char *from, hsize_t rows)
{
    const hid_t f = begin(), creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, grid, NULL);

    map_rows(creation, from, 0, rows, 10);
    H5Dclose(H5Dcreate2(f, "/x", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
}

static void virtual_datasets_are_whole_or_refused(void **state)
{
    char name[80];

    (void)state;
    write_source(source);
    write_virtual("source.h5", 10);
    has_grid(&strict, 9);
    write_virtual("source.h5", 7);
    REFUSED(&strict, LS_ERR_DATA, "samples 7 to 9 were never written", "no source", "unwritten: fill");
    has_grid(&fill, 0);
    write_virtual("gone.h5", 10);
    REFUSED(&strict, LS_ERR_DATA, "source 'gone.h5:/x'", "not there");
    write_virtual("pipe", 10); /* which HDF5 would wait for */
    REFUSED(&strict, LS_ERR_IO, "pipe", "not a regular file");
    REFUSED(&any_links, LS_ERR_IO, "pipe", "not a regular file");
    write_source(below);
    write_virtual("sub/source.h5", 10);
    has_grid(&strict, 9);
    write_source(outside);
    snprintf(name, sizeof name, "../%s", outside);
    write_virtual(name, 10);
    REFUSED(&strict, LS_ERR_DATA, outside, "outside the folder", "links: any");
    has_grid(&any_links, 9);
    write_virtual(".", 10); /* itself, where there is nothing to take */
    REFUSED(&strict, LS_ERR_DATA, "virtual");
}

/* A source that has shrunk, or was never written itself. */
static void sources_that_lack_values_are_refused(void **state)
{
    const hsize_t few[] = {4, 2};
    float v[8] = {0};
    hid_t f;

    (void)state;
    write_virtual("source.h5", 10);
    f = H5Fcreate(source, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(put(f, "/x", H5T_IEEE_F32LE, 2, few, 0, H5T_NATIVE_FLOAT, v));
    H5Fclose(f);
    REFUSED(&strict, LS_ERR_DATA, "source.h5:/x", "length 4", "10 are taken");
    f = H5Fcreate(source, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(put(f, "/x", H5T_IEEE_F32LE, 2, grid, 0, H5T_NATIVE_FLOAT, NULL));
    H5Fclose(f);
    REFUSED(&strict, LS_ERR_DATA, "source.h5:/x", "samples 0 to 9 were never written");
    f = H5Fcreate(source, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(put(f, "/y", H5T_IEEE_F32LE, 2, grid, 0, H5T_NATIVE_FLOAT, NULL));
    H5Fclose(f);
    REFUSED(&strict, LS_ERR_DATA, "source.h5:/x", "not there");
}

static void write_external(const char *to)
{
    const hid_t f = begin();

    assert_true(H5Lcreate_external(to, "/x", f, "/x", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
}

static void links_lead_to_allowed_files_only(void **state)
{
    char name[80];
    hid_t f;

    (void)state;
    write_source(source);
    write_external("source.h5");
    has_grid(&strict, 9);
    write_external("gone.h5");
    REFUSED(&strict, LS_ERR_DATA, "the link /x -> gone.h5:/x", "not there");
    write_external("pipe");
    REFUSED(&strict, LS_ERR_IO, "the link /x -> pipe:/x", "not a regular file");
    write_source(outside);
    snprintf(name, sizeof name, "../%s", outside);
    write_external(name);
    REFUSED(&strict, LS_ERR_DATA, outside, "outside the folder", "links: any");
    has_grid(&any_links, 9);
    write_source(file);
    f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Lmove(f, "/x", f, "/y", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("y", f, "/z", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/z", f, "/x", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/nothing", f, "/dangling", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/loop", f, "/loop", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(f);
    has_grid(&strict, 9);
    OPEN_FAILS("/dangling", NULL, LS_ERR_DATA, "the link /dangling -> /nothing", "no '/nothing'");
    OPEN_FAILS("/loop", NULL, LS_ERR_DATA, "/loop", "in a circle");
    OPEN_FAILS("/nowhere", NULL, LS_ERR_DATA, "no such dataset", "/y");
}

/* Chunks of 2 rows, of which those from row 4 to 7 are not there. */
static void chunks_that_nobody_wrote_are_refused(void **state)
{
    const hsize_t chunk[] = {2, 1}, start[] = {8, 0}, head[] = {4, 2}, tail[] = {2, 2};
    const uint64_t first[] = {0, 4}, cut[] = {0, 5}, last[] = {8, 10};
    float v[20] = {0, 0, 1, -1, 2, -2, 3, -3};
    const hid_t f = begin(), creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, grid, NULL);
    hid_t d, memory = H5Screate_simple(2, head, NULL);
    ls_array *a;

    (void)state;
    H5Pset_chunk(creation, 2, chunk);
    d = H5Dcreate2(f, "/x", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, (const hsize_t[]){0, 0}, NULL, head, NULL);
    H5Dwrite(d, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, v);
    H5Sclose(memory);
    memory = H5Screate_simple(2, tail, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, tail, NULL);
    H5Dwrite(d, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, v);
    H5Sclose(memory);
    H5Sclose(space);
    H5Pclose(creation);
    H5Dclose(d);
    H5Dclose(put(f, "/never", H5T_IEEE_F32LE, 2, grid, 0, H5T_NATIVE_FLOAT, NULL));
    H5Fclose(f);
    REFUSED(&strict, LS_ERR_DATA, "samples 4 to 7 were never written");
    OPEN_FAILS("/never", NULL, LS_ERR_DATA, "samples 0 to 9 were never written");
    OPEN_FAILS("/x", cut, LS_ERR_DATA, "samples 4 to 4 were never written");
    has_grid(&fill, 1);
    ls_array_free(open_array("/x", first));
    ls_array_free(open_array("/x", last));
    assert_true(ok(ls_array_describe_by(&fill, file, "/never", NULL, &a)));
    ls_array_free(a);
}

/* Cut, written to or replaced between two reads: an error and never zeros. */
static void a_file_that_changes_is_an_error(void **state)
{
    static const off_t lengths[] = {0, 2048};
    char spare[80];
    float v[20000];
    ls_array *a;
    ls_array_reader *reader;

    (void)state;
    snprintf(spare, sizeof spare, "%s/other", folder);
    for (size_t i = 0; i < 5; i++) {
        const hsize_t dim[] = {10000, 2};
        const hid_t f = begin();

        for (int k = 0; k < 20000; k++)
            v[k] = (float)k;
        H5Dclose(put(f, "/x", H5T_IEEE_F32LE, 2, dim, 100, H5T_NATIVE_FLOAT, v));
        H5Fclose(f);
        assert_true(ok(ls_array_describe(file, "/x", NULL, &a)));
        assert_true(ok(ls_array_reader_open(a, &reader)));
        assert_true(ok(ls_array_reader_read(reader, 0, 100, v)));
        if (i < 2)
            assert_int_equal(truncate(file, lengths[i]), 0);
        else if (i == 2)
            assert_int_equal(utimensat(AT_FDCWD, file, NULL, 0), 0);
        else if (i == 3)
            assert_int_equal(unlink(file), 0);
        else
            write_source(spare), assert_int_equal(rename(spare, file), 0);
        FAILS(ls_array_reader_read(reader, 9000, 100, v), LS_ERR_IO, file,
              i < 2    ? "it had"
              : i == 2 ? "written to"
              : i == 3 ? "has gone"
                       : "replaced");
        ls_array_reader_close(reader);
        FAILS(ls_array_load(a, NULL), LS_ERR_IO, file);
        ls_array_free(a);
    }
}

/* The sources of a virtual dataset, too. */
static void a_source_that_goes_is_an_error(void **state)
{
    ls_array *a;

    (void)state;
    write_source(source);
    write_virtual("source.h5", 10);
    assert_true(ok(ls_array_describe(file, "/x", NULL, &a)));
    assert_int_equal(unlink(source), 0); /* HDF5 gives zeros now */
    FAILS(ls_array_load(a, NULL), LS_ERR_IO, "source.h5", "has gone");
    ls_array_free(a);
}

static void files_of_other_kinds_are_named(void **state)
{
    static const char *const cases[][2] = {
        {"<!DOCTYPE html><html>", "a web page"},
        {"\n <HTML><head>", "a web page"},
        {"version https://git-lfs.github.com/spec/v1\n", "Git LFS"},
        {"\x1f\x8b\x08", "gzip"},
        {"PK\x03\x04 zip", "ZIP"},
        {"\x93NUMPY\x01", "NumPy"},
        {"CDF\x01", "netCDF"},
        {"a,b\n1,2\n", "text"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        FILE *const f = fopen(file, "w");

        assert_non_null(f);
        fputs(cases[i][0], f);
        fclose(f);
        OPEN_FAILS("/x", NULL, LS_ERR_FORMAT, file, "not an HDF5 file", cases[i][1]);
    }
}

/* A filter that packs by adding 1, and is forgotten before anybody reads. */
static size_t add_one(unsigned flags, size_t n, const unsigned values[], size_t bytes, size_t *room, void **buffer)
{
    (void)flags;
    (void)n;
    (void)values;
    (void)room;
    for (size_t i = 0; i < bytes; i++)
        (*(unsigned char **)buffer)[i]++;
    return bytes;
}

static void a_missing_filter_is_named(void **state)
{
    const H5Z_class2_t class = {H5Z_CLASS_T_VERS, 32015, 1, 1, "zstd", NULL, NULL, add_one};
    const hid_t f = begin(), creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, grid, NULL);
    float v[20] = {0};
    ls_array *a;
    hid_t d;

    (void)state;
    assert_true(H5Zregister(&class) >= 0);
    H5Pset_chunk(creation, 2, grid);
    H5Pset_filter(creation, 32015, H5Z_FLAG_MANDATORY, 0, NULL);
    d = H5Dcreate2(f, "/x", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Dclose(d);
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
    assert_true(H5Zunregister(32015) >= 0);
    FAILS(ls_array_open(file, "/x", NULL, &a), LS_ERR_DATA, "/x", "filter Zstandard (number 32015)", "h5repack");
}

/* Another program has it open for writing, as far as locks tell. */
static void a_locked_file_is_said_to_be_locked(void **state)
{
    int fd;

    (void)state;
    write_source(file);
    fd = open(file, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    OPEN_FAILS("/x", NULL, LS_ERR_IO, file, "another program");
    close(fd);
    ls_array_free(open_array("/x", NULL));
}

#define WIDE ((hsize_t)70000) /* bytes of a row: 1000 of them are more than what is hashed whole */

/* Rows of zeros, the first of which begins with `value`. */
static void write_wide(const char *path, hsize_t rows, unsigned char value)
{
    const hsize_t dim[] = {rows, WIDE}, chunk[] = {50 < rows ? 50 : rows, WIDE};
    const hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate_simple(2, dim, NULL);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    unsigned char *const v = calloc(rows, WIDE);
    hid_t set;

    assert_true(v && H5Pset_chunk(creation, 2, chunk) >= 0);
    assert_true(rows == 1 || H5Pset_deflate(creation, 1) >= 0); /* one row is as long whatever it holds */
    assert_true(H5Pset_obj_track_times(creation, false) >= 0);
    *v = value;
    set = H5Dcreate2(f, "/x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    free(v);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
}

/* Rows [first, first + rows) of a virtual /x of 1000 are those from `there` on of one of `all` rows. */
static void map_wide(hid_t creation, const char *from, hsize_t first, hsize_t rows, hsize_t there, hsize_t all)
{
    const hsize_t thousand[] = {1000, WIDE}, whole[] = {all, WIDE}, count[] = {rows, WIDE};
    const hsize_t start[] = {first, 0}, source_start[] = {there, 0};
    const hid_t space = H5Screate_simple(2, thousand, NULL), source_space = H5Screate_simple(2, whole, NULL);

    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Sselect_hyperslab(source_space, H5S_SELECT_SET, source_start, NULL, count, NULL);
    assert_true(H5Pset_virtual(creation, space, from, "/x", source_space) >= 0);
    H5Sclose(space);
    H5Sclose(source_space);
}

static uint64_t identity_of_x(bool loaded)
{
    ls_array *a = NULL;
    uint64_t identity;

    assert_true(ok(ls_array_describe_by(&strict, file, "/x", NULL, &a)));
    assert_true(!loaded || ok(ls_array_load(a, NULL)));
    assert_true(ok(ls_array_identify(a)));
    identity = ls_array_identity(a);
    ls_array_free(a);
    return identity;
}

/* Of 1000 rows 64 are looked at, 15 or 16 rows apart from the first on; row 10 lies in a file of its own. */
static void a_source_that_no_sample_touches_is_part_of_the_identity(void **state)
{
    const hsize_t all[] = {1000, WIDE};
    hid_t f, creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, all, NULL);
    uint64_t before;

    (void)state;
    write_wide(source, 1000, 0);
    write_wide(below, 1, 1);
    f = begin();
    map_wide(creation, "source.h5", 0, 10, 0, 1000);
    map_wide(creation, "sub/source.h5", 10, 1, 0, 1);
    map_wide(creation, "source.h5", 11, 989, 11, 1000);
    H5Dclose(H5Dcreate2(f, "/x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(f);
    before = identity_of_x(false);
    assert_true(identity_of_x(true) == before);
    write_wide(below, 1, 1); /* the same again */
    assert_true(identity_of_x(false) == before);
    write_wide(below, 1, 2);
    assert_true(identity_of_x(false) != before);
}

static void booleans_are_bytes(void **state)
{
    const hid_t bool_type = H5Tenum_create(H5T_STD_I8LE), color = H5Tenum_create(H5T_STD_I8LE), f = begin();
    const signed char v[] = {1, 0, 1, 1}, zero = 0, one = 1;
    const hsize_t dim = 4;
    static const char *const paths[] = {"/b", "/bits"};

    (void)state;
    H5Tenum_insert(bool_type, "FALSE", &zero);
    H5Tenum_insert(bool_type, "TRUE", &one);
    H5Tenum_insert(color, "RED", &zero);
    H5Tenum_insert(color, "BLUE", &one);
    H5Dclose(put(f, "/b", bool_type, 1, &dim, 0, bool_type, v));
    H5Dclose(put(f, "/c", color, 1, &dim, 0, color, v));
    H5Dclose(put(f, "/bits", H5T_STD_B8LE, 1, &dim, 0, H5T_NATIVE_B8, v));
    H5Tclose(bool_type);
    H5Tclose(color);
    H5Fclose(f);
    for (size_t i = 0; i < 2; i++) {
        ls_array *const a = open_array(paths[i], NULL);

        assert_string_equal(ls_array_type(a), "uint8");
        for (uint64_t k = 0; k < 4; k++) {
            float got;

            ls_array_get(a, k, &got);
            assert_true(got == (float)v[k]);
        }
        ls_array_free(a);
    }
    OPEN_FAILS("/c", NULL, LS_ERR_DATA, "/c", "enumeration");
}

/* NumPy: np.float32(np.array([-700, 0, 25000, 32767]) * 0.01 + 273.15), in float64 before. */
static void packed_values_of_netcdf_are_unpacked(void **state)
{
    const int16_t v[] = {-700, 0, 25000, 32767}, gap = -32768;
    const float want[] = {266.15f, 273.15f, 523.15f, 600.82f};
    const double factor = 0.01, shift = 273.15, zero = 0;
    const hsize_t dim = 4;
    const hid_t f = begin();
    hid_t d = put(f, "/t", H5T_STD_I16LE, 1, &dim, 0, H5T_NATIVE_INT16, v);
    ls_array *a;

    (void)state;
    put_attribute(d, "scale_factor", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &factor);
    put_attribute(d, "add_offset", H5T_IEEE_F64LE, 1, H5T_NATIVE_DOUBLE, &shift);
    put_attribute(d, "_FillValue", H5T_STD_I16LE, 1, H5T_NATIVE_INT16, &gap);
    H5Dclose(d);
    d = put(f, "/both", H5T_STD_I16LE, 1, &dim, 0, H5T_NATIVE_INT16, v);
    put_attribute(d, "scale_factor", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &factor);
    put_attribute(d, "offset", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &shift);
    H5Dclose(d);
    d = put(f, "/zero", H5T_STD_I16LE, 1, &dim, 0, H5T_NATIVE_INT16, v);
    put_attribute(d, "scale_factor", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &zero);
    H5Dclose(d);
    d = put(f, "/gap", H5T_STD_I16LE, 1, &dim, 0, H5T_NATIVE_INT16, v);
    put_attribute(d, "missing_value", H5T_STD_I16LE, -1, H5T_NATIVE_INT16, &v[2]);
    H5Dclose(d);
    H5Fclose(f);
    a = open_array("/t", NULL);
    for (uint64_t i = 0; i < 4; i++) {
        float got;

        ls_array_get(a, i, &got);
        assert_true(got == want[i]);
    }
    ls_array_free(a);
    OPEN_FAILS("/both", NULL, LS_ERR_DATA, "scale_factor", "offset");
    OPEN_FAILS("/zero", NULL, LS_ERR_DATA, "scale_factor", "0");
    OPEN_FAILS("/gap", NULL, LS_ERR_DATA, "sample 2", "25000", "missing value");
}

/* As netCDF4-python masks them: every value of both attributes, rounded as the dataset rounds, and what is not valid.
 */
static void marks_of_missing_values_of_netcdf_are_found(void **state)
{
    static const struct {
        const char *path, *attribute, *says;
        double value[2];
        int values;
        bool bytes; /* of the dataset, not float32 */
    } cases[] = {
        {"/rounded", "missing_value", "_FillValue or missing_value", {-9999.9}, -1, false},
        {"/second", "missing_value", "_FillValue or missing_value", {-1, 250}, 2, true},
        {"/wrapped", "_FillValue", "_FillValue or missing_value", {-6}, -1, true},
        {"/range", "valid_range", "valid_range", {0, 249}, 2, true},
        {"/min", "valid_min", "valid_min", {-9999}, -1, false},
        {"/max", "valid_max", "valid_max", {249}, -1, true},
    };
    const float floats[] = {1, 2, -9999.9f};
    const uint8_t bytes[] = {1, 2, 250};
    const double other = 77, tiny = 1e-300, far = 1e10;
    const hsize_t dim = 3;
    const hid_t f = begin();
    hid_t d;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        d = cases[i].bytes ? put(f, cases[i].path, H5T_STD_U8LE, 1, &dim, 0, H5T_NATIVE_UINT8, bytes)
                           : put(f, cases[i].path, H5T_IEEE_F32LE, 1, &dim, 0, H5T_NATIVE_FLOAT, floats);
        put_attribute(d, cases[i].attribute, H5T_IEEE_F64LE, cases[i].values, H5T_NATIVE_DOUBLE, cases[i].value);
        if (strcmp(cases[i].attribute, "missing_value") == 0)
            put_attribute(d, "_FillValue", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &other);
        H5Dclose(d);
    }
    d = put(f, "/sign", H5T_STD_U8LE, 1, &dim, 0, H5T_NATIVE_UINT8, bytes);
    put_attribute(d, "_Unsigned", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &other);
    H5Dclose(d);
    d = put(f, "/tiny", H5T_STD_U8LE, 1, &dim, 0, H5T_NATIVE_UINT8, bytes);
    put_attribute(d, "scale_factor", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &tiny);
    put_attribute(d, "add_offset", H5T_IEEE_F64LE, -1, H5T_NATIVE_DOUBLE, &far);
    H5Dclose(d);
    H5Fclose(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        OPEN_FAILS(cases[i].path, NULL, LS_ERR_DATA, cases[i].path, "sample 2", cases[i].says, "missing value");
    OPEN_FAILS("/sign", NULL, LS_ERR_DATA, "_Unsigned");
    OPEN_FAILS("/tiny", NULL, LS_ERR_DATA, "scale_factor", "add_offset");
}

/* Zeros anywhere in the heap of a text: found, and never read for ever. */
static void a_heap_without_end_is_refused(void **state)
{
    const hid_t type = H5Tcopy(H5T_C_S1), f = begin();
    const char *const text = "a text of some length that lies in a heap of the file";
    const hsize_t dim = 4;
    const float v[4] = {0};
    size_t size, heaps = 0;
    char *bytes;
    FILE *stream;
    hid_t d;

    (void)state;
    H5Tset_size(type, H5T_VARIABLE);
    d = put(f, "/x", H5T_IEEE_F32LE, 1, &dim, 0, H5T_NATIVE_FLOAT, v);
    put_attribute(d, "classes", type, -1, type, &text);
    H5Dclose(d);
    H5Tclose(type);
    H5Fclose(f);
    stream = fopen(file, "rb");
    fseek(stream, 0, SEEK_END);
    size = (size_t)ftell(stream);
    rewind(stream);
    bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, stream), size);
    fclose(stream);
    assert_true(ok(ls_h5_check_heaps(bytes, size, "whole")));
    for (size_t at = 0; at + 4 < size; at++) {
        char kept[64];

        if (memcmp(bytes + at, "GCOL", 4) != 0)
            continue;
        heaps++;
        memcpy(kept, bytes + at + 16, sizeof kept);
        memset(bytes + at + 16, 0, sizeof kept);
        stream = fopen(file, "wb");
        fwrite(bytes, 1, size, stream);
        fclose(stream);
        memcpy(bytes + at + 16, kept, sizeof kept);
        OPEN_FAILS("/x", NULL, LS_ERR_FORMAT, file, "has no end");
    }
    assert_int_equal(heaps, 1);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(virtual_datasets_are_whole_or_refused),
        cmocka_unit_test(sources_that_lack_values_are_refused),
        cmocka_unit_test(links_lead_to_allowed_files_only),
        cmocka_unit_test(chunks_that_nobody_wrote_are_refused),
        cmocka_unit_test(a_file_that_changes_is_an_error),
        cmocka_unit_test(a_source_that_goes_is_an_error),
        cmocka_unit_test(a_source_that_no_sample_touches_is_part_of_the_identity),
        cmocka_unit_test(files_of_other_kinds_are_named),
        cmocka_unit_test(a_missing_filter_is_named),
        cmocka_unit_test(a_locked_file_is_said_to_be_locked),
        cmocka_unit_test(booleans_are_bytes),
        cmocka_unit_test(marks_of_missing_values_of_netcdf_are_found),
        cmocka_unit_test(packed_values_of_netcdf_are_unpacked),
        cmocka_unit_test(a_heap_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up_sources, tear_down_sources);
}
