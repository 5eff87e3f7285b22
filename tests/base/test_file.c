/* Files that are replaced whole or not at all, and directories. */
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static char path[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(path, sizeof path, "%s/it", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){path}, 1);
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
    return folder_entries() == (size_t)ls_file_exists(path);
}

static void files_are_read_whole(void **state)
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

static void files_are_replaced_whole(void **state)
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

static void failures_say_why(void **state)
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
    char other[300];

    snprintf(other, sizeof other, "%s/%s", folder, name);
    fclose(fopen(other, "w"));
}

static bool has(const char *name)
{
    char other[300];

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

/* A writer of a.h5 that was killed has left its temporary; the next one removes it, and nobody else's. */
static void replacing_removes_what_a_killed_writer_left(void **state)
{
    const pid_t child = fork();
    char gone[32], locked[32], others[5][32], target[64], at[128];
    int status, fd;

    (void)state;
    if (child == 0)
        _exit(0);
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    snprintf(gone, sizeof gone, "a.h5.%ld.tmp", (long)child);
    snprintf(locked, sizeof locked, "b.h5.%ld.tmp", (long)child);
    snprintf(others[0], sizeof others[0], "xa.h5.%ld.tmp", (long)child);
    snprintf(others[1], sizeof others[1], "a.h5.x.%ld.tmp", (long)child);
    snprintf(others[2], sizeof others[2], "a.h.%ld.tmp", (long)child);
    snprintf(others[3], sizeof others[3], "a.h5.%ld.tmp2", (long)child);
    snprintf(others[4], sizeof others[4], "a.h5.1.tmp"); /* of a process that lives */
    touch(gone);
    touch(locked);
    for (size_t i = 0; i < count_of(others); i++)
        touch(others[i]);
    snprintf(at, sizeof at, "%s/%s", folder, locked);
    assert_true((fd = open(at, O_RDONLY)) >= 0 && flock(fd, LOCK_EX) == 0);
    snprintf(target, sizeof target, "%s/a.h5", folder);
    assert_true(ok(ls_file_replace(target, "x", 1)) && unlink(target) == 0);
    snprintf(target, sizeof target, "%s/b.h5", folder);
    assert_true(ok(ls_file_replace(target, "x", 1)) && unlink(target) == 0);
    assert_false(has(gone));
    close(fd);
    assert_true(has(locked));
    for (size_t i = 0; i < count_of(others); i++)
        assert_true(has(others[i]));
}

/* A link stays and what it names is replaced, over several links, in another folder, also where nothing is there yet.
 */
static void follows_links(void **state)
{
    char other[64], one[96], two[96], target[128];
    struct stat info, old;

    (void)state;
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(target, sizeof target, "%s/target", other);
    snprintf(one, sizeof one, "%s/one", folder);
    snprintf(two, sizeof two, "%s/two", folder);
    assert_true(ok(ls_directory_create(other)));
    assert_int_equal(symlink("other/target", one), 0);
    assert_int_equal(symlink("one", two), 0);
    for (int i = 0; i < 2; i++) {
        if (i)
            assert_int_equal(stat(target, &old), 0);
        assert_true(ok(ls_file_replace(two, i ? "second" : "first", i ? 6 : 5)));
        assert_true(lstat(one, &info) == 0 && S_ISLNK(info.st_mode) && lstat(two, &info) == 0 && S_ISLNK(info.st_mode));
        assert_true(lstat(target, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == (i ? 6 : 5));
        assert_true(!i || info.st_ino != old.st_ino); /* replaced, not written into */
    }
    assert_true(ok(ls_file_second_name(two, path))); /* of the file, not of the link */
    assert_true(lstat(path, &info) == 0 && S_ISREG(info.st_mode));
    unlink(one);
    assert_int_equal(symlink("two", one), 0); /* a circle */
    FAILS(ls_file_replace(two, "x", 1), LS_ERR_IO, two, "symbolic links");
    assert_true(unlink(one) == 0 && unlink(two) == 0 && unlink(target) == 0 && rmdir(other) == 0 && unlink(path) == 0);
}

/* A device or a pipe stays one: what is to be written goes into it. Links to it are followed. */
static void writes_into_what_is_no_file(void **state)
{
    char link_path[96], got[8] = {0};
    struct stat info;
    int reader;
    FILE *log;

    (void)state;
    snprintf(link_path, sizeof link_path, "%s/null", folder);
    assert_int_equal(symlink("/dev/null", link_path), 0);
    assert_true(ok(ls_file_replace("/dev/null", "x", 1)) && ok(ls_file_replace(link_path, "x", 1)));
    assert_true(ok(ls_file_start(link_path, &log)));
    fclose(log);
    assert_true(lstat(link_path, &info) == 0 && S_ISLNK(info.st_mode));
    assert_true(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
    unlink(link_path);
    if (!ls_file_exists("/dev/full"))
        skip();
    FAILS(ls_file_replace("/dev/full", "x", 1), LS_ERR_IO, "/dev/full", "No space left");
    assert_true(stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode));

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true((reader = open(path, O_RDONLY | O_NONBLOCK)) >= 0);
    assert_true(ok(ls_file_replace(path, "piped", 5)));
    assert_true(read(reader, got, sizeof got) == 5 && strcmp(got, "piped") == 0);
    assert_true(stat(path, &info) == 0 && S_ISFIFO(info.st_mode) && is_tidy());
    close(reader);
    unlink(path);
}

static void starts_logs_anew(void **state)
{
    struct stat old, new;
    FILE *log = NULL;

    (void)state;
    assert_true(ok(ls_file_replace(path, "before", 6)));
    assert_int_equal(link(path, "file_test_old"), 0); /* its number is not given again */
    assert_true(stat(path, &old) == 0 && ok(ls_file_start(path, &log)));
    fputs("log", log);
    fclose(log);
    assert_true(holds("log", 3) && stat(path, &new) == 0 && new.st_ino != old.st_ino);
    unlink("file_test_old");
    FAILS(ls_file_start("no/such/folder/log", &log), LS_ERR_IO, "no/such/folder/log");
    FAILS(ls_file_start(folder, &log), LS_ERR_IO, folder, "irectory");
    assert_null(log);
}

static void nothing_is_no_name(void **state)
{
    FILE *log;
    char *target;

    (void)state;
    FAILS(ls_file_replace("", "x", 1), LS_ERR_IO, "without a name");
    FAILS(ls_file_append("", "x", 1), LS_ERR_IO, "without a name");
    FAILS(ls_file_start("", &log), LS_ERR_IO, "without a name");
    FAILS(ls_file_target("", &target), LS_ERR_IO, "without a name");
    FAILS(ls_directory_create(""), LS_ERR_IO, "without a name");
}

static void makes_paths_plain(void **state)
{
    static const char *const cases[][2] = {
        {"a", "a"},
        {"a/b.h5", "a/b.h5"},
        {"./a", "a"},
        {"x/../a", "a"},
        {"x/./..//a/", "a"},
        {"x/y/../../a", "a"},
        {"..", ".."},
        {"../a", "../a"},
        {"x/../../a", "../a"},
        {"../../a", "../../a"},
        {".", "."},
        {"", "."},
        {"x/..", "."},
        {"/", "/"},
        {"/..", "/"},
        {"/../a", "/a"},
        {"//a//b/../c", "/a/c"},
        {"/a/..", "/"},
        {"/a/../..", "/"},
        {"..a/...", "..a/..."},
        {"a..", "a.."},
        {".a/.b", ".a/.b"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        char *plain = ls_path_plain(cases[i][0]);

        assert_string_equal(plain, cases[i][1]);
        ls_free(plain);
    }
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
        cmocka_unit_test(files_are_read_whole),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(replaces_in_the_working_directory),
        cmocka_unit_test(leaves_the_old_inode_alone),
        cmocka_unit_test(a_failed_write_keeps_the_old_file),
        cmocka_unit_test(failures_say_why),
        cmocka_unit_test(creates_directories),
        cmocka_unit_test(knows_a_file_by_other_names),
        cmocka_unit_test(gives_second_names),
        cmocka_unit_test(sweeps_leftovers),
        cmocka_unit_test(replacing_removes_what_a_killed_writer_left),
        cmocka_unit_test(follows_links),
        cmocka_unit_test(writes_into_what_is_no_file),
        cmocka_unit_test(starts_logs_anew),
        cmocka_unit_test(nothing_is_no_name),
        cmocka_unit_test(makes_paths_plain),
        cmocka_unit_test(joins_paths),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
