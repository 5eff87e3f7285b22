/* Figures and pages: what gnuplot and a browser are given. */
#include "files.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "report/figure.h"
#include "report/page.h"
#include "report/say.h"
#include "report/ticks.h"
#include "report/tool.h"

/* Names of folders may hold anything. */
static int set_up(void **state)
{
    (void)state;
    return folder_make("report page's") ? 0 : -1;
}

static long size_of(const char *name)
{
    char path[128];
    long n = -1;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if ((f = fopen(path, "rb"))) {
        fseek(f, 0, SEEK_END);
        n = ftell(f);
        fclose(f);
    }
    return n;
}

static void programs_run_and_their_errors_are_told(void **state)
{
    ls_text said = {0};

    (void)state;
    assert_int_equal(ls_tool_run(folder, (const char *const[]){"printf", "%s|", "a b", "$c", NULL}, "coreutils", &said),
                     LS_OK);
    assert_string_equal(said.data, "a b|$c|");
    ls_text_reset(&said);
    assert_int_equal(ls_tool_run(folder, (const char *const[]){"pwd", NULL}, "coreutils", &said), LS_OK);
    assert_non_null(strstr(said.data, folder));
    ls_text_reset(&said);
    assert_int_equal(ls_tool_run(folder, (const char *const[]){"no-such-program", NULL}, "its-package", NULL),
                     LS_ERR_IO);
    assert_string_equal(ls_error_message(),
                        "no-such-program is not installed: install the package its-package (launch/setup does)");
    assert_int_equal(
        ls_tool_run(folder, (const char *const[]){"sh", "-c", "echo one; echo two >&2; exit 3", NULL}, "sh", NULL),
        LS_ERR_IO);
    assert_string_equal(ls_error_message(), "sh failed: two");
}

static void figures_are_drawn(void **state)
{
    static const double x[] = {1, 2, 3, 4}, y[] = {1, 4, NAN, 16}, low[] = {0.5, 3, 2, 15}, high[] = {2, 5, 4, 20};
    ls_series series[] = {{"a \"quoted\" \\ title", LS_MARK_LINE, x, y, NULL, NULL, 4, 0},
                          {"b", LS_MARK_DASHED, x, y, NULL, NULL, 4, 0},
                          {"`touch series`", LS_MARK_POINTS, x, y, NULL, NULL, 4, 1},
                          {NULL, LS_MARK_LINE_POINTS, x, y, NULL, NULL, 4, 2},
                          {"e", LS_MARK_INTERVALS, x, y, low, high, 4, 3},
                          {"f", LS_MARK_BAND, x, NULL, low, high, 4, 4},
                          {"g", LS_MARK_STEPS, x, y, NULL, NULL, 4, 12}};
    static const char *const names[] = {"first", "se\"cond", "`touch name`", "fourth"};
    const ls_span spans[] = {{"area", -INFINITY, 2, 0}, {"line", 3, 3, 1}, {"elsewhere", 100, 200, 2}};
    const ls_figure figure = {.name = "it",
                              .title = "the title `touch title`",
                              .x = {.label = "x", .scale = LS_SCALE_LOG2},
                              .y = {.label = "y", .scale = LS_SCALE_LOG},
                              .series = series,
                              .n = count_of(series),
                              .span = spans,
                              .spans = count_of(spans)};
    const ls_figure none = {.name = "none",
                            .title = "nothing",
                            .x = {.label = "x", .zero = true},
                            .y = {.label = "y", .name = names, .names = 4},
                            .series = series};
    ls_text script = {0};

    (void)state;
    assert_int_equal(ls_figure_script(&figure, &script), LS_OK);
    assert_non_null(strstr(script.data, "$data0 << END\n 1 1\n 2 4\n\n 4 16\nEND\n")); /* a gap, not a zero */
    assert_non_null(strstr(script.data, "set xtics scale 0.6 noenhanced (\"1\" 1, \"2\" 2, \"4\" 4)\n"));
    assert_non_null(strstr(script.data, "rectangle from first"));
    assert_non_null(strstr(script.data, "arrow from first 3, graph 0 to first 3, graph 1 nohead"));
    assert_null(strstr(script.data, "elsewhere"));
    assert_non_null(strstr(script.data, "title \"a \\\"quoted\\\" \\\\ title\""));
    ls_text_reset(&script);
    assert_true(ok(ls_figure_draw(folder, &figure)));
    assert_true(size_of("it.svg") > 4000 && size_of("it.png") > 8000 && size_of("it.gp") > 1000);
    assert_true(ok(ls_figure_draw(folder, &none)));
    assert_true(size_of("none.svg") > 1000);
    /* gnuplot runs what stands in backquotes: names of experiments must not. */
    assert_true(size_of("title") < 0 && size_of("series") < 0 && size_of("name") < 0);
    assert_int_equal(ls_figure_draw("no/such/folder", &figure), LS_ERR_IO);
}

static void ticks_are_round_numbers(void **state)
{
    static const struct {
        ls_range range;
        int base;
        const char *text;
    } cases[] = {
        {{0, 1}, 0, "0 0.2 0.4 0.6 0.8 1"},
        {{-0.31, 0.29}, 0, "-0.3 -0.2 -0.1 0 0.1 0.2"},
        {{0, 43200}, 0, "0 10,000 20,000 30,000 40,000"},
        {{14, 600}, 2, "16 32 64 128 256 512"},
        {{0.009, 2.5}, 10, "0.01 0.02 0.05 0.1 0.2 0.5 1 2"},
        {{1e-6, 100}, 10, "1e-06 1e-05 0.0001 0.001 0.01 0.1 1 10 100"},
        {{100, 130}, 10, "100 110 120 130"}, /* less than a factor of 3: as on a linear axis */
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        double tick[LS_TICKS_MAX];
        ls_text text = {0};
        const size_t n = ls_ticks(&cases[i].range, cases[i].base, tick);

        for (size_t k = 0; k < n; k++) {
            char number[LS_SAY_BYTES];

            ls_text_add(&text, "%s%s", k ? " " : "", ls_say_tick(tick[k], number));
        }
        assert_string_equal(text.data, cases[i].text);
        ls_text_reset(&text);
    }
}

static void numbers_are_written_for_people(void **state)
{
    static const struct {
        const char *(*say)(double value, char out[LS_SAY_BYTES]);
        double value;
        const char *text;
    } cases[] = {
        {ls_say, 0.81234567, "0.8123"},
        {ls_say, 1204, "1,204"},
        {ls_say, 1204.4, "1,204"},
        {ls_say, 1.2e-5, "1.2e-05"},
        {ls_say, NAN, ""},
        {ls_say_measured, 0.76, "0.7600"},
        {ls_say_count, -1e6, "-1,000,000"},
        {ls_say_count, 0.4, "0"},
        {ls_say_seconds, 2.5e-5, "25 µs"},
        {ls_say_seconds, 0.0009999999, "1 ms"},
        {ls_say_seconds, 0.9999, "1 s"},
        {ls_say_seconds, 1e-17, "0 s"},
        {ls_say_seconds, 0.35, "350 ms"},
        {ls_say_seconds, 12.34, "12.3 s"},
        {ls_say_seconds, 250, "4 min 10 s"},
        {ls_say_seconds, 119.9, "2 min 00 s"},
        {ls_say_seconds, 3 * 3600 + 5 * 60, "3 h 05 min"},
        {ls_say_seconds, NAN, ""},
    };
    char text[LS_SAY_BYTES];
    ls_text out = {0};

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++)
        assert_string_equal(cases[i].say(cases[i].value, text), cases[i].text);
    ls_say_interval(&out, &(ls_interval){412.3, 380.2, 1455});
    ls_say_interval(&out, &(ls_interval){7, NAN, NAN});
    ls_say_shell(&out, "/a/b-1.yaml");
    ls_say_shell(&out, "it's $x");
    assert_string_equal(out.data, "412 (95 % interval 380 to 1,455)7/a/b-1.yaml'it'\\''s $x'");
    ls_text_reset(&out);
}

static void pages_escape_what_html_reads(void **state)
{
    static const char *const head[] = {"a", "b"}, *const cell[] = {"<1>", NULL};
    ls_text page = {0};
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/Man.svg", folder);
    assert_int_equal(ls_file_replace(path, "light work.", 11), LS_OK);
    ls_page_begin(&page, "x < y & \"z\"");
    ls_page_table_begin(&page, head, 2);
    ls_page_row(&page, cell, 2);
    ls_page_table_end(&page);
    ls_page_element(&page, "p class=\"note\"", "it's");
    assert_int_equal(ls_page_figure(&page, folder, "its figures/1%", "Man", "what it shows", "Caption.", false), LS_OK);
    ls_page_end(&page);
    assert_int_equal(page.status, LS_OK);
    assert_non_null(strstr(page.data, "<title>x &lt; y &amp; &quot;z&quot;</title>"));
    assert_non_null(strstr(page.data, "<tr><td>&lt;1&gt;</td><td></td></tr>"));
    assert_non_null(strstr(page.data, "<p class=\"note\">it&#39;s</p>"));
    /* RFC 4648's kind of known answer: base64 of "light work." (11 bytes: one pad) */
    assert_non_null(strstr(page.data, "data:image/svg+xml;base64,bGlnaHQgd29yay4=\""));
    assert_non_null(strstr(page.data, "<a href=\"its%20figures/1%25/Man.png\">png</a>"));
    assert_int_equal(ls_page_figure(&page, folder, "figures", "absent", "", NULL, false), LS_ERR_IO);
    ls_text_reset(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_run_and_their_errors_are_told),
        cmocka_unit_test(figures_are_drawn),
        cmocka_unit_test(ticks_are_round_numbers),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(pages_escape_what_html_reads),
    };

    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
