#include "random/philox.h"

#include <math.h>

#include "tensor/kernels.h"
#include "tensor/math.h"

/* Multipliers and Weyl increments of Philox4x32 (Salmon et al. 2011, table 2; Random123's philox.h). */
#define MULTIPLIER_0 UINT32_C(0xD2511F53)
#define MULTIPLIER_1 UINT32_C(0xCD9E8D57)
#define WEYL_0 UINT32_C(0x9E3779B9)
#define WEYL_1 UINT32_C(0xBB67AE85)
#define ROUNDS 10

#define WORDS 4         /* per block */
#define CHUNK_BLOCKS 64 /* worked at a time by the distributions below, on the stack */
#define CHUNK (CHUNK_BLOCKS * WORDS)

/* Attempt t at truncated normal i is normal i + t * RETRY_STRIDE of the stream: beyond any tensor's elements. */
#define RETRY_STRIDE (UINT64_C(1) << 48)

/*
 * The ten rounds. Words live in the lower halves of 64-bit variables; what the upper halves hold never matters, which
 * saves the masks: the multiplications below look at lower halves alone. Always inlined, so that the loop over blocks
 * in fill_blocks vectorises as a whole.
 */
static inline __attribute__((always_inline)) void block(uint64_t c0, uint64_t c1, uint64_t c2, uint64_t c3, uint32_t k0,
                                                        uint32_t k1, uint32_t *restrict out)
{
#pragma GCC unroll 10
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t p0 = (c0 & UINT32_MAX) * MULTIPLIER_0, p1 = (c2 & UINT32_MAX) * MULTIPLIER_1;

        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = (uint32_t)c0;
    out[1] = (uint32_t)c1;
    out[2] = (uint32_t)c2;
    out[3] = (uint32_t)c3;
}

void ls_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t words[WORDS];

    block(counter[0], counter[1], counter[2], counter[3], key[0], key[1], words);
    for (int i = 0; i < WORDS; i++)
        out[i] = words[i];
}

ls_stream ls_stream_at(uint64_t seed, ls_purpose purpose, uint64_t a, uint64_t b)
{
    const uint32_t seed_words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t use[4] = {(uint32_t)purpose, 0, 0, 0};
    const uint32_t place[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)};
    uint32_t key[4], folded[4];

    ls_philox(use, seed_words, key);
    ls_philox(place, key, folded);
    return (ls_stream){.key = {folded[0], folded[1]}, .high = {folded[2], folded[3]}};
}

/* Blocks first ... first+n-1 whose numbers share their upper 32 bits: only the lowest counter word runs. */
LS_CLONES static void fill_blocks(uint32_t low, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1,
                                  size_t n, uint32_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        block(low + (uint32_t)i, c1, c2, c3, k0, k1, out + WORDS * i);
}

/* Whole blocks of the stream. */
static void blocks(const ls_stream *s, uint64_t first, size_t n, uint32_t *out)
{
    while (n > 0) {
        const uint64_t until_carry = (UINT64_C(1) << 32) - (uint32_t)first;
        const size_t now = n < until_carry ? n : (size_t)until_carry;

        fill_blocks((uint32_t)first, (uint32_t)(first >> 32), s->high[0], s->high[1], s->key[0], s->key[1], now, out);
        first += now;
        out += WORDS * now;
        n -= now;
    }
}

void ls_stream_bits(const ls_stream *stream, uint64_t first, size_t n, uint32_t *out)
{
    uint32_t words[WORDS];

    if (n > 0 && first % WORDS != 0) {
        blocks(stream, first / WORDS, 1, words);
        for (; n > 0 && first % WORDS != 0; first++, n--)
            *out++ = words[first % WORDS];
    }
    blocks(stream, first / WORDS, n / WORDS, out);
    if (n % WORDS != 0) {
        blocks(stream, first / WORDS + n / WORDS, 1, words);
        for (size_t i = 0; i < n % WORDS; i++)
            out[n - n % WORDS + i] = words[i];
    }
}

LS_CLONES static void to_unit(const uint32_t *restrict bits, size_t n, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int32_t)(bits[i] >> 8) * 0x1p-24f;
}

void ls_stream_uniform(const ls_stream *stream, uint64_t first, size_t n, float *out)
{
    uint32_t bits[CHUNK];

    for (size_t done = 0; done < n; done += CHUNK) {
        const size_t now = n - done < CHUNK ? n - done : CHUNK;

        ls_stream_bits(stream, first + done, now, bits);
        to_unit(bits, now, out + done);
    }
}

/*
 * Normals 2 * pair ... for `pairs` <= CHUNK/2 pairs. With u, v the uniforms of a pair:
 * r = sqrt(-2 ln(1 - u)), (r cos 2 pi v, r sin 2 pi v). 1 - u is exact and in (0, 1], so |normal| <= 5.77.
 */
static void normal_pairs(const ls_stream *stream, uint64_t pair, size_t pairs, float *out)
{
    float unit[CHUNK], r[CHUNK / 2], v[CHUNK / 2], sine[CHUNK / 2], cosine[CHUNK / 2];

    ls_stream_uniform(stream, 2 * pair, 2 * pairs, unit);
    for (size_t i = 0; i < pairs; i++) {
        r[i] = 1.0f - unit[2 * i];
        v[i] = unit[2 * i + 1];
    }
    ls_log(r, r, pairs);
    ls_sin_cos_2pi(v, sine, cosine, pairs);
    for (size_t i = 0; i < pairs; i++) {
        const float radius = sqrtf(-2.0f * r[i]);

        out[2 * i] = radius * cosine[i];
        out[2 * i + 1] = radius * sine[i];
    }
}

void ls_stream_normal(const ls_stream *stream, uint64_t first, size_t n, float *out)
{
    float chunk[CHUNK];
    uint64_t pair = first / 2;
    size_t skip = first % 2; /* an odd start uses only the second of its pair */

    while (n > 0) {
        const size_t now = n < CHUNK - skip ? n : CHUNK - skip;

        normal_pairs(stream, pair, (skip + now + 1) / 2, chunk);
        for (size_t i = 0; i < now; i++)
            out[i] = chunk[skip + i];
        pair += CHUNK / 2;
        out += now;
        n -= now;
        skip = 0;
    }
}

void ls_stream_truncated_normal(const ls_stream *stream, uint64_t first, size_t n, float *out)
{
    ls_stream_normal(stream, first, n, out);
    for (size_t i = 0; i < n; i++)
        for (uint64_t attempt = 1; !(fabsf(out[i]) < 2.0f); attempt++)
            ls_stream_normal(stream, first + i + attempt * RETRY_STRIDE, 1, &out[i]);
}
