/*
 * The order of an epoch: a permutation of 0 … n-1 that depends on (seed, epoch) alone, in O(1) per position and without
 * tables of n entries.
 *
 * Three kinds. Whole: every order of the samples can come. Windowed, for data that do not fit into memory: samples lie
 * in chunks of c rows; the chunks are permuted, K of them in that order are a window, and the rows of a window are
 * permuted:
 *
 *     file        | 0 | 1 | 2 | 3 | 4 | 5 |6|        chunks; the last may be short
 *     chunks      | 4 | 1 |6| 3 | 0 | 5 | 2 |        permuted: the short one stands anywhere
 *     windows     |  4, 1   | 6, 3 |  0, 5  | 2 |    K = 2, the last may have fewer chunks
 *     epoch        rows of 4 and 1 mixed, then those of 6 and 3, …
 *
 * so that only a window has to be in memory; samples of one chunk stay within one window. In order: 0, 1, 2, …, cut
 * into such windows. Source of the scheme: CorgiPile (Xu et al., SIGMOD 2022).
 */
#ifndef LS_RANDOM_PERMUTATION_H
#define LS_RANDOM_PERMUTATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_permutation ls_permutation;

typedef struct ls_windows {
    uint64_t chunk;  /* rows of a chunk */
    uint64_t window; /* chunks of a window; 0: there are no windows */
} ls_windows;

/* An order of 0 … n-1 as a whole. n may be 0. Tables, at most 128 KiB, are allocated once here; every epoch reuses
 * them. */
ls_status ls_permutation_create(uint64_t n, uint64_t seed, ls_permutation **out);
/* An order in windows; n, windows->chunk and windows->window are above 0. */
ls_status ls_permutation_create_windowed(uint64_t n, const ls_windows *windows, uint64_t seed, ls_permutation **out);
/* The order 0, 1, 2, … in windows. */
ls_status ls_permutation_create_in_order(uint64_t n, const ls_windows *windows, ls_permutation **out);
void ls_permutation_free(ls_permutation *permutation);

/* Choose the epoch. Cheap when the epoch is the one chosen last. */
void ls_permutation_set_epoch(ls_permutation *permutation, uint64_t epoch);
uint64_t ls_permutation_epoch(const ls_permutation *permutation);

/*
 * The sample at a position (< n) of the chosen epoch. Windows of less than 2^16 rows have tables, which are made for
 * two neighbours at a time: going through positions in order costs O(1) each. Not for several threads at once.
 */
uint64_t ls_permutation_at(const ls_permutation *permutation, uint64_t position);

/* ---- windows: not of the whole kind ---- */

typedef struct ls_sample_place {
    uint64_t sample;
    uint64_t window;
    uint64_t row; /* of the sample in the window, whose chunks stand one after another */
} ls_sample_place;
ls_sample_place ls_permutation_place(const ls_permutation *permutation, uint64_t position);

uint64_t ls_permutation_windows(const ls_permutation *permutation);
uint64_t ls_permutation_window_of(const ls_permutation *permutation, uint64_t position);
uint64_t ls_permutation_window_rows_max(const ls_permutation *permutation);
/* The most windows that `count` consecutive positions lie in, over all epochs. */
uint64_t ls_permutation_windows_of(const ls_permutation *permutation, uint64_t count);

/* Chunks of a window are numbers 0 … count-1. */
uint64_t ls_permutation_window_chunks(const ls_permutation *permutation, uint64_t window);
typedef struct ls_chunk {
    uint64_t first, rows; /* its samples [first, first + rows) */
    uint64_t row;         /* where they stand in the window */
} ls_chunk;
ls_chunk ls_permutation_chunk(const ls_permutation *permutation, uint64_t window, uint64_t k);

#endif
