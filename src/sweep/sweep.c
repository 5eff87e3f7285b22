/* SWEEP.yaml, read and checked. */
#include "sweep/sweep.h"

#include <math.h>
#include <string.h>

#include "base/failures.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/spelling.h"
#include "formats/yaml.h"
#include "run/fit.h"
#include "sweep/protocol.h"
#include "sweep/settings.h"

#define COMBINATIONS_MAX 100000
#define POINTS_MAX 1000
#define SEEDS_MAX 100000 /* as a number; seeds themselves stand in a list */
#define count_of(array) (sizeof(array) / sizeof((array)[0]))

const char *const ls_budget_units[] = {
    [LS_BUDGET_EPOCHS] = "epochs",   [LS_BUDGET_UPDATES] = "updates", [LS_BUDGET_SAMPLES] = "samples",
    [LS_BUDGET_SECONDS] = "seconds", [LS_BUDGET_SECONDS + 1] = NULL,
};

void ls_sweep_free(ls_sweep *sweep)
{
    if (!sweep)
        return;
    for (size_t c = 0; sweep->combination && c < sweep->combinations; c++) {
        ls_free(sweep->combination[c].value);
        ls_free(sweep->combination[c].at);
    }
    ls_free(sweep->combination);
    ls_free(sweep->setting);
    ls_free(sweep->seed);
    ls_free(sweep->search.point);
    ls_free(sweep->file);
    ls_free(sweep->base_file);
    ls_config_free(sweep->base);
    ls_config_free(sweep->root);
    ls_free(sweep);
}

/* ---- the experiment ---- */

ls_status ls_sweep_base(const ls_config *sweep, const char *sweep_file, ls_config **out, char **base_file)
{
    const ls_config *set = ls_config_get(sweep, "set");
    ls_config *at, *root = NULL;
    char *file = NULL;
    const char *path;
    ls_status st;

    *out = NULL;
    *base_file = NULL;
    LS_TRY(ls_config_need(sweep, "base", "a sweep", &at));
    LS_TRY(ls_config_text(at, "base", &path));
    if (!ls_config_is_null(set))
        LS_TRY(ls_config_expect(set, LS_CONFIG_MAP, "set"));
    if (!(file = ls_path_beside(sweep_file, path)))
        return LS_ERR_MEMORY;
    st = ls_file_exists(file) ? ls_yaml_read(file, &root) : ls_config_fail(at, "base: there is no file '%s'", file);
    if (st == LS_OK)
        st = ls_experiment_spell_out(root);
    for (const ls_config *c = set ? set->first : NULL; c && st == LS_OK; c = c->next)
        st = ls_setting_put(root, c->key, c, c);
    if (st != LS_OK) {
        ls_config_free(root);
        ls_free(file);
        return st;
    }
    *out = root;
    *base_file = file;
    return LS_OK;
}

/* ---- what varies ---- */

static ls_status start_combination(ls_sweep *s)
{
    ls_combination *c = &s->combination[s->combinations++];

    c->value = ls_calloc(s->settings, sizeof *c->value, "the combinations");
    c->at = ls_calloc(s->settings, sizeof *c->at, "the combinations");
    return c->value && c->at ? LS_OK : LS_ERR_MEMORY;
}

static ls_status allocate_combinations(ls_sweep *s, size_t settings, size_t combinations)
{
    s->setting = ls_calloc(settings, sizeof *s->setting, "the settings that vary");
    s->combination = ls_calloc(combinations, sizeof *s->combination, "the combinations");
    s->settings = settings;
    return s->setting && s->combination ? LS_OK : LS_ERR_MEMORY;
}

static ls_status read_grid(const ls_config *grid, ls_sweep *s)
{
    ls_failures all = {0};
    size_t n = 1, i = 0;

    LS_TRY(ls_config_expect(grid, LS_CONFIG_MAP, "grid"));
    if (!grid->count)
        return ls_config_fail(grid, "grid is empty: name a setting and its values, as in {fit.batch_size: [32, 64]}");
    for (const ls_config *c = grid->first; c; c = c->next)
        if (c->kind != LS_CONFIG_LIST)
            LS_GATHER(&all, ls_config_fail(
                                c, "grid: %s takes a list of values, as in [32, 64]; a single value belongs under set",
                                c->key));
        else if (!c->count)
            LS_GATHER(&all, ls_config_fail(c, "grid: the list of values of %s is empty: there would be nothing to run",
                                           c->key));
    LS_TRY(ls_failures_end(&all));
    for (const ls_config *c = grid->first; c; c = c->next)
        if (!ls_size_mul(n, c->count, &n) || n > COMBINATIONS_MAX)
            return ls_config_fail(grid, "grid makes more than %d combinations", COMBINATIONS_MAX);
    LS_TRY(allocate_combinations(s, grid->count, n));
    for (const ls_config *c = grid->first; c; c = c->next)
        s->setting[i++] = c->key;
    while (s->combinations < n) {
        size_t left = s->combinations, step = n;

        LS_TRY(start_combination(s));
        i = 0;
        for (const ls_config *c = grid->first; c;
             c = c->next, i++) { /* the digits of its number, the first one slowest */
            const ls_config *value = c->first;

            step /= c->count;
            for (size_t k = left / step; k > 0; k--)
                value = value->next;
            left %= step;
            s->combination[s->combinations - 1].value[i] = value;
            s->combination[s->combinations - 1].at[i] = c;
        }
    }
    return LS_OK;
}

static ls_status read_list(const ls_config *list, ls_sweep *s)
{
    size_t i = 0;

    LS_TRY(ls_config_expect(list, LS_CONFIG_LIST, "list"));
    if (!list->count)
        return ls_config_fail(list, "list is empty: name at least one combination, as in [{fit.batch_size: 32}]");
    if (list->count > COMBINATIONS_MAX)
        return ls_config_fail(list, "list makes more than %d combinations", COMBINATIONS_MAX);
    for (const ls_config *entry = list->first; entry; entry = entry->next) {
        LS_TRY(ls_config_expect(entry, LS_CONFIG_MAP, "an entry of list"));
        if (!entry->count)
            return ls_config_fail(entry, "an entry of list is empty: name the settings of this combination");
    }
    LS_TRY(allocate_combinations(s, list->first->count, list->count));
    for (const ls_config *c = list->first->first; c; c = c->next)
        s->setting[i++] = c->key;
    for (const ls_config *entry = list->first; entry; entry = entry->next) {
        ls_combination *combination = &s->combination[s->combinations];

        LS_TRY(start_combination(s));
        LS_TRY(ls_config_check_keys(entry, s->setting, s->settings,
                                    "this entry of list (all have the settings of the "
                                    "first)"));
        for (i = 0; i < s->settings; i++) {
            if (!(combination->value[i] = ls_config_get(entry, s->setting[i])))
                return ls_config_fail(entry, "this entry of list has no %s, but the first one has", s->setting[i]);
            combination->at[i] = combination->value[i];
        }
    }
    return LS_OK;
}

/* Settings with a place of their own in a sweep. */
static ls_status check_varied(const ls_sweep *s)
{
    static const char *const own[][2] = {
        {"seed", "seeds"}, {"output", "output"}, {"name", "name"}, {"learning_rate.search", "learning_rate"}};

    for (size_t i = 0; i < s->settings; i++) {
        const ls_config *at = s->combination[0].at[i];

        for (size_t k = 0; k < count_of(own); k++)
            if (strcmp(s->setting[i], own[k][0]) == 0)
                return ls_config_fail_key(at, "%s cannot be varied here: see '%s' of the sweep", own[k][0], own[k][1]);
        if (strcmp(s->setting[i], "fit.epochs") == 0 && !isnan(s->budget))
            return ls_config_fail_key(at, "fit.epochs cannot be varied together with a budget, which sets it");
    }
    return LS_OK;
}

static ls_status check_ranks(const ls_sweep *s)
{
    int64_t ranks;

    for (size_t c = 0; c < s->combinations; c++) {
        const ls_config *node = ls_varied(s, c, "ranks");

        if (node)
            LS_TRY(ls_config_int(node, "ranks", 1, INT32_MAX, &ranks));
    }
    return LS_OK;
}

static ls_status read_combinations(const ls_config *root, ls_sweep *s)
{
    const ls_config *grid = ls_config_get(root, "grid"), *list = ls_config_get(root, "list");

    if (grid && list)
        return ls_config_fail_key(list, "a sweep has a grid or a list, not both");
    if (grid)
        return read_grid(grid, s);
    if (list)
        return read_list(list, s);
    LS_TRY(allocate_combinations(s, 0, 1));
    return start_combination(s);
}

static ls_status add_seed(const ls_config *node, ls_sweep *s)
{
    int64_t value;

    LS_TRY(ls_config_int(node, "seeds", 0, INT64_MAX, &value));
    for (size_t i = 0; i < s->seeds; i++)
        if (s->seed[i] == (uint64_t)value)
            return ls_config_fail(node, "seeds: %s stands twice; the same seed gives the same bits", node->text);
    s->seed[s->seeds++] = (uint64_t)value;
    return LS_OK;
}

/* seeds: 3 is [1, 2, 3] */
static ls_status number_seeds(const ls_config *node, ls_sweep *s)
{
    int64_t n;

    LS_TRY(ls_config_int(node, "seeds", 1, SEEDS_MAX, &n));
    if (!(s->seed = ls_calloc((size_t)n, sizeof *s->seed, "the seeds")))
        return LS_ERR_MEMORY;
    for (int64_t i = 1; i <= n; i++)
        s->seed[s->seeds++] = (uint64_t)i;
    return LS_OK;
}

static ls_status read_seeds(const ls_config *seeds, ls_sweep *s)
{
    ls_failures all = {0};
    const ls_config *own = ls_config_get(s->base, "seed");
    int64_t value = 0;

    if (seeds && seeds->kind == LS_CONFIG_SCALAR)
        return number_seeds(seeds, s);
    if (seeds) {
        LS_TRY(ls_config_expect(seeds, LS_CONFIG_LIST, "seeds"));
        if (!seeds->count)
            return ls_config_fail(seeds, "seeds is empty: there would be nothing to run");
    }
    if (!(s->seed = ls_calloc(seeds ? seeds->count : 1, sizeof *s->seed, "the seeds")))
        return LS_ERR_MEMORY;
    if (!seeds) {
        LS_TRY(own ? ls_config_int(own, "seed", 0, INT64_MAX, &value) : LS_OK);
        s->seed[s->seeds++] = (uint64_t)value;
        return LS_OK;
    }
    for (const ls_config *c = seeds->first; c; c = c->next)
        LS_GATHER(&all, add_seed(c, s));
    return ls_failures_end(&all);
}

/* ---- the learning rate ---- */

static ls_status read_count(const ls_config *map, const char *key, int64_t initial, int64_t min, int64_t max,
                            size_t *out)
{
    const ls_config *node = ls_config_get(map, key);
    int64_t value = initial;
    ls_text where = {0};
    ls_status st = LS_OK;

    ls_text_add(&where, "learning_rate.search.%s", key);
    if (node)
        st = ls_config_int(node, where.data ? where.data : key, min, max, &value);
    ls_text_reset(&where);
    *out = (size_t)value;
    return st;
}

static ls_status read_rate(const ls_config *node, const char *where, double *out)
{
    return ls_config_float_open(node, where, 0, true, 1e30, false, out);
}

static ls_status add_value(const ls_config *node, ls_rate_search *search)
{
    double rate;

    LS_TRY(read_rate(node, "learning_rate.search.values", &rate));
    for (size_t i = 0; i < search->points; i++)
        if (search->point[i] == rate)
            return ls_config_fail(node, "learning_rate.search.values: %s stands twice", node->text);
    search->point[search->points++] = rate;
    return LS_OK;
}

static ls_status read_values(const ls_config *values, ls_rate_search *search)
{
    ls_failures all = {0};
    double low[2] = {INFINITY, INFINITY}, high[2] = {0, 0}; /* the two lowest, the two highest */

    LS_TRY(ls_config_expect(values, LS_CONFIG_LIST, "learning_rate.search.values"));
    if (values->count < 2 || values->count > POINTS_MAX)
        return ls_config_fail(values, "learning_rate.search.values needs from 2 to %d rates, not %zu", POINTS_MAX,
                              values->count);
    if (!(search->point = ls_calloc(values->count, sizeof *search->point, "the learning rates")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = values->first; c; c = c->next)
        LS_GATHER(&all, add_value(c, search));
    LS_TRY(ls_failures_end(&all));
    for (size_t i = 0; i < search->points; i++) {
        const double rate = search->point[i];

        low[1] = fmin(low[1], fmax(rate, low[0]));
        low[0] = fmin(low[0], rate);
        high[1] = fmax(high[1], fmin(rate, high[0]));
        high[0] = fmax(high[0], rate);
    }
    search->step_low = low[1] / low[0];
    search->step_high = high[0] / high[1];
    return LS_OK;
}

static ls_status read_range(const ls_config *node, ls_rate_search *search)
{
    const ls_config *seed_node = ls_config_get(node, "seed");
    ls_config *low_node, *high_node, *trials;
    ls_failures all = {0};
    double low = 0, high = 0;
    int64_t seed = 1;

    LS_GATHER(&all, ls_config_need(node, "low", "learning_rate.search", &low_node));
    LS_GATHER(&all, ls_config_need(node, "high", "learning_rate.search", &high_node));
    LS_GATHER(&all, ls_config_need(node, "trials", "learning_rate.search", &trials));
    if (!ls_config_is_null(low_node))
        LS_GATHER(&all, read_rate(low_node, "learning_rate.search.low", &low));
    if (!ls_config_is_null(high_node))
        LS_GATHER(&all, read_rate(high_node, "learning_rate.search.high", &high));
    if (!ls_config_is_null(trials))
        LS_GATHER(&all, read_count(node, "trials", 0, 2, POINTS_MAX, &search->points));
    if (seed_node)
        LS_GATHER(&all, ls_config_int(seed_node, "learning_rate.search.seed", 0, INT64_MAX, &seed));
    LS_TRY(ls_failures_end(&all));
    if (!(high > low))
        return ls_config_fail(high_node, "learning_rate.search: high (%s) must be above low (%s)", high_node->text,
                              low_node->text);
    if (!(search->point = ls_calloc(search->points, sizeof *search->point, "the learning rates")))
        return LS_ERR_MEMORY;
    ls_search_points(low, high, (uint64_t)seed, search->points, search->point);
    search->step_low = search->step_high = ls_search_step(low, high, search->points);
    return LS_OK;
}

static ls_status read_search(const ls_config *node, ls_sweep *s)
{
    static const char *const range[] = {"low", "high", "trials", "seed", "refine", "widen", "values"};
    static const char *const list[] = {"values", "refine", "widen"};
    const ls_config *values = ls_config_get(node, "values");
    ls_failures all = {0};

    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "learning_rate.search"));
    LS_GATHER(&all, values ? ls_config_check_keys(node, list, count_of(list), "learning_rate.search with values")
                           : ls_config_check_keys(node, range, count_of(range), "learning_rate.search"));
    LS_GATHER(&all, read_count(node, "refine", 0, 0, POINTS_MAX, &s->search.refine));
    LS_GATHER(&all, read_count(node, "widen", 3, 0, POINTS_MAX, &s->search.widen));
    s->rate = LS_RATE_SEARCHED;
    LS_GATHER(&all, values ? read_values(values, &s->search) : read_range(node, &s->search));
    return ls_failures_end(&all);
}

static bool has_rate_path(const char *setting)
{
    return strncmp(setting, "compile.optimizer.", 18) == 0 && strstr(setting, "learning_rate");
}

/* A searched rate or a rule says it all: nothing else may say it too. */
static ls_status check_rate(const ls_sweep *s)
{
    bool varied = false, rule = s->rate == LS_RATE_RULE;

    for (size_t i = 0; i < s->settings; i++)
        rule |= strncmp(s->setting[i], "learning_rate.", 14) == 0;
    for (size_t i = 0; i < s->settings; i++) {
        const bool is_rate = strcmp(s->setting[i], "learning_rate") == 0 || has_rate_path(s->setting[i]);
        const bool is_rule = strncmp(s->setting[i], "learning_rate.", 14) == 0;

        if ((is_rate && (varied || rule || s->rate != LS_RATE_GIVEN)) || (is_rule && s->rate == LS_RATE_SEARCHED))
            return ls_config_fail_key(s->combination[0].at[i],
                                      "%s is varied, but the sweep's learning_rate or another "
                                      "setting decides on it too: take one of them away",
                                      s->setting[i]);
        varied |= is_rate;
    }
    return LS_OK;
}

static ls_status check_rule_part(const ls_sweep *s, const ls_config *at, const char *setting, const ls_config *given)
{
    const char *key = strchr(setting, '.') + 1;

    if (ls_config_is_null(given) && !ls_varied(s, 0, setting))
        return ls_config_fail(at, "a rule for the learning rate needs `%s`, under learning_rate or varied as %s", key,
                              setting);
    return LS_OK;
}

static ls_status read_learning_rate(const ls_config *root, ls_sweep *s)
{
    static const char *const keys[] = {"search", "rule", "base", "base_batch_size", "warmup_epochs"};
    const ls_config *node = ls_config_get(root, "learning_rate"), *search;
    bool rule;

    if (!ls_config_is_null(node)) {
        LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "learning_rate"));
        LS_TRY(ls_config_check_keys(node, keys, count_of(keys), "learning_rate"));
    }
    if ((search = ls_config_get(node, "search")) != NULL) {
        if (node->count > 1)
            return ls_config_fail(node, "learning_rate has a search or a rule, not both");
        LS_TRY(read_search(search, s));
        return check_rate(s);
    }
    rule = !ls_config_is_null(node);
    for (size_t i = 0; i < s->settings; i++)
        rule |= strncmp(s->setting[i], "learning_rate.", 14) == 0;
    s->rule = (ls_rate_rule){.rule = ls_config_get(node, "rule"),
                             .base = ls_config_get(node, "base"),
                             .base_batch_size = ls_config_get(node, "base_batch_size"),
                             .warmup_epochs = ls_config_get(node, "warmup_epochs")};
    if (!rule)
        return check_rate(s);
    s->rate = LS_RATE_RULE;
    for (size_t i = 0; i < s->settings; i++)
        if (strncmp(s->setting[i], "learning_rate.", 14) == 0 && ls_config_is_null(node))
            node = s->combination[0].at[i];
    LS_TRY(check_rule_part(s, node, "learning_rate.rule", s->rule.rule));
    LS_TRY(check_rule_part(s, node, "learning_rate.base", s->rule.base));
    LS_TRY(check_rule_part(s, node, "learning_rate.base_batch_size", s->rule.base_batch_size));
    return check_rate(s);
}

/* ---- budget, target, the rest ---- */

static ls_status read_budget(const ls_config *node, ls_sweep *s)
{
    const ls_config *value;
    int64_t count;

    s->budget = NAN;
    if (ls_config_is_null(node))
        return LS_OK;
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "budget"));
    LS_TRY(ls_config_check_keys(node, ls_budget_units, 4, "budget"));
    if (node->count != 1)
        return ls_config_fail(node, "budget is one of epochs, updates, samples, seconds, as in {epochs: 10}");
    value = node->first;
    for (int unit = 0; ls_budget_units[unit]; unit++)
        if (strcmp(ls_budget_units[unit], value->key) == 0)
            s->budget_unit = (ls_budget_unit)unit;
    if (s->budget_unit == LS_BUDGET_EPOCHS || s->budget_unit == LS_BUDGET_SECONDS)
        return ls_config_float_open(value, "budget", 0, true, 1e9, false, &s->budget);
    LS_TRY(ls_config_int(value, "budget", 1, INT64_C(1) << 53, &count));
    s->budget = (double)count;
    return LS_OK;
}

static ls_status read_target(const ls_config *root, ls_sweep *s)
{
    const ls_config *target = ls_config_get(root, "target"), *monitor = ls_config_get(root, "monitor");

    if (!ls_config_is_null(monitor))
        LS_TRY(ls_config_text(monitor, "monitor", &s->monitor));
    if (ls_config_is_null(target))
        return LS_OK;
    LS_TRY(ls_config_expect(target, LS_CONFIG_MAP, "target"));
    if (target->count != 1)
        return ls_config_fail(target, "target is one goal, as in {val_accuracy: 0.88}");
    if (strncmp(target->first->key, "test_", 5) == 0)
        return ls_config_fail_key(target->first,
                                  "a target is measured on the validation split, as val_%s: the test split of '%s' is "
                                  "for the end",
                                  target->first->key + 5, target->first->key);
    if (strncmp(target->first->key, "val_", 4) != 0)
        return ls_config_fail_key(target->first,
                                  "a target is measured on the validation split, as val_%s: '%s' is an "
                                  "average over an epoch of changing weights",
                                  target->first->key, target->first->key);
    if (s->monitor && strcmp(s->monitor, target->first->key) != 0)
        return ls_config_fail(monitor, "monitor is '%s', but the target is of '%s': with a target leave monitor away",
                              s->monitor, target->first->key);
    s->monitor = target->first->key;
    s->has_target = true;
    return ls_config_float(target->first, "target", -1e30, 1e30, &s->target);
}

static ls_status read_evaluate(const ls_config *node, ls_sweep *s)
{
    static const char *const keys[] = {"first_samples", "growth"};
    ls_failures all = {0};
    int64_t first = 4096;

    s->growth = 1.1;
    if (!ls_config_is_null(node)) {
        LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "evaluate"));
        LS_GATHER(&all, ls_config_check_keys(node, keys, count_of(keys), "evaluate"));
        if (!s->has_target)
            LS_GATHER(&all, ls_config_fail(node, "evaluate says when to look for the target, and there is no target"));
        if (ls_config_get(node, "first_samples"))
            LS_GATHER(&all, ls_config_int(ls_config_get(node, "first_samples"), "evaluate.first_samples", 1,
                                          INT64_C(1) << 53, &first));
        if (ls_config_get(node, "growth"))
            LS_GATHER(&all, ls_config_float_open(ls_config_get(node, "growth"), "evaluate.growth", 1, false, 10, false,
                                                 &s->growth));
    }
    s->first_samples = (uint64_t)first;
    return ls_failures_end(&all);
}

static ls_status read_rest(const ls_config *root, ls_sweep *s)
{
    const ls_config *name = ls_config_get(root, "name"), *output = ls_config_get(root, "output");
    const ls_config *ranks = ls_config_get(root, "ranks_per_run"), *keep = ls_config_get(root, "keep");
    ls_failures all = {0};
    int64_t count = 0;

    if (!ls_config_is_null(name))
        LS_GATHER(&all, ls_config_text(name, "name", &s->name));
    if (!ls_config_is_null(output))
        LS_GATHER(&all, ls_config_text(output, "output", &s->output));
    if (!ls_config_is_null(ranks))
        LS_GATHER(&all, ls_config_int(ranks, "ranks_per_run", 1, INT32_MAX, &count));
    s->ranks_per_run = (int)count;
    if (keep)
        LS_GATHER(&all, ls_config_bool(keep, "keep", &s->keep));
    return ls_failures_end(&all);
}

/* Every combination must make an experiment, before any of them runs. */
static ls_status check_experiments(const ls_sweep *s)
{
    ls_failures all = {0};

    for (size_t c = 0; c < s->combinations; c++) {
        const ls_trial trial = {
            .combination = c, .seed = s->seed[0], .rate = s->rate == LS_RATE_SEARCHED ? s->search.point[0] : NAN};
        ls_experiment *experiment = NULL;
        double rate;

        LS_GATHER(&all, ls_trial_experiment(s, &trial, 0, &experiment, &rate));
        ls_experiment_free(experiment);
    }
    return ls_failures_end(&all);
}

/* The experiment as it is, where what the sweep makes of it cannot be said. */
static ls_status check_base(const ls_sweep *s)
{
    ls_config *root = ls_config_copy(s->base);
    ls_experiment *experiment = NULL;
    const ls_status st = root ? ls_fit_experiment(root, s->base_file, &experiment) : LS_ERR_MEMORY;

    ls_experiment_free(experiment);
    return st;
}

/* What varies, and over what; these follow from one another. */
static ls_status read_trials(const ls_config *root, ls_sweep *s)
{
    ls_failures all = {0};

    LS_TRY(read_combinations(root, s));
    LS_GATHER(&all, check_varied(s));
    LS_GATHER(&all, check_ranks(s));
    LS_GATHER(&all, read_learning_rate(root, s));
    return ls_failures_end(&all);
}

static ls_status read_sweep(ls_sweep *s)
{
    static const char *const keys[] = {"name",    "base",     "output",        "set",    "grid",
                                       "list",    "seeds",    "learning_rate", "budget", "target",
                                       "monitor", "evaluate", "ranks_per_run", "keep"};
    const ls_config *root = s->root;
    ls_failures all = {0};

    LS_TRY(ls_config_expect(root, LS_CONFIG_MAP, "a sweep"));
    LS_GATHER(&all, ls_config_check_keys(root, keys, count_of(keys), "the sweep"));
    LS_GATHER(&all, ls_sweep_base(root, s->file, &s->base, &s->base_file));
    LS_GATHER(&all, read_budget(ls_config_get(root, "budget"), s));
    LS_GATHER(&all, read_target(root, s));
    LS_GATHER(&all, read_evaluate(ls_config_get(root, "evaluate"), s));
    LS_GATHER(&all, read_rest(root, s));
    LS_GATHER(&all, read_seeds(ls_config_get(root, "seeds"), s));
    LS_GATHER(&all, read_trials(root, s));
    if (all.status == LS_OK)
        LS_GATHER(&all, check_experiments(s));
    else if (s->base)
        LS_GATHER(&all, check_base(s));
    return ls_failures_end(&all);
}

/* Is this the path of an entry of that map? */
static bool lies_in(const char *path, const char *map)
{
    const size_t n = strlen(map);

    return strncmp(path, map, n) == 0 && path[n] == '.';
}

ls_status ls_sweep_set(ls_config *root, const char *assignment)
{
    const size_t steps = lies_in(assignment, "set") || lies_in(assignment, "grid") ? 2
                         : lies_in(assignment, "list")                             ? 3
                                                                                   : SIZE_MAX;

    return ls_yaml_set_steps(root, assignment, steps);
}

ls_status ls_sweep_read(const char *file, const char *const *settings, size_t n, ls_sweep **out)
{
    ls_sweep *s = ls_calloc(1, sizeof *s, "the sweep");
    ls_failures all = {0};
    ls_status st = s ? LS_OK : LS_ERR_MEMORY;

    *out = NULL;
    if (st == LS_OK && !(s->file = ls_strdup(file)))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = ls_yaml_read(file, &s->root);
    if (st == LS_OK && ls_config_get(s->root, "model") && !ls_config_get(s->root, "base"))
        st = ls_config_fail_key(
            ls_config_get(s->root, "model"),
            "'model' makes this an experiment: lockstep train trains it; a sweep names it, base: %s", file);
    for (size_t i = 0; i < n && st == LS_OK; i++)
        ls_failures_add(&all, ls_sweep_set(s->root, settings[i]));
    if (st == LS_OK)
        st = ls_failures_end(&all);
    if (st == LS_OK)
        st = read_sweep(s);
    if (st != LS_OK) {
        ls_sweep_free(s);
        return st;
    }
    *out = s;
    return LS_OK;
}
