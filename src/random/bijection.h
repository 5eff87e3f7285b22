/*
 * A one-to-one mapping of 0 … n-1 onto itself, drawn from a stream of random numbers.
 *
 * Below 2^16 it is a Fisher-Yates table; above, a keyed Feistel network of 8 rounds on 2 ceil(log2(n)/2) bits with
 * cycle walking, which needs no memory and gives any element in O(1).
 */
#ifndef LS_RANDOM_BIJECTION_H
#define LS_RANDOM_BIJECTION_H

#include <stdint.h>

#include "base/error.h"
#include "random/philox.h"

#define LS_BIJECTION_ROUNDS 8

typedef struct ls_bijection {
    uint64_t n;
    uint16_t *table; /* of the largest n below 2^16 that can be chosen */
    int half_bits;   /* the network works on 2 half_bits bits; 0: the table counts */
    uint64_t key[LS_BIJECTION_ROUNDS];
} ls_bijection;

/* most: the largest n that will be chosen. The table, if any, is allocated here; every choice reuses it. */
ls_status ls_bijection_init(ls_bijection *b, uint64_t most);
void ls_bijection_reset(ls_bijection *b);

/* Draw a mapping of 0 … n-1 from the stream; n may be 0. O(n) below 2^16, else O(1). */
void ls_bijection_choose(ls_bijection *b, uint64_t n, const ls_stream *stream);

uint64_t ls_bijection_at(const ls_bijection *b, uint64_t i);
/* The i at which x stands. O(n) below 2^16, else O(1). */
uint64_t ls_bijection_find(const ls_bijection *b, uint64_t x);

#endif
