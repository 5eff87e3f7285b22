#include "run/run_directory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/json.h"
#include "run/checkpoint.h"
#include "run/claim.h"
#include "run/run_files.h"
#include "tensor/kernels.h"

static ls_status write_text(const char *directory, const char *name, const ls_text *text)
{
    char *path;
    ls_status st;

    if (text->status != LS_OK)
        return text->status;
    if (!(path = ls_path_join(directory, name)))
        return LS_ERR_MEMORY;
    st = ls_file_replace(path, text->data, text->length);
    ls_free(path);
    return st;
}

static ls_status begin(const ls_trainer *t, const ls_fit_settings *settings, bool goes_on)
{
    const char *directory = settings->directory;
    ls_text text = {0};
    ls_status st = ls_directory_create(directory);

    if (st == LS_OK)
        st = ls_file_sweep(directory);
    if (st == LS_OK && !goes_on)
        st = ls_run_clear(directory, settings->overwrite, settings->trainer.trace != NULL);
    if (st == LS_OK)
        st = ls_experiment_write(t->experiment, t->model, false, &text);
    if (st == LS_OK)
        st = write_text(directory, LS_RUN_EXPERIMENT, &text);
    ls_text_reset(&text);
    return st;
}

ls_status ls_run_begin(const ls_trainer *t, const ls_fit_settings *settings, bool goes_on)
{
    return ls_agree(t->comm, t->comm->rank == 0 ? begin(t, settings, goes_on) : LS_OK);
}

static ls_status write_history(const ls_trainer *t, const char *directory, bool whole)
{
    const ls_history *const history = t->history;
    char *const path = ls_path_join(directory, LS_RUN_HISTORY);
    ls_text text = {0};
    ls_status st = path ? ls_history_csv(history, whole ? 0 : history->epochs - 1, &text) : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = whole ? ls_file_replace(path, text.data, text.length) : ls_file_append(path, text.data, text.length);
    /* What the next checkpoint holds no more must outlive a power cut. */
    if (st == LS_OK && history->epochs % (LS_CHECKPOINT_EPOCHS / 2) == 0)
        st = ls_file_sync(path);
    ls_text_reset(&text);
    ls_free(path);
    return st;
}

ls_status ls_run_history(const ls_trainer *t, const char *directory, bool whole)
{
    return ls_agree(t->comm, t->comm->rank == 0 ? write_history(t, directory, whole) : LS_OK);
}

/* hosts: size x MPI_MAX_PROCESSOR_NAME, one name per rank. Each host once, with its ranks counted. */
static json_t *hosts_json(const char *hosts, int size)
{
    json_t *list = json_array();

    for (int r = 0; list && r < size; r++) {
        const char *name = hosts + (size_t)r * MPI_MAX_PROCESSOR_NAME;
        bool known = false;
        size_t i;
        json_t *host;

        json_array_foreach(list, i, host)
        {
            if (strcmp(json_string_value(json_object_get(host, "name")), name) == 0) {
                json_object_set_new(host, "ranks",
                                    json_integer(json_integer_value(json_object_get(host, "ranks")) + 1));
                known = true;
            }
        }
        if (!known)
            json_array_append_new(list, json_pack("{s:s, s:i}", "name", name, "ranks", 1));
    }
    return list;
}

/* All changes of settings while the run went on; NULL: there were none. */
static json_t *changes_json(const ls_changes *changes)
{
    json_t *all = changes->kept ? json_loads(changes->kept, 0, NULL) : json_array();
    json_t *other = changes->other ? json_loads(changes->other, 0, NULL) : NULL;

    if (other)
        json_array_extend(all, other);
    json_decref(other);
    if (json_array_size(all) > 0)
        return all;
    json_decref(all);
    return NULL;
}

/* The first epoch whose value in this column is the least finite one; SIZE_MAX: none is finite. */
static size_t least(const ls_history *h, size_t column)
{
    size_t best = SIZE_MAX;

    for (size_t e = 0; e < h->epochs; e++) {
        const double value = h->value[e * h->columns + column];

        if (isfinite(value) && (best == SIZE_MAX || value < h->value[best * h->columns + column]))
            best = e;
    }
    return best;
}

/* NULL: no epoch has a loss that is a number. */
static json_t *best_json(const ls_history *h)
{
    static const char *const monitors[] = {"val_loss", "loss"};

    for (size_t m = 0; m < sizeof monitors / sizeof monitors[0]; m++)
        for (size_t c = 0; c < h->columns; c++) {
            const size_t best = strcmp(h->name[c], monitors[m]) == 0 ? least(h, c) : SIZE_MAX;

            if (best != SIZE_MAX)
                return json_pack("{s:I, s:s, s:f}", "epoch", (json_int_t)h->epoch[best] + 1, "monitor", monitors[m],
                                 "value", h->value[best * h->columns + c]);
        }
    return NULL;
}

static json_t *scores_json(ls_scores *scores)
{
    const ls_log *logs;
    const size_t n = ls_scores_logs(scores, &logs);
    json_t *map = json_object();

    for (size_t i = 0; map && i < n; i++)
        json_object_set_new(map, logs[i].name, isfinite(logs[i].value) ? json_real(logs[i].value) : json_null());
    return map;
}

static ls_status write_run(const ls_trainer *t, const char *directory, const ls_run_facts *facts, const char *hosts)
{
    const ls_fit_result *const result = facts->result;
    char library[MPI_MAX_LIBRARY_VERSION_STRING] = "", when[32] = "", arithmetic[LS_ARITHMETIC_BYTES];
    const time_t now = time(NULL);
    struct tm utc;
    ls_text text = {0};
    json_t *run;
    int length;
    ls_status st;

    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    run = json_pack(
        "{s:s?, s:s, s:b, s:i, s:o, s:I, s:I, s:I, s:I, s:f, s:s, s:s, s:s, s:s, s:s*, s:s, s:s, s:o*, s:o*, s:o*, s:o*}",
        "name", t->experiment->name, "finished", when, "stopped", result->stopped, "ranks", t->comm->size, "hosts",
        hosts_json(hosts, t->comm->size), "seed", (json_int_t)t->experiment->seed, "epochs", (json_int_t)t->epoch,
        "updates", (json_int_t)t->update, "redone_steps", (json_int_t)result->redone, "seconds", result->seconds,
        "fingerprint", result->fingerprint, "lockstep", LS_VERSION, "mpi", library, "arithmetic",
        ls_arithmetic_describe(t->model->arithmetic, arithmetic), "blas_kernel",
        t->model->arithmetic == LS_ARITHMETIC_OPENBLAS ? ls_blas_kernel() : NULL, "reduction",
        ls_reduction_names[t->experiment->distributed.reduction], "allreduce", t->gradients->reducer->why, "best",
        best_json(t->history), "test", facts->test ? scores_json(facts->test) : NULL, "changes",
        changes_json(facts->changes), "profile", facts->profile ? ls_run_profile_json(facts->profile) : NULL);
    st = ls_json_write(run, &text);
    json_decref(run);
    if (st == LS_OK) {
        ls_text_add(&text, "\n");
        st = write_text(directory, LS_RUN_FACTS, &text);
    }
    ls_text_reset(&text);
    return st;
}

ls_status ls_run_end(const ls_trainer *t, const char *directory, const ls_run_facts *facts)
{
    char mine[MPI_MAX_PROCESSOR_NAME] = "";
    char *hosts = NULL;
    int length;
    ls_status st = LS_OK;

    if (t->comm->rank == 0 &&
        !(hosts = ls_calloc((size_t)t->comm->size, MPI_MAX_PROCESSOR_NAME, "the names of the hosts")))
        st = LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_agree(t->comm, st));
    if (t->comm->size == 1) {
        gethostname(hosts, MPI_MAX_PROCESSOR_NAME - 1);
    } else {
        MPI_Get_processor_name(mine, &length);
        LS_TRY_CLEANUP(ls_mpi_check(MPI_Gather(mine, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, hosts, MPI_MAX_PROCESSOR_NAME,
                                               MPI_CHAR, 0, t->comm->mpi),
                                    "gathering the names of the hosts"));
    }
    st = ls_agree(t->comm, t->comm->rank == 0 ? write_run(t, directory, facts, hosts) : LS_OK);
cleanup:
    ls_free(hosts);
    return st;
}
