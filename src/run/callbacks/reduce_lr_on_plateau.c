/* Keras's ReduceLROnPlateau: lowers the learning rate when a value has not improved for `patience` epochs. */
#include <inttypes.h>

#include "run/callbacks/callbacks.h"

typedef struct reduce_lr_config {
    const char *monitor;
    double factor, min_delta, min_lr;
    int64_t patience, verbose, cooldown;
    int mode;
} reduce_lr_config;

typedef struct reduce_lr {
    const reduce_lr_config *config;
    ls_monitor monitor;
    ls_best best;
    uint64_t wait, cooldown; /* cooldown: epochs left of it */
} reduce_lr;

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    return ls_monitor_parse(args, where, &((reduce_lr_config *)config)->monitor);
}

static ls_status open_reduce_lr(void *context, ls_callback_run *run, const ls_config *at)
{
    reduce_lr *const r = context;

    LS_TRY(ls_needs_constant_rate(run, "reduce_lr_on_plateau", at));
    return ls_monitor_resolve(run, r->config->monitor, r->config->mode, r->config->min_delta, at, &r->monitor);
}

static void reduce(reduce_lr *r, ls_callback_run *run, uint64_t epoch)
{
    const reduce_lr_config *c = r->config;
    float *const rate = &run->trainer->updater->learning_rate;
    const double lower = (double)*rate * c->factor;

    if (*rate <= (float)c->min_lr)
        return;
    *rate = (float)(lower > c->min_lr ? lower : c->min_lr);
    if (c->verbose)
        ls_callback_say(run, "Epoch %" PRIu64 ": ReduceLROnPlateau reducing learning rate to %.9g.", epoch + 1,
                        (double)*rate);
    r->cooldown = (uint64_t)c->cooldown;
    r->wait = 0;
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    reduce_lr *const r = context;
    const double *value;

    LS_TRY(ls_logs_put(logs, LS_LOG_LEARNING_RATE, (double)run->trainer->updater->learning_rate));
    if (!(value = ls_logs_get(logs, r->config->monitor)))
        return LS_OK;
    if (r->cooldown > 0) {
        r->cooldown--;
        r->wait = 0;
    }
    if (ls_monitor_improves(&r->monitor, *value, &r->best)) {
        r->best = (ls_best){.any = true, .value = (float)*value};
        r->wait = 0;
    } else if (r->cooldown == 0 && ++r->wait >= (uint64_t)r->config->patience) {
        reduce(r, run, epoch);
    }
    return LS_OK;
}

static ls_status pass_state(void *context, ls_callback_run *run, ls_state *state)
{
    reduce_lr *const r = context;

    (void)run;
    LS_TRY(ls_best_state(&r->best, state));
    LS_TRY(ls_state_uint(state, "wait", &r->wait));
    return ls_state_uint(state, "cooldown", &r->cooldown);
}

#define FIELD(field) offsetof(reduce_lr_config, field)

static const ls_option options[] = {
    {.name = "factor", .kind = LS_OPTION_FLOAT, .offset = FIELD(factor), .initial = "0.1", .max = 1, .open_max = true},
    {.name = "patience", .kind = LS_OPTION_INT, .offset = FIELD(patience), .initial = "10", .max = 1e9},
    {.name = "verbose", .kind = LS_OPTION_INT, .offset = FIELD(verbose), .initial = "0", .max = 1},
    {.name = "mode", .kind = LS_OPTION_CHOICE, .offset = FIELD(mode), .initial = "auto", .choices = ls_monitor_modes},
    {.name = "min_delta", .kind = LS_OPTION_FLOAT, .offset = FIELD(min_delta), .initial = "0.0001"},
    {.name = "cooldown", .kind = LS_OPTION_INT, .offset = FIELD(cooldown), .initial = "0", .max = 1e9},
    {.name = "min_lr", .kind = LS_OPTION_FLOAT, .offset = FIELD(min_lr), .initial = "0.0", .max = 1e30},
    {.name = NULL},
};

const ls_callback_ops ls_reduce_lr_on_plateau = {
    .ops = {.name = "reduce_lr_on_plateau",
            .keras_name = "ReduceLROnPlateau",
            .options = options,
            .config_bytes = sizeof(reduce_lr_config)},
    .texts = (const char *const[]){"monitor", NULL},
    .anew = (const char *const[]){"monitor", "mode", NULL},
    .parse = parse,
    .context_bytes = sizeof(reduce_lr),
    .open = open_reduce_lr,
    .hooks = {.on_epoch_end = on_epoch_end, .state = pass_state, .adds = ls_adds_learning_rate},
};
