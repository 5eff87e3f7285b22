/*
 * Model files for Keras. What is expected is written by hand after Keras's legacy HDF5 layout, and looked at with HDF5
 * and jansson alone. That Keras itself opens such files, predicts and trains on is checked by
 * tests/parity/keras_open.py.
 */
#include "keras_experiment.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/memory.h"
#include "h5/file.h"

static char saved[] = "test_keras_model.XXXXXX"; /* in the working directory */

static const char sequential_yaml[] = "model:\n"
                                      "  - input: {shape: [6, 6, 2], name: image}\n"
                                      "  - conv2d: {filters: 3, kernel_size: 3, activation: relu, padding: same,\n"
                                      "             kernel_regularizer: {l2: {l2: 0.5}}}\n"
                                      "  - batch_normalization: {groups: 32, trainable: false, name: bn}\n"
                                      "  - layer_normalization: {axis: [1, 2, 3], epsilon: 1}\n"
                                      "  - flatten\n"
                                      "  - dropout: {rate: 0.5, noise_shape: [1]}\n"
                                      "  - dense: {units: 4, activation: {relu: {max_value: 6}}, use_bias: false,\n"
                                      "            kernel_constraint: {max_norm: {axis: 0}}, name: out}\n";

static const char graph_yaml[] = "model:\n"
                                 "  inputs: {a: {shape: [4]}, b: {shape: [2]}}\n"
                                 "  layers:\n"
                                 "    - {name: pb, dense: {units: 4}, inputs: b}\n"
                                 "    - {name: shared, dense: {units: 3, activation: tanh}, inputs: a}\n"
                                 "    - {name: again, shares: shared, inputs: pb}\n"
                                 "    - {name: cat, concatenate: {axis: -1}, inputs: [shared, again]}\n"
                                 "    - {name: o1, dense: {units: 1}, inputs: cat}\n"
                                 "    - {name: o2, dense: {units: 2, activation: softmax}, inputs: cat}\n"
                                 "  outputs: [o1, o2]\n";

/* The file, in memory. */
static hid_t write_file(const experiment *e)
{
    const ls_compile_info compile = compile_info(e, NULL);
    hid_t file;

    assert_true(ok(ls_h5_image_create(&file)));
    assert_true(ok(ls_keras_write(file, e->model, &compile)));
    return file;
}

/* A scalar text attribute, read with HDF5 alone. */
static char *text_of(hid_t file, const char *object, const char *name)
{
    const hid_t a = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1);
    char *text = NULL;

    assert_true(a >= 0);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    assert_true(H5Aread(a, type, &text) >= 0 && text);
    H5Tclose(type);
    H5Aclose(a);
    return text;
}

/* A list of texts, joined by spaces. */
static const char *list_of(hid_t file, const char *object, const char *name)
{
    static char joined[512];
    const hid_t a = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1);
    const hid_t space = H5Aget_space(a);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    char *texts[16] = {0};

    assert_true(a >= 0 && n >= 0 && n <= 16 && H5Sget_simple_extent_ndims(space) == 1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    assert_true(H5Aread(a, type, texts) >= 0);
    joined[0] = '\0';
    for (hssize_t i = 0; i < n; i++) {
        strcat(strcat(joined, i ? " " : ""), texts[i]);
        free(texts[i]);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(a);
    return joined;
}

static void check_json(hid_t file, const char *name, const char *want_text)
{
    char *got_text = text_of(file, "/", name);
    json_t *got = json_loads(got_text, 0, NULL), *want = json_loads(want_text, 0, NULL);

    assert_non_null(got);
    assert_non_null(want);
    /* json_equal tells 1 from 1.0, as Keras does. */
    if (!json_equal(got, want))
        fail_msg("%s is\n%s\nwant\n%s", name, got_text, want_text);
    json_decref(got);
    json_decref(want);
    free(got_text);
}

/* A float32 dataset of that shape whose values count up from `first`. */
static void check_weights(hid_t file, const char *path, int rank, const hsize_t *dim, float first)
{
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
    const hid_t creation = H5Dget_create_plist(set);
    hsize_t dims[8];
    float values[512];

    if (set < 0)
        fail_msg("no dataset %s", path);
    assert_true(H5Tequal(type, H5T_IEEE_F32LE) > 0);
    assert_int_equal(H5Pget_layout(creation), H5D_CONTIGUOUS);
    assert_int_equal(H5Sget_simple_extent_dims(space, dims, NULL), rank);
    assert_memory_equal(dims, dim, (size_t)rank * sizeof *dim);
    assert_true(H5Sget_simple_extent_npoints(space) <= 512);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    for (hssize_t i = 0; i < H5Sget_simple_extent_npoints(space); i++)
        assert_true(values[i] == first + (float)i);
    H5Pclose(creation);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
}

#define RELU6                                                                             \
    "{\"module\": \"keras.layers\", \"class_name\": \"ReLU\", \"registered_name\": null," \
    " \"config\": {\"negative_slope\": 0.0, \"max_value\": 6.0, \"threshold\": 0.0}}"

static void a_sequential_model_is_written_for_keras(void **state)
{
    experiment e = create(sequential_yaml, "{optimizer: sgd, loss: mse}");
    hid_t file = write_file(&e);
    char *text;

    (void)state;
    check_json(
        file, "model_config",
        "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"sequential\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"image\", \"batch_shape\": [null, 6, 6, 2],"
        "  \"dtype\": \"float32\"}},"
        "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2d\", \"filters\": 3, \"kernel_size\": [3, 3],"
        "  \"strides\": [1, 1], \"padding\": \"same\", \"data_format\": \"channels_last\","
        "  \"dilation_rate\": [1, 1], \"groups\": 1, \"activation\": \"relu\", \"use_bias\": true,"
        "  \"kernel_initializer\": \"glorot_uniform\", \"bias_initializer\": \"zeros\","
        "  \"kernel_regularizer\": {\"class_name\": \"L2\", \"config\": {\"l2\": 0.5}}}},"
        "{\"class_name\": \"BatchNormalization\", \"config\": {\"name\": \"bn\", \"trainable\": false,"
        "  \"axis\": -1, \"momentum\": 0.99, \"epsilon\": 0.001, \"center\": true, \"scale\": true,"
        "  \"beta_initializer\": \"zeros\", \"gamma_initializer\": \"ones\","
        "  \"moving_mean_initializer\": \"zeros\", \"moving_variance_initializer\": \"ones\","
        "  \"synchronized\": false}},"
        /* In the old form Keras would drop the three axes. */
        "{\"module\": \"keras.layers\", \"registered_name\": null, \"class_name\": \"LayerNormalization\","
        "  \"config\": {\"name\": \"layer_normalization\", \"axis\": [1, 2, 3], \"epsilon\": 1.0,"
        "  \"center\": true, \"scale\": true, \"beta_initializer\": \"zeros\", \"gamma_initializer\": \"ones\"}},"
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"flatten\", \"data_format\": \"channels_last\"}},"
        "{\"class_name\": \"Dropout\", \"config\": {\"name\": \"dropout\", \"rate\": 0.5,"
        "  \"noise_shape\": [null, 1]}},"
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"out\", \"units\": 4, \"activation\": " RELU6 ","
        "  \"use_bias\": false, \"kernel_initializer\": \"glorot_uniform\", \"bias_initializer\": \"zeros\","
        "  \"kernel_constraint\": {\"class_name\": \"MaxNorm\", \"config\": {\"max_value\": 2.0, \"axis\": 0}}}}"
        "]}}");
    check_json(file, "training_config",
               "{\"loss\": \"mean_squared_error\", \"loss_weights\": 1.0, \"metrics\": [], \"weighted_metrics\": [],"
               " \"optimizer_config\": {\"class_name\": \"SGD\", \"config\": {\"name\": \"sgd\","
               /* 0.01 as float32, which is how Keras has it */
               "  \"learning_rate\": 0.009999999776482582, \"momentum\": 0.0, \"nesterov\": false}}}");
    text = text_of(file, "/", "backend");
    assert_string_equal(text, "tensorflow");
    free(text);
    text = text_of(file, "/", "keras_version");
    assert_int_equal(strncmp(text, "3.", 2), 0);
    free(text);

    /* Sequential.layers has no input. Frozen weights come last in the buffer, but not in the file. */
    assert_string_equal(list_of(file, "/model_weights", "layer_names"),
                        "conv2d bn layer_normalization flatten dropout out");
    assert_string_equal(list_of(file, "/model_weights/conv2d", "weight_names"),
                        "sequential/conv2d/kernel sequential/conv2d/bias");
    assert_string_equal(
        list_of(file, "/model_weights/bn", "weight_names"),
        "sequential/bn/gamma sequential/bn/beta sequential/bn/moving_mean sequential/bn/moving_variance");
    assert_true(H5Lexists(file, "/model_weights/flatten", H5P_DEFAULT) > 0);
    assert_true(H5Lexists(file, "/model_weights/image", H5P_DEFAULT) == 0);
    /* Keras would load a model that cannot be trained any more. */
    assert_true(H5Lexists(file, "/optimizer_weights", H5P_DEFAULT) == 0);

    /* 54 + 3 of conv2d, 72 + 72 of layer_normalization, 432 of out; then the frozen 4 x 3 of bn. */
    check_weights(file, "model_weights/conv2d/sequential/conv2d/kernel", 4, (hsize_t[]){3, 3, 2, 3}, 0.5f);
    check_weights(file, "model_weights/conv2d/sequential/conv2d/bias", 1, (hsize_t[]){3}, 54.5f);
    check_weights(file, "model_weights/layer_normalization/sequential/layer_normalization/gamma", 3,
                  (hsize_t[]){6, 6, 3}, 57.5f);
    check_weights(file, "model_weights/layer_normalization/sequential/layer_normalization/beta", 3,
                  (hsize_t[]){6, 6, 3}, 165.5f);
    check_weights(file, "model_weights/out/sequential/out/kernel", 2, (hsize_t[]){108, 4}, 273.5f);
    check_weights(file, "model_weights/bn/sequential/bn/gamma", 1, (hsize_t[]){3}, 705.5f);
    check_weights(file, "model_weights/bn/sequential/bn/moving_variance", 1, (hsize_t[]){3}, 714.5f);
    ls_h5_close(file);
    destroy(&e);
}

static void a_graph_is_written_for_keras(void **state)
{
    experiment e = create(graph_yaml, "{optimizer: rmsprop, loss: {o1: mse, o2: {huber: {delta: 2}}}, "
                                      "loss_weights: {o2: 0.5}, metrics: {o1: [rmse, log_cosh], o2: accuracy}, "
                                      "weighted_metrics: {o2: [mae]}}");
    hid_t file = write_file(&e);

    (void)state;
#define DENSE(name, units, activation)                                                                              \
    "\"class_name\": \"Dense\", \"name\": \"" name "\", \"config\": {\"name\": \"" name "\", \"units\": " units "," \
    " \"activation\": \"" activation "\", \"use_bias\": true, \"kernel_initializer\": \"glorot_uniform\","          \
    " \"bias_initializer\": \"zeros\"}"
    check_json(
        file, "model_config",
        "{\"class_name\": \"Functional\", \"config\": {\"name\": \"functional\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"name\": \"b\", \"config\": {\"name\": \"b\","
        "  \"batch_shape\": [null, 2], \"dtype\": \"float32\"}, \"inbound_nodes\": []},"
        "{\"class_name\": \"InputLayer\", \"name\": \"a\", \"config\": {\"name\": \"a\","
        "  \"batch_shape\": [null, 4], \"dtype\": \"float32\"}, \"inbound_nodes\": []},"
        "{" DENSE(
            "pb", "4",
            "linear") ", \"inbound_nodes\": [[[\"b\", 0, 0, {}]]]},"
                      "{" DENSE(
                          "shared", "3",
                          "tanh") ","
                                  "  \"inbound_nodes\": [[[\"a\", 0, 0, {}]], [[\"pb\", 0, 0, {}]]]},"
                                  "{\"class_name\": \"Concatenate\", \"name\": \"cat\", \"config\": {\"name\": "
                                  "\"cat\", \"axis\": -1},"
                                  "  \"inbound_nodes\": [[[\"shared\", 0, 0, {}], [\"shared\", 1, 0, {}]]]},"
                                  "{" DENSE(
                                      "o1", "1",
                                      "linear") ", \"inbound_nodes\": [[[\"cat\", 0, 0, {}]]]},"
                                                "{" DENSE(
                                                    "o2", "2",
                                                    "softmax") ", \"inbound_nodes\": [[[\"cat\", 0, 0, {}]]]}],"
                                                               "\"input_layers\": [[\"a\", 0, 0], [\"b\", 0, 0]], "
                                                               "\"output_layers\": [[\"o1\", 0, 0], [\"o2\", 0, 0]]}}");
    check_json(file, "training_config",
               "{\"loss\": {\"o1\": \"mean_squared_error\","
               "            \"o2\": {\"class_name\": \"Huber\", \"config\": {\"delta\": 2.0}}},"
               " \"loss_weights\": {\"o1\": 1.0, \"o2\": 0.5},"
               " \"metrics\": {\"o1\": [{\"class_name\": \"RootMeanSquaredError\", \"config\": {\"name\": \"rmse\"}},"
               "                        {\"class_name\": \"LogCoshError\", \"config\": {\"name\": \"log_cosh\"}}],"
               "               \"o2\": [\"accuracy\"]},"
               " \"weighted_metrics\": {\"o1\": [],"
               "   \"o2\": [{\"class_name\": \"MeanAbsoluteError\", \"config\": {\"name\": \"mae\"}}]},"
               " \"optimizer_config\": {\"class_name\": \"RMSprop\", \"config\": {\"name\": \"rmsprop\","
               "   \"learning_rate\": 0.0010000000474974513, \"rho\": 0.9, \"momentum\": 0.0, \"epsilon\": 1e-07,"
               "   \"centered\": false}}}");
    /* Keras's order of layers, which is not the order above: see its documentation of Function. */
    assert_string_equal(list_of(file, "/model_weights", "layer_names"), "b a pb shared cat o1 o2");
    assert_string_equal(list_of(file, "/model_weights/shared", "weight_names"), "shared/kernel shared/bias");
    check_weights(file, "model_weights/pb/pb/kernel", 2, (hsize_t[]){2, 4}, 0.5f);
    check_weights(file, "model_weights/shared/shared/kernel", 2, (hsize_t[]){4, 3}, 12.5f);
    check_weights(file, "model_weights/o2/o2/bias", 1, (hsize_t[]){2}, 46.5f);
    ls_h5_close(file);

    /* One input, one output: the bare form. Without compile settings there is no training_config. */
    destroy(&e);
    e = create("model:\n  inputs: {x: {shape: []}}\n  layers: [{name: r, reshape: {target_shape: [1]}, inputs: x}, "
               "{name: y, dense: {units: 1}, inputs: r}]\n  outputs: [y]\n",
               "{optimizer: sgd, loss: mse}");
    assert_true(ok(ls_h5_image_create(&file)) && ok(ls_keras_write(file, e.model, NULL)));
    {
        char *text = text_of(file, "/", "model_config");

        assert_non_null(strstr(text, "\"batch_shape\": [null], "));
        assert_non_null(strstr(text, "\"target_shape\": [1]"));
        assert_non_null(strstr(text, "\"input_layers\": [\"x\", 0, 0], \"output_layers\": [\"y\", 0, 0]}"));
        free(text);
    }
    assert_false(ls_h5_has_attribute(file, "/", "training_config"));
    ls_h5_close(file);
    destroy(&e);
}

/* Two outputs from one shared layer have one name in Keras: lists instead of maps. */
static void outputs_of_one_layer_become_lists(void **state)
{
    experiment e = create("model:\n  inputs: {a: {shape: [4]}, b: {shape: [4]}}\n  layers:\n"
                          "    - {name: s1, dense: {units: 3}, inputs: a}\n    - {name: s2, shares: s1, inputs: b}\n"
                          "  outputs: [s2, s1]\n",
                          "{optimizer: sgd, loss: {s1: mse}, metrics: {s1: [acc]}}");
    hid_t file = write_file(&e);
    char *text = text_of(file, "/", "model_config");

    (void)state;
    assert_non_null(strstr(text, "\"output_layers\": [[\"s1\", 1, 0], [\"s1\", 0, 0]]"));
    free(text);
    check_json(file, "training_config",
               "{\"loss\": [null, \"mean_squared_error\"], \"loss_weights\": [1.0, 1.0],"
               " \"metrics\": [[], [\"acc\"]], \"weighted_metrics\": [[], []],"
               " \"optimizer_config\": {\"class_name\": \"SGD\", \"config\": {\"name\": \"sgd\","
               "  \"learning_rate\": 0.009999999776482582, \"momentum\": 0.0, \"nesterov\": false}}}");
    ls_h5_close(file);
    destroy(&e);
}

/* Compile settings of a small classifier, as pieces of the JSON that must stand in training_config. */
static void compile_settings_are_written_for_keras(void **state)
{
#define SCHEDULE(class_name, config)                                                                       \
    "\"learning_rate\": {\"module\": \"keras.optimizers.schedules\", \"class_name\": \"" class_name "\", " \
    "\"config\": {" config "}, \"registered_name\": null}"
    static const struct {
        const char *compile, *want;
    } cases[] = {
        /* Numbers keep their type. */
        {"{optimizer: {sgd: {learning_rate: 1, momentum: 1, nesterov: true}}, loss: mae}",
         "\"learning_rate\": 1.0, \"momentum\": 1.0, \"nesterov\": true}"},
        {"{optimizer: adam, loss: mape}", "\"loss\": \"mean_absolute_percentage_error\""},
        {"{optimizer: adam, loss: bce}", "\"loss\": \"binary_crossentropy\""},
        {"{optimizer: adam, loss: {sparse_categorical_crossentropy: {from_logits: true}}}",
         "\"loss\": {\"class_name\": \"SparseCategoricalCrossentropy\", \"config\": {\"from_logits\": true}}"},
        {"{optimizer: adam, loss: {huber: {delta: 1.0}}, loss_weights: 2}",
         "\"loss\": \"huber\", \"loss_weights\": 2.0"},
        {"{optimizer: adam, loss: mse, metrics: [acc, {auc: {num_thresholds: 10}}]}",
         "\"metrics\": [\"acc\", {\"class_name\": \"AUC\", \"config\": {\"num_thresholds\": 10, \"curve\": \"ROC\", "
         "\"summation_method\": \"interpolation\", \"multi_label\": false, \"from_logits\": false, \"name\": \"auc\"}}]"},
        {"{optimizer: adamw, loss: mse}", "\"amsgrad\": false, \"weight_decay\": 0.004}"},
        /* Keras's AdamW refuses to have none. */
        {"{optimizer: {adamw: {weight_decay: null}}, loss: mse}", "\"weight_decay\": 0.0}"},
        {"{optimizer: {adam: {clipnorm: 2, use_ema: true, gradient_accumulation_steps: 3}}, loss: mse}",
         "\"amsgrad\": false, \"clipnorm\": 2.0, \"use_ema\": true, \"ema_momentum\": 0.99, "
         "\"gradient_accumulation_steps\": 3}"},
        {"{optimizer: {lion: {use_ema: true, ema_overwrite_frequency: 7, global_clipnorm: 1}}, loss: mse}",
         "\"beta_2\": 0.99, \"global_clipnorm\": 1.0, \"use_ema\": true, \"ema_momentum\": 0.99, "
         "\"ema_overwrite_frequency\": 7}"},
        {"{optimizer: {sgd: {learning_rate: {cosine_decay: {initial_learning_rate: 1, decay_steps: 9}}}}, loss: mse}",
         SCHEDULE("CosineDecay", "\"initial_learning_rate\": 1.0, \"decay_steps\": 9, \"alpha\": 0.0, "
                                 "\"warmup_steps\": 0")},
        {"{optimizer: {sgd: {learning_rate: {piecewise_constant_decay: {boundaries: [3], values: [1, 0.5]}}}}, loss: "
         "mse}",
         SCHEDULE("PiecewiseConstantDecay", "\"boundaries\": [3], \"values\": [1.0, 0.5]")},
        /* Keras has no such schedule, but one that does the same: from 0.25 in 10 steps to 0.25 * 64 / 16. */
        {"{optimizer: {sgd: {learning_rate: {batch_scaling: {base_learning_rate: 0.25, base_batch_size: 16, "
         "batch_size: 64, warmup_steps: 10}}}}, loss: mse}",
         SCHEDULE("PolynomialDecay", "\"initial_learning_rate\": 0.25, \"decay_steps\": 10, "
                                     "\"end_learning_rate\": 1.0, \"power\": 1.0, \"cycle\": false")},
        {"{optimizer: {sgd: {learning_rate: {batch_scaling: {base_learning_rate: 0.25, base_batch_size: 16, "
         "batch_size: 64}}}}, loss: mse}",
         "\"learning_rate\": 1.0, \"momentum\""},
    };

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        experiment e = create("model: [{input: {shape: [4]}}, {dense: {units: 3}}]\n", cases[k].compile);
        hid_t file = write_file(&e);
        char *text = text_of(file, "/", "training_config");

        if (!strstr(text, cases[k].want))
            fail_msg("training_config is\n%s\nand should hold\n%s", text, cases[k].want);
        free(text);
        ls_h5_close(file);
        destroy(&e);
    }
}

/* The rate at the time of writing counts, not the one that training began with. */
static void the_rate_of_the_moment_is_written(void **state)
{
    experiment e = create("model: [{input: {shape: [4]}}, {dense: {units: 3}}]\n", "{optimizer: sgd, loss: mse}");
    hid_t file;
    char *text;

    (void)state;
    e.learning_rate = 0.125f;
    file = write_file(&e);
    text = text_of(file, "/", "training_config");
    assert_non_null(strstr(text, "\"learning_rate\": 0.125, "));
    free(text);
    ls_h5_close(file);
    destroy(&e);
}

static void activations_are_written_for_keras(void **state)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"null", "\"activation\": \"linear\""},
        {"relu", "\"activation\": \"relu\""},
        {"{relu: {threshold: 0}}", "\"activation\": \"relu\""},
        {"swish", "\"activation\": \"silu\""},
        {"{elu: {alpha: 2}}", "{\"module\": \"keras.layers\", \"class_name\": \"ELU\", \"config\": {\"alpha\": 2.0}, "
                              "\"registered_name\": null}"},
        {"{leaky_relu: {negative_slope: 0.3}}", "\"class_name\": \"LeakyReLU\", \"config\": {\"negative_slope\": 0.3}"},
        /* Keras has no layer for it: not to be mistaken for the exact one. */
        {"{gelu: {approximate: true}}",
         "\"activation\": {\"class_name\": \"gelu\", \"config\": {\"approximate\": true}}"},
    };

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        char yaml[256], *text;
        experiment e;
        hid_t file;

        snprintf(yaml, sizeof yaml, "model: [{input: {shape: [4]}}, {dense: {units: 3, activation: %s}}]\n",
                 cases[k].yaml);
        e = create(yaml, "{optimizer: sgd, loss: mse}");
        file = write_file(&e);
        text = text_of(file, "/", "model_config");
        if (!strstr(text, cases[k].want))
            fail_msg("model_config is\n%s\nand should hold\n%s", text, cases[k].want);
        free(text);
        ls_h5_close(file);
        destroy(&e);
    }
}

/* ---- reading ---- */

static size_t image_of(const experiment *e, void **bytes)
{
    hid_t file = write_file(e);
    ssize_t n = 0;

    assert_true(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 && (n = H5Fget_file_image(file, NULL, 0)) > 0);
    assert_non_null(*bytes = malloc((size_t)n));
    assert_int_equal(H5Fget_file_image(file, *bytes, (size_t)n), n);
    ls_h5_close(file);
    return (size_t)n;
}

/* Two writers of the same model, built one after the other at other addresses, give the same bytes. */
static void the_same_model_gives_the_same_bytes(void **state)
{
    static const char *const yaml[] = {sequential_yaml, graph_yaml};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const char *compile = k ? "{optimizer: adam, loss: {o1: mse, o2: mse}}" : "{optimizer: adam, loss: mse}";
        experiment a = create(yaml[k], compile), b = create(yaml[k], compile);
        void *x, *y;
        const size_t n = image_of(&a, &x), m = image_of(&b, &y);

        assert_true(n == m && memcmp(x, y, n) == 0);
        free(x);
        free(y);
        destroy(&a);
        destroy(&b);
    }
}

static void weights_read_back(void **state)
{
    static const char *const yaml[] = {sequential_yaml, graph_yaml};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const char *compile = k ? "{optimizer: adam, loss: {o1: mse, o2: mse}}" : "{optimizer: adam, loss: mse}";
        experiment from = create(yaml[k], compile), to = create(yaml[k], compile);
        char want[33], got[33];
        hid_t file;

        assert_true(ok(ls_model_init_weights(from.model, 3)) && ok(ls_model_init_weights(to.model, 4)));
        ls_model_fingerprint(from.model, want);
        file = write_file(&from);
        assert_true(ok(ls_h5_image_save(file, saved)));
        ls_h5_close(file);
        assert_true(ok(ls_h5_open_read(saved, &file)));
        assert_true(ok(ls_keras_read_weights(file, saved, to.model)));
        ls_h5_close(file);
        ls_model_fingerprint(to.model, got);
        assert_string_equal(got, want);
        destroy(&from);
        destroy(&to);
    }
}

static const char two_dense[] = "model: [{input: {shape: [2]}}, {dense: {units: 3, name: h1}}, {dropout: {rate: 0.5}}, "
                                "{dense: {units: 1, use_bias: false, name: out}}]\n";

static void put_fixed_list(hid_t file, const char *object, const char *name, size_t size, hsize_t n, const char *bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    hid_t a;

    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    a = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, type, bytes) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

/*
 * A file as other writers make it: names of their own in texts of fixed length, the list of layers cut in two, layers
 * without weights with and without a list, float64, weights for the model itself. group: "" or "/model_weights".
 */
static hid_t foreign_file(const char *group)
{
    static const double kernel[6] = {1, 2, 3, 4, 5, 6}, bias[3] = {-1, 0.5, 0x1p-149};
    static const float out[3] = {7, 8, 9};
    char path[4][128];
    hid_t file;

#define AT(k, name) (snprintf(path[k], sizeof path[k], "%s/" name, group), path[k])
    assert_true(ok(ls_h5_image_create(&file)));
    if (*group)
        assert_true(ok(ls_h5_put_group(file, group)));
    put_fixed_list(file, *group ? group : "/", "layer_names0", 4, 2, "in\0\0mid1");
    put_fixed_list(file, *group ? group : "/", "layer_names1", 4, 2, "dropend\0");
    assert_true(ok(ls_h5_put_group(file, AT(0, "in"))));
    assert_true(ok(ls_h5_put_group(file, AT(0, "drop"))) &&
                ok(ls_h5_put_texts(file, AT(0, "drop"), "weight_names", NULL, 0)));
    assert_true(ok(ls_h5_put_array(file, AT(0, "mid1/w:0"), H5T_NATIVE_DOUBLE, 2, (size_t[]){2, 3}, kernel)));
    assert_true(ok(ls_h5_put_array(file, AT(0, "mid1/deep/b"), H5T_NATIVE_DOUBLE, 1, (size_t[]){3}, bias)));
    put_fixed_list(file, AT(0, "mid1"), "weight_names", 6, 2, "w:0\0\0\0deep/b");
    assert_true(ok(ls_h5_put_array(file, AT(0, "end/w"), H5T_NATIVE_FLOAT, 2, (size_t[]){3, 1}, out)));
    put_fixed_list(file, AT(0, "end"), "weight_names", 1, 1, "w");
    assert_true(ok(ls_h5_put_group(file, AT(0, "top_level_model_weights"))));
    return file;
}

static void files_of_other_writers_are_read(void **state)
{
    static const char *const groups[] = {"/model_weights", ""};
    static const float want[10] = {1, 2, 3, 4, 5, 6, -1, 0.5f, 0x1p-149f, 0};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        experiment e = create(two_dense, "{optimizer: sgd, loss: mse}");
        hid_t file = foreign_file(groups[k]);

        assert_true(ok(ls_keras_read_weights(file, "foreign.h5", e.model)));
        assert_true(same_bits(e.model->param[0]->value, want, 6));
        assert_true(same_bits(e.model->param[1]->value, want + 6, 3));
        assert_true(same_bits(e.model->param[2]->value, (float[]){7, 8, 9}, 3));
        /* The padding between parameters stays zero. */
        assert_true(e.model->weights[6] == 0 && e.model->weights[e.model->size - 1] == 0);
        ls_h5_close(file);
        destroy(&e);
    }
}

/* Files that do not fit: the message says where, and the model keeps every weight. */
static void files_that_do_not_fit_change_no_weight(void **state)
{
    static const struct {
        const char *model; /* that the file is read into */
        ls_status status;
        const char *words[4];
    } cases[] = {
        {"[{input: {shape: [2]}}, {dense: {units: 4, name: mid1}}, {dense: {units: 1, use_bias: false}}]",
         LS_ERR_SHAPE,
         {"f.h5: layer 'mid1' has kernel (2, 3), the model has (2, 4)"}},
        {"[{input: {shape: [2]}}, {dense: {units: 3}}, {dense: {units: 2, use_bias: false, name: z}}]",
         LS_ERR_SHAPE,
         {"f.h5: layer 'end' has kernel (3, 1), layer 'z' of the model, in its place, has (3, 2)"}},
        {"[{input: {shape: [2]}}, {dense: {units: 3}}, {dense: {units: 1}}]",
         LS_ERR_MISMATCH,
         {"f.h5: layer 'end' has 1 weight, layer 'dense_1' (dense) of the model has 2"}},
        {"[{input: {shape: [2]}}, {dense: {units: 3}}]",
         LS_ERR_MISMATCH,
         {"f.h5: the file has 2 layers with weights (mid1, end), the model has 1 (dense)"}},
        {"[{input: {shape: [2]}}, flatten]", LS_ERR_MISMATCH, {"the model has 0 ()"}},
    };
    static const int32_t ints[3] = {1, 2, 3};
    hid_t file = foreign_file("/model_weights");
    experiment e;

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        char yaml[256];

        snprintf(yaml, sizeof yaml, "model: %s\n", cases[k].model);
        e = create(yaml, "{optimizer: sgd, loss: mse}");
        assert_true(failed_with(ls_keras_read_weights(file, "f.h5", e.model), cases[k].status, cases[k].words));
        for (size_t i = 0, n = 0; i < e.model->params; i++)
            for (size_t v = 0; v < e.model->param[i]->size; v++)
                assert_true(e.model->param[i]->value[v] == (float)n++ + 0.5f);
        destroy(&e);
    }
    ls_h5_close(file);

    e = create(two_dense, "{optimizer: sgd, loss: mse}");
    /* Damage to the last layer, after all others were read: nothing may have arrived. */
    {
        static const struct {
            float value;
            ls_status status;
            const char *words[4];
        } damages[] = {
            {NAN, LS_ERR_NUMERIC, {"f.h5: layer 'end' has NaN in its kernel (element 1)"}},
            {-INFINITY, LS_ERR_NUMERIC, {"f.h5: layer 'end' has an infinity in its kernel (element 1)"}},
        };

        for (size_t k = 0; k < count_of(damages); k++) {
            const float values[3] = {1, damages[k].value, 3};
            hid_t set;

            file = foreign_file("/model_weights");
            set = H5Dopen2(file, "/model_weights/end/w", H5P_DEFAULT);
            assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
            H5Dclose(set);
            assert_true(failed_with(ls_keras_read_weights(file, "f.h5", e.model), damages[k].status, damages[k].words));
            ls_h5_close(file);
        }
    }
    file = foreign_file("/model_weights");
    assert_true(H5Ldelete(file, "/model_weights/end/w", H5P_DEFAULT) >= 0);
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_FORMAT, "'/model_weights/end/w' is missing");
    assert_true(ok(ls_h5_put_array(file, "/model_weights/end/w", H5T_NATIVE_INT32, 2, (size_t[]){3, 1}, ints)));
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_FORMAT, "'/model_weights/end/w' holds integers");
    assert_true(H5Ldelete(file, "/model_weights/end", H5P_DEFAULT) >= 0);
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_MISMATCH, "1 layer with weights (mid1)");
    ls_h5_close(file);

    assert_true(ok(ls_h5_image_create(&file)));
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_FORMAT, "f.h5", "no group 'model_weights'");
    assert_true(ok(ls_h5_put_group(file, "/layers")));
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_FORMAT, "f.h5", "no group 'model_weights'");
    assert_true(ok(ls_h5_put_group(file, "/vars"))); /* now it is a weights file of Keras 3, an empty one */
    FAILS(ls_keras_read_weights(file, "f.h5", e.model), LS_ERR_MISMATCH, "f.h5: the file has 0 layers with weights");
    ls_h5_close(file);
    for (size_t i = 0, n = 0; i < e.model->params; i++)
        for (size_t v = 0; v < e.model->param[i]->size; v++)
            assert_true(e.model->param[i]->value[v] == (float)n++ + 0.5f);
    destroy(&e);
}

static void names_that_hdf5_cannot_hold_are_refused(void **state)
{
    experiment e = create(two_dense, "{optimizer: sgd, loss: mse}");
    hid_t file;

    (void)state;
    ls_free(e.model->name);
    assert_non_null(e.model->name = ls_strdup("a/b"));
    assert_true(ok(ls_h5_image_create(&file)));
    FAILS(ls_keras_write(file, e.model, NULL), LS_ERR_ARG, "'a/b'", "'/'");
    ls_h5_close(file);
    destroy(&e);
}

static int nothing_open(void **state)
{
    const ssize_t open_objects = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);

    (void)state;
    unlink(saved);
    H5close(); /* what a failed test left open is not the next one's fault */
    return open_objects == 0 ? 0 : -1;
}

static int make_name(void **state)
{
    const int fd = mkstemp(saved);

    (void)state;
    return fd >= 0 ? close(fd) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_sequential_model_is_written_for_keras, nothing_open),
        cmocka_unit_test_teardown(a_graph_is_written_for_keras, nothing_open),
        cmocka_unit_test_teardown(outputs_of_one_layer_become_lists, nothing_open),
        cmocka_unit_test_teardown(compile_settings_are_written_for_keras, nothing_open),
        cmocka_unit_test_teardown(the_rate_of_the_moment_is_written, nothing_open),
        cmocka_unit_test_teardown(activations_are_written_for_keras, nothing_open),
        cmocka_unit_test_teardown(the_same_model_gives_the_same_bytes, nothing_open),
        cmocka_unit_test_teardown(weights_read_back, nothing_open),
        cmocka_unit_test_teardown(files_of_other_writers_are_read, nothing_open),
        cmocka_unit_test_teardown(files_that_do_not_fit_change_no_weight, nothing_open),
        cmocka_unit_test_teardown(names_that_hdf5_cannot_hold_are_refused, nothing_open),
    };

    return cmocka_run_group_tests(tests, make_name, NULL);
}
