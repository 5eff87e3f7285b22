/*
 * What MPI programs of tests share: how they begin and end, and the world seen from tests that may run without MPI too.
 *
 * No rank may fail alone, since the others would wait in the next collective: wrap every verdict in all_ranks(). If one
 * does so all the same, the whole job is ended.
 */
#ifndef LS_TEST_MPI_MAIN_H
#define LS_TEST_MPI_MAIN_H

#include "ls_test.h"

#include "comm/comm.h"

/* Collective on the world. All ranks learn the verdict, so none waits alone. */
bool all_ranks(bool mine);

/* A rank that is late now and then, another one every time. Not collective. */
void be_late(const ls_comm *comm, size_t occasion);

bool world_is_running(void);
int world_rank(void); /* 0 without MPI, too */
void world_barrier(void);

/* The tests as one group between `before` and `after` (cmocka's set-up and tear-down of a group, or NULL). */
int mpi_main(int argc, char **argv, const struct CMUnitTest *tests, size_t n, CMFixtureFunction before,
             CMFixtureFunction after);
#define LS_MPI_MAIN(tests, before, after)                                     \
    int main(int argc, char **argv)                                           \
    {                                                                         \
        return mpi_main(argc, argv, (tests), count_of(tests), before, after); \
    }

#endif
