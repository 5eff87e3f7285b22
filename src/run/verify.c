#include "run/verify.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

/* What the first run left: per update, all hashes of ls_trace_update in a row. */
typedef struct recording {
    uint64_t *word;
    size_t words, word_capacity;
    size_t *start; /* [updates + 1] */
    size_t updates, update_capacity;
} recording;

typedef struct comparison {
    recording first;
    bool recording_now;
    ls_verify_result *result;
} comparison;

static void reset(recording *r)
{
    ls_free(r->word);
    ls_free(r->start);
}

static ls_status append(recording *r, const uint64_t *words, size_t n)
{
    if (r->words + n > r->word_capacity) {
        const size_t capacity = 2 * r->word_capacity + n + 1024;
        uint64_t *word = ls_realloc(r->word, capacity, sizeof *word, "the recorded trace");

        if (!word)
            return LS_ERR_MEMORY;
        r->word = word;
        r->word_capacity = capacity;
    }
    memcpy(r->word + r->words, words, n * sizeof *words);
    r->words += n;
    return LS_OK;
}

static ls_status record(recording *r, const ls_trace_update *u)
{
    if (r->updates + 2 > r->update_capacity) {
        const size_t capacity = 2 * r->update_capacity + 256;
        size_t *start = ls_realloc(r->start, capacity, sizeof *start, "the recorded trace");

        if (!start)
            return LS_ERR_MEMORY;
        r->start = start;
        r->update_capacity = capacity;
    }
    r->start[r->updates++] = r->words;
    LS_TRY(append(r, u->order, u->microbatches));
    LS_TRY(append(r, u->contribution, u->microbatches * u->params));
    LS_TRY(append(r, u->weights, u->weights_n));
    r->start[r->updates] = r->words;
    return LS_OK;
}

static ls_difference compare(const ls_model *model, const uint64_t *want, const ls_trace_update *u,
                             ls_verify_result *result)
{
    const uint64_t *order = want, *contribution = order + u->microbatches;
    const uint64_t *weights = contribution + u->microbatches * u->params;

    for (size_t m = 0; m < u->microbatches; m++)
        if (order[m] != u->order[m]) {
            result->microbatch = m;
            return LS_DIFFERENT_SAMPLES;
        }
    for (size_t m = 0; m < u->microbatches; m++)
        for (size_t p = 0; p < u->params; p++)
            if (contribution[m * u->params + p] != u->contribution[m * u->params + p]) {
                result->microbatch = m;
                ls_model_param_name(model, model->param[p], result->tensor);
                return LS_DIFFERENT_CONTRIBUTION;
            }
    for (size_t p = 0; p < u->weights_n; p++)
        if (weights[p] != u->weights[p]) {
            ls_model_param_name(model, model->param[p], result->tensor);
            return LS_DIFFERENT_SUM;
        }
    return LS_SAME;
}

/* The trace sink of every run, on rank 0. A difference ends the run. */
static ls_status take(void *context, const ls_model *model, const ls_trace_update *u)
{
    comparison *c = context;
    const recording *r = &c->first;
    const size_t words = u->microbatches * (1 + u->params) + u->weights_n;

    if (c->recording_now)
        return record(&c->first, u);
    c->result->update = u->update;
    c->result->epoch = u->epoch;
    c->result->batch = u->batch;
    if (u->update >= r->updates || r->start[u->update + 1] - r->start[u->update] != words)
        c->result->difference = LS_DIFFERENT_LENGTH;
    else
        c->result->difference = compare(model, r->word + r->start[u->update], u, c->result);
    return c->result->difference == LS_SAME ? LS_OK : ls_fail(LS_ERR_MISMATCH, "the runs differ");
}

static ls_status run_once(const ls_comm *comm, const ls_experiment *experiment, const ls_fault *fault, comparison *c,
                          ls_fit_result *result)
{
    const ls_trace_sink sink = {.context = c, .update = take};
    const ls_fit_settings settings = {.trainer = {.trace = &sink, .fault = fault}};
    ls_task *task = NULL;
    ls_status st = ls_task_create(comm, experiment, &task);

    if (st == LS_OK)
        st = ls_fit(task, &settings, result);
    ls_task_free(task);
    return st;
}

/* On rank 0, after a run to the end: what the first one left, or whether this one came to the same. */
static void conclude(comparison *c, const ls_fit_result *run)
{
    ls_verify_result *result = c->result;

    if (c->recording_now) {
        memcpy(result->fingerprint, run->fingerprint, sizeof result->fingerprint);
        result->updates = run->updates;
    } else if (run->updates != result->updates) {
        result->difference = LS_DIFFERENT_LENGTH;
        result->update = run->updates;
    } else if (strcmp(run->fingerprint, result->fingerprint) != 0) {
        result->difference = LS_DIFFERENT_END;
    }
}

/* Ranks that have nothing to do must not spin: the others may need their cores. */
static ls_status wait_for_all(const ls_comm *world)
{
    const struct timespec nap = {.tv_nsec = 2 * 1000 * 1000};
    MPI_Request request;
    int done = 0;

    LS_TRY(ls_mpi_check(MPI_Ibarrier(world->mpi, &request), "waiting for a run to end"));
    while (!done) {
        LS_TRY(ls_mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "waiting for a run to end"));
        ls_watchdog_beat(NULL, "waiting for a run on fewer ranks to end");
        if (!done)
            nanosleep(&nap, NULL);
    }
    return LS_OK;
}

/* Collective on world: one run on its first `ranks` ranks. */
static ls_status run_on(const ls_comm *world, const ls_experiment *experiment, int ranks, const ls_fault *fault,
                        comparison *c, ls_fit_result *result)
{
    const bool takes_part = world->rank < ranks;
    MPI_Comm part = MPI_COMM_NULL;
    ls_comm *comm = NULL;
    ls_status st = LS_OK;

    LS_TRY(ls_mpi_check(MPI_Comm_split(world->mpi, takes_part ? 0 : MPI_UNDEFINED, world->rank, &part),
                        "choosing the ranks of a run"));
    if (takes_part) {
        st = ls_comm_create(part, &comm);
        if (st == LS_OK)
            st = run_once(comm, experiment, fault, c, result);
        if (st == LS_OK && world->rank == 0)
            conclude(c, result);
        ls_comm_free(comm);
        MPI_Comm_free(&part);
    }
    if (st == LS_ERR_MISMATCH && c->result->difference != LS_SAME)
        st = LS_OK;
    LS_TRY(wait_for_all(world));
    LS_TRY(ls_mpi_check(MPI_Bcast(c->result, sizeof *c->result, MPI_BYTE, 0, world->mpi), "sharing the verdict"));
    if (c->result->difference != LS_SAME)
        st = LS_OK; /* ranks other than 0 learn here that their failed run was a difference found */
    return ls_agree(world, st);
}

ls_status ls_verify(const ls_comm *world, const ls_experiment *experiment, const int *count, size_t n,
                    const ls_fault *fault, ls_verify_report report, void *context, ls_verify_result *result)
{
    comparison c = {.result = result};
    ls_status st = LS_OK;

    *result = (ls_verify_result){.ranks = {count[0], count[0]}};
    for (size_t i = 0; i < n && result->difference == LS_SAME && st == LS_OK; i++) {
        ls_fit_result run = {0};

        c.recording_now = i == 0;
        result->ranks[1] = count[i];
        st = run_on(world, experiment, count[i], fault, &c, &run);
        if (report && world->rank == 0 && st == LS_OK && result->difference == LS_SAME)
            report(context, count[i], run.fingerprint, run.seconds);
    }
    reset(&c.first);
    return st;
}

void ls_verify_explain(const ls_verify_result *r, ls_text *out)
{
    if (r->difference == LS_SAME) {
        ls_text_add(out, "the same bits after each of %" PRIu64 " updates", r->updates);
        return;
    }
    if (r->difference == LS_DIFFERENT_END) {
        ls_text_add(out,
                    "%d ranks differ from %d in the weights at the end, although all updates agree: the moving "
                    "averages went wrong",
                    r->ranks[1], r->ranks[0]);
        return;
    }
    ls_text_add(out,
                "%d ranks differ from %d at update %" PRIu64 " (epoch %" PRIu64 ", batch %" PRIu64 "): ", r->ranks[1],
                r->ranks[0], r->update + 1, r->epoch + 1, r->batch + 1);
    switch (r->difference) {
    case LS_DIFFERENT_SAMPLES:
        ls_text_add(out, "microbatch %zu has other samples", r->microbatch);
        break;
    case LS_DIFFERENT_CONTRIBUTION:
        ls_text_add(out, "microbatch %zu computed another gradient of %s from the same samples and weights",
                    r->microbatch, r->tensor);
        break;
    case LS_DIFFERENT_SUM:
        ls_text_add(out,
                    "%s is different although all microbatches contributed the same: the reduction or the update "
                    "went wrong",
                    r->tensor);
        break;
    default:
        ls_text_add(out, "one run has more updates than the other");
    }
}
