/* Allocation: aligned, zeroed, checked against overflow; small blocks and mapped ones alike. */
#include "ls_test.h"

#include <sys/resource.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "base/memory.h"

/* Sizes around the alignment, around a page and around the step from malloc to mmap (256 KiB). */
static const size_t sizes[] = {0,     1,      63,     64,     65,     4095,   4096,   4097,
                               65536, 262015, 262016, 262017, 262143, 262144, 262145, 5000000};

static bool is_filled(const unsigned char *block, size_t from, size_t to, unsigned seed)
{
    for (size_t i = from; i < to; i++)
        if (block[i] != (unsigned char)(seed + 7 * i))
            return false;
    return true;
}

static void fill(unsigned char *block, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        block[i] = (unsigned char)(seed + 7 * i);
}

static bool is_zero(const unsigned char *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (block[i])
            return false;
    return true;
}

static void blocks_are_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3; round++) /* later rounds get memory that was written before */
        for (size_t s = 0; s < count_of(sizes); s++) {
            unsigned char *block = ls_calloc(sizes[s], 1, "test");

            assert_non_null(block);
            assert_int_equal((uintptr_t)block % LS_ALIGNMENT, 0);
            assert_true(is_zero(block, 0, sizes[s]));
            fill(block, sizes[s], 3);
            ls_free(block);
        }
}

static void blocks_do_not_overlap(void **state)
{
    unsigned char *blocks[count_of(sizes)];

    (void)state;
    for (size_t s = 0; s < count_of(sizes); s++) {
        blocks[s] = ls_calloc(sizes[s], 1, "test");
        assert_non_null(blocks[s]);
        fill(blocks[s], sizes[s], (unsigned)s);
    }
    for (size_t s = 0; s < count_of(sizes); s++) {
        assert_true(is_filled(blocks[s], 0, sizes[s], (unsigned)s));
        ls_free(blocks[s]);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    assert_null(ls_calloc(SIZE_MAX, 2, "the test's array"));
    FAILS(LS_ERR_MEMORY, LS_ERR_MEMORY, "the test's array", "out of memory");
    assert_null(ls_calloc(SIZE_MAX / 2 + 2, 2, "wrapping"));
    assert_null(ls_calloc((size_t)1 << 33, (size_t)1 << 33, "wrapping to 0"));
    assert_null(ls_calloc(SIZE_MAX, 1, "nearly all"));
    assert_null(ls_calloc(PTRDIFF_MAX, 1, "half of all"));
    assert_null(ls_realloc(NULL, SIZE_MAX / 4, 8, "wrapping"));
}

static void products_of_sizes_do_not_wrap(void **state)
{
    size_t product = 0;

    (void)state;
    assert_true(ls_size_mul(6, 7, &product));
    assert_int_equal(product, 42);
    assert_true(ls_size_mul(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_true(ls_size_mul((size_t)1 << 31, (size_t)1 << 32, &product));
    assert_true(product == (size_t)1 << 63);
    assert_false(ls_size_mul((size_t)1 << 32, (size_t)1 << 32, &product));
}

static void realloc_keeps_and_zeroes(void **state)
{
    (void)state;
    for (size_t a = 0; a < count_of(sizes); a++)
        for (size_t b = 0; b < count_of(sizes); b++) {
            const size_t kept = sizes[a] < sizes[b] ? sizes[a] : sizes[b];
            unsigned char *block = ls_realloc(NULL, sizes[a], 1, "test");

            assert_non_null(block);
            assert_true(is_zero(block, 0, sizes[a]));
            fill(block, sizes[a], 11);
            block = ls_realloc(block, sizes[b], 1, "test");
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % LS_ALIGNMENT, 0);
            assert_true(is_filled(block, 0, kept, 11));
            assert_true(is_zero(block, kept, sizes[b]));
            ls_free(block);
        }
}

/* Only with AddressSanitizer, whose eyes would else end at what a block was cut from. */
static void the_ends_of_blocks_are_seen(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    for (size_t s = 0; s < count_of(sizes); s++) {
        char *const block = ls_calloc(sizes[s], 1, "test");

        assert_non_null(block);
        assert_true(__asan_address_is_poisoned(block - 1));
        assert_true(__asan_address_is_poisoned(block + sizes[s]));
        assert_null(__asan_region_is_poisoned(block, sizes[s]));
        ls_free(block);
    }
#else
    skip();
#endif
}

static void a_failed_realloc_leaves_the_old_block(void **state)
{
    unsigned char *block = ls_calloc(100, 1, "test");

    (void)state;
    assert_non_null(block);
    fill(block, 100, 5);
    assert_null(ls_realloc(block, SIZE_MAX / 2, 4, "test"));
    assert_true(is_filled(block, 0, 100, 5));
    ls_free(block);
}

static long peak_kib(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void untouched_memory_costs_nothing(void **state)
{
    const size_t n = (size_t)1 << 30;
    const long before = peak_kib();
    unsigned char *block = ls_calloc(n, 1, "sparse");

    (void)state;
    assert_non_null(block);
    block[0] = 1;
    block[n / 2] = 2;
    block[n - 1] = 3;
    assert_int_equal(block[n / 2 + 1], 0);
    assert_true(peak_kib() - before < 16384);
    ls_free(block);
}

static void copies_of_text_are_their_own_and_null_may_be_freed(void **state)
{
    const char source[] = "kernel";
    char *copy = ls_strdup(source);
    char *empty = ls_strdup("");

    (void)state;
    assert_string_equal(copy, "kernel");
    assert_ptr_not_equal(copy, source);
    assert_string_equal(empty, "");
    ls_free(copy);
    ls_free(empty);
    ls_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_zero),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(products_of_sizes_do_not_wrap),
        cmocka_unit_test(realloc_keeps_and_zeroes),
        cmocka_unit_test(the_ends_of_blocks_are_seen),
        cmocka_unit_test(a_failed_realloc_leaves_the_old_block),
        cmocka_unit_test(untouched_memory_costs_nothing),
        cmocka_unit_test(copies_of_text_are_their_own_and_null_may_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
