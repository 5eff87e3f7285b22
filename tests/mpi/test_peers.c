/* What ranks say of each other while MPI waits: where they are, whether they get on, and who does not answer. */
#include "mpi_main.h"

#include <unistd.h>

#include "comm/peers.h"

static ls_comm *world;
static ls_watchdog *watchdog;

static void expired(void *context, double timeout_s, const char *phase, uint64_t update)
{
    (void)context;
    (void)timeout_s;
    (void)phase;
    (void)update;
}

static bool is_last(void)
{
    return world->rank == world->size - 1;
}

/* Does the text name the rank, and say that? */
static bool says(const ls_text *text, int rank, const char *what)
{
    char name[32];

    snprintf(name, sizeof name, "rank %d on ", rank);
    return text->data && strstr(text->data, name) && strstr(text->data, what);
}

static void ranks_say_where_they_are(void **unused)
{
    ls_peers *peers = NULL;
    ls_text text = {0};
    const int last = world->size - 1;
    bool good;

    (void)unused;
    good = ok(ls_watchdog_start(3600, expired, NULL, &watchdog));
    good = good && ok(ls_peers_create(world, watchdog, &peers));
    assert_true(all_ranks(good));
    ls_watchdog_beat(watchdog, is_last() ? "computing" : "reducing");
    ls_watchdog_update(watchdog, is_last() ? 4 : 5);
    world_barrier();

    good = !ls_peers_progress(peers); /* nothing to compare with yet */
    ls_peers_describe(peers, &text);
    if (world->size == 1)
        good = good && strstr(text.data, "all ranks are at the same");
    else if (!is_last())
        good = good && says(&text, last, "computing after update 4") && !strstr(text.data, "does not answer") &&
               (last == 0 || !says(&text, 0, ""));
    assert_true(all_ranks(good));

    good = !ls_peers_progress(peers);
    assert_true(all_ranks(good));
    if (is_last())
        ls_watchdog_beat(watchdog, "computing");
    world_barrier();
    good = ls_peers_progress(peers) == !is_last();
    assert_true(all_ranks(good)); /* the last one alone got on, and does not count itself */

    /* The last one is gone. */
    if (is_last())
        ls_peers_free(peers);
    world_barrier();
    if (!is_last()) {
        good = !ls_peers_progress(peers);
        ls_text_reset(&text);
        ls_peers_describe(peers, &text);
        good = good && says(&text, last, "does not answer");
        ls_peers_free(peers);
    }
    ls_watchdog_stop(watchdog);
    ls_text_reset(&text);
    assert_true(all_ranks(good));
    ls_peers_free(NULL);
}

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

static const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_say_where_they_are)};

LS_MPI_MAIN(tests, create_world, free_world)
