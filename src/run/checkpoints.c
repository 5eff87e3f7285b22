#include "run/checkpoints.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "run/checkpoint.h"
#include "run/run_files.h"

#define OLDER_FORMAT "%s/" LS_RUN_OLDER_CHECKPOINT "%" PRIu64 ".h5"

ls_status ls_checkpoints_init(ls_checkpoints *c, ls_callbacks *callbacks, const char *directory)
{
    *c = (ls_checkpoints){
        .trainer = callbacks->run.trainer, .callbacks = callbacks, .directory = directory, .written_s = ls_now_s()};
    return (c->newest = ls_path_join(directory, LS_RUN_CHECKPOINT)) ? LS_OK : LS_ERR_MEMORY;
}

void ls_checkpoints_reset(ls_checkpoints *c)
{
    ls_free(c->newest);
    c->newest = NULL;
}

/* ---- older ones ---- */

static char *older_path(const ls_checkpoints *c, uint64_t update)
{
    ls_text path = {0};

    ls_text_add(&path, OLDER_FORMAT, c->directory, update);
    if (path.status != LS_OK)
        ls_text_reset(&path);
    return path.data;
}

/* The number in a name that older_path makes, and no other. */
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

/* The updates of the older ones in the directory, the newest first. *out is to be freed. No directory: none. */
static ls_status list_older(const ls_checkpoints *c, uint64_t **out, uint64_t *n)
{
    DIR *const directory = opendir(c->directory);
    ls_status st = LS_OK;
    size_t capacity = 0;

    *out = NULL;
    *n = 0;
    if (!directory)
        return errno == ENOENT
                   ? LS_OK
                   : ls_fail(LS_ERR_IO, "cannot read the directory '%s': %s", c->directory, strerror(errno));
    for (const struct dirent *entry; st == LS_OK && (entry = readdir(directory)) != NULL;) {
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
    closedir(directory);
    if (*n)
        qsort(*out, *n, sizeof **out, newest_first);
    return st;
}

/* ---- writing ---- */

/* The checkpoint that is about to be replaced gets a second name. One of an earlier run in this directory does not. */
static ls_status keep_newest(const ls_checkpoints *c)
{
    char *path;
    ls_status st;

    if (!c->is_ours || c->update == c->trainer->update)
        return LS_OK;
    if (!(path = older_path(c, c->update)))
        return LS_ERR_MEMORY;
    st = ls_file_second_name(c->newest, path);
    ls_free(path);
    return st;
}

/* Of the older ones the `keep` last of this run stay. Those from this update on are of an earlier run. */
static ls_status prune(const ls_checkpoints *c, uint64_t keep)
{
    uint64_t *update = NULL, n = 0, kept = 0;
    ls_status st = list_older(c, &update, &n);

    for (uint64_t i = 0; i < n && st == LS_OK; i++) {
        char *path;

        if (update[i] < c->trainer->update && kept++ < keep)
            continue;
        if (!(path = older_path(c, update[i])))
            st = LS_ERR_MEMORY;
        else if (unlink(path) && errno != ENOENT)
            st = ls_fail(LS_ERR_IO, "cannot remove the old checkpoint '%s': %s", path, strerror(errno));
        ls_free(path);
    }
    ls_free(update);
    return st;
}

ls_status ls_checkpoints_write(ls_checkpoints *c)
{
    ls_trainer *const t = c->trainer;
    const uint64_t keep = (uint64_t)t->experiment->fit.checkpoint_keep - 1;
    const bool keeps = keep > 0, writer = t->comm->rank == 0;

    ls_watchdog_beat(t->watchdog, "writing a checkpoint");
    /* Before and not after: what is found beside a checkpoint.h5 of this run must never be another run's. */
    if (!c->has_begun)
        LS_TRY(ls_agree(t->comm, writer ? prune(c, 0) : LS_OK));
    c->has_begun = true;
    if (keeps)
        LS_TRY(ls_agree(t->comm, writer ? keep_newest(c) : LS_OK));
    LS_TRY(ls_checkpoint_write(t, c->callbacks, c->newest));
    if (keeps)
        LS_TRY(ls_agree(t->comm, writer ? prune(c, keep) : LS_OK));
    c->is_ours = true;
    c->update = t->update;
    c->written_s = ls_now_s();
    return LS_OK;
}

ls_status ls_checkpoints_due(const ls_checkpoints *c, bool *due)
{
    const ls_trainer *t = c->trainer;
    const double pause_s = t->experiment->fit.checkpoint_seconds;
    int is_due = ls_now_s() - c->written_s >= pause_s;

    if (pause_s > 0)
        LS_TRY(ls_mpi_check(MPI_Bcast(&is_due, 1, MPI_INT, 0, t->comm->mpi), "asking for a checkpoint"));
    *due = is_due;
    return LS_OK;
}

/* ---- reading ---- */

/* Collective. What rank 0 finds, so that a slow file system cannot split the ranks. */
static ls_status find(const ls_checkpoints *c, bool *has_newest, uint64_t **older, uint64_t *n)
{
    const ls_comm *comm = c->trainer->comm;
    uint64_t found[2] = {0, 0};

    *older = NULL;
    LS_TRY(ls_agree(comm, comm->rank == 0 ? list_older(c, older, &found[1]) : LS_OK));
    if (comm->rank == 0)
        found[0] = ls_file_exists(c->newest);
    LS_TRY(ls_mpi_check(MPI_Bcast(found, 2, MPI_UINT64_T, 0, comm->mpi), "looking for a checkpoint"));
    *has_newest = found[0] != 0;
    *n = found[1];
    if (*n == 0)
        return LS_OK;
    if (comm->rank != 0)
        *older = ls_calloc(*n, sizeof **older, "old checkpoints");
    LS_TRY(ls_agree(comm, *older ? LS_OK : LS_ERR_MEMORY));
    return ls_mpi_check(MPI_Bcast(*older, (int)*n, MPI_UINT64_T, 0, comm->mpi), "looking for a checkpoint");
}

/* The error record says what is wrong with the one before. */
static void tell(const ls_checkpoints *c, ls_warn *warn, void *context, const char *next)
{
    ls_text line = {0};

    ls_text_add(&line, "%s: going back to '%s'", ls_error_message(), next);
    if (warn && c->trainer->comm->rank == 0 && line.status == LS_OK)
        warn(context, line.data);
    ls_text_reset(&line);
}

/* Collective. From the first of the older ones that is whole. */
static ls_status read_older(const ls_checkpoints *c, bool allow, ls_warn *warn, void *context, const uint64_t *older,
                            uint64_t n)
{
    ls_status st = LS_ERR_FORMAT;

    for (uint64_t i = 0; i < n && st == LS_ERR_FORMAT; i++) {
        char *path = older_path(c, older[i]);

        if (path)
            tell(c, warn, context, path);
        LS_TRY(ls_agree(c->trainer->comm, path ? LS_OK : LS_ERR_MEMORY));
        st = ls_checkpoint_read(c->trainer, c->callbacks, path, allow);
        ls_free(path);
    }
    return st == LS_ERR_FORMAT ? ls_fail_in(st, "no checkpoint in '%s' is whole", c->directory) : st;
}

ls_status ls_checkpoints_read(ls_checkpoints *c, bool allow, ls_warn *warn, void *context, bool *found)
{
    uint64_t *older = NULL, n = 0;
    bool has_newest = false;
    ls_status st;

    *found = false;
    LS_TRY_CLEANUP(find(c, &has_newest, &older, &n));
    *found = has_newest || n > 0;
    if (has_newest) {
        st = ls_checkpoint_read(c->trainer, c->callbacks, c->newest, allow);
        c->is_ours = st == LS_OK;
        c->update = c->trainer->update;
    } else if (n > 0) {
        st = ls_fail(LS_ERR_FORMAT, "there is no '%s'", c->newest);
    }
    if (st == LS_ERR_FORMAT && n > 0)
        st = read_older(c, allow, warn, context, older, n);
    c->has_begun = *found && st == LS_OK;
cleanup:
    ls_free(older);
    return st;
}
