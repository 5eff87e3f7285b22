#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/watchdog.h"

#define LINKS_MAX 40                  /* as Linux has it */
#define WRITE_BYTES ((size_t)1 << 26) /* at once: a slow disk makes progress all the same */

bool ls_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool ls_file_same(const char *a, const char *b)
{
    struct stat one, two;

    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static const char *advice(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        return "; free some space or choose another output directory";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; choose an output directory you may write to";
    case ENOENT:
        return "; create the directory first";
    case ENOTDIR:
        return "; a file stands where a directory is needed";
    case EFBIG:
        return "; the limit on file sizes is too small (ulimit -f)";
    default:
        return "";
    }
}

ls_status ls_file_fail_write(const char *path, int code)
{
    if (!*path)
        return ls_fail(LS_ERR_IO, "cannot write a file without a name");
    return ls_fail(LS_ERR_IO, "cannot write '%s': %s%s", path, strerror(code), advice(code));
}

/* open and fsync of network file systems may be interrupted by a signal; close may too, but has closed. */
static int open_retrying(const char *path, int flags)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int sync_retrying(int fd)
{
    int failed;

    do
        failed = fsync(fd);
    while (failed && errno == EINTR);
    return failed;
}

static int close_at_once(int fd)
{
    return close(fd) && errno != EINTR ? -1 : 0;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(fd, bytes, n < WRITE_BYTES ? n : WRITE_BYTES);

        ls_watchdog_tick();
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

/* That a path is in; to be freed. */
static char *directory_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    char *const directory = ls_strdup(slash ? path : ".");

    if (directory && slash)
        directory[slash == path ? 1 : slash - path] = '\0';
    return directory;
}

/* A rename is on disk once its directory is. Some file systems cannot fsync a directory; that is no fault of ours. */
static int sync_directory_of(const char *path)
{
    char *directory = directory_of(path);
    int fd, code = 0;

    if (!directory)
        return ENOMEM;
    fd = open_retrying(directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        code = errno;
    else if (sync_retrying(fd) && errno != EINVAL && errno != ENOTSUP)
        code = errno;
    if (fd >= 0)
        close(fd);
    ls_free(directory);
    return code;
}

/* ---- where a path leads ---- */

/* Something that is there and can only be written to. */
static bool is_special(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* One step: *path, if it is a link, becomes what it names. An errno; *is_link: it was one. */
static int follow(char **path, bool *is_link)
{
    char name[PATH_MAX];
    const ssize_t n = readlink(*path, name, sizeof name - 1);
    char *next;

    *is_link = n >= 0;
    if (n < 0)
        return 0; /* what is wrong shows when it is opened */
    name[n] = '\0';
    next = ls_path_beside(*path, name);
    ls_free(*path);
    *path = next;
    return next ? 0 : ENOMEM;
}

/* An errno. */
static int find_target(const char *path, char **out)
{
    bool is_link = true;
    int code = *path ? 0 : ENOENT;

    *out = code ? NULL : ls_strdup(path);
    if (!code && !*out)
        code = ENOMEM;
    for (int i = 0; !code && is_link; i++)
        code = i < LINKS_MAX ? follow(out, &is_link) : ELOOP;
    if (code) {
        ls_free(*out);
        *out = NULL;
    }
    return code;
}

ls_status ls_file_target(const char *path, char **out)
{
    const int code = find_target(path, out);

    return code ? ls_file_fail_write(path, code) : LS_OK;
}

/* ---- what killed writers have left ---- */

/* "STEM.PID.tmp": the process; 0: it is no such name. *stem: the length of STEM. */
static long writer_of(const char *name, size_t *stem)
{
    static const char end[] = ".tmp";
    const size_t length = strlen(name), n = sizeof end - 1;
    const char *number;
    char *rest;
    long pid;

    if (length <= n || strcmp(name + length - n, end) != 0)
        return 0;
    for (number = name + length - n; number > name && number[-1] >= '0' && number[-1] <= '9'; number--)
        ;
    pid = strtol(number, &rest, 10);
    if (number - name < 2 || number[-1] != '.' || rest != name + length - n || rest == number)
        return 0;
    *stem = (size_t)(number - 1 - name);
    return pid;
}

/* Not there any more, or this one, which writes nothing now. */
static bool is_gone(long pid)
{
    return pid == (long)getpid() || (kill((pid_t)pid, 0) && errno == ESRCH);
}

/* By another host or in another container, whose processes are not to be seen here. */
static bool is_being_written(int directory, const char *name)
{
    const int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    const bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return locked;
}

void ls_file_sweep_beside(const char *path)
{
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    char *const directory = directory_of(path);
    DIR *const d = directory ? opendir(directory) : NULL;

    for (const struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        size_t stem;
        const long pid = writer_of(entry->d_name, &stem);

        if (pid > 0 && stem == strlen(name) && strncmp(entry->d_name, name, stem) == 0 && is_gone(pid) &&
            !is_being_written(dirfd(d), entry->d_name))
            unlinkat(dirfd(d), entry->d_name, 0);
    }
    if (d)
        closedir(d);
    ls_free(directory);
}

/* ---- writing ---- */

/* An errno. */
static int write_special(const char *path, const void *bytes, size_t n)
{
    const int fd = open_retrying(path, O_WRONLY | O_NOCTTY);
    int code = fd < 0 ? errno : write_all(fd, bytes, n);

    if (fd >= 0 && close_at_once(fd) && !code)
        code = errno;
    return code;
}

/* An errno. path is no link. */
static int write_whole(const char *path, const void *bytes, size_t n)
{
    ls_text temporary = {0};
    int fd, code;

    ls_file_sweep_beside(path);
    ls_text_add(&temporary, "%s.%ld.tmp", path, (long)getpid());
    if (temporary.status != LS_OK)
        return ENOMEM;
    fd = open_retrying(temporary.data, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) {
        code = errno;
        goto cleanup;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB); /* for is_being_written; where there are no locks, there are none */
    code = write_all(fd, bytes, n);
    if (!code && sync_retrying(fd))
        code = errno;
    if (close_at_once(fd) && !code)
        code = errno;
    if (!code && rename(temporary.data, path))
        code = errno;
    if (code)
        unlink(temporary.data);
    else
        code = sync_directory_of(path);
cleanup:
    ls_text_reset(&temporary);
    return code;
}

ls_status ls_file_replace(const char *path, const void *bytes, size_t n)
{
    char *target = NULL;
    int code;

    if (is_special(path))
        code = write_special(path, bytes, n);
    else if (!(code = find_target(path, &target)))
        code = write_whole(target, bytes, n);
    ls_free(target);
    return code ? ls_file_fail_write(path, code) : LS_OK;
}

ls_status ls_file_start(const char *path, FILE **out)
{
    char *target = NULL;
    int code = 0;

    *out = NULL;
    if (!is_special(path) && !(code = find_target(path, &target)) && unlink(target) && errno != ENOENT)
        code = errno;
    if (!code && !(*out = fopen(target ? target : path, "we")))
        code = errno;
    ls_free(target);
    return code ? ls_file_fail_write(path, code) : LS_OK;
}

ls_status ls_file_publish(const char *temporary, const char *path)
{
    const int fd = open_retrying(temporary, O_RDONLY);
    int code = fd < 0 || sync_retrying(fd) ? errno : 0;

    if (fd >= 0)
        close(fd);
    if (!code && rename(temporary, path))
        code = errno;
    if (code)
        unlink(temporary);
    else
        code = sync_directory_of(path);
    return code ? ls_file_fail_write(path, code) : LS_OK;
}

ls_status ls_file_append(const char *path, const void *bytes, size_t n)
{
    const int fd = open_retrying(path, O_WRONLY | O_CREAT | O_APPEND);
    int code = fd < 0 ? errno : write_all(fd, bytes, n);

    if (fd >= 0 && close_at_once(fd) && !code)
        code = errno;
    return code ? ls_file_fail_write(path, code) : LS_OK;
}

ls_status ls_file_sync(const char *path)
{
    int fd, code;

    if (is_special(path))
        return LS_OK;
    fd = open_retrying(path, O_RDONLY);
    code = fd < 0 || sync_retrying(fd) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code ? ls_file_fail_write(path, code) : LS_OK;
}

/* An errno; 0: success, or out->status says that memory is short. */
static int read_all(const char *path, ls_text *out)
{
    const int fd = open_retrying(path, O_RDONLY);
    char part[1 << 14];
    ssize_t n = 1;
    int code = fd < 0 ? errno : 0;

    while (!code && n != 0) {
        n = read(fd, part, sizeof part);
        if (n > 0)
            ls_text_add_bytes(out, part, (size_t)n);
        else if (n < 0 && errno != EINTR)
            code = errno;
    }
    if (fd >= 0)
        close(fd);
    return code;
}

ls_status ls_file_read(const char *path, ls_text *out)
{
    const int code = read_all(path, out);

    return code ? ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(code)) : out->status;
}

ls_status ls_file_second_name(const char *path, const char *name)
{
    ls_text bytes = {0};
    ls_status st;

    if (unlink(name) && errno != ENOENT)
        return ls_file_fail_write(name, errno);
    if (linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 || errno == ENOENT)
        return LS_OK;
    if ((st = ls_file_read(path, &bytes)) == LS_OK)
        st = ls_file_replace(name, bytes.data, bytes.length);
    ls_text_reset(&bytes);
    return st;
}

ls_status ls_file_sweep(const char *directory)
{
    DIR *const d = opendir(directory);
    ls_status st = LS_OK;

    if (!d)
        return ls_fail(LS_ERR_IO, "cannot read the directory '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; st == LS_OK && (entry = readdir(d)) != NULL;) {
        size_t stem;
        const long pid = writer_of(entry->d_name, &stem);

        if (pid > 0 && is_gone(pid) && unlinkat(dirfd(d), entry->d_name, 0) && errno != ENOENT)
            st = ls_fail(LS_ERR_IO, "cannot remove '%s/%s', left by a run that was killed: %s", directory,
                         entry->d_name, strerror(errno));
    }
    closedir(d);
    return st;
}

ls_status ls_directory_create(const char *path)
{
    char *part = ls_strdup(path);
    struct stat info;
    ls_status st = LS_OK;

    if (!part)
        return LS_ERR_MEMORY;
    if (!*path) {
        ls_free(part);
        return ls_fail(LS_ERR_IO, "cannot create a directory without a name");
    }
    for (char *c = part + 1;; c++) {
        const char end = *c;

        if (end != '/' && end != '\0')
            continue;
        *c = '\0';
        if (mkdir(part, 0777) && errno != EEXIST) {
            st = ls_fail(LS_ERR_IO, "cannot create the directory '%s': %s%s", part, strerror(errno), advice(errno));
            break;
        }
        *c = end;
        if (end == '\0')
            break;
    }
    if (st == LS_OK && (stat(path, &info) || !S_ISDIR(info.st_mode)))
        st = ls_fail(LS_ERR_IO, "'%s' is not a directory", path);
    if (st == LS_OK && access(path, W_OK | X_OK))
        st = ls_fail(LS_ERR_IO, "cannot write into the directory '%s': %s%s", path, strerror(errno), advice(errno));
    ls_free(part);
    return st;
}
