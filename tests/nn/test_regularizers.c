/* Regularizers by hand arithmetic with small integers, so that sums are exact. */
#include "component.h"

#include <stdlib.h>

#include "nn/regularizer.h"

static const struct {
    const char *name, *args[5];
    double l1, l2;
} cases[] = {
    {"l1", {NULL}, 0.01, 0}, {"l1", {"l1", "0.5", NULL}, 0.5, 0},
    {"l2", {NULL}, 0, 0.01}, {"l2", {"l2", "0.25", NULL}, 0, 0.25},
    {"l1_l2", {NULL}, 0, 0}, {"l1_l2", {"l1", "0.5", "l2", "0.25", NULL}, 0.5, 0.25},
};

static void factors_are_read(void **state)
{
    double l1 = 1, l2 = 1;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_component c = make_of_pairs(&ls_regularizers, cases[i].name, cases[i].args);

        ls_regularizer_factors(&c, &l1, &l2);
        assert_true(l1 == cases[i].l1 && l2 == cases[i].l2);
        ls_component_reset(&c);
    }
    assert_true(all_covered(&ls_regularizers, cases, count_of(cases), sizeof cases[0]));
    ls_regularizer_factors(&(const ls_component){0}, &l1, &l2);
    assert_true(l1 == 0 && l2 == 0);
    assert_ptr_equal(ls_registry_find(&ls_regularizers, "l1l2"), ls_registry_find(&ls_regularizers, "L1L2"));
    FAILS(parsed(&ls_regularizers, "l2", "l2", "-1", NULL), LS_ERR_CONFIG, "l2");
    FAILS(parsed(&ls_regularizers, "l2", "l1", "1", NULL), LS_ERR_CONFIG, "l1");
}

/* w = -2 3 0 and so on: sums known as integers for any length, blocks and tails included. */
static void penalties_are_those_by_hand_at_every_length(void **state)
{
    enum { M = 1100 };
    static float w[M], g[M];
    static double want[M];
    static const size_t lengths[] = {0, 1, 3, 7, 8, 255, 256, 257, 1100};

    (void)state;
    for (size_t i = 0; i < M; i++)
        w[i] = (float)((int)(i * 7 % 11) - 5);
    for (size_t k = 0; k < count_of(lengths); k++) {
        long magnitudes = 0, squares = 0;

        for (size_t i = 0; i < lengths[k]; i++) {
            magnitudes += labs((long)w[i]);
            squares += (long)w[i] * (long)w[i];
        }
        assert_true(ls_penalty(0.5, 0.25, w, lengths[k]) == 0.5 * (double)magnitudes + 0.25 * (double)squares);
        assert_true(ls_penalty(0.5, 0, w, lengths[k]) == 0.5 * (double)magnitudes);
        assert_true(ls_penalty(0, 0.25, w, lengths[k]) == 0.25 * (double)squares);
    }
    /* Added to what is there: g = i, plus .5 sign(w) + 2 * .25 w. */
    for (size_t i = 0; i < M; i++) {
        g[i] = (float)i;
        want[i] = (double)i + 0.5 * ((w[i] > 0) - (w[i] < 0)) + 0.5 * (double)w[i];
    }
    ls_penalty_gradient(0.5, 0.25, w, g, M);
    assert_true(all_close(g, want, M, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(factors_are_read),
                                       cmocka_unit_test(penalties_are_those_by_hand_at_every_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
