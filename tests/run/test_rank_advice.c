/* Which ranks help, by arithmetic on times and cores. */
#include "ls_test.h"

#include "run/rank_advice.h"

static ls_rank_effort rank_on(const char *host, uint64_t cores, int of, double took_s, double waited_s)
{
    ls_rank_effort e = {.cores = of, .took_s = took_s, .waited_s = waited_s};

    snprintf(e.host, sizeof e.host, "%s", host);
    e.core[0] = cores;
    return e;
}

/* The line holds all of these; none: there is no line. */
static void expect(const ls_rank_effort *e, int ranks, const char *const *texts)
{
    ls_text line = {0};

    ls_rank_advice_write(e, ranks, &line);
    assert_int_equal(line.status, LS_OK);
    if (!texts[0])
        assert_int_equal(line.length, 0);
    for (; *texts; texts++) {
        if (!line.data || !strstr(line.data, *texts))
            print_error("'%s' is not in '%s'\n", *texts, line.data ? line.data : "");
        assert_true(line.data && strstr(line.data, *texts));
    }
    ls_text_reset(&line);
}

#define EXPECT(e, ...) expect(e, (int)count_of(e), (const char *const[]){__VA_ARGS__, NULL})

static void ranks_that_work_are_not_named(void **unused)
{
    /* Two work 9 s of 10: one would take 18. Ranks of two hosts have the same numbers of cores, and not the same cores.
     */
    const ls_rank_effort e[] = {rank_on("a", 3, 2, 10, 1), rank_on("a", 3, 2, 10, 1)};
    const ls_rank_effort hosts[] = {rank_on("a", 1, 1, 10, 1), rank_on("b", 1, 1, 10, 1)};
    const ls_rank_effort bound[] = {rank_on("a", 1, 2, 10, 1), rank_on("a", 2, 2, 10, 1)};

    (void)unused;
    EXPECT(e, NULL);
    EXPECT(hosts, NULL);
    EXPECT(bound, NULL);
}

static void ranks_that_only_wait_are_named(void **unused)
{
    /* 1 s + 0.8 s of work in 13.7 s; (12.7 + 12.9) / 27.4 of the time is waiting. */
    const ls_rank_effort e[] = {rank_on("a", 3, 2, 13.7, 12.7), rank_on("a", 3, 2, 13.7, 12.9)};
    /* 4.9 s + 4.9 s of work in 10: within the error. */
    const ls_rank_effort near[] = {rank_on("a", 3, 2, 10, 5.1), rank_on("a", 3, 2, 10, 5.1)};

    (void)unused;
    EXPECT(e, "2 ranks took 13.7 s", "one rank would do in about 1.8 s", "93 %", "start fewer", "fit.batch_size");
    EXPECT(near, NULL);
}

static void ranks_that_share_a_core_are_named(void **unused)
{
    const ls_rank_effort bound[] = {rank_on("a", 3, 4, 4, 1), rank_on("a", 4, 4, 4, 1), rank_on("a", 4, 4, 4, 2)};
    const ls_rank_effort many[] = {rank_on("a", 3, 2, 4, 2), rank_on("a", 3, 2, 4, 2), rank_on("a", 3, 2, 4, 2)};
    /* Two on two cores, one of them bound to one of these, and a third that is bound to the other. */
    const ls_rank_effort mixed[] = {rank_on("a", 3, 8, 4, 0), rank_on("a", 1, 8, 4, 0), rank_on("a", 2, 8, 4, 0)};
    const ls_rank_effort unknown[] = {rank_on("a", 0, 2, 4, 0), rank_on("a", 0, 2, 4, 0)};

    (void)unused;
    EXPECT(bound, "2 ranks on a have 1 core between them", "33 %", "the 4 cores there are", "--bind-to none");
    EXPECT(many, "3 ranks on a have 2 cores between them", "50 %", "as it has cores, here 2");
    EXPECT(mixed, "3 ranks on a have 2 cores");
    EXPECT(unknown, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_that_work_are_not_named),
        cmocka_unit_test(ranks_that_only_wait_are_named),
        cmocka_unit_test(ranks_that_share_a_core_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
