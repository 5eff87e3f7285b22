#include "train/placement.h"

#include <stdio.h>

/* A split and the view that was cut from it take memory together. */
static bool is_view_of(const ls_split *view, const ls_split *split)
{
    return view && split && !view->owns && view->x[0] == split->x[0];
}

static size_t add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Bytes of split i with its view; 0 for a view itself. */
static size_t bytes_of(const ls_placement *p, size_t i)
{
    size_t bytes;

    if (!p->split[i] || !p->split[i]->owns)
        return 0;
    bytes = ls_split_bytes(p->split[i]);
    for (size_t k = 0; k < LS_PLACEMENT_MAX; k++)
        if (is_view_of(p->split[k], p->split[i]))
            bytes = add(bytes, ls_split_bytes(p->split[k]));
    return bytes;
}

/* Which are streamed. Returns the bytes of those that are not. */
static size_t choose(ls_placement *p, size_t limit)
{
    size_t total = 0, resident = 0;

    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++) {
        p->streamed[i] = false;
        total = add(total, bytes_of(p, i));
    }
    if (total <= limit)
        return total;
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        p->streamed[i] = p->split[i] && p->split[i]->owns;
    for (;;) {
        size_t best = LS_PLACEMENT_MAX;

        for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
            if (p->streamed[i] && (best == LS_PLACEMENT_MAX || bytes_of(p, i) < bytes_of(p, best)))
                best = i;
        if (best == LS_PLACEMENT_MAX || add(resident, bytes_of(p, best)) > limit / 4)
            break;
        p->streamed[best] = false;
        resident += bytes_of(p, best);
    }
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++)
        for (size_t k = 0; k < LS_PLACEMENT_MAX; k++)
            if (p->streamed[i] && is_view_of(p->split[k], p->split[i]))
                p->streamed[k] = true;
    return resident;
}

/* The most chunks that a window may have; 0: not even one fits. */
static uint64_t largest_window(const ls_split *split, uint64_t chunk, uint64_t most, size_t budget)
{
    uint64_t fits = 0, too_many = split->samples / chunk + 2;

    while (fits + 1 < too_many) {
        const ls_windows windows = {.chunk = chunk, .window = fits + (too_many - fits) / 2};
        const ls_feed_settings settings = ls_split_feed_settings(split, &windows, most, NULL);

        if (ls_feed_bytes(&settings) <= budget)
            fits = windows.window;
        else
            too_many = windows.window;
    }
    return fits;
}

/* Of data that keep their order: as large as it fits, of chunks that may be smaller than the file's. */
static ls_windows windows_in_order(const ls_split *split, uint64_t most, size_t budget)
{
    ls_windows windows = {.chunk = ls_split_chunk_rows(split)};

    while (!(windows.window = largest_window(split, windows.chunk, most, budget)) && windows.chunk > 1)
        windows.chunk /= 2;
    return windows;
}

static ls_status fail_too_small(const ls_split *split, uint64_t chunk, uint64_t most, size_t budget, size_t limit,
                                const ls_config *at)
{
    const ls_windows windows = {.chunk = chunk, .window = 1};
    const ls_feed_settings settings = ls_split_feed_settings(split, &windows, most, NULL);

    return ls_config_fail(
        at,
        "data.memory is too small for the split '%s': windows of %llu samples, the least there is, need %.4g "
        "MB, %.4g of the %.4g MB are for it",
        split->name, (unsigned long long)chunk, (double)ls_feed_bytes(&settings) / 1e6, (double)budget / 1e6,
        (double)limit / 1e6);
}

static ls_status plan_in_order(const ls_experiment *e, ls_placement *p, size_t i, uint64_t most, size_t budget,
                               const ls_config *at)
{
    const ls_windows windows = windows_in_order(p->split[i], most, budget);

    if (!windows.window)
        return fail_too_small(p->split[i], 1, most, budget, (size_t)e->data.memory_bytes, at);
    p->feed[i] = ls_split_feed_settings(p->split[i], &windows, most, NULL);
    return LS_OK;
}

/* The split to train on: the experiment says in which windows it is shuffled. */
static ls_status plan_training(const ls_experiment *e, ls_placement *p, size_t budget, const ls_config *at)
{
    ls_split *split = p->split[0];
    const uint64_t most = (uint64_t)e->fit.batch_size;
    const uint64_t chunk = e->fit.chunk ? (uint64_t)e->fit.chunk : ls_split_chunk_rows(split);
    const uint64_t fits = largest_window(split, chunk, most, budget);
    const ls_windows windows = {.chunk = chunk, .window = (uint64_t)e->fit.window};

    if (!e->fit.shuffle)
        return plan_in_order(e, p, 0, most, budget, at);
    if (!fits)
        return fail_too_small(split, chunk, most, budget, (size_t)e->data.memory_bytes, at);
    if (!e->fit.window)
        return ls_config_fail(
            at,
            "data.%s has %.4g MB, more than data.memory allows, and fit.shuffle: true needs all of it; "
            "shuffle within windows of chunks of %llu samples, up to fit.shuffle: {window: %llu}, or "
            "raise data.memory",
            split->name, (double)ls_split_bytes(split) / 1e6, (unsigned long long)chunk, (unsigned long long)fits);
    p->feed[0] = ls_split_feed_settings(split, &windows, most, NULL);
    if (ls_feed_bytes(&p->feed[0]) > budget)
        return ls_config_fail(at,
                              "windows of %llu chunks of %llu samples need %.4g MB, but data.memory leaves %.4g MB for "
                              "data.%s; use at most fit.shuffle: {window: %llu}, or raise data.memory",
                              (unsigned long long)windows.window, (unsigned long long)chunk,
                              (double)ls_feed_bytes(&p->feed[0]) / 1e6, (double)budget / 1e6, split->name,
                              (unsigned long long)fits);
    p->feed[0].shuffled = true;
    p->feed[0].seed = e->seed;
    return LS_OK;
}

ls_status ls_placement_plan(const ls_experiment *e, ls_placement *p)
{
    const ls_config *at = ls_config_get(ls_config_get(e->root, "data"), "memory");
    const size_t limit = e->data.memory_bytes ? (size_t)e->data.memory_bytes : SIZE_MAX;
    const size_t remains = limit - choose(p, limit);
    const int64_t batch =
        e->fit.validation_batch_size > e->fit.batch_size ? e->fit.validation_batch_size : e->fit.batch_size;
    size_t evaluated = 0, for_evaluation;

    if (p->split[0] && e->fit.shuffle && e->fit.window)
        p->split[0]->windows = (ls_windows){
            .chunk = e->fit.chunk ? (uint64_t)e->fit.chunk : ls_split_chunk_rows(p->split[0]),
            .window = (uint64_t)e->fit.window,
        };
    for (size_t i = 1; i < LS_PLACEMENT_MAX; i++)
        evaluated += p->streamed[i];
    for_evaluation = evaluated ? (p->streamed[0] ? remains / 4 : remains) / evaluated : 0;
    if (p->streamed[0])
        LS_TRY(plan_training(e, p, remains - for_evaluation * evaluated, at));
    for (size_t i = 1; i < LS_PLACEMENT_MAX; i++)
        if (p->streamed[i])
            LS_TRY(plan_in_order(e, p, i, (uint64_t)batch, for_evaluation, at));
    return LS_OK;
}

ls_status ls_placement_carry_out(ls_placement *p, const ls_sharing *sharing)
{
    for (size_t i = 0; i < LS_PLACEMENT_MAX; i++) {
        if (!p->split[i])
            continue;
        p->feed[i].sharing = sharing;
        LS_TRY(p->streamed[i] ? ls_split_stream(p->split[i], &p->feed[i]) : ls_split_read(p->split[i], sharing));
    }
    return LS_OK;
}
