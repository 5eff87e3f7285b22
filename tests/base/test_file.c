/* Files that are replaced whole or not at all, and directories. */
#include "ls_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static char folder[] = "file.XXXXXX", path[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/it", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if anything was left behind */
}

static bool holds(const char *text, size_t n)
{
    char found[256] = {0};
    FILE *f = fopen(path, "rb");
    size_t got;

    if (!f)
        return false;
    got = fread(found, 1, sizeof found, f);
    fclose(f);
    return got == n && memcmp(found, text, n) == 0;
}

/* Nothing but `path` lies in the folder. */
static bool is_tidy(void)
{
    DIR *d = opendir(folder);
    int entries = 0;

    while (readdir(d))
        entries++;
    closedir(d);
    return entries == 2 + ls_file_exists(path);
}

static void reads(void **state)
{
    static char bytes[40000];
    ls_text text = {0};

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    bytes[12345] = '\0';
    assert_true(ok(ls_file_replace(path, bytes, sizeof bytes)));
    assert_true(ok(ls_file_read(path, &text)));
    assert_true(text.length == sizeof bytes && memcmp(text.data, bytes, sizeof bytes) == 0);
    ls_text_reset(&text);
    unlink(path);
    FAILS(ls_file_read(path, &text), LS_ERR_IO, path, "No such file");
    FAILS(ls_file_read(folder, &text), LS_ERR_IO, folder, "Is a directory"); /* opens, but cannot be read */
    ls_text_reset(&text);
}

static void replaces(void **state)
{
    (void)state;
    assert_false(ls_file_exists(path));
    assert_true(ok(ls_file_replace(path, "a\0b", 3)));
    assert_true(ls_file_exists(path) && holds("a\0b", 3) && is_tidy());
    assert_true(ok(ls_file_replace(path, "longer than before", 18)));
    assert_true(holds("longer than before", 18) && is_tidy());
    assert_true(ok(ls_file_replace(path, "", 0)));
    assert_true(holds("", 0) && is_tidy());
}

static void replaces_in_the_working_directory(void **state)
{
    const char name[] = "file_test_in_the_working_directory";

    (void)state;
    assert_true(ok(ls_file_replace(name, "x", 1)));
    assert_true(ls_file_exists(name));
    unlink(name);
}

/* Others may have the old file open: it stays what it was. */
static void leaves_the_old_inode_alone(void **state)
{
    char text[8] = {0};
    FILE *old;

    (void)state;
    assert_true(ok(ls_file_replace(path, "old", 3)));
    assert_non_null(old = fopen(path, "rb"));
    assert_true(ok(ls_file_replace(path, "new", 3)));
    assert_int_equal(fread(text, 1, sizeof text, old), 3);
    assert_string_equal(text, "old");
    fclose(old);
}

/* A limit on file sizes stands for a full disk: the write stops half way. */
static void a_failed_write_keeps_the_old_file(void **state)
{
    static char large[1 << 16];
    struct rlimit old, small;

    (void)state;
    assert_true(ok(ls_file_replace(path, "old", 3)));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    FAILS(ls_file_replace(path, large, sizeof large), LS_ERR_IO, path, "ulimit");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(holds("old", 3) && is_tidy());
}

static void says_why(void **state)
{
    char elsewhere[96], directory[96];

    (void)state;
    snprintf(elsewhere, sizeof elsewhere, "%s/none/it", folder);
    FAILS(ls_file_replace(elsewhere, "x", 1), LS_ERR_IO, elsewhere, "No such file");
    /* A directory cannot be replaced by a file; nothing is left of the attempt. */
    snprintf(directory, sizeof directory, "%s/directory", folder);
    assert_true(ok(ls_directory_create(directory)));
    FAILS(ls_file_replace(directory, "x", 1), LS_ERR_IO, directory, "directory");
    assert_int_equal(rmdir(directory), 0);
    assert_true(is_tidy());
}

static void creates_directories(void **state)
{
    char deep[96], slashed[96], below[96];
    struct stat info;

    (void)state;
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    snprintf(slashed, sizeof slashed, "%s//a/b/", folder);
    assert_true(ok(ls_directory_create(deep)));
    assert_true(stat(deep, &info) == 0 && S_ISDIR(info.st_mode));
    assert_true(ok(ls_directory_create(deep)));
    assert_true(ok(ls_directory_create(slashed)));
    assert_true(ok(ls_directory_create("/")));
    assert_true(ok(ls_directory_create(".")));
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof deep, "%s/a", folder);
    assert_int_equal(rmdir(deep), 0);

    assert_true(ok(ls_file_replace(path, "x", 1)));
    snprintf(below, sizeof below, "%s/below", path);
    FAILS(ls_directory_create(path), LS_ERR_IO, path, "not a directory");
    FAILS(ls_directory_create(below), LS_ERR_IO, path, "ot a directory");
}

static void knows_a_file_by_other_names(void **state)
{
    char other[160], link_path[96];

    (void)state;
    snprintf(other, sizeof other, "%s/../%s", folder, path);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    unlink(path);
    assert_false(ls_file_same(path, path)); /* it is not there */
    assert_true(ok(ls_file_replace(path, "x", 1)));
    assert_int_equal(symlink(strchr(path, '/') + 1, link_path), 0);
    assert_true(ls_file_same(path, path) && ls_file_same(path, other) && ls_file_same(link_path, path));
    unlink(link_path);
    assert_true(ok(ls_file_replace(link_path, "x", 1)));
    assert_false(ls_file_same(path, link_path));
    unlink(link_path);
}

static void gives_second_names(void **state)
{
    char second[80];
    struct stat one, two;

    (void)state;
    snprintf(second, sizeof second, "%s.second", path);
    unlink(path);
    assert_true(ok(ls_file_second_name(path, second))); /* there is no file yet */
    assert_false(ls_file_exists(second));
    for (int i = 0; i < 2; i++) { /* the second time a file of that name is there */
        assert_true(ok(ls_file_replace(path, i ? "new" : "old", 3)));
        assert_true(ok(ls_file_second_name(path, second)));
        assert_true(stat(path, &one) == 0 && stat(second, &two) == 0);
        assert_true(one.st_ino == two.st_ino);
    }
    assert_true(ok(ls_file_replace(path, "newest", 6)));
    assert_true(stat(second, &two) == 0 && two.st_size == 3);
    assert_int_equal(unlink(second), 0);
    assert_int_equal(unlink(path), 0);
}

static void touch(const char *name)
{
    char other[128];

    snprintf(other, sizeof other, "%s/%s", folder, name);
    fclose(fopen(other, "w"));
}

static bool has(const char *name)
{
    char other[128];

    snprintf(other, sizeof other, "%s/%s", folder, name);
    return unlink(other) == 0;
}

static void sweeps_leftovers(void **state)
{
    static const char *const others[] = {"x.1.tmp",  "12.tmp",   ".12.tmp", "x.tmp",
                                         "x.-5.tmp", "x.5y.tmp", "x..tmp",  "x.5.tmp2"};
    const pid_t child = fork();
    char gone[32], own[32];
    int status;

    (void)state;
    if (child == 0)
        _exit(0);
    assert_true(child > 0 && waitpid(child, &status, 0) == child); /* a process that was and is no more */
    snprintf(gone, sizeof gone, "a.h5.%ld.tmp", (long)child);
    snprintf(own, sizeof own, "a.h5.%ld.tmp", (long)getpid());
    touch(gone);
    touch(own);
    for (size_t i = 0; i < count_of(others); i++)
        touch(others[i]); /* x.1.tmp: of a process that lives */
    assert_true(ok(ls_file_sweep(folder)));
    assert_false(has(gone));
    assert_false(has(own));
    for (size_t i = 0; i < count_of(others); i++)
        assert_true(has(others[i]));
    FAILS(ls_file_sweep("no/such/folder"), LS_ERR_IO, "no/such/folder");
}

static void joins_paths(void **state)
{
    char *joined = ls_path_join("runs/x", "model.h5");

    (void)state;
    assert_string_equal(joined, "runs/x/model.h5");
    ls_free(joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(replaces),
        cmocka_unit_test(replaces_in_the_working_directory),
        cmocka_unit_test(leaves_the_old_inode_alone),
        cmocka_unit_test(a_failed_write_keeps_the_old_file),
        cmocka_unit_test(says_why),
        cmocka_unit_test(creates_directories),
        cmocka_unit_test(knows_a_file_by_other_names),
        cmocka_unit_test(gives_second_names),
        cmocka_unit_test(sweeps_leftovers),
        cmocka_unit_test(joins_paths),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
