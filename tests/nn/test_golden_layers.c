/*
 * Every layer against Keras: outputs, gradients of inputs and weights, moving statistics. The engine runs the batch in
 * microbatches, so that what belongs to the whole batch (batch normalization) has to cross them.
 */
#include "golden_bench.h"

/* Sums of up to 40 float32 products of order 1. */
static const golden_tolerance tolerance = {2e-6, 1e-5};
/* Of up to 420: weights of attention over two tiles of queries. */
static const golden_tolerance long_sums = {8e-6, 1e-5};

static bool set_weights(golden_case *c, ls_layer *tested)
{
    for (size_t p = 0; p < tested->params; p++) {
        const ls_param *param = &tested->param[p];
        const golden_array *w = golden_getf(c, "weights/%s", param->name);

        if (!golden_shape_is(w, &param->shape)) {
            print_error("'%s': the shape of %s differs\n", c->name, param->name);
            return false;
        }
        golden_floats(w, param->value);
    }
    return true;
}

/*
 * The layers that are random in training are in the data as inference only. The engine differentiates training only, so
 * they are asked themselves.
 */
static bool inference_gradient_is_right(golden_case *c, const bench *b, const golden_array *dy)
{
    const ls_layer *tested = bench_layer(b, "tested");
    const size_t n = b->x[0]->n;
    float *const dx = malloc(n * sizeof *dx), *const dY = malloc(dy->n * sizeof *dY);
    bool good;

    assert_true(dx && dY && b->inputs == 1 && tested->params == 0);
    golden_floats(dy, dY);
    tested->ops->backward(&(ls_call){.layer = tested,
                                     .rows = b->rows,
                                     .inputs = 1,
                                     .dY = dY,
                                     .dX = (float *const[]){dx},
                                     .first_use = true,
                                     .batch_size = b->rows});
    good = golden_close(c, "dx0", dx, n);
    free(dx);
    free(dY);
    return good;
}

static bool gradients_are_right(golden_case *c, const bench *b)
{
    const ls_layer *tested = bench_layer(b, "tested");
    bool good = true;

    for (size_t i = 0; i < b->inputs; i++) {
        char name[GOLDEN_NAME_BYTES];

        snprintf(name, sizeof name, "dx%zu", i);
        if (!b->x[i]->integer)
            good &= golden_close_doubles(c, name, bench_input_gradient(b, i), b->x[i]->n);
    }
    for (size_t p = 0; p < tested->params && tested->trainable && tested->param[p].trainable; p++) {
        const ls_param *param = &tested->param[p];
        char name[GOLDEN_NAME_BYTES];

        snprintf(name, sizeof name, "dweights/%s", param->name);
        good &= golden_close_doubles(c, name, b->gradient + param->offset, param->size);
    }
    return good;
}

static bool statistics_are_right(golden_case *c, const ls_layer *tested)
{
    bool good = true;

    for (size_t p = 0; p < tested->params; p++)
        if (!tested->param[p].trainable) {
            char name[GOLDEN_NAME_BYTES];

            snprintf(name, sizeof name, "after/%s", tested->param[p].name);
            good &= golden_close(c, name, tested->param[p].value, tested->param[p].size);
        }
    return good;
}

/* A step of training after inference, which `before` (same shape) gets. */
static bool run_layer(golden_case *c, bench *b, size_t microbatch, float *before)
{
    ls_layer *const tested = bench_layer(b, "tested");
    const golden_array *const dy = golden_get(c, "dy");
    const bool training = golden_int(c->group, "gradient_training") != 0;
    const float *y;
    ls_slice batch;
    bool good;

    if (!set_weights(c, tested))
        return false;
    bench_plan_gradient(b, dy);
    y = ls_engine_output(b->engine, 0);
    (void)bench_forward(b, microbatch, false);
    memcpy(before, y, dy->n * sizeof *y);
    good = golden_close(c, "y", y, dy->n);
    batch = bench_forward(b, microbatch, true);
    if (training)
        good &= golden_close(c, "y_train", y, dy->n);
    else if (memcmp(before, y, dy->n * sizeof *y) != 0)
        return inference_gradient_is_right(c, b, dy) && good;
    (void)bench_backward(b, &batch, false);
    good &= gradients_are_right(c, b);
    ls_engine_commit(b->engine, &batch);
    return (!training || statistics_are_right(c, tested)) && good;
}

static bool check_layer(golden_case *c, void *context)
{
    static const size_t microbatches[] = {4, 1, 6}; /* 4 + 2; one by one; all at once */
    const size_t inputs = (size_t)golden_int(c->group, "inputs");
    const golden_array *x[BENCH_INPUTS_MAX];
    char config[GOLDEN_TEXT_BYTES];
    bool good = true;

    assert_true(inputs <= BENCH_INPUTS_MAX);
    for (size_t i = 0; i < inputs; i++)
        x[i] = golden_getf(c, "x%zu", i);
    golden_text(c, "config", config, sizeof config);
    for (size_t m = 0; m < count_of(microbatches); m++) {
        float *const before = malloc(golden_get(c, "dy")->n * sizeof *before);
        bench b;

        assert_non_null(before);
        bench_open(&b, config, x, inputs, strncmp(c->name, "masked_", 7) == 0);
        golden_note(context, &bench_layer(&b, "tested")->ops->ops);
        if (!run_layer(c, &b, microbatches[m], before)) {
            print_error("'%s': in microbatches of %zu\n", c->name, microbatches[m]);
            good = false;
        }
        bench_close(&b);
        free(before);
    }
    return good;
}

/*
 * Layers that change images at random: Keras was given the numbers that are drawn here. What they do between pixels
 * amplifies the rounding of a place.
 */
static const golden_tolerance augmentation_tolerance = {2e-5, 1e-5};

static bool check_augmentation(golden_case *c, void *context)
{
    static const size_t microbatches[] = {4, 1, 6};
    const golden_array *const x = golden_get(c, "x0"), *const dy = golden_get(c, "dy");
    char config[GOLDEN_TEXT_BYTES];
    bool good = true;

    golden_text(c, "config", config, sizeof config);
    for (size_t m = 0; m < count_of(microbatches); m++) {
        bool alike = true;
        ls_slice batch;
        bench b;

        bench_open(&b, config, (const golden_array *[]){x}, 1, false);
        golden_note(context, &bench_layer(&b, "tested")->ops->ops);
        bench_plan_gradient(&b, dy);
        if (golden_has(c, "y")) {
            (void)bench_forward(&b, microbatches[m], false);
            alike &= golden_close(c, "y", ls_engine_output(b.engine, 0), dy->n);
        }
        batch = bench_forward(&b, microbatches[m], true);
        alike &= golden_close(c, "y_train", ls_engine_output(b.engine, 0), dy->n);
        if (golden_has(c, "dx0")) {
            (void)bench_backward(&b, &batch, false);
            alike &= golden_close_doubles(c, "dx0", bench_input_gradient(&b, 0), x->n);
        }
        if (!alike)
            print_error("'%s': in microbatches of %zu\n", c->name, microbatches[m]);
        good &= alike;
        bench_close(&b);
    }
    return good;
}

static void layers_agree_with_keras(void **state)
{
    golden_coverage coverage = {0};

    (void)state;
    assert_true(golden_each("layers.h5", tolerance, check_layer, &coverage));
    assert_true(golden_each("sequences.h5", tolerance, check_layer, &coverage));
    assert_true(golden_each("attention.h5", long_sums, check_layer, &coverage));
    assert_true(golden_each("spatial.h5", tolerance, check_layer, &coverage));
    assert_true(golden_each("augmentation.h5", augmentation_tolerance, check_augmentation, &coverage));
    for (const ls_ops *const *entry = ls_layers.entries; *entry; entry++)
        if (((const ls_layer_ops *)*entry)->keras_package) /* not Keras's: test_layers.c has their formulas */
            golden_note(&coverage, *entry);
    assert_true(golden_covers(&coverage, &ls_layers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_agree_with_keras)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
