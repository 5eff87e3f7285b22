#include "sweep/queue.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "sweep/directory.h"
#include "sweep/growth.h"
#include "sweep/results.h"
#include "sweep/settings.h"
#include "sweep/table.h"
#include "sweep/trial.h"

/* How long an idle group sleeps between two looks: short at first, for most waiting is short. */
#define NAP_MIN_NS 50000
#define NAP_MAX_NS 20000000

typedef struct queue {
    const ls_comm *comm; /* all ranks */
    ls_comm *group;
    const ls_sweep *sweep;
    const ls_sweep_facts *facts;
    const ls_sweep_settings *settings;
    ls_sweep_directory *directory;
    ls_results *results; /* first rank of each group; NULL elsewhere */
    ls_trial *ready;     /* [seeds] */
    bool abandoned;      /* another group has ended the sweep */
    size_t found;        /* trials that were finished before */
    double started_s;
} queue;

/* ---- waiting without using a core ---- */

static void doze(long *nap_ns, ls_watchdog *watchdog)
{
    ls_watchdog_beat(watchdog, "waiting for other trials of the sweep");
    nanosleep(&(const struct timespec){.tv_nsec = *nap_ns}, NULL);
    *nap_ns = *nap_ns * 2 < NAP_MAX_NS ? *nap_ns * 2 : NAP_MAX_NS;
}

static ls_status wait_for(MPI_Request *request, ls_watchdog *watchdog)
{
    long nap_ns = NAP_MIN_NS;

    for (;;) {
        int done;

        LS_TRY(ls_mpi_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "waiting for other trials"));
        if (done)
            return LS_OK;
        doze(&nap_ns, watchdog);
    }
}

static ls_status meet(const ls_comm *comm, ls_watchdog *watchdog)
{
    MPI_Request request;

    LS_TRY(ls_mpi_check(MPI_Ibarrier(comm->mpi, &request), "waiting for other trials"));
    return wait_for(&request, watchdog);
}

/* ---- what to do next ---- */

typedef enum order_kind { ORDER_RUN, ORDER_LEAVE } order_kind;

typedef struct order {
    order_kind kind;
    ls_trial trial;
} order;

static bool is_mine(const queue *q, size_t combination)
{
    const ls_shard *shard = &q->settings->shard;

    return shard->count <= 1 || combination % shard->count == shard->index;
}

/* What this start of the sweep has to do. */
static bool is_done(const queue *q)
{
    for (size_t c = 0; c < q->sweep->combinations; c++)
        if (is_mine(q, c) && !q->results->chain[c].complete)
            return false;
    return true;
}

static ls_status take(queue *q, bool searches, order *out, bool *taken)
{
    for (size_t c = 0; c < q->sweep->combinations && !*taken; c++) {
        const size_t n = is_mine(q, c) ? ls_results_ready(q->results, c, searches, q->ready) : 0;

        for (size_t k = 0; k < n && !*taken; k++) {
            LS_TRY(ls_sweep_claim(q->directory, &q->ready[k], taken));
            if (*taken)
                *out = (order){.kind = ORDER_RUN, .trial = q->ready[k]};
        }
    }
    return LS_OK;
}

/* First rank of a group: the next trial, or the end. Sleeps while others work at what must come before. */
static ls_status choose(queue *q, order *out)
{
    bool taken = false;

    *out = (order){.kind = ORDER_LEAVE};
    for (long nap_ns = NAP_MIN_NS; !taken; doze(&nap_ns, q->settings->watchdog)) {
        if (q->settings->stop && *q->settings->stop)
            return ls_fail(LS_ERR_STOPPED, "stopped by a signal");
        if (ls_sweep_has_ended(q->directory))
            return LS_OK;
        LS_TRY(ls_results_refresh(q->results));
        if (is_done(q))
            return LS_OK;
        LS_TRY(take(q, true, out, &taken));
        LS_TRY(take(q, false, out, &taken));
        if (taken)
            return LS_OK;
    }
    return LS_OK;
}

/* Collective on the group. */
static ls_status next_order(queue *q, order *out)
{
    MPI_Request request;
    ls_status st = LS_OK;

    memset(out, 0, sizeof *out);
    if (q->group->rank == 0)
        st = choose(q, out);
    if (q->group->size == 1)
        return st;
    LS_TRY(ls_mpi_check(MPI_Ibcast(out, (int)sizeof *out, MPI_BYTE, 0, q->group->mpi, &request), "sharing a trial"));
    LS_TRY(wait_for(&request, q->settings->watchdog));
    return ls_agree(q->group, st);
}

/* ---- doing it ---- */

static bool is_abandoned(void *context)
{
    queue *q = context;

    return q->abandoned = ls_sweep_has_ended(q->directory);
}

/* ", 3 of 12, about 40 s left": by what the trials since this start took, of all groups. */
static void add_progress(const queue *q, ls_text *out)
{
    bool exact;
    const size_t done = ls_results_count(q->results), all = ls_results_expected(q->results, &exact);
    const double spent_s = ls_now_s() - q->started_s;
    char text[LS_DURATION_BYTES];

    ls_text_add(out, " (%zu of %s%zu", done, exact ? "" : "about ", all);
    if (done > q->found && all > done)
        ls_text_add(out, ", about %s left",
                    ls_format_duration(spent_s / (double)(done - q->found) * (double)(all - done), text));
    ls_text_add(out, ")");
}

/* First rank of a group. */
static ls_status say(queue *q, const ls_trial *trial, const ls_trial_result *result)
{
    ls_text line = {0};

    if (q->group->rank != 0)
        return LS_OK;
    LS_TRY(ls_results_refresh(q->results));
    if (q->settings->out) {
        ls_table_line(q->results, trial, result, &line);
        add_progress(q, &line);
        fprintf(q->settings->out, "%s\n", line.data ? line.data : "");
        fflush(q->settings->out);
    }
    ls_text_reset(&line);
    return LS_OK;
}

/* Rank 0, before anything is trained. */
static void say_found(const queue *q)
{
    bool exact = false;
    const size_t all = q->results ? ls_results_expected(q->results, &exact) : 0;

    if (q->comm->rank == 0 && q->settings->out && q->found && !ls_results_complete(q->results))
        fprintf(q->settings->out, "%zu of %s%zu trials are done: going on\n", q->found, exact ? "" : "about ", all);
}

static ls_status write_tables(const ls_results *results, const char *directory)
{
    ls_text trials = {0}, summary = {0};
    ls_status st;

    LS_TRY_CLEANUP(ls_table_trials(results, &trials));
    LS_TRY_CLEANUP(ls_table_summary(results, &summary));
    LS_TRY_CLEANUP(ls_sweep_write_file(directory, "trials.csv", &trials));
    LS_TRY_CLEANUP(ls_sweep_write_file(directory, "summary.csv", &summary));
cleanup:
    ls_text_reset(&trials);
    ls_text_reset(&summary);
    return st;
}

/* Collective on the group. Its first `ranks` ranks, or NULL on the others. */
static ls_status gather_crew(const queue *q, int ranks, ls_comm **out)
{
    MPI_Comm part = MPI_COMM_NULL;
    ls_status st = LS_OK;

    *out = NULL;
    LS_TRY(
        ls_mpi_check(MPI_Comm_split(q->group->mpi, q->group->rank < ranks ? 0 : MPI_UNDEFINED, q->group->rank, &part),
                     "taking some ranks of a group"));
    if (part != MPI_COMM_NULL) {
        st = ls_comm_create(part, out);
        MPI_Comm_free(&part);
    }
    return ls_agree(q->group, st);
}

/* Collective on the group: the trial on as many of its ranks as it wants, while the others sleep. */
static ls_status run_on_crew(queue *q, const ls_trial *trial, const ls_trial_settings *settings,
                             ls_trial_result *result)
{
    const int ranks = ls_trial_ranks(q->sweep, trial->combination);
    ls_comm *crew;
    ls_status st = LS_OK, met;

    if (!ranks || ranks == q->group->size)
        return ls_trial_run(q->group, q->sweep, q->facts, trial, settings, result);
    LS_TRY(gather_crew(q, ranks, &crew));
    if (crew)
        st = ls_trial_run(crew, q->sweep, q->facts, trial, settings, result);
    ls_comm_free(crew);
    met = meet(q->group, q->settings->watchdog);
    return st == LS_OK ? met : st;
}

/* Collective on the group. A trial that another group's failure ended is no failure of ours. */
static ls_status run_trial(queue *q, const ls_trial *trial)
{
    char *directory = ls_trial_directory(q->settings->directory, trial);
    ls_trial_settings settings = {.directory = directory,
                                  .stop = q->settings->stop,
                                  .watchdog = q->settings->watchdog,
                                  .abandoned = is_abandoned,
                                  .context = q};
    ls_trial_result result;
    ls_status st = ls_agree(q->group, directory ? LS_OK : LS_ERR_MEMORY);
    int abandoned;

    if (st == LS_OK)
        st = run_on_crew(q, trial, &settings, &result);
    if (st == LS_OK)
        st = say(q, trial, &result);
    ls_free(directory);
    if (st == LS_OK && q->comm->rank == 0)
        st = write_tables(q->results, q->settings->directory);
    abandoned = q->abandoned;
    LS_TRY(ls_mpi_check(MPI_Bcast(&abandoned, 1, MPI_INT, 0, q->group->mpi), "asking whether the sweep ends"));
    q->abandoned = abandoned;
    st = ls_agree(q->group, st);
    return st == LS_ERR_STOPPED && q->abandoned ? LS_OK : st;
}

static ls_status work(queue *q)
{
    for (;;) {
        order next;

        LS_TRY(next_order(q, &next));
        if (next.kind == ORDER_LEAVE)
            return LS_OK;
        LS_TRY(run_trial(q, &next.trial));
        if (q->abandoned)
            return LS_OK;
    }
}

/* ---- the whole ---- */

static int ranks_per_run(const ls_comm *comm, const ls_sweep *sweep)
{
    return sweep->ranks_per_run ? sweep->ranks_per_run : comm->size;
}

ls_status ls_sweep_check_ranks(const ls_comm *comm, const ls_sweep *sweep)
{
    const int each = ranks_per_run(comm, sweep);

    for (size_t c = 0; c < sweep->combinations && comm->size % each == 0; c++)
        if (ls_trial_ranks(sweep, c) > each)
            return ls_config_fail(ls_varied(sweep, c, "ranks"),
                                  "ranks is %d, but a run has only %d: start the sweep with more ranks, or raise "
                                  "ranks_per_run",
                                  ls_trial_ranks(sweep, c), each);
    if (comm->size % each == 0)
        return LS_OK;
    return ls_config_fail(
        ls_config_get(sweep->root, "ranks_per_run"),
        "ranks_per_run is %d, which does not divide the %d ranks there are: start it with mpirun -n %d", each,
        comm->size, (comm->size / each + 1) * each);
}

/* Collective. */
static ls_status split(const ls_comm *comm, int each, ls_comm **out)
{
    MPI_Comm part = MPI_COMM_NULL;
    ls_status st;

    *out = NULL;
    LS_TRY(ls_mpi_check(MPI_Comm_split(comm->mpi, comm->rank / each, comm->rank, &part), "dividing the ranks"));
    st = ls_comm_create(part, out);
    MPI_Comm_free(&part);
    return st;
}

static void reset(queue *q)
{
    ls_results_free(q->results);
    ls_free(q->ready);
    ls_comm_free(q->group);
}

/* Collective. */
static ls_status prepare(queue *q)
{
    ls_status st;

    LS_TRY(ls_agree(q->comm, split(q->comm, ranks_per_run(q->comm, q->sweep), &q->group)));
    if (q->group->rank != 0)
        return ls_agree(q->comm, LS_OK);
    st = ls_results_create(q->sweep, q->facts, q->settings->directory, &q->results);
    if (st == LS_OK && !(q->ready = ls_calloc(q->sweep->seeds, sizeof *q->ready, "the trials")))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = ls_results_refresh(q->results);
    if (st == LS_OK) {
        q->found = ls_results_count(q->results);
        q->started_s = ls_now_s();
        say_found(q);
    }
    return ls_agree(q->comm, st);
}

/* Rank 0, when nobody works any more. */
static ls_status write_down(queue *q)
{
    ls_text table = {0};
    ls_status st;

    LS_TRY_CLEANUP(ls_results_refresh(q->results));
    LS_TRY_CLEANUP(write_tables(q->results, q->settings->directory));
    LS_TRY_CLEANUP(ls_table_print(q->results, &table));
    if (q->settings->out && ls_results_complete(q->results))
        fprintf(q->settings->out, "%s", table.data);
    else if (q->settings->out && is_done(q))
        fprintf(q->settings->out, "shard %zu of %zu is done; others are not\n", q->settings->shard.index + 1,
                q->settings->shard.count);
cleanup:
    ls_text_reset(&table);
    return st;
}

/* Collective. After everything: one verdict. */
static ls_status finish(queue *q, ls_status st)
{
    const bool stopped = st == LS_ERR_STOPPED;
    ls_status written = LS_OK;

    if (st != LS_OK && q->group->rank == 0)
        ls_sweep_end(q->directory);
    if (stopped)
        ls_fail(LS_ERR_STOPPED, "stopped by a signal; what is finished is in '%s', start the sweep again to go on",
                q->settings->directory);
    LS_TRY(meet(q->comm, q->settings->watchdog));
    st = ls_agree(q->comm, st);
    if (q->comm->rank == 0 && (st == LS_OK || st == LS_ERR_STOPPED))
        written = write_down(q);
    return st == LS_OK ? ls_agree(q->comm, written) : st;
}

ls_status ls_sweep_run(const ls_comm *comm, ls_sweep *sweep, const ls_sweep_settings *settings)
{
    queue q = {.comm = comm, .sweep = sweep, .settings = settings};
    ls_sweep_facts *facts = NULL;
    ls_status st;

    LS_TRY(ls_sweep_check_ranks(comm, sweep));
    LS_TRY(ls_sweep_follow(comm, sweep, settings->directory));
    LS_TRY_CLEANUP(ls_sweep_facts_create(comm, sweep, settings->watchdog, &facts));
    q.facts = facts;
    LS_TRY_CLEANUP(
        ls_sweep_directory_open(comm, sweep, facts, settings->directory, settings->shard, false, &q.directory));
    LS_TRY_CLEANUP(prepare(&q));
    st = finish(&q, work(&q));
cleanup:
    reset(&q);
    ls_sweep_directory_close(q.directory, comm->rank == 0);
    ls_sweep_facts_free(facts);
    return st;
}

ls_status ls_sweep_look(const ls_comm *comm, ls_sweep *sweep, const char *path, size_t *done, size_t *all, bool *exact)
{
    ls_sweep_directory *directory = NULL;
    ls_sweep_facts *facts = NULL;
    ls_results *results = NULL;
    ls_status st;

    LS_TRY(ls_sweep_follow(comm, sweep, path));
    LS_TRY_CLEANUP(ls_sweep_facts_create(comm, sweep, NULL, &facts));
    LS_TRY_CLEANUP(ls_sweep_directory_open(comm, sweep, facts, path, (ls_shard){0}, true, &directory));
    st = ls_results_create(sweep, facts, path, &results);
    if (st == LS_OK)
        st = ls_results_refresh(results);
    LS_TRY_CLEANUP(ls_agree(comm, st));
    *done = ls_results_count(results);
    *all = ls_results_expected(results, exact);
cleanup:
    ls_results_free(results);
    ls_sweep_directory_close(directory, false);
    ls_sweep_facts_free(facts);
    return st;
}

/* ---- one more time ---- */

static bool find_trial(const ls_results *results, const char *id, ls_trial *trial, ls_trial_result *result)
{
    for (size_t c = 0; c < results->sweep->combinations; c++)
        for (size_t k = 0; ls_results_get(results, c, k, trial, result, NULL); k++) {
            char name[LS_TRIAL_ID_BYTES];

            ls_trial_id(trial, name);
            if (strcmp(name, id) == 0)
                return true;
        }
    return false;
}

static ls_status compare(const ls_comm *comm, const char *id, const ls_trial_result *then, const ls_trial_result *now,
                         FILE *out)
{
    if (then->status != now->status || then->updates != now->updates ||
        strcmp(then->fingerprint, now->fingerprint) != 0)
        return ls_fail(LS_ERR_MISMATCH,
                       "trial %s was %s after %llu updates with fingerprint %s, but now it is %s after %llu "
                       "with %s",
                       id, ls_trial_statuses[then->status], (unsigned long long)then->updates, then->fingerprint,
                       ls_trial_statuses[now->status], (unsigned long long)now->updates, now->fingerprint);
    if (comm->rank == 0 && out)
        fprintf(out, "%s: again %s after %llu updates\nfingerprint: %s\n", id, ls_trial_statuses[now->status],
                (unsigned long long)now->updates, now->fingerprint);
    return LS_OK;
}

ls_status ls_sweep_repeat(const ls_comm *comm, ls_sweep *sweep, const ls_sweep_settings *settings, const char *id)
{
    const ls_trial_settings how = {.stop = settings->stop, .watchdog = settings->watchdog};
    ls_sweep_directory *directory = NULL;
    ls_sweep_facts *facts = NULL;
    ls_results *results = NULL;
    ls_trial trial;
    ls_trial_result then, now;
    ls_status st;

    if (sweep->budget_unit == LS_BUDGET_SECONDS)
        return ls_config_fail(
            ls_config_get(ls_config_get(sweep->root, "budget"), "seconds"),
            "a budget in seconds ends when the clock says so: trial %s cannot be trained again to the "
            "same update; give the budget in epochs, updates or samples",
            id);
    LS_TRY(ls_sweep_follow(comm, sweep, settings->directory));
    LS_TRY_CLEANUP(ls_sweep_facts_create(comm, sweep, settings->watchdog, &facts));
    LS_TRY_CLEANUP(ls_sweep_directory_open(comm, sweep, facts, settings->directory, (ls_shard){0}, true, &directory));
    st = ls_results_create(sweep, facts, settings->directory, &results);
    if (st == LS_OK)
        st = ls_results_refresh(results);
    if (st == LS_OK && !find_trial(results, id, &trial, &then))
        st = ls_fail(LS_ERR_USAGE, "'%s' has no finished trial '%s': see the first column of its trials.csv",
                     settings->directory, id);
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(ls_trial_run(comm, sweep, facts, &trial, &how, &now));
    st = compare(comm, id, &then, &now, settings->out);
cleanup:
    ls_results_free(results);
    ls_sweep_directory_close(directory, false);
    ls_sweep_facts_free(facts);
    return st;
}
