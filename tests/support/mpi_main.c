#include "mpi_main.h"

#include <time.h>

bool all_ranks(bool mine)
{
    int good = mine, all = 0;

    MPI_Allreduce(&good, &all, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return all;
}

bool world_is_running(void)
{
    int running = 0;

    MPI_Initialized(&running);
    return running;
}

int world_rank(void)
{
    int rank = 0;

    if (world_is_running())
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

void world_barrier(void)
{
    if (world_is_running())
        MPI_Barrier(MPI_COMM_WORLD);
}

int mpi_main(int argc, char **argv, const struct CMUnitTest *tests, size_t n, CMFixtureFunction before,
             CMFixtureFunction after)
{
    int failed;

    MPI_Init(&argc, &argv);
    failed = _cmocka_run_group_tests(argv[0], tests, n, before, after);
    if (failed) /* the others may wait for this rank, so they are not asked first */
        MPI_Abort(MPI_COMM_WORLD, 1);
    failed = !all_ranks(!failed);
    MPI_Finalize();
    return failed;
}

void be_late(const ls_comm *comm, size_t occasion)
{
    if ((occasion * 2654435761u >> 7) % ((size_t)comm->size + 1) == (size_t)comm->rank)
        nanosleep(&(struct timespec){.tv_nsec = (long)(occasion * 40503 % 8) * 250000}, NULL);
}
