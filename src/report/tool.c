#include "report/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The last line that is not empty. */
static void last_line(const ls_text *said, const char **line, int *length)
{
    size_t end = said->length, begin;

    while (end > 0 && strchr("\n\r ", said->data[end - 1]))
        end--;
    for (begin = end; begin > 0 && said->data[begin - 1] != '\n';)
        begin--;
    *line = said->data ? said->data + begin : "";
    *length = (int)(end - begin);
}

static ls_status collect(int from, ls_text *said)
{
    char part[4096];
    ssize_t n;

    while ((n = read(from, part, sizeof part)) != 0) {
        if (n < 0 && errno != EINTR)
            return ls_fail(LS_ERR_IO, "cannot read what a program prints: %s", strerror(errno));
        if (n > 0)
            ls_text_add_bytes(said, part, (size_t)n);
    }
    return said->status;
}

/* A shell changes the folder, since posix_spawn cannot: "$1" is the folder, the rest the command. */
static ls_status start(const char *folder, const char *const *argv, int to, pid_t *child)
{
    const char *command[32] = {"sh", "-c", "unset CDPATH; cd -- \"$1\" && shift && exec \"$@\"", "sh", folder};
    size_t n = 5;
    posix_spawn_file_actions_t actions;
    int code;

    for (; *argv; argv++) {
        if (n + 1 == sizeof command / sizeof command[0])
            return ls_fail(LS_ERR_ARG, "too many arguments for a program");
        command[n++] = *argv;
    }
    if ((code = posix_spawn_file_actions_init(&actions)) == 0) {
        code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (!code)
            code = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
        if (!code)
            code = posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
        if (!code)
            code = posix_spawn(child, "/bin/sh", &actions, NULL, (char *const *)command, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    return code ? ls_fail(LS_ERR_IO, "cannot start a program: %s", strerror(code)) : LS_OK;
}

ls_status ls_tool_run(const char *folder, const char *const *argv, const char *package, ls_text *said)
{
    ls_text own = {0}, *const text = said ? said : &own;
    int ends[2], status = 0;
    pid_t child;
    bool started;
    ls_status st;

    if (pipe(ends))
        return ls_fail(LS_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    st = start(folder, argv, ends[1], &child);
    close(ends[1]);
    started = st == LS_OK;
    if (started)
        st = collect(ends[0], text);
    close(ends[0]); /* a program that still prints ends now, instead of waiting for us */
    while (started && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (st == LS_OK && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        st = ls_fail(LS_ERR_IO, "%s is not installed: install the package %s (launch/setup does)", argv[0], package);
    if (st == LS_OK && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        const char *line;
        int length;

        last_line(text, &line, &length);
        st = ls_fail(LS_ERR_IO, "%s failed: %.*s", argv[0], length, line);
    }
    ls_text_reset(&own);
    return st;
}
