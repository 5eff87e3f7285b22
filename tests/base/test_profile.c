/* What a profile adds up. Times are real, so that sums and orders are compared and no durations. */
#include "ls_test.h"

#include "base/memory.h"
#include "base/profile.h"

static void spend(uint64_t ns)
{
    const uint64_t until = ls_now_ns() + ns;

    while (ls_now_ns() < until)
        continue;
}

static void a_span(ls_phase phase, const char *what, uint64_t ns)
{
    ls_profile_begin(phase, what);
    spend(ns);
    ls_profile_end();
}

static void without_a_profile_nothing_is_noted(void **unused)
{
    (void)unused;
    a_span(LS_PHASE_LOAD, NULL, 1);
    ls_profile_depart();
    ls_profile_arrive();
    ls_profile_end();
    assert_false(ls_profile_is_on());
    assert_null(ls_profile_stop());
}

static void a_phase_has_the_time_that_phases_within_it_have_not(void **unused)
{
    const ls_profile *p;
    const ls_track *track;
    uint64_t sum = 0;

    (void)unused;
    assert_true(ok(ls_profile_start(64)));
    ls_profile_begin(LS_PHASE_FORWARD, "dense");
    spend(20000);
    a_span(LS_PHASE_PRODUCT, NULL, 50000);
    a_span(LS_PHASE_PRODUCT, NULL, 50000);
    ls_profile_end();
    p = ls_profile_stop();
    track = &p->track[0];
    assert_int_equal(track->spans, 3);
    assert_true(track->phase_ns[LS_PHASE_PRODUCT] >= 100000);
    assert_true(track->phase_ns[LS_PHASE_FORWARD] >= 20000);
    assert_int_equal(track->ring[2].phase, LS_PHASE_FORWARD); /* it ended last */
    assert_string_equal(track->ring[2].what, "dense");
    assert_int_equal(track->phase_ns[LS_PHASE_FORWARD] + track->phase_ns[LS_PHASE_PRODUCT],
                     track->ring[2].end_ns - track->ring[2].begin_ns);
    for (size_t i = 0; i < LS_PHASES; i++)
        sum += track->phase_ns[i];
    assert_true(sum <= p->end_ns - p->begin_ns);
    ls_profile_free();
}

static void what_a_validation_does_is_validation(void **unused)
{
    const ls_track *track;

    (void)unused;
    assert_true(ok(ls_profile_start(64)));
    ls_profile_begin(LS_PHASE_VALIDATE, NULL);
    ls_profile_begin(LS_PHASE_FORWARD, "dense");
    a_span(LS_PHASE_WAIT, NULL, 2000);
    ls_profile_end();
    ls_profile_end();
    a_span(LS_PHASE_WAIT, NULL, 2000);
    track = &ls_profile_stop()->track[0];
    assert_int_equal(track->phase_ns[LS_PHASE_FORWARD], 0);
    assert_int_equal(track->phase_ns[LS_PHASE_WAIT], track->ring[3].end_ns - track->ring[3].begin_ns);
    assert_int_equal(track->phase_ns[LS_PHASE_VALIDATE], track->ring[2].end_ns - track->ring[2].begin_ns);
    assert_int_equal(track->ring[0].phase, LS_PHASE_WAIT); /* it is shown as what it is */
    ls_profile_free();
}

static void bare_is_what_waits_while_reductions_are_under_way(void **unused)
{
    const ls_track *track;

    (void)unused;
    assert_true(ok(ls_profile_start(64)));
    a_span(LS_PHASE_WAIT, NULL, 2000); /* for something else */
    ls_profile_depart();
    a_span(LS_PHASE_BACKWARD, NULL, 3000);
    ls_profile_depart();
    a_span(LS_PHASE_REDUCE, NULL, 4000);
    ls_profile_arrive();
    a_span(LS_PHASE_WAIT, NULL, 5000);
    ls_profile_arrive();
    spend(3000);
    track = &ls_profile_stop()->track[0];
    assert_int_equal(track->bare_ns,
                     track->phase_ns[LS_PHASE_REDUCE] + track->ring[3].end_ns - track->ring[3].begin_ns);
    assert_true(track->flight_ns >= track->bare_ns + track->phase_ns[LS_PHASE_BACKWARD]);
    assert_true(track->flight_ns <= track->ring[3].end_ns - track->ring[1].begin_ns + 1000000);
    ls_profile_free();
}

static void the_newest_spans_are_kept_and_all_are_counted(void **unused)
{
    const ls_track *track;
    uint64_t before;

    (void)unused;
    assert_true(ok(ls_profile_start(8)));
    before = ls_allocations();
    for (int i = 0; i < 20; i++)
        a_span(i % 2 ? LS_PHASE_UPDATE : LS_PHASE_LOAD, NULL, 1500);
    assert_int_equal(ls_allocations(), before);
    track = &ls_profile_stop()->track[0];
    assert_int_equal(track->spans, 20);
    assert_int_equal(track->capacity, 8);
    assert_true(track->phase_ns[LS_PHASE_LOAD] >= 15000 && track->phase_ns[LS_PHASE_UPDATE] >= 15000);
    for (uint64_t s = 12; s + 1 < 20; s++)
        assert_true(track->ring[s % 8].end_ns <= track->ring[(s + 1) % 8].begin_ns);
    ls_profile_free();
}

static void spans_that_an_error_left_open_end_with_the_profile(void **unused)
{
    const ls_track *track;

    (void)unused;
    assert_true(ok(ls_profile_start(64)));
    for (int depth = 0; depth < 50; depth++) /* deeper than is noted */
        ls_profile_begin(LS_PHASE_BACKWARD, NULL);
    for (int depth = 0; depth < 3; depth++)
        ls_profile_end();
    ls_profile_depart();
    spend(2000);
    track = &ls_profile_stop()->track[0];
    assert_int_equal(track->depth, 0);
    assert_int_equal(track->flights, 0);
    assert_true(track->flight_ns >= 2000);
    ls_profile_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_profile_nothing_is_noted),
        cmocka_unit_test(a_phase_has_the_time_that_phases_within_it_have_not),
        cmocka_unit_test(what_a_validation_does_is_validation),
        cmocka_unit_test(bare_is_what_waits_while_reductions_are_under_way),
        cmocka_unit_test(the_newest_spans_are_kept_and_all_are_counted),
        cmocka_unit_test(spans_that_an_error_left_open_end_with_the_profile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
