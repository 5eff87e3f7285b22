#define _GNU_SOURCE /* sched_getaffinity */
#include "run/rank_advice.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/locale.h"
#include "base/memory.h"

#define LEAST_S 2.0 /* of updates: less is not worth a word */
#define MARGIN 1.05 /* times are not exact */

void ls_rank_effort_look(ls_rank_effort *e)
{
    cpu_set_t set;

    *e = (ls_rank_effort){.cores = (int32_t)sysconf(_SC_NPROCESSORS_ONLN)};
    gethostname(e->host, sizeof e->host - 1);
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (size_t i = 0; i < 64 * LS_CORE_WORDS && i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                e->core[i / 64] |= UINT64_C(1) << i % 64;
}

static int count_cores(const ls_rank_effort *e)
{
    int n = 0;

    for (size_t i = 0; i < LS_CORE_WORDS; i++)
        n += __builtin_popcountll(e->core[i]);
    return n;
}

/* Does `inner` run on the other's host, and on no core that the other may not run on? */
static bool is_within(const ls_rank_effort *inner, const ls_rank_effort *outer)
{
    if (strcmp(inner->host, outer->host) != 0)
        return false;
    for (size_t i = 0; i < LS_CORE_WORDS; i++)
        if (inner->core[i] & ~outer->core[i])
            return false;
    return true;
}

/* A rank whose cores are fewer than the ranks that have no others; -1: none. */
static int find_crowd(const ls_rank_effort *e, int ranks, int *crowd)
{
    for (int r = 0; r < ranks; r++) {
        const int cores = count_cores(&e[r]);
        int n = 0;

        for (int k = 0; k < ranks; k++)
            n += is_within(&e[k], &e[r]);
        if (cores > 0 && n > cores) {
            *crowd = n;
            return r;
        }
    }
    return -1;
}

static double share_waited(const ls_rank_effort *e, int ranks)
{
    double waited = 0, took = 0;

    for (int r = 0; r < ranks; r++) {
        waited += e[r].waited_s;
        took += e[r].took_s;
    }
    return took > 0 ? waited / took : 0;
}

static void write_crowd(const ls_rank_effort *e, int ranks, int r, int crowd, ls_text *out)
{
    const int cores = count_cores(&e[r]);

    ls_text_add(out, "%d ranks on %s have %d core%s between them and take turns: they waited for %.0f %% of the time; ",
                crowd, e[r].host, cores, cores == 1 ? "" : "s", 100 * share_waited(e, ranks));
    if (e[r].cores > cores)
        ls_text_add(out, "let them use the %d cores there are (mpirun --bind-to none; not taskset)", (int)e[r].cores);
    else
        ls_text_add(out, "start as many ranks on a host as it has cores, here %d", cores);
}

void ls_rank_advice_write(const ls_rank_effort *e, int ranks, ls_text *out)
{
    const locale_t before = ls_locale_enter();
    double work = 0, took = 0;
    int crowd = 0, r;

    for (int k = 0; k < ranks; k++) {
        work += e[k].took_s - e[k].waited_s;
        took = e[k].took_s > took ? e[k].took_s : took;
    }
    if ((r = find_crowd(e, ranks, &crowd)) >= 0)
        write_crowd(e, ranks, r, crowd, out);
    else if (took > MARGIN * work)
        ls_text_add(
            out,
            "%d ranks took %.1f s for updates that one rank would do in about %.1f s: they waited for each other "
            "%.0f %% of the time; start fewer, or give each more to do with a larger fit.batch_size",
            ranks, took, work, 100 * share_waited(e, ranks));
    ls_locale_leave(before);
}

ls_status ls_rank_advice(const ls_comm *comm, double took_s, double waited_s, bool *done, ls_text *out)
{
    ls_rank_effort mine, *all = NULL;
    int enough = took_s >= LEAST_S;
    ls_status st = LS_OK;

    *done = comm->size == 1;
    if (*done)
        return LS_OK;
    LS_TRY(ls_mpi_check(MPI_Bcast(&enough, 1, MPI_INT, 0, comm->mpi), "asking whether ranks help"));
    if (!enough)
        return LS_OK;
    *done = true;
    ls_rank_effort_look(&mine);
    mine.took_s = took_s;
    mine.waited_s = waited_s;
    if (comm->rank == 0 && !(all = ls_calloc((size_t)comm->size, sizeof *all, "what the ranks did")))
        st = LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(
        ls_mpi_check(MPI_Gather(&mine, (int)sizeof mine, MPI_BYTE, all, (int)sizeof mine, MPI_BYTE, 0, comm->mpi),
                     "asking whether ranks help"));
    if (comm->rank == 0)
        ls_rank_advice_write(all, comm->size, out);
    st = ls_agree(comm, out->status);
cleanup:
    ls_free(all);
    return st;
}
