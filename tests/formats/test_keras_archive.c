/*
 * Keras 3 archives and weights files. What is expected is written by hand after files of Keras 3.15; the order of an
 * optimizer's variables is that of optimizer.variables there. That Keras itself goes on training from such files is
 * checked by tests/parity/keras_export.py.
 */
#include "keras_experiment.h"
#include "source_dir.h"
#include "files.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/zip.h"
#include "formats/keras_archive.h"
#include "h5/file.h"

static char archive[64], other[64], weights[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(archive, sizeof archive, "%s/it.keras", folder);
    snprintf(other, sizeof other, "%s/other.keras", folder);
    snprintf(weights, sizeof weights, "%s/it.weights.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){archive, other, weights}, 3);
}

/* One member of an archive; ls_free. */
static char *member_of(const char *path, const char *name, size_t *bytes)
{
    ls_zip *zip;
    void *data;

    assert_true(ok(ls_zip_open(path, &zip)));
    assert_true(ok(ls_zip_read(zip, name, 1 << 20, &data, bytes)));
    ls_zip_close(zip);
    return data;
}

/* config.json against a file in golden/, written by hand. */
static void check_config(const char *path, const char *golden)
{
    char *got_text, want_path[512];
    size_t bytes;
    json_t *got, *want;

    got_text = member_of(path, "config.json", &bytes);
    snprintf(want_path, sizeof want_path, "%s/tests/golden/%s", source_dir, golden);
    got = json_loads(got_text, 0, NULL);
    want = json_load_file(want_path, 0, NULL);
    assert_non_null(got);
    assert_non_null(want);
    /* json_equal tells 1 from 1.0, as Keras does. */
    if (!json_equal(got, want))
        fail_msg("config.json is\n%s\nwant %s", got_text, want_path);
    json_decref(got);
    json_decref(want);
    ls_free(got_text);
}

/* ---- config.json ---- */

static void a_sequential_model_is_written_for_keras(void **state)
{
    experiment e = create("model:\n"
                          "  - input: {shape: [4, 3], name: in}\n"
                          "  - layer_normalization: {axis: [1, 2], trainable: false}\n"
                          "  - flatten\n"
                          "  - dense: {units: 2, activation: {leaky_relu: {negative_slope: 0.5}}, use_bias: false,\n"
                          "            kernel_initializer: {random_normal: {stddev: 0.5}},\n"
                          "            kernel_regularizer: {l2: {l2: 0.5}}, kernel_constraint: {max_norm: {axis: 0}}}\n"
                          "  - dropout: {rate: 0.5}\n",
                          "{optimizer: {adam: {clipnorm: 1, use_ema: true, learning_rate: {exponential_decay: "
                          "{initial_learning_rate: 0.5, decay_steps: 8, decay_rate: 0.25}}}}, "
                          "loss: {huber: {delta: 2}}, metrics: [accuracy, mae]}");
    const ls_compile_info compile = compile_info(&e, NULL);

    (void)state;
    assert_true(ok(ls_keras_save(archive, e.model, &compile)));
    check_config(archive, "archive_sequential.json");
    destroy(&e);
}

/* What "accuracy" was resolved to for the data at hand is not in the file: Keras resolves it by the same rule. */
static void accuracy_is_written_as_it_was_asked_for(void **state)
{
    static const char *const names[] = {"accuracy", "acc", "sparse_categorical_accuracy"};
    static const char *const metrics[] = {"\"metrics\": [\"accuracy\"]", "\"metrics\": [\"acc\"]",
                                          ("\"class_name\": \"SparseCategoricalAccuracy\", \"config\": "
                                           "{\"name\": \"sparse_categorical_accuracy\"}")};

    (void)state;
    for (size_t i = 0; i < 2 * count_of(names); i++) {
        char text[128], *config;
        ls_compile_info compile;
        ls_component resolved;
        experiment e;
        size_t bytes;

        snprintf(text, sizeof text, "{optimizer: sgd, loss: mse, metrics: [%s]}", names[i / 2]);
        e = create("model:\n  - input: {shape: [2]}\n  - dense: {units: 3}\n", text);
        if (i % 2) {
            assert_true(ok(ls_metric_resolve(&e.outputs[0].metric[0], 3, true, &resolved)));
            ls_component_reset(&e.outputs[0].metric[0]);
            e.outputs[0].metric[0] = resolved;
        }
        compile = compile_info(&e, NULL);
        assert_true(ok(ls_keras_save(archive, e.model, &compile)));
        config = member_of(archive, "config.json", &bytes);
        if (!strstr(config, metrics[i / 2]))
            fail_msg("no %s in\n%s", metrics[i / 2], config);
        ls_free(config);
        destroy(&e);
    }
}

/* Several inputs and outputs, a shared layer: each call with the tensors it takes and their shapes. */
static void a_graph_is_written_for_keras(void **state)
{
    experiment e = create("model:\n"
                          "  inputs: {a: {shape: [4]}, b: {shape: [2]}}\n"
                          "  layers:\n"
                          "    - {name: pb, dense: {units: 4}, inputs: b}\n"
                          "    - {name: shared, dense: {units: 3, activation: tanh}, inputs: a}\n"
                          "    - {name: again, shares: shared, inputs: pb}\n"
                          "    - {name: cat, concatenate: {axis: -1}, inputs: [shared, again]}\n"
                          "    - {name: o1, dense: {units: 1}, inputs: cat}\n"
                          "    - {name: o2, dense: {units: 2, activation: softmax}, inputs: cat}\n"
                          "  outputs: [o1, o2]\n",
                          "{optimizer: {sgd: {learning_rate: 0.5}}, loss: {o2: sparse_categorical_crossentropy}, "
                          "metrics: {o2: acc}}");
    const ls_compile_info compile = compile_info(&e, NULL);

    (void)state;
    assert_true(ok(ls_keras_save(archive, e.model, &compile)));
    check_config(archive, "archive_graph.json");
    destroy(&e);
}

/* ---- the optimizer's variables ---- */

/* Two weights that are trained, (2, 3) and (3), around one that is not: those have no slots. */
static const char three_yaml[] = "model:\n  - input: {shape: [2]}\n  - dense: {units: 3, use_bias: false, name: k}\n"
                                 "  - dense: {units: 3, use_bias: false, trainable: false}\n"
                                 "  - batch_normalization: {scale: false, name: b}\n";

/* A slot whose element i of parameter p is 100 code + 10 p + i. */
static float *slot_of(const ls_model *model, int code)
{
    float *slot = ls_calloc(model->trainable_size, sizeof *slot, "a slot");

    assert_non_null(slot);
    for (size_t p = 0; p < model->trainable_params; p++)
        for (size_t i = 0; i < model->param[p]->size; i++)
            slot[model->param[p]->offset + i] = (float)(100 * code + 10 * (int)p + (int)i);
    return slot;
}

enum { AVERAGE = 8, ACCUMULATOR };

/* The name of the variable with that path in the file, from its type, shape and values. "": there is none. */
static const char *variable_of(hid_t file, const char *path, const ls_optimizer_ops *ops, char name[64])
{
    const char *const params[] = {"k", "b"};
    float value[6];
    size_t rank, dim[LS_H5_AXES_MAX], n = 1;
    int code, p;
    hid_t set, type;

    *name = '\0';
    if (!ls_h5_has(file, path))
        return name;
    set = H5Dopen2(file, path, H5P_DEFAULT);
    type = H5Dget_type(set);
    assert_true(ok(ls_h5_get_shape(file, path, &rank, dim)));
    if (H5Tequal(type, H5T_STD_I64LE) > 0) {
        int64_t iteration;

        assert_int_equal(rank, 0);
        assert_true(ok(ls_h5_get_array(file, path, H5T_NATIVE_INT64, 0, NULL, &iteration)));
        snprintf(name, 64, "iteration=%d", (int)iteration);
        goto cleanup;
    }
    assert_true(H5Tequal(type, H5T_IEEE_F32LE) > 0);
    for (size_t i = 0; i < rank; i++)
        n *= dim[i];
    assert_true(n <= 6);
    assert_true(ok(ls_h5_get_array(file, path, H5T_NATIVE_FLOAT, rank, dim, value)));
    if (rank == 0) {
        snprintf(name, 64, "%s=%g", value[0] == 0.25f ? "rate" : "scalar", (double)value[0]);
        goto cleanup;
    }
    code = (int)value[0] / 100;
    p = (int)value[0] % 100 / 10;
    assert_true(p ? rank == 1 && dim[0] == 3 : rank == 2 && dim[0] == 2 && dim[1] == 3);
    for (size_t i = 0; i < n; i++)
        assert_true(value[i] == (float)(100 * code + 10 * p + (int)i));
    snprintf(name, 64, "%s.%s", params[p],
             code == AVERAGE       ? "average"
             : code == ACCUMULATOR ? "gradient_accumulator"
                                   : ops->slot_names[code - 1]);
cleanup:
    H5Tclose(type);
    H5Dclose(set);
    return name;
}

/* The variables in a file of weights, by name, separated by spaces. */
static void check_variables(const char *path, const ls_optimizer_ops *ops, const char *want)
{
    ls_text got = {0};
    char *name, variable[64], place[64] = "";
    hid_t file;

    assert_true(ok(ls_h5_open_read(path, &file)));
    assert_true(ok(ls_h5_get_text(file, "/optimizer/vars", "name", &name)));
    assert_string_equal(name, ops->ops.name);
    ls_free(name);
    for (int i = 0; !i || *variable; i++) {
        snprintf(place, sizeof place, "/optimizer/vars/%d", i);
        variable_of(file, place, ops, variable);
        ls_text_add(&got, "%s%s", i && *variable ? " " : "", variable);
    }
    assert_string_equal(got.data, want);
    assert_true(ls_h5_has(file, "/layers/batch_normalization/vars/2"));
    ls_text_reset(&got);
    ls_h5_close(file);
}

/* Keras 3.15: [v.path for v in optimizer.variables] for two weights, after so many steps at a rate of 0.25. */
static const struct {
    const char *optimizer, *variables;
} orders[] = {
    {"sgd: {", "iteration=7 rate=0.25"},
    {"sgd: {momentum: 0.5, ", "iteration=7 rate=0.25 k.momentum b.momentum"},
    {"rmsprop: {", "iteration=7 rate=0.25 k.velocity b.velocity"},
    {"rmsprop: {centered: true, ", "iteration=7 rate=0.25 k.velocity b.velocity k.average_gradient b.average_gradient"},
    {"rmsprop: {centered: true, momentum: 0.5, ",
     "iteration=7 rate=0.25 k.velocity b.velocity k.momentum b.momentum k.average_gradient b.average_gradient"},
    {"adagrad: {", "iteration=7 rate=0.25 k.accumulator b.accumulator"},
    {"adadelta: {", "iteration=7 rate=0.25 k.accumulated_grad k.accumulated_delta_var b.accumulated_grad "
                    "b.accumulated_delta_var"},
    {"adam: {", "iteration=7 rate=0.25 k.momentum k.velocity b.momentum b.velocity"},
    {"adam: {amsgrad: true, ",
     "iteration=7 rate=0.25 k.momentum k.velocity b.momentum b.velocity k.velocity_hat b.velocity_hat"},
    {"adamw: {", "iteration=7 rate=0.25 k.momentum k.velocity b.momentum b.velocity"},
    {"adamax: {", "iteration=7 rate=0.25 k.momentum k.norm b.momentum b.norm"},
    {"nadam: {", "iteration=7 rate=0.25 k.momentum k.velocity b.momentum b.velocity scalar=0.125"},
    {"lion: {", "iteration=7 rate=0.25 k.momentum b.momentum"},
    {"nadam: {use_ema: true, gradient_accumulation_steps: 2, ",
     "iteration=7 rate=0.25 k.average b.average k.gradient_accumulator b.gradient_accumulator "
     "k.momentum k.velocity b.momentum b.velocity scalar=0.125"},
    {"sgd: {momentum: 0.5, use_ema: true, ", "iteration=7 rate=0.25 k.average b.average k.momentum b.momentum"},
    /* A schedule has no variable; one that is a number in Keras has. */
    {"sgd: {learning_rate: {cosine_decay: {initial_learning_rate: 0.25, decay_steps: 9}}, ", "iteration=7"},
    {"sgd: {learning_rate: {batch_scaling: {base_learning_rate: 0.125, base_batch_size: 8, batch_size: 16, "
     "warmup_steps: 3}}, ",
     "iteration=7"},
    {"sgd: {learning_rate: {batch_scaling: {base_learning_rate: 0.125, base_batch_size: 8, batch_size: 16}}, ",
     "iteration=7 rate=0.25"},
};

static void optimizer_variables_stand_in_keras_s_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(orders); i++) {
        const bool own_rate = strstr(orders[i].optimizer, "learning_rate") != NULL;
        const double scalars[LS_OPTIMIZER_SCALARS_MAX] = {0.125};
        ls_optimizer_state optimizer_state = {.iterations = 7, .scalars = scalars};
        const ls_optimizer_ops *ops;
        float *slot[LS_OPTIMIZER_SLOTS_MAX] = {0}, *average, *accumulator;
        ls_compile_info compile;
        char text[512], *image;
        size_t bytes;
        experiment e;
        unsigned used;

        snprintf(text, sizeof text, "{loss: mse, optimizer: {%s%s}}}", orders[i].optimizer,
                 own_rate ? "" : "learning_rate: 0.25");
        e = create(three_yaml, text);
        ops = ls_optimizer_ops_of(&e.optimizer);
        used = ops->slots(e.optimizer.own.config);
        for (size_t s = 0; s < ops->slots_max; s++)
            if (used >> s & 1u)
                optimizer_state.slot[s] = slot[s] = slot_of(e.model, 1 + (int)s);
        average = slot_of(e.model, AVERAGE);
        accumulator = slot_of(e.model, ACCUMULATOR);
        if (e.optimizer.common.use_ema)
            optimizer_state.average = average;
        if (e.optimizer.common.gradient_accumulation_steps > 1)
            optimizer_state.accumulator = accumulator;
        compile = compile_info(&e, &optimizer_state);

        assert_true(ok(ls_keras_save(weights, e.model, &compile)));
        check_variables(weights, ops, orders[i].variables);
        /* The same in an archive. */
        assert_true(ok(ls_keras_save(archive, e.model, &compile)));
        image = member_of(archive, "model.weights.h5", &bytes);
        unlink(weights);
        assert_true(ok(ls_file_replace(weights, image, bytes)));
        check_variables(weights, ops, orders[i].variables);

        ls_free(image);
        for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
            ls_free(slot[s]);
        ls_free(average);
        ls_free(accumulator);
        destroy(&e);
    }
}

/* ---- files ---- */

static void an_archive_has_its_three_members(void **state)
{
    const char *const names[] = {"metadata.json", "config.json", "model.weights.h5"};
    experiment e = create(three_yaml, "{optimizer: sgd, loss: mse}");
    const double scalars[LS_OPTIMIZER_SCALARS_MAX] = {0};
    const ls_optimizer_state optimizer_state = {.scalars = scalars};
    const ls_compile_info compile = compile_info(&e, &optimizer_state);
    char *text, *again;
    size_t bytes, n;
    ls_zip *zip;
    FILE *f[2];

    (void)state;
    assert_true(ok(ls_keras_save(archive, e.model, &compile)));
    assert_true(ok(ls_zip_open(archive, &zip)));
    assert_int_equal(ls_zip_members(zip), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(ls_zip_name(zip, i), names[i]);
    ls_zip_close(zip);
    text = member_of(archive, "metadata.json", &bytes);
    assert_string_equal(text, "{\"keras_version\": \"3.9.0\", \"date_saved\": \"1980-01-01@00:00:00\"}");
    ls_free(text);

    sleep(1); /* a time in the file would differ now */
    assert_true(ok(ls_keras_save(other, e.model, &compile)));
    for (int i = 0; i < 2; i++)
        assert_non_null(f[i] = fopen(i ? other : archive, "rb"));
    text = malloc(1 << 20);
    again = malloc(1 << 20);
    bytes = fread(text, 1, 1 << 20, f[0]);
    n = fread(again, 1, 1 << 20, f[1]);
    assert_true(bytes == n && n > 1000 && n < 1 << 20);
    assert_memory_equal(text, again, n);
    free(text);
    free(again);
    fclose(f[0]);
    fclose(f[1]);
    destroy(&e);
}

static void what_keras_cannot_load_is_refused(void **state)
{
    experiment e = create("model:\n  - input: {shape: [2]}\n  - dense: {units: 3, name: wide, activation: {gelu: "
                          "{approximate: true}}}\n",
                          "{optimizer: sgd, loss: mse}");
    const ls_compile_info compile = compile_info(&e, NULL);
    size_t bytes;
    char *text;

    (void)state;
    unlink(archive);
    assert_true(ok(ls_file_replace(archive, "old", 3)));
    FAILS(ls_keras_save(archive, e.model, &compile), LS_ERR_ARG, "'wide'", "gelu", ".weights.h5");
    FAILS(ls_keras_save("absent/x.h5", e.model, &compile), LS_ERR_ARG, "gelu");
    FAILS(ls_keras_save("absent/x.weights.h5", e.model, &compile), LS_ERR_IO, "absent/x.weights.h5");
    FAILS(ls_keras_save("x.onnx", e.model, &compile), LS_ERR_USAGE, "x.onnx", ".keras", ".weights.h5", ".h5");
    FAILS(ls_keras_check_path(".keras"), LS_ERR_USAGE, ".keras");
    assert_true(ok(ls_keras_save(weights, e.model, &compile)));
    destroy(&e);

    e = create(three_yaml, "{optimizer: sgd, loss: mse}");
    FAILS(ls_keras_save("absent/x.keras", e.model, NULL), LS_ERR_IO, "absent/x.keras");
    {
        ls_zip *zip;

        FAILS(ls_zip_open(archive, &zip), LS_ERR_FORMAT, archive); /* still "old" */
    }
    /* Without compile settings a model is a model. */
    assert_true(ok(ls_keras_save(archive, e.model, NULL)));
    text = member_of(archive, "config.json", &bytes);
    assert_non_null(strstr(text, "\"class_name\": \"Sequential\""));
    assert_null(strstr(text, "compile_config"));
    ls_free(text);
    destroy(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequential_model_is_written_for_keras),
        cmocka_unit_test(accuracy_is_written_as_it_was_asked_for),
        cmocka_unit_test(a_graph_is_written_for_keras),
        cmocka_unit_test(optimizer_variables_stand_in_keras_s_order),
        cmocka_unit_test(an_archive_has_its_three_members),
        cmocka_unit_test(what_keras_cannot_load_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
