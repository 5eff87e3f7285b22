/* Keras's EarlyStopping: ends the training when a value has not improved for `patience` epochs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "run/callbacks/callbacks.h"
#include "run/state.h"

typedef struct early_stopping_config {
    const char *monitor;
    double min_delta, baseline; /* baseline NAN: none */
    int64_t patience, verbose, start_from_epoch;
    int mode;
    bool restore_best_weights;
} early_stopping_config;

typedef struct early_stopping {
    const early_stopping_config *config;
    ls_monitor monitor;
    ls_best best;
    uint64_t wait, best_epoch, stopped_epoch;
    bool has_weights;
    float *weights; /* [model->size] of the best epoch; NULL: not wanted */
} early_stopping;

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    early_stopping_config *const c = config;

    return ls_monitor_parse(args, where, &c->monitor);
}

static ls_status open_early_stopping(void *context, ls_callback_run *run, const ls_config *at)
{
    early_stopping *const e = context;
    const early_stopping_config *c = e->config;

    LS_TRY(ls_monitor_resolve(run, c->monitor, c->mode, c->min_delta, at, &e->monitor));
    if (c->restore_best_weights)
        e->weights = ls_calloc(run->trainer->model->size, sizeof *e->weights, "the best weights of early_stopping");
    return c->restore_best_weights && !e->weights ? LS_ERR_MEMORY : LS_OK;
}

static void close_early_stopping(void *context)
{
    ls_free(((early_stopping *)context)->weights);
}

static void keep_weights(early_stopping *e, const ls_callback_run *run, uint64_t epoch)
{
    const ls_model *model = run->trainer->model;

    if (!e->weights)
        return;
    memcpy(e->weights, model->weights, model->size * sizeof *e->weights);
    e->has_weights = true;
    e->best_epoch = epoch;
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    early_stopping *const e = context;
    const early_stopping_config *c = e->config;
    const double *value = ls_logs_get(logs, c->monitor);
    const ls_best baseline = {.any = !isnan(c->baseline), .value = (float)c->baseline};

    if (!value || epoch < (uint64_t)c->start_from_epoch)
        return LS_OK;
    if (!e->has_weights) /* there is something to go back to, even if nothing ever improves */
        keep_weights(e, run, epoch);
    e->wait++;
    if (ls_monitor_improves(&e->monitor, *value, &e->best)) {
        e->best = (ls_best){.any = true, .value = (float)*value};
        keep_weights(e, run, epoch);
        if (ls_monitor_improves(&e->monitor, *value, &baseline))
            e->wait = 0;
    } else if (e->wait >= (uint64_t)c->patience && epoch > 0) {
        e->stopped_epoch = epoch;
        run->stop_training = true;
    }
    return LS_OK;
}

static ls_status on_train_end(void *context, ls_callback_run *run, ls_logs *logs)
{
    early_stopping *const e = context;

    (void)logs;
    if (e->stopped_epoch > 0 && e->config->verbose)
        ls_callback_say(run, "Epoch %" PRIu64 ": early stopping", e->stopped_epoch + 1);
    if (!e->has_weights)
        return LS_OK;
    if (e->config->verbose)
        ls_callback_say(run, "Restoring model weights from the end of the best epoch: %" PRIu64 ".", e->best_epoch + 1);
    ls_trainer_restore(run->trainer, e->weights);
    return LS_OK;
}

static ls_status pass_state(void *context, ls_callback_run *run, ls_state *state)
{
    early_stopping *const e = context;

    (void)run;
    LS_TRY(ls_best_state(&e->best, state));
    LS_TRY(ls_state_uint(state, "wait", &e->wait));
    LS_TRY(ls_state_uint(state, "stopped_epoch", &e->stopped_epoch));
    if (!e->weights)
        return LS_OK;
    LS_TRY(ls_state_uint(state, "best_epoch", &e->best_epoch));
    LS_TRY(ls_state_flag(state, "has_weights", &e->has_weights));
    return e->has_weights ? ls_state_weights(state, "best_weights", e->weights) : LS_OK;
}

#define FIELD(field) offsetof(early_stopping_config, field)

static const ls_option options[] = {
    {.name = "min_delta", .kind = LS_OPTION_FLOAT, .offset = FIELD(min_delta), .initial = "0.0"},
    {.name = "patience", .kind = LS_OPTION_INT, .offset = FIELD(patience), .initial = "0", .max = 1e9},
    {.name = "verbose", .kind = LS_OPTION_INT, .offset = FIELD(verbose), .initial = "0", .max = 1},
    {.name = "mode", .kind = LS_OPTION_CHOICE, .offset = FIELD(mode), .initial = "auto", .choices = ls_monitor_modes},
    {.name = "baseline", .kind = LS_OPTION_FLOAT, .offset = FIELD(baseline), .initial = "null", .nullable = true},
    {.name = "restore_best_weights", .kind = LS_OPTION_BOOL, .offset = FIELD(restore_best_weights), .initial = "false"},
    {.name = "start_from_epoch", .kind = LS_OPTION_INT, .offset = FIELD(start_from_epoch), .initial = "0", .max = 1e9},
    {.name = NULL},
};

const ls_callback_ops ls_early_stopping = {
    .ops = {.name = "early_stopping",
            .keras_name = "EarlyStopping",
            .options = options,
            .config_bytes = sizeof(early_stopping_config)},
    .texts = (const char *const[]){"monitor", NULL},
    .anew = (const char *const[]){"monitor", "mode", "restore_best_weights", NULL},
    .parse = parse,
    .context_bytes = sizeof(early_stopping),
    .open = open_early_stopping,
    .close = close_early_stopping,
    .hooks = {.on_epoch_end = on_epoch_end, .on_train_end = on_train_end, .state = pass_state},
};
