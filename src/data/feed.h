/*
 * Arrays that do not fit into memory, a window at a time. A thread reads the next windows while the present one is in
 * use; the processes of a node hold each window once and read it together, each its share of the chunks.
 *
 * Memory is a ring of slots, each of them a window of all arrays: as many as the positions of one batch can lie in, and
 * one more to be read ahead.
 */
#ifndef LS_DATA_FEED_H
#define LS_DATA_FEED_H

#include "data/dataset.h"
#include "random/permutation.h"

typedef struct ls_feed ls_feed;

typedef struct ls_feed_settings {
    ls_array *const
        *array; /* [arrays] described, not loaded, and done with their settings; borrowed, NULL ones skipped */
    size_t arrays;
    uint64_t begin, samples; /* samples [begin, begin + samples) of the arrays, which count from 0 here */
    ls_windows windows;
    bool shuffled; /* in the windowed order of `seed` and an epoch; otherwise 0, 1, 2, … */
    uint64_t seed;
    uint64_t most;             /* positions that are asked for at a time */
    const ls_sharing *sharing; /* borrowed; NULL: this process alone */
} ls_feed_settings;

/* Bytes that such a feed holds on a node; SIZE_MAX: more than can be addressed. */
size_t ls_feed_bytes(const ls_feed_settings *settings);

/* Collective over sharing. */
ls_status ls_feed_open(const ls_feed_settings *settings, ls_feed **out);
void ls_feed_close(ls_feed *feed);

/* Called about once a second while others read, if they get on. */
typedef void (*ls_feed_progress)(void *context);

/*
 * Collective over sharing. Make the samples at positions [first, first + n) of the epoch, n <= most, available, until
 * the next call. Waits for the disk if it must. In order: the epoch is always 0. Fails as reading an array does.
 */
ls_status ls_feed_advance(ls_feed *feed, uint64_t epoch, uint64_t first, uint64_t n, ls_feed_progress progress,
                          void *context);

/* The order of the feed, to place positions with when it is not shuffled; borrowed. */
const ls_permutation *ls_feed_order(const ls_feed *feed);

/* Array i as the feed holds it; NULL if it was opened with NULL. Its samples go by ls_feed_index. Borrowed. */
const ls_array *ls_feed_array(const ls_feed *feed, size_t i);
/* The index in the arrays of a feed of the sample at a place of the windowed order, in an epoch. */
uint64_t ls_feed_index(const ls_feed *feed, uint64_t epoch, const ls_sample_place *place);

#endif
