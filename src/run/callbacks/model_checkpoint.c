/*
 * Keras's ModelCheckpoint: saves the model, or its weights, after epochs or every so many batches. A file that ends in
 * .h5 is a lockstep model, which Keras opens too; .keras and .weights.h5 are Keras's own, with the optimizer's state.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "formats/keras_archive.h"
#include "formats/keras_config.h"
#include "run/callbacks/callbacks.h"
#include "run/callbacks/path_template.h"

typedef struct checkpoint_config {
    const char *filepath, *monitor;
    double initial_value_threshold; /* NAN: none */
    int64_t verbose, save_freq;     /* batches; 0: every epoch */
    int mode;
    bool save_best_only, save_weights_only, names_monitor;
} checkpoint_config;

typedef struct model_checkpoint {
    const checkpoint_config *config;
    ls_monitor monitor;
    ls_best best;
    uint64_t batches; /* since the last save */
} model_checkpoint;

static ls_status parse_filepath(checkpoint_config *c, const ls_config *args, const char *where)
{
    ls_config *node;

    LS_TRY(ls_callback_need(args, "filepath", where, &node));
    LS_TRY(ls_config_text(node, where, &c->filepath));
    if (c->save_weights_only && !ls_keras_names_weights(c->filepath))
        return ls_config_fail(node, "%s: with save_weights_only the filepath must end in .weights.h5, not '%s'", where,
                              c->filepath);
    if (!c->save_weights_only && (ls_keras_check_path(c->filepath) != LS_OK || ls_keras_names_weights(c->filepath)))
        return ls_config_fail(node, "%s: the filepath must end in .keras or .h5, not '%s'%s", where, c->filepath,
                              ls_keras_names_weights(c->filepath) ? "; or add save_weights_only: true" : "");
    return ls_check_not_reserved(c->filepath, node);
}

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    checkpoint_config *const c = config;
    const ls_config *freq = ls_config_get(args, "save_freq");

    c->names_monitor = ls_config_get(args, "monitor") != NULL;
    LS_TRY(ls_monitor_parse(args, where, &c->monitor));
    if (freq && !(freq->kind == LS_CONFIG_SCALAR && strcmp(freq->text, "epoch") == 0) &&
        ls_config_int(freq, where, 1, 1000000000, &c->save_freq) != LS_OK)
        return ls_config_fail(freq, "%s.save_freq must be epoch or a number of batches from 1", where);
    return parse_filepath(c, args, where);
}

/* Can the file's name be made whenever it is needed? Tried with values of no meaning. */
static ls_status check_template(const model_checkpoint *m, const ls_callback_run *run, const ls_config *at)
{
    const bool per_batch = m->config->save_freq > 0;
    const bool always_validated = run->trainer->experiment->fit.validation_freq == 1;
    const ls_path_values values = {.epoch = 1,
                                   .batch = per_batch,
                                   .log = run->known,
                                   .logs = per_batch || !always_validated ? run->train_logs : run->logs};
    ls_text path = {0};
    ls_status st = ls_path_format(m->config->filepath, &values, &path);

    ls_text_reset(&path);
    return st == LS_ERR_CONFIG ? ls_config_fail(at, "%s", ls_error_message()) : st;
}

static ls_status open_checkpoint(void *context, ls_callback_run *run, const ls_config *at)
{
    model_checkpoint *const m = context;
    const checkpoint_config *c = m->config;

    LS_TRY(ls_check_not_reserved_in(run, c->filepath, at));
    if (ls_keras_names_archive(c->filepath) && ls_keras_check_model(run->trainer->model) != LS_OK)
        return ls_config_fail(at, "model_checkpoint: %s", ls_error_message());
    m->best = (ls_best){.any = !isnan(c->initial_value_threshold), .value = (float)c->initial_value_threshold};
    if (c->save_best_only || c->names_monitor)
        LS_TRY(ls_monitor_resolve(run, c->monitor, c->mode, 0, at, &m->monitor));
    if (c->save_best_only && c->save_freq > 0 && strncmp(c->monitor, "val_", 4) == 0)
        return ls_config_fail(at,
                              "model_checkpoint: '%s' is not known before an epoch ends; with save_freq: %" PRId64
                              " monitor a log of training, like loss",
                              c->monitor, c->save_freq);
    return check_template(m, run, at);
}

static ls_status make_directory_of(const char *path)
{
    char *const directory = ls_strdup(path);
    char *const slash = directory ? strrchr(directory, '/') : NULL;
    ls_status st = directory ? LS_OK : LS_ERR_MEMORY;

    if (slash && slash != directory) {
        *slash = '\0';
        st = ls_directory_create(directory);
    }
    ls_free(directory);
    return st;
}

/* Collective. */
static ls_status write_model(ls_callback_run *run, const char *name)
{
    ls_trainer *const t = run->trainer;
    char *path;
    ls_status st;

    if (!run->directory)
        return LS_OK;
    path = ls_callback_path(run, name);
    st = path ? LS_OK : LS_ERR_MEMORY;
    if (st == LS_OK && t->comm->rank == 0)
        st = make_directory_of(path);
    LS_TRY_CLEANUP(ls_agree(t->comm, st));
    st = ls_callback_save_beside(run, path);
cleanup:
    ls_free(path);
    return st;
}

/* As Keras: a value that is not there does not stop the model from being saved. */
static bool should_save(model_checkpoint *m, ls_callback_run *run, uint64_t epoch, const ls_logs *logs,
                        const char *path)
{
    const checkpoint_config *c = m->config;
    const double *value = ls_logs_get(logs, c->monitor);
    char best[40] = "None";

    if (!c->save_best_only || !value) {
        if (c->verbose)
            ls_callback_say(run, "Epoch %" PRIu64 ": saving model to %s", epoch + 1, path);
        return true;
    }
    if (m->best.any)
        ls_format(best, sizeof best, "%.5f", (double)m->best.value);
    if (!ls_monitor_improves(&m->monitor, *value, &m->best)) {
        if (c->verbose)
            ls_callback_say(run, "Epoch %" PRIu64 ": %s did not improve from %s", epoch + 1, c->monitor, best);
        return false;
    }
    if (c->verbose)
        ls_callback_say(run, "Epoch %" PRIu64 ": %s improved from %s to %.5f, saving model to %s", epoch + 1,
                        c->monitor, best, *value, path);
    m->best = (ls_best){.any = true, .value = (float)*value};
    return true;
}

static ls_status save(model_checkpoint *m, ls_callback_run *run, uint64_t batch, const ls_logs *logs)
{
    const uint64_t epoch = run->trainer->epoch;
    const ls_path_values values = {.epoch = epoch + 1, .batch = batch, .log = logs->log, .logs = logs->n};
    ls_text path = {0};
    ls_status st = ls_path_format(m->config->filepath, &values, &path);

    if (st == LS_OK && should_save(m, run, epoch, logs, path.data)) {
        st = write_model(run, path.data);
        if (st == LS_OK && m->config->verbose)
            ls_callback_say(run, "Epoch %" PRIu64 ": finished saving model to %s", epoch + 1, path.data);
    }
    ls_text_reset(&path);
    return st;
}

static ls_status on_train_batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    model_checkpoint *const m = context;

    if (!m->config->save_freq || ++m->batches < (uint64_t)m->config->save_freq)
        return LS_OK;
    m->batches = 0;
    return save(m, run, batch + 1, logs);
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    model_checkpoint *const m = context;

    (void)epoch;
    return !m->config->save_freq ? save(m, run, 0, logs) : LS_OK;
}

static ls_status pass_state(void *context, ls_callback_run *run, ls_state *state)
{
    model_checkpoint *const m = context;

    (void)run;
    LS_TRY(ls_best_state(&m->best, state));
    return ls_state_uint(state, "batches", &m->batches);
}

#define FIELD(field) offsetof(checkpoint_config, field)

static const ls_option options[] = {
    {.name = "verbose", .kind = LS_OPTION_INT, .offset = FIELD(verbose), .initial = "0", .max = 1},
    {.name = "save_best_only", .kind = LS_OPTION_BOOL, .offset = FIELD(save_best_only), .initial = "false"},
    {.name = "save_weights_only", .kind = LS_OPTION_BOOL, .offset = FIELD(save_weights_only), .initial = "false"},
    {.name = "mode", .kind = LS_OPTION_CHOICE, .offset = FIELD(mode), .initial = "auto", .choices = ls_monitor_modes},
    {.name = "initial_value_threshold",
     .kind = LS_OPTION_FLOAT,
     .offset = FIELD(initial_value_threshold),
     .initial = "null",
     .nullable = true},
    {.name = NULL},
};

const ls_callback_ops ls_model_checkpoint = {
    .ops = {.name = "model_checkpoint",
            .keras_name = "ModelCheckpoint",
            .options = options,
            .config_bytes = sizeof(checkpoint_config)},
    .texts = (const char *const[]){"filepath", "monitor", "save_freq", NULL},
    .anew = (const char *const[]){"monitor", "mode", "filepath", "initial_value_threshold", NULL},
    .parse = parse,
    .context_bytes = sizeof(model_checkpoint),
    .open = open_checkpoint,
    .hooks = {.on_train_batch_end = on_train_batch_end, .on_epoch_end = on_epoch_end, .state = pass_state},
};
