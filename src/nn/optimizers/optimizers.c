/* The registry of optimizers, and reading one: its own options and the common ones stand in one map. */
#include "nn/optimizers/optimizers.h"

#include <stdio.h>

#include "base/failures.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_OPTIMIZER_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"adafactor",
     "it keeps means over rows and columns of a matrix, and ranks keep pieces of the state that cut through "
     "both"},
    {"muon", "it makes whole matrices orthogonal, and ranks keep pieces of the state that cut through them"},
    {"loss_scale_optimizer", "it is for numbers of 16 bits, and lockstep has float32 only"},
    {"multi_optimizer", "it gives layers optimizers of their own, and lockstep has one for all"},
    /* not Keras's, but asked for */
    {"radam", "what it is for, adam does with a warm-up: {adam: {learning_rate: {cosine_decay: {warmup_steps: ...}}}}"},
    {"adabelief", "Keras has none either; nearest to it are adam and nadam"},
    {"lookahead", "Keras has none either; nearest to it is schedule_free_adamw, or use_ema: true of any optimizer"},
    {NULL, NULL},
};

const ls_registry ls_optimizers = {.what = "optimizer", .entries = entries, .lacking = lacking};

/* ---- what every optimizer takes ---- */

#define COMMON(field) .name = #field, .offset = offsetof(ls_optimizer_common, field)
#define COMMON_LIMIT(field) /* none, or a bound above 0 */                                                            \
    {                                                                                                                 \
        COMMON(field), .kind = LS_OPTION_FLOAT, .initial = "null", .nullable = true, .open_min = true, .max = FLT_MAX \
    }

const ls_option ls_optimizer_common_options[] = {
    {COMMON(weight_decay), .kind = LS_OPTION_FLOAT, .initial = "null", .nullable = true, .max = FLT_MAX},
    COMMON_LIMIT(clipnorm),
    COMMON_LIMIT(clipvalue),
    COMMON_LIMIT(global_clipnorm),
    {COMMON(use_ema), .kind = LS_OPTION_BOOL, .initial = "false"},
    {COMMON(ema_momentum), .kind = LS_OPTION_FLOAT, .initial = "0.99", .max = 1.0},
    {COMMON(ema_overwrite_frequency), .kind = LS_OPTION_INT, .initial = "null", .nullable = true, .min = 1.0},
    {COMMON(gradient_accumulation_steps), .kind = LS_OPTION_INT, .initial = "null", .nullable = true, .min = 2.0},
    {.name = NULL},
};

static ls_status check_common(const void *config, const ls_config *at)
{
    const ls_optimizer_common *const c = config;

    if (!isnan(c->clipnorm) + !isnan(c->clipvalue) + !isnan(c->global_clipnorm) > 1)
        return ls_config_fail(at, "at most one of clipnorm, clipvalue and global_clipnorm can be given");
    return LS_OK;
}

static const ls_ops common_ops = {
    .name = "optimizer",
    .options = ls_optimizer_common_options,
    .config_bytes = sizeof(ls_optimizer_common),
    .check = check_common,
};

/* ---- reading ---- */

#define NAMES_MAX 32
#define WHERE_BYTES 256

/* Names of the options of a table behind "learning_rate": what the reader of the other table leaves alone. */
static void list_names(const ls_option *option, const char *names[NAMES_MAX])
{
    size_t n = 0;

    names[n++] = "learning_rate";
    for (; option && option->name && n < NAMES_MAX - 1; option++)
        names[n++] = option->name;
    names[n] = NULL;
}

static ls_status parse_learning_rate(const ls_config *node, const char *where, double initial, ls_optimizer_common *out)
{
    double rate = initial;

    if (node && !ls_config_is_null(node) && node->kind != LS_CONFIG_SCALAR)
        return ls_component_parse(&ls_schedules, node, where, &out->learning_rate_schedule);
    if (node)
        LS_TRY(ls_config_float(node, where, 0.0, FLT_MAX, &rate));
    out->learning_rate = (double)(float)rate;
    return LS_OK;
}

/* The name in "adam", {adam: {…}} or Keras's {class_name: Adam, config: {…}}; NULL for anything else. */
static const char *chosen_name(const ls_config *node, const ls_config **args)
{
    const ls_config *const class_name = ls_config_get(node, "class_name");

    *args = NULL;
    if (class_name) {
        *args = ls_config_get(node, "config");
        return class_name->text;
    }
    if (node->kind == LS_CONFIG_SCALAR)
        return node->text;
    if (node->kind == LS_CONFIG_MAP && node->count == 1) {
        *args = node->first;
        return node->first->key;
    }
    return NULL;
}

ls_status ls_optimizer_parse(const ls_config *node, const char *where, ls_optimizer *out)
{
    const char *name, *extra[NAMES_MAX];
    char place[WHERE_BYTES], rate_place[WHERE_BYTES + 16];
    const ls_config *args;
    const ls_optimizer_ops *ops;
    ls_component common = {0};
    ls_optimizer made = {0};
    ls_failures all = {0};
    ls_status st;

    *out = (ls_optimizer){0};
    if (ls_config_is_null(node))
        return ls_config_fail(node, "%s must name an optimizer: \"rmsprop\", for example", where);
    name = chosen_name(node, &args);
    ops = name ? (const ls_optimizer_ops *)ls_registry_find(&ls_optimizers, name) : NULL;
    if (!ops) /* fails, and says why */
        return ls_component_parse(&ls_optimizers, node, where, &made.own);
    snprintf(place, sizeof place, "%s.%s", where, name);
    snprintf(rate_place, sizeof rate_place, "%s.learning_rate", place);

    list_names(ls_optimizer_common_options, extra);
    ls_failures_add(&all, ls_component_parse_args(&ops->ops, args, place, extra, &made.own));
    ls_failures_add(&all, ls_component_parse_args(&common_ops, args, place, ls_any_key, &common));
    if (common.config)
        made.common = *(const ls_optimizer_common *)common.config;
    if (!ls_config_get(args, "weight_decay"))
        made.common.weight_decay = ops->weight_decay;
    ls_failures_add(
        &all, parse_learning_rate(ls_config_get(args, "learning_rate"), rate_place, ops->learning_rate, &made.common));
    LS_TRY_CLEANUP(ls_failures_end(&all));
    *out = made;
    made = (ls_optimizer){0};
cleanup:
    ls_component_reset(&common);
    ls_optimizer_reset(&made);
    return st;
}

void ls_optimizer_reset(ls_optimizer *optimizer)
{
    ls_component_reset(&optimizer->own);
    ls_component_reset(&optimizer->common.learning_rate_schedule);
    *optimizer = (ls_optimizer){0};
}

const ls_optimizer_ops *ls_optimizer_ops_of(const ls_optimizer *optimizer)
{
    return (const ls_optimizer_ops *)optimizer->own.ops;
}
