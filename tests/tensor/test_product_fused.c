/*
 * The fused multiply-add made from float64 against fmaf: corner cases, and random triples that cancel, tie, vanish and
 * overflow often. test_product_fused N: that many triples (the target check_fused: 10^9).
 */
#include "ls_test.h"

#include <stdlib.h>

#include "tensor/product/fused.h"

static size_t triples = 10000000;

static float number(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same number, or both NaN: IEEE leaves a NaN's payload open. */
static bool agree(float a, float b, float c)
{
    const float want = fmaf(a, b, c);
    const ls_float4 four = ls_fused((ls_float4){a, 1, a, 2}, (ls_float4){b, 2, b, 3}, (ls_float4){c, 3, c, 4});

    for (size_t i = 0; i < 4; i += 2) {
        const float got = four[i];

        if (memcmp(&got, &want, sizeof got) != 0 && !(isnan(got) && isnan(want))) {
            print_error("fma(%a, %a, %a): got %a, want %a\n", (double)a, (double)b, (double)c, (double)got,
                        (double)want);
            return false;
        }
    }
    return four[1] == 5 && four[3] == 10;
}

static void corner_cases(void **state)
{
    static const float x[] = {0.0f,
                              0x1p-149f,
                              0x1.8p-148f,
                              0x1.fffffcp-127f,
                              0x1p-126f,
                              0x1.000002p-126f,
                              0x1p-75f,
                              0x1.000002p-75f,
                              0x1p-74f,
                              0x1.fffffep-64f,
                              0x1p-24f,
                              0x1.000002p-24f,
                              0x1p-12f,
                              0x1.001p-12f,
                              0x1.fffffep-1f,
                              1.0f,
                              0x1.000002p0f,
                              0x1.8p0f,
                              3.0f,
                              0x1.fffffep0f,
                              0x1p12f,
                              0x1.000002p23f,
                              0x1.fffffep23f,
                              0x1p24f,
                              0x1.fffffep63f,
                              0x1p64f,
                              0x1p127f,
                              0x1.fffffcp127f,
                              0x1.fffffep127f,
                              INFINITY,
                              NAN};

    (void)state;
    for (size_t i = 0; i < count_of(x); i++)
        for (size_t j = 0; j < count_of(x); j++)
            for (size_t k = 0; k < count_of(x); k++)
                for (unsigned sign = 0; sign < 8; sign++)
                    assert_true(agree(sign & 1 ? -x[i] : x[i], sign & 2 ? -x[j] : x[j], sign & 4 ? -x[k] : x[k]));
}

static uint64_t shift = 0x9e3779b97f4a7c15u;

static uint32_t random_bits(void)
{
    shift ^= shift << 13;
    shift ^= shift >> 7;
    shift ^= shift << 17;
    return (uint32_t)(shift >> 16);
}

/* c near -a b: what is left is the rounding error; or half a last place beside it: a tie that a tiny product breaks. */
static float partner(float a, float b)
{
    const double p = (double)a * b;

    switch (random_bits() % 5) {
    case 0:
        return -(float)p;
    case 1:
        return number((random_bits() & 0x807fffffu) | (uint32_t)((ilogb(p == 0 ? 1 : p) + 127) & 0xff) << 23);
    case 2:
        return (float)(p * 0x1p25);
    case 3:
        return (float)(p * -0x1p-24);
    default:
        return number(random_bits());
    }
}

static void random_triples(void **state)
{
    (void)state;
    for (size_t i = 0; i < triples; i++) {
        const uint32_t few = random_bits() % 4 ? 0xffffffffu : 0xfffff000u; /* short significands tie */
        const float a = number(random_bits() & few), b = number(random_bits() & few);

        assert_true(agree(a, b, partner(a, b)));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corner_cases), cmocka_unit_test(random_triples)};

    if (argc > 1)
        triples = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
