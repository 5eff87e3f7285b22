/* All reducers, by name. Each of them needs what reducer.c holds. */
#include "comm/reducer.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define ENTRY(name) &ls_reducer_##name,

const ls_reducer_ops *const ls_reducers[] = {LS_REDUCER_LIST(ENTRY) NULL};

#define NAME(name) #name,

const char *const ls_reducer_names[] = {"auto", LS_REDUCER_LIST(NAME) NULL};

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
