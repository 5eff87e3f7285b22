/* Constraints by hand arithmetic; norms along every choice of axes against a naive walk. */
#include "component.h"

#include "nn/constraint.h"

static void apply(const ls_component *c, ls_shape shape, float *w)
{
    assert_true(ok(ls_constraint_check(c, &shape, NULL)));
    ((const ls_constraint_ops *)c->ops)->apply(c->config, &shape, w);
}

/* A (2,3) kernel whose columns have norms 5, 1 and 0. */
static const struct {
    const char *name, *args[9];
    double want[6];
} cases[] = {
    {"max_norm", {NULL}, {3 * .4, 1, 0, -4 * .4, 0, 0}},
    {"max_norm", {"max_value", "0.5", NULL}, {.3, .5, 0, -.4, 0, 0}},
    {"max_norm", {"max_value", "10", NULL}, {3, 1, 0, -4, 0, 0}},
    {"unit_norm", {NULL}, {.6, 1, 0, -.8, 0, 0}},
    {"non_neg", {NULL}, {3, 1, 0, 0, 0, 0}},
    {"min_max_norm", {"min_value", "2", "max_value", "4", NULL}, {3 * .8, 2, 0, -4 * .8, 0, 0}},
    /* Half way from 5 to 4, and from 1 to 2. */
    {"min_max_norm", {"min_value", "2", "max_value", "4", "rate", "0.5", NULL}, {3 * .9, 1.5, 0, -4 * .9, 0, 0}},
    /* Rows: norms sqrt 10 and 4. */
    {"unit_norm", {"axis", "1", NULL}, {.9486832980505138, .31622776601683794, 0, -1, 0, 0}},
    {"unit_norm", {"axis", "-1", NULL}, {.9486832980505138, .31622776601683794, 0, -1, 0, 0}},
    {"unit_norm", {"axis", "[0,1]", NULL}, {.5883484054145521, .19611613513818404, 0, -.7844645405527362, 0, 0}},
};

static void columns_are_constrained_as_by_hand(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_component c = make_of_pairs(&ls_constraints, cases[i].name, cases[i].args);
        float w[] = {3, 1, 0, -4, 0, 0};

        apply(&c, (ls_shape){2, {2, 3}}, w);
        if (!all_close(w, cases[i].want, 6, 0, 4e-7)) {
            print_error("in %s, case %zu\n", cases[i].name, i);
            good = false;
        }
        ls_component_reset(&c);
    }
    assert_true(good);
    assert_true(all_covered(&ls_constraints, cases, count_of(cases), sizeof cases[0]));
}

/* unit_norm of a (3,4,5,300) tensor along each of the 15 sets of axes. */
static void unit_norm_works_along_every_set_of_axes(void **state)
{
    enum { A = 3, B = 4, C = 5, D = 300, ALL = A * B * C * D };
    static const size_t dim[] = {A, B, C, D};
    static float w[ALL];
    static double old[ALL], want[ALL], norm[ALL];
    bool good = true;

    (void)state;
    for (unsigned set = 1; set < 16; set++) {
        char axes[32] = "[";
        ls_component c;

        for (int a = 0; a < 4; a++)
            if (set >> a & 1)
                snprintf(axes + strlen(axes), sizeof axes - strlen(axes), "%s%d", axes[1] ? "," : "",
                         a % 2 ? a - 4 : a);
        strcat(axes, "]");
        c = make(&ls_constraints, "unit_norm", "axis", axes, NULL);
        memset(norm, 0, sizeof norm);
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < ALL; i++) {
                const size_t at[] = {i / (B * C * D), i / (C * D) % B, i / D % C, i % D};
                size_t group = 0;

                for (int a = 0; a < 4; a++)
                    group = group * dim[a] + (set >> a & 1 ? 0 : at[a]);
                if (pass == 0) {
                    w[i] = (float)(i * 7919 % 1013) / 1000.0f - 0.4f;
                    old[i] = (double)w[i];
                    norm[group] += old[i] * old[i];
                } else {
                    want[i] = old[i] / (1e-7 + sqrt(norm[group]));
                }
            }
        apply(&c, (ls_shape){4, {A, B, C, D}}, w);
        if (!all_close(w, want, ALL, 0, 3e-7)) {
            print_error("axes %s\n", axes);
            good = false;
        }
        ls_component_reset(&c);
    }
    assert_true(good);
}

static void constraints_that_do_not_fit_are_refused(void **state)
{
    const ls_shape kernel = {2, {2, 3}};
    ls_component c = make(&ls_constraints, "max_norm", "axis", "[0,1,2]", NULL);

    (void)state;
    FAILS(ls_constraint_check(&c, &kernel, NULL), LS_ERR_CONFIG, "max_norm", "axis 2", "(2, 3)");
    ls_component_reset(&c);
    assert_true(ok(ls_constraint_check(&c, &kernel, NULL))); /* none */
    FAILS(parsed(&ls_constraints, "min_max_norm", "min_value", "3", "max_value", "2", NULL), LS_ERR_CONFIG,
          "min_value");
    FAILS(parsed(&ls_constraints, "min_max_norm", "rate", "2", NULL), LS_ERR_CONFIG, "rate");
    FAILS(parsed(&ls_constraints, "max_norm", "max_value", "-1", NULL), LS_ERR_CONFIG, "max_value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_constrained_as_by_hand),
        cmocka_unit_test(unit_norm_works_along_every_set_of_axes),
        cmocka_unit_test(constraints_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
