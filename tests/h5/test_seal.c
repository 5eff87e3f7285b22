/* Files that are written whole are sealed: HDF5 reads them as ever, and damage is found before HDF5 sees it. */
#include "files.h"
#include "ls_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "h5/file.h"
#include "h5/seal.h"

static char *path;
static unsigned char *whole;
static size_t bytes;

static int make_file(void **state)
{
    const size_t dim = 700;
    float values[700];
    hid_t file;
    FILE *f;

    if (folder_set_up(state))
        return -1;
    for (size_t i = 0; i < dim; i++)
        values[i] = (float)i;
    path = ls_strdup(in_folder("sealed.h5"));
    assert_true(ok(ls_h5_image_create(&file)));
    assert_true(ok(ls_h5_put_array(file, "/a", H5T_NATIVE_FLOAT, 1, &dim, values)));
    assert_true(ok(ls_h5_put_text(file, "/", "text", "of variable length")));
    assert_true(ok(ls_h5_image_save(file, path)));
    ls_h5_close(file);
    assert_non_null(f = fopen(path, "rb"));
    assert_non_null(whole = ls_calloc(1 << 16, 1, "a file"));
    bytes = fread(whole, 1, 1 << 16, f);
    fclose(f);
    assert_true(bytes > LS_H5_SEAL_BYTES + 3000 && bytes < 1 << 16);
    return 0;
}

static int free_file(void **state)
{
    ls_free(path);
    ls_free(whole);
    return folder_tear_down(state);
}

static void put(const unsigned char *data, size_t n)
{
    write_bytes(path, data, n);
}

static ls_status open_it(void)
{
    hid_t file;
    const ls_status st = ls_h5_open_read(path, &file);

    ls_h5_close(file);
    return st;
}

static void the_image_is_one_that_hdf5_reads(void **state)
{
    hid_t file;
    bool sealed;

    (void)state;
    put(whole, bytes);
    assert_true(H5Fis_hdf5(path) > 0);
    assert_true((file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)) >= 0);
    assert_true(H5Lexists(file, "/a", H5P_DEFAULT) > 0);
    H5Fclose(file);
    assert_true(ok(ls_h5_check_seal(path, &sealed)) && sealed);
    assert_true(ok(open_it()));
}

/* What HDF5 itself changes is no longer sealed, and no damage. */
static void hdf5_cuts_the_seal_off(void **state)
{
    struct stat info;
    hid_t file, group;
    bool sealed;

    (void)state;
    put(whole, bytes);
    assert_true((file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT)) >= 0);
    assert_true((group = H5Gcreate2(file, "/b", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
    H5Gclose(group);
    H5Fclose(file);
    assert_true(ok(ls_h5_check_seal(path, &sealed)) && !sealed);
    assert_true(ok(open_it()));
    assert_int_equal(stat(path, &info), 0);
    put(whole, bytes - LS_H5_SEAL_BYTES); /* a file that was written before there were seals */
    assert_true(ok(ls_h5_check_seal(path, &sealed)) && !sealed);
    assert_true(ok(open_it()));
}

/* Every byte of the image is covered, and one of the two seals is enough. */
static void every_bit_of_the_image_counts(void **state)
{
    const size_t image = bytes - LS_H5_SEAL_BYTES;
    unsigned char *copy = ls_calloc(bytes, 1, "a copy");

    (void)state;
    for (size_t i = 0; i < bytes; i += i < 16 ? 1 : 7) {
        memcpy(copy, whole, bytes);
        copy[i] ^= (unsigned char)(1u << i % 8);
        put(copy, bytes);
        if (i < image)
            FAILS(open_it(), LS_ERR_FORMAT, path, i < 8 ? "HDF5" : "checksum");
        else
            assert_true(ok(open_it()));
    }
    ls_free(copy);
}

static void lost_blocks_and_ends_are_found(void **state)
{
    static const size_t block[] = {512, 4096};
    const size_t image = bytes - LS_H5_SEAL_BYTES;
    unsigned char *copy = ls_calloc(bytes, 1, "a copy");
    bool sealed;

    (void)state;
    for (int k = 0; k < 2; k++)
        for (size_t at = 0; at < bytes; at += 512) {
            const size_t n = at + block[k] < bytes ? block[k] : bytes - at;

            memcpy(copy, whole, bytes);
            memset(copy + at, 0, n);
            put(copy, bytes);
            if (at < image && memcmp(copy, whole, image) != 0)
                FAILS(open_it(), LS_ERR_FORMAT, path);
            else
                assert_true(ok(open_it()));
        }
    memset(copy, 0, bytes);
    memcpy(copy, whole, image); /* all of the seal gone: it was there, or the file would be shorter */
    put(copy, bytes);
    FAILS(open_it(), LS_ERR_FORMAT, path, "checksum");
    for (size_t n = 0; n < image; n += 511) {
        put(whole, n);
        assert_int_equal(open_it(), LS_ERR_FORMAT);
    }
    for (size_t n = image + 64; n < bytes; n += 333) { /* the first seal is left, and vouches for the image */
        put(whole, n);
        assert_true(ok(ls_h5_check_seal(path, &sealed)) && sealed);
    }
    ls_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_is_one_that_hdf5_reads),
        cmocka_unit_test(hdf5_cuts_the_seal_off),
        cmocka_unit_test(every_bit_of_the_image_counts),
        cmocka_unit_test(lost_blocks_and_ends_are_found),
    };

    return cmocka_run_group_tests(tests, make_file, free_file);
}
