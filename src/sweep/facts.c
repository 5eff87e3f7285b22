#include "sweep/facts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "formats/yaml.h"
#include "nn/metric.h"
#include "sweep/settings.h"
#include "train/task.h"

void ls_sweep_facts_free(ls_sweep_facts *facts)
{
    if (!facts)
        return;
    ls_free(facts->samples);
    ls_free(facts->data);
    ls_free(facts);
}

/* Where a combination is to blame: at what it varies. */
static const ls_config *place_of(const ls_sweep *sweep, size_t c)
{
    if (c > 0 && sweep->settings)
        return sweep->combination[c].value[0];
    return ls_config_get(sweep->root, sweep->has_target ? "target" : "monitor");
}

static ls_status fail_monitor(const ls_sweep *sweep, const ls_task *task, size_t c, const char *monitor,
                              const ls_log *logs, size_t n)
{
    ls_text known = {0};
    ls_status st;

    if (strncmp(monitor, "val_", 4) == 0 && !task->validation)
        return ls_config_fail(place_of(sweep, c),
                              "combination %zu does not measure '%s', which needs a validation split: add "
                              "fit.validation_split or fit.validation_data to the experiment or to `set`",
                              c + 1, monitor);
    for (size_t i = 0; i < n; i++)
        ls_text_add(&known, "%s%s", i ? ", " : "", logs[i].name);
    st = ls_config_fail(place_of(sweep, c),
                        "combination %zu does not measure '%s': there is %s, each also with val_ for the validation "
                        "split",
                        c + 1, monitor, known.data ? known.data : "nothing");
    ls_text_reset(&known);
    return st;
}

/* An error unless the combination measures that number. *up: larger is better. */
static ls_status check_monitor(const ls_sweep *sweep, const ls_task *task, size_t c, const char *monitor, bool *up)
{
    const bool validates = strncmp(monitor, "val_", 4) == 0;
    const char *name = validates ? monitor + 4 : monitor;
    ls_scores *scores = NULL;
    const ls_log *logs;
    bool known = false;
    size_t n;
    ls_status st;

    LS_TRY_CLEANUP(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &scores));
    n = ls_scores_logs(scores, &logs);
    for (size_t i = 0; i < n; i++)
        known |= strcmp(logs[i].name, name) == 0;
    if (!known || (validates && !task->validation))
        st = fail_monitor(sweep, task, c, monitor, logs, n);
    *up = ls_scores_direction(scores, name) == LS_METRIC_UP;
cleanup:
    ls_scores_free(scores);
    return st;
}

static ls_status identify(const ls_task *task, ls_text *out)
{
    LS_TRY(ls_split_identity(task->train, out));
    if (task->validation) {
        ls_text_add(out, " ");
        LS_TRY(ls_split_identity(task->validation, out));
    }
    return out->status;
}

/* What holds for all: the first combination decides by what all are judged. */
static ls_status take_first(const ls_sweep *sweep, const ls_task *task, ls_sweep_facts *facts)
{
    const char *monitor = sweep->monitor ? sweep->monitor : task->validation ? "val_loss" : "loss";
    ls_text data = {0};

    if (strlen(monitor) >= sizeof facts->monitor)
        return ls_config_fail(place_of(sweep, 0), "the name of the monitored number is too long");
    memcpy(facts->monitor, monitor, strlen(monitor) + 1);
    LS_TRY(check_monitor(sweep, task, 0, monitor, &facts->up));
    facts->validation_samples = task->validation ? task->validation->samples : 0;
    LS_TRY(identify(task, &data));
    facts->data = data.data;
    return LS_OK;
}

/* What of an experiment chooses the data, as text. */
static ls_status data_settings(const ls_experiment *e, ls_text *out)
{
    ls_yaml_write(ls_config_get(e->root, "data"), out);
    ls_text_add(out, "%a %s", e->fit.validation_split, e->fit.validation_data ? e->fit.validation_data : "");
    return out->status;
}

typedef struct examination {
    const ls_comm *self; /* this rank alone */
    const ls_sweep *sweep;
    ls_sweep_facts *facts;
    ls_text first;  /* data_settings of the first combination */
    uint64_t *data; /* [combinations] hash of the identity of data that are not those of the first; else 0 */
} examination;

/* Every rank examines the first combination. */
static ls_status examine(examination *x, size_t c)
{
    const ls_trial trial = {.combination = c,
                            .seed = x->sweep->seed[0],
                            .rate = x->sweep->rate == LS_RATE_SEARCHED ? x->sweep->search.point[0] : NAN};
    ls_text settings = {0}, data = {0};
    ls_experiment *experiment = NULL;
    ls_task *task = NULL;
    double rate;
    bool up;
    ls_status st;

    LS_TRY_CLEANUP(ls_trial_experiment(x->sweep, &trial, 0, &experiment, &rate));
    LS_TRY_CLEANUP(ls_task_describe(x->self, experiment, &task));
    x->facts->samples[c] = task->train->samples;
    if (c == 0) {
        LS_TRY_CLEANUP(take_first(x->sweep, task, x->facts));
        st = data_settings(experiment, &x->first);
        goto cleanup;
    }
    LS_TRY_CLEANUP(check_monitor(x->sweep, task, c, x->facts->monitor, &up));
    LS_TRY_CLEANUP(data_settings(experiment, &settings));
    if (settings.length == x->first.length && memcmp(settings.data, x->first.data, settings.length) == 0)
        goto cleanup;
    LS_TRY_CLEANUP(identify(task, &data));
    x->data[c] = XXH3_64bits(data.data, data.length);
cleanup:
    ls_text_reset(&settings);
    ls_text_reset(&data);
    ls_task_free(task);
    ls_experiment_free(experiment);
    return st;
}

/* The identity of all data: that of the first combination, and a hash of the others' where they differ. */
static ls_status add_other_data(const examination *x, ls_sweep_facts *facts)
{
    ls_text data = {0};
    bool other = false;

    for (size_t c = 1; c < x->sweep->combinations; c++)
        other |= x->data[c] != 0;
    if (!other)
        return LS_OK;
    ls_text_add(&data, "%s; other combinations %016" PRIx64, facts->data,
                XXH3_64bits(x->data, x->sweep->combinations * sizeof *x->data));
    LS_TRY(data.status);
    ls_free(facts->data);
    facts->data = data.data;
    return LS_OK;
}

ls_status ls_sweep_facts_create(const ls_comm *comm, const ls_sweep *sweep, ls_watchdog *watchdog, ls_sweep_facts **out)
{
    ls_sweep_facts *facts = ls_calloc(1, sizeof *facts, "the sweep");
    examination x = {.sweep = sweep, .facts = facts};
    ls_comm *self = NULL;
    ls_status st = facts ? LS_OK : LS_ERR_MEMORY;

    *out = NULL;
    if (st == LS_OK && (!(facts->samples = ls_calloc(sweep->combinations, sizeof *facts->samples, "the sweep")) ||
                        !(x.data = ls_calloc(sweep->combinations, sizeof *x.data, "the sweep"))))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = ls_comm_create(MPI_COMM_SELF, &self);
    x.self = self;
    if (st == LS_OK)
        st = examine(&x, 0);
    for (size_t c = 1; c < sweep->combinations && st == LS_OK; c++)
        if (c % (size_t)comm->size == (size_t)comm->rank) {
            ls_watchdog_beat(watchdog, "checking the combinations of a sweep");
            st = examine(&x, c);
        }
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(ls_mpi_check(
        MPI_Allreduce(MPI_IN_PLACE, facts->samples, (int)sweep->combinations, MPI_UINT64_T, MPI_MAX, comm->mpi),
        "counting the samples of all combinations"));
    LS_TRY_CLEANUP(
        ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, x.data, (int)sweep->combinations, MPI_UINT64_T, MPI_MAX, comm->mpi),
                     "identifying the data of all combinations"));
    LS_TRY_CLEANUP(ls_agree(comm, add_other_data(&x, facts)));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the data", facts->data));
    *out = facts;
    facts = NULL;
cleanup:
    ls_text_reset(&x.first);
    ls_free(x.data);
    ls_comm_free(self);
    ls_sweep_facts_free(facts);
    return st;
}
