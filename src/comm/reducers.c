/* All reducers, by name, and which of them is made. Each of them needs what reducer.c holds. */
#include "comm/reducer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define ENTRY(name) &ls_reducer_##name,

const ls_reducer_ops *const ls_reducers[] = {LS_REDUCER_LIST(ENTRY) NULL};

#define NAME(name) #name,

const char *const ls_reducer_names[] = {"auto", LS_REDUCER_LIST(NAME) NULL};

/* *out is NULL for "auto". */
static ls_status find(const char *name, const ls_reducer_ops **out)
{
    ls_text known = {0};
    ls_status st;

    *out = NULL;
    if (strcmp(name, "auto") == 0)
        return LS_OK;
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

/* Not collective. */
static ls_status make(const ls_comm *comm, const ls_reducer_options *options, const ls_reducer_ops **asked,
                      ls_reducer **out)
{
    ls_reducer *reducer;

    LS_TRY(find(options->algorithm, asked));
    if (options->segment_bytes < sizeof(double) || options->segment_bytes > INT_MAX)
        return ls_fail(LS_ERR_ARG, "a segment of %zu bytes cannot be sent: it must be between %zu and %d",
                       options->segment_bytes, sizeof(double), INT_MAX);
    if (!(reducer = *out = ls_calloc(1, sizeof *reducer, "a reducer")))
        return LS_ERR_MEMORY;
    reducer->comm = comm;
    reducer->segment_bytes = options->segment_bytes / sizeof(double) * sizeof(double);
    reducer->max_bytes = options->max_bytes;
    reducer->sums_bytes = (options->sums_bytes + LS_ALIGNMENT - 1) / LS_ALIGNMENT * LS_ALIGNMENT;
    reducer->capacity = options->vectors ? options->vectors : 1;
    reducer->queue = ls_calloc(reducer->capacity, sizeof *reducer->queue, "the vectors of a reducer");
    return reducer->queue ? LS_OK : LS_ERR_MEMORY;
}

static void stop_sharing(ls_reducer *reducer)
{
    ls_node_memory_free(reducer->memory);
    reducer->memory = NULL;
}

/* Collective. The algorithm, its state and memory; `because` follows its name in reducer->why. */
static ls_status use(ls_reducer *reducer, const ls_reducer_ops *ops, const char *because)
{
    ls_text why = {0};
    ls_status st = LS_OK;

    reducer->ops = ops;
    if (ops != &ls_reducer_shared)
        stop_sharing(reducer);
    ls_text_add(&why, "%s: %s", ops->name, because);
    if (why.status != LS_OK)
        st = why.status;
    ls_free(reducer->why);
    reducer->why = why.data;
    if (st == LS_OK && ops != &ls_reducer_shared && !reducer->own_sums &&
        !(reducer->own_sums = ls_calloc(reducer->sums_bytes, 1, "the gradient accumulators")))
        st = LS_ERR_MEMORY;
    if (st == LS_OK && ops != &ls_reducer_shared)
        reducer->sums = reducer->own_sums;
    LS_TRY(ls_agree(reducer->comm, st));
    return ls_agree(reducer->comm, ops->setup ? ops->setup(reducer) : LS_OK);
}

/* Collective. Through memory that all ranks share if that can be had; otherwise round the ring. */
static ls_status share_or_send(ls_reducer *reducer, bool asked)
{
    const int size = reducer->comm->size;
    char because[512];
    ls_status st;

    if (size == 1)
        return use(reducer, &ls_reducer_ring, "there is one rank");
    LS_TRY(ls_node_memory_create(reducer->comm, &reducer->memory));
    if (ls_node_memory_sharing(reducer->memory)->parts == size) {
        snprintf(because, sizeof because, "all %d ranks are on one node", size);
        st = use(reducer, &ls_reducer_shared, because);
        if (st != LS_ERR_MEMORY)
            return st;
        snprintf(because, sizeof because, "the ranks of the node cannot share memory (%s)", ls_error_message());
        ls_reducer_shared.destroy(reducer);
        reducer->state = NULL;
        reducer->fell_back = true;
    } else {
        snprintf(because, sizeof because, "the ranks are on several nodes, or in containers without common memory");
        reducer->fell_back = asked;
    }
    return use(reducer, &ls_reducer_ring, because);
}

ls_status ls_reducer_create(const ls_comm *comm, const ls_reducer_options *options, ls_reducer **out)
{
    const ls_reducer_ops *asked = NULL;
    ls_reducer *reducer = NULL;
    ls_status st = ls_agree(comm, make(comm, options, &asked, &reducer));

    *out = NULL;
    if (st == LS_OK)
        st = asked && asked != &ls_reducer_shared ? use(reducer, asked, "set by distributed.allreduce")
                                                  : share_or_send(reducer, asked != NULL);
    if (st == LS_OK)
        *out = reducer;
    else
        ls_reducer_free(reducer);
    return st;
}
