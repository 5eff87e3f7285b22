#include "experiment/fit_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/failures.h"
#include "base/locale.h"
#include "base/memory.h"
#include "base/options.h"
#include "data/sampler.h"

typedef struct fit_config {
    int64_t initial_epoch, epochs, batch_size, steps_per_epoch, validation_freq, validation_batch_size,
        validation_steps;
    int64_t checkpoint_every, checkpoint_keep;
    double validation_split;
} fit_config;

static const ls_option fit_options[] = {
    {.name = "epochs",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, epochs),
     .initial = "1",
     .min = 1,
     .max = 1e9},
    {.name = "initial_epoch",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, initial_epoch),
     .initial = "0",
     .min = 0,
     .max = 1e9},
    {.name = "batch_size",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, batch_size),
     .initial = "32",
     .min = 1,
     .max = 1e9},
    {.name = "steps_per_epoch",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, steps_per_epoch),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 1e15},
    {.name = "validation_split",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(fit_config, validation_split),
     .initial = "0.0",
     .min = 0,
     .max = 1,
     .open_max = true},
    {.name = "validation_freq",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, validation_freq),
     .initial = "1",
     .min = 1,
     .max = 1e9},
    {.name = "validation_batch_size",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, validation_batch_size),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 1e9},
    {.name = "validation_steps",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, validation_steps),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 1e15},
    {.name = "checkpoint_every",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, checkpoint_every),
     .initial = "0",
     .min = 0,
     .max = 1e15},
    {.name = "checkpoint_keep",
     .kind = LS_OPTION_INT,
     .offset = offsetof(fit_config, checkpoint_keep),
     .initial = "1",
     .min = 1,
     .max = 1e6},
    {.name = NULL},
};

const ls_ops ls_fit_ops = {.name = "fit", .options = fit_options, .config_bytes = sizeof(fit_config)};

static ls_status read_class(const ls_config *node, ls_class_weight *out)
{
    char *end;
    double weight;

    out->label = strtoll(node->key, &end, 10);
    if (end == node->key || *end)
        return ls_config_fail_key(node, "fit.class_weight goes by class numbers, like {0: 1.0, 1: 2.5}, not '%s'",
                                  node->key);
    LS_TRY(ls_config_float(node, "fit.class_weight", 0, 1e30, &weight));
    out->weight = (float)weight;
    return LS_OK;
}

/* {0: 1.0, 1: 2.5}, or balanced */
static ls_status read_class_weight(const ls_config *node, ls_fit_options *fit)
{
    ls_failures all = {0};

    if (ls_config_is_null(node))
        return LS_OK;
    if (node->kind == LS_CONFIG_SCALAR) {
        fit->balanced = strcmp(node->text, "balanced") == 0;
        return fit->balanced ? LS_OK
                             : ls_config_fail(node,
                                              "fit.class_weight is a map of classes, like {0: 1.0, 1: 2.5}, or "
                                              "'balanced', not '%s'",
                                              node->text);
    }
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "fit.class_weight"));
    if (!(fit->class_weight = ls_calloc(node->count, sizeof *fit->class_weight, "fit.class_weight")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = node->first; c; c = c->next)
        LS_GATHER(&all, read_class(c, &fit->class_weight[fit->class_weights++]));
    return ls_failures_end(&all);
}

const char *const ls_fit_extra_keys[] = {
    "microbatch", "validation_data", "class_weight", "noise_scale", "shuffle", "checkpoint_seconds", NULL};

bool ls_fit_is_key(const char *key)
{
    for (const ls_option *o = fit_options; o->name; o++)
        if (strcmp(o->name, key) == 0)
            return true;
    for (const char *const *extra = ls_fit_extra_keys; *extra; extra++)
        if (strcmp(*extra, key) == 0)
            return true;
    return false;
}

#define NOISE_SCALE_DECAY 0.99

/* true, or {decay: 0.99} */
static ls_status read_noise_scale(const ls_config *node, ls_fit_options *fit)
{
    static const char *const keys[] = {"decay"};
    bool wanted = false;

    if (ls_config_is_null(node))
        return LS_OK;
    if (node->kind != LS_CONFIG_MAP) {
        LS_TRY(ls_config_bool(node, "fit.noise_scale", &wanted));
        fit->noise_scale_decay = wanted ? NOISE_SCALE_DECAY : 0;
        return LS_OK;
    }
    LS_TRY(ls_config_check_keys(node, keys, 1, "fit.noise_scale"));
    fit->noise_scale_decay = NOISE_SCALE_DECAY;
    if (ls_config_is_null(ls_config_get(node, "decay")))
        return LS_OK;
    return ls_config_float_open(ls_config_get(node, "decay"), "fit.noise_scale.decay", 0, true, 1, true,
                                &fit->noise_scale_decay);
}

static ls_status check_epochs(const ls_config *node, const ls_fit_options *fit)
{
    if (fit->initial_epoch >= fit->epochs)
        return ls_config_fail(
            ls_config_get(node, "initial_epoch"),
            "fit.initial_epoch: %lld leaves nothing to train, for fit.epochs is the number of the last "
            "epoch, %lld, and not a count",
            (long long)fit->initial_epoch, (long long)fit->epochs);
    /* Keras would take ceil(N / steps) for it; here no setting depends on the data. */
    if (fit->steps_per_epoch && ls_config_is_null(ls_config_get(node, "batch_size")))
        return ls_config_fail(ls_config_get(node, "steps_per_epoch"),
                              "fit.steps_per_epoch needs fit.batch_size beside it");
    return LS_OK;
}

/* true, false, or {window: CHUNKS, chunk: ROWS}: in windows of chunks, for data larger than memory. */
static ls_status read_shuffle(const ls_config *node, ls_fit_options *fit)
{
    static const char *const keys[] = {"window", "chunk"};
    ls_config *window;

    if (ls_config_is_null(node))
        return LS_OK;
    if (node->kind != LS_CONFIG_MAP)
        return ls_config_bool(node, "fit.shuffle", &fit->shuffle);
    LS_TRY(ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], "fit.shuffle"));
    LS_TRY(ls_config_need(node, "window", "fit.shuffle", &window));
    LS_TRY(ls_config_int(window, "fit.shuffle.window", 1, (int64_t)1 << 40, &fit->window));
    if (!ls_config_is_null(ls_config_get(node, "chunk")))
        LS_TRY(ls_config_int(ls_config_get(node, "chunk"), "fit.shuffle.chunk", 1, (int64_t)1 << 40, &fit->chunk));
    return LS_OK;
}

static bool is_auto(const ls_config *node)
{
    return ls_config_is_null(node) || (node->kind == LS_CONFIG_SCALAR && strcmp(node->text, "auto") == 0);
}

static ls_status read_microbatch(const ls_config *node, ls_fit_options *fit)
{
    if (is_auto(node))
        return LS_OK;
    LS_TRY(ls_config_int(node, "fit.microbatch", 1, 1000000000, &fit->microbatch));
    if (fit->microbatch > fit->batch_size)
        fit->microbatch = fit->batch_size;
    return LS_OK;
}

static ls_fit_options options_of(const fit_config *config)
{
    return (ls_fit_options){
        .initial_epoch = config->initial_epoch,
        .epochs = config->epochs,
        .batch_size = config->batch_size,
        .steps_per_epoch = config->steps_per_epoch,
        .microbatch = (int64_t)ls_microbatch_auto((uint64_t)config->batch_size),
        .shuffle = true,
        .validation_freq = config->validation_freq,
        .validation_batch_size = config->validation_batch_size ? config->validation_batch_size : config->batch_size,
        .validation_steps = config->validation_steps,
        .validation_split = config->validation_split,
        .checkpoint_every = config->checkpoint_every,
        .checkpoint_keep = config->checkpoint_keep,
        .checkpoint_seconds = LS_CHECKPOINT_AUTO,
    };
}

ls_status ls_fit_options_read(const ls_config *node, ls_fit_options *out)
{
    const ls_config *seconds = ls_config_get(node, "checkpoint_seconds");
    ls_component component = {0};
    ls_failures all = {0};

    if (!ls_config_is_null(node))
        LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "fit"));
    ls_failures_add(&all, ls_component_parse_args(&ls_fit_ops, node, "fit", ls_fit_extra_keys, &component));
    if (component.config) {
        *out = options_of(component.config);
        ls_failures_add(&all, check_epochs(node, out));
    }
    ls_component_reset(&component);
    if (!is_auto(seconds))
        LS_GATHER(&all, ls_config_float(seconds, "fit.checkpoint_seconds", 0, 1e9, &out->checkpoint_seconds));
    LS_GATHER(&all, read_microbatch(ls_config_get(node, "microbatch"), out));
    LS_GATHER(&all, read_noise_scale(ls_config_get(node, "noise_scale"), out));
    LS_GATHER(&all, read_shuffle(ls_config_get(node, "shuffle"), out));
    LS_GATHER(&all, read_class_weight(ls_config_get(node, "class_weight"), out));
    LS_GATHER(&all, ls_config_copy_text(ls_config_get(node, "validation_data"), "fit.validation_data",
                                        &out->validation_data));
    return ls_failures_end(&all);
}

void ls_fit_options_reset(ls_fit_options *options)
{
    ls_free(options->validation_data);
    ls_free(options->class_weight);
    *options = (ls_fit_options){0};
}
