#include "sweep/facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
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

static ls_status fail_monitor(const ls_sweep *sweep, const ls_task *task, const char *monitor, const ls_log *logs,
                              size_t n)
{
    const ls_config *at = ls_config_get(sweep->root, sweep->has_target ? "target" : "monitor");
    ls_text known = {0};
    ls_status st;

    if (strncmp(monitor, "val_", 4) == 0 && !task->validation)
        return ls_config_fail(at,
                              "'%s' needs a validation split: add fit.validation_split or fit.validation_data to the "
                              "experiment or to `set`",
                              monitor);
    for (size_t i = 0; i < n; i++)
        ls_text_add(&known, "%s%s", i ? ", " : "", logs[i].name);
    st = ls_config_fail(at, "no trial measures '%s': there is %s, each also with val_ for the validation split",
                        monitor, known.data ? known.data : "nothing");
    ls_text_reset(&known);
    return st;
}

/* The number that trials are judged by, and which of two is better. */
static ls_status find_monitor(const ls_sweep *sweep, const ls_task *task, ls_sweep_facts *facts)
{
    const char *monitor = sweep->monitor ? sweep->monitor : task->validation ? "val_loss" : "loss";
    const bool validates = strncmp(monitor, "val_", 4) == 0;
    const char *name = validates ? monitor + 4 : monitor;
    ls_scores *scores = NULL;
    const ls_log *logs;
    bool known = false;
    size_t n;
    int direction;
    ls_status st = LS_OK;

    LS_TRY_CLEANUP(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &scores));
    n = ls_scores_logs(scores, &logs);
    for (size_t i = 0; i < n; i++)
        known |= strcmp(logs[i].name, name) == 0;
    if (!known || (validates && !task->validation) || strlen(monitor) >= sizeof facts->monitor) {
        st = fail_monitor(sweep, task, monitor, logs, n);
        goto cleanup;
    }
    direction = ls_scores_direction(scores, name);
    facts->up = direction == LS_METRIC_UP;
    memcpy(facts->monitor, monitor, strlen(monitor) + 1);
cleanup:
    ls_scores_free(scores);
    return st;
}

static ls_status take_first(const ls_task *task, ls_sweep_facts *facts)
{
    ls_text data = {0};

    facts->validation_samples = task->validation ? task->validation->samples : 0;
    LS_TRY(ls_split_identity(task->train, &data));
    if (task->validation) {
        ls_text_add(&data, " ");
        ls_split_identity(task->validation, &data);
    }
    facts->data = data.data;
    return data.status;
}

/* self: this rank alone. Every rank takes the first combination, for what holds for all. */
static ls_status examine(const ls_comm *self, const ls_sweep *sweep, size_t c, ls_sweep_facts *facts)
{
    const ls_trial trial = {.combination = c,
                            .seed = sweep->seed[0],
                            .rate = sweep->rate == LS_RATE_SEARCHED ? sweep->search.point[0] : NAN};
    ls_experiment *experiment = NULL;
    ls_task *task = NULL;
    double rate;
    ls_status st;

    LS_TRY_CLEANUP(ls_trial_experiment(sweep, &trial, 0, &experiment, &rate));
    LS_TRY_CLEANUP(ls_task_describe(self, experiment, &task));
    facts->samples[c] = task->train->samples;
    LS_TRY_CLEANUP(find_monitor(sweep, task, facts));
    if (c == 0)
        LS_TRY_CLEANUP(take_first(task, facts));
cleanup:
    ls_task_free(task);
    ls_experiment_free(experiment);
    return st;
}

ls_status ls_sweep_facts_create(const ls_comm *comm, const ls_sweep *sweep, ls_watchdog *watchdog, ls_sweep_facts **out)
{
    ls_sweep_facts *facts = ls_calloc(1, sizeof *facts, "the sweep");
    ls_comm *self = NULL;
    ls_status st = facts ? LS_OK : LS_ERR_MEMORY;

    *out = NULL;
    if (st == LS_OK && !(facts->samples = ls_calloc(sweep->combinations, sizeof *facts->samples, "the sweep")))
        st = LS_ERR_MEMORY;
    if (st == LS_OK)
        st = ls_comm_create(MPI_COMM_SELF, &self);
    if (st == LS_OK)
        st = examine(self, sweep, 0, facts);
    for (size_t c = 1; c < sweep->combinations && st == LS_OK; c++)
        if (c % (size_t)comm->size == (size_t)comm->rank) {
            ls_watchdog_beat(watchdog, "checking the combinations of a sweep");
            st = examine(self, sweep, c, facts);
        }
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(ls_comm_same(comm, "the data", facts->data));
    LS_TRY_CLEANUP(ls_mpi_check(
        MPI_Allreduce(MPI_IN_PLACE, facts->samples, (int)sweep->combinations, MPI_UINT64_T, MPI_MAX, comm->mpi),
        "counting the samples of all combinations"));
    *out = facts;
    facts = NULL;
cleanup:
    ls_comm_free(self);
    ls_sweep_facts_free(facts);
    return st;
}
