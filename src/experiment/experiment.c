#include "experiment/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "comm/reducer.h"
#include "data/sampler.h"
#include "experiment/model_file.h"
#include "formats/yaml.h"

/* --- fit and distributed ----------------------------------------------------------------------------------------- */

typedef struct fit_config {
    int64_t initial_epoch, epochs, batch_size, steps_per_epoch, validation_freq, validation_batch_size,
        validation_steps;
    int64_t checkpoint_every, checkpoint_keep;
    double validation_split, checkpoint_seconds;
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
    {.name = "checkpoint_seconds",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(fit_config, checkpoint_seconds),
     .initial = "0.0",
     .min = 0,
     .max = 1e9},
    {.name = NULL},
};

static const ls_ops fit_ops = {.name = "fit", .options = fit_options, .config_bytes = sizeof(fit_config)};

static ls_status copy_text(const ls_config *node, const char *where, char **out)
{
    const char *text;

    if (ls_config_is_null(node))
        return LS_OK;
    LS_TRY(ls_config_text(node, where, &text));
    return (*out = ls_strdup(text)) ? LS_OK : LS_ERR_MEMORY;
}

/* {0: 1.0, 1: 2.5} */
static ls_status read_class_weight(const ls_config *node, ls_fit_options *fit)
{
    if (ls_config_is_null(node))
        return LS_OK;
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "fit.class_weight"));
    if (!(fit->class_weight = ls_calloc(node->count, sizeof *fit->class_weight, "fit.class_weight")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = node->first; c; c = c->next) {
        ls_class_weight *entry = &fit->class_weight[fit->class_weights++];
        char *end;
        double weight;

        entry->label = strtoll(c->key, &end, 10);
        if (end == c->key || *end)
            return ls_config_fail_key(c, "fit.class_weight goes by class numbers, like {0: 1.0, 1: 2.5}, not '%s'",
                                      c->key);
        LS_TRY(ls_config_float(c, "fit.class_weight", 0, 1e30, &weight));
        entry->weight = (float)weight;
    }
    return LS_OK;
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

static ls_status read_fit(const ls_config *node, ls_experiment *e)
{
    static const char *const extra[] = {"microbatch",  "validation_data", "class_weight",
                                        "noise_scale", "shuffle",         NULL};
    const ls_config *microbatch = ls_config_get(node, "microbatch");
    ls_component component = {0};
    const fit_config *config;
    ls_status st = LS_OK;

    LS_TRY_CLEANUP(ls_component_parse_args(&fit_ops, node, "fit", extra, &component));
    config = component.config;
    e->fit = (ls_fit_options){
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
        .checkpoint_seconds = config->checkpoint_seconds,
    };
    LS_TRY_CLEANUP(check_epochs(node, &e->fit));
    if (!ls_config_is_null(microbatch) &&
        !(microbatch->kind == LS_CONFIG_SCALAR && strcmp(microbatch->text, "auto") == 0)) {
        LS_TRY_CLEANUP(ls_config_int(microbatch, "fit.microbatch", 1, 1000000000, &e->fit.microbatch));
        if (e->fit.microbatch > e->fit.batch_size)
            e->fit.microbatch = e->fit.batch_size;
    }
    LS_TRY_CLEANUP(read_noise_scale(ls_config_get(node, "noise_scale"), &e->fit));
    LS_TRY_CLEANUP(read_shuffle(ls_config_get(node, "shuffle"), &e->fit));
    LS_TRY_CLEANUP(read_class_weight(ls_config_get(node, "class_weight"), &e->fit));
    LS_TRY_CLEANUP(copy_text(ls_config_get(node, "validation_data"), "fit.validation_data", &e->fit.validation_data));
    if (e->fit.validation_data && !ls_experiment_split(e, e->fit.validation_data)) {
        const ls_config *at = ls_config_get(node, "validation_data");
        const char *known[64];
        size_t n = 0;
        const char *nearest;

        for (size_t i = 0; i < e->splits && n < 64; i++)
            known[n++] = e->split[i].name;
        nearest = ls_nearest_name(e->fit.validation_data, known, n);
        st = ls_config_fail(at, "fit.validation_data names no split of data: '%s'%s%s%s", e->fit.validation_data,
                            nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
cleanup:
    ls_component_reset(&component);
    return st;
}

typedef struct distributed_config {
    int arithmetic, reduction, grid, allreduce;
    int64_t bucket_kib, segment_kib;
    double timeout_s;
} distributed_config;

const char *const ls_reduction_names[] = {"exact", "fast", NULL};
const char *const ls_grid_names[] = {"carried", "static", NULL};

static const ls_option distributed_options[] = {
    {.name = "arithmetic",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, arithmetic),
     .initial = "portable",
     .choices = ls_arithmetic_names},
    {.name = "reduction",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, reduction),
     .initial = "exact",
     .choices = ls_reduction_names},
    {.name = "grid",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, grid),
     .initial = "carried",
     .choices = ls_grid_names},
    {.name = "allreduce",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, allreduce),
     .initial = "auto",
     .choices = ls_reducer_names},
    {.name = "bucket_kib",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, bucket_kib),
     .initial = "4096",
     .min = 1,
     .max = 1 << 20},
    {.name = "segment_kib",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, segment_kib),
     .initial = "256",
     .min = 1,
     .max = 1 << 20},
    {.name = "timeout",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(distributed_config, timeout_s),
     .initial = "600.0",
     .min = 0,
     .max = 1e9},
    {.name = NULL},
};

static const ls_ops distributed_ops = {
    .name = "distributed", .options = distributed_options, .config_bytes = sizeof(distributed_config)};

static ls_status read_blas_kernel(const ls_config *node, ls_distributed_options *out)
{
    const ls_config *kernel = ls_config_get(node, "blas_kernel");

    if (!ls_config_is_null(kernel) && out->arithmetic != LS_ARITHMETIC_OPENBLAS)
        return ls_config_fail(kernel, "distributed.blas_kernel is for distributed.arithmetic: openblas; the portable "
                                      "arithmetic has the same bits with any, so leave it out, or set that, too");
    return copy_text(kernel, "distributed.blas_kernel", &out->blas_kernel);
}

static ls_status read_distributed(const ls_config *node, ls_experiment *e)
{
    static const char *const extra[] = {"blas_kernel", NULL};
    ls_component component = {0};
    const distributed_config *config;
    ls_status st = LS_OK;

    LS_TRY_CLEANUP(ls_component_parse_args(&distributed_ops, node, "distributed", extra, &component));
    config = component.config;
    e->distributed = (ls_distributed_options){
        .arithmetic = config->arithmetic,
        .reduction = config->reduction,
        .grid = config->grid,
        .bucket_kib = config->bucket_kib,
        .segment_kib = config->segment_kib,
        .timeout_s = config->timeout_s,
    };
    if (!(e->distributed.allreduce = ls_strdup(ls_reducer_names[config->allreduce])))
        st = LS_ERR_MEMORY;
    else
        st = read_blas_kernel(node, &e->distributed);
cleanup:
    ls_component_reset(&component);
    return st;
}

/* --- data -------------------------------------------------------------------------------------------------------- */

static ls_status read_array(const ls_experiment *e, const ls_config *node, const char *file, const char *where,
                            ls_array_spec *out)
{
    static const char *const keys[] = {"path", "file", "one_hot", "scale", "offset", "channels_first"};
    const ls_config *path = node, *own_file = NULL;
    const char *text;

    *out = (ls_array_spec){.scale = NAN, .offset = NAN, .at = node};
    if (node->kind == LS_CONFIG_MAP) {
        ls_config *needed;

        LS_TRY(ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], where));
        LS_TRY(ls_config_need(node, "path", where, &needed));
        path = needed;
        own_file = ls_config_get(node, "file");
        if (ls_config_get(node, "one_hot"))
            LS_TRY(ls_config_int(ls_config_get(node, "one_hot"), "one_hot", 2, 1 << 24, &out->one_hot));
        if (ls_config_get(node, "scale"))
            LS_TRY(ls_config_float(ls_config_get(node, "scale"), "scale", -1e30, 1e30, &out->scale));
        if (ls_config_get(node, "offset"))
            LS_TRY(ls_config_float(ls_config_get(node, "offset"), "offset", -1e30, 1e30, &out->offset));
        if (ls_config_get(node, "channels_first"))
            LS_TRY(ls_config_bool(ls_config_get(node, "channels_first"), "channels_first", &out->channels_first));
    }
    LS_TRY(ls_config_text(path, where, &text));
    if (!(out->path = ls_strdup(text)))
        return LS_ERR_MEMORY;
    if (own_file) {
        LS_TRY(ls_config_text(own_file, where, &text));
        out->file = ls_path_beside(e->file, text);
    } else if (file) {
        out->file = ls_strdup(file);
    } else {
        return ls_config_fail(node, "%s: no file is named: add 'file: ...' to data", where);
    }
    return out->file ? LS_OK : LS_ERR_MEMORY;
}

/* A path, an array ({path: ...}), or a map from input or output names to those. */
static ls_status read_arrays(const ls_experiment *e, const ls_config *node, const char *file, const char *where,
                             ls_array_spec **out, size_t *n)
{
    const bool named = node->kind == LS_CONFIG_MAP && !ls_config_get(node, "path");
    const ls_config *c = named ? node->first : node;

    if (named && !node->count)
        return ls_config_fail(node, "%s names no arrays", where);
    if (!(*out = ls_calloc(named ? node->count : 1, sizeof **out, "the arrays of a split")))
        return LS_ERR_MEMORY;
    for (; c; c = named ? c->next : NULL) {
        ls_array_spec *spec = &(*out)[(*n)++];

        LS_TRY(read_array(e, c, file, where, spec));
        if (named && !(spec->name = ls_strdup(c->key)))
            return LS_ERR_MEMORY;
    }
    return LS_OK;
}

static ls_status read_split(const ls_experiment *e, const ls_config *node, const char *file, ls_split_spec *split)
{
    static const char *const keys[] = {"x", "y", "sample_weight", "rows", "file"};
    const ls_config *own_file, *rows, *y, *weight;
    char *path = NULL, where[96];
    ls_config *x;
    ls_status st = LS_OK;

    split->at = node;
    snprintf(where, sizeof where, "data.%.80s", node->key);
    if (!(split->name = ls_strdup(node->key)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, where));
    LS_TRY(ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], where));
    if ((own_file = ls_config_get(node, "file")) != NULL) {
        const char *text;

        LS_TRY(ls_config_text(own_file, where, &text));
        if (!(path = ls_path_beside(e->file, text)))
            return LS_ERR_MEMORY;
        file = path;
    }
    if ((rows = ls_config_get(node, "rows")) != NULL) {
        int64_t value[2] = {0, 0};
        size_t i = 0;

        if (rows->kind != LS_CONFIG_LIST || rows->count != 2) {
            st = ls_config_fail(rows, "%s: rows is a pair, [begin, end)", where);
            goto cleanup;
        }
        for (const ls_config *c = rows->first; c; c = c->next)
            LS_TRY_CLEANUP(ls_config_int(c, "rows", 0, INT64_MAX, &value[i++]));
        if (value[0] >= value[1]) {
            st = ls_config_fail(rows, "%s: rows [%lld, %lld) holds no sample", where, (long long)value[0],
                                (long long)value[1]);
            goto cleanup;
        }
        split->has_rows = true;
        split->rows[0] = (uint64_t)value[0];
        split->rows[1] = (uint64_t)value[1];
    }
    LS_TRY_CLEANUP(ls_config_need(node, "x", where, &x));
    LS_TRY_CLEANUP(read_arrays(e, x, file, where, &split->x, &split->xs));
    if ((y = ls_config_get(node, "y")) != NULL)
        LS_TRY_CLEANUP(read_arrays(e, y, file, where, &split->y, &split->ys));
    if ((weight = ls_config_get(node, "sample_weight")) != NULL)
        LS_TRY_CLEANUP(read_arrays(e, weight, file, where, &split->sample_weight, &split->weights));
cleanup:
    ls_free(path);
    return st;
}

ls_status ls_bytes_parse(const char *text, const char *where, uint64_t *out)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                 {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    char *unit;
    double value = ls_parse_double(text, &unit);

    if (unit == text || !(value > 0))
        return ls_fail(LS_ERR_CONFIG, "%s is a size like 512MB or 1.5GiB, not '%s'", where, text);
    unit += strspn(unit, " ");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            value *= units[i].bytes;
            if (!(value >= 1 && value < 0x1p62))
                return ls_fail(LS_ERR_CONFIG, "%s: '%s' is no size of memory", where, text);
            *out = (uint64_t)value;
            return LS_OK;
        }
    return ls_fail(LS_ERR_CONFIG, "%s: '%s' has no known unit; there are B, KB, MB, GB, TB, KiB, MiB, GiB and TiB",
                   where, text);
}

static ls_status read_memory(const ls_config *node, uint64_t *out)
{
    const char *text;

    LS_TRY(ls_config_text(node, "data.memory", &text));
    return ls_bytes_parse(text, "data.memory", out) == LS_OK ? LS_OK : ls_config_fail(node, "%s", ls_error_message());
}

static ls_status read_data(const ls_config *data, ls_experiment *e)
{
    const ls_config *file_node = ls_config_get(data, "file"), *memory = ls_config_get(data, "memory");
    char *file = NULL;
    ls_status st = LS_OK;

    LS_TRY(ls_config_expect(data, LS_CONFIG_MAP, "data"));
    if (!(e->split = ls_calloc(data->count, sizeof *e->split, "the splits")))
        return LS_ERR_MEMORY;
    if (!ls_config_is_null(memory))
        LS_TRY(read_memory(memory, &e->memory_bytes));
    if (file_node) {
        const char *text;

        LS_TRY(ls_config_text(file_node, "data.file", &text));
        if (!(file = ls_path_beside(e->file, text)))
            return LS_ERR_MEMORY;
    }
    for (const ls_config *c = data->first; c; c = c->next)
        if (c != file_node && c != memory)
            LS_TRY_CLEANUP(read_split(e, c, file, &e->split[e->splits++]));
cleanup:
    ls_free(file);
    return st;
}

const ls_split_spec *ls_experiment_split(const ls_experiment *experiment, const char *name)
{
    for (size_t i = 0; i < experiment->splits; i++)
        if (strcmp(experiment->split[i].name, name) == 0)
            return &experiment->split[i];
    return NULL;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

void ls_array_specs_free(ls_array_spec *spec, size_t n)
{
    for (size_t i = 0; spec && i < n; i++) {
        ls_free(spec[i].name);
        ls_free(spec[i].file);
        ls_free(spec[i].path);
    }
    ls_free(spec);
}

void ls_experiment_free(ls_experiment *e)
{
    if (!e)
        return;
    for (size_t i = 0; e->split && i < e->splits; i++) {
        ls_array_specs_free(e->split[i].x, e->split[i].xs);
        ls_array_specs_free(e->split[i].y, e->split[i].ys);
        ls_array_specs_free(e->split[i].sample_weight, e->split[i].weights);
        ls_free(e->split[i].name);
    }
    ls_free(e->split);
    ls_optimizer_reset(&e->optimizer);
    ls_free(e->fit.validation_data);
    ls_free(e->fit.class_weight);
    ls_free(e->distributed.allreduce);
    ls_free(e->distributed.blas_kernel);
    ls_free(e->file);
    ls_free(e->name);
    ls_keras_refused_reset(&e->refused);
    ls_free(e->initial_weights);
    ls_free(e->output);
    ls_config_free(e->root);
    ls_free(e);
}

static ls_status read_compile(const ls_config *compile, ls_experiment *e)
{
    static const char *const keys[] = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"};
    ls_config *rmsprop;
    ls_status st;

    if (ls_config_is_null(compile))
        compile = NULL;
    if (compile) {
        LS_TRY(ls_config_expect(compile, LS_CONFIG_MAP, "compile"));
        LS_TRY(ls_config_check_keys(compile, keys, sizeof keys / sizeof keys[0], "compile"));
    }
    e->compile = compile;
    if (!ls_config_is_null(ls_config_get(compile, "optimizer")))
        return ls_optimizer_parse(ls_config_get(compile, "optimizer"), "compile.optimizer", &e->optimizer);
    if (!(rmsprop = ls_config_create(LS_CONFIG_SCALAR, "Keras's default")) || !(rmsprop->text = ls_strdup("rmsprop")))
        st = LS_ERR_MEMORY;
    else
        st = ls_optimizer_parse(rmsprop, "compile.optimizer", &e->optimizer);
    ls_config_free(rmsprop);
    return st;
}

/* model: {file: start.keras} is the model of that file, which takes its place in the tree. */
static ls_status read_model_file(ls_experiment *e)
{
    ls_config *model = ls_config_get(e->root, "model"), *from = NULL;
    const ls_config *file = model && model->count == 1 ? ls_config_get(model, "file") : NULL;
    ls_keras_refused refused = {0};
    char *path = NULL;
    const char *text;
    ls_status st;

    if (!file)
        return LS_OK;
    LS_TRY(ls_config_text(file, "model.file", &text));
    if (!(path = ls_path_beside(e->file, text)))
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_model_file_experiment(path, &from, &refused));
    e->of_model_file = true;
    st = ls_config_replace(e->root, model, ls_config_get(from, "model"));
cleanup:
    ls_config_free(from);
    ls_free(path);
    ls_keras_refused_reset(&refused);
    return st;
}

static ls_status read_experiment(ls_experiment *e)
{
    static const char *const keys[] = {"name",    "seed", "initial_weights", "data",        "model",
                                       "compile", "fit",  "callbacks",       "distributed", "output"};
    const ls_config *root = e->root;
    ls_config *model;
    int64_t seed = 0;

    LS_TRY(ls_config_expect(root, LS_CONFIG_MAP, "an experiment"));
    LS_TRY(ls_config_check_keys(root, keys, sizeof keys / sizeof keys[0], "the experiment"));
    if (ls_config_get(root, "seed"))
        LS_TRY(ls_config_int(ls_config_get(root, "seed"), "seed", 0, INT64_MAX, &seed));
    e->seed = (uint64_t)seed;
    LS_TRY(copy_text(ls_config_get(root, "name"), "name", &e->name));
    LS_TRY(copy_text(ls_config_get(root, "output"), "output", &e->output));
    if (!ls_config_is_null(ls_config_get(root, "initial_weights"))) {
        const char *text;

        LS_TRY(ls_config_text(ls_config_get(root, "initial_weights"), "initial_weights", &text));
        if (!(e->initial_weights = ls_path_beside(e->file, text)))
            return LS_ERR_MEMORY;
    }
    if (!ls_config_is_null(ls_config_get(root, "data"))) /* else the calling program brings them, or training fails */
        LS_TRY(read_data(ls_config_get(root, "data"), e));
    LS_TRY(read_model_file(e));
    LS_TRY(ls_config_need(root, "model", "the experiment", &model));
    e->model = model;
    LS_TRY(read_compile(ls_config_get(root, "compile"), e));
    LS_TRY(read_fit(ls_config_get(root, "fit"), e));
    e->callbacks = ls_config_get(root, "callbacks");
    return read_distributed(ls_config_get(root, "distributed"), e);
}

ls_status ls_experiment_create(ls_config *root, const char *file, ls_experiment **out)
{
    ls_experiment *e = ls_calloc(1, sizeof *e, "the experiment");
    ls_status st = LS_OK;

    *out = NULL;
    if (!e) {
        ls_config_free(root);
        return LS_ERR_MEMORY;
    }
    e->root = root;
    if (file && !(e->file = ls_strdup(file)))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = read_experiment(e);
    if (st != LS_OK) {
        ls_experiment_free(e);
        return st;
    }
    *out = e;
    return LS_OK;
}

ls_status ls_experiment_read(const char *file, const char *const *settings, size_t n, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_yaml_read(file, &root));
    for (size_t i = 0; i < n; i++) {
        const ls_status st = ls_yaml_set(root, settings[i]);

        if (st != LS_OK) {
            ls_config_free(root);
            return st;
        }
    }
    return ls_experiment_create(root, file, out);
}

ls_status ls_experiment_parse(const char *text, size_t bytes, const char *name, ls_experiment **out)
{
    ls_config *root;

    *out = NULL;
    LS_TRY(ls_yaml_parse(text, bytes, name, &root));
    return ls_experiment_create(root, name, out);
}

ls_status ls_experiment_of_model(const char *path, ls_experiment **out)
{
    ls_config *root;
    ls_keras_refused refused;
    ls_status st;

    *out = NULL;
    st = ls_model_file_experiment(path, &root, &refused);
    if (st == LS_OK)
        st = ls_experiment_create(root, path, out);
    if (st != LS_OK) {
        ls_keras_refused_reset(&refused);
        return st;
    }
    (*out)->refused = refused;
    (*out)->of_model_file = true;
    return LS_OK;
}

ls_status ls_experiment_with(const ls_experiment *experiment, const char *setting, ls_experiment **out)
{
    ls_config *root = ls_config_copy(experiment->root);
    ls_status st;

    *out = NULL;
    if (!root)
        return LS_ERR_MEMORY;
    if ((st = ls_yaml_set(root, setting)) != LS_OK) {
        ls_config_free(root);
        return st;
    }
    LS_TRY(ls_experiment_create(root, experiment->file, out));
    (*out)->of_model_file |= experiment->of_model_file;
    if ((st = ls_keras_refused_copy(&experiment->refused, &(*out)->refused)) != LS_OK) {
        ls_experiment_free(*out);
        *out = NULL;
    }
    return st;
}

/* A Sequential description that takes its input shape from the data gets it written out. */
static ls_status put_input_shape(ls_config *root, const ls_model *model)
{
    ls_config *list = ls_config_get(root, "model");
    ls_config *fresh, *input, *shape;
    const ls_shape *s = &model->node[model->input[0]].shape;
    ls_status st = LS_OK;

    if (!model->sequential || (list->first && list->first->kind == LS_CONFIG_MAP && list->first->first &&
                               strcmp(list->first->first->key, "input") == 0))
        return LS_OK;
    if (!(fresh = ls_config_create(LS_CONFIG_LIST, "model")))
        return LS_ERR_MEMORY;
    if (!(input = ls_config_add(fresh, NULL, LS_CONFIG_MAP, NULL)) ||
        !(input = ls_config_add(input, "input", LS_CONFIG_MAP, NULL)) ||
        !(shape = ls_config_add(input, "shape", LS_CONFIG_LIST, NULL))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < s->axes; i++) {
        char text[32];

        snprintf(text, sizeof text, "%zu", s->dim[i]);
        if (!ls_config_add(shape, NULL, LS_CONFIG_SCALAR, text)) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
    }
    for (const ls_config *c = list->first; c; c = c->next)
        LS_TRY_CLEANUP(ls_config_put(fresh, NULL, c));
    st = ls_config_put(root, "model", fresh);
cleanup:
    ls_config_free(fresh);
    return st;
}

/* Make one path absolute: the copy of an experiment in its run directory must name the same files. */
static ls_status put_absolute(const ls_experiment *e, ls_config *map, const char *key)
{
    const ls_config *node = ls_config_get(map, key);
    ls_config *fresh;
    char *relative, *absolute;
    ls_status st = LS_ERR_MEMORY;

    if (ls_config_is_null(node) || node->kind != LS_CONFIG_SCALAR)
        return LS_OK;
    if (!(relative = ls_path_beside(e->file, node->text)))
        return LS_ERR_MEMORY;
    absolute = realpath(relative, NULL); /* NULL: no such file; then the path stays as it was written */
    ls_free(relative);
    if (!absolute)
        return LS_OK;
    if ((fresh = ls_config_create(LS_CONFIG_SCALAR, "experiment")) && (fresh->text = ls_strdup(absolute))) {
        fresh->quoted = true;
        st = ls_config_put(map, key, fresh);
    }
    ls_config_free(fresh);
    free(absolute);
    return st;
}

/* `file` wherever it stands below data: in data itself, in splits, in arrays. */
static ls_status put_absolute_files(const ls_experiment *e, ls_config *map)
{
    if (!map || map->kind != LS_CONFIG_MAP)
        return LS_OK;
    LS_TRY(put_absolute(e, map, "file"));
    for (ls_config *c = map->first; c; c = c->next)
        LS_TRY(put_absolute_files(e, c));
    return LS_OK;
}

/* A copy of a map into another one, but for one of its entries. */
static ls_status put_without(ls_config *parent, const ls_config *map, const char *key)
{
    ls_config *copy = ls_config_add(parent, map->key, LS_CONFIG_MAP, NULL);

    if (!copy)
        return LS_ERR_MEMORY;
    for (const ls_config *c = map->first; c; c = c->next)
        if (strcmp(c->key, key) != 0)
            LS_TRY(ls_config_put(copy, c->key, c));
    return LS_OK;
}

ls_status ls_experiment_write(const ls_experiment *experiment, const ls_model *model, bool for_model, ls_text *out)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "experiment");
    ls_status st = LS_OK;

    if (!root)
        return LS_ERR_MEMORY;
    for (const ls_config *c = experiment->root->first; c; c = c->next)
        if (!for_model)
            LS_TRY_CLEANUP(ls_config_put(root, c->key, c));
        else if (strcmp(c->key, "data") == 0)
            LS_TRY_CLEANUP(put_without(root, c, "memory"));
        else if (strcmp(c->key, "output") != 0 && strcmp(c->key, "distributed") != 0)
            LS_TRY_CLEANUP(ls_config_put(root, c->key, c));
    if (model)
        LS_TRY_CLEANUP(put_input_shape(root, model));
    if (!for_model) {
        LS_TRY_CLEANUP(put_absolute(experiment, root, "initial_weights"));
        LS_TRY_CLEANUP(put_absolute_files(experiment, ls_config_get(root, "data")));
    }
    ls_yaml_write(root, out);
    st = out->status;
cleanup:
    ls_config_free(root);
    return st;
}
