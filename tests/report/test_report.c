/*
 * Pages of sweeps whose numbers are known: what they say must be what the numbers were made from.
 *
 *     updates to the target S(B) = 100 + 12800 / B, so that B_crit = 128; the noise scale is 64
 *     an update on P ranks with M microbatches takes (1 + 2 ceil(M / P) + (P - 1)) ms
 */
#include "files.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "report/files.h"
#include "report/report.h"
#include "report/tool.h"

#define MICROBATCH 16

/* Names of folders may hold anything. */
static int set_up(void **state)
{
    (void)state;
    return folder_make("report's") ? 0 : -1;
}

/* FOLDER/a/b, lent until the next call. */
static const char *path_of(const char *a, const char *b)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s%s%s", folder, a, *b ? "/" : "", b);
    return path;
}

static void put(const char *directory, const char *file, const char *text)
{
    assert_int_equal(ls_directory_create(path_of(directory, "")), LS_OK);
    assert_int_equal(ls_file_replace(path_of(directory, file), text, strlen(text)), LS_OK);
}

typedef struct made {
    const char *name, *protocol, *label, *rate;
    size_t sizes, seeds; /* batch sizes 32, 64, …; seeds 1, 2, … */
    int ranks[3];        /* 0: no more */
} made;

static double step_s(int ranks, double batch_size)
{
    return 1e-3 * (1 + 2 * ceil(ceil(batch_size / MICROBATCH) / ranks) + (ranks - 1));
}

static void add_trial(const made *m, ls_text *trials, size_t combination, int ranks, int batch_size, size_t seed)
{
    const int updates = 100 + 12800 / batch_size;
    char directory[128], experiment[512], id[32];

    snprintf(id, sizeof id, "%03zu-seed-%zu", combination, seed);
    ls_text_add(trials, "%s,%zu,seeds,1,%d,%d,0.1,%zu,reached,%d,%d,%d,2.5,0.9,0.9,%d,64,%032zu,%d,%.17g,0.01,when\n",
                id, combination, batch_size, batch_size, seed, updates, updates - 10, updates * batch_size, updates,
                seed + 10 * combination, ranks, updates * step_s(ranks, batch_size));
    snprintf(directory, sizeof directory, "%s/trials/%s", m->name, id);
    snprintf(experiment, sizeof experiment,
             "model: [{input: {shape: [4]}}, {dense: {units: 3}}]\ncompile: {loss: mse, optimizer: sgd}\n"
             "data: {file: absent.h5, train: {x: /x, y: /y}}\nfit: {batch_size: %d, microbatch: %d}\n",
             batch_size, MICROBATCH);
    put(directory, "experiment.yaml", experiment);
    put(directory, "history.csv", "epoch,loss,val_accuracy\r\n0,1.5,0.5\r\n1,1.25,0.75\r\n2,1.0,0.9\r\n");
    put(directory, "evaluations.csv", "update,samples,epoch,val_accuracy\n10,20,1,0.5\n20,40,2,0.9\n");
}

static void make_sweep(const made *m)
{
    ls_text trials = {0}, summary = {0}, about = {0};
    size_t combination = 0;

    ls_text_add(&trials, "trial,combination,phase,chosen,fit.batch_size,batch_size,learning_rate,seed,status,updates,"
                         "updates_before,samples,epochs,value,best_value,best_updates,noise_scale,fingerprint,ranks,"
                         "train_seconds,evaluate_seconds,finished\n");
    ls_text_add(&summary, "combination,learning_rate,rates_tried,edge,seeds,reached,updates_median,updates_min,"
                          "updates_max,best_value_median,noise_scale_median\n");
    for (size_t r = 0; r < 3 && m->ranks[r] > 0; r++)
        for (size_t b = 0; b < m->sizes; b++) {
            const int batch_size = 32 << b;

            combination++;
            for (size_t seed = 1; seed <= m->seeds; seed++)
                add_trial(m, &trials, combination, m->ranks[r], batch_size, seed);
            ls_text_add(&summary, "%zu,0.1,,,%zu,%zu,%d,%d,%d,0.9,64\n", combination, m->seeds, m->seeds,
                        100 + 12800 / batch_size, 100 + 12800 / batch_size, 101 + 12800 / batch_size);
        }
    ls_text_add(
        &about,
        "{\"format\": 1, \"name\": \"<%s> & 'co'\", \"label\": \"%s\", \"protocol\": \"%s\", \"learning_rate\": "
        "\"%s\", \"comparison\": \"target\", \"reproducible\": true, \"varied\": [%s\"fit.batch_size\"], "
        "\"seeds\": [1], \"combinations\": %zu, \"monitor\": \"val_accuracy\", \"direction\": \"up\", \"target\": "
        "0.88, \"budget\": 10.0, \"budget_unit\": \"epochs\", \"training_samples\": 5400, \"validation_samples\": "
        "600, \"data\": \"d\", \"lockstep\": \"0\", \"blas_kernel\": \"K\"}\n",
        m->name, m->label, m->protocol, m->rate, m->ranks[1] ? "\"ranks\", " : "", combination);
    put(m->name, "sweep.json", about.data);
    put(m->name, "trials.csv", trials.data);
    put(m->name, "summary.csv", summary.data);
    ls_text_reset(&trials);
    ls_text_reset(&summary);
    ls_text_reset(&about);
}

/* The page of a sweep in the folder, ls_text_reset. */
static ls_text page_of(const char *name)
{
    const char *const directory = path_of(name, "");
    char copy[256];
    char *written = NULL;
    ls_text page = {0};

    snprintf(copy, sizeof copy, "%s", directory);
    assert_true(ok(ls_report_make((const char *const[]){copy}, 1, NULL, NULL, &written)));
    assert_string_equal(written, path_of(name, "report.html"));
    assert_int_equal(ls_report_read(written, &page), LS_OK);
    ls_free(written);
    return page;
}

static void expect(const ls_text *page, const char *text)
{
    if (!strstr(page->data, text))
        fail_msg("the page does not say \"%s\"", text);
}

static void expect_in_file(const char *name, const char *file, const char *text)
{
    ls_text content = {0};

    assert_int_equal(ls_report_read(path_of(name, file), &content), LS_OK);
    if (!strstr(content.data, text))
        fail_msg("%s does not say \"%s\"", file, text);
    ls_text_reset(&content);
}

static void finds_the_critical_batch(void **state)
{
    const made tuned = {"tuned", "tuned", "searched; to 0.88", "searched", 5, 3, {1}};
    ls_text page, script = {0};
    const char *line;

    (void)state;
    make_sweep(&tuned);
    page = page_of("tuned");
    expect(&page, "<title>Sweep &lt;tuned&gt; &amp; &#39;co&#39;</title>");
    expect(&page, "Protocol: searched; to 0.88.");
    assert_null(strstr(page.data, "class=\"note\""));
    expect(&page, "Critical batch size 128 (95 % interval 128 to 128). At least 100 (95 % interval 100 to 100) updates "
                  "however large the batch, at least 12,800 (95 % interval 12,800 to 12,800) samples however small. "
                  "Relative error of the fit 0.0 % (root mean square).");
    expect(&page, "Noise scale 64 (median over batch sizes), fitted critical batch size 128: 2 times the noise scale.");
    expect(&page, "<tr><td>batch size 32</td><td>0.1</td><td>3 of 3</td><td>500 (500 to 501)</td>");
    expect(&page, "<td>00000000000000000000000000000053</td>");
    expect(&page, "All times were measured on 1 rank, so nothing can be said about others.");
    expect(&page, "--repeat 005-seed-3   # 00000000000000000000000000000053");
    /* medians, and perfect scaling from 500 updates at batch 32 */
    expect_in_file("tuned", "figures/updates_to_target.gp", " 32 500\n 64 300\n 128 200\n 256 150\n 512 125\nEND");
    expect_in_file("tuned", "figures/updates_to_target.gp", " 32 500\n 64 250\n 128 125\n 256 62.5\n 512 31.25\n");
    assert_int_equal(ls_report_read(path_of("tuned", "figures/updates_to_target.gp"), &script), LS_OK);
    line = strstr(script.data, "arrow from first ");
    assert_true(line && fabs(strtod(line + strlen("arrow from first "), NULL) - 128) < 1e-9);
    expect_in_file("tuned", "figures/samples_to_target.gp",
                   " 32 16000\n 64 19200\n 128 25600\n 256 38400\n 512 64000\nEND");
    ls_text_reset(&script);
    ls_text_reset(&page);
}

static void a_page_does_not_overclaim(void **state)
{
    const made narrow = {"narrow", "fixed", "one rate for all", "fixed", 2, 1, {1}};
    const made lone = {"lone", "tuned", "searched", "searched", 1, 2, {1}};
    ls_text page;

    (void)state;
    make_sweep(&narrow);
    page = page_of("narrow");
    expect(&page, "<p class=\"note\">Not tuned for each combination: one rate for all.");
    expect(&page, "Critical batch size 128, extrapolated: it lies above all batch sizes tried.");
    expect(&page, "No interval can be given: that takes several seeds at three batch sizes or more.");
    expect_in_file("narrow", "figures/updates_to_target.gp", "against batch size: one rate for all\"");
    expect_in_file("narrow", "figures/val_accuracy_epochs.gp", "val_accuracy over epochs: one rate for all\"");
    expect_in_file("narrow", "figures/updates_to_target.gp", "critical batch (extrapolated)");
    ls_text_reset(&page);

    make_sweep(&lone);
    page = page_of("lone");
    assert_null(strstr(page.data, "ritical batch size"));
    ls_text_reset(&page);
}

static void pages_of_scaling_show_times_and_speedups(void **state)
{
    const made scaling = {"scaling", "tuned", "searched", "searched", 4, 1, {1, 2, 4}};
    ls_text page;

    (void)state;
    make_sweep(&scaling);
    page = page_of("scaling");
    expect(&page, "T(P, M) = 1 ms + 2 ms · ceil(M/P) + 500 µs · 2 (P − 1) + 0 s · (P − 1)/P");
    /* batch 256: 16 microbatches, 33 ms on one rank and 12 ms on four: 2.75 times faster */
    expect(&page, "<tr><td>256</td><td>16</td><td>4</td><td>12 ms</td><td>12 ms</td><td>2.75</td><td>69 %</td></tr>");
    expect(&page,
           "Amdahl: 3.0 % of the largest batch&#39;s time on one rank is serial, so that no number of ranks makes it "
           "more than 33 times faster.");
    /* 8 ranks: S(B) (1 + 2 ceil(B / 16 / 8) + 7) ms is least at batch 256, 150 x 12 ms */
    expect(&page, "<tr><td>8</td><td>256</td><td>1.8 s</td></tr>");
    /* two microbatches per rank: 5, 6 and 8 ms */
    expect_in_file("scaling", "figures/scaling_weak.gp", " 1 100\n 2 83.3333333333333");
    expect_in_file("scaling", "figures/scaling_time_to_target.gp", " 1 2.5\n 2 2\n 4 3\n");
    /* repetitions on other ranks are no further seeds */
    expect(&page, "No interval can be given: that takes several seeds at three batch sizes or more.");
    ls_text_reset(&page);
}

static void folders_without_results_are_refused(void **state)
{
    const made damaged = {"damaged", "tuned", "searched", "searched", 2, 1, {1}};
    char path[256];
    char *written;

    (void)state;
    make_sweep(&damaged);
    snprintf(path, sizeof path, "%s", path_of("damaged", ""));
    put("damaged", "trials.csv", "trial,combination\n1,1\n");
    assert_int_equal(ls_report_make((const char *const[]){path}, 1, NULL, NULL, &written), LS_ERR_DATA);
    assert_non_null(strstr(ls_error_message(), "trials.csv' has no column 'chosen'"));
    put("damaged", "sweep.json", "[1, 2]");
    assert_int_equal(ls_report_make((const char *const[]){path}, 1, NULL, NULL, &written), LS_ERR_FORMAT);
    put("damaged", "sweep.json", "{\"format\": ");
    assert_true(ls_report_make((const char *const[]){path}, 1, NULL, NULL, &written) != LS_OK);
    snprintf(path, sizeof path, "%s", path_of("nothing", ""));
    assert_int_equal(ls_report_make((const char *const[]){path}, 1, NULL, NULL, &written), LS_ERR_USAGE);
    assert_null(written);
    assert_int_not_equal(access(path, F_OK), 0); /* and leaves nothing behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_critical_batch),
        cmocka_unit_test(a_page_does_not_overclaim),
        cmocka_unit_test(pages_of_scaling_show_times_and_speedups),
        cmocka_unit_test(folders_without_results_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
