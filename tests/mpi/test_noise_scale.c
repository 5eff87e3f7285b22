/*
 * The gradient noise scale: against closed forms, the same bits on any number of ranks, without a trace in the weights,
 * and carried over by a checkpoint.
 */
#include "training.h"

#include "run/checkpoint.h"
#include "train/noise_scale.h"

/* ---- the average and its interval, by hand ---- */

static void averages_are_those_by_hand(void **state)
{
    ls_noise_scale *noise;
    ls_noise_estimate e;
    bool good;

    (void)state;
    assert_true(all_ranks(ok(ls_noise_scale_create(0.5, 1, &noise))));
    e = ls_noise_scale_estimate(noise);
    good = isnan(e.scale) && isnan(e.low) && isnan(e.high); /* nothing was measured */
    ls_noise_scale_add(noise, 8, 1);
    e = ls_noise_scale_estimate(noise);
    good = good && e.scale == 8 && isnan(e.low);
    ls_noise_scale_add(noise, 6, 2);
    e = ls_noise_scale_estimate(noise);
    good = good && e.scale == 4; /* (8/2 + 6) / (1/2 + 2) */
    ls_noise_scale_add(noise, 3, 4);
    ls_noise_scale_add(noise, 5, 1);
    /*
     * S = 8/8 + 6/4 + 3/2 + 5 = 9, Q = 1/8 + 2/4 + 4/2 + 1 = 3.625. Leaving out one step: 8/3.5, 7.5/3.125, 7.5/1.625,
     * 4/2.625; mean 2.70615..., squares about it sum to 5.18842..., times 3/4, root 1.97263; t(3) = 3.182.
     */
    e = ls_noise_scale_estimate(noise);
    good = good && close_to(e.scale, 9 / 3.625, 1e-15, 0);
    {
        const double without[] = {8 / 3.5, 7.5 / 3.125, 7.5 / 1.625, 4 / 2.625};
        double mean = 0, squares = 0;

        for (int i = 0; i < 4; i++)
            mean += without[i] / 4;
        for (int i = 0; i < 4; i++)
            squares += (without[i] - mean) * (without[i] - mean);
        good = good && close_to(e.high - e.scale, 3.182 * sqrt(squares * 3 / 4), 1e-12, 0) && e.low == 0;
    }
    ls_noise_scale_add(noise, 1, -9); /* the squared gradient drowns in the noise */
    e = ls_noise_scale_estimate(noise);
    good = good && isnan(e.scale) && isnan(e.low) && isnan(e.high);
    ls_noise_scale_free(noise);
    assert_true(all_ranks(good));
}

/* ---- linear regression with Gaussian noise ---- */

#define FEATURES 8
#define SAMPLES 16384

/*
 * y = x w + sigma e with x, e normal, trained from zero weights at a rate of 0, so that d = -w stays. The gradient of
 * one sample's squared error is g = 2 x (x d - sigma e), hence G = 2 d,   E|g|^2 = 4 ((n + 2) |d|^2 + n sigma^2),
 * tr(Sigma) / |G|^2 = n + 1 + n sigma^2 / |d|^2.
 */
static void put_regression(double sigma, uint64_t seed)
{
    float *const x = malloc(SAMPLES * FEATURES * sizeof *x), *const y = malloc(SAMPLES * sizeof *y);
    uint64_t at = seed << 32;

    assert_non_null(x);
    assert_non_null(y);
    for (size_t i = 0; i < SAMPLES; i++) {
        double sum = 0, normal[FEATURES + 2];

        for (size_t j = 0; j < FEATURES + 2; j += 2) { /* Box and Muller; splitmix64 for the uniforms */
            double u[2];

            for (int k = 0; k < 2; k++) {
                uint64_t z = (at += 0x9E3779B97F4A7C15u);

                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
                u[k] = ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
            }
            normal[j] = sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]);
            normal[j + 1] = sqrt(-2 * log(u[0])) * sin(6.283185307179586 * u[1]);
        }
        for (size_t j = 0; j < FEATURES; j++) {
            x[i * FEATURES + j] = (float)normal[j];
            sum += normal[j] * (j % 2 ? -0.5 : 0.5); /* |w|^2 = FEATURES / 4 = 2 */
        }
        y[i] = (float)(sum + sigma * normal[FEATURES]);
    }
    data_begin();
    data_put("/x", SAMPLES, FEATURES, x);
    data_put("/y", SAMPLES, 0, y);
    free(x);
    free(y);
}

static const char regression[] = "seed: %d\n"
                                 "data: {file: data.h5, train: {x: /x, y: /y}}\n"
                                 "model: [dense: {units: 1, use_bias: false, kernel_initializer: zeros}]\n"
                                 "compile: {optimizer: {sgd: {learning_rate: 0.0}}, loss: mse}\n"
                                 "fit: {epochs: 1, batch_size: %d, microbatch: %d, noise_scale: {decay: 0.9999}}\n";

static bool fit_regression(MPI_Comm mpi, int seed, int batch, int microbatch, ls_noise_estimate *out)
{
    const ls_trainer_options options = {0};
    char text[512];
    ls_trainer *trainer = NULL;
    bool stop = false, good;
    double loss;
    training t;

    snprintf(text, sizeof text, regression, seed, batch, microbatch);
    good = ok(training_open(mpi, text, &t)) && ok(ls_trainer_create(t.task, &options, &trainer));
    if (good)
        ls_trainer_begin_epoch(trainer);
    while (good && trainer->batch < trainer->plan.batches)
        good = ok(ls_trainer_update(trainer, &stop, &loss));
    if (good)
        *out = ls_noise_scale_estimate(trainer->noise);
    ls_trainer_free(trainer);
    training_close(&t);
    return good;
}

/*
 * Twenty orders of two data sets: a 95 % interval holds the truth in about 19 of 20. (Short last batches and
 * microbatches are among them: 16384 = 163 x 100 + 84, and 84 = 5 x 16 + 4.)
 */
static void finds_the_closed_form(void **state)
{
    static const struct {
        double sigma, scale;
        int batch, microbatch;
    } cases[] = {{2, FEATURES + 1 + FEATURES * 4 / 2.0, 100, 16}, {6, FEATURES + 1 + FEATURES * 36 / 2.0, 128, 32}};

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        int covered = 0;
        double mean = 0;
        bool good = true;

        put_regression(cases[c].sigma, c + 1);
        for (int seed = 0; seed < 20; seed++) {
            ls_noise_estimate e = {NAN, NAN, NAN};

            assert_true(all_ranks(fit_regression(MPI_COMM_WORLD, seed, cases[c].batch, cases[c].microbatch, &e)));
            good &= e.low < e.scale && e.scale < e.high;
            covered += e.low <= cases[c].scale && cases[c].scale <= e.high;
            mean += e.scale / 20;
        }
        if (covered < 17 || !close_to(mean, cases[c].scale, 0, 0.05)) {
            print_error("noise scale %g on average, %g in truth, inside %d of 20 intervals\n", mean, cases[c].scale,
                        covered);
            good = false;
        }
        assert_true(all_ranks(good));
    }
}

/* ---- any number of ranks ---- */

static bool equal_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void same_on_all_ranks(void **state)
{
    ls_noise_estimate together = {NAN, NAN, NAN}, alone = {NAN, NAN, NAN};
    bool good;

    (void)state;
    put_regression(1, 3);
    good = fit_regression(MPI_COMM_WORLD, 5, 1000, 24, &together) && fit_regression(MPI_COMM_SELF, 5, 1000, 24, &alone);
    good = good && !isnan(alone.scale) && equal_bits(together.scale, alone.scale) &&
           equal_bits(together.low, alone.low) && equal_bits(together.high, alone.high);
    assert_true(all_ranks(good));
}

#define TRAINED                                                             \
    "data: {file: data.h5, train: {x: /x, y: /y}}\n"                        \
    "model: [{dense: {units: 5, activation: tanh}}, {dense: {units: 1}}]\n" \
    "compile: {optimizer: adam, loss: mse}\n"                               \
    "fit: {epochs: 3, batch_size: 512, microbatch: 64"

static void leaves_the_weights_alone(void **state)
{
    ls_fit_result with, without;

    (void)state;
    put_regression(1, 4);
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, TRAINED ", noise_scale: true}\n", &with, NULL))));
    assert_true(all_ranks(ok(training_fit(MPI_COMM_WORLD, TRAINED "}\n", &without, NULL))));
    assert_true(all_ranks(strcmp(with.fingerprint, without.fingerprint) == 0));
}

/* A checkpoint in the middle of an epoch, read by a new trainer: the same estimate after the next update. */
static void goes_on_from_a_checkpoint(void **state)
{
    const ls_trainer_options options = {0};
    ls_noise_estimate e[2] = {{0}};
    char path[96];
    bool good = true;

    (void)state;
    put_regression(1, 4);
    snprintf(path, sizeof path, "%s/checkpoint.h5", folder);
    for (int resumed = 0; resumed < 2; resumed++) {
        ls_trainer *trainer = NULL;
        ls_callbacks *callbacks = NULL;
        bool stop = false;
        double loss;
        training t;

        assert_true(all_ranks(ok(training_open(MPI_COMM_WORLD, TRAINED ", noise_scale: true}\n", &t))));
        assert_true(all_ranks(ok(ls_trainer_create(t.task, &options, &trainer))));
        assert_true(all_ranks(ok(ls_callbacks_create(trainer, &(ls_callbacks_settings){0}, &callbacks))));
        if (resumed)
            good = good && ok(ls_checkpoint_read(trainer, callbacks, path, false, &(ls_earlier_rows){0}));
        ls_trainer_begin_epoch(trainer);
        while (good && trainer->update < 20) {
            good = ok(ls_trainer_update(trainer, &stop, &loss));
            if (trainer->update == 13 && !resumed)
                good = good && ok(ls_checkpoint_write(trainer, callbacks, path));
        }
        e[resumed] = ls_noise_scale_estimate(trainer->noise);
        ls_callbacks_free(callbacks);
        ls_trainer_free(trainer);
        training_close(&t);
        assert_true(all_ranks(good));
    }
    good = !isnan(e[0].scale) && !isnan(e[0].low) && equal_bits(e[0].scale, e[1].scale) &&
           equal_bits(e[0].low, e[1].low) && equal_bits(e[0].high, e[1].high);
    assert_true(all_ranks(good));
}

/* ---- what cannot be measured ---- */

static bool refused(const char *text, const char *why)
{
    const ls_trainer_options options = {0};
    ls_trainer *trainer = NULL;
    training t;
    ls_status st = training_open(MPI_COMM_WORLD, text, &t);
    bool good;

    if (st == LS_OK)
        st = ls_trainer_create(t.task, &options, &trainer);
    good = st == LS_ERR_CONFIG && strstr(ls_error_message(), why);
    if (!good)
        print_error("not refused with '%s': %s\n", why, ls_error_message());
    ls_trainer_free(trainer);
    training_close(&t);
    return good;
}

static void what_cannot_be_measured_is_refused(void **state)
{
    (void)state;
    put_regression(1, 4);
    assert_true(all_ranks(refused("data: {file: data.h5, train: {x: /x, y: /y}}\nmodel: [dense: {units: 1}]\n"
                                  "compile: {optimizer: sgd, loss: mse}\nfit: {batch_size: 16, noise_scale: true}\n",
                                  "experiment.yaml:4:36: fit.noise_scale compares microbatches")));
    assert_true(all_ranks(refused("data: {file: data.h5, train: {x: /x, y: /y}}\nmodel: [dense: {units: 1}]\n"
                                  "compile: {optimizer: sgd, loss: mse}\nfit: {noise_scale: {decay: 1.0}}\n",
                                  "fit.noise_scale.decay")));
    assert_true(all_ranks(refused("data: {file: data.h5, train: {x: {a: /x}, y: {out: /y}}}\n"
                                  "model:\n"
                                  "  inputs: {a: {shape: [8]}}\n"
                                  "  layers:\n"
                                  "    - {name: one, dense: {units: 8}, inputs: [a]}\n"
                                  "    - {name: two, shares: one, inputs: [one]}\n"
                                  "    - {name: out, dense: {units: 1}, inputs: [two]}\n"
                                  "  outputs: [out]\n"
                                  "compile: {optimizer: sgd, loss: mse}\nfit: {noise_scale: true}\n",
                                  "share layers")));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(averages_are_those_by_hand), cmocka_unit_test(finds_the_closed_form),
    cmocka_unit_test(same_on_all_ranks),          cmocka_unit_test(leaves_the_weights_alone),
    cmocka_unit_test(goes_on_from_a_checkpoint),  cmocka_unit_test(what_cannot_be_measured_is_refused),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
