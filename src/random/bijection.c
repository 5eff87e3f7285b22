#include "random/bijection.h"

#include "base/memory.h"

#define TABLE_LIMIT (UINT64_C(1) << 16) /* from here on a Feistel network instead of a table */
#define BUFFER 256                      /* random words drawn at a time */

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
static void fill_table(ls_bijection *b, const ls_stream *stream)
{
    source s = {.stream = *stream};

    for (uint32_t i = 0; i < b->n; i++) {
        const uint32_t j = draw_below(&s, i + 1);

        b->table[i] = b->table[j];
        b->table[j] = (uint16_t)i;
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
static uint64_t feistel(const ls_bijection *b, uint64_t x)
{
    const int half = b->half_bits;
    uint64_t left = x >> half, right = x & ((UINT64_C(1) << half) - 1);

    for (int round = 0; round < LS_BIJECTION_ROUNDS; round++) {
        const uint64_t next = left ^ (mix(right + b->key[round]) >> (64 - half));

        left = right;
        right = next;
    }
    return left << half | right;
}

/* The rounds backwards: (R, L ^ F(R)) -> (L, R). */
static uint64_t inverse_feistel(const ls_bijection *b, uint64_t x)
{
    const int half = b->half_bits;
    uint64_t left = x >> half, right = x & ((UINT64_C(1) << half) - 1);

    for (int round = LS_BIJECTION_ROUNDS - 1; round >= 0; round--) {
        const uint64_t before = right ^ (mix(left + b->key[round]) >> (64 - half));

        right = left;
        left = before;
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

ls_status ls_bijection_init(ls_bijection *b, uint64_t most)
{
    const uint64_t entries = most < TABLE_LIMIT ? most : TABLE_LIMIT - 1;

    *b = (ls_bijection){0};
    b->table = ls_calloc((size_t)entries, sizeof *b->table, "the order of an epoch");
    return b->table ? LS_OK : LS_ERR_MEMORY;
}

void ls_bijection_reset(ls_bijection *b)
{
    ls_free(b->table);
    *b = (ls_bijection){0};
}

void ls_bijection_choose(ls_bijection *b, uint64_t n, const ls_stream *stream)
{
    uint32_t words[2 * LS_BIJECTION_ROUNDS];

    b->n = n;
    b->half_bits = 0;
    if (n < TABLE_LIMIT) {
        fill_table(b, stream);
        return;
    }
    b->half_bits = half_bits(n);
    ls_stream_bits(stream, 0, 2 * LS_BIJECTION_ROUNDS, words);
    for (int i = 0; i < LS_BIJECTION_ROUNDS; i++)
        b->key[i] = (uint64_t)words[2 * i] << 32 | words[2 * i + 1];
}

/*
 * Cycle walking: the network permutes a range below 4 n; following its cycle until it is back below n permutes n.
 */
uint64_t ls_bijection_at(const ls_bijection *b, uint64_t i)
{
    uint64_t x = i;

    if (!b->half_bits)
        return b->table[i];
    do
        x = feistel(b, x);
    while (x >= b->n);
    return x;
}

uint64_t ls_bijection_find(const ls_bijection *b, uint64_t x)
{
    uint64_t i = 0;

    if (b->half_bits) {
        i = x;
        do
            i = inverse_feistel(b, i);
        while (i >= b->n);
        return i;
    }
    while (b->table[i] != x)
        i++;
    return i;
}
