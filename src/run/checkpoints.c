#include "run/checkpoints.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "run/checkpoint.h"
#include "run/run_files.h"

/* With fit.checkpoint_seconds: auto, checkpoints take less than this part of the time. */
#define SHARE 0.01

ls_status ls_checkpoints_init(ls_checkpoints *c, ls_callbacks *callbacks, const char *directory)
{
    *c = (ls_checkpoints){
        .trainer = callbacks->run.trainer, .callbacks = callbacks, .directory = directory, .written_s = ls_now_s()};
    return (c->newest = ls_path_join(directory, LS_RUN_CHECKPOINT)) ? LS_OK : LS_ERR_MEMORY;
}

void ls_checkpoints_reset(ls_checkpoints *c)
{
    ls_checkpoint_writer_wait(&c->writer); /* something else went wrong; the file is good all the same */
    ls_free(c->newest);
    ls_free(c->model);
    c->newest = c->model = NULL;
}

/* ---- writing ---- */

/* Rank 0. */
static ls_status wait_for_writer(ls_checkpoints *c)
{
    const bool is_model = c->model != NULL;
    const ls_status st = ls_checkpoint_writer_wait(&c->writer);

    if (!is_model)
        c->cost_s = c->held_s + c->writer.cpu_s;
    ls_free(c->model);
    c->model = NULL;
    return st;
}

ls_status ls_checkpoints_finish(ls_checkpoints *c)
{
    const ls_comm *comm = c->trainer->comm;

    if (!c->is_under_way)
        return LS_OK;
    ls_watchdog_beat(c->trainer->watchdog, comm->rank == 0 ? "bringing a checkpoint to disk"
                                                           : "waiting until rank 0 has written a checkpoint");
    c->is_under_way = false;
    return ls_agree(comm, comm->rank == 0 ? wait_for_writer(c) : LS_OK);
}

ls_status ls_checkpoints_write(ls_checkpoints *c)
{
    ls_trainer *const t = c->trainer;
    const double begun_s = ls_now_s();
    ls_checkpoint_job job = {.directory = c->directory,
                             .newest = c->newest,
                             .update = t->update,
                             .keep = (uint64_t)t->experiment->fit.checkpoint_keep - 1,
                             .begins = !c->has_begun,
                             .has_before = c->is_ours,
                             .before = c->update};

    LS_TRY(ls_checkpoints_finish(c));
    ls_watchdog_beat(t->watchdog, "copying a checkpoint");
    LS_TRY(ls_checkpoint_image(t, c->callbacks, &job.image, &job.bytes));
    if (t->comm->rank == 0)
        ls_checkpoint_writer_start(&c->writer, &job);
    c->has_begun = c->is_ours = c->is_under_way = true;
    c->update = t->update;
    c->written_s = ls_now_s();
    c->held_s = c->written_s - begun_s;
    return LS_OK;
}

ls_status ls_checkpoints_write_model(ls_checkpoints *c, const char *path)
{
    ls_trainer *const t = c->trainer;
    ls_checkpoint_job job = {0};
    ls_status st = LS_OK;

    LS_TRY(ls_checkpoints_finish(c));
    if (t->comm->rank == 0)
        st = (c->model = ls_strdup(path)) ? LS_OK : LS_ERR_MEMORY;
    LS_TRY(ls_agree(t->comm, st));
    job.newest = c->model;
    ls_watchdog_beat(t->watchdog, "copying a model");
    st = ls_checkpoint_image(t, c->callbacks, &job.image, &job.bytes);
    if (st == LS_OK && t->comm->rank == 0)
        ls_checkpoint_writer_start(&c->writer, &job);
    c->is_under_way = st == LS_OK;
    return st;
}

/* Rank 0. */
static bool is_due(const ls_checkpoints *c)
{
    const double wanted_s = c->trainer->experiment->fit.checkpoint_seconds;
    const double pause_s = wanted_s == LS_CHECKPOINT_AUTO ? c->cost_s / SHARE : wanted_s;

    return ls_checkpoint_writer_is_done(&c->writer) && ls_now_s() - c->written_s >= pause_s;
}

ls_status ls_checkpoints_due(ls_checkpoints *c, bool *due)
{
    const ls_comm *comm = c->trainer->comm;
    int answer[2] = {0, 0}; /* due; the writer of the last one has ended */
    ls_status st = LS_OK;

    *due = true;
    if (c->trainer->experiment->fit.checkpoint_seconds == 0)
        return LS_OK;
    if (comm->rank == 0) {
        answer[1] = c->is_under_way && ls_checkpoint_writer_is_done(&c->writer);
        if (answer[1])
            st = wait_for_writer(c);
        answer[0] = is_due(c);
    }
    if (comm->size > 1)
        LS_TRY(ls_mpi_check(MPI_Bcast(answer, 2, MPI_INT, 0, comm->mpi), "asking for a checkpoint"));
    *due = answer[0];
    if (!answer[1])
        return LS_OK;
    c->is_under_way = false;
    return ls_agree(comm, st);
}

/* ---- reading ---- */

/* Collective. What rank 0 finds, so that a slow file system cannot split the ranks. */
static ls_status find(const ls_checkpoints *c, bool *has_newest, uint64_t **older, uint64_t *n)
{
    const ls_comm *comm = c->trainer->comm;
    uint64_t found[2] = {0, 0};

    *older = NULL;
    LS_TRY(ls_agree(comm, comm->rank == 0 ? ls_checkpoint_list_older(c->directory, older, &found[1]) : LS_OK));
    if (comm->rank == 0)
        found[0] = ls_file_exists(c->newest);
    if (comm->size > 1)
        LS_TRY(ls_mpi_check(MPI_Bcast(found, 2, MPI_UINT64_T, 0, comm->mpi), "looking for a checkpoint"));
    *has_newest = found[0] != 0;
    *n = found[1];
    if (*n == 0 || comm->size == 1)
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

/* What the checkpoint does not hold of the history. Without it the run goes on all the same, to the same weights. */
static ls_status read_earlier(const ls_checkpoints *c, const ls_earlier_rows *earlier, ls_warn *warn, void *context)
{
    ls_history *const history = c->trainer->history;
    char *path;
    ls_text line = {0};
    ls_status st;

    if (earlier->n == 0)
        return LS_OK;
    if (!(path = ls_path_join(c->directory, LS_RUN_HISTORY)))
        return LS_ERR_MEMORY;
    st = ls_history_prepend(history, path, earlier->n, earlier->digest);
    ls_free(path);
    if (st == LS_OK || st == LS_ERR_MEMORY)
        return st;
    ls_text_add(&line, "%s: the first %" PRIu64 " epochs are missing from the history", ls_error_message(), earlier->n);
    if (warn && c->trainer->comm->rank == 0 && line.status == LS_OK)
        warn(context, line.data);
    st = line.status;
    ls_text_reset(&line);
    return st;
}

/* Collective. From the first of the older ones that is whole. */
static ls_status read_older(const ls_checkpoints *c, bool allow, ls_warn *warn, void *context, const uint64_t *older,
                            uint64_t n, ls_earlier_rows *earlier)
{
    ls_status st = LS_ERR_FORMAT;

    for (uint64_t i = 0; i < n && st == LS_ERR_FORMAT; i++) {
        char *path = ls_checkpoint_older_path(c->directory, older[i]);

        if (path)
            tell(c, warn, context, path);
        LS_TRY(ls_agree(c->trainer->comm, path ? LS_OK : LS_ERR_MEMORY));
        st = ls_checkpoint_read(c->trainer, c->callbacks, path, allow, earlier);
        ls_free(path);
    }
    return st == LS_ERR_FORMAT ? ls_fail_in(st, "no checkpoint in '%s' is whole", c->directory) : st;
}

ls_status ls_checkpoints_read(ls_checkpoints *c, bool allow, ls_warn *warn, void *context, bool *found)
{
    uint64_t *older = NULL, n = 0;
    ls_earlier_rows earlier = {0};
    bool has_newest = false;
    ls_status st;

    *found = false;
    LS_TRY_CLEANUP(find(c, &has_newest, &older, &n));
    *found = has_newest || n > 0;
    if (has_newest) {
        st = ls_checkpoint_read(c->trainer, c->callbacks, c->newest, allow, &earlier);
        c->is_ours = st == LS_OK;
        c->update = c->trainer->update;
    } else if (n > 0) {
        st = ls_fail(LS_ERR_FORMAT, "there is no '%s'", c->newest);
    }
    if (st == LS_ERR_FORMAT && n > 0)
        st = read_older(c, allow, warn, context, older, n, &earlier);
    if (*found && st == LS_OK)
        st = ls_agree(c->trainer->comm, read_earlier(c, &earlier, warn, context));
    c->has_begun = *found && st == LS_OK;
cleanup:
    ls_free(older);
    return st;
}
