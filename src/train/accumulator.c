#include "train/accumulator.h"

#include <string.h>

#include "base/memory.h"

ls_status ls_accumulator_init(ls_accumulator *a, ls_reducer *reducer, size_t blocks, size_t block_bytes)
{
    static const char what[] = "the gradient accumulators";
    const ls_sharing *sharing = reducer->together ? ls_node_memory_sharing(reducer->memory) : NULL;
    size_t count;
    void *all = NULL;

    *a = (ls_accumulator){.reducer = reducer,
                          .sums = reducer->sums,
                          .blocks = blocks,
                          .block_bytes = block_bytes,
                          .parts = 1,
                          .released = true};
    if (!sharing) {
        a->touched = ls_calloc(blocks, sizeof *a->touched, what);
        return ls_agree(reducer->comm, a->touched ? LS_OK : LS_ERR_MEMORY);
    }
    a->part = (size_t)sharing->part;
    a->parts = (size_t)sharing->parts;
    if (!ls_size_mul(a->parts, blocks, &count) || !ls_size_mul(count, sizeof *a->touched, &count))
        return ls_fail(LS_ERR_MEMORY, "%s of %zu ranks are more than can be addressed", what, a->parts);
    LS_TRY(sharing->allocate(sharing->context, count, what, &all));
    a->all = all;
    a->touched = a->all + a->part * blocks;
    return LS_OK;
}

void ls_accumulator_reset(ls_accumulator *a)
{
    if (!a->all)
        ls_free((void *)a->touched);
    *a = (ls_accumulator){0};
}

/* Before the first writing of an attempt. */
static void settle(ls_accumulator *a)
{
    if (!a->settled)
        ls_reducer_settle(a->reducer);
    a->settled = true;
}

void ls_accumulator_begin(ls_accumulator *a)
{
    ls_accumulator_release(a);
    a->released = a->settled = false;
    if (++a->attempt == 0) { /* the counter wrapped: no block may look written */
        settle(a);
        memset((void *)a->touched, 0, a->blocks * sizeof *a->touched);
        a->attempt = 1;
    }
}

void ls_accumulator_release(ls_accumulator *a)
{
    if (!a->released)
        ls_reducer_release(a->reducer);
    a->released = true;
}

static bool is_touched(const ls_accumulator *a, const _Atomic uint32_t *touched, size_t block)
{
    return atomic_load_explicit(&touched[block], memory_order_relaxed) == a->attempt;
}

static void touch(ls_accumulator *a, size_t block)
{
    atomic_store_explicit(&a->touched[block], a->attempt, memory_order_relaxed);
}

bool ls_accumulator_open(ls_accumulator *a, size_t begin, size_t end)
{
    size_t touched = 0;

    settle(a);
    for (size_t b = begin; b < end; b++)
        touched += is_touched(a, a->touched, b);
    for (size_t b = begin; b < end && touched < end - begin; b++)
        if (!is_touched(a, a->touched, b)) {
            if (touched > 0)
                memset(ls_accumulator_at(a, b), 0, a->block_bytes);
            touch(a, b);
        }
    return touched == 0;
}

void ls_accumulator_close(ls_accumulator *a, size_t begin, size_t end)
{
    for (size_t b = begin; b < end && !a->all; b++)
        if (!is_touched(a, a->touched, b)) {
            settle(a);
            memset(ls_accumulator_at(a, b), 0, a->block_bytes);
            touch(a, b);
        }
}

/* Beginning with this rank's own, which are near. */
const void *ls_accumulator_total(const ls_accumulator *a, size_t block, double sum[LS_ACCUMULATOR_DOUBLES])
{
    const void *total = NULL;

    if (!a->all)
        return ls_accumulator_at(a, block);
    for (size_t k = 0; k < a->parts; k++) {
        const size_t part = (a->part + k) % a->parts;
        const char *const theirs = ls_reducer_sums_of(a->reducer, part) + block * a->block_bytes;

        if (!is_touched(a, a->all + part * a->blocks, block))
            continue;
        if (!total) {
            total = theirs;
            continue;
        }
        if (total != sum)
            memcpy(sum, total, a->block_bytes);
        ls_element_add(LS_FLOAT64, sum, theirs, a->block_bytes / sizeof *sum);
        total = sum;
    }
    return total ? total : memset(sum, 0, a->block_bytes);
}
