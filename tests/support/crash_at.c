/*
 * Loaded before a program (LD_PRELOAD): writes down which calls it makes on the files of one directory, and at one of
 * them kills the program or lets the call fail. All threads count together.
 *
 *     CRASH_DIRECTORY   absolute
 *     CRASH_LOG         a line for each call, "NAME FILE N": the N-th call of that name on that file. Digits that are a
 *                       part of a name of their own become PID, so that the names are those of any process
 *     CRASH_AT          optional: "NAME FILE N ACTION", KILL or the number of an error
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 256

typedef struct call {
    char name[PATH_MAX + 16]; /* "NAME FILE" */
    unsigned n;
} call;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static call known[CALLS_MAX];
static const char *directory, *wanted;
static int out = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CRASH_LOG");

    directory = getenv("CRASH_DIRECTORY");
    wanted = getenv("CRASH_AT");
    if (path && directory)
        out = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* "checkpoint.h5.4711.tmp" becomes "checkpoint.h5.PID.tmp". */
static void copy_name(const char *from, char *to)
{
    const size_t length = strlen(from);
    size_t digits = length;

    strcpy(to, from);
    if (length < 5 || strcmp(from + length - 4, ".tmp") != 0)
        return;
    for (digits = length - 4; digits > 0 && from[digits - 1] >= '0' && from[digits - 1] <= '9'; digits--)
        ;
    strcpy(to + digits, "PID.tmp");
}

static unsigned count(const char *name)
{
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (!known[i].name[0])
            strcpy(known[i].name, name);
        if (strcmp(known[i].name, name) == 0)
            return ++known[i].n;
    }
    abort();
}

/* Before a call: 0, or the error that it fails with. The mutex is held until `done`, unless *is_ours is false. */
static int meet(const char *name, const char *path, bool *is_ours)
{
    const size_t length = directory ? strlen(directory) : 0;
    char file[PATH_MAX], line[PATH_MAX + 64], text[PATH_MAX + 16];
    int code = 0;

    *is_ours = out >= 0 && path && strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]);
    if (!*is_ours)
        return 0;
    pthread_mutex_lock(&mutex);
    copy_name(path[length] ? path + length + 1 : ".", file);
    snprintf(text, sizeof text, "%s %s", name, file);
    snprintf(line, sizeof line, "%s %u ", text, count(text));
    if (wanted && strncmp(wanted, line, strlen(line)) == 0)
        code = atoi(wanted + strlen(line));
    const bool kills = wanted && strncmp(wanted, line, strlen(line)) == 0 && code == 0;

    line[strlen(line) - 1] = '\0';
    strcat(line, kills ? " KILLED\n" : code ? " FAILED\n" : "\n");
    syscall(SYS_write, out, line, strlen(line));
    if (kills)
        kill(getpid(), SIGKILL);
    return code;
}

static long done(bool is_ours, long result)
{
    if (is_ours)
        pthread_mutex_unlock(&mutex);
    return result;
}

static long fail(long result, int code)
{
    done(true, 0);
    errno = code;
    return result;
}

/* What a descriptor is open on. */
static const char *path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}

int open(const char *path, int flags, ...)
{
    bool is_ours;
    va_list args;
    unsigned mode;
    int code;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    if ((code = meet("open", path, &is_ours)) != 0)
        return (int)fail(-1, code);
    return (int)done(is_ours, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    char path[PATH_MAX];
    bool is_ours;
    const int code = meet("write", path_of(fd, path), &is_ours);

    return code ? fail(-1, code) : done(is_ours, syscall(SYS_write, fd, bytes, n));
}

int fsync(int fd)
{
    char path[PATH_MAX];
    bool is_ours;
    const int code = meet("fsync", path_of(fd, path), &is_ours);

    return (int)(code ? fail(-1, code) : done(is_ours, syscall(SYS_fsync, fd)));
}

int close(int fd)
{
    char path[PATH_MAX];
    bool is_ours;
    const int code = meet("close", path_of(fd, path), &is_ours);
    const long result = syscall(SYS_close, fd); /* it has closed, whatever it says */

    return (int)(code ? fail(-1, code) : done(is_ours, result));
}

int rename(const char *from, const char *to)
{
    bool is_ours;
    const int code = meet("rename", to, &is_ours);

    return (int)(code ? fail(-1, code) : done(is_ours, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)));
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    bool is_ours;
    const int code = meet("link", to, &is_ours);

    return (int)(code ? fail(-1, code) : done(is_ours, syscall(SYS_linkat, from_at, from, to_at, to, flags)));
}

int unlink(const char *path)
{
    bool is_ours;
    const int code = meet("unlink", path, &is_ours);

    return (int)(code ? fail(-1, code) : done(is_ours, syscall(SYS_unlinkat, AT_FDCWD, path, 0)));
}
