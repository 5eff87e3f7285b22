/* Figures and pages: what gnuplot and a browser are given. */
#include "ls_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "report/figure.h"
#include "report/page.h"
#include "report/tool.h"

static char folder[] = "report page's.XXXXXX"; /* names of folders may hold anything */

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const left[] = {"it.gp", "it.svg", "it.png", "none.gp", "none.svg", "none.png", "Man.svg"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < count_of(left); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, left[i]);
        unlink(path);
    }
    return rmdir(folder);
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

static void runs_programs(void **state)
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

static void draws(void **state)
{
    static const double x[] = {1, 2, 3, 4}, y[] = {1, 4, NAN, 16}, low[] = {0.5, 3, 2, 15}, high[] = {2, 5, 4, 20};
    ls_series series[] = {{"a \"quoted\" \\ title", LS_MARK_LINE, x, y, NULL, NULL, 4, 0},
                          {"b", LS_MARK_DASHED, x, y, NULL, NULL, 4, 0},
                          {"c_1", LS_MARK_POINTS, x, y, NULL, NULL, 4, 1},
                          {NULL, LS_MARK_LINE_POINTS, x, y, NULL, NULL, 4, 2},
                          {"e", LS_MARK_INTERVALS, x, y, low, high, 4, 3},
                          {"f", LS_MARK_BAND, x, NULL, low, high, 4, 4},
                          {"g", LS_MARK_STEPS, x, y, NULL, NULL, 4, 12}};
    const ls_figure figure = {"it", "the title", "x", "y", true, true, false, series, count_of(series)};
    const ls_figure none = {"none", "nothing", "x", "y", false, false, true, series, 0};
    ls_text script = {0};

    (void)state;
    assert_int_equal(ls_figure_script(&figure, &script), LS_OK);
    assert_non_null(strstr(script.data, "$data0 << END\n 1 1\n 2 4\n\n 4 16\nEND\n")); /* a gap, not a zero */
    assert_non_null(strstr(script.data, "title \"a \\\"quoted\\\" \\\\ title\""));
    ls_text_reset(&script);
    assert_true(ok(ls_figure_draw(folder, &figure)));
    assert_true(size_of("it.svg") > 4000 && size_of("it.png") > 8000 && size_of("it.gp") > 1000);
    assert_true(ok(ls_figure_draw(folder, &none)));
    assert_true(size_of("none.svg") > 1000);
    assert_int_equal(ls_figure_draw("no/such/folder", &figure), LS_ERR_IO);
}

static void pages(void **state)
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
    assert_int_equal(ls_page_figure(&page, folder, "figures", "Man", "what it shows", "Caption."), LS_OK);
    ls_page_end(&page);
    assert_int_equal(page.status, LS_OK);
    assert_non_null(strstr(page.data, "<title>x &lt; y &amp; &quot;z&quot;</title>"));
    assert_non_null(strstr(page.data, "<tr><td>&lt;1&gt;</td><td></td></tr>"));
    assert_non_null(strstr(page.data, "<p class=\"note\">it&#39;s</p>"));
    /* RFC 4648's kind of known answer: base64 of "light work." (11 bytes: one pad) */
    assert_non_null(strstr(page.data, "data:image/svg+xml;base64,bGlnaHQgd29yay4=\""));
    assert_non_null(strstr(page.data, "<a href=\"figures/Man.png\">png</a>"));
    assert_int_equal(ls_page_figure(&page, folder, "figures", "absent", "", NULL), LS_ERR_IO);
    ls_text_reset(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_programs),
        cmocka_unit_test(draws),
        cmocka_unit_test(pages),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
