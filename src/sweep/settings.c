#include "sweep/settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/sampler.h"
#include "formats/yaml.h"
#include "run/fit.h"
#include "train/epoch_plan.h"

#define EPOCHS_MAX 1000000000 /* as fit.epochs */

ls_status ls_setting_put(ls_config *root, const char *path, const ls_config *value, const ls_config *at)
{
    ls_config *copy = ls_config_copy(value);
    ls_text name = {0};
    ls_status st = LS_ERR_MEMORY;

    if (!copy)
        return st;
    copy->key_line = at->key_line; /* an unknown key is refused where it is written */
    copy->key_column = at->key_column;
    if (at->key_line > 0)
        ls_text_add(&name, "%s:%d:%d: %s", at->file, at->key_line, at->key_column, path);
    else
        ls_text_add(&name, "%s: %s", at->file, path);
    if (name.status == LS_OK)
        st = ls_yaml_put(root, path, copy, name.data);
    ls_text_reset(&name);
    ls_config_free(copy);
    return st;
}

const ls_config *ls_varied(const ls_sweep *sweep, size_t combination, const char *setting)
{
    for (size_t s = 0; s < sweep->settings; s++)
        if (strcmp(sweep->setting[s], setting) == 0)
            return sweep->combination[combination].value[s];
    return NULL;
}

int ls_trial_ranks(const ls_sweep *sweep, size_t combination)
{
    const ls_config *ranks = ls_varied(sweep, combination, "ranks");

    return ranks ? (int)strtol(ranks->text, NULL, 10) : 0; /* it was checked when the sweep was read */
}

/* ---- the learning rate ---- */

/* The name of the optimizer that is chosen there, as the experiment may write it: name, {name: …}, {class_name: name,
 * …}. */
static const char *optimizer_name(const ls_config *node)
{
    const ls_config *class_name = ls_config_get(node, "class_name");

    if (ls_config_is_null(node))
        return "rmsprop"; /* Keras's default */
    if (class_name && class_name->text)
        return class_name->text;
    return node->kind == LS_CONFIG_SCALAR               ? node->text
           : node->kind == LS_CONFIG_MAP && node->first ? node->first->key
                                                        : "";
}

/* The map of the chosen optimizer's arguments, made where there is none. */
static ls_status find_optimizer(ls_config *root, ls_config **out)
{
    ls_config *node = ls_config_get(ls_config_get(root, "compile"), "optimizer"), *fresh;
    ls_status st = LS_ERR_MEMORY;

    if (!ls_config_is_null(node) && node->kind == LS_CONFIG_MAP) {
        *out = ls_config_get(node, "class_name") ? ls_config_get(node, "config") : node->first;
        if (*out && (*out)->kind == LS_CONFIG_MAP)
            return LS_OK;
    }
    if (!(fresh = ls_config_create(LS_CONFIG_MAP, root->file)))
        return LS_ERR_MEMORY;
    if (ls_config_add(fresh, optimizer_name(node), LS_CONFIG_MAP, NULL))
        st = ls_yaml_put(root, "compile.optimizer", fresh, "compile.optimizer");
    ls_config_free(fresh);
    if (st == LS_OK)
        *out = ls_config_get(ls_config_get(root, "compile"), "optimizer")->first;
    return st;
}

static ls_status put_rate(ls_config *root, const ls_config *value)
{
    ls_config *optimizer;

    LS_TRY(find_optimizer(root, &optimizer));
    return ls_config_put(optimizer, "learning_rate", value);
}

static ls_status put_number(ls_config *root, double rate)
{
    ls_config *node = ls_config_create(LS_CONFIG_SCALAR, "the sweep's learning_rate");
    char text[32];
    ls_status st = LS_ERR_MEMORY;

    ls_format_double(rate, text, sizeof text);
    if (node && (node->text = ls_strdup(text)))
        st = put_rate(root, node);
    ls_config_free(node);
    return st;
}

/* A search or a rule takes the place of a constant, not of a schedule, which says more than how large a rate is. */
static ls_status check_constant(ls_config *root)
{
    ls_config *optimizer, *rate;

    LS_TRY(find_optimizer(root, &optimizer));
    rate = ls_config_get(optimizer, "learning_rate");
    if (rate && rate->kind == LS_CONFIG_MAP)
        return ls_config_fail(rate,
                              "the experiment's learning rate follows a schedule, which the learning_rate of a sweep "
                              "would replace: take one of them away");
    return LS_OK;
}

static const ls_config *rule_part(const ls_sweep *sweep, size_t combination, const char *setting,
                                  const ls_config *given)
{
    const ls_config *varied = ls_varied(sweep, combination, setting);

    return varied ? varied : given;
}

static int64_t batch_size_of(const ls_config *root, ls_status *st)
{
    const ls_config *node = ls_config_get(ls_config_get(root, "fit"), "batch_size");
    int64_t batch = 32; /* Keras's default */

    *st = node ? ls_config_int(node, "fit.batch_size", 1, 1000000000, &batch) : LS_OK;
    return batch;
}

/* learning_rate: {batch_scaling: {…}}, or the base rate as it is if the rule is none. */
static ls_status put_rule(const ls_sweep *sweep, size_t combination, uint64_t samples, ls_config *root, double *rate)
{
    static const char *const keys[] = {"base_learning_rate", "base_batch_size", "batch_size", "rule", "warmup_steps"};
    const ls_rate_rule *const given = &sweep->rule;
    const ls_config *const rule = rule_part(sweep, combination, "learning_rate.rule", given->rule);
    const ls_config *const base = rule_part(sweep, combination, "learning_rate.base", given->base);
    const ls_config *const base_batch =
        rule_part(sweep, combination, "learning_rate.base_batch_size", given->base_batch_size);
    const ls_config *const warmup = rule_part(sweep, combination, "learning_rate.warmup_epochs", given->warmup_epochs);
    double base_rate, epochs = 0, k;
    int64_t b0, b;
    const char *name;
    char value[5][32];
    ls_config *schedule = NULL, *args;
    ls_status st;

    LS_TRY(ls_config_float_open(base, "learning_rate.base", 0, true, 1e30, false, &base_rate));
    LS_TRY(ls_config_int(base_batch, "learning_rate.base_batch_size", 1, 1000000000, &b0));
    LS_TRY(ls_config_text(rule, "learning_rate.rule", &name));
    if (warmup)
        LS_TRY(ls_config_float(warmup, "learning_rate.warmup_epochs", 0, 1e9, &epochs));
    if (strcmp(name, "none") != 0 && strcmp(name, "linear") != 0 && strcmp(name, "sqrt") != 0)
        return ls_config_fail(rule, "learning_rate.rule must be none, sqrt or linear, not '%s'", name);
    b = batch_size_of(root, &st);
    LS_TRY(st);
    *rate = base_rate;
    if (strcmp(name, "none") == 0)
        return put_number(root, base_rate);
    k = (double)b / (double)b0;
    *rate = base_rate * (strcmp(name, "linear") == 0 ? k : sqrt(k));
    ls_format_double(base_rate, value[0], sizeof value[0]);
    snprintf(value[1], sizeof value[1], "%" PRId64, b0);
    snprintf(value[2], sizeof value[2], "%" PRId64, b);
    snprintf(value[3], sizeof value[3], "%s", name);
    snprintf(value[4], sizeof value[4], "%.0f",
             samples ? rint(epochs * (double)ls_batches(samples, (uint64_t)b)) : 0.0);
    if (!(schedule = ls_config_create(LS_CONFIG_MAP, "the sweep's learning_rate")))
        return LS_ERR_MEMORY;
    args = ls_config_add(schedule, "batch_scaling", LS_CONFIG_MAP, NULL);
    for (size_t i = 0; i < 5 && args; i++)
        if (!ls_config_add(args, keys[i], LS_CONFIG_SCALAR, value[i]))
            args = NULL;
    st = args ? put_rate(root, schedule) : LS_ERR_MEMORY;
    ls_config_free(schedule);
    return st;
}

/* What the experiment itself says: its constant, or its optimizer's default, or NAN for a schedule. */
static ls_status given_rate(const ls_experiment *e, double *rate)
{
    const ls_config *optimizer = ls_config_get(e->compile, "optimizer"), *node;

    *rate = ls_optimizer_ops_of(&e->optimizer)->learning_rate;
    if (e->optimizer.common.learning_rate_schedule.ops)
        *rate = NAN;
    if (ls_config_get(optimizer, "class_name"))
        optimizer = ls_config_get(optimizer, "config");
    else if (optimizer)
        optimizer = optimizer->first;
    node = ls_config_get(optimizer, "learning_rate");
    if (node && node->kind == LS_CONFIG_SCALAR)
        return ls_config_float(node, "learning_rate", 0, 1e30, rate);
    return LS_OK;
}

static ls_status put_learning_rate(const ls_sweep *sweep, const ls_trial *trial, uint64_t samples, ls_config *root,
                                   double *rate)
{
    const ls_config *varied = ls_varied(sweep, trial->combination, "learning_rate");

    *rate = NAN;
    if (varied)
        return put_rate(root, varied);
    if (sweep->rate == LS_RATE_GIVEN)
        return LS_OK;
    LS_TRY(check_constant(root));
    if (sweep->rate == LS_RATE_RULE)
        return put_rule(sweep, trial->combination, samples, root, rate);
    *rate = trial->rate;
    return put_number(root, trial->rate);
}

/* ---- the experiment ---- */

static ls_status put_count(ls_config *root, const char *path, uint64_t value)
{
    ls_config *node = ls_config_create(LS_CONFIG_SCALAR, "the sweep");
    char text[32];
    ls_status st = LS_ERR_MEMORY;

    snprintf(text, sizeof text, "%" PRIu64, value);
    if (node && (node->text = ls_strdup(text)))
        st = ls_yaml_put(root, path, node, "the sweep");
    ls_config_free(node);
    return st;
}

/* Who trains the trial by itself must say where to: not over what the experiment's own run left. */
static ls_status forget_output(ls_config *root)
{
    ls_config *none = ls_config_get(root, "output") ? ls_config_create(LS_CONFIG_NULL, "the sweep") : NULL;
    const ls_status st = none ? ls_config_put(root, "output", none) : LS_OK;

    ls_config_free(none);
    return st;
}

/* Settings of the sweep's own, which no experiment has. */
static bool is_own_setting(const char *setting)
{
    return strcmp(setting, "ranks") == 0 || strcmp(setting, "learning_rate") == 0 ||
           strncmp(setting, "learning_rate.", 14) == 0;
}

static ls_status build(const ls_sweep *sweep, const ls_trial *trial, uint64_t samples, ls_config *root, double *rate)
{
    const ls_combination *combination = &sweep->combination[trial->combination];

    for (size_t s = 0; s < sweep->settings; s++)
        if (!is_own_setting(sweep->setting[s]))
            LS_TRY(ls_setting_put(root, sweep->setting[s], combination->value[s], combination->at[s]));
    LS_TRY(put_count(root, "seed", trial->seed));
    LS_TRY(forget_output(root));
    return put_learning_rate(sweep, trial, samples, root, rate);
}

/*
 * fit.epochs, for those who train the experiment by itself: the whole budget, rounded up to a pass over the data, which
 * may be several epochs (fit.steps_per_epoch).
 */
static ls_status set_epochs(const ls_sweep *sweep, ls_experiment *e, uint64_t samples)
{
    const uint64_t updates = ls_trial_updates(sweep, e, samples);
    const uint64_t batches = ls_batches(samples, (uint64_t)e->fit.batch_size), passes = ls_batches(updates, batches);
    const uint64_t per_pass =
        ls_batches(batches, ls_epoch_plan_of(&e->fit, samples, (uint64_t)e->fit.initial_epoch).batches);

    if (isnan(sweep->budget))
        return LS_OK;
    e->fit.epochs = EPOCHS_MAX;
    if (passes < EPOCHS_MAX / per_pass - (uint64_t)e->fit.initial_epoch)
        e->fit.epochs = e->fit.initial_epoch + (int64_t)(passes * per_pass);
    return put_count(e->root, "fit.epochs", (uint64_t)e->fit.epochs);
}

ls_status ls_trial_experiment(const ls_sweep *sweep, const ls_trial *trial, uint64_t samples, ls_experiment **out,
                              double *learning_rate)
{
    ls_config *root = ls_config_copy(sweep->base);
    ls_status st = root ? build(sweep, trial, samples, root, learning_rate) : LS_ERR_MEMORY;

    *out = NULL;
    if (st != LS_OK) {
        ls_config_free(root);
        return st;
    }
    LS_TRY(ls_fit_experiment(root, sweep->base_file, out));
    if (sweep->rate == LS_RATE_GIVEN)
        st = given_rate(*out, learning_rate);
    if (st == LS_OK && samples)
        st = set_epochs(sweep, *out, samples);
    if (st != LS_OK) {
        ls_experiment_free(*out);
        *out = NULL;
    }
    return st;
}

uint64_t ls_updates_for(uint64_t seen, uint64_t batch_size, uint64_t samples)
{
    return seen / samples * ls_batches(samples, batch_size) + ls_batches(seen % samples, batch_size);
}

uint64_t ls_trial_updates(const ls_sweep *sweep, const ls_experiment *experiment, uint64_t samples)
{
    const uint64_t batch = (uint64_t)experiment->fit.batch_size, batches = ls_batches(samples, batch);

    if (isnan(sweep->budget))
        return ls_epoch_plan_of(&experiment->fit, samples, (uint64_t)experiment->fit.epochs).before;
    switch (sweep->budget_unit) {
    case LS_BUDGET_EPOCHS:
        return (uint64_t)ceil(sweep->budget * (double)batches);
    case LS_BUDGET_UPDATES:
        return (uint64_t)sweep->budget;
    case LS_BUDGET_SAMPLES:
        return ls_updates_for((uint64_t)sweep->budget, batch, samples);
    case LS_BUDGET_SECONDS:
        break;
    }
    return UINT64_MAX;
}
