/*
 * What lockstep makes of files that Keras wrote, and of files that pretend to be: the model in the words of an
 * experiment, written here by hand, and one message for what lockstep does not have. Weights: test_keras_weights.c.
 * Numbers of real files against Keras: mpi/test_keras_files.c.
 */
#include "files.h"
#include "source_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/zip.h"
#include "experiment/model_file.h"
#include "formats/keras_model.h"
#include "formats/keras_weights.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "nn/summary.h"
#include "run/checkpoint.h"
#include "train/task.h"

#define FIXTURES "tests/golden/keras_files/"

static char archive[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(archive, sizeof archive, "%s/it.keras", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){archive}, 1);
}

/* ---- the model and how it was compiled ---- */

/* An archive with this config.json, and nothing of weights. */
static void put_archive(const char *config)
{
    static const char metadata[] = "{\"keras_version\": \"3.15.1\"}";
    const ls_zip_member members[] = {{"metadata.json", metadata, strlen(metadata)},
                                     {"config.json", config, strlen(config)}};

    assert_true(ok(ls_zip_save(archive, members, count_of(members))));
}

/* What lockstep reads there must be this YAML. */
static void check_yaml(const char *config, const char *want)
{
    ls_config *root = NULL;
    ls_keras_refused refused;
    ls_text text = {0};

    put_archive(config);
    assert_true(ok(ls_model_file_experiment(archive, &root, &refused)));
    if (refused.loss || refused.optimizer || refused.metrics)
        print_error("refused: %s %s %s\n", refused.loss, refused.optimizer, refused.metrics);
    assert_true(!refused.loss && !refused.optimizer && !refused.metrics);
    ls_yaml_write(root, &text);
    assert_string_equal(text.data, want);
    ls_text_reset(&text);
    ls_config_free(root);
}

#define LAYER(class, rest) "{\"class_name\": \"" class "\", \"config\": {" rest "}}"
#define INPUT LAYER("InputLayer", "\"name\": \"in\", \"batch_shape\": [null, 4], \"dtype\": \"float32\"")
#define SEQUENTIAL(layers) "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"seq\", \"layers\": [" layers "]}}"
#define COMPILED(layers, compile)                                                                  \
    "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"seq\", \"layers\": [" layers "]}, " \
    "\"compile_config\": {" compile "}}"
#define DENSE LAYER("Dense", "\"name\": \"out\", \"units\": 2")

static void sequential_models_are_read(void **state)
{
    (void)state;
    /* Options at the value at which they do nothing go; lists of one axis and noise_shape without samples. */
    check_yaml(
        SEQUENTIAL(INPUT ", " LAYER(
            "Dense",
            "\"name\": \"d1\", \"units\": 3, \"activation\": \"relu\", "
            "\"kernel_initializer\": {\"module\": \"keras.initializers\", "
            "\"class_name\": \"HeNormal\", \"config\": {\"seed\": 5, "
            "\"input_axes\": "
            "null}}, \"bias_regularizer\": {\"class_name\": \"L2\", "
            "\"config\": "
            "{\"l2\": 0.5}}, \"quantization_config\": null, "
            "\"from_the_future\": false") ", " LAYER("BatchNormalization",
                                                     "\"name\": \"bn\", "
                                                     "\"axis\": [1], "
                                                     "\"renorm\": false, "
                                                     "\"renorm_momentum\": "
                                                     "0.99, \"trainable\": "
                                                     "false") ", " LAYER("Dropo"
                                                                         "ut",
                                                                         "\"nam"
                                                                         "e\": "
                                                                         "\"dr"
                                                                         "\", "
                                                                         "\"rat"
                                                                         "e\": "
                                                                         "0.5, "
                                                                         "\"noi"
                                                                         "se_"
                                                                         "shape"
                                                                         "\": "
                                                                         "[null"
                                                                         ", "
                                                                         "3], "
                                                                         "\"dty"
                                                                         "pe\":"
                                                                         " {"
                                                                         "\"cla"
                                                                         "ss_"
                                                                         "name"
                                                                         "\": "
                                                                         "\"DTy"
                                                                         "pePol"
                                                                         "icy\""
                                                                         ", "
                                                                         "\"con"
                                                                         "fig\""
                                                                         ": "
                                                                         "{\"na"
                                                                         "me\":"
                                                                         " "
                                                                         "\"flo"
                                                                         "at32"
                                                                         "\"}}") ", " LAYER("LeakyReLU",
                                                                                            "\"name\": \"lr\"") ","
                                                                                                                " " LAYER(
                                                                                                                    "ReLU",
                                                                                                                    "\"name\": \"r\", "
                                                                                                                    "\"max_value\": 6.0") ", " LAYER("Softmax",
                                                                                                                                                     "\"name\": \"true\", \"axis\": -1")),
        "data: {}\n"
        "model:\n"
        "  - input:\n"
        "      name: \"in\"\n"
        "      shape:\n"
        "        - 4\n"
        "  - name: \"d1\"\n"
        "    dense:\n"
        "      units: 3\n"
        "      activation: \"relu\"\n"
        "      kernel_initializer:\n"
        "        he_normal:\n"
        "          seed: 5\n"
        "      bias_regularizer:\n"
        "        l2:\n"
        "          l2: 0.5\n"
        "  - name: \"bn\"\n"
        "    batch_normalization:\n"
        "      axis: 1\n"
        "      trainable: false\n"
        "  - name: \"dr\"\n"
        "    dropout:\n"
        "      rate: 0.5\n"
        "      noise_shape:\n"
        "        - 3\n"
        "  - name: \"lr\"\n"
        "    leaky_relu: {}\n"
        "  - name: \"r\"\n"
        "    relu:\n"
        "      max_value: 6.0\n"
        "  - name: \"true\"\n"
        "    softmax:\n"
        "      axis: -1\n");
    /*
     * Keras 2, and a model that got its input by being called: the shape stands with the first layer or with the model.
     */
    check_yaml(SEQUENTIAL(LAYER("Flatten", "\"name\": \"f\", \"batch_input_shape\": [null, 2, 2]")),
               "data: {}\n"
               "model:\n"
               "  - input:\n"
               "      shape:\n"
               "        - 2\n"
               "        - 2\n"
               "  - name: \"f\"\n"
               "    flatten: {}\n");
    check_yaml("{\"class_name\": \"Sequential\", \"config\": {\"layers\": [" LAYER(
                   "Flatten", "\"name\": \"f\"") "], \"build_input_shape\": [null, 4]}}",
               "data: {}\n"
               "model:\n"
               "  - input:\n"
               "      shape:\n"
               "        - 4\n"
               "  - name: \"f\"\n"
               "    flatten: {}\n");
}

/* A layer of a graph in the old form and in the new one. */
#define NODE(class, name, rest, calls)                                                                       \
    "{\"class_name\": \"" class "\", \"name\": \"" name "\", \"config\": {\"name\": \"" name "\"" rest "}, " \
                                "\"inbound_nodes\": [" calls "]}"
#define T(layer, call)                                                                                   \
    "{\"class_name\": \"__keras_tensor__\", \"config\": {\"shape\": [null, 3], \"dtype\": \"float32\", " \
    "\"keras_history\": [\"" layer "\", " call ", 0]}}"
#define GRAPH(layers, inputs, outputs)                                                    \
    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"g\", \"layers\": [" layers \
    "], \"input_layers\": " inputs ", \"output_layers\": " outputs "}}"
#define A NODE("InputLayer", "a", ", \"batch_shape\": [null, 3]", "")
#define B NODE("InputLayer", "b", ", \"batch_shape\": [null, 3]", "")

static void graphs_are_read(void **state)
{
    static const char want[] = "data: {}\n"
                               "model:\n"
                               "  inputs:\n"
                               "    a:\n"
                               "      shape:\n"
                               "        - 3\n"
                               "    b:\n"
                               "      shape:\n"
                               "        - 3\n"
                               "  layers:\n"
                               "    - name: \"sh\"\n"
                               "      dense:\n"
                               "        units: 3\n"
                               "      inputs:\n"
                               "        - \"a\"\n"
                               "    - name: \"sh_call_1_\"\n" /* sh_call_1 is taken */
                               "      shares: \"sh\"\n"
                               "      inputs:\n"
                               "        - \"b\"\n"
                               "    - name: \"sh_call_1\"\n"
                               "      add: {}\n"
                               "      inputs:\n"
                               "        - \"sh\"\n"
                               "        - \"sh_call_1_\"\n"
                               "  outputs:\n";

    (void)state;
    for (int named = 0; named < 2; named++) {
        const char *const layers[] = {
            A ", " B ", " NODE("Dense", "sh", ", \"units\": 3", "[[\"a\", 0, 0, {}]], [[\"b\", 0, 0, {}]]") ", " NODE(
                "Add", "sh_call_1", "", "[[\"sh\", 0, 0, {}], [\"sh\", 1, 0, {\"mask\": null}]]"),
            A ", " B ", " NODE(
                "Dense", "sh", ", \"units\": 3",
                "{\"args\": [" T(
                    "a",
                    "0") "], \"kwargs\": {}}, "
                         "{\"args\": [" T(
                             "b",
                             "0") "], \"kwargs\": {\"mask\": null}}") ", " NODE("Add", "sh_call_1", "",
                                                                                "{\"args\": [[" T("sh", "0") ", " T(
                                                                                    "sh", "1") "]], \"kwargs\": {}}")};
        /* One alone, in a list, and by names, which Keras sorts. */
        const char *const outputs[][2] = {
            {"[\"sh_call_1\", 0, 0]", "    - \"sh_call_1\"\n"},
            {"[[\"sh_call_1\", 0, 0], [\"sh\", 1, 0]]", "    - \"sh_call_1\"\n    - \"sh_call_1_\"\n"},
            {"{\"z\": [\"sh_call_1\", 0, 0], \"y\": [\"sh\", 1, 0]}", "    - \"sh_call_1_\"\n    - \"sh_call_1\"\n"}};

        for (size_t form = 0; form < count_of(layers); form++)
            for (size_t o = 0; o < count_of(outputs); o++) {
                ls_text json = {0}, yaml = {0};

                ls_text_add(&json,
                            "{\"class_name\": \"%s\", \"config\": {\"layers\": [%s], \"input_layers\": %s, "
                            "\"output_layers\": %s}}",
                            named ? "Model" : "Functional", layers[form],
                            named ? "{\"x\": [\"a\", 0, 0], \"y\": [\"b\", 0, 0]}" : "[[\"a\", 0, 0], [\"b\", 0, 0]]",
                            outputs[o][0]);
                ls_text_add(&yaml, "%s%s", want, outputs[o][1]);
                check_yaml(json.data, yaml.data);
                ls_text_reset(&json);
                ls_text_reset(&yaml);
            }
    }
    /* x + y of Python: an operation, with its operands side by side. */
    check_yaml(
        GRAPH(A ", {\"module\": \"keras.src.ops.numpy\", \"class_name\": \"Add\", \"name\": \"sum\", \"config\": "
                "{\"name\": \"sum\"}, \"inbound_nodes\": [{\"args\": [" T("a", "0") ", " T("a",
                                                                                           "0") "], \"kwargs\": {}}]}",
              "[\"a\", 0, 0]", "[\"sum\", 0, 0]"),
        "data: {}\n"
        "model:\n"
        "  inputs:\n"
        "    a:\n"
        "      shape:\n"
        "        - 3\n"
        "  layers:\n"
        "    - name: \"sum\"\n"
        "      add: {}\n"
        "      inputs:\n"
        "        - \"a\"\n"
        "        - \"a\"\n"
        "  outputs:\n"
        "    - \"sum\"\n");
}

/* What Keras records of calls although nobody said it; each in the form of Keras 3 and in that of Keras 2. */
static void default_arguments_of_calls_are_read(void **state)
{
#define CALLED(kwargs) GRAPH(A ", " NODE("Dropout", "d", ", \"rate\": 0.5", kwargs), "[\"a\", 0, 0]", "[\"d\", 0, 0]")
    static const char *const cases[] = {
        CALLED("{\"args\": [" T("a", "0") "], \"kwargs\": {\"training\": false}}"),
        CALLED("{\"args\": [" T("a", "0") "], \"kwargs\": {\"training\": null, \"mask\": null}}"),
        CALLED("{\"args\": [" T("a", "0") "], \"kwargs\": {\"mask\": null, \"training\": false}}"),
        CALLED("[[\"a\", 0, 0, {\"training\": false}]]"),
        CALLED("[[\"a\", 0, 0, {\"training\": null, \"mask\": null}]]"),
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_experiment *experiment;
        ls_model *model;

        put_archive(cases[i]);
        assert_true(ok(ls_experiment_of_model(archive, &experiment)));
        assert_true(ok(ls_task_model(experiment, &model)));
        ls_model_free(model);
        ls_experiment_free(experiment);
    }
}

static void compile_settings_are_read(void **state)
{
    (void)state;
    check_yaml(
        COMPILED(
            INPUT ", " DENSE,
            "\"optimizer\": {\"module\": \"keras.optimizers\", \"class_name\": \"Adam\", \"config\": {\"name\": "
            "\"adam_3\", \"learning_rate\": {\"module\": \"keras.optimizers.schedules\", \"class_name\": "
            "\"CosineDecay\", \"config\": {\"initial_learning_rate\": 0.1, \"decay_steps\": 10, \"name\": "
            "\"CosineDecay\"}}, \"clipnorm\": 2.0, \"use_ema\": false, \"loss_scale_factor\": null}}, "
            "\"loss\": [{\"module\": \"keras.losses\", \"class_name\": \"function\", \"config\": "
            "\"mean_squared_error\"}], \"loss_weights\": [0.5], "
            "\"metrics\": [[\"mae\"], {\"class_name\": \"LogCoshError\", \"config\": {\"name\": \"logcosh\", "
            "\"dtype\": \"float32\"}}], \"weighted_metrics\": null, \"run_eagerly\": false, \"jit_compile\": true"),
        "data: {}\n"
        "model:\n"
        "  - input:\n"
        "      name: \"in\"\n"
        "      shape:\n"
        "        - 4\n"
        "  - name: \"out\"\n"
        "    dense:\n"
        "      units: 2\n"
        "compile:\n"
        "  optimizer:\n"
        "    adam:\n"
        "      learning_rate:\n"
        "        cosine_decay:\n"
        "          initial_learning_rate: 0.1\n"
        "          decay_steps: 10\n"
        "      clipnorm: 2.0\n"
        "      use_ema: false\n"
        "  loss: \"mean_squared_error\"\n"
        "  loss_weights: 0.5\n"
        "  metrics:\n"
        "    - \"mae\"\n"
        "    - log_cosh:\n"
        "        name: \"logcosh\"\n");
}

/* ---- what lockstep does not have ---- */

typedef struct refusal {
    const char *json;
    const char *word[3];
} refusal;

static void models_we_lack_are_refused(void **state)
{
#define DENSE_WITH(rest) SEQUENTIAL(INPUT ", " LAYER("Dense", "\"name\": \"d1\", \"units\": 3, " rest))
#define ONE(layer, output) GRAPH(A ", " layer, "[\"a\", 0, 0]", output)
    static const refusal cases[] = {
        {SEQUENTIAL(INPUT ", " LAYER("ConvLSTM1D", "\"name\": \"memory\", \"filters\": 3")),
         {"'memory'", "(ConvLSTM1D)", "recurrent network over images"}},
        {SEQUENTIAL(INPUT ", " LAYER("Lambda", "\"name\": \"my\", \"function\": {}")), {"'my'", "(Lambda)"}},
        {SEQUENTIAL(INPUT ", {\"module\": \"mine\", \"class_name\": \"Dense\", \"config\": {\"name\": \"d\"}}"),
         {"'d'", "(Dense)", "'mine'"}},
        {SEQUENTIAL(INPUT ", {\"module\": \"kerasta\", \"class_name\": \"Dense\", \"config\": {\"name\": \"d\"}}"),
         {"'d'", "'kerasta'"}},
        {SEQUENTIAL(INPUT ", " SEQUENTIAL(LAYER("Lambda", "\"name\": \"l\""))), {"'l'", "program"}},
        {SEQUENTIAL(INPUT ", " LAYER("Conv2D", "\"name\": \"c\", \"filters\": 1, \"kernel_size\": [1, 1], "
                                               "\"data_format\": \"channels_first\"")),
         {"'c'", "channels_last", "'channels_first'"}},
        {DENSE_WITH("\"dtype\": {\"class_name\": \"DTypePolicy\", \"config\": {\"name\": \"mixed_float16\"}}"),
         {"'d1'", "(Dense)", "mixed_float16"}},
        {DENSE_WITH("\"dtype\": \"float64\""), {"'d1'", "float64"}},
        {DENSE_WITH("\"lora_rank\": 4"), {"'d1' (Dense)", "'lora_rank'", "4"}},
        {DENSE_WITH("\"quantization_config\": {\"bits\": 8}"), {"'d1' (Dense)", "'quantization_config'"}},
        {DENSE_WITH("\"use_bias\": 3"), {"'d1'", "use_bias", "'3'"}},
        {DENSE_WITH("\"activation\": \"glu\""), {"'d1' (Dense).activation", "'glu'"}},
        {DENSE_WITH("\"activation\": {\"module\": \"builtins\", \"class_name\": \"function\", \"config\": \"mine\"}"),
         {"'d1' (Dense).activation", "(mine)", "builtins"}},
        {DENSE_WITH("\"kernel_initializer\": {\"class_name\": \"STFT\", \"config\": {\"gain\": 1.0}}"),
         {"'d1' (Dense).kernel_initializer", "'STFT'"}},
        {DENSE_WITH("\"kernel_constraint\": {\"class_name\": \"MaxNorm\", \"config\": {\"max\": 1.0}}"),
         {"kernel_constraint (MaxNorm)", "'max'"}},
        {SEQUENTIAL(INPUT ", " LAYER("LayerNormalization", "\"name\": \"n\", \"rms_scaling\": true")),
         {"'n'", "'rms_scaling'"}},
        {SEQUENTIAL(INPUT ", " LAYER("Dropout", "\"name\": \"dr\", \"rate\": 0.1, \"noise_shape\": [6, 1]")),
         {"'dr'", "noise_shape"}},
        {SEQUENTIAL(LAYER("InputLayer", "\"name\": \"in\", \"batch_shape\": [null, null, 4]")), {"'in'", "any length"}},
        {SEQUENTIAL(
             LAYER("InputLayer", "\"name\": \"in\", \"batch_shape\": [null, 4], \"dtype\": \"string\"") ", " DENSE),
         {"'in'", "'string'"}},
        {SEQUENTIAL(DENSE), {"'out'", "input shape"}},
        {SEQUENTIAL(INPUT ", " DENSE ", " INPUT), {"'in'", "not the first"}},
        {SEQUENTIAL(""), {"no layers"}},
        {SEQUENTIAL(INPUT ", 3"), {"a layer", "a map"}},
        {SEQUENTIAL(INPUT ", {\"class_name\": \"Dense\"}"), {"no class_name or no name"}},
        {"{\"class_name\": \"Sequential\", \"config\": {\"name\": \"x\"}}", {"'layers'"}},
        {"{\"class_name\": \"Sequential\"}", {"'config'"}},
        {"{\"class_name\": \"Sequential\", \"config\": [1]}", {"Keras before 2"}},
        {"{\"class_name\": \"MyModel\", \"config\": {\"units\": 3}}", {"'MyModel'", "Functional"}},
        {"{\"class_name\": 3}", {"'config'"}},
        {"[]", {"a map"}},
        {"3", {"a map"}},
        {"", {"not valid JSON"}},
        {"{\"a\": 1", {"not valid JSON"}},
        {"{\"a\": 1, \"a\": 2}", {"not valid JSON"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", ""), "[\"d\", 0, 0]"), {"'d' (Dense)", "never called"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"q\", 0, 0, {}]]"), "[\"d\", 0, 0]"), {"'d'", "'q'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 1, {}]]"), "[\"d\", 0, 0]"), {"'d'", "'1'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", -1, 0, {}]]"), "[\"d\", 0, 0]"), {"'d'", "'-1'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0]]"), "[\"d\", 0, 0]"), {"'d'", "[layer, call, tensor]"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"d\", 0, 0, {}]]"), "[\"d\", 0, 0]"), {"cycle", "'d'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 0, {\"training\": true}]]"), "[\"d\", 0, 0]"),
         {"'d'", "'training'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "{\"args\": [" T("a", "0") "], \"kwargs\": {\"training\": true}}"),
             "[\"d\", 0, 0]"),
         {"'d'", "'training'"}},
        {ONE(NODE("Add", "d", "", "{\"args\": [[" T("a", "0") ", 3.0]], \"kwargs\": {}}"), "[\"d\", 0, 0]"),
         {"'d'", "no output of a layer"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 0, {}]]"), "[\"d\", 7, 0]"), {"call 7", "'d'"}},
        {ONE(NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 0, {}]]"), "[]"), {"output", "empty"}},
        {GRAPH(A ", " NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 0, {}]]"), "[\"d\", 0, 0]", "[\"d\", 0, 0]"),
         {"InputLayer"}},
        {GRAPH(A ", " B ", " NODE("Dense", "d", ", \"units\": 1", "[[\"a\", 0, 0, {}]]"), "[\"a\", 0, 0]",
               "[\"d\", 0, 0]"),
         {"'b'", "none of the model's inputs"}},
        {ONE("{\"module\": \"keras.src.ops.numpy\", \"class_name\": \"Exp\", \"name\": \"e\", \"config\": {}, "
             "\"inbound_nodes\": [{\"args\": [" T("a", "0") "]}]}",
             "[\"e\", 0, 0]"),
         {"'e' (Exp)", "operation"}},
        {ONE("{\"module\": \"keras.src.ops.numpy\", \"class_name\": \"Add\", \"name\": \"e\", \"config\": {}, "
             "\"inbound_nodes\": [{\"args\": [" T("a", "0") ", 1.0]}]}",
             "[\"e\", 0, 0]"),
         {"'e' (Add)", "as many"}},
        {SEQUENTIAL(LAYER("InputLayer", "\"name\": \"in\", \"batch_shape\": [null, 2000000000]") ", " LAYER(
             "Dense", "\"name\": \"d\", \"units\": 2000000000")),
         {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_experiment *experiment = NULL;
        ls_model *model = NULL;
        ls_status st;

        put_archive(cases[i].json);
        st = ls_experiment_of_model(archive, &experiment);
        if (st == LS_OK) /* shapes and values are checked when the model is built */
            st = ls_task_model(experiment, &model);
        if (st == LS_OK)
            print_error("not refused: %s\n", cases[i].json);
        assert_true(st != LS_OK);
        assert_null(model);
        assert_null(strchr(ls_error_message(), '\n'));
        for (size_t w = 0; w < count_of(cases[i].word) && cases[i].word[w]; w++)
            assert_true(failed_with(st, st, (const char *const[]){cases[i].word[w], archive, NULL}));
        ls_experiment_free(experiment);
    }
}

/* Brackets within brackets, 5 MB of them. */
static void deep_descriptions_are_refused(void **state)
{
    const size_t depth = 5u << 20;
    char *const nested = malloc(depth + 1);
    ls_experiment *experiment = NULL;

    (void)state;
    assert_non_null(nested);
    memset(nested, '[', depth);
    nested[depth] = '\0';
    put_archive(nested);
    FAILS(ls_experiment_of_model(archive, &experiment), LS_ERR_FORMAT, archive, "JSON");
    free(nested);
}

static bool says(const char *message, const char *const *word, size_t n)
{
    for (size_t w = 0; w < n && word[w]; w++)
        if (!strstr(message, word[w])) {
            print_error("no '%s' in: %s\n", word[w], message);
            return false;
        }
    return true;
}

/* A model that predicts all the same; the message says why it is not compiled. */
static void losses_we_lack_are_refused(void **state)
{
#define WITH(compile) COMPILED(INPUT ", " DENSE, compile)
    static const refusal cases[] = {
        {WITH("\"loss\": \"mine\""), {"loss", "'mine'"}},
        {WITH("\"loss\": {\"class_name\": \"Dice\", \"config\": {}}"), {"loss", "'Dice'"}},
        {WITH("\"loss\": {\"class_name\": \"MeanSquaredError\", \"config\": {\"reduction\": \"none\"}}"),
         {"'reduction'", "none"}},
        {WITH("\"loss\": {\"class_name\": \"MeanSquaredError\", \"config\": {\"reduction\": null}}"),
         {"reduction none"}},
        {WITH("\"loss\": {\"class_name\": \"MeanSquaredError\", \"config\": {\"dtype\": \"float16\"}}"), {"float16"}},
        {WITH("\"loss\": {\"class_name\": \"Huber\", \"config\": {\"delta\": -1.0}}"), {"delta", "'-1.0'"}},
        {WITH("\"loss\": {\"elsewhere\": \"mse\"}"), {"'elsewhere'"}},
        {WITH("\"loss\": [\"mse\", \"mae\"]"), {"loss"}},
        {WITH("\"loss\": \"mse\", \"loss_weights\": {\"out\": \"much\"}"), {"loss_weights", "'much'"}},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_experiment *experiment = NULL;

        put_archive(cases[i].json);
        assert_true(ok(ls_experiment_of_model(archive, &experiment)));
        if (!experiment->refused.loss)
            print_error("not refused: %s\n", cases[i].json);
        assert_non_null(experiment->refused.loss);
        assert_null(experiment->compile);
        assert_true(says(experiment->refused.loss, cases[i].word, count_of(cases[i].word)));
        ls_experiment_free(experiment);
    }
}

/* Keras 3.15 writes losses.Huber(delta=0.3) without its delta, and loads it as 1. */
static void a_delta_that_keras_left_out_is_said(void **state)
{
#define HUBER(config) WITH("\"loss\": {\"class_name\": \"Huber\", \"config\": {" config "\"name\": \"huber_loss\"}}")
    static const char *const files[] = {HUBER("\"delta\": 0.3, "), HUBER("")};

    (void)state;
    for (size_t i = 0; i < count_of(files); i++) {
        static const char *const words[] = {"delta", "Huber", "taken to be 1"};
        ls_experiment *experiment = NULL;

        put_archive(files[i]);
        assert_true(ok(ls_experiment_of_model(archive, &experiment)));
        assert_non_null(experiment->compile);
        if (i == 0)
            assert_null(experiment->refused.guessed);
        else
            assert_true(experiment->refused.guessed && says(experiment->refused.guessed, words, count_of(words)));
        ls_experiment_free(experiment);
    }
}

/* A strange optimizer is said, and the loss is there all the same. */
static void optimizers_we_lack_are_refused(void **state)
{
#define SGD(config) WITH("\"loss\": \"mse\", \"optimizer\": {\"class_name\": \"SGD\", \"config\": {" config "}}")
    static const refusal cases[] = {
        {WITH("\"loss\": \"mse\", \"optimizer\": {\"class_name\": \"Muon\", \"config\": {}}"), {"optimizer", "'Muon'"}},
        {WITH("\"loss\": \"mse\", \"optimizer_config\": {\"class_name\": \"Custom>Adam\", \"config\": {}}"),
         {"optimizer", "'Custom>Adam'"}},
        {WITH("\"loss\": \"mse\", \"optimizer\": \"mine\""), {"optimizer", "'mine'"}},
        {SGD("\"decay\": 0.1"), {"(SGD)", "'decay'"}},
        {SGD("\"momentum\": 3.0"), {"momentum", "3.0"}},
        {SGD("\"learning_rate\": {\"class_name\": \"Mine\", \"config\": {}}"), {"(SGD)", "'Mine'"}},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_experiment *experiment = NULL;

        put_archive(cases[i].json);
        assert_true(ok(ls_experiment_of_model(archive, &experiment)));
        assert_null(experiment->refused.loss);
        assert_non_null(experiment->refused.optimizer);
        assert_null(ls_config_get(experiment->compile, "optimizer"));
        assert_string_equal(ls_config_get(experiment->compile, "loss")->text, "mse");
        assert_true(says(experiment->refused.optimizer, cases[i].word, count_of(cases[i].word)));
        ls_experiment_free(experiment);
    }
}

/* Each strange metric is said and left out; loss, optimizer and the other metrics stay. */
static void metrics_we_lack_are_refused(void **state)
{
    static const char *const words[] = {"metrics", "'f1'", "metrics (Precision)", "'best'", "'Mine'"};
    ls_experiment *experiment = NULL;
    const ls_config *metrics;

    (void)state;
    put_archive(
        WITH("\"loss\": \"mse\", \"optimizer\": \"adam\", \"metrics\": [\"mae\", \"f1\", [{\"class_name\": "
             "\"Precision\", \"config\": {\"best\": 2}}, \"mse\"], {\"class_name\": \"Mine\", \"config\": {}}]"));
    assert_true(ok(ls_experiment_of_model(archive, &experiment)));
    assert_null(experiment->refused.loss);
    assert_null(experiment->refused.optimizer);
    assert_non_null(experiment->refused.metrics);
    assert_true(says(experiment->refused.metrics, words, count_of(words)));
    metrics = ls_config_get(experiment->compile, "metrics");
    assert_int_equal(metrics->count, 2);
    assert_string_equal(metrics->first->text, "mae");
    assert_string_equal(metrics->last->text, "mse");
    ls_experiment_free(experiment);
}

/* Archives that lack something, and other files. */
static void incomplete_files_are_refused(void **state)
{
    static const char config[] = SEQUENTIAL(INPUT ", " DENSE), metadata[] = "{\"keras_version\": \"3.0.0\"}";
    const ls_zip_member members[] = {{"metadata.json", metadata, strlen(metadata)},
                                     {"config.json", config, strlen(config)},
                                     {"model.weights.h5", "not HDF5", 8}};
    ls_experiment *experiment = NULL;
    ls_model *model = NULL;

    (void)state;
    assert_true(ok(ls_zip_save(archive, members, 1)));
    FAILS(ls_experiment_of_model(archive, &experiment), LS_ERR_FORMAT, archive, "'config.json'");
    assert_true(ok(ls_zip_save(archive, members, 2)));
    assert_true(ok(ls_experiment_of_model(archive, &experiment)));
    assert_true(ok(ls_task_model(experiment, &model)));
    FAILS(ls_model_file_weights(archive, model), LS_ERR_FORMAT, archive, "'model.weights.h5'");
    assert_true(ok(ls_zip_save(archive, members, 3)));
    FAILS(ls_model_file_weights(archive, model), LS_ERR_FORMAT, archive, "not an HDF5 file");
    ls_experiment_free(experiment);
    ls_model_free(model);
    FAILS(ls_experiment_of_model(in_source(FIXTURES "graph.weights.h5"), &experiment), LS_ERR_FORMAT,
          "graph.weights.h5", "weights only");
    FAILS(ls_experiment_of_model(in_source(FIXTURES "data.h5"), &experiment), LS_ERR_FORMAT, "data.h5",
          "no lockstep model");
    FAILS(ls_experiment_of_model(in_source(FIXTURES "absent.keras"), &experiment), LS_ERR_IO, "absent.keras",
          "No such file");
    FAILS(ls_experiment_of_model(folder, &experiment), LS_ERR_IO, folder, "not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_models_are_read),          cmocka_unit_test(graphs_are_read),
        cmocka_unit_test(default_arguments_of_calls_are_read), cmocka_unit_test(compile_settings_are_read),
        cmocka_unit_test(models_we_lack_are_refused),          cmocka_unit_test(deep_descriptions_are_refused),
        cmocka_unit_test(losses_we_lack_are_refused),          cmocka_unit_test(a_delta_that_keras_left_out_is_said),
        cmocka_unit_test(optimizers_we_lack_are_refused),      cmocka_unit_test(metrics_we_lack_are_refused),
        cmocka_unit_test(incomplete_files_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
