/* Zip archives: one that Python's zipfile wrote is read, ours are whole, repeatable and checked. */
#include "files.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/zip.h"

/* zipfile.ZipFile of Python 3.11: metadata.json stored, long.txt ("lockstep " twenty times) deflated. */
static const unsigned char by_python[] = {
    0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x95, 0xee, 0xa4, 0x6e, 0x1b,
    0x00, 0x00, 0x00, 0x1b, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x00, 0x00, 0x6d, 0x65, 0x74, 0x61, 0x64, 0x61, 0x74, 0x61,
    0x2e, 0x6a, 0x73, 0x6f, 0x6e, 0x7b, 0x22, 0x6b, 0x65, 0x72, 0x61, 0x73, 0x5f, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f,
    0x6e, 0x22, 0x3a, 0x20, 0x22, 0x33, 0x2e, 0x31, 0x35, 0x2e, 0x31, 0x22, 0x7d, 0x50, 0x4b, 0x03, 0x04, 0x14, 0x00,
    0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x4c, 0x09, 0x3f, 0x60, 0x0e, 0x00, 0x00, 0x00, 0xb4, 0x00, 0x00,
    0x00, 0x08, 0x00, 0x00, 0x00, 0x6c, 0x6f, 0x6e, 0x67, 0x2e, 0x74, 0x78, 0x74, 0xcb, 0xc9, 0x4f, 0xce, 0x2e, 0x2e,
    0x49, 0x2d, 0x50, 0xc8, 0x19, 0x3a, 0x0c, 0x00, 0x50, 0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x21, 0x00, 0x95, 0xee, 0xa4, 0x6e, 0x1b, 0x00, 0x00, 0x00, 0x1b, 0x00, 0x00, 0x00, 0x0d, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x6d, 0x65, 0x74,
    0x61, 0x64, 0x61, 0x74, 0x61, 0x2e, 0x6a, 0x73, 0x6f, 0x6e, 0x50, 0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00, 0x00,
    0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x4c, 0x09, 0x3f, 0x60, 0x0e, 0x00, 0x00, 0x00, 0xb4, 0x00, 0x00, 0x00,
    0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x46, 0x00, 0x00, 0x00, 0x6c,
    0x6f, 0x6e, 0x67, 0x2e, 0x74, 0x78, 0x74, 0x50, 0x4b, 0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00,
    0x71, 0x00, 0x00, 0x00, 0x7a, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static char path[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(path, sizeof path, "%s/it.zip", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){path}, 1);
}

static void reads_what_python_wrote(void **state)
{
    ls_zip *zip;
    void *data;
    size_t bytes;

    (void)state;
    assert_int_equal(ls_file_replace(path, by_python, sizeof by_python), LS_OK);
    assert_int_equal(ls_zip_open(path, &zip), LS_OK);
    assert_int_equal(ls_zip_members(zip), 2);
    assert_string_equal(ls_zip_name(zip, 1), "long.txt");
    assert_int_equal(ls_zip_read(zip, "metadata.json", 100, &data, &bytes), LS_OK);
    assert_int_equal(bytes, 27);
    assert_string_equal(data, "{\"keras_version\": \"3.15.1\"}");
    ls_free(data);
    assert_int_equal(ls_zip_read(zip, "long.txt", 180, &data, &bytes), LS_OK);
    assert_int_equal(bytes, 180);
    for (int i = 0; i < 20; i++)
        assert_memory_equal((char *)data + 9 * i, "lockstep ", 9);
    ls_free(data);
    assert_int_equal(ls_zip_read(zip, "long.txt", 179, &data, &bytes), LS_ERR_DATA);
    assert_null(data);
    assert_int_equal(ls_zip_read(zip, "config.json", 100, &data, &bytes), LS_ERR_FORMAT);
    assert_non_null(strstr(ls_error_message(), "config.json"));
    ls_zip_close(zip);
}

/* A flipped bit anywhere in a member's data, compressed or not, is found. */
static void damage_is_found(void **state)
{
    static const struct {
        const char *member;
        size_t at;
    } damage[] = {{"metadata.json", 30 + 13 + 5}, {"long.txt", 30 + 13 + 27 + 30 + 8 + 4}};
    unsigned char copy[sizeof by_python];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ls_zip *zip;
        void *data;
        size_t bytes;

        memcpy(copy, by_python, sizeof copy);
        copy[damage[i].at] ^= 1;
        assert_int_equal(ls_file_replace(path, copy, sizeof copy), LS_OK);
        assert_int_equal(ls_zip_open(path, &zip), LS_OK);
        assert_int_equal(ls_zip_read(zip, damage[i].member, 1000, &data, &bytes), LS_ERR_FORMAT);
        ls_zip_close(zip);
    }
}

/* Cut off anywhere: an error, never a crash. */
static void refuses_what_is_cut_off(void **state)
{
    ls_zip *zip;

    (void)state;
    for (size_t n = 0; n < sizeof by_python; n++) {
        assert_int_equal(ls_file_replace(path, by_python, n), LS_OK);
        assert_int_not_equal(ls_zip_open(path, &zip), LS_OK);
        assert_null(zip);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ls_zip_open(path, &zip), LS_ERR_IO);
}

static void saves_the_same_bytes_again(void **state)
{
    static const unsigned char values[] = {0, 255, 7, 0, 1};
    static const char text[] = "{}";
    const ls_zip_member members[] = {{"config.json", text, 2}, {"model.weights.h5", values, sizeof values}};
    char first[1000], second[1000];
    size_t n[2];
    ls_zip *zip;
    void *data;
    size_t bytes;

    (void)state;
    for (int i = 0; i < 2; i++) {
        FILE *f;

        assert_int_equal(ls_zip_save(path, members, 2), LS_OK);
        assert_non_null(f = fopen(path, "rb"));
        n[i] = fread(i ? second : first, 1, 1000, f);
        fclose(f);
        usleep(i ? 0 : 2100000); /* DOS times count in steps of two seconds */
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(first, second, n[0]);
    assert_int_equal(ls_zip_open(path, &zip), LS_OK);
    assert_int_equal(ls_zip_members(zip), 2);
    assert_int_equal(ls_zip_read(zip, "model.weights.h5", 5, &data, &bytes), LS_OK);
    assert_int_equal(bytes, 5);
    assert_memory_equal(data, values, 5);
    ls_free(data);
    ls_zip_close(zip);
    assert_int_equal(ls_zip_save("no/such/folder/it.zip", members, 2), LS_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_python_wrote),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(refuses_what_is_cut_off),
        cmocka_unit_test(saves_the_same_bytes_again),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
