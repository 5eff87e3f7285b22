#include "train/accumulator.h"

#include <string.h>

#include "base/memory.h"

static size_t strip_of(size_t block)
{
    return block / LS_STRIP_BLOCKS;
}

ls_status ls_accumulator_init(ls_accumulator *a, ls_reducer *reducer, size_t blocks, size_t block_bytes)
{
    static const char what[] = "the gradient accumulators";
    const ls_sharing *sharing = reducer->together ? ls_node_memory_sharing(reducer->memory) : NULL;
    void *touched = NULL, *lock = NULL;

    *a = (ls_accumulator){
        .reducer = reducer, .sums = reducer->sums, .blocks = blocks, .block_bytes = block_bytes, .released = true};
    if (!sharing) {
        a->touched = ls_calloc(blocks, sizeof *a->touched, what);
        return ls_agree(reducer->comm, a->touched ? LS_OK : LS_ERR_MEMORY);
    }
    LS_TRY(sharing->allocate(sharing->context, (blocks + 1) * sizeof *a->touched, what, &touched));
    LS_TRY(sharing->allocate(sharing->context, (strip_of(blocks) + 1) * sizeof *a->lock, what, &lock));
    a->touched = touched;
    a->lock = lock;
    return LS_OK;
}

void ls_accumulator_reset(ls_accumulator *a)
{
    if (!a->lock)
        ls_free((void *)a->touched);
    *a = (ls_accumulator){0};
}

void ls_accumulator_begin(ls_accumulator *a)
{
    ls_accumulator_release(a);
    a->released = a->settled = false;
    a->attempt++; /* it may wrap: every attempt touches all blocks */
}

void ls_accumulator_release(ls_accumulator *a)
{
    if (!a->released)
        ls_reducer_release(a->reducer);
    a->released = true;
}

/* Before the first writing of an attempt. */
static void settle(ls_accumulator *a)
{
    if (!a->settled)
        ls_reducer_settle(a->reducer);
    a->settled = true;
}

void ls_accumulator_take(ls_accumulator *a, size_t begin, size_t end)
{
    settle(a);
    for (size_t s = strip_of(begin); a->lock && begin < end && s <= strip_of(end - 1); s++)
        ls_lock_take(&a->lock[s]);
}

bool ls_accumulator_try(ls_accumulator *a, size_t begin, size_t end)
{
    settle(a);
    for (size_t s = strip_of(begin); a->lock && begin < end && s <= strip_of(end - 1); s++)
        if (!ls_lock_try(&a->lock[s])) {
            while (s-- > strip_of(begin))
                ls_lock_leave(&a->lock[s]);
            return false;
        }
    return true;
}

void ls_accumulator_leave(ls_accumulator *a, size_t begin, size_t end)
{
    for (size_t s = strip_of(begin); a->lock && begin < end && s <= strip_of(end - 1); s++)
        ls_lock_leave(&a->lock[s]);
}

static bool is_touched(const ls_accumulator *a, size_t block)
{
    return atomic_load_explicit(&a->touched[block], memory_order_relaxed) == a->attempt;
}

static void touch(ls_accumulator *a, size_t block)
{
    atomic_store_explicit(&a->touched[block], a->attempt, memory_order_relaxed);
}

bool ls_accumulator_open(ls_accumulator *a, size_t begin, size_t end)
{
    size_t touched = 0;

    for (size_t b = begin; b < end; b++)
        touched += is_touched(a, b);
    for (size_t b = begin; b < end && touched < end - begin; b++)
        if (!is_touched(a, b)) {
            if (touched > 0)
                memset(ls_accumulator_at(a, b), 0, a->block_bytes);
            touch(a, b);
        }
    return touched == 0;
}

void ls_accumulator_clear(ls_accumulator *a, size_t begin, size_t end)
{
    while (begin < end) {
        const size_t next = (strip_of(begin) + 1) * LS_STRIP_BLOCKS, stop = next < end ? next : end;
        size_t b = begin;

        while (b < stop && is_touched(a, b))
            b++;
        if (b < stop) {
            ls_accumulator_take(a, begin, stop);
            for (; b < stop; b++)
                if (!is_touched(a, b)) {
                    memset(ls_accumulator_at(a, b), 0, a->block_bytes);
                    touch(a, b);
                }
            ls_accumulator_leave(a, begin, stop);
        }
        begin = stop;
    }
}
