/*
 * Corners against Keras (golden/corners.json): ties and kinks, outputs that a cross-entropy is not about, infinities,
 * weights of samples and positions, and the ways in which compile takes losses of several outputs. Evaluation, two
 * epochs and the weights after them, on any number of ranks.
 */
#include "mpi_main.h"
#include "source_dir.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep/lockstep.h"

#define ARRAYS_MAX 8

static ls_comm *world;

/* A number, or how Python spells one that is not finite. */
static double number_of(const json_t *value)
{
    return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

/* To be freed. */
static float *floats_of(const json_t *list, size_t *n)
{
    float *out;

    *n = json_array_size(list);
    assert_non_null(out = malloc((*n + 1) * sizeof *out));
    for (size_t i = 0; i < *n; i++)
        out[i] = (float)number_of(json_array_get(list, i));
    return out;
}

/* The arrays of one role; they stay until the data are freed. */
static bool add_arrays(ls_data *data, ls_role role, json_t *arrays, float **kept, size_t *keeps)
{
    bool good = true;
    const char *name;
    json_t *array;

    json_object_foreach(arrays, name, array)
    {
        const json_t *shape = json_object_get(array, "shape");
        size_t dim[ARRAYS_MAX], n;

        assert_true(*keeps < ARRAYS_MAX && json_array_size(shape) <= ARRAYS_MAX);
        for (size_t i = 0; i < json_array_size(shape); i++)
            dim[i] = (size_t)json_integer_value(json_array_get(shape, i));
        kept[*keeps] = floats_of(json_object_get(array, "values"), &n);
        good = good && ok(ls_data_add(data, role, *name ? name : NULL, LS_TYPE_FLOAT32, dim[0],
                                      json_array_size(shape) - 1, dim + 1, kept[(*keeps)++]));
    }
    return good;
}

/* Keras's value, in float64; equal if it is not finite. */
static bool agrees(const char *what, double got, const json_t *want)
{
    const double w = number_of(want);

    if (isfinite(w) ? fabs(got - w) <= 2e-6 + 2e-5 * fabs(w) : got == w)
        return true;
    print_error("%s: got %.9g, want %.9g\n", what, got, w);
    return false;
}

/* All of Keras's logs and no others. */
static bool same_evaluation(ls_estimator *estimator, const ls_data *data, json_t *want)
{
    const ls_logs *logs;
    const char *name;
    json_t *value;
    bool good = ok(ls_estimator_evaluate(estimator, data, &logs)) && ls_logs_count(logs) == json_object_size(want);

    json_object_foreach(want, name, value)
    {
        const double *got = good ? ls_logs_get(logs, name) : NULL;

        good = good && got && agrees(name, *got, value);
    }
    return good;
}

static bool same_fit(ls_estimator *estimator, const ls_data *data, const json_t *example)
{
    ls_fit_result result;
    const ls_history *history;
    ls_model *model;
    const char *name;
    json_t *column;
    bool good = ok(ls_estimator_fit(estimator, &(ls_fit_arguments){.train = data}, &result)) &&
                ok(ls_estimator_model(estimator, &model));

    if (!good)
        return false;
    history = ls_estimator_history(estimator);
    good = ls_history_columns(history) == json_object_size(json_object_get(example, "history"));
    json_object_foreach(json_object_get(example, "history"), name,
                        column) for (size_t epoch = 0; epoch < json_array_size(column); epoch++) good &=
        agrees(name, ls_history_value(history, epoch, name), json_array_get(column, epoch));
    for (size_t i = 0; i < ls_model_weight_count(model); i++) {
        const json_t *want = json_array_get(json_object_get(example, "weights"), i);
        const size_t n = json_array_size(want);
        float *got = malloc((n + 1) * sizeof *got);

        assert_non_null(got);
        good = good && ok(ls_model_get_weight(model, i, got, n));
        for (size_t k = 0; k < n && good; k++)
            good = agrees("a weight", (double)got[k], json_array_get(want, k));
        free(got);
    }
    return good;
}

static bool start_weights(ls_estimator *estimator, const json_t *start)
{
    ls_model *model;
    bool good = ok(ls_estimator_model(estimator, &model));

    for (size_t i = 0; good && i < json_array_size(start); i++) {
        size_t n;
        float *values = floats_of(json_array_get(start, i), &n);

        good = ok(ls_model_set_weight(model, i, values, n));
        free(values);
    }
    return good;
}

static bool check_case(const json_t *example)
{
    float *kept[ARRAYS_MAX] = {NULL};
    size_t keeps = 0;
    ls_estimator *estimator = NULL;
    ls_data *data = NULL;
    bool good = ok(ls_data_create("train", &data));

    good = good && add_arrays(data, LS_INPUT, json_object_get(example, "x"), kept, &keeps) &&
           add_arrays(data, LS_TARGET, json_object_get(example, "y"), kept, &keeps) &&
           add_arrays(data, LS_SAMPLE_WEIGHT, json_object_get(example, "sample_weight"), kept, &keeps);
    good = all_ranks(good) &&
           ok(ls_estimator_create(world, json_string_value(json_object_get(example, "experiment")), &estimator));
    good = all_ranks(good) && start_weights(estimator, json_object_get(example, "start"));
    good = all_ranks(good) && same_evaluation(estimator, data, json_object_get(example, "evaluate"));
    if (json_object_get(example, "weights"))
        good = all_ranks(good) && same_fit(estimator, data, example);
    ls_estimator_free(estimator);
    ls_data_free(data);
    for (size_t i = 0; i < keeps; i++)
        free(kept[i]);
    return all_ranks(good);
}

static void corners_are_keras_s(void **state)
{
    json_error_t error;
    json_t *const golden = json_load_file(in_source("tests/golden/corners.json"), 0, &error);
    const char *name;
    json_t *example;
    size_t failed = 0;

    (void)state;
    assert_non_null(golden);
    assert_int_equal(json_integer_value(json_object_get(golden, "format_version")), 1);
    assert_true(json_object_size(json_object_get(golden, "cases")) >= 40);
    json_object_foreach(json_object_get(golden, "cases"), name, example)
    {
        if (check_case(example))
            continue;
        print_error("case '%s'\n", name);
        failed++;
    }
    json_decref(golden);
    assert_int_equal(failed, 0);
}

static int set_up(void **state)
{
    (void)state;
    return ls_comm_create(MPI_COMM_WORLD, &world) == LS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ls_comm_free(world);
    return 0;
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(corners_are_keras_s)};

LS_MPI_MAIN(tests, set_up, tear_down)
