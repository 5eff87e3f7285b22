#include "run/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/yaml.h"
#include "run/run_files.h"

#define LOCK_FILE ".lock"
#define PATIENCE_S 3 /* of a run that goes on: the one before, which was killed, may still be dying */

/* Without them there is nothing to go on from, and nothing to lose. */
static const char *const results[] = {LS_RUN_CHECKPOINT, LS_RUN_MODEL, LS_RUN_FACTS};
/* Whatever else a run leaves; experiment.yaml tells of the callbacks' files and goes last. */
static const char *const others[] = {LS_RUN_HISTORY, LS_RUN_TIMINGS, LS_RUN_TIMELINE, LS_RUN_EXPERIMENT};

/* ---- what is there ---- */

static bool is_older(const char *name)
{
    return strncmp(name, LS_RUN_OLDER_CHECKPOINT, strlen(LS_RUN_OLDER_CHECKPOINT)) == 0 && ls_ends_with(name, ".h5");
}

/* A result of a run in the directory, into name; empty: none. */
static ls_status find_result(const char *directory, char *name, size_t bytes)
{
    DIR *const d = opendir(directory);

    *name = '\0';
    if (!d)
        return errno == ENOENT ? LS_OK
               : errno == ENOTDIR
                   ? ls_fail(LS_ERR_IO, "'%s' is not a directory", directory)
                   : ls_fail(LS_ERR_IO, "cannot read the directory '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        bool is_result = is_older(entry->d_name);

        for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
            is_result |= strcmp(entry->d_name, results[i]) == 0;
        if (is_result && (!*name || strcmp(entry->d_name, name) < 0))
            snprintf(name, bytes, "%s", entry->d_name);
    }
    closedir(d);
    return LS_OK;
}

static ls_status check(const char *directory, bool resume, bool overwrite)
{
    char name[256];

    if (resume || overwrite)
        return LS_OK;
    LS_TRY(find_result(directory, name, sizeof name));
    return *name ? ls_fail(LS_ERR_USAGE,
                           "'%s' holds a run already (%s): go on with it with --resume, write elsewhere with --output "
                           "DIR, or replace it with --overwrite",
                           directory, name)
                 : LS_OK;
}

ls_status ls_run_check(const ls_comm *comm, const char *directory, bool resume, bool overwrite)
{
    return ls_agree(comm, comm->rank == 0 ? check(directory, resume, overwrite) : LS_OK);
}

/* ---- the lock ---- */

/* One try. 0: taken, or there are no locks on this file system; else an errno, EWOULDBLOCK if another run has it. */
static int try_lock(ls_run_claim *c)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (c->directory > 0 && flock(c->directory, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (c->directory > 0 && errno == EWOULDBLOCK)
        return EWOULDBLOCK;
    if (!c->file && (c->file = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0) {
        c->file = 0;
        return errno;
    }
    if (fcntl(c->file, F_SETLK, &lock) && (errno == EACCES || errno == EAGAIN))
        return EWOULDBLOCK;
    return 0;
}

static ls_status take(const char *directory, bool resume, bool overwrite, ls_run_claim *c)
{
    const struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
    const bool is_new = access(directory, F_OK) != 0;
    int code;

    LS_TRY(ls_directory_create(directory));
    if (is_new && !(c->made = ls_strdup(directory)))
        return LS_ERR_MEMORY;
    if (!(c->path = ls_path_join(directory, LOCK_FILE)))
        return LS_ERR_MEMORY;
    if ((c->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        c->directory = 0;
    code = try_lock(c);
    for (double waited = 0; resume && code == EWOULDBLOCK && waited < PATIENCE_S; waited += 0.05) {
        nanosleep(&nap, NULL);
        code = try_lock(c);
    }
    if (code == EWOULDBLOCK)
        return ls_fail(LS_ERR_MISMATCH,
                       "another run is writing into '%s': wait for its end, or write elsewhere with --output DIR",
                       directory);
    if (code)
        return ls_fail(LS_ERR_IO, "cannot lock '%s': %s", directory, strerror(code));
    return check(directory, resume, overwrite); /* once more: it may have been written since */
}

ls_status ls_run_take(const ls_comm *comm, const char *directory, bool resume, bool overwrite, ls_run_claim *out)
{
    *out = (ls_run_claim){0};
    return ls_agree(comm, comm->rank == 0 ? take(directory, resume, overwrite, out) : LS_OK);
}

void ls_run_release(ls_run_claim *c)
{
    if (c->file > 0) {
        unlink(c->path);
        close(c->file);
    }
    if (c->made)
        rmdir(c->made); /* unless something is in it: nothing is left of a run that did not begin */
    if (c->directory > 0)
        close(c->directory);
    ls_free(c->made);
    ls_free(c->path);
    *c = (ls_run_claim){0};
}

/* ---- the files of an earlier run ---- */

/* Links stay, as they do when such a file is replaced; what is no file is written to and holds nothing. */
static ls_status remove_file(const char *path)
{
    struct stat info;
    char *target = NULL;
    ls_status st = LS_OK;

    if (stat(path, &info) || !S_ISREG(info.st_mode))
        return LS_OK;
    LS_TRY(ls_file_target(path, &target));
    if (unlink(target) && errno != ENOENT)
        st = ls_fail(LS_ERR_IO, "cannot remove '%s', which is of an earlier run: %s", path, strerror(errno));
    ls_free(target);
    return st;
}

static ls_status remove_named(const char *directory, const char *name)
{
    char *const path = ls_path_join(directory, name);
    const ls_status st = path ? remove_file(path) : LS_ERR_MEMORY;

    ls_free(path);
    return st;
}

/* text so that glob takes it by the letter, but for {...} of templates, which stand for anything. */
static void add_pattern(ls_text *out, const char *text)
{
    while (*text) {
        const char *const close = *text == '{' ? strchr(text, '}') : NULL;

        if (close)
            ls_text_add(out, "*");
        else
            ls_text_add(out, "%s%c", strchr("*?[]\\", *text) ? "\\" : "", *text);
        text = close ? close + 1 : text + 1;
    }
}

/* DIRECTORY/TEMPLATE END, unless that lies outside of the directory. */
static ls_status remove_template(const char *directory, const char *template, const char *end)
{
    char *const plain = ls_path_plain(template);
    ls_text pattern = {0};
    glob_t found = {0};
    ls_status st = plain ? LS_OK : LS_ERR_MEMORY;

    if (plain && plain[0] != '/' && strncmp(plain, "..", 2) != 0) {
        add_pattern(&pattern, directory);
        ls_text_add(&pattern, "/");
        add_pattern(&pattern, plain);
        ls_text_add(&pattern, "%s", end);
        st = pattern.status;
        if (st == LS_OK && glob(pattern.data, 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc && st == LS_OK; i++)
                st = remove_file(found.gl_pathv[i]);
        globfree(&found);
    }
    ls_text_reset(&pattern);
    ls_free(plain);
    return st;
}

static const char *text_of(const ls_config *args, const char *key, const char *initial)
{
    const ls_config *node = args->kind == LS_CONFIG_MAP ? ls_config_get(args, key) : NULL;

    return node && node->kind == LS_CONFIG_SCALAR && node->text ? node->text : initial;
}

/* item: one callback of the experiment, as in "csv_logger: {filename: log.csv}" or "tensorboard". */
static ls_status remove_files_of(const char *directory, const ls_config *item)
{
    const ls_config *const callback = item->kind == LS_CONFIG_MAP && item->first ? item->first : item;
    const char *name = callback == item ? item->text : callback->key;

    if (!name)
        return LS_OK;
    if (strcmp(name, "model_checkpoint") == 0)
        return remove_template(directory, text_of(callback, "filepath", ""), "");
    if (strcmp(name, "csv_logger") == 0)
        return strcmp(text_of(callback, "append", "false"), "true") == 0
                   ? LS_OK
                   : remove_template(directory, text_of(callback, "filename", ""), "");
    if (strcmp(name, "tensorboard") != 0)
        return LS_OK;
    name = text_of(callback, "log_dir", "tensorboard");
    LS_TRY(remove_template(directory, name, "/train/events.out.tfevents.*"));
    return remove_template(directory, name, "/validation/events.out.tfevents.*");
}

static ls_status remove_callbacks(const char *directory)
{
    char *const path = ls_path_join(directory, LS_RUN_EXPERIMENT);
    ls_config *root = NULL;
    const ls_config *callbacks;
    ls_status st = path ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK && ls_yaml_read(path, &root) == LS_OK) { /* else it tells nothing */
        callbacks = ls_config_get(root, "callbacks");
        for (const ls_config *c = callbacks ? callbacks->first : NULL; c && st == LS_OK; c = c->next)
            st = remove_files_of(directory, c);
    }
    ls_config_free(root);
    ls_free(path);
    return st;
}

static ls_status remove_older(const char *directory)
{
    DIR *const d = opendir(directory);
    ls_status st = LS_OK;

    if (!d)
        return ls_fail(LS_ERR_IO, "cannot read the directory '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; st == LS_OK && (entry = readdir(d)) != NULL;)
        if (is_older(entry->d_name))
            st = remove_named(directory, entry->d_name);
    closedir(d);
    return st;
}

ls_status ls_run_clear(const char *directory, bool everything, bool keep_trace)
{
    if (everything)
        LS_TRY(remove_callbacks(directory));
    LS_TRY(remove_older(directory));
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        LS_TRY(remove_named(directory, results[i]));
    if (!keep_trace)
        LS_TRY(remove_named(directory, LS_RUN_TRACE));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        LS_TRY(remove_named(directory, others[i]));
    return LS_OK;
}
