/*
 * Activations: values against float64 formulas, gradients against central differences of those, hand numbers, extreme
 * inputs, bits independent of place. Every entry of the registry must have a case.
 */
#include "ls_test.h"

#include "layer_driver.h"

#include "nn/activation.h"

/* ---- float64 twins; a row of n ---- */

typedef void (*reference)(const double *z, double *y, size_t n);

#define ELEMENTWISE(name, formula)                               \
    static void ref_##name(const double *z, double *y, size_t n) \
    {                                                            \
        for (size_t i = 0; i < n; i++) {                         \
            const double x = z[i];                               \
                                                                 \
            y[i] = (formula);                                    \
        }                                                        \
    }

#define SELU_S 1.0507009873554805
#define SELU_A 1.6732632423543772

ELEMENTWISE(linear, x)
ELEMENTWISE(relu, x > 0 ? x : 0)
ELEMENTWISE(relu_general, x > 0.25 ? fmin(x, 1.5) : 0.1 * (x - 0.25))
ELEMENTWISE(relu_capped, x > 0 ? fmin(x, 2) : 0)
ELEMENTWISE(leaky_relu, x > 0 ? x : 0.2 * x)
ELEMENTWISE(leaky_relu_05, x > 0 ? x : 0.05 * x)
ELEMENTWISE(elu, x > 0 ? x : exp(x) - 1)
ELEMENTWISE(elu_half, x > 0 ? x : 0.5 * (exp(x) - 1))
ELEMENTWISE(selu, SELU_S *(x > 0 ? x : SELU_A * (exp(x) - 1)))
ELEMENTWISE(sigmoid, 1 / (1 + exp(-x)))
ELEMENTWISE(hard_sigmoid, fmin(fmax(x / 6 + 0.5, 0), 1))
ELEMENTWISE(tanh, tanh(x))
ELEMENTWISE(softplus, log(1 + exp(x)))
ELEMENTWISE(softsign, x / (1 + fabs(x)))
ELEMENTWISE(silu, x / (1 + exp(-x)))
ELEMENTWISE(gelu, x / 2 * (1 + erf(x / sqrt(2))))
ELEMENTWISE(gelu_tanh, x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))))
ELEMENTWISE(exponential, exp(x))

ELEMENTWISE(relu6, fmin(fmax(x, 0), 6))
ELEMENTWISE(celu, x > 0 ? x : exp(x) - 1)
ELEMENTWISE(celu_half, x > 0 ? x : 0.5 * (exp(x / 0.5) - 1))
ELEMENTWISE(tanh_shrink, x - tanh(x))
ELEMENTWISE(hard_silu, x *fmin(fmax(x + 3, 0), 6) / 6)
ELEMENTWISE(hard_tanh, fmin(fmax(x, -1), 1))
ELEMENTWISE(hard_shrink, fabs(x) > 0.5 ? x : 0)
ELEMENTWISE(hard_shrink_2, fabs(x) > 2 ? x : 0)
ELEMENTWISE(soft_shrink, x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : 0)
ELEMENTWISE(soft_shrink_2, x > 2 ? x - 2 : x < -2 ? x + 2 : 0)
ELEMENTWISE(threshold, x > -0.25 ? x : 7)
ELEMENTWISE(sparse_plus, x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) / 4)
ELEMENTWISE(sparse_sigmoid, fmin(fmax((x + 1) / 2, 0), 1))
ELEMENTWISE(log_sigmoid, -log(1 + exp(-x)))
ELEMENTWISE(squareplus, (x + sqrt(x * x + 4)) / 2)
ELEMENTWISE(squareplus_1, (x + sqrt(x * x + 1)) / 2)
ELEMENTWISE(mish, x *tanh(log(1 + exp(x))))

static void ref_log_softmax(const double *z, double *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += exp(z[i]);
    for (size_t i = 0; i < n; i++)
        y[i] = z[i] - log(sum);
}

static void ref_softmax(const double *z, double *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += exp(z[i]);
    for (size_t i = 0; i < n; i++)
        y[i] = exp(z[i]) / sum;
}

static const struct activation_case {
    const char *name;
    const char *args[7];
    reference forward;
} cases[] = {
    {"linear", {NULL}, ref_linear},
    {"relu", {NULL}, ref_relu},
    {"relu", {"negative_slope", "0.1", "max_value", "1.5", "threshold", "0.25", NULL}, ref_relu_general},
    {"relu", {"max_value", "2", NULL}, ref_relu_capped},
    {"leaky_relu", {NULL}, ref_leaky_relu},
    {"leaky_relu", {"negative_slope", "0.05", NULL}, ref_leaky_relu_05},
    {"elu", {NULL}, ref_elu},
    {"elu", {"alpha", "0.5", NULL}, ref_elu_half},
    {"selu", {NULL}, ref_selu},
    {"sigmoid", {NULL}, ref_sigmoid},
    {"hard_sigmoid", {NULL}, ref_hard_sigmoid},
    {"tanh", {NULL}, ref_tanh},
    {"softmax", {NULL}, ref_softmax},
    {"softplus", {NULL}, ref_softplus},
    {"softsign", {NULL}, ref_softsign},
    {"silu", {NULL}, ref_silu},
    {"swish", {NULL}, ref_silu},
    {"gelu", {NULL}, ref_gelu},
    {"gelu", {"approximate", "true", NULL}, ref_gelu_tanh},
    {"exponential", {NULL}, ref_exponential},
    {"relu6", {NULL}, ref_relu6},
    {"celu", {NULL}, ref_celu},
    {"celu", {"alpha", "0.5", NULL}, ref_celu_half},
    {"tanh_shrink", {NULL}, ref_tanh_shrink},
    {"hard_silu", {NULL}, ref_hard_silu},
    {"hard_swish", {NULL}, ref_hard_silu},
    {"hard_tanh", {NULL}, ref_hard_tanh},
    {"hard_shrink", {NULL}, ref_hard_shrink},
    {"hard_shrink", {"threshold", "2", NULL}, ref_hard_shrink_2},
    {"soft_shrink", {NULL}, ref_soft_shrink},
    {"soft_shrink", {"threshold", "2", NULL}, ref_soft_shrink_2},
    {"threshold", {"threshold", "-0.25", "default_value", "7", NULL}, ref_threshold},
    {"sparse_plus", {NULL}, ref_sparse_plus},
    {"sparse_sigmoid", {NULL}, ref_sparse_sigmoid},
    {"log_softmax", {NULL}, ref_log_softmax},
    {"log_sigmoid", {NULL}, ref_log_sigmoid},
    {"squareplus", {NULL}, ref_squareplus},
    {"squareplus", {"b", "1", NULL}, ref_squareplus_1},
    {"mish", {NULL}, ref_mish},
};

static ls_component make(const char *name, const char *const *args)
{
    const ls_ops *ops = ls_registry_find(&ls_activations, name);
    ls_config *tree = tree_of_args(args);
    ls_component component;

    assert_non_null(ops);
    assert_true(ok(ls_component_parse_args(ops, tree, name, NULL, &component)));
    ls_config_free(tree);
    return component;
}

static const ls_activation_ops *ops_of(const ls_component *component)
{
    return ls_activation(component) ? ls_activation(component) : (const ls_activation_ops *)component->ops;
}

static void every_activation_has_a_case(void **state)
{
    (void)state;
    for (const ls_ops *const *entry = ls_activations.entries; *entry; entry++) {
        bool found = false;

        for (size_t c = 0; c < count_of(cases); c++)
            found |= ls_registry_find(&ls_activations, cases[c].name) == *entry;
        if (!found)
            print_error("activation '%s' has no case in this test\n", (*entry)->name);
        assert_true(found);
        assert_non_null(((const ls_activation_ops *)*entry)->forward);
        assert_non_null(((const ls_activation_ops *)*entry)->backward);
    }
}

static const size_t shapes[][2] = {{1, 1}, {1, 3}, {3, 5}, {2, 8}, {4, 17}, {3, 700}};

static void values_and_gradients_are_those_of_a_float64_reference(void **state)
{
    enum { MOST = 2100 };
    static float Z[MOST], Y[MOST], dY[MOST];
    static double z[MOST], y[MOST], want[MOST];

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++)
        for (size_t s = 0; s < count_of(shapes); s++) {
            ls_component component = make(cases[c].name, cases[c].args);
            const ls_activation_ops *ops = ops_of(&component);
            const size_t rows = shapes[s][0], n = shapes[s][1];

            for (size_t i = 0; i < rows * n; i++) {
                Z[i] = 4.5f * test_value(i, s);
                z[i] = (double)Z[i];
                dY[i] = test_value(i, 60);
            }
            ops->forward(component.config, Z, Y, rows, n);
            for (size_t r = 0; r < rows; r++)
                cases[c].forward(z + r * n, y + r * n, n);
            assert_true(all_close(Y, y, rows * n, 1e-6, 2e-6));

            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < n; i++) {
                    double up = 0, down = 0, *row = z + r * n;
                    const double x = row[i], h = 1e-6;

                    row[i] = x + h;
                    cases[c].forward(row, y, n);
                    for (size_t k = 0; k < n; k++)
                        up += y[k] * (double)dY[r * n + k];
                    row[i] = x - h;
                    cases[c].forward(row, y, n);
                    for (size_t k = 0; k < n; k++)
                        down += y[k] * (double)dY[r * n + k];
                    row[i] = x;
                    want[r * n + i] = (up - down) / (2 * h);
                }
            ops->backward(component.config, ops->backward_reads == LS_FROM_OUTPUT ? Y : Z, dY, rows, n);
            if (!all_close(dY, want, rows * n, 4e-6, 1e-5)) {
                print_error("gradient of %s, case %zu, shape %zu x %zu\n", cases[c].name, c, rows, n);
                fail();
            }
            ls_component_reset(&component);
        }
}

/* Slopes where a side has to be chosen: as TensorFlow 2.21 has them. */
static void slopes_at_corners_are_tensorflow_s(void **state)
{
    static const struct {
        const char *name, *args[8];
        float slope[10]; /* at -6, -3, -1, -0, 0, 1, 2, 3, 6, 7 */
    } corners[] = {
        {"relu", {NULL}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1}},
        {"relu", {"max_value", "2", NULL}, {0, 0, 0, 0, 0, 1, 1, 0, 0, 0}},
        {"relu", {"max_value", "6", NULL}, {0, 0, 0, 0, 0, 1, 1, 1, 0, 0}},
        {"relu", {"max_value", "6", "negative_slope", "0.5", NULL}, {.5f, .5f, .5f, 0, 0, 1, 1, 1, 0, 0}},
        {"relu", {"max_value", "2", "negative_slope", "0.5", NULL}, {.5f, .5f, .5f, 0, 0, 1, 1, 0, 0, 0}},
        {"relu", {"threshold", "1", NULL}, {0, 0, 0, 0, 0, 0, 1, 1, 1, 1}},
        {"relu", {"threshold", "1", "max_value", "6", NULL}, {0, 0, 0, 0, 0, 0, 1, 1, 1, 0}},
        {"relu",
         {"threshold", "1", "max_value", "2", "negative_slope", "0.5", NULL},
         {.5f, .5f, .5f, .5f, .5f, 0, 1, 0, 0, 0}},
        {"relu", {"negative_slope", "0.5", NULL}, {.5f, .5f, .5f, .5f, .5f, 1, 1, 1, 1, 1}},
        {"leaky_relu", {NULL}, {.2f, .2f, .2f, .2f, .2f, 1, 1, 1, 1, 1}},
        {"elu", {"alpha", "0.5", NULL}, {.00123938f, .0248935f, .1839397f, .5f, .5f, 1, 1, 1, 1, 1}},
        {"elu", {NULL}, {.00247878f, .0497870f, .3678795f, 1, 1, 1, 1, 1, 1, 1}},
        {"selu",
         {NULL},
         {.004357934f, .0875306f, .6467686f, 1.050701f, 1.050701f, 1.050701f, 1.050701f, 1.050701f, 1.050701f,
          1.050701f}},
        {"relu6", {NULL}, {0, 0, 0, 0, 0, 1, 1, 1, 0, 0}},
        {"hard_tanh", {NULL}, {0, 0, 1, 1, 1, 1, 0, 0, 0, 0}},
        {"celu", {NULL}, {.00247878f, .0497870f, .3678795f, 1, 1, 1, 1, 1, 1, 1}},
        {"hard_shrink", {"threshold", "1", NULL}, {1, 1, 0, 0, 0, 0, 1, 1, 1, 1}},
        {"soft_shrink", {"threshold", "1", NULL}, {1, 1, 0, 0, 0, 0, 1, 1, 1, 1}},
        {"threshold", {"threshold", "1", "default_value", "0", NULL}, {0, 0, 0, 0, 0, 0, 1, 1, 1, 1}},
        {"sparse_plus", {NULL}, {0, 0, 0, .5f, .5f, 1, 1, 1, 1, 1}},
        {"sparse_sigmoid", {NULL}, {0, 0, 0, .5f, .5f, 0, 0, 0, 0, 0}},
        {"hard_silu", {NULL}, {0, 0, 1 / 6.f, .5f, .5f, 5 / 6.f, 7 / 6.f, 1, 1, 1}},
        {"hard_sigmoid", {NULL}, {0, 0, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 0, 0, 0}},
    };
    static const float z[10] = {-6, -3, -1, -0.f, 0, 1, 2, 3, 6, 7};

    (void)state;
    for (size_t c = 0; c < count_of(corners); c++) {
        ls_component component = make(corners[c].name, corners[c].args);
        const ls_activation_ops *ops = ops_of(&component);
        float Y[10], dY[10];
        double want[10];

        for (size_t i = 0; i < 10; i++) {
            dY[i] = 1;
            want[i] = (double)corners[c].slope[i];
        }
        ops->forward(component.config, z, Y, 1, 10);
        ops->backward(component.config, ops->backward_reads == LS_FROM_OUTPUT ? Y : z, dY, 1, 10);
        if (!all_close(dY, want, 10, 1e-6, 1e-6)) {
            print_error("slopes of %s, case %zu\n", corners[c].name, c);
            fail();
        }
        ls_component_reset(&component);
    }
}

/* In place, shifted in memory, and cut into single rows: the same bits. */
static void bits_do_not_depend_on_place(void **state)
{
    enum { ROWS = 5, N = 600 };
    static float Z[ROWS * N], Y[ROWS * N], dY[ROWS * N], there[ROWS * N + 9];

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        ls_component component = make(cases[c].name, cases[c].args);
        const ls_activation_ops *ops = ops_of(&component);

        for (size_t i = 0; i < ROWS * N; i++) {
            Z[i] = 3.0f * test_value(i, 1);
            dY[i] = test_value(i, 2);
        }
        ops->forward(component.config, Z, Y, ROWS, N);
        ops->backward(component.config, ops->backward_reads == LS_FROM_OUTPUT ? Y : Z, dY, ROWS, N);
        for (size_t shift = 0; shift < 9; shift += 4) {
            float *V = there + shift, row[N];

            memcpy(V, Z, sizeof Z);
            ops->forward(component.config, V, V, ROWS, N);
            assert_true(same_bits(V, Y, ROWS * N));
            if (ops->backward_reads == LS_FROM_INPUT)
                memcpy(V, Z, sizeof Z);
            for (size_t r = 0; r < ROWS; r++) {
                for (size_t i = 0; i < N; i++)
                    row[i] = test_value(r * N + i, 2);
                ops->backward(component.config, V + r * N, row, 1, N);
                assert_true(same_bits(row, dY + r * N, N));
            }
        }
        ls_component_reset(&component);
    }
}

/* With the arguments of the first case of that name. */
static void apply(const char *name, const float *Z, float *Y, size_t rows, size_t n)
{
    ls_component component;
    size_t c = 0;

    while (strcmp(cases[c].name, name) != 0)
        c++;
    component = make(name, cases[c].args);

    ops_of(&component)->forward(component.config, Z, Y, rows, n);
    ls_component_reset(&component);
}

/* No overflow on the way to a finite result, and NaN is passed on so that it can be reported. */
static void extremes_stay_finite(void **state)
{
    const float z[5] = {-1000.0f, -100.0f, 100.0f, 1000.0f, NAN};
    float y[5];
    const float logits[6] = {1000.0f, 1000.0f, -1000.0f, -INFINITY, 0.0f, 0.0f}, odd[3] = {0.0f, NAN, 1.0f};

    (void)state;
    apply("sigmoid", z, y, 1, 5);
    assert_true(y[0] == 0.0f && y[1] > 0.0f && y[1] < 1e-43f && y[2] == 1.0f && y[3] == 1.0f && isnan(y[4]));
    apply("softplus", z, y, 1, 5);
    assert_true(y[0] == 0.0f && y[2] == 100.0f && y[3] == 1000.0f && isnan(y[4]));
    apply("silu", z, y, 1, 5);
    assert_true(y[0] == 0.0f && y[2] == 100.0f && y[3] == 1000.0f && isnan(y[4]));
    apply("tanh", z, y, 1, 5);
    assert_true(y[0] == -1.0f && y[3] == 1.0f && isnan(y[4]));
    apply("mish", z, y, 1, 5);
    assert_true(y[0] == 0.0f && y[2] == 100.0f && y[3] == 1000.0f && isnan(y[4]));
    apply("log_sigmoid", z, y, 1, 5);
    assert_true(y[0] == -1000.0f && y[1] == -100.0f && y[3] == 0.0f && isnan(y[4]));
    apply("squareplus", z, y, 1, 5);
    assert_true(close_to((double)y[0], 1e-3, 0, 1e-5) && y[3] == 1000.001f && isnan(y[4]));
    apply("log_softmax", logits, y, 1, 3);
    assert_true(close_to((double)y[0], -0.69314718, 1e-7, 0) && y[2] == -2000.0f - 0.69314718f);
    for (const ls_ops *const *entry = ls_activations.entries; *entry; entry++)
        if (strcmp((*entry)->name, "softmax") != 0) {
            apply((*entry)->name, z, y, 1, 5);
            assert_true(isnan(y[4]));
        }
    apply("softmax", logits, y, 2, 2);
    assert_true(y[0] == 0.5f && y[1] == 0.5f && y[2] == 1.0f && y[3] == 0.0f);
    apply("softmax", odd, y, 1, 3);
    assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]));
    apply("relu", (const float[]){-INFINITY, -0.0f}, y, 1, 2);
    assert_true(y[0] == 0.0f && y[1] == 0.0f);
}

/* By hand: softmax of (log 1, log 2, log 5) is (1, 2, 5) / 8; gelu(1) = Phi(1); silu(0) = 0; softsign(3) = 3/4. */
static void values_are_those_by_hand(void **state)
{
    const float logs[3] = {0.0f, 0.69314718f, 1.6094379f};
    const double parts[3] = {0.125, 0.25, 0.625};
    float y[3];

    (void)state;
    apply("softmax", logs, y, 1, 3);
    assert_true(all_close(y, parts, 3, 1e-7, 0));
    apply("gelu", (const float[]){1.0f}, y, 1, 1);
    assert_true(close_to((double)y[0], 0.8413447460685429, 1e-7, 0));
    apply("softsign", (const float[]){3.0f, -3.0f}, y, 1, 2);
    assert_true(y[0] == 0.75f && y[1] == -0.75f);
    apply("hard_sigmoid", (const float[]){-4.0f, 0.0f, 1.5f}, y, 1, 3);
    assert_true(y[0] == 0.0f && y[1] == 0.5f && y[2] == 0.75f);
    apply("selu", (const float[]){1.0f, -1.0f}, y, 1, 2);
    assert_true(close_to((double)y[0], 1.0507009873554805, 1e-7, 0) &&
                close_to((double)y[1], -1.1113307378125625, 2e-7, 0));
}

static void names_are_keras_s_and_options_are_checked(void **state)
{
    ls_component linear, relu, none = {0};

    (void)state;
    assert_true(ok(ls_component_default(&ls_activations, "linear", &linear)));
    assert_true(ok(ls_component_default(&ls_activations, "relu", &relu)));
    assert_null(ls_activation(&linear));
    assert_null(ls_activation(&none));
    assert_string_equal(ls_activation(&relu)->ops.name, "relu");
    assert_int_equal(((const ls_activation_ops *)ls_registry_find(&ls_activations, "softmax"))->logits,
                     LS_LOGITS_SOFTMAX);
    assert_int_equal(((const ls_activation_ops *)ls_registry_find(&ls_activations, "sigmoid"))->logits,
                     LS_LOGITS_SIGMOID);
    assert_int_equal(ls_activation(&relu)->logits, LS_LOGITS_NONE);
    ls_component_reset(&relu);
    ls_component_reset(&linear);
    {
        const char *const bad[] = {"negative_slope", "-1", NULL};
        ls_config *tree = tree_of_args(bad);

        FAILS(ls_component_parse_args(ls_registry_find(&ls_activations, "relu"), tree, "relu", NULL, &relu),
              LS_ERR_CONFIG, "negative_slope");
        ls_config_free(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_activation_has_a_case),
        cmocka_unit_test(values_and_gradients_are_those_of_a_float64_reference),
        cmocka_unit_test(slopes_at_corners_are_tensorflow_s),
        cmocka_unit_test(bits_do_not_depend_on_place),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(values_are_those_by_hand),
        cmocka_unit_test(names_are_keras_s_and_options_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
