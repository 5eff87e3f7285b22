/* Communicators, agreement on errors, comparison of texts, and how things are dealt. */
#include "mpi_main.h"

#include <math.h>

#include "comm/comm.h"
#include "tensor/wide.h"

static ls_comm *world;

static int create_world(void **unused)
{
    (void)unused;
    return ls_comm_create(MPI_COMM_WORLD, &world) != LS_OK;
}

static int free_world(void **unused)
{
    (void)unused;
    ls_comm_free(world);
    return 0;
}

static void a_communicator_is_a_duplicate_that_returns_errors(void **unused)
{
    MPI_Errhandler handler;
    int rank, size, relation;
    bool good;

    (void)unused;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_compare(world->mpi, MPI_COMM_WORLD, &relation);
    MPI_Comm_get_errhandler(world->mpi, &handler);
    good = world->rank == rank && world->size == size && relation == MPI_CONGRUENT && handler == MPI_ERRORS_RETURN;
    assert_true(all_ranks(good));
    ls_comm_free(NULL);
}

static void mpi_errors_become_ours(void **unused)
{
    const char *const words[] = {"sending to nobody", NULL};
    const int number = 1, code = MPI_Send(&number, 1, MPI_INT, world->size + 5, 1, world->mpi);

    (void)unused;
    assert_true(all_ranks(ls_mpi_check(MPI_SUCCESS, "nothing") == LS_OK));
    assert_true(all_ranks(failed_with(ls_mpi_check(code, "sending to nobody"), LS_ERR_MPI, words)));
    assert_true(all_ranks(strlen(ls_error_message()) > strlen("sending to nobody: ")));
}

static void success_everywhere_is_success(void **unused)
{
    (void)unused;
    assert_true(all_ranks(ls_agree(world, LS_OK) == LS_OK));
}

static void an_error_anywhere_is_an_error_everywhere(void **unused)
{
    char host[MPI_MAX_PROCESSOR_NAME] = "", want[2048];
    int length;

    (void)unused;
    MPI_Get_processor_name(host, &length);
    for (int bad = 0; bad < world->size; bad++) {
        ls_status mine = LS_OK;

        ls_fail(LS_ERR_ARG, "an old message of rank %d", world->rank);
        if (world->rank == bad)
            mine = ls_fail(LS_ERR_DATA, "label %d is out of range", 100 + bad);
        snprintf(want, sizeof want, "rank %d on %s: label %d is out of range", bad, host, 100 + bad);
        if (world->size == 1)
            snprintf(want, sizeof want, "label 100 is out of range");
        mine = ls_agree(world, mine);
        assert_true(all_ranks(mine == LS_ERR_DATA && strcmp(ls_error_message(), want) == 0));
    }
}

static void the_lowest_failing_rank_speaks(void **unused)
{
    const bool fails = world->rank > 0;
    ls_status st = LS_OK;

    (void)unused;
    if (fails)
        st = ls_fail(world->rank == 1 ? LS_ERR_IO : LS_ERR_MEMORY, "fault number %d", world->rank);
    st = ls_agree(world, st);
    if (world->size == 1)
        assert_true(st == LS_OK);
    else
        assert_true(all_ranks(st == LS_ERR_IO && strncmp(ls_error_message(), "rank 1 on ", 10) == 0 &&
                              strstr(ls_error_message(), ": fault number 1")));
}

static void what_fails_on_all_ranks_names_none(void **unused)
{
    ls_status st = ls_agree(world, ls_fail(LS_ERR_CONFIG, "unknown key, says rank %d", world->rank));

    (void)unused;
    assert_true(all_ranks(st == LS_ERR_CONFIG && strcmp(ls_error_message(), "unknown key, says rank 0") == 0));
}

static void a_long_message_survives(void **unused)
{
    char text[1500];
    ls_status st;

    (void)unused;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    st = ls_agree(world, world->rank == world->size - 1 ? ls_fail(LS_ERR_IO, "%s", text) : LS_OK);
    assert_true(all_ranks(st == LS_ERR_IO && strlen(ls_error_message()) == 1023));
}

static void equal_texts_are_equal(void **unused)
{
    char text[5000];

    (void)unused;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    assert_true(all_ranks(ok(ls_comm_same(world, "the kernel", "Haswell"))));
    assert_true(all_ranks(ok(ls_comm_same(world, "nothing", ""))));
    assert_true(all_ranks(ok(ls_comm_same(world, "the experiment", text))));
}

static void the_first_rank_that_differs_is_named(void **unused)
{
    char host[MPI_MAX_PROCESSOR_NAME] = "", rank[32], text[5000];
    int length;

    (void)unused;
    MPI_Get_processor_name(host, &length);
    for (int odd = 1; odd < world->size; odd++) {
        const char *const words[] = {"the kernel", "'Haswell' on rank 0", "'Zen'", rank, host, NULL};
        const char *const long_words[] = {"the experiment", rank, host, NULL};
        ls_status st;

        snprintf(rank, sizeof rank, "rank %d (", odd);
        st = ls_comm_same(world, "the kernel", world->rank < odd ? "Haswell" : world->rank == odd ? "Zen" : "Nehalem");
        assert_true(all_ranks(failed_with(st, LS_ERR_MISMATCH, words)));
        memset(text, 'a', sizeof text);
        text[sizeof text - 1] = 0;
        text[4000] = world->rank == odd ? 'b' : 'a';
        assert_true(all_ranks(failed_with(ls_comm_same(world, "the experiment", text), LS_ERR_MISMATCH, long_words)));
    }
}

static void parts_are_contiguous_and_balanced(void **unused)
{
    static const uint64_t sizes[] = {0, 1, 2, 5, 7, 100, 1000003, UINT64_MAX};

    (void)unused;
    for (size_t i = 0; i < count_of(sizes); i++)
        for (uint64_t parts = 1; parts < 40; parts++) {
            const uint64_t n = sizes[i];

            assert_true(ls_part_begin(n, 0, parts) == 0 && ls_part_begin(n, parts, parts) == n);
            for (uint64_t p = 0; p < parts; p++) {
                const uint64_t length = ls_part_begin(n, p + 1, parts) - ls_part_begin(n, p, parts);

                assert_true(length == n / parts || length == n / parts + (n % parts != 0));
            }
        }
    /* By hand: 10 things over 4; and a product above 2^64: floor((2^64 - 1) 3 / 4) = 3 x 2^62 - 1. */
    assert_true(ls_part_begin(10, 1, 4) == 2 && ls_part_begin(10, 2, 4) == 5 && ls_part_begin(10, 3, 4) == 7);
    assert_true(ls_part_begin(UINT64_MAX, 3, 4) == UINT64_C(0xbfffffffffffffff));
}

/* The total over ranks of one value each. */
static double wide_total(double mine)
{
    ls_wide sum;

    ls_wide_clear(&sum, 1);
    ls_wide_add(&sum, mine);
    MPI_Allreduce(MPI_IN_PLACE, &sum, LS_WIDE_WORDS, MPI_INT64_T, MPI_SUM, world->mpi);
    return ls_wide_value(&sum);
}

static void wide_infinities_add_over_ranks(void **unused)
{
    const bool last = world->rank == world->size - 1;

    (void)unused;
    assert_true(all_ranks(wide_total(last ? INFINITY : -1e30) == INFINITY));
    assert_true(all_ranks(wide_total(last ? -INFINITY : 1e30) == -INFINITY));
    assert_true(all_ranks(isnan(wide_total(last ? (double)NAN : INFINITY))));
    if (world->size > 1)
        assert_true(all_ranks(isnan(wide_total(last ? INFINITY : -INFINITY))));
}

/* ls_wide travels as plain integers. */
static void wide_sums_add_over_ranks(void **unused)
{
    const int P = world->size, rank = world->rank;
    const double mine[] = {rank % 2 ? -0x1p200 : 0x1p200, rank, P % 2 && rank == P - 1 ? -0x1p200 : 0.0};
    ls_wide sum;

    (void)unused;
    ls_wide_clear(&sum, 1);
    for (size_t i = 0; i < count_of(mine); i++)
        ls_wide_add(&sum, mine[i]);
    MPI_Allreduce(MPI_IN_PLACE, &sum, LS_WIDE_WORDS, MPI_INT64_T, MPI_SUM, world->mpi);
    assert_true(all_ranks(ls_wide_value(&sum) == (double)(P * (P - 1) / 2)));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_communicator_is_a_duplicate_that_returns_errors),
    cmocka_unit_test(mpi_errors_become_ours),
    cmocka_unit_test(success_everywhere_is_success),
    cmocka_unit_test(an_error_anywhere_is_an_error_everywhere),
    cmocka_unit_test(the_lowest_failing_rank_speaks),
    cmocka_unit_test(what_fails_on_all_ranks_names_none),
    cmocka_unit_test(a_long_message_survives),
    cmocka_unit_test(equal_texts_are_equal),
    cmocka_unit_test(the_first_rank_that_differs_is_named),
    cmocka_unit_test(parts_are_contiguous_and_balanced),
    cmocka_unit_test(wide_sums_add_over_ranks),
    cmocka_unit_test(wide_infinities_add_over_ranks),
};

LS_MPI_MAIN(tests, create_world, free_world)
