#include "random/permutation.h"

#include <stdbool.h>

#include "base/memory.h"
#include "random/philox.h"

#define TABLE_LIMIT (UINT64_C(1) << 16) /* from here on a Feistel network instead of a table */
#define ROUNDS 8
#define BUFFER 256 /* random words drawn at a time */

struct ls_permutation {
    uint64_t n, seed, epoch;
    uint16_t *table; /* (n); NULL from TABLE_LIMIT on */
    int half_bits;   /* the network works on 2 half_bits bits */
    uint64_t key[ROUNDS];
};

/* The words of a stream one after the other. */
typedef struct source {
    ls_stream stream;
    uint64_t next;
    uint32_t word[BUFFER];
} source;

static uint32_t draw(source *s)
{
    if (s->next % BUFFER == 0)
        ls_stream_bits(&s->stream, s->next, BUFFER, s->word);
    return s->word[s->next++ % BUFFER];
}

/*
 * Uniform in [0, bound), bound > 0, without bias: the upper half of word * bound, where words whose lower half falls
 * into the 2^32 mod bound surplus values are drawn again (Lemire, ACM TOMACS 29 (2019)).
 */
static uint32_t draw_below(source *s, uint32_t bound)
{
    const uint32_t surplus = (uint32_t)-bound % bound;
    uint64_t product;

    do
        product = (uint64_t)draw(s) * bound;
    while ((uint32_t)product < surplus);
    return (uint32_t)(product >> 32);
}

/* Fisher-Yates, inside out. */
static void fill_table(ls_permutation *p, const ls_stream *stream)
{
    source s = {.stream = *stream};

    for (uint32_t i = 0; i < p->n; i++) {
        const uint32_t j = draw_below(&s, i + 1);

        p->table[i] = p->table[j];
        p->table[j] = (uint16_t)i;
    }
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014; constants by Stafford, variant 13). */
static inline uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* (L, R) -> (R, L ^ F(R)) in every round: one-to-one on 2 half_bits bits whatever F is. */
static uint64_t feistel(const ls_permutation *p, uint64_t x)
{
    const int half = p->half_bits;
    uint64_t left = x >> half, right = x & ((UINT64_C(1) << half) - 1);

    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t next = left ^ (mix(right + p->key[round]) >> (64 - half));

        left = right;
        right = next;
    }
    return left << half | right;
}

/* Half of ceil(log2(n)), rounded up: 2^(2 half) is n or more, and less than 4 n. */
static int half_bits(uint64_t n)
{
    int bits = 0;

    while (bits < 64 && (n - 1) >> bits != 0)
        bits++;
    return (bits + 1) / 2;
}

static void prepare(ls_permutation *p)
{
    const ls_stream stream = ls_stream_at(p->seed, LS_PURPOSE_SHUFFLE, p->epoch, 0);
    uint32_t words[2 * ROUNDS];

    if (p->n < TABLE_LIMIT) {
        fill_table(p, &stream);
        return;
    }
    ls_stream_bits(&stream, 0, 2 * ROUNDS, words);
    for (int i = 0; i < ROUNDS; i++)
        p->key[i] = (uint64_t)words[2 * i] << 32 | words[2 * i + 1];
}

ls_status ls_permutation_create(uint64_t n, uint64_t seed, ls_permutation **out)
{
    ls_permutation *p = ls_calloc(1, sizeof *p, "a permutation");

    *out = NULL;
    if (!p)
        return LS_ERR_MEMORY;
    p->n = n;
    p->seed = seed;
    if (n >= TABLE_LIMIT) {
        p->half_bits = half_bits(n);
    } else if (!(p->table = ls_calloc((size_t)n, sizeof *p->table, "the order of an epoch"))) {
        ls_permutation_free(p);
        return LS_ERR_MEMORY;
    }
    prepare(p);
    *out = p;
    return LS_OK;
}

void ls_permutation_free(ls_permutation *permutation)
{
    if (!permutation)
        return;
    ls_free(permutation->table);
    ls_free(permutation);
}

void ls_permutation_set_epoch(ls_permutation *permutation, uint64_t epoch)
{
    if (epoch == permutation->epoch)
        return;
    permutation->epoch = epoch;
    prepare(permutation);
}

uint64_t ls_permutation_at(const ls_permutation *permutation, uint64_t position)
{
    uint64_t x = position;

    if (permutation->table)
        return permutation->table[position];
    /* Cycle walking: the network permutes a range below 4 n; following its cycle until it is back below n permutes n.
     */
    do
        x = feistel(permutation, x);
    while (x >= permutation->n);
    return x;
}
