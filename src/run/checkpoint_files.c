#include "run/checkpoint_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "run/run_files.h"

#define OLDER_FORMAT "%s/" LS_RUN_OLDER_CHECKPOINT "%" PRIu64 ".h5"

char *ls_checkpoint_older_path(const char *directory, uint64_t update)
{
    ls_text path = {0};

    ls_text_add(&path, OLDER_FORMAT, directory, update);
    if (path.status != LS_OK)
        ls_text_reset(&path);
    return path.data;
}

/* The number in a name that ls_checkpoint_older_path makes, and no other. */
static bool read_name(const char *name, uint64_t *update)
{
    char again[64];

    if (sscanf(name, LS_RUN_OLDER_CHECKPOINT "%" SCNu64, update) != 1)
        return false;
    snprintf(again, sizeof again, LS_RUN_OLDER_CHECKPOINT "%" PRIu64 ".h5", *update);
    return strcmp(name, again) == 0;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

ls_status ls_checkpoint_list_older(const char *directory, uint64_t **out, uint64_t *n)
{
    DIR *const d = opendir(directory);
    ls_status st = LS_OK;
    size_t capacity = 0;

    *out = NULL;
    *n = 0;
    if (!d)
        return errno == ENOENT ? LS_OK
                               : ls_fail(LS_ERR_IO, "cannot read the directory '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; st == LS_OK && (entry = readdir(d)) != NULL;) {
        uint64_t update;

        if (!read_name(entry->d_name, &update))
            continue;
        if (*n == capacity) {
            uint64_t *const more = ls_realloc(*out, capacity = 2 * capacity + 16, sizeof **out, "old checkpoints");

            if (!more) {
                st = LS_ERR_MEMORY;
                break;
            }
            *out = more;
        }
        (*out)[(*n)++] = update;
    }
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, newest_first);
    return st;
}

/* The checkpoint that is about to be replaced gets a second name. */
static ls_status keep_newest(const ls_checkpoint_job *job)
{
    char *path;
    ls_status st;

    if (job->keep == 0 || !job->has_before || job->before == job->update)
        return LS_OK;
    if (!(path = ls_checkpoint_older_path(job->directory, job->before)))
        return LS_ERR_MEMORY;
    st = ls_file_second_name(job->newest, path);
    ls_free(path);
    return st;
}

/* Of the older ones the `keep` last of this run stay. Those from this update on are of an earlier run. */
static ls_status prune(const ls_checkpoint_job *job, uint64_t keep)
{
    uint64_t *update = NULL, n = 0, kept = 0;
    ls_status st = ls_checkpoint_list_older(job->directory, &update, &n);

    for (uint64_t i = 0; i < n && st == LS_OK; i++) {
        char *path;

        if (update[i] < job->update && kept++ < keep)
            continue;
        if (!(path = ls_checkpoint_older_path(job->directory, update[i])))
            st = LS_ERR_MEMORY;
        else if (unlink(path) && errno != ENOENT)
            st = ls_fail(LS_ERR_IO, "cannot remove the old checkpoint '%s': %s", path, strerror(errno));
        ls_free(path);
    }
    ls_free(update);
    return st;
}

ls_status ls_checkpoint_put(const ls_checkpoint_job *job)
{
    if (!job->directory)
        return ls_file_replace(job->newest, job->image, job->bytes);
    /* Before and not after: what is found beside a checkpoint.h5 of this run must never be another run's. */
    if (job->begins)
        LS_TRY(prune(job, 0));
    LS_TRY(keep_newest(job));
    LS_TRY(ls_file_replace(job->newest, job->image, job->bytes));
    return job->keep > 0 ? prune(job, job->keep) : LS_OK;
}
