/* A timeline is JSON of the Trace Event Format: what its readers need of every event, read back with a JSON library. */
#include "ls_test.h"

#include <jansson.h>

#include "run/timeline.h"

#define RANKS 3

static void a_span(ls_phase phase, const char *what, uint64_t ns)
{
    const uint64_t until = ls_now_ns() + ns;

    ls_profile_begin(phase, what);
    while (ls_now_ns() < until)
        continue;
    ls_profile_end();
}

/* Steps of a training, as a rank of it would note them. */
static void note_steps(int steps)
{
    for (int i = 0; i < steps; i++) {
        a_span(LS_PHASE_LOAD, NULL, 1500);
        ls_profile_begin(LS_PHASE_FORWARD, "dense \"1\"\\\n\xc3\xa4"); /* names are whatever people write */
        a_span(LS_PHASE_PRODUCT, NULL, 2000);
        ls_profile_end();
        a_span(LS_PHASE_UPDATE, NULL, 1500);
    }
}

static json_t *render(int steps, uint64_t spans)
{
    ls_text text = {0};
    json_error_t error;
    json_t *root;

    ls_timeline_begin(&text);
    for (int rank = 0; rank < RANKS; rank++) {
        const uint64_t zero_ns = ls_now_ns();
        const ls_profile *profile;

        assert_true(ok(ls_profile_start(spans)));
        note_steps(steps);
        profile = ls_profile_stop();
        ls_timeline_add(profile, rank, "node \"7\"", zero_ns, &text);
        ls_profile_free();
    }
    ls_timeline_end(spans < (uint64_t)steps * 4 ? spans : (uint64_t)steps * 4, (uint64_t)steps * 4, &text);
    assert_int_equal(text.status, LS_OK);
    root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        print_error("line %d: %s\n", error.line, error.text);
    assert_non_null(root);
    ls_text_reset(&text);
    return root;
}

/* One event of a duration: since when and how long, of whom. */
static void check_span(const json_t *event, double last[RANKS], double end[RANKS])
{
    const json_t *ts = json_object_get(event, "ts"), *dur = json_object_get(event, "dur");
    const json_int_t pid = json_integer_value(json_object_get(event, "pid"));
    const char *name = json_string_value(json_object_get(event, "name"));

    assert_true(json_is_number(ts) && json_is_number(dur));
    assert_true(json_is_integer(json_object_get(event, "pid")) && json_is_integer(json_object_get(event, "tid")));
    assert_true(pid >= 0 && pid < RANKS);
    assert_non_null(name);
    assert_non_null(json_string_value(json_object_get(event, "cat")));
    assert_true(json_number_value(ts) >= last[pid]);
    assert_true(json_number_value(dur) >= 1);
    /* One within another, or one after another: never across an end. */
    assert_true(json_number_value(ts) >= end[pid] - 0.0015 ||
                json_number_value(ts) + json_number_value(dur) <= end[pid] + 0.0015);
    last[pid] = json_number_value(ts);
    if (strcmp(json_string_value(json_object_get(event, "cat")), "product") != 0)
        end[pid] = json_number_value(ts) + json_number_value(dur);
}

static void every_event_is_what_readers_expect(void **unused)
{
    json_t *root = render(5, 64), *events = json_object_get(root, "traceEvents"), *event;
    double last[RANKS] = {0}, end[RANKS] = {0};
    size_t i, spans = 0, processes = 0, threads = 0, named = 0;

    (void)unused;
    assert_true(json_is_array(events));
    json_array_foreach(events, i, event)
    {
        const char *ph = json_string_value(json_object_get(event, "ph"));
        const char *name = json_string_value(json_object_get(event, "name"));

        assert_non_null(ph);
        assert_non_null(name);
        if (strcmp(ph, "X") == 0) {
            check_span(event, last, end);
            spans++;
            named += strcmp(name, "forward: dense \"1\"\\\n\xc3\xa4") == 0;
            continue;
        }
        assert_string_equal(ph, "M");
        assert_true(json_is_object(json_object_get(event, "args")));
        processes += strcmp(name, "process_name") == 0;
        threads += strcmp(name, "thread_name") == 0;
    }
    assert_int_equal(spans, RANKS * 5 * 4);
    assert_int_equal(named, RANKS * 5);
    assert_int_equal(processes, RANKS);
    assert_int_equal(threads, RANKS); /* nothing was noted beside them */
    json_decref(root);
}

static void a_timeline_says_what_it_leaves_out(void **unused)
{
    json_t *root = render(20, 16), *events = json_object_get(root, "traceEvents"), *event, *other;
    double last[RANKS] = {0}, end[RANKS] = {0};
    size_t i, spans = 0;

    (void)unused;
    json_array_foreach(events, i, event)
    {
        if (strcmp(json_string_value(json_object_get(event, "ph")), "X") != 0)
            continue;
        check_span(event, last, end);
        spans++;
    }
    assert_int_equal(spans, RANKS * 16);
    other = json_object_get(root, "otherData");
    assert_int_equal(json_integer_value(json_object_get(other, "spans kept per rank")), 16);
    assert_int_equal(json_integer_value(json_object_get(other, "spans per rank")), 80);
    assert_non_null(strstr(json_string_value(json_object_get(other, "note")), "newest"));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_what_readers_expect),
        cmocka_unit_test(a_timeline_says_what_it_leaves_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
