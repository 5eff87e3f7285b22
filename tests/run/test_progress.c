/* The progress display: Keras's line per epoch, its bar on terminals, and silence. */
#include "ls_test.h"

#include <stdlib.h>
#include <time.h>

#include "run/progress.h"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const ls_log logs[] = {{"loss", 0.25}, {"mae", 12.34567}, {"val_loss", 1e-4}, {"score", -0.5}};

/* An epoch of 12 steps that took `seconds`, of which `done` steps were made in an earlier run. To be freed. */
static char *show(int verbose, uint64_t done, double seconds)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ls_progress p;

    assert_non_null(out);
    ls_progress_init(&p, out, verbose);
    ls_progress_begin(&p, 1, 5, 12, done);
    p.begun_s = now_s() - seconds;
    if (ls_progress_due(&p)) /* as the fit loop does it */
        ls_progress_draw(&p, 3, logs, 2);
    ls_progress_end(&p, logs, count_of(logs));
    fclose(out);
    return text;
}

#define LOGS " - loss: 0.2500 - mae: 12.3457 - val_loss: 1.0000e-04 - score: -0.5000"

static void writes_a_line_per_epoch(void **state)
{
    static const struct {
        double seconds;
        uint64_t done;
        const char *want;
    } cases[] = {
        {6, 0, "Epoch 2/5\n12/12 - 6s - 500ms/step" LOGS "\n"},
        {24, 0, "Epoch 2/5\n12/12 - 24s - 2s/step" LOGS "\n"},
        {6, 8, "Epoch 2/5\n12/12 - 6s - 2s/step" LOGS "\n"}, /* resumed: only the steps of this run count */
        {6, 12, "Epoch 2/5\n12/12 - 6s - 0us/step" LOGS "\n"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        char *const text = show(2, cases[i].done, cases[i].seconds);

        assert_string_equal(text, cases[i].want);
        assert_null(strchr(text, '\033'));
        assert_null(strchr(text, '\r'));
        free(text);
    }
}

static void silence_is_kept_when_asked_for(void **state)
{
    char *const text = show(0, 0, 6);

    (void)state;
    assert_string_equal(text, "");
    free(text);
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;

    for (const char *c = text; (c = strstr(c, word)) != NULL; c++)
        n++;
    return n;
}

static void draws_a_bar(void **state)
{
    char *const text = show(1, 0, 24);
    const char *bar = strchr(text, '\r'), *last = strrchr(text, '\r');

    (void)state;
    assert_true(strncmp(text, "Epoch 2/5\n", 10) == 0 && bar && last && bar != last);
    /* After 3 of 12 steps in 24 s: 5 of 20 cells, 9 steps of 8 s to go. Whole seconds, so that slow machines agree. */
    assert_non_null(
        strstr(bar, " 3/12\033[0m \033[32m━━━━━\033[0m\033[37m━━━━━━━━━━━━━━━\033[0m \033[1m1:12\033[0m 8s/step"));
    assert_non_null(strstr(last, "12/12\033[0m \033[32m━━━━━━━━━━━━━━━━━━━━\033[0m \033[1m24s\033[0m 2s/step" LOGS));
    assert_int_equal(occurrences(last, "\n"), 1);
    assert_true(text[strlen(text) - 1] == '\n');
    free(text);
}

/* A shorter line overwrites a longer one; redraws come no faster than every 50 ms. */
static void redraws_with_measure(void **state)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ls_progress p;
    long before;

    (void)state;
    assert_non_null(out);
    setenv("COLUMNS", "200", 1);
    ls_progress_init(&p, out, 1);
    unsetenv("COLUMNS");
    ls_progress_begin(&p, 0, 1, 1000, 0);
    assert_true(ls_progress_due(&p));
    ls_progress_draw(&p, 1, logs, count_of(logs));
    assert_true(p.drawn_s > 0);
    p.drawn_s = now_s() + 10; /* just drawn, however slow this machine is */
    assert_false(ls_progress_due(&p));
    p.drawn_s = now_s() - 0.06;
    assert_true(ls_progress_due(&p));
    before = ftell(out);
    ls_progress_draw(&p, 2, logs, 1);
    fflush(out);
    assert_true(strlen(text + before) > strlen(" - mae: 12.3457 - val_loss: 1.0000e-04 - score: -0.5000"));
    assert_string_equal(text + strlen(text) - 20, "                    ");
    fclose(out);
    free(text);
}

/* Characters that a terminal shows of a line: not its colours, and one for each of several bytes. */
static size_t shown(const char *line)
{
    size_t n = 0;

    for (; *line; line++) {
        if (*line == '\033')
            line += strcspn(line, "m");
        else
            n += ((unsigned char)*line & 0xc0u) != 0x80;
    }
    return n;
}

/* A line that wraps cannot be drawn over: what has no room is left out, down to a terminal too narrow for the times. */
static void a_redraw_stays_within_the_columns(void **state)
{
    static const char *const columns[] = {"40", "60", "80", "100"};

    (void)state;
    for (size_t i = 0; i < count_of(columns); i++) {
        char *text = NULL;
        size_t bytes;
        FILE *out = open_memstream(&text, &bytes);
        ls_progress p;
        long before;

        assert_non_null(out);
        setenv("COLUMNS", columns[i], 1);
        ls_progress_init(&p, out, 1);
        unsetenv("COLUMNS");
        ls_progress_begin(&p, 0, 1, 100000, 0);
        before = ftell(out);
        ls_progress_draw(&p, 12345, logs, count_of(logs));
        fflush(out);
        assert_int_equal(text[before], '\r');
        assert_in_range(shown(text + before + 1), 30, (size_t)atoi(columns[i]) - 1);
        fclose(out);
        free(text);
    }
}

/*
 * Epochs of no time at all: showing them ends after 50 ms, but for the last; a run that takes longer can afford more.
 */
static void leaves_out_what_costs_too_much(void **state)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ls_progress p;

    (void)state;
    assert_non_null(out);
    for (int verbose = 1; verbose <= 2; verbose++) {
        rewind(out);
        ls_progress_init(&p, out, verbose);
        p.spent_s = 0.5; /* of a run that has just begun */
        ls_progress_begin(&p, 6, 9, 12, 0);
        assert_false(ls_progress_due(&p));
        ls_progress_end(&p, logs, count_of(logs));
        assert_int_equal(ftell(out), 0);
        ls_progress_begin(&p, 8, 9, 12, 0);
        ls_progress_end(&p, logs, count_of(logs));
        assert_int_equal(strncmp(text, "Epoch 9/9\n", 10), 0);
        rewind(out);
        p.started_s -= 60;
        ls_progress_begin(&p, 7, 9, 12, 0);
        ls_progress_end(&p, logs, count_of(logs));
        assert_int_equal(strncmp(text, "Epoch 8/9\n", 10), 0);
    }
    for (uint64_t epoch = 0; epoch < 200000; epoch++) {
        ls_progress_begin(&p, epoch, 200000, 1, 0);
        ls_progress_end(&p, logs, 1);
    }
    assert_true(p.spent_s < 0.05 + 0.01 * (now_s() - p.started_s) + 0.5); /* 0.5: of one that was held up */
    fclose(out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_line_per_epoch),
        cmocka_unit_test(silence_is_kept_when_asked_for),
        cmocka_unit_test(draws_a_bar),
        cmocka_unit_test(redraws_with_measure),
        cmocka_unit_test(a_redraw_stays_within_the_columns),
        cmocka_unit_test(leaves_out_what_costs_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
