#include "run/callback.h"

#include <math.h>
#include <string.h>

#include "base/failures.h"
#include "base/memory.h"
#include "base/text.h"

void ls_callbacks_free(ls_callbacks *c)
{
    if (!c)
        return;
    for (size_t i = 0; c->callback && i < c->specs; i++) {
        if (c->callback[i].context && ls_callback_spec_ops(&c->spec[i])->close)
            ls_callback_spec_ops(&c->spec[i])->close(c->callback[i].context);
        ls_free(c->callback[i].context);
    }
    for (size_t i = 0; c->validation_name && i < c->run.train_logs; i++)
        ls_free(c->validation_name[i]);
    ls_callback_specs_free(c->spec, c->specs);
    ls_free(c->validation_name);
    ls_free(c->callback);
    ls_free(c->known);
    ls_free(c->logs.log);
    ls_free(c->test.log);
    ls_changes_reset(&c->changes);
    ls_free(c);
}

static bool is_known(const ls_callbacks *c, const char *name)
{
    for (size_t i = 0; i < c->run.logs; i++)
        if (strcmp(c->known[i].name, name) == 0)
            return true;
    return false;
}

static ls_status plan_validation(ls_callbacks *c)
{
    if (!(c->validation_name = ls_calloc(c->run.train_logs, sizeof *c->validation_name, "the logs")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < c->run.train_logs; i++) {
        ls_text name = {0};

        ls_text_add(&name, "val_%s", c->known[i].name);
        if (name.status != LS_OK)
            return LS_ERR_MEMORY;
        c->validation_name[i] = name.data;
        c->known[c->run.logs++].name = name.data;
    }
    return LS_OK;
}

/* What fit.noise_scale adds. */
static const char *const noise_names[] = {"noise_scale", "noise_scale_low", "noise_scale_high"};
static const size_t count_of_noise_names = sizeof noise_names / sizeof noise_names[0];

/* A value that is undetermined is left out. */
static ls_status put_noise_scale(ls_logs *logs, const ls_noise_scale *noise)
{
    const ls_noise_estimate e = ls_noise_scale_estimate(noise);
    const double value[] = {e.scale, e.low, e.high};

    for (size_t i = 0; i < count_of_noise_names; i++)
        if (!isnan(value[i]))
            LS_TRY(ls_logs_put(logs, noise_names[i], value[i]));
    return LS_OK;
}

/* Names of all logs, of training, of validation, of callbacks; and with them the columns of the history. */
static ls_status plan_logs(ls_callbacks *c, bool validates)
{
    ls_trainer *const t = c->run.trainer;
    const ls_log *logs;
    const size_t train = ls_scores_logs(t->scores, &logs);
    const char **names;
    size_t most = 2 * train + count_of_noise_names;
    ls_status st;

    for (size_t i = 0; i < c->n; i++)
        for (const char *const *name = c->callback[i].hooks->adds; name && *name; name++)
            most++;
    c->known = ls_calloc(most, sizeof *c->known, "the logs");
    c->logs = (ls_logs){.log = ls_calloc(most, sizeof *c->logs.log, "the logs"), .capacity = most};
    c->test = (ls_logs){.log = ls_calloc(train, sizeof *c->test.log, "the logs"), .capacity = train};
    if (!c->known || !c->logs.log || !c->test.log)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < train; i++)
        c->known[i].name = logs[i].name;
    c->run.known = c->known;
    c->run.train_logs = c->run.logs = train;
    if (validates)
        LS_TRY(plan_validation(c));
    for (size_t i = 0; t->noise && i < count_of_noise_names; i++)
        c->known[c->run.logs++].name = noise_names[i];
    for (size_t i = 0; i < c->n; i++)
        for (const char *const *name = c->callback[i].hooks->adds; name && *name; name++)
            if (!is_known(c, *name))
                c->known[c->run.logs++].name = *name;
    if (!(names = ls_calloc(c->run.logs, sizeof *names, "the logs")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < c->run.logs; i++)
        names[i] = c->known[i].name;
    st = ls_history_set_columns(t->history, names, c->run.logs);
    ls_free(names);
    return st;
}

static ls_status make_list(ls_callbacks *c, const ls_callbacks_settings *settings)
{
    if (!(c->callback = ls_calloc(c->specs + settings->callbacks, sizeof *c->callback, "the callbacks")))
        return LS_ERR_MEMORY;
    for (; c->n < c->specs; c->n++) {
        const ls_callback_ops *ops = ls_callback_spec_ops(&c->spec[c->n]);
        void *context = ls_calloc(1, ops->context_bytes, ops->ops.name);

        if (!context)
            return LS_ERR_MEMORY;
        memcpy(context, &c->spec[c->n].component.config, sizeof(void *)); /* it begins with a pointer to the config */
        c->callback[c->n] = (ls_callback){.name = ops->ops.name, .hooks = &ops->hooks, .context = context};
    }
    for (size_t i = 0; i < settings->callbacks; i++)
        c->callback[c->n++] = settings->callback[i];
    return LS_OK;
}

static ls_status create(ls_callbacks *c, const ls_callbacks_settings *settings)
{
    ls_failures all = {0};

    LS_TRY(ls_callback_specs_parse(c->run.trainer->experiment->callbacks, &c->spec, &c->specs));
    LS_TRY(make_list(c, settings));
    LS_TRY(plan_logs(c, settings->validates));
    for (size_t i = 0; i < c->specs; i++)
        if (ls_callback_spec_ops(&c->spec[i])->open)
            LS_GATHER(&all, ls_callback_spec_ops(&c->spec[i])->open(c->callback[i].context, &c->run, c->spec[i].at));
    return ls_failures_end(&all);
}

ls_status ls_callbacks_create(ls_trainer *trainer, const ls_callbacks_settings *settings, ls_callbacks **out)
{
    ls_callbacks *c = ls_calloc(1, sizeof *c, "the callbacks");
    ls_status st;

    *out = NULL;
    if (!c)
        return LS_ERR_MEMORY;
    c->registry = &ls_callback_registry;
    c->run = (ls_callback_run){.all = c,
                               .trainer = trainer,
                               .directory = settings->directory,
                               .out = trainer->comm->rank == 0 ? settings->out : NULL,
                               .progress = settings->progress};
    if ((st = create(c, settings)) != LS_OK) {
        ls_callbacks_free(c);
        return st;
    }
    *out = c;
    return LS_OK;
}

/*
 * Collective. What a callback of the calling program did on any rank is done on all: a failure, or the wish to stop. A
 * learning rate must be set on all.
 */
static ls_status agree(ls_callbacks *c, ls_status st)
{
    const ls_comm *comm = c->run.trainer->comm;
    const float rate = c->run.trainer->updater->learning_rate;
    uint32_t bits, most[3]; /* the largest of all ranks: stop, bits, ~bits; so ~most[2] is the least of bits */
    char text[32];

    LS_TRY(ls_agree(comm, st));
    if (comm->size == 1)
        return LS_OK;
    memcpy(&bits, &rate, sizeof bits);
    most[0] = c->run.stop_training;
    most[1] = bits;
    most[2] = ~bits;
    LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, most, 3, MPI_UINT32_T, MPI_MAX, comm->mpi),
                        "asking what a callback wants"));
    c->run.stop_training = most[0] != 0;
    if (most[1] == ~most[2])
        return LS_OK;
    ls_format_double((double)rate, text, sizeof text);
    return ls_comm_same(comm, "the learning rate that a callback has set", text);
}

/*
 * Call a hook of every callback that has it. Ours fail on all ranks or on none; those of the calling program are asked
 * on every rank.
 */
#define DISPATCH(c, hook, ...)                                                                 \
    do {                                                                                       \
        for (size_t i_ = 0; i_ < (c)->n; i_++) {                                               \
            const ls_callback *callback_ = &(c)->callback[i_];                                 \
                                                                                               \
            if (callback_->hooks->hook) {                                                      \
                const ls_status st_ = callback_->hooks->hook(callback_->context, __VA_ARGS__); \
                                                                                               \
                LS_TRY(i_ < (c)->specs ? st_ : agree((c), st_));                               \
            }                                                                                  \
        }                                                                                      \
    } while (0)

ls_status ls_callbacks_train_begin(ls_callbacks *c)
{
    DISPATCH(c, on_train_begin, &c->run);
    return LS_OK;
}

ls_status ls_callbacks_epoch_begin(ls_callbacks *c)
{
    DISPATCH(c, on_epoch_begin, &c->run, c->run.trainer->epoch);
    return LS_OK;
}

bool ls_callbacks_watch_batches(const ls_callbacks *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->callback[i].hooks->on_train_batch_begin || c->callback[i].hooks->on_train_batch_end)
            return true;
    return false;
}

ls_status ls_callbacks_batch_begin(ls_callbacks *c)
{
    DISPATCH(c, on_train_batch_begin, &c->run, c->run.trainer->batch);
    return LS_OK;
}

static void fill(ls_logs *out, ls_scores *scores)
{
    const ls_log *logs;

    out->n = ls_scores_logs(scores, &logs);
    memcpy(out->log, logs, out->n * sizeof *logs);
}

ls_status ls_callbacks_batch_end(ls_callbacks *c, uint64_t batch)
{
    bool anyone = false;

    for (size_t i = 0; i < c->n; i++)
        anyone |= c->callback[i].hooks->on_train_batch_end != NULL;
    if (!anyone)
        return LS_OK;
    fill(&c->logs, c->run.trainer->scores);
    DISPATCH(c, on_train_batch_end, &c->run, batch, &c->logs);
    return LS_OK;
}

ls_status ls_callbacks_test_begin(ls_callbacks *c)
{
    DISPATCH(c, on_test_begin, &c->run);
    return LS_OK;
}

ls_status ls_callbacks_test_end(ls_callbacks *c, ls_scores *validation)
{
    fill(&c->test, validation);
    DISPATCH(c, on_test_end, &c->run, &c->test);
    return LS_OK;
}

ls_status ls_callbacks_epoch_end(ls_callbacks *c, ls_scores *validation)
{
    fill(&c->logs, c->run.trainer->scores);
    if (validation) {
        fill(&c->test, validation);
        for (size_t i = 0; i < c->test.n; i++)
            LS_TRY(ls_logs_put(&c->logs, c->validation_name[i], c->test.log[i].value));
    }
    if (c->run.trainer->noise)
        LS_TRY(put_noise_scale(&c->logs, c->run.trainer->noise));
    DISPATCH(c, on_epoch_end, &c->run, c->run.trainer->epoch, &c->logs);
    return LS_OK;
}

ls_status ls_callbacks_train_end(ls_callbacks *c)
{
    DISPATCH(c, on_train_end, &c->run, &c->logs);
    return LS_OK;
}
