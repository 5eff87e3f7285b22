#include "comm/reducer.h"

#include "base/memory.h"
#include "base/profile.h"
#include "tensor/kernels.h"

size_t ls_element_bytes(ls_element element)
{
    return element == LS_FLOAT32 ? sizeof(float) : sizeof(double);
}

MPI_Datatype ls_element_mpi(ls_element element)
{
    return element == LS_FLOAT32 ? MPI_FLOAT : MPI_DOUBLE;
}

LS_CLONES static void add_float64(double *restrict y, const double *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

void ls_element_add(ls_element element, void *y, const void *x, size_t n)
{
    if (element == LS_FLOAT32)
        ls_add(x, y, n);
    else
        add_float64(y, x, n);
}

void ls_reducer_free(ls_reducer *reducer)
{
    if (!reducer)
        return;
    if (reducer->ops && reducer->ops->destroy)
        reducer->ops->destroy(reducer);
    ls_node_memory_free(reducer->memory);
    ls_free(reducer->own_sums);
    ls_free(reducer->queue);
    ls_free(reducer->why);
    ls_free(reducer);
}

ls_status ls_reducer_share(ls_reducer *reducer, size_t shared, size_t own, void **memory)
{
    *memory = NULL;
    if (!reducer->memory)
        return LS_OK;
    LS_TRY(ls_node_memory_split(reducer->memory, shared, own, "the weights", memory));
    reducer->common = *memory;
    reducer->common_bytes = shared;
    return LS_OK;
}

static ls_status check(const ls_reducer *reducer, const ls_vector *v)
{
    const size_t bytes = ls_element_bytes(v->element), most = reducer->max_bytes / bytes;
    size_t n = 0;

    for (int p = 0; p < reducer->comm->size; p++)
        n = v->end[p] > n ? v->end[p] : n;
    if (n > most)
        return ls_fail(LS_ERR_ARG,
                       "a vector of %zu elements of %zu bytes is longer than the %zu bytes the reducer was made for", n,
                       bytes, reducer->max_bytes);
    if (reducer->issued - reducer->finished == reducer->capacity)
        return ls_fail(LS_ERR_INTERNAL, "%zu vectors are under way, and no more were planned", reducer->capacity);
    return LS_OK;
}

/* Whatever can go on goes on. */
static ls_status go_on(ls_reducer *reducer)
{
    while (reducer->begun < reducer->issued && reducer->begun - reducer->finished < LS_LANES) {
        const size_t lane = (size_t)(reducer->begun % LS_LANES);

        reducer->done[lane] = reducer->comm->size == 1;
        if (!reducer->done[lane])
            LS_TRY(reducer->ops->start(reducer, lane, &reducer->queue[reducer->begun % reducer->capacity]));
        reducer->begun++;
    }
    for (uint64_t t = reducer->finished; t < reducer->begun; t++) {
        const size_t lane = (size_t)(t % LS_LANES);

        if (!reducer->done[lane])
            LS_TRY(reducer->ops->advance(reducer, lane, &reducer->done[lane]));
    }
    while (reducer->finished < reducer->begun && reducer->done[reducer->finished % LS_LANES]) {
        reducer->finished++;
        ls_profile_arrive();
    }
    return LS_OK;
}

ls_status ls_reducer_progress(ls_reducer *reducer)
{
    ls_status st;

    if (reducer->finished == reducer->issued)
        return LS_OK;
    ls_profile_begin(LS_PHASE_REDUCE, NULL);
    st = go_on(reducer);
    ls_profile_end();
    return st;
}

ls_status ls_reducer_start(ls_reducer *reducer, const ls_vector *vector, uint64_t *number)
{
    LS_TRY(check(reducer, vector));
    reducer->queue[reducer->issued % reducer->capacity] = *vector;
    *number = reducer->issued++;
    ls_profile_depart();
    return ls_reducer_progress(reducer);
}

ls_status ls_reducer_finish(ls_reducer *reducer, uint64_t number)
{
    uint64_t finished = reducer->finished;

    reducer->pause = (ls_pause){0};
    while (reducer->finished <= number) {
        LS_TRY(ls_reducer_progress(reducer));
        if (reducer->finished > number)
            break;
        if (reducer->finished > finished)
            reducer->pause = (ls_pause){0};
        finished = reducer->finished;
        ls_wait_begin("for the ranks that add up");
        if (reducer->ops->wait)
            reducer->ops->wait(reducer, (size_t)(finished % LS_LANES));
        else
            ls_pause_next(&reducer->pause);
        ls_wait_end();
    }
    return LS_OK;
}

ls_status ls_reducer_run(ls_reducer *reducer, const ls_vector *vector)
{
    uint64_t number;

    LS_TRY(ls_reducer_start(reducer, vector, &number));
    return ls_reducer_finish(reducer, number);
}

void ls_reducer_settle(ls_reducer *reducer)
{
    if (!reducer->ops->settle || reducer->comm->size == 1)
        return;
    ls_wait_begin("for those that read sums");
    reducer->ops->settle(reducer);
    ls_wait_end();
}

void ls_reducer_release(ls_reducer *reducer)
{
    if (reducer->ops->release && reducer->comm->size > 1)
        reducer->ops->release(reducer);
}

char *ls_reducer_sums_of(const ls_reducer *reducer, size_t part)
{
    const size_t own = (size_t)ls_node_memory_sharing(reducer->memory)->part;

    return reducer->sums - own * reducer->sums_bytes + part * reducer->sums_bytes;
}

void ls_reducer_meet(ls_reducer *reducer)
{
    if (!reducer->ops->meet || reducer->comm->size == 1)
        return;
    ls_wait_begin("to meet");
    reducer->ops->meet(reducer);
    ls_wait_end();
}
