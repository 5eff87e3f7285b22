/*
 * Layers by known numbers: values computed with Keras, random layers' laws, moving statistics, special inputs, errors.
 */
#include "layer_driver.h"

#include "nn/layers/layers.h"

static const char *const no_args[] = {NULL};

/* Forward (and backward in training) of a layer with these inputs; the caller reads run->Y. */
static void drive(layer_driver *d, layer_run *run, const char *kind, const char *const *args, ls_shape in, size_t rows,
                  const float *X)
{
    assert_true(ok(driver_init(d, kind, args, &in, 1)));
    run_init(d, run, rows, rows);
    memcpy(run->X[0], X, rows * ls_shape_size(&in) * sizeof *X);
}

static void done(layer_driver *d, layer_run *run)
{
    run_free(d, run);
    driver_free(d);
}

static void set_all(layer_driver *d, size_t param, float value)
{
    for (size_t i = 0; i < d->layer.param[param].size; i++)
        d->layer.param[param].value[i] = value;
}

/* ---- numbers from Keras ---- */

static void batch_normalization_is_that_by_hand(void **state)
{
    static const float X[6] = {1, 2, 3, 6, 5, 4};
    static const double trained[6] = {-1.224515, -1.224515, 0, 1.224515, 1.224515, 0};
    static const double moving[4] = {0.03, 0.04, 1.016667, 1.016667};
    static const double inferred[6] = {0.9615436, 1.942913, 2.944108, 5.908041, 4.926671, 3.925477};
    layer_driver d;
    layer_run run;

    (void)state;
    drive(&d, &run, "batch_normalization", no_args, (ls_shape){1, {2}}, 3, X);
    assert_int_equal(d.layer.params, 4);
    assert_string_equal(d.layer.param[0].name, "gamma");
    assert_string_equal(d.layer.param[1].name, "beta");
    assert_string_equal(d.layer.param[2].name, "moving_mean");
    assert_string_equal(d.layer.param[3].name, "moving_variance");
    assert_true(d.layer.param[1].trainable && !d.layer.param[2].trainable && !d.layer.param[3].trainable);
    for (size_t p = 0; p < 4; p++)
        set_all(&d, p, p == 0 || p == 3 ? 1.0f : 0.0f);
    run.microbatch = 2;
    run_batch(&d, &run);
    assert_true(all_close(run.Y, trained, 6, 2e-6, 0));
    assert_true(d.layer.param[2].value[0] == 0.0f); /* nothing moves before the batch is committed */
    d.layer.ops->commit(&d.layer, run.totals, 3);
    assert_true(all_close(d.layer.param[2].value, moving, 2, 1e-7, 0));
    assert_true(all_close(d.layer.param[3].value, moving + 2, 2, 1e-6, 0));
    run.training = false;
    run_batch(&d, &run);
    assert_true(all_close(run.Y, inferred, 6, 2e-6, 0));

    /* frozen: training changes nothing, output and gradient are those of the moving statistics */
    run.training = true;
    d.layer.trainable = false;
    d.layer.ops->commit(&d.layer, run.totals, 3);
    assert_true(all_close(d.layer.param[2].value, moving, 2, 1e-7, 0));
    d.layer.ops->forward_sums(&(ls_call){.layer = &d.layer,
                                         .rows = 3,
                                         .training = true,
                                         .X = (const float *const *)run.X,
                                         .scratch = run.dW, /* not touched */
                                         .sums = run.totals,
                                         .batch_size = 3},
                              0);
    assert_true(run.totals[0] == 0.0);
    {
        float *dX[1] = {run.dX[0]};
        float *scratch = test_alloc(d.layer.scratch_fixed, sizeof(float));
        const ls_call call = {.layer = &d.layer,
                              .rows = 3,
                              .training = true,
                              .X = (const float *const *)run.X,
                              .Y = run.Y,
                              .dY = run.dY,
                              .dX = dX,
                              .first_use = true,
                              .scratch = scratch,
                              .totals = run.totals,
                              .batch_size = 3};

        d.layer.ops->forward(&call);
        assert_true(all_close(run.Y, inferred, 6, 2e-6, 0));
        d.layer.ops->backward(&call);
        for (size_t i = 0; i < 6; i++)
            assert_true(close_to((double)dX[0][i], (double)run.dY[i] / sqrt(1.0166667 + 1e-3), 1e-6, 0));
        free(scratch);
    }
    done(&d, &run);
}

/* Groups of 2 in 5 samples: moving statistics are the mean over the three groups of their means and variances. */
static void ghost_batches_are_normalized_by_themselves(void **state)
{
    static const float X[5] = {1, 3, 10, 20, 7};
    const char *const args[] = {"groups", "2", "momentum", "0.5", NULL};
    layer_driver d;
    layer_run run;

    (void)state;
    drive(&d, &run, "batch_normalization", args, (ls_shape){1, {1}}, 5, X);
    run.microbatch = 4;
    for (size_t p = 0; p < 4; p++)
        set_all(&d, p, p == 0 || p == 3 ? 1.0f : 0.0f);
    run_batch(&d, &run);
    d.layer.ops->commit(&d.layer, run.totals, 5);
    assert_true(close_to((double)d.layer.param[2].value[0], 0.5 * (2.0 + 15.0 + 7.0) / 3, 1e-6, 0));
    assert_true(close_to((double)d.layer.param[3].value[0], 0.5 + 0.5 * (1.0 + 25.0 + 0.0) / 3, 1e-6, 0));
    assert_true(close_to((double)run.Y[0], -1.0 / sqrt(1.001), 1e-6, 0));
    assert_true(close_to((double)run.Y[3], 5.0 / sqrt(25.001), 1e-6, 0));
    assert_true(run.Y[4] == 0.0f);
    assert_string_equal(d.layer.ops->ops.name, "batch_normalization");
    assert_int_equal(ls_layer_microbatch_unit(&d.layer), 2);
    done(&d, &run);
    drive(&d, &run, "batch_normalization", no_args, (ls_shape){1, {1}}, 5, X);
    assert_int_equal(ls_layer_microbatch_unit(&d.layer), 1);
    done(&d, &run);
}

static void layer_normalization_is_that_by_hand(void **state)
{
    static const float X[6] = {1, 2, 3, 6, 5, 4};
    static const double want[6] = {-0.998006, 0.998006, -0.9997779, 0.9997779, 0.998006, -0.998006};
    layer_driver d;
    layer_run run;

    (void)state;
    drive(&d, &run, "layer_normalization", no_args, (ls_shape){1, {2}}, 3, X);
    set_all(&d, 0, 1.0f);
    set_all(&d, 1, 0.0f);
    run_batch(&d, &run);
    assert_true(all_close(run.Y, want, 6, 1e-6, 0));
    done(&d, &run);
}

/* Images 1, 2, 3, … (times sign) through a layer whose kernel is all ones or 0, 1, 2, …. */
static void image(const char *kind, const char *const *args, size_t side, float sign, bool counting, const double *want,
                  size_t n)
{
    const ls_shape in = {3, {side, side, 1}};
    float X[25];
    layer_driver d;
    layer_run run;

    for (size_t i = 0; i < side * side; i++)
        X[i] = sign * (float)(i + 1);
    drive(&d, &run, kind, args, in, 1, X);
    for (size_t p = 0; p < d.layer.params; p++)
        for (size_t i = 0; i < d.layer.param[p].size; i++)
            d.layer.param[p].value[i] = p == 1 ? 0.0f : counting ? (float)i : 1.0f;
    run_batch(&d, &run);
    assert_true(all_close(run.Y, want, n, 1e-6, 0));
    done(&d, &run);
}

static void layers_of_images_are_those_by_hand(void **state)
{
    const char *const same[] = {"filters", "1", "kernel_size", "3", "strides", "2", "padding", "same", NULL};
    const char *const valid[] = {"filters", "1", "kernel_size", "3", "strides", "2", NULL};
    const char *const unit[] = {"filters", "1", "kernel_size", "3", NULL};
    const char *const pool[] = {"pool_size", "2", "padding", "same", NULL};

    (void)state;
    image("conv2d", same, 4, 1, false, (const double[]){54, 45, 72, 54}, 4);
    image("conv2d", same, 5, 1, false, (const double[]){16, 33, 28, 69, 117, 87, 76, 123, 88}, 9);
    image("conv2d", valid, 5, 1, false, (const double[]){63, 81, 153, 171}, 4);
    image("conv2d", unit, 5, 1, true, (const double[]){348, 384}, 2);
    image("average_pooling2d", pool, 5, 1, false, (const double[]){4, 6, 7.5, 14, 16, 17.5, 21.5, 23.5, 25}, 9);
    image("max_pooling2d", pool, 5, -1, false, (const double[]){-1, -3, -5, -11, -13, -15, -21, -23, -25}, 9);
}

static void cosine_similarity_is_that_by_hand(void **state)
{
    static const float X[3] = {1, 2, 3}, Y[3] = {2, 0, 1}, zero[3] = {0, 0, 0};
    const char *const args[] = {"axes", "-1", "normalize", "true", NULL};
    const ls_shape in[2] = {{1, {3}}, {1, {3}}};
    layer_driver d;
    layer_run run;

    (void)state;
    assert_true(ok(driver_init(&d, "dot", args, in, 2)));
    assert_true(d.out.axes == 1 && d.out.dim[0] == 1);
    run_init(&d, &run, 1, 1);
    memcpy(run.X[0], X, sizeof X);
    memcpy(run.X[1], Y, sizeof Y);
    run_batch(&d, &run);
    assert_true(close_to((double)run.Y[0], 0.5976143, 1e-6, 0));
    memcpy(run.X[1], zero, sizeof zero); /* length 0: epsilon takes over, nothing is NaN */
    run_batch(&d, &run);
    assert_true(run.Y[0] == 0.0f && isfinite(run.dX[0][0]));
    assert_true(close_to((double)run.dX[1][0], (double)run.dY[0] * 1e7 / sqrt(14), 0, 1e-5));
    done(&d, &run);
}

/* The gradient of a tie goes to the first maximum in row-major order. */
static void the_first_of_equal_values_takes_the_gradient(void **state)
{
    static const float X[9] = {5, 5, 1, 5, 0, 0, 1, 1, 1};
    const char *const args[] = {"strides", "1", NULL};
    const ls_shape in[2] = {{1, {2}}, {1, {2}}};
    layer_driver d;
    layer_run run;

    (void)state;
    drive(&d, &run, "max_pooling2d", args, (ls_shape){3, {3, 3, 1}}, 1, X);
    memcpy(run.dY, (const float[]){1, 2, 4, 8}, 4 * sizeof(float));
    run_batch(&d, &run); /* windows: {5 5 5 0} {5 1 0 0} {5 0 1 1} {0 0 1 1} */
    assert_true(same_bits(run.dX[0], (const float[]){1, 2, 0, 4, 0, 0, 0, 8, 0}, 9));
    done(&d, &run);

    assert_true(ok(driver_init(&d, "maximum", no_args, in, 2)));
    run_init(&d, &run, 1, 1);
    memcpy(run.X[0], (const float[]){3, 4}, 2 * sizeof(float));
    memcpy(run.X[1], (const float[]){3, 5}, 2 * sizeof(float));
    run_batch(&d, &run);
    assert_true(run.dX[0][0] == run.dY[0] && run.dX[1][0] == 0.0f && run.dX[0][1] == 0.0f && run.dX[1][1] == run.dY[1]);
    done(&d, &run);
}

/* Large images: columns are written for fewer samples at a time than a microbatch has. */
static void convolutions_in_parts_are_whole_ones(void **state)
{
    const char *const args[] = {"filters", "2", "kernel_size", "3", "padding", "same", NULL};
    const ls_shape in = {3, {40, 41, 1}};
    layer_driver d;
    layer_run whole, single;

    (void)state;
    assert_true(ok(driver_init(&d, "conv2d", args, &in, 1)));
    assert_true(d.layer.scratch_fixed < 9 * 40 * 41 * 9); /* the point of the test: not all samples fit */
    run_init(&d, &whole, 9, 9);
    run_init(&d, &single, 9, 1);
    run_batch(&d, &whole);
    run_batch(&d, &single);
    for (size_t i = 0; i < 9 * 40 * 41 * 2; i++)
        assert_true(close_to((double)whole.Y[i], (double)single.Y[i], 1e-5, 1e-5));
    for (size_t i = 0; i < 9 * 40 * 41; i++)
        assert_true(close_to((double)whole.dX[0][i], (double)single.dX[0][i], 1e-5, 1e-5));
    for (size_t i = 0; i < d.trainable_size; i++)
        assert_true(close_to((double)whole.dW[i], (double)single.dW[i], 1e-3, 1e-4));
    run_free(&d, &single);
    done(&d, &whole);
}

/* ---- random layers ---- */

static void dropout_follows_its_law(void **state)
{
    enum { ROWS = 40, N = 1500 };
    const char *const args[] = {"rate", "0.3", NULL};
    const ls_shape in = {1, {N}};
    layer_driver d;
    layer_run run;
    size_t kept = 0;

    (void)state;
    assert_true(ok(driver_init(&d, "dropout", args, &in, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++) {
        const bool keep = run.Y[i] != 0.0f;
        const float scale = (float)(1.0 / 0.7);

        assert_true(run.Y[i] == (keep ? run.X[0][i] * scale : 0.0f));
        assert_true(run.dX[0][i] == (keep ? run.dY[i] * scale : 0.0f));
        kept += keep;
    }
    assert_true(fabs((double)kept - 0.7 * ROWS * N) < 5.0 * sqrt(0.21 * ROWS * N)); /* five standard deviations */

    run.first_use = false; /* adds */
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++)
        assert_true(run.dX[0][i] == (run.Y[i] != 0.0f ? 2.0f * (run.dY[i] * (float)(1.0 / 0.7)) : 0.0f));
    run.training = false;
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, run.X[0], ROWS * N));
    done(&d, &run);
}

/* Whole channels; both kinds keep what they are meant to keep; gradients have the factors of the outputs. */
static void kinds_of_dropout_follow_their_laws(void **state)
{
    enum { ROWS = 40, N = 1500, CHANNELS = 30 };
    const char *const spatial[] = {"rate", "0.3", NULL}, *const gaussian[] = {"rate", "0.2", NULL};
    const double a = 1 / sqrt(0.7 * (1 + 0.3 * 1.7580993408473766 * 1.7580993408473766));
    const ls_shape images = {3, {5, N / 5 / CHANNELS, CHANNELS}}, in = {1, {N}};
    double sum = 0, squares = 0;
    layer_driver d;
    layer_run run;
    size_t kept = 0;

    (void)state;
    assert_true(ok(driver_init(&d, "spatial_dropout2d", spatial, &images, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++) {
        const bool keep = run.Y[i / N * N + i % CHANNELS] != 0.0f; /* as at the channel's first place */

        assert_true(run.Y[i] == (keep ? run.X[0][i] * (float)(1.0 / 0.7) : 0.0f));
        kept += keep && i % N < CHANNELS;
    }
    assert_true(fabs((double)kept - 0.7 * ROWS * CHANNELS) < 5.0 * sqrt(0.21 * ROWS * CHANNELS));
    done(&d, &run);

    assert_true(ok(driver_init(&d, "alpha_dropout", spatial, &in, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++) {
        const bool keep = run.dX[0][i] != 0.0f;
        const double b = a * 1.7580993408473766 * 0.3, x = keep ? (double)run.X[0][i] : -1.7580993408473766;

        assert_true(close_to((double)run.Y[i], a * x + b, 1e-6, 1e-6));
        assert_true(!keep || close_to((double)run.dX[0][i], a * (double)run.dY[i], 1e-6, 1e-6));
    }
    done(&d, &run);

    assert_true(ok(driver_init(&d, "gaussian_dropout", gaussian, &in, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++) {
        const double factor = (double)run.Y[i] / (double)run.X[0][i];

        sum += factor;
        squares += (factor - 1) * (factor - 1);
        assert_true(close_to((double)run.dX[0][i], factor * (double)run.dY[i], 1e-5, 1e-5));
    }
    assert_true(fabs(sum / (ROWS * N) - 1) < 5 * 0.5 / sqrt(ROWS * N)); /* N(1, 0.5^2) */
    assert_true(fabs(squares / (ROWS * N) - 0.25) < 5 * 0.25 * sqrt(2.0 / (ROWS * N)));
    run.training = false;
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, run.X[0], ROWS * N));
    done(&d, &run);
}

/* What a layer gives for this place, in microbatches of this size. */
static float *output_at(const layer_driver *d, size_t microbatch, uint64_t seed, uint64_t update, uint32_t node,
                        uint64_t position)
{
    layer_run run;
    float *Y;

    run_init(d, &run, 12, microbatch);
    run.seed = seed;
    run.update = update;
    run.node = node;
    run.position = position;
    run_batch(d, &run);
    Y = run.Y;
    run.Y = NULL;
    run_free(d, &run);
    return Y;
}

/* Numbers depend on (seed, update, node, position) and on nothing else. */
static void random_layers_know_only_their_place(void **state)
{
    static const struct {
        const char *kind, *args[7];
        bool own_seed;
    } kinds[] = {
        {"dropout", {"rate", "0.5", NULL}, false},
        {"dropout", {"rate", "0.5", "noise_shape", "[1, 30]", "seed", "5", NULL}, true},
        {"spatial_dropout1d", {"rate", "0.5", NULL}, false},
        {"alpha_dropout", {"rate", "0.5", NULL}, false},
        {"alpha_dropout", {"rate", "0.5", "seed", "5", NULL}, true},
        {"gaussian_dropout", {"rate", "0.5", NULL}, false},
        {"gaussian_noise", {"stddev", "0.5", NULL}, false},
        {"gaussian_noise", {"stddev", "0.5", "seed", "5", NULL}, true},
    };
    const ls_shape in = {2, {5, 30}};
    const size_t size = 12 * 150 * sizeof(float);

    (void)state;
    for (size_t k = 0; k < count_of(kinds); k++) {
        layer_driver d;
        float *base, *other[5];

        assert_true(ok(driver_init(&d, kinds[k].kind, kinds[k].args, &in, 1)));
        base = output_at(&d, 12, 1, 2, 3, 100);
        for (size_t microbatch = 1; microbatch < 12; microbatch += 3) {
            float *cut = output_at(&d, microbatch, 1, 2, 3, 100);

            assert_true(same_bits(cut, base, 12 * 150));
            free(cut);
        }
        other[0] = output_at(&d, 12, 9, 2, 3, 100);
        other[1] = output_at(&d, 12, 1, 9, 3, 100);
        other[2] = output_at(&d, 12, 1, 2, 9, 100);
        other[3] = output_at(&d, 12, 1, 2, 3, 900);
        other[4] = output_at(&d, 12, 1, 2, 3, 100);
        assert_true((memcmp(other[0], base, size) == 0) == kinds[k].own_seed);
        assert_true(memcmp(other[1], base, size) != 0);
        assert_true(memcmp(other[2], base, size) != 0);
        assert_true(memcmp(other[3], base, size) != 0);
        assert_true(memcmp(other[4], base, size) == 0);
        for (size_t i = 0; i < 5; i++)
            free(other[i]);
        free(base);
        driver_free(&d);
    }
}

/* noise_shape [1, 30] of samples (5, 30): all five rows of a sample share one mask, samples do not. */
static void dropout_shares_along_its_noise_shape(void **state)
{
    const char *const args[] = {"rate", "0.5", "noise_shape", "[1, 30]", NULL};
    const ls_shape in = {2, {5, 30}};
    layer_driver d;
    layer_run run;
    size_t different = 0;

    (void)state;
    assert_true(ok(driver_init(&d, "dropout", args, &in, 1)));
    run_init(&d, &run, 4, 4);
    run_batch(&d, &run);
    for (size_t r = 0; r < 4; r++)
        for (size_t i = 0; i < 150; i++) {
            assert_true((run.Y[r * 150 + i] == 0.0f) == (run.Y[r * 150 + i % 30] == 0.0f));
            assert_true((run.dX[0][r * 150 + i] == 0.0f) == (run.Y[r * 150 + i] == 0.0f));
            different += (run.Y[r * 150 + i] == 0.0f) != (run.Y[i] == 0.0f);
        }
    assert_true(different > 50);
    done(&d, &run);
}

static void dropout_of_nothing_and_nearly_all_works(void **state)
{
    const char *const all[] = {"rate", "1", NULL}, *const none[] = {"rate", "0", NULL};
    const ls_shape in = {1, {50}};
    layer_driver d;
    layer_run run;

    (void)state;
    assert_true(ok(driver_init(&d, "dropout", all, &in, 1)));
    run_init(&d, &run, 2, 2);
    run_batch(&d, &run);
    for (size_t i = 0; i < 100; i++)
        assert_true(run.Y[i] == 0.0f && run.dX[0][i] == 0.0f);
    done(&d, &run);
    assert_true(ok(driver_init(&d, "dropout", none, &in, 1)));
    run_init(&d, &run, 2, 2);
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, run.X[0], 100) && same_bits(run.dX[0], run.dY, 100));
    done(&d, &run);
}

static void gaussian_noise_follows_its_law(void **state)
{
    enum { ROWS = 20, N = 1501 };
    const char *const args[] = {"stddev", "0.25", NULL};
    const ls_shape in = {1, {N}};
    double sum = 0, squares = 0;
    layer_driver d;
    layer_run run;

    (void)state;
    assert_true(ok(driver_init(&d, "gaussian_noise", args, &in, 1)));
    run_init(&d, &run, ROWS, ROWS);
    run_batch(&d, &run);
    for (size_t i = 0; i < ROWS * N; i++) {
        const double noise = (double)run.Y[i] - (double)run.X[0][i];

        sum += noise;
        squares += noise * noise;
    }
    assert_true(fabs(sum / (ROWS * N)) < 5 * 0.25 / sqrt(ROWS * N));
    assert_true(fabs(squares / (ROWS * N) / 0.0625 - 1.0) < 5 * sqrt(2.0 / (ROWS * N)));
    assert_true(same_bits(run.dX[0], run.dY, ROWS * N));
    run.training = false;
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, run.X[0], ROWS * N));
    done(&d, &run);
}

/* ---- special inputs ---- */

/* Numbers are cut to integers; what has no row gives NaN and no gradient; untouched rows get 0. */
static void indices_of_embeddings_are_checked(void **state)
{
    static const float X[8] = {0.0f, 2.9f, -0.5f, 3.0f, -1.0f, 1e20f, NAN, 2.0f};
    const char *const args[] = {"input_dim", "3", "output_dim", "2", NULL};
    layer_driver d;
    layer_run run;

    (void)state;
    drive(&d, &run, "embedding", args, (ls_shape){1, {8}}, 1, X);
    run_batch(&d, &run);
    assert_true(same_bits(run.Y, d.layer.param[0].value, 2));
    assert_true(same_bits(run.Y + 2, d.layer.param[0].value + 4, 2));
    assert_true(same_bits(run.Y + 4, d.layer.param[0].value, 2));
    for (size_t i = 6; i < 14; i++)
        assert_true(isnan(run.Y[i]));
    assert_true(run.dW[0] == run.dY[0] + run.dY[4] && run.dW[4] == run.dY[2] + run.dY[14]);
    assert_true(run.dW[2] == 0.0f && run.dW[3] == 0.0f);
    done(&d, &run);
}

/* A NaN is not swallowed: it must reach the loss to be reported. */
static void nan_passes_through(void **state)
{
    static const float X[4] = {NAN, 1, 2, 3}, late[4] = {1, 2, NAN, 3};
    const ls_shape in[2] = {{1, {4}}, {1, {4}}};
    layer_driver d;
    layer_run run;

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        drive(&d, &run, "max_pooling2d", no_args, (ls_shape){3, {2, 2, 1}}, 1, k ? late : X);
        run_batch(&d, &run);
        assert_true(isnan(run.Y[0]));
        done(&d, &run);
        assert_true(ok(driver_init(&d, "maximum", no_args, in, 2)));
        run_init(&d, &run, 1, 1);
        run.X[k][0] = NAN;
        run_batch(&d, &run);
        assert_true(isnan(run.Y[0]) && !isnan(run.Y[1]));
        done(&d, &run);
    }
}

/* ---- errors ---- */

static void wrong_layers_are_refused(void **state)
{
    static const struct {
        const char *kind, *args[9];
        ls_shape in[2];
        size_t inputs;
        ls_status status;
        const char *word;
    } bad[] = {
        {"reshape", {"target_shape", "[5]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "(None, 6)"},
        {"reshape", {"target_shape", "[-1, -1]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "-1"},
        {"reshape", {"target_shape", "[4, -1]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "(None, 6)"},
        {"reshape", {"target_shape", "[2000000000, 2000000000, 2000000000]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "6"},
        {"permute", {"dims", "[1, 1]", NULL}, {{2, {2, 3}}}, 1, LS_ERR_SHAPE, "once"},
        {"permute", {"dims", "[1]", NULL}, {{2, {2, 3}}}, 1, LS_ERR_SHAPE, "(None, 2, 3)"},
        {"dropout", {"rate", "1.5", NULL}, {{1, {6}}}, 1, LS_ERR_CONFIG, "rate"},
        {"alpha_dropout", {"rate", "1", NULL}, {{1, {6}}}, 1, LS_ERR_CONFIG, "rate"},
        {"gaussian_dropout", {"rate", "1", NULL}, {{1, {6}}}, 1, LS_ERR_CONFIG, "rate"},
        {"spatial_dropout2d", {"rate", "0.5", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "2 axes and channels"},
        {"softmax", {"axis", "2", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "axis 2"},
        {"prelu", {"shared_axes", "2", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "axis 2"},
        {"einsum_dense", {"equation", "ab,bc", "output_shape", "3", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "'ab,bc'"},
        {"einsum_dense",
         {"equation", "abc,cd->abd", "output_shape", "3", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "(None, 6)"},
        {"einsum_dense", {"equation", "aab,bc->ac", "output_shape", "3", NULL}, {{2, {6, 6}}}, 1, LS_ERR_SHAPE, "once"},
        {"einsum_dense",
         {"equation", "ab,ac->bc", "output_shape", "[6, 3]", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "batch"},
        {"einsum_dense",
         {"equation", "ab,bc->ac", "output_shape", "[3, 2]", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "1 axes"},
        {"einsum_dense", {"equation", "ab,bc->ac", "output_shape", "[null]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "'c'"},
        {"einsum_dense",
         {"equation", "ab,bc->acb", "output_shape", "[3, 5]", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "'b'"},
        {"einsum_dense",
         {"equation", "ab,cd->acd", "output_shape", "[3, 5]", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "alone"},
        {"einsum_dense",
         {"equation", "ab,bc->ac", "output_shape", "3", "bias_axes", "b", NULL},
         {{1, {6}}},
         1,
         LS_ERR_SHAPE,
         "bias_axes"},
        {"dropout", {"rate", "0.5", "noise_shape", "[2]", NULL}, {{1, {6}}}, 1, LS_ERR_SHAPE, "noise_shape"},
        {"gaussian_noise", {"stddev", "-1", NULL}, {{1, {6}}}, 1, LS_ERR_CONFIG, "stddev"},
        {"embedding", {"input_dim", "0", "output_dim", "2", NULL}, {{1, {6}}}, 1, LS_ERR_CONFIG, "input_dim"},
        {"batch_normalization", {"axis", "1", NULL}, {{3, {2, 2, 2}}}, 1, LS_ERR_SHAPE, "axis"},
        {"batch_normalization", {NULL}, {{0, {0}}}, 1, LS_ERR_SHAPE, "axis"},
        {"layer_normalization", {"axis", "1", NULL}, {{2, {2, 3}}}, 1, LS_ERR_SHAPE, "last axes"},
        {"layer_normalization", {"axis", "[2, -1]", NULL}, {{2, {2, 3}}}, 1, LS_ERR_SHAPE, "once"},
        {"layer_normalization", {"axis", "0", NULL}, {{2, {2, 3}}}, 1, LS_ERR_SHAPE, "axis 0"},
        {"conv2d", {"filters", "2", "kernel_size", "3", NULL}, {{2, {4, 4}}}, 1, LS_ERR_SHAPE, "(None, 4, 4)"},
        {"conv2d", {"filters", "2", "kernel_size", "5", NULL}, {{3, {4, 4, 1}}}, 1, LS_ERR_SHAPE, "5 x 5"},
        {"conv2d",
         {"filters", "3", "kernel_size", "1", "groups", "2", NULL},
         {{3, {4, 4, 2}}},
         1,
         LS_ERR_CONFIG,
         "groups"},
        {"conv2d",
         {"filters", "2", "kernel_size", "1", "groups", "2", NULL},
         {{3, {4, 4, 3}}},
         1,
         LS_ERR_SHAPE,
         "3 channels"},
        {"conv2d",
         {"filters", "2", "kernel_size", "1", "strides", "2", "dilation_rate", "2", NULL},
         {{3, {4, 4, 2}}},
         1,
         LS_ERR_CONFIG,
         "dilation_rate"},
        {"conv2d",
         {"filters", "2", "kernel_size", "1", "data_format", "channels_first", NULL},
         {{3, {4, 4, 2}}},
         1,
         LS_ERR_CONFIG,
         "channels_last"},
        {"max_pooling2d", {NULL}, {{3, {1, 4, 1}}}, 1, LS_ERR_SHAPE, "2 x 2"},
        {"average_pooling2d", {NULL}, {{3, {4, 4, 1}}}, 1, LS_ERR_CONFIG, "pool_size"},
        {"global_average_pooling2d", {NULL}, {{2, {4, 4}}}, 1, LS_ERR_SHAPE, "(None, 4, 4)"},
        {"concatenate", {NULL}, {{2, {2, 3}}, {2, {3, 3}}}, 2, LS_ERR_SHAPE, "(None, 3, 3)"},
        {"concatenate", {NULL}, {{2, {2, 3}}, {1, {3}}}, 2, LS_ERR_SHAPE, "(None, 3)"},
        {"concatenate", {"axis", "0", NULL}, {{1, {2}}, {1, {3}}}, 2, LS_ERR_SHAPE, "axis 0"},
        {"add", {NULL}, {{1, {2}}, {1, {3}}}, 2, LS_ERR_SHAPE, "(None, 3)"},
        {"dot", {"axes", "1", NULL}, {{1, {2}}, {1, {3}}}, 2, LS_ERR_SHAPE, "2 and 3"},
        {"dot", {"axes", "2", NULL}, {{1, {2}}, {1, {2}}}, 2, LS_ERR_SHAPE, "axis 2"},
        {"activation", {NULL}, {{1, {2}}}, 1, LS_ERR_CONFIG, "activation"},
    };

    (void)state;
    for (size_t i = 0; i < count_of(bad); i++) {
        layer_driver d;

        if (!failed_with(driver_init(&d, bad[i].kind, bad[i].args, bad[i].in, bad[i].inputs), bad[i].status,
                         (const char *const[]){bad[i].word, NULL})) {
            print_error("case %zu, %s\n", i, bad[i].kind);
            fail();
        }
        driver_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_normalization_is_that_by_hand),
        cmocka_unit_test(ghost_batches_are_normalized_by_themselves),
        cmocka_unit_test(layer_normalization_is_that_by_hand),
        cmocka_unit_test(layers_of_images_are_those_by_hand),
        cmocka_unit_test(cosine_similarity_is_that_by_hand),
        cmocka_unit_test(the_first_of_equal_values_takes_the_gradient),
        cmocka_unit_test(convolutions_in_parts_are_whole_ones),
        cmocka_unit_test(dropout_follows_its_law),
        cmocka_unit_test(kinds_of_dropout_follow_their_laws),
        cmocka_unit_test(random_layers_know_only_their_place),
        cmocka_unit_test(dropout_shares_along_its_noise_shape),
        cmocka_unit_test(dropout_of_nothing_and_nearly_all_works),
        cmocka_unit_test(gaussian_noise_follows_its_law),
        cmocka_unit_test(indices_of_embeddings_are_checked),
        cmocka_unit_test(nan_passes_through),
        cmocka_unit_test(wrong_layers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
