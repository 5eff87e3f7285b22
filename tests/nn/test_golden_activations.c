/* Every activation against Keras: values and gradients, also where functions overflow, vanish or cancel. */
#include "golden_bench.h"

#include "nn/activation.h"

/* Approximate gelu near -3.5 cancels. */
static const golden_tolerance tolerance = {2e-6, 1e-5};

/* The activation on its own and as that of another layer, which is what keeps its pre-activation. */
static bool check_activation(golden_case *c, void *context)
{
    static const char *const layers[] = {
        "activation: {activation: {%s}}",
        "dense: {units: 4, kernel_initializer: zeros, activation: {%s}}", /* the kernel is set to 1 below */
    };
    const golden_array *const z = golden_get(c, "z"), *const dy = golden_get(c, "dy");
    char config[GOLDEN_TEXT_BYTES], layer[GOLDEN_TEXT_BYTES + 128];
    bool good = true;

    golden_text(c, "config", config, sizeof config);
    for (size_t i = 0; i < count_of(layers); i++) {
        ls_slice batch;
        bench b;

        snprintf(layer, sizeof layer, i ? layers[1] : layers[0], config);
        bench_open(&b, layer, &z, 1, false);
        golden_note(context, bench_layer(&b, "tested")->activation.ops);
        for (size_t k = 0; i == 1 && k < 4; k++)
            bench_layer(&b, "tested")->param[0].value[5 * k] = 1; /* the identity */
        bench_plan_gradient(&b, dy);
        batch = bench_forward(&b, 4, true); /* 4 + 4 + 2 rows */
        good &= golden_close(c, "y", ls_engine_output(b.engine, 0), z->n);
        (void)bench_backward(&b, &batch, false);
        good &= golden_close_doubles(c, "dz", bench_input_gradient(&b, 0), z->n);
        bench_close(&b);
    }
    return good;
}

static void activations_agree_with_keras(void **state)
{
    golden_coverage coverage = {0};

    (void)state;
    assert_true(golden_each("activations.h5", tolerance, check_activation, &coverage));
    assert_true(golden_covers(&coverage, &ls_activations));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(activations_agree_with_keras)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
