#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define ENTRY(name) &ls_reducer_##name,

const ls_reducer_ops *const ls_reducers[] = {LS_REDUCER_LIST(ENTRY) NULL};

#define NAME(name) #name,

const char *const ls_reducer_names[] = {"auto", LS_REDUCER_LIST(NAME) NULL};

size_t ls_element_bytes(ls_element element)
{
    return element == LS_FLOAT32 ? sizeof(float) : sizeof(double);
}

MPI_Datatype ls_element_mpi(ls_element element)
{
    return element == LS_FLOAT32 ? MPI_FLOAT : MPI_DOUBLE;
}

static ls_status find(const char *name, const ls_reducer_ops **out)
{
    ls_text known = {0};
    ls_status st;

    if (strcmp(name, "auto") == 0)
        name = ls_reducer_ring.name;
    for (const ls_reducer_ops *const *ops = ls_reducers; *ops; ops++)
        if (strcmp((*ops)->name, name) == 0) {
            *out = *ops;
            return LS_OK;
        }
    for (const char *const *known_name = ls_reducer_names; *known_name; known_name++)
        ls_text_add(&known, "%s%s", known_name == ls_reducer_names ? "" : ", ", *known_name);
    st =
        known.status ? known.status : ls_fail(LS_ERR_CONFIG, "unknown allreduce '%s'; known are: %s", name, known.data);
    ls_text_reset(&known);
    return st;
}

static ls_status create(const ls_comm *comm, const char *name, size_t max_bytes, size_t segment_bytes, ls_reducer **out)
{
    const ls_reducer_ops *ops = NULL;
    ls_status st = LS_OK;
    ls_reducer *reducer = NULL;

    LS_TRY(find(name, &ops));
    if (segment_bytes < sizeof(double) || segment_bytes > INT_MAX)
        return ls_fail(LS_ERR_ARG, "a segment of %zu bytes cannot be sent: it must be between %zu and %d",
                       segment_bytes, sizeof(double), INT_MAX);
    reducer = ls_calloc(1, sizeof *reducer, "a reducer");
    if (!reducer)
        return LS_ERR_MEMORY;
    reducer->ops = ops;
    reducer->comm = comm;
    reducer->segment_bytes = segment_bytes / sizeof(double) * sizeof(double);
    reducer->max_bytes = max_bytes;
    reducer->equal = ls_calloc((size_t)comm->size + 1, sizeof *reducer->equal, "the chunks of a reducer");
    if (!reducer->equal) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    if (ops->setup)
        LS_TRY_CLEANUP(ops->setup(reducer));
    *out = reducer;
    reducer = NULL;
cleanup:
    ls_reducer_free(reducer);
    return st;
}

ls_status ls_reducer_create(const ls_comm *comm, const char *name, size_t max_bytes, size_t segment_bytes,
                            ls_reducer **out)
{
    ls_status st;

    *out = NULL;
    st = ls_agree(comm, create(comm, name, max_bytes, segment_bytes, out));
    if (st != LS_OK) {
        ls_reducer_free(*out);
        *out = NULL;
    }
    return st;
}

void ls_reducer_free(ls_reducer *reducer)
{
    if (!reducer)
        return;
    if (reducer->ops->destroy)
        reducer->ops->destroy(reducer);
    ls_free(reducer->equal);
    ls_free(reducer);
}

ls_status ls_reducer_check(const ls_reducer *reducer, ls_element element, const size_t *bounds)
{
    const size_t n = bounds[reducer->comm->size];
    const size_t bytes = ls_element_bytes(element);

    if (n > reducer->max_bytes / bytes)
        return ls_fail(LS_ERR_ARG,
                       "a vector of %zu elements of %zu bytes is longer than the %zu bytes the reducer was made for", n,
                       bytes, reducer->max_bytes);
    return LS_OK;
}

ls_status ls_allreduce(ls_reducer *reducer, void *buf, ls_element element, size_t n)
{
    const uint64_t P = (uint64_t)reducer->comm->size;

    for (uint64_t p = 0; p <= P; p++)
        reducer->equal[p] = (size_t)ls_part_begin(n, p, P);
    LS_TRY(reducer->ops->reduce_scatter(reducer, buf, element, reducer->equal));
    return reducer->ops->all_gather(reducer, buf, element, reducer->equal);
}
