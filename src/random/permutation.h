/*
 * The order of an epoch: a permutation of 0 … n-1 that depends on (seed, epoch) alone.
 *
 * Below 2^16 samples it is a Fisher-Yates table drawn from Philox; above, a keyed Feistel network of 8 rounds on
 * 2 ceil(log2(n)/2) bits with cycle walking, which needs no memory and gives any position in O(1).
 */
#ifndef LS_RANDOM_PERMUTATION_H
#define LS_RANDOM_PERMUTATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_permutation ls_permutation;

/* n may be 0. The table, if any, is allocated once here; every epoch reuses it. */
ls_status ls_permutation_create(uint64_t n, uint64_t seed, ls_permutation **out);
void ls_permutation_free(ls_permutation *permutation);

/* Choose the epoch. Cheap when the epoch is the one chosen last. */
void ls_permutation_set_epoch(ls_permutation *permutation, uint64_t epoch);

/* The sample at a position (< n) of the chosen epoch. */
uint64_t ls_permutation_at(const ls_permutation *permutation, uint64_t position);

#endif
