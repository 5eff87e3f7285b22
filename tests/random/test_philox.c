/* Philox against Random123's published vectors; streams against plain block calls; distributions by their moments. */
#include "ls_test.h"

#include <stdlib.h>

#include "random/philox.h"

/* philox4x32-10 of Random123's kat_vectors: counter, key, result. */
static void blocks_are_those_of_random123(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    (void)state;
    for (size_t i = 0; i < count_of(vectors); i++) {
        uint32_t out[4];

        ls_philox(vectors[i].counter, vectors[i].key, out);
        assert_memory_equal(out, vectors[i].want, sizeof out);
    }
}

static void output_may_overwrite_the_counter(void **state)
{
    uint32_t words[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    const uint32_t key[2] = {0xa4093822, 0x299f31d0};

    (void)state;
    ls_philox(words, key, words);
    assert_int_equal(words[0], 0xd16cfe09);
    assert_int_equal(words[3], 0x24126ea1);
}

/* Element i is word i % 4 of the block with counter (i / 4, high) under the stream's key. */
static uint32_t element(const ls_stream *s, uint64_t i)
{
    const uint64_t k = i / 4;
    const uint32_t counter[4] = {(uint32_t)k, (uint32_t)(k >> 32), s->high[0], s->high[1]};
    uint32_t out[4];

    ls_philox(counter, s->key, out);
    return out[i % 4];
}

static void a_stream_is_made_of_blocks(void **state)
{
    /* Around 2^34 the counter's low word overflows: element 2^34 is the first of block 2^32. */
    static const uint64_t starts[] = {0, 1, 2, 3, 5, 1000003, (UINT64_C(1) << 34) - 7, UINT64_C(3) << 50};
    const ls_stream s = ls_stream_at(42, LS_PURPOSE_DROPOUT, 7, 1234567);
    uint32_t got[1030];

    (void)state;
    for (size_t k = 0; k < count_of(starts); k++)
        for (size_t n = 0; n < count_of(got); n = n < 20 ? n + 1 : n + 101) {
            memset(got, 0xa5, sizeof got);
            ls_stream_bits(&s, starts[k], n, got);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(got[i], element(&s, starts[k] + i));
            if (n < count_of(got))
                assert_int_equal(got[n], 0xa5a5a5a5); /* nothing written beyond the range */
        }
}

/* The address is part of the format: the same chain, spelled out. */
static void the_address_is_the_chain_spelled_out(void **state)
{
    const uint64_t seed = UINT64_C(0x0123456789abcdef), a = UINT64_C(0x1122334455667788),
                   b = UINT64_C(0x99aabbccddeeff00);
    const ls_stream s = ls_stream_at(seed, LS_PURPOSE_NOISE, a, b);
    const uint32_t use[4] = {4, 0, 0, 0}, seed_words[2] = {0x89abcdef, 0x01234567};
    const uint32_t place[4] = {0x55667788, 0x11223344, 0xddeeff00, 0x99aabbcc};
    uint32_t key[4], folded[4];

    (void)state;
    ls_philox(use, seed_words, key);
    ls_philox(place, key, folded);
    assert_memory_equal(s.key, folded, 8);
    assert_memory_equal(s.high, folded + 2, 8);
}

static int compare_words(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Every part of the address counts, also its upper halves. */
static void every_part_of_the_address_counts(void **state)
{
    static const uint64_t values[] = {0, 1, 2, UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    static uint32_t first[7 * 6 * 7 * 7][4];
    size_t n = 0;

    (void)state;
    for (size_t s = 0; s < 7; s++)
        for (int purpose = 1; purpose <= 6; purpose++)
            for (size_t a = 0; a < 7; a++)
                for (size_t b = 0; b < 7; b++) {
                    const ls_stream stream = ls_stream_at(values[s], (ls_purpose)purpose, values[a], values[b]);

                    ls_stream_bits(&stream, 0, 4, first[n++]);
                }
    qsort(first, n, sizeof first[0], compare_words);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(first[i - 1], first[i], sizeof first[0]);
}

typedef void fill(const ls_stream *, uint64_t, size_t, float *);

/* However a range is cut, the numbers are the same. */
static void ranges_may_be_cut_anywhere(void **state)
{
    static fill *const fills[] = {ls_stream_uniform, ls_stream_normal, ls_stream_truncated_normal};
    enum { N = 1500 };
    const ls_stream s = ls_stream_at(1, LS_PURPOSE_INITIAL_WEIGHTS, 3, 0);
    float whole[N], pieces[N];

    (void)state;
    for (size_t f = 0; f < count_of(fills); f++) {
        fills[f](&s, 0, N, whole);
        for (size_t step = 1; step < N; step = step * 2 + 1) {
            for (size_t i = 0; i < N; i += step)
                fills[f](&s, i, N - i < step ? N - i : step, pieces + i);
            assert_true(same_bits(pieces, whole, N));
        }
    }
}

static void uniform_is_the_upper_24_bits(void **state)
{
    enum { N = 1000 };
    const ls_stream s = ls_stream_at(5, LS_PURPOSE_DROPOUT, 1, 2);
    uint32_t bits[N];
    float u[N];

    (void)state;
    ls_stream_bits(&s, 3, N, bits);
    ls_stream_uniform(&s, 3, N, u);
    for (size_t i = 0; i < N; i++) {
        assert_true(u[i] >= 0.0f && u[i] < 1.0f);
        assert_true((double)u[i] == floor(bits[i] / 256.0) / 16777216.0);
    }
}

/* Box-Muller in double from the same uniforms: cos for even elements, sin for odd ones. */
static void normal_is_box_muller_in_double(void **state)
{
    enum { N = 2000 };
    const ls_stream s = ls_stream_at(9, LS_PURPOSE_NOISE, 1, 2);
    float u[N], got[N];
    double want[N];

    (void)state;
    ls_stream_uniform(&s, 0, N, u);
    ls_stream_normal(&s, 0, N, got);
    for (size_t i = 0; i < N; i += 2) {
        const double r = sqrt(-2 * log(1 - (double)u[i])), angle = 2 * acos(-1.0) * (double)u[i + 1];

        want[i] = r * cos(angle);
        want[i + 1] = r * sin(angle);
    }
    assert_true(all_close(got, want, N, 2e-6, 2e-6));
}

typedef struct moments {
    double mean, variance, third, fourth, lag; /* lag: mean of x[i] x[i+1] */
} moments;

static moments measure(fill *f, uint64_t a, double center)
{
    enum { N = 1 << 18 };
    static float x[N];
    const ls_stream s = ls_stream_at(2024, LS_PURPOSE_SEARCH, a, 0);
    moments m = {0};

    f(&s, 0, N, x);
    for (size_t i = 0; i < N; i++) {
        const double d = (double)x[i] - center;

        m.mean += d / N;
        m.variance += d * d / N;
        m.third += d * d * d / N;
        m.fourth += d * d * d * d / N;
        if (i + 1 < N)
            m.lag += d * ((double)x[i + 1] - center) / N;
    }
    return m;
}

/* Tolerances: five standard errors at 2^18 draws. */
static void moments_are_those_of_the_laws(void **state)
{
    const double e = 5 / 512.0;
    moments m;

    (void)state;
    m = measure(ls_stream_uniform, 1, 0.5);
    assert_true(close_to(m.mean, 0, 0.289 * e, 0));
    assert_true(close_to(m.variance, 1 / 12.0, 0.0745 * e, 0));
    assert_true(close_to(m.lag, 0, 0.0834 * e, 0));

    m = measure(ls_stream_normal, 2, 0);
    assert_true(close_to(m.mean, 0, e, 0));
    assert_true(close_to(m.variance, 1, 1.415 * e, 0));
    assert_true(close_to(m.third, 0, 3.88 * e, 0));
    assert_true(close_to(m.fourth, 3, 9.8 * e, 0));
    assert_true(close_to(m.lag, 0, e, 0));

    /* A normal cut at +-2 has standard deviation 0.87962566103423978 (Keras's constant). */
    m = measure(ls_stream_truncated_normal, 3, 0);
    assert_true(close_to(m.mean, 0, 0.88 * e, 0));
    assert_true(close_to(m.variance, 0.87962566103423978 * 0.87962566103423978, 0.9 * e, 0));
    assert_true(close_to(m.lag, 0, 0.78 * e, 0));
}

static void truncated_normals_are_drawn_again(void **state)
{
    enum { N = 20000 };
    static float plain[N], cut[N];
    const ls_stream s = ls_stream_at(3, LS_PURPOSE_INITIAL_WEIGHTS, 0, 0);
    size_t redrawn = 0;

    (void)state;
    ls_stream_normal(&s, 0, N, plain);
    ls_stream_truncated_normal(&s, 0, N, cut);
    for (size_t i = 0; i < N; i++) {
        assert_true(fabsf(cut[i]) < 2.0f);
        if (fabsf(plain[i]) < 2.0f)
            assert_true(cut[i] == plain[i]);
        else
            redrawn++;
    }
    /* 4.55 % of a normal lies outside +-2; five standard errors at N draws. */
    assert_true(close_to((double)redrawn / N, 0.0455, 0.0074, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_those_of_random123),    cmocka_unit_test(output_may_overwrite_the_counter),
        cmocka_unit_test(a_stream_is_made_of_blocks),       cmocka_unit_test(the_address_is_the_chain_spelled_out),
        cmocka_unit_test(every_part_of_the_address_counts), cmocka_unit_test(ranges_may_be_cut_anywhere),
        cmocka_unit_test(uniform_is_the_upper_24_bits),     cmocka_unit_test(normal_is_box_muller_in_double),
        cmocka_unit_test(moments_are_those_of_the_laws),    cmocka_unit_test(truncated_normals_are_drawn_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
