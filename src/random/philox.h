/*
 * Addressed randomness: every random number is a pure function of where it is used, never of what was drawn before.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten rounds turn a
 * 128-bit counter and a 64-bit key into 128 random bits.
 */
#ifndef LS_RANDOM_PHILOX_H
#define LS_RANDOM_PHILOX_H

#include <stddef.h>
#include <stdint.h>

/* What a random number is for: part of its address, so that no two uses share one. Values are part of the format. */
typedef enum ls_purpose {
    LS_PURPOSE_INITIAL_WEIGHTS = 1,
    LS_PURPOSE_SHUFFLE = 2,
    LS_PURPOSE_DROPOUT = 3,
    LS_PURPOSE_NOISE = 4,
    LS_PURPOSE_SPLIT = 5,
    LS_PURPOSE_SEARCH = 6,
    LS_PURPOSE_AUGMENTATION = 7,
} ls_purpose;

/* The Philox4x32-10 block function. */
void ls_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/*
 * A stream: the numbers at (seed, purpose, a, b). Element i of it is word i % 4 of block i / 4.
 * For dropout: a = the update, b = (node << 40) ^ global sample position; for weights: a = parameter index, b = 0.
 *
 * The address is folded into 128 bits by two applications of the block function, key = f(seed; purpose) and
 * (key, high) = f(key; a, b); the second is one-to-one, so no two (a, b) of a purpose share a stream. Block k is then
 * f(key; k, high). Making a stream costs two blocks.
 */
typedef struct ls_stream {
    uint32_t key[2], high[2];
} ls_stream;

ls_stream ls_stream_at(uint64_t seed, ls_purpose purpose, uint64_t a, uint64_t b);

/* Elements first … first+n-1 of the stream. Results do not depend on how a range is cut. */
void ls_stream_bits(const ls_stream *stream, uint64_t first, size_t n, uint32_t *out);
/* Uniform in [0, 1): multiples of 2^-24. */
void ls_stream_uniform(const ls_stream *stream, uint64_t first, size_t n, float *out);
/* Standard normal by the Box-Muller transform on element pairs (2k, 2k+1), elementary functions from tensor/math.h. */
void ls_stream_normal(const ls_stream *stream, uint64_t first, size_t n, float *out);
/* Normal, resampled until it lies within (-2, 2), from further elements of the same address. */
void ls_stream_truncated_normal(const ls_stream *stream, uint64_t first, size_t n, float *out);

#endif
