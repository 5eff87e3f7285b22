/*
 * Keras's LearningRateScheduler: sets the learning rate at the start of every epoch, from a table of the epochs (from
 * 0) at which it changes, {0: 0.1, 10: 0.01}, or from a named schedule that counts epochs where an optimizer's counts
 * updates. Before the first epoch of a table the rate stays as it is.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/locale.h"
#include "base/memory.h"
#include "nn/optimizer.h"
#include "run/callbacks/callbacks.h"

typedef struct scheduler_config {
    int64_t verbose;
    ls_component schedule; /* ops NULL: the table */
    uint64_t *epoch;       /* [entries] rising */
    double *rate;          /* [entries] */
    size_t entries;
} scheduler_config;

typedef struct scheduler {
    const scheduler_config *config;
} scheduler;

static bool is_number(const char *text)
{
    char *end;

    ls_parse_double(text, &end);
    return end != text && !*end;
}

static ls_status parse_table(scheduler_config *c, const ls_config *table, const char *where)
{
    c->epoch = ls_calloc(table->count, sizeof *c->epoch, "the table of learning rates");
    c->rate = ls_calloc(table->count, sizeof *c->rate, "the table of learning rates");
    if (!c->epoch || !c->rate)
        return LS_ERR_MEMORY;
    for (const ls_config *entry = table->first; entry; entry = entry->next) {
        char *end;
        const long long epoch = strtoll(entry->key, &end, 10);

        if (end == entry->key || *end || epoch < 0)
            return ls_config_fail_key(entry, "%s.schedule goes by epochs from 0, like {0: 0.1, 10: 0.01}, not '%.80s'",
                                      where, entry->key);
        if (c->entries && (uint64_t)epoch <= c->epoch[c->entries - 1])
            return ls_config_fail_key(entry, "%s.schedule: epochs must rise, but %lld comes after %" PRIu64, where,
                                      epoch, c->epoch[c->entries - 1]);
        c->epoch[c->entries] = (uint64_t)epoch;
        LS_TRY(ls_config_float(entry, where, 0, 1e30, &c->rate[c->entries]));
        c->entries++;
    }
    return LS_OK;
}

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    scheduler_config *const c = config;
    ls_config *schedule;

    LS_TRY(ls_callback_need(args, "schedule", where, &schedule));
    if (schedule->kind == LS_CONFIG_MAP && schedule->first && is_number(schedule->first->key))
        return parse_table(c, schedule, where);
    return ls_component_parse(&ls_schedules, schedule, where, &c->schedule);
}

static void reset(void *config)
{
    scheduler_config *const c = config;

    ls_component_reset(&c->schedule);
    ls_free(c->epoch);
    ls_free(c->rate);
}

static ls_status open_scheduler(void *context, ls_callback_run *run, const ls_config *at)
{
    (void)context;
    return ls_needs_constant_rate(run, "learning_rate_scheduler", at);
}

static ls_status on_epoch_begin(void *context, ls_callback_run *run, uint64_t epoch)
{
    const scheduler_config *c = ((scheduler *)context)->config;
    float *const rate = &run->trainer->updater->learning_rate;

    if (c->schedule.ops)
        *rate = (float)((const ls_schedule_ops *)c->schedule.ops)->rate(c->schedule.config, epoch);
    for (size_t i = 0; i < c->entries && c->epoch[i] <= epoch; i++)
        *rate = (float)c->rate[i];
    if (c->verbose)
        ls_callback_say(run, "Epoch %" PRIu64 ": LearningRateScheduler setting learning rate to %.9g.", epoch + 1,
                        (double)*rate);
    return LS_OK;
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    (void)context;
    (void)epoch;
    return ls_logs_put(logs, LS_LOG_LEARNING_RATE, (double)run->trainer->updater->learning_rate);
}

static const ls_option options[] = {
    {.name = "verbose", .kind = LS_OPTION_INT, .offset = offsetof(scheduler_config, verbose), .initial = "0", .max = 1},
    {.name = NULL},
};

const ls_callback_ops ls_learning_rate_scheduler = {
    .ops = {.name = "learning_rate_scheduler",
            .keras_name = "LearningRateScheduler",
            .options = options,
            .config_bytes = sizeof(scheduler_config)},
    .texts = (const char *const[]){"schedule", NULL},
    .parse = parse,
    .reset = reset,
    .context_bytes = sizeof(scheduler),
    .open = open_scheduler,
    .hooks = {.on_epoch_begin = on_epoch_begin, .on_epoch_end = on_epoch_end, .adds = ls_adds_learning_rate},
};
