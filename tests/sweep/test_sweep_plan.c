/*
 * Sweeps without training: what a file means, what it must not say, the search for a learning rate, results and tables.
 */
#include "files.h"
#include "source_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "random/philox.h"
#include "data/sampler.h"
#include "sweep/describe.h"
#include "sweep/protocol.h"
#include "sweep/results.h"
#include "sweep/settings.h"
#include "sweep/table.h"
#include "sweep/trial.h"

#define EXPERIMENT                                           \
    "data: {file: d.h5, train: {x: /x, y: /y}}\n"            \
    "model:\n  - dense: {units: 4}\n  - dense: {units: 1}\n" \
    "compile: {optimizer: sgd, loss: mse}\nfit: {epochs: 3}\nseed: 9\noutput: run\n"

static void put_file(const char *name, const char *text)
{
    assert_true(ok(ls_file_replace(in_folder(name), text, strlen(text))));
}

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    put_file("e.yaml", EXPERIMENT);
    return 0;
}

static ls_sweep *read_sweep(const char *text)
{
    ls_sweep *sweep = NULL;

    put_file("s.yaml", text);
    assert_true(ok(ls_sweep_read(in_folder("s.yaml"), NULL, 0, &sweep)));
    return sweep;
}

/* ---- reading ---- */

static void combinations_count_like_digits(void **state)
{
    ls_sweep *s = read_sweep("base: e.yaml\ngrid:\n  fit.batch_size: [8, 16]\n  fit.shuffle: [true]\n"
                             "  model.0.dense.units: [1, 2, 3]\nseeds: [3, 1]\n");
    static const char *const want[] = {"8 true 1", "8 true 2", "8 true 3", "16 true 1", "16 true 2", "16 true 3"};

    (void)state;
    assert_int_equal(s->combinations, 6);
    assert_int_equal(s->settings, 3);
    assert_string_equal(s->setting[2], "model.0.dense.units");
    for (size_t c = 0; c < 6; c++) {
        char text[64];

        snprintf(text, sizeof text, "%s %s %s", s->combination[c].value[0]->text, s->combination[c].value[1]->text,
                 s->combination[c].value[2]->text);
        assert_string_equal(text, want[c]);
    }
    assert_true(s->seeds == 2 && s->seed[0] == 3 && s->seed[1] == 1);
    assert_int_equal(s->rate, LS_RATE_GIVEN);
    assert_true(isnan(s->budget) && !s->has_target && !s->monitor && !s->ranks_per_run && !s->keep);
    ls_sweep_free(s);
}

static void lists_take_settings_in_any_order(void **state)
{
    ls_sweep *s = read_sweep("base: e.yaml\nlist:\n  - {fit.batch_size: 8, fit.epochs: 2}\n"
                             "  - {fit.epochs: 5, fit.batch_size: 4}\n");

    (void)state;
    assert_int_equal(s->combinations, 2);
    assert_string_equal(ls_varied(s, 1, "fit.batch_size")->text, "4");
    assert_string_equal(ls_varied(s, 1, "fit.epochs")->text, "5");
    assert_null(ls_varied(s, 1, "seed"));
    assert_true(s->seeds == 1 && s->seed[0] == 9);
    ls_sweep_free(s);

    s = read_sweep("base: e.yaml\n");
    assert_true(s->combinations == 1 && s->settings == 0);
    ls_sweep_free(s);
}

/* Settings of the command line in set, grid and list: their keys have dots, and what stands beside them stays. */
static void settings_have_dotted_keys(void **state)
{
    static const char *const in_grid[] = {"set.fit.shuffle=false", "set.fit.validation_split=0.25",
                                          "grid.fit.batch_size=[8, 16]", "grid.ranks=[1, 2]", "budget.updates=7"};
    static const char *const in_list[] = {"list.1.fit.batch_size=32"};
    ls_sweep *s;
    const ls_config *fit;

    (void)state;
    put_file("s.yaml", "base: e.yaml\nset: {fit.batch_size: 64, fit.validation_split: 0.5}\ngrid: {ranks: [1]}\n");
    assert_true(ok(ls_sweep_read(in_folder("s.yaml"), in_grid, count_of(in_grid), &s)));
    fit = ls_config_get(s->base, "fit");
    assert_string_equal(ls_config_get(fit, "epochs")->text, "3");
    assert_string_equal(ls_config_get(fit, "batch_size")->text, "64");
    assert_string_equal(ls_config_get(fit, "validation_split")->text, "0.25");
    assert_string_equal(ls_config_get(fit, "shuffle")->text, "false");
    assert_int_equal(s->combinations, 4);
    assert_string_equal(ls_varied(s, 3, "fit.batch_size")->text, "16");
    assert_true(s->budget_unit == LS_BUDGET_UPDATES && s->budget == 7);
    ls_sweep_free(s);

    put_file("s.yaml", "base: e.yaml\nlist: [{fit.batch_size: 8}, {fit.batch_size: 4}]\n");
    assert_true(ok(ls_sweep_read(in_folder("s.yaml"), in_list, 1, &s)));
    assert_string_equal(ls_varied(s, 1, "fit.batch_size")->text, "32");
    ls_sweep_free(s);
}

static void reads_every_key(void **state)
{
    ls_sweep *s = read_sweep("name: n\nbase: e.yaml\noutput: out\nset: {fit.validation_split: 0.5}\n"
                             "learning_rate: {search: {values: [0.1, 1, 5], refine: 2, widen: 1}}\n"
                             "budget: {samples: 1000}\ntarget: {val_loss: 0.25}\n"
                             "evaluate: {first_samples: 64, growth: 1.5}\nranks_per_run: 2\nkeep: true\n");

    (void)state;
    assert_string_equal(s->name, "n");
    assert_string_equal(s->output, "out");
    assert_int_equal(s->rate, LS_RATE_SEARCHED);
    assert_true(s->search.points == 3 && s->search.point[0] == 0.1 && s->search.point[2] == 5);
    assert_true(s->search.step_low == 10 && s->search.step_high == 5);
    assert_true(s->search.refine == 2 && s->search.widen == 1);
    assert_true(s->budget_unit == LS_BUDGET_SAMPLES && s->budget == 1000);
    assert_true(s->has_target && s->target == 0.25);
    assert_string_equal(s->monitor, "val_loss");
    assert_true(s->first_samples == 64 && s->growth == 1.5 && s->ranks_per_run == 2 && s->keep);
    ls_sweep_free(s);
}

/* Those that ship. */
static void shipped_sweeps_are_good(void **state)
{
    static const char *const names[] = {"batch_size", "smoke"};

    (void)state;
    for (size_t i = 0; i < count_of(names); i++) {
        char path[512];
        ls_sweep *s;

        snprintf(path, sizeof path, "%s/launch/sweeps/%s.yaml", source_dir, names[i]);
        assert_true(ok(ls_sweep_read(path, NULL, 0, &s)));
        assert_true(ls_sweep_is_tuned(s));
        ls_sweep_free(s);
    }
}

static void refused(const char *text, const char *const *words)
{
    ls_sweep *s = (ls_sweep *)&s;

    put_file("s.yaml", text);
    if (!failed_with(ls_sweep_read(in_folder("s.yaml"), NULL, 0, &s), LS_ERR_CONFIG, words))
        fail_msg("of\n%s", text);
    assert_null(s);
}
#define REFUSED(text, ...) refused((text), (const char *const[]){__VA_ARGS__, NULL})

static void errors_name_their_place(void **state)
{
    (void)state;
    REFUSED("grid: {}\n", "needs the key 'base'");
    REFUSED("base: none.yaml\n", "s.yaml:1:7", "none.yaml");
    REFUSED("base: e.yaml\nseed: 3\n", "s.yaml:2:1", "did you mean 'seeds'");
    REFUSED("base: e.yaml\ngrid: {}\n", "s.yaml:2:7", "grid is empty");
    REFUSED("base: e.yaml\ngrid: {fit.batch_size: []}\n", "s.yaml:2:24", "empty");
    REFUSED("base: e.yaml\ngrid: {fit.batch_size: 3}\n", "s.yaml:2:24", "a list of values");
    REFUSED("base: e.yaml\ngrid:\n  fit.batch: [1]\n", "s.yaml:3:3", "unknown key 'batch' in fit");
    REFUSED("base: e.yaml\ngrid:\n  fit.batch_size: [1, x]\n", "s.yaml:3:23", "'x'");
    REFUSED("base: e.yaml\ngrid:\n  model.2.dense.units: [1]\n", "s.yaml:3:3", "'2' is no entry");
    REFUSED("base: e.yaml\nset:\n  fitt.batch_size: 1\n", "s.yaml:3:3", "'fitt'");
    REFUSED("base: e.yaml\ngrid: {seed: [1]}\n", "s.yaml:2:8", "'seeds'");
    REFUSED("base: e.yaml\ngrid: {fit.epochs: [1]}\nbudget: {epochs: 3}\n", "s.yaml:2:8", "budget");
    REFUSED("base: e.yaml\nlist: []\n", "s.yaml:2:7", "empty");
    REFUSED("base: e.yaml\nlist: [{}]\n", "s.yaml:2:8", "empty");
    REFUSED("base: e.yaml\nlist: [{fit.epochs: 1}, {fit.batch_size: 2}]\n", "s.yaml:2:26", "fit.batch_size");
    REFUSED("base: e.yaml\nlist: [{fit.epochs: 1, fit.batch_size: 2}, {fit.epochs: 1}]\n", "s.yaml:2:44",
            "fit.batch_size");
    REFUSED("base: e.yaml\ngrid: {fit.epochs: [1]}\nlist: [{fit.epochs: 1}]\n", "not both");
    REFUSED("base: e.yaml\nseeds: []\n", "s.yaml:2:8", "empty");
    REFUSED("base: e.yaml\nseeds: [1, 2, 1]\n", "s.yaml:2:15", "twice");
    REFUSED("base: e.yaml\nbudget: {epochs: 0}\n", "s.yaml:2:18", "above 0");
    REFUSED("base: e.yaml\nbudget: {hours: 1}\n", "s.yaml:2:10", "'hours'");
    REFUSED("base: e.yaml\nbudget: {epochs: 1, updates: 2}\n", "s.yaml:2:9", "one of");
    REFUSED("base: e.yaml\ntarget: {accuracy: 0.5}\n", "s.yaml:2:10", "val_accuracy");
    REFUSED("base: e.yaml\ntarget: {val_loss: 0.5}\nmonitor: loss\n", "s.yaml:3:10", "val_loss");
    REFUSED("base: e.yaml\nevaluate: {growth: 2}\n", "s.yaml:2:11", "no target");
    REFUSED("base: e.yaml\nranks_per_run: 0\n", "s.yaml:2:16", "'0'");
    REFUSED("base: e.yaml\ngrid: {ranks: [1, 0]}\n", "s.yaml:2:19", "'0'");
    REFUSED("base: e.yaml\nlearning_rate: {search: {low: 1, high: 1, trials: 3}}\n", "s.yaml:2:40", "above low");
    REFUSED("base: e.yaml\nlearning_rate: {search: {low: 1, high: 2, trials: 1}}\n", "s.yaml:2:51", "trials");
    REFUSED("base: e.yaml\nlearning_rate: {search: {values: [1]}}\n", "from 2 to");
    REFUSED("base: e.yaml\nlearning_rate: {search: {values: [1, 1]}}\n", "s.yaml:2:38", "twice");
    REFUSED("base: e.yaml\nlearning_rate: {search: {values: [1, 2], low: 1}}\n", "'low'");
    REFUSED("base: e.yaml\nlearning_rate: {search: {values: [1, 2]}, rule: linear}\n", "not both");
    REFUSED("base: e.yaml\nlearning_rate: {rule: linear, base: 1}\n", "s.yaml:2:16", "base_batch_size");
    REFUSED("base: e.yaml\nlearning_rate: {rule: cubic, base: 1, base_batch_size: 2}\n", "s.yaml:2:23", "'cubic'");
    REFUSED("base: e.yaml\ngrid: {learning_rate: [1]}\nlearning_rate: {search: {values: [1, 2]}}\n", "s.yaml:2:8",
            "learning_rate is varied");
    REFUSED("base: e.yaml\nset: {compile.optimizer: {sgd: {learning_rate: {cosine_decay: {initial_learning_rate: 1, "
            "decay_steps: 5}}}}}\nlearning_rate: {search: {values: [1, 2]}}\n",
            "s.yaml:2:48", "schedule");
}

/* ---- the experiment of a trial ---- */

static ls_experiment *experiment_of(const char *text, size_t combination, double searched, double *rate)
{
    ls_sweep *s = read_sweep(text);
    const ls_trial trial = {.combination = combination, .seed = 77, .rate = searched};
    ls_experiment *e = NULL;

    assert_true(ok(ls_trial_experiment(s, &trial, 1000, &e, rate)));
    ls_sweep_free(s);
    return e;
}

static void a_trial_is_an_experiment(void **state)
{
    double rate;
    ls_experiment *e = experiment_of("base: e.yaml\ngrid:\n  model.1.dense.units: [2]\n  fit.batch_size: [32, 300]\n"
                                     "learning_rate: {search: {values: [0.5, 0.25]}}\nbudget: {updates: 9}\n",
                                     1, 0.25, &rate);

    (void)state;
    assert_true(e->fit.batch_size == 300 && e->seed == 77 && !e->output);
    assert_true(rate == 0.25 && e->optimizer.common.learning_rate == 0.25);
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "sgd");
    assert_int_equal(e->fit.epochs, 3); /* of 4 updates each: 300, 300, 300, 100 */
    ls_experiment_free(e);

    e = experiment_of("base: e.yaml\nset: {compile.optimizer: null}\ngrid: {learning_rate: [0.5]}\n", 0, NAN, &rate);
    assert_true(rate == 0.5 && e->optimizer.common.learning_rate == 0.5);
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "rmsprop");
    assert_int_equal(e->fit.epochs, 3);
    ls_experiment_free(e);

    e = experiment_of("base: e.yaml\nset: {compile.optimizer: {class_name: Adam, config: {beta_1: 0.5}}}\n"
                      "learning_rate: {search: {values: [0.5, 0.25]}}\n",
                      0, 0.5, &rate);
    assert_true(e->optimizer.common.learning_rate == 0.5);
    assert_string_equal(ls_optimizer_ops_of(&e->optimizer)->ops.name, "adam");
    ls_experiment_free(e);

    e = experiment_of("base: e.yaml\n", 0, NAN, &rate);
    assert_true(rate == 0.01); /* sgd's own */
    ls_experiment_free(e);
}

/* Batch 256 against 64: four times, or twice, the base rate; 3 epochs of ceil(1000 / 256) = 4 updates warm up. */
static void rules_follow_the_batch(void **state)
{
    static const struct {
        const char *rule;
        double rate, first;
    } want[] = {{"none", 0.125, 0.125}, {"sqrt", 0.25, 0.125}, {"linear", 0.5, 0.125}};

    (void)state;
    for (size_t i = 0; i < count_of(want); i++) {
        double rate;
        ls_experiment *e = experiment_of("base: e.yaml\nset: {fit.batch_size: 256}\n"
                                         "grid: {learning_rate.rule: [none, sqrt, linear]}\n"
                                         "learning_rate: {base: 0.125, base_batch_size: 64, warmup_epochs: 3}\n",
                                         i, NAN, &rate);
        const ls_component *schedule = &e->optimizer.common.learning_rate_schedule;

        assert_true(rate == want[i].rate);
        if (i == 0) {
            assert_null(schedule->ops);
            assert_true(e->optimizer.common.learning_rate == 0.125);
        } else {
            double (*at)(const void *, uint64_t) = ((const ls_schedule_ops *)schedule->ops)->rate;

            assert_true(at(schedule->config, 0) == 0.125);
            assert_true(at(schedule->config, 11) < want[i].rate && at(schedule->config, 12) == want[i].rate);
        }
        ls_experiment_free(e);
    }
}

static void budgets_become_updates(void **state)
{
    static const struct {
        const char *budget;
        uint64_t updates; /* of batches of 300 from 1000 samples: 300, 300, 300, 100, 300, … */
    } want[] = {{"epochs: 2", 8},     {"epochs: 0.5", 2},  {"updates: 5", 5},         {"samples: 1000", 4},
                {"samples: 1001", 5}, {"samples: 900", 3}, {"seconds: 2", UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < count_of(want); i++) {
        char text[128];
        ls_sweep *s;
        const ls_trial trial = {.seed = 1, .rate = NAN};
        ls_experiment *e = NULL;
        double rate;

        snprintf(text, sizeof text, "base: e.yaml\nset: {fit.batch_size: 300}\nbudget: {%s}\n", want[i].budget);
        s = read_sweep(text);
        assert_true(ok(ls_trial_experiment(s, &trial, 1000, &e, &rate)));
        assert_true(ls_trial_updates(s, e, 1000) == want[i].updates);
        ls_experiment_free(e);
        ls_sweep_free(s);
    }
    /* Two epochs of 3 and 1 updates make a pass: 5 passes are 10 epochs; 3 epochs are 3 + 1 + 3 updates. */
    for (int given = 0; given < 2; given++) {
        ls_sweep *s =
            read_sweep(given ? "base: e.yaml\nset: {fit.batch_size: 300, fit.steps_per_epoch: 3}\nbudget: {epochs: 5}\n"
                             : "base: e.yaml\nset: {fit.batch_size: 300, fit.steps_per_epoch: 3}\n");
        const ls_trial trial = {.seed = 1, .rate = NAN};
        ls_experiment *e = NULL;
        double rate;

        assert_true(ok(ls_trial_experiment(s, &trial, 1000, &e, &rate)));
        assert_true(ls_trial_updates(s, e, 1000) == (given ? 20 : 7));
        assert_int_equal(e->fit.epochs, given ? 10 : 3);
        ls_experiment_free(e);
        ls_sweep_free(s);
    }
    assert_true(ls_samples_in(0, 300, 1000) == 0 && ls_samples_in(3, 300, 1000) == 900);
    assert_true(ls_samples_in(4, 300, 1000) == 1000 && ls_samples_in(9, 300, 1000) == 2300);
}

static void evaluations_grow(void **state)
{
    const ls_sweep s = {.first_samples = 700, .growth = 1.5};
    static const uint64_t want[] = {3, 5, 8, 12, 18, 27};
    uint64_t update = 0;

    (void)state;
    for (size_t i = 0; i < count_of(want); i++) {
        update = ls_next_evaluation(&s, 300, 1000, update);
        assert_true(update == want[i]);
    }
    assert_true(ls_next_evaluation(&(const ls_sweep){.first_samples = 1, .growth = 1}, 300, 1000, 7) == 8);
}

/* ---- the search ---- */

static void points_are_spread_over_the_logarithm(void **state)
{
    const ls_stream stream = ls_stream_at(5, LS_PURPOSE_SEARCH, 0, 0);
    double point[8];
    float first;

    (void)state;
    ls_search_points(0.001, 10, 5, 8, point);
    ls_stream_uniform(&stream, 0, 1, &first);
    for (int k = 0; k < 8; k++) {
        const double x = fmod((double)first + k * 0.6180339887498949, 1);

        assert_true(close_to(point[k], 0.001 * pow(10000, x), 0, 0.0051)); /* to three digits */
        for (int j = 0; j < k; j++) /* no two of eight are nearer than a half of 4 / 8 decades */
            assert_true(fabs(log10(point[k] / point[j])) > 0.25);
    }
    assert_true(close_to(ls_search_step(0.001, 10, 4), 10, 0, 1e-12));
}

static ls_trial_result reached(double rate, uint64_t updates, double value)
{
    return (ls_trial_result){
        .status = LS_TRIAL_REACHED, .learning_rate = rate, .updates = updates, .value = value, .best_value = value};
}

static ls_trial_result missed(double rate, double best)
{
    return (ls_trial_result){
        .status = LS_TRIAL_MISSED, .learning_rate = rate, .updates = 100, .value = 0, .best_value = best};
}

static ls_trial_result diverged(double rate)
{
    return (ls_trial_result){.status = LS_TRIAL_DIVERGED, .learning_rate = rate, .value = NAN, .best_value = NAN};
}

static void the_best_is_well_defined(void **state)
{
    const ls_trial_result some[] = {missed(1, 0.9), reached(2, 50, 0.7), reached(3, 40, 0.6), reached(4, 40, 0.65),
                                    diverged(5)};
    const ls_trial_result none[] = {diverged(3), missed(2, 0.5), missed(4, 0.5), missed(1, 0.4), diverged(0.5)};

    (void)state;
    assert_int_equal(ls_search_best(some, 1, true), 0);
    assert_int_equal(ls_search_best(some, 2, true), 1);
    assert_int_equal(ls_search_best(some, 5, true), 3);
    assert_int_equal(ls_search_best(some, 5, false), 2);
    assert_int_equal(ls_search_best(none, 5, true), 1); /* alike: the lower rate */
    assert_int_equal(ls_search_best(none, 5, false), 3);
    assert_int_equal(ls_search_best(none, 1, true), 0);
    assert_true(ls_search_limit(some, 1) == 0 && ls_search_limit(some, 2) == 50 && ls_search_limit(some, 5) == 40);
    assert_true(ls_search_edge(some, 2, true) == 1 && ls_search_edge(some, 5, true) == 0);
    assert_true(ls_search_edge(none, 5, true) == 0 && ls_search_edge(none, 3, true) == -1);
}

/*
 * By hand: 1, 2, 8 are given; 8 is best: 32 and then 128 beyond it; then between 8 and 32 (both gaps are 4), between 8
 * and 16 (both are 2), between 16 and 32 (2 against 1.4).
 */
static void searches_widen_and_refine(void **state)
{
    double point[] = {1, 2, 8}, rate = 0;
    const ls_rate_search search = {.point = point, .points = 3, .step_low = 2, .step_high = 4, .refine = 3, .widen = 2};
    const ls_trial_result done[] = {reached(1, 90, 0), reached(2, 80, 0),  reached(8, 60, 0), reached(32, 50, 0),
                                    missed(128, 0),    reached(16, 40, 0), diverged(11.3),    reached(22.6, 41, 0)};
    static const double want[] = {1, 2, 8, 32, 128, 16, 11.3, 22.6};

    (void)state;
    for (size_t n = 0; n < count_of(done); n++) {
        assert_true(ls_search_next(&search, done, n, true, &rate));
        assert_true(close_to(rate, want[n], 0, 1e-12));
    }
    assert_false(ls_search_next(&search, done, count_of(done), true, &rate));
    assert_int_equal(ls_search_most(&search), 8);
}

static void a_search_that_diverges_goes_down(void **state)
{
    double point[] = {1, 2}, rate = 0;
    const ls_rate_search search = {.point = point, .points = 2, .step_low = 2, .step_high = 2, .widen = 2};
    const ls_trial_result done[] = {diverged(1), diverged(2), diverged(0.5), missed(0.25, 0.1)};

    (void)state;
    assert_true(ls_search_next(&search, done, 2, true, &rate) && rate == 0.5);
    assert_true(ls_search_next(&search, done, 3, true, &rate) && rate == 0.25);
    assert_false(ls_search_next(&search, done, 4, true, &rate)); /* still at the edge, which the summary says */
    assert_int_equal(ls_search_edge(done, 4, true), -1);
}

/* ---- results and tables ---- */

static void results_come_back(void **state)
{
    ls_sweep *s = read_sweep("base: e.yaml\ngrid: {fit.batch_size: [8]}\n");
    const ls_trial trial = {.searches = true, .index = 4, .seed = 3, .rate = 0.1, .limit = 20};
    const ls_trial other = {.searches = true, .index = 4, .seed = 3, .rate = 0.2, .limit = 20};
    const ls_trial_result in = {.status = LS_TRIAL_CUT,
                                .learning_rate = 0.1,
                                .updates = 20,
                                .updates_before = 20,
                                .samples = 160,
                                .best_updates = 9,
                                .epochs = 1.0 / 3,
                                .value = NAN,
                                .best_value = 0.7,
                                .noise_scale = NAN,
                                .fingerprint = "0123456789abcdef0123456789abcdef",
                                .ranks = 2,
                                .train_s = 0.1,
                                .evaluate_s = 0.2,
                                .finished = "2025-01-31T12:00:00Z"};
    ls_trial_result out;
    ls_text text = {0};
    char id[LS_TRIAL_ID_BYTES];
    bool found = true;

    (void)state;
    ls_trial_id(&trial, id);
    assert_string_equal(id, "001-search-05");
    unlink(in_folder("r.json"));
    assert_true(ok(ls_result_read(in_folder("r.json"), &trial, &out, &found)) && !found);
    assert_true(ok(ls_result_write(s, &trial, &in, &text)));
    put_file("r.json", text.data);
    assert_true(ok(ls_result_read(in_folder("r.json"), &trial, &out, &found)) && found);
    assert_true(out.status == in.status && out.learning_rate == 0.1 && out.updates == 20 && out.updates_before == 20);
    assert_true(out.samples == 160 && out.best_updates == 9 && out.epochs == 1.0 / 3 && isnan(out.value));
    assert_true(out.best_value == 0.7 && isnan(out.noise_scale) && out.ranks == 2 && out.train_s == 0.1);
    assert_true(out.evaluate_s == 0.2);
    assert_string_equal(out.fingerprint, in.fingerprint);
    assert_string_equal(out.finished, in.finished);

    FAILS(ls_result_read(in_folder("r.json"), &other, &out, &found), LS_ERR_FORMAT, "r.json", "another trial");
    text.data[text.length / 2] = '\0';
    put_file("r.json", text.data);
    FAILS(ls_result_read(in_folder("r.json"), &trial, &out, &found), LS_ERR_FORMAT, "r.json", "damaged");
    put_file("r.json", "{\"trial\": \"001-search-05\", \"seed\": 3, \"search_rate\": 0.1, \"limit\": 20}");
    FAILS(ls_result_read(in_folder("r.json"), &trial, &out, &found), LS_ERR_FORMAT, "r.json", "damaged");
    ls_text_reset(&text);
    ls_sweep_free(s);
}

static void medians_are_those_by_hand(void **state)
{
    double odd[] = {3, 1, NAN, 2}, even[] = {4, 1, 3, 2}, none[] = {NAN};

    (void)state;
    assert_true(ls_spread_of(odd, 4).median == 2 && ls_spread_of(odd, 3).min == 1);
    assert_true(ls_spread_of(even, 4).median == 2.5 && ls_spread_of(even, 4).max == 4);
    assert_true(isnan(ls_spread_of(none, 1).median) && isnan(ls_spread_of(none, 0).max));
}

/* The whole table by hand: a chain of two, of which the second won, and one more seed. */
static void tables_hold_what_they_promise(void **state)
{
    ls_sweep *s =
        read_sweep("base: e.yaml\nset: {fit.validation_split: 0.5}\n"
                   "grid: {model.0.dense.kernel_initializer: [{random_normal: {stddev: 0.1, seed: 3}}]}\n"
                   "seeds: [4, 5]\nlearning_rate: {search: {values: [1, 2], widen: 0}}\ntarget: {val_loss: 0.5}\n");
    uint64_t samples[] = {1000};
    const ls_sweep_facts facts = {.monitor = "val_loss", .samples = samples};
    ls_results *r = NULL;
    ls_text text = {0};

    (void)state;
    assert_true(ok(ls_results_create(s, &facts, folder, &r)));
    r->chain[0].search[0] = diverged(1);
    r->chain[0].search[0].noise_scale = NAN;
    r->chain[0].search[1] = reached(2, 10, 0.5);
    r->chain[0].search[1].updates_before = 9;
    r->chain[0].search[1].samples = 320;
    r->chain[0].search[1].epochs = 0.32;
    r->chain[0].search[1].best_updates = 10;
    r->chain[0].search[1].noise_scale = 12.5;
    r->chain[0].search[1].train_s = 0.5;
    strcpy(r->chain[0].search[1].fingerprint, "f0");
    r->chain[0].searched = 2;
    assert_true(ok(ls_results_refresh(r)));
    assert_true(r->chain[0].decided && r->chain[0].best == 1 && !r->chain[0].complete);
    r->chain[0].seed[1] = missed(2, 0.6);
    r->chain[0].seed[1].noise_scale = NAN;
    r->chain[0].finished[1] = true;
    assert_true(ok(ls_table_trials(r, &text)));
    assert_string_equal(
        text.data,
        "trial,combination,phase,chosen,model.0.dense.kernel_initializer,batch_size,learning_rate,seed,status,updates,"
        "updates_before,samples,epochs,value,best_value,best_updates,noise_scale,fingerprint,ranks,train_seconds,"
        "evaluate_seconds,finished\n"
        "001-search-01,1,search,0,\"{random_normal: {stddev: 0.1, seed: 3}}\",32,1,4,diverged,0,0,0,0,,,,,,0,0,0,\n"
        "001-search-02,1,search,1,\"{random_normal: {stddev: 0.1, seed: 3}}\",32,2,4,reached,10,9,320,0.32,0.5,0.5,10,"
        "12.5,f0,0,0.5,0,\n"
        "001-seed-5,1,seeds,1,\"{random_normal: {stddev: 0.1, seed: 3}}\",32,2,5,missed,100,0,0,0,0,0.6,0,,,0,0,0,\n");
    ls_text_reset(&text);
    assert_true(ok(ls_table_summary(r, &text)));
    assert_string_equal(
        strchr(text.data, '\n') + 1,
        "1,\"{random_normal: {stddev: 0.1, seed: 3}}\",32,2,2,high,2,1,partly,10,10,10,320,320,320,0.32,"
        "0.32,0.32,0.5,0.5,0.5,0.5,0.5,0.5,12.5,0.5,0.5,0.5\n");
    ls_text_reset(&text);
    ls_results_free(r);
    ls_sweep_free(s);
}

static void labels_say_what_is_compared(void **state)
{
    static const struct {
        const char *sweep, *label;
        bool tuned;
    } want[] = {
        {"set: {fit.validation_split: 0.1}\nlearning_rate: {search: {values: [1, 2]}}\ntarget: {val_loss: 0.5}\n",
         "learning rate searched at every combination; updates to val_loss 0.5", true},
        {"learning_rate: {search: {values: [1, 2]}}\nbudget: {updates: 5}\n",
         "learning rate searched at every combination; fixed updates (5)", false},
        {"set: {fit.validation_split: 0.1}\ntarget: {val_loss: 0.5}\n",
         "one learning rate for all; updates to val_loss 0.5", false},
        {"budget: {epochs: 2.5}\n", "one learning rate for all; fixed epochs (2.5)", false},
        {"grid: {learning_rate: [1, 2]}\n", "learning rates given; fixed epochs", false},
        {"learning_rate: {rule: sqrt, base: 1, base_batch_size: 2}\nbudget: {seconds: 5}\n",
         "learning rate not searched but by rule (sqrt); fixed seconds (5)", false},
    };
    const ls_sweep_facts facts = {.monitor = "val_loss"};

    (void)state;
    for (size_t i = 0; i < count_of(want); i++) {
        char text[512];
        ls_text label = {0};
        ls_sweep *s;

        snprintf(text, sizeof text, "base: e.yaml\n%s", want[i].sweep);
        s = read_sweep(text);
        ls_sweep_label(s, &facts, &label);
        assert_string_equal(label.data, want[i].label);
        assert_true(ls_sweep_is_tuned(s) == want[i].tuned);
        ls_text_reset(&label);
        ls_sweep_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combinations_count_like_digits),
        cmocka_unit_test(lists_take_settings_in_any_order),
        cmocka_unit_test(settings_have_dotted_keys),
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(shipped_sweeps_are_good),
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(a_trial_is_an_experiment),
        cmocka_unit_test(rules_follow_the_batch),
        cmocka_unit_test(budgets_become_updates),
        cmocka_unit_test(evaluations_grow),
        cmocka_unit_test(points_are_spread_over_the_logarithm),
        cmocka_unit_test(the_best_is_well_defined),
        cmocka_unit_test(searches_widen_and_refine),
        cmocka_unit_test(a_search_that_diverges_goes_down),
        cmocka_unit_test(results_come_back),
        cmocka_unit_test(medians_are_those_by_hand),
        cmocka_unit_test(tables_hold_what_they_promise),
        cmocka_unit_test(labels_say_what_is_compared),
    };

    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
