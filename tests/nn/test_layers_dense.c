/* dense and flatten: by hand, gradients against float64, tiles, purity, errors. */
#include "layer_driver.h"

#include "tensor/kernels.h"

static void reference_dense(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                            double *Y)
{
    const size_t in = d->layer.param[0].shape.dim[0], units = d->layer.param[0].shape.dim[1];
    const size_t positions = rows * ls_shape_size(&d->in[0]) / in;

    for (size_t r = 0; r < positions; r++)
        for (size_t u = 0; u < units; u++) {
            double sum = d->layer.params > 1 ? W[1][u] : 0.0;

            for (size_t i = 0; i < in; i++)
                sum += X[0][r * in + i] * W[0][i * units + u];
            Y[r * units + u] = sum;
        }
}

static void outputs_and_gradients_are_those_by_hand(void **state)
{
    /* [1 2 3] [[1 4] [2 5] [3 6]] + [10 20] = [14+10 32+20] */
    const char *const args[] = {"units", "2", NULL};
    const ls_shape in = {1, {3}};
    const float K[6] = {1, 4, 2, 5, 3, 6}, b[2] = {10, 20}, X[3] = {1, 2, 3}, dY[2] = {1, -2};
    const float Y[2] = {24, 52}, dX[3] = {-7, -8, -9}, dK[6] = {1, -2, 2, -4, 3, -6};
    layer_driver d;
    layer_run run;

    (void)state;
    assert_true(ok(driver_init(&d, "dense", args, &in, 1)));
    assert_int_equal(d.layer.params, 2);
    assert_string_equal(d.layer.param[0].name, "kernel");
    assert_string_equal(d.layer.param[1].name, "bias");
    assert_string_equal(d.layer.param[0].initializer.ops->name, "glorot_uniform");
    assert_string_equal(d.layer.param[1].initializer.ops->name, "zeros");
    assert_null(d.layer.param[0].regularizer.ops);
    assert_null(d.layer.activation.ops);
    run_init(&d, &run, 1, 1);
    memcpy(d.layer.param[0].value, K, sizeof K);
    memcpy(d.layer.param[1].value, b, sizeof b);
    memcpy(run.X[0], X, sizeof X);
    memcpy(run.dY, dY, sizeof dY);
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, Y, 2));
    assert_true(same_bits(run.dX[0], dX, 3));
    assert_true(same_bits(run.dW, dK, 6));
    assert_true(same_bits(run.dW + 256, dY, 2));
    run_free(&d, &run);
    driver_free(&d);
}

static void gradients_are_those_of_a_float64_reference(void **state)
{
    static const struct {
        ls_shape in;
        const char *units, *use_bias;
        size_t rows, microbatch;
    } cases[] = {
        {{1, {1}}, "1", "true", 1, 1},    {{1, {5}}, "3", "true", 7, 3},       {{1, {4}}, "6", "false", 4, 4},
        {{2, {3, 5}}, "2", "true", 5, 2}, {{3, {2, 2, 3}}, "4", "true", 3, 2}, {{1, {300}}, "2", "true", 3, 2},
    };

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        const char *const args[] = {"units", cases[c].units, "use_bias", cases[c].use_bias, NULL};
        layer_driver d;
        layer_run run;

        assert_true(ok(driver_init(&d, "dense", args, &cases[c].in, 1)));
        run_init(&d, &run, cases[c].rows, cases[c].microbatch);
        run_batch(&d, &run);
        assert_true(agrees_with_reference(&d, &run, reference_dense, true, 0.0));
        run.first_use = false;
        for (size_t i = 0; i < cases[c].rows * ls_shape_size(&cases[c].in); i++)
            run.dX[0][i] = 0.5f;
        run_batch(&d, &run);
        assert_true(agrees_with_reference(&d, &run, reference_dense, true, 0.5));
        run.want_dX[0] = false;
        run_batch(&d, &run);
        run_free(&d, &run);
        driver_free(&d);
    }
}

/* Whatever the sizes: tiles begin at block boundaries, cover everything once, and hold whole rows of the kernel. */
static void tiles_cover_every_weight_once(void **state)
{
    static const size_t sizes[][2] = {{784, 512}, {784, 10},  {1, 1},     {300, 7},
                                      {70000, 3}, {5, 40000}, {512, 100}, {700, 300}};

    (void)state;
    for (size_t s = 0; s < count_of(sizes); s++) {
        char units[16];
        const char *const args[] = {"units", units, NULL};
        const ls_shape in = {1, {sizes[s][0]}};
        layer_driver d;
        layer_run run;

        snprintf(units, sizeof units, "%zu", sizes[s][1]);
        assert_true(ok(driver_init(&d, "dense", args, &in, 1)));
        run_init(&d, &run, 2, 2);
        run_batch(&d, &run); /* run_params checks coverage and padding */
        for (size_t i = 0; i < sizes[s][0]; i += 1 + sizes[s][0] / 97)
            for (size_t u = 0; u < sizes[s][1]; u += 1 + sizes[s][1] / 97) {
                const double want = (double)run.X[0][i] * (double)run.dY[u] +
                                    (double)run.X[0][sizes[s][0] + i] * (double)run.dY[sizes[s][1] + u];

                assert_true(close_to((double)run.dW[i * sizes[s][1] + u], want, 1e-6, 1e-6));
            }
        run_free(&d, &run);
        driver_free(&d);
    }
}

/* A 784 x 512 kernel is cut into tiles of 64 rows: the size that is fastest for the sum over microbatches. */
static void tiles_have_the_size_promised(void **state)
{
    const char *const args[] = {"units", "512", NULL};
    const ls_shape in = {1, {784}};
    layer_driver d;
    size_t first, n;

    (void)state;
    assert_true(ok(driver_init(&d, "dense", args, &in, 1)));
    assert_int_equal(d.layer.ops->tiles(&d.layer), 13 + 1);
    d.layer.ops->tile_range(&d.layer, 1, &first, &n);
    assert_int_equal(first, 64 * 512);
    assert_int_equal(n, 64 * 512);
    d.layer.ops->tile_range(&d.layer, 12, &first, &n);
    assert_int_equal(n, 16 * 512);
    d.layer.ops->tile_range(&d.layer, 13, &first, &n);
    assert_int_equal(first, 784 * 512);
    assert_int_equal(n, 512);
    driver_free(&d);
}

/* The same microbatch at other addresses, and as another part of another batch. */
static void bits_depend_on_the_sample_alone(void **state)
{
    const char *const args[] = {"units", "37", NULL};
    const ls_shape in = {2, {3, 41}};
    layer_driver d;
    layer_run here, there;

    (void)state;
    assert_true(ok(driver_init(&d, "dense", args, &in, 1)));
    run_init(&d, &here, 8, 8);
    run_batch(&d, &here);
    for (size_t shift = 1; shift < 16; shift += 2) {
        run_init(&d, &there, 8, 8);
        there.shift = shift;
        run_batch(&d, &there);
        assert_true(same_bits(there.Y, here.Y, 8 * 3 * 37));
        assert_true(same_bits(there.dX[0], here.dX[0], 8 * 3 * 41));
        assert_true(same_bits(there.dW, here.dW, d.trainable_size));
        run_free(&d, &there);
    }
    run_init(&d, &there, 20, 8); /* its second microbatch gets the samples of `here` */
    memcpy(there.X[0] + 8 * 3 * 41, here.X[0], 8 * 3 * 41 * sizeof(float));
    run_batch(&d, &there);
    assert_true(same_bits(there.Y + 8 * 3 * 37, here.Y, 8 * 3 * 37));
    run_free(&d, &there);
    run_free(&d, &here);
    driver_free(&d);
}

static void shared_layers_add_their_gradients(void **state)
{
    const char *const args[] = {"units", "4", "activation", "tanh", NULL};
    const ls_shape in = {1, {3}}, other = {1, {5}}, deeper = {2, {2, 3}};
    layer_driver d;
    ls_shape out;

    (void)state;
    assert_true(ok(driver_init(&d, "dense", args, &in, 1)));
    assert_string_equal(d.layer.activation.ops->name, "tanh");
    assert_true(ok(d.layer.ops->build(&d.layer, &in, 1, &out)));
    assert_int_equal(d.layer.params, 2);
    assert_true(out.axes == 1 && out.dim[0] == 4);
    FAILS(d.layer.ops->build(&d.layer, &other, 1, &out), LS_ERR_SHAPE, "tested", "dense", "(None, 3)", "(None, 5)");
    FAILS(d.layer.ops->build(&d.layer, &deeper, 1, &out), LS_ERR_SHAPE, "(None, 2, 3)");
    driver_free(&d);
}

static void wrong_layers_are_refused(void **state)
{
    const char *const good[] = {"units", "4", NULL}, *const zero[] = {"units", "0", NULL}, *const none[] = {NULL};
    const ls_shape scalar = {0}, in = {1, {3}};
    layer_driver d;

    (void)state;
    FAILS(driver_init(&d, "dense", good, &scalar, 1), LS_ERR_SHAPE, "layer 'tested' (dense)");
    driver_free(&d);
    FAILS(driver_init(&d, "dense", zero, &in, 1), LS_ERR_CONFIG, "units");
    driver_free(&d);
    FAILS(driver_init(&d, "dense", none, &in, 1), LS_ERR_CONFIG, "units");
    driver_free(&d);
}

/* ls_layer_fail puts file, line and column before the message if the layer knows them. */
static void errors_name_their_place(void **state)
{
    ls_config at = {.kind = LS_CONFIG_MAP, .file = "experiment.yaml", .line = 9, .column = 5};
    ls_layer layer = {.ops = (const ls_layer_ops *)ls_registry_find(&ls_layers, "dense"), .at = &at};

    (void)state;
    layer.name = (char *)(uintptr_t) "h1";
    assert_int_equal(ls_layer_fail(&layer, "has %d legs", 3), LS_ERR_SHAPE);
    assert_string_equal(ls_error_message(), "experiment.yaml:9:5: layer 'h1' (dense): has 3 legs");
    layer.at = NULL;
    assert_int_equal(ls_layer_fail(&layer, "has %d legs", 3), LS_ERR_SHAPE);
    assert_string_equal(ls_error_message(), "layer 'h1' (dense): has 3 legs");
}

static void reference_copy(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                           double *Y)
{
    (void)W;
    memcpy(Y, X[0], rows * ls_shape_size(&d->in[0]) * sizeof *Y);
}

static void flatten_changes_the_shape_alone(void **state)
{
    static const ls_shape in[] = {{0}, {1, {5}}, {3, {2, 3, 4}}};

    (void)state;
    for (size_t c = 0; c < count_of(in); c++) {
        layer_driver d;
        layer_run run;

        assert_true(ok(driver_init(&d, "flatten", NULL, &in[c], 1)));
        assert_int_equal(d.out.axes, 1);
        assert_int_equal(d.out.dim[0], ls_shape_size(&in[c]));
        run_init(&d, &run, 5, 2);
        run_batch(&d, &run);
        assert_true(agrees_with_reference(&d, &run, reference_copy, true, 0.0));
        run.first_use = false;
        run_batch(&d, &run);
        for (size_t i = 0; i < 5 * d.out.dim[0]; i++)
            assert_true(run.dX[0][i] == 2.0f * run.dY[i]);
        run_free(&d, &run);
        driver_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_gradients_are_those_by_hand),
        cmocka_unit_test(gradients_are_those_of_a_float64_reference),
        cmocka_unit_test(tiles_cover_every_weight_once),
        cmocka_unit_test(tiles_have_the_size_promised),
        cmocka_unit_test(bits_depend_on_the_sample_alone),
        cmocka_unit_test(shared_layers_add_their_gradients),
        cmocka_unit_test(wrong_layers_are_refused),
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(flatten_changes_the_shape_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
