/* All reducers, by name, and which of them is made. Each of them needs what reducer.c holds. */
#include "comm/reducer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define MOST_SEGMENT_BYTES ((size_t)1 << 30) /* also packed its length is an int */

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
    reducer->segment_bytes = options->segment_bytes < MOST_SEGMENT_BYTES ? options->segment_bytes : MOST_SEGMENT_BYTES;
    reducer->segment_bytes = reducer->segment_bytes / sizeof(double) * sizeof(double);
    reducer->max_bytes = options->max_bytes;
    reducer->sums_bytes = (options->sums_bytes + LS_ALIGNMENT - 1) / LS_ALIGNMENT * LS_ALIGNMENT;
    reducer->any_order = options->any_order;
    reducer->together = options->any_order && options->together;
    reducer->wire = options->wire;
    reducer->packs = options->wire == LS_WIRE_PACKED;
    reducer->capacity = options->vectors ? options->vectors : 1;
    reducer->queue = ls_calloc(reducer->capacity, sizeof *reducer->queue, "the vectors of a reducer");
    return reducer->queue ? LS_OK : LS_ERR_MEMORY;
}

/* reducer->why: the algorithm, what it found, and why it was taken. */
static ls_status explain(ls_reducer *reducer, const char *because)
{
    ls_text why = {0};
    ls_status st = LS_OK;

    ls_text_add(&why, "%s: ", reducer->ops->name);
    if (reducer->ops->describe)
        st = reducer->ops->describe(reducer, &why);
    if (because)
        ls_text_add(&why, "%s%s", reducer->ops->describe ? "; " : "", because);
    ls_free(reducer->why);
    reducer->why = why.data;
    return st != LS_OK ? st : why.status;
}

/* Collective. The algorithm, its state and memory. because: NULL if what the algorithm found is reason enough. */
static ls_status use(ls_reducer *reducer, const ls_reducer_ops *ops, const char *because)
{
    const bool shares = ops == &ls_reducer_shared || ops == &ls_reducer_hierarchical;
    ls_status st = LS_OK;

    reducer->ops = ops;
    if (!shares) {
        ls_node_memory_free(reducer->memory);
        reducer->memory = NULL;
        reducer->together = false;
        if (!(reducer->own_sums = ls_calloc(reducer->sums_bytes, 1, "the gradient accumulators")))
            st = LS_ERR_MEMORY;
        reducer->sums = reducer->own_sums;
    }
    LS_TRY(ls_agree(reducer->comm, st));
    LS_TRY(ls_agree(reducer->comm, ops->setup ? ops->setup(reducer) : LS_OK));
    return ls_agree(reducer->comm, explain(reducer, because));
}

/* Collective. Memory of at most `most` ranks of a node; *equal: all nodes have as many ranks. */
static ls_status find_nodes(ls_reducer *reducer, int most, bool *equal)
{
    int parts[2];

    ls_node_memory_free(reducer->memory);
    reducer->memory = NULL;
    LS_TRY(ls_node_memory_create(reducer->comm, most, &reducer->memory));
    parts[0] = ls_node_memory_sharing(reducer->memory)->parts;
    parts[1] = -parts[0];
    LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, parts, 2, MPI_INT, MPI_MAX, reducer->comm->mpi),
                        "cannot compare the nodes"));
    *equal = parts[0] == -parts[1];
    return LS_OK;
}

/* Collective. asked: NULL for auto, or one that shares memory. */
static ls_status share(ls_reducer *reducer, const ls_reducer_ops *asked, int most)
{
    const char *because = NULL;
    char text[512];
    bool equal, one_node;
    ls_status st;

    LS_TRY(find_nodes(reducer, most, &equal));
    one_node = ls_node_memory_sharing(reducer->memory)->parts == reducer->comm->size;
    if (!asked && !(equal && one_node) && !reducer->any_order)
        return use(reducer, &ls_reducer_ring, "there are several nodes, and float32 sums keep the order of the ring");
    if (!equal) {
        because = "nodes have different numbers of ranks, or ranks of one cannot share memory";
        reducer->fell_back = asked != NULL;
        LS_TRY(find_nodes(reducer, 1, &equal));
    } else if (asked == &ls_reducer_shared && !one_node) {
        because = "ranks are on several nodes, or in containers without common memory";
        reducer->fell_back = true;
    }
    st = use(reducer, one_node ? &ls_reducer_shared : &ls_reducer_hierarchical, because);
    if (st != LS_ERR_MEMORY)
        return st;
    snprintf(text, sizeof text, "the ranks of a node cannot share memory (%s)", ls_error_message());
    reducer->ops->destroy(reducer);
    reducer->fell_back = true;
    return use(reducer, &ls_reducer_ring, text);
}

ls_status ls_reducer_create(const ls_comm *comm, const ls_reducer_options *options, ls_reducer **out)
{
    const ls_reducer_ops *asked = NULL;
    ls_reducer *reducer = NULL;
    ls_status st = ls_agree(comm, make(comm, options, &asked, &reducer));

    *out = NULL;
    if (st == LS_OK) {
        if (comm->size == 1)
            st = use(reducer, &ls_reducer_ring, "there is one rank");
        else if (asked && asked != &ls_reducer_shared && asked != &ls_reducer_hierarchical)
            st = use(reducer, asked, "set by distributed.allreduce");
        else
            st = share(reducer, asked, options->node_ranks);
    }
    if (st == LS_OK)
        *out = reducer;
    else
        ls_reducer_free(reducer);
    return st;
}
