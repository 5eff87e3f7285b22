/* JSON in and out: types survive, numbers keep their kind, the same bytes every time. */
#include "ls_test.h"

#include <stdlib.h>

#include "base/memory.h"
#include "formats/json.h"

static ls_config *parsed(const char *text)
{
    ls_config *tree;

    assert_true(ok(ls_json_parse(text, strlen(text), "model_config", &tree)));
    return tree;
}

static void values_keep_their_types(void **state)
{
    ls_config *tree =
        parsed("{\"units\": 10, \"rate\": 1.0, \"epsilon\": 1e-07, \"name\": \"true\", \"use_bias\": true,\n"
               " \"seed\": null, \"shape\": [null, 28, -3], \"nested\": {\"b\": 1, \"a\": 0.1}, \"e\": {}}");
    int64_t i;
    double d;
    bool b;
    const char *text;

    (void)state;
    assert_int_equal(tree->kind, LS_CONFIG_MAP);
    assert_int_equal(tree->count, 9);
    assert_true(ok(ls_config_int(ls_config_get(tree, "units"), "units", 0, 99, &i)) && i == 10);
    FAILS(ls_config_int(ls_config_get(tree, "rate"), "rate", 0, 99, &i), LS_ERR_CONFIG,
          "model_config: rate must be an integer", "'1.0'");
    assert_true(ok(ls_config_float(ls_config_get(tree, "rate"), "rate", 0, 9, &d)) && d == 1);
    assert_true(ok(ls_config_float(ls_config_get(tree, "units"), "units", 0, 99, &d)) && d == 10);
    assert_true(ok(ls_config_float(ls_config_get(tree, "epsilon"), "epsilon", 0, 9, &d)) && d == 1e-7);
    assert_true(ok(ls_config_bool(ls_config_get(tree, "use_bias"), "use_bias", &b)) && b);
    FAILS(ls_config_bool(ls_config_get(tree, "name"), "name", &b), LS_ERR_CONFIG, "in quotes");
    assert_true(ok(ls_config_text(ls_config_get(tree, "name"), "name", &text)));
    assert_string_equal(text, "true");
    assert_true(ls_config_is_null(ls_config_get(tree, "seed")));
    assert_int_equal(ls_config_get(tree, "shape")->count, 3);
    assert_true(ls_config_is_null(ls_config_get(tree, "shape")->first));
    assert_true(ok(ls_config_int(ls_config_get(tree, "shape")->last, "shape", -9, 99, &i)) && i == -3);
    assert_string_equal(ls_config_get(tree, "nested")->first->key, "b");
    assert_string_equal(ls_config_get(tree, "nested")->last->text, "0.1");
    assert_int_equal(ls_config_get(tree, "e")->kind, LS_CONFIG_MAP);
    ls_config_free(tree);

    tree = parsed("\"a\\u00e9\\n\"");
    assert_string_equal(tree->text, "a\xc3\xa9\n");
    ls_config_free(tree);
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *json, *words;
    } cases[] = {
        {"", "model_config:1:0: not valid JSON"},
        {"{\"a\": 1", "not valid JSON: '}' expected"},
        {"{\"a\": 1,\n \"b\" 2}", "model_config:2:"},
        {"{\"a\": 1, \"a\": 2}", "duplicate object key"},
        {"[NaN]", "not valid JSON"},
        {"[1e999]", "real number overflow"},
        {"[99999999999999999999]", "too big integer"},
        {"[1] x", "end of file expected"},
        {"[\"\\u0000\"]", "\\u0000 is not allowed"},
        {"[\"\xff\"]", "unable to decode byte"},
        {"{'a': 1}", "not valid JSON"},
    };
    char *deep = malloc(100001);
    ls_config *tree;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        FAILS(ls_json_parse(cases[i].json, strlen(cases[i].json), "model_config", &tree), LS_ERR_FORMAT,
              cases[i].words);
        assert_null(tree);
    }
    assert_non_null(deep);
    memset(deep, '[', 100000);
    FAILS(ls_json_parse(deep, 100000, "model_config", &tree), LS_ERR_FORMAT, "depth");
    free(deep);
}

/* ---- writing ---- */

static void text_is_written_as_python_does(void **state)
{
    json_t *json =
        json_pack("{s:i, s:f, s:f, s:f, s:f, s:[f, i, n, b], s:{}, s:[], s:s}", "z", 1, "one", 1.0, "rate", 0.001,
                  "tiny", 1e-7, "tenth", 0.1, "list", -2.5, 0, 1, "o", "l", "text", "\"\\/\n\xc3\xa9");
    ls_text out = {0};

    (void)state;
    assert_non_null(json);
    assert_true(ok(ls_json_write(json, &out)));
    assert_string_equal(out.data, "{\"z\": 1, \"one\": 1.0, \"rate\": 0.001, \"tiny\": 1e-07, \"tenth\": 0.1, "
                                  "\"list\": [-2.5, 0, null, true], \"o\": {}, \"l\": [], "
                                  "\"text\": \"\\\"\\\\/\\n\\u00E9\"}");
    json_decref(json);
    ls_text_reset(&out);
    FAILS(ls_json_write(NULL, &out), LS_ERR_MEMORY, "building JSON");
}

static void floats_read_back_as_floats(void **state)
{
    uint64_t bits = 7;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        double value;
        json_t *json, *back;
        ls_text out = {0};

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (i < 200)
            value = i * 1000.0; /* whole numbers must keep their point */
        if (!isfinite(value))
            continue;
        json = json_real(value);
        assert_true(ok(ls_json_write(json, &out)));
        back = json_loads(out.data, JSON_DECODE_ANY, NULL);
        assert_true(json_is_real(back));
        assert_true(json_real_value(back) == value);
        json_decref(json);
        json_decref(back);
        ls_text_reset(&out);
    }
}

/* ---- components ---- */

typedef struct inner_config {
    double value;
} inner_config;

typedef struct layer_config {
    int64_t units, seed;
    double rate, decay;
    bool use_bias;
    int padding;
    ls_ints kernel, none;
    ls_floats boundaries;
    ls_component activation, initializer, regularizer;
} layer_config;

static const ls_ops relu_ops = {.name = "relu", .keras_name = "ReLU"};
static const ls_registry activations = {.what = "activation", .entries = (const ls_ops *const[]){&relu_ops, NULL}};
static const ls_option inner_options[] = {
    {.name = "value", .kind = LS_OPTION_FLOAT, .offset = offsetof(inner_config, value), .initial = "0"},
    {.name = NULL},
};
static const ls_ops constant_ops = {
    .name = "constant", .keras_name = "Constant", .options = inner_options, .config_bytes = sizeof(inner_config)};
static const ls_ops ours_ops = {.name = "ours", .options = inner_options, .config_bytes = sizeof(inner_config)};
static const ls_registry initializers = {.what = "initializer",
                                         .entries = (const ls_ops *const[]){&constant_ops, &ours_ops, NULL}};
static const char *const paddings[] = {"valid", "same", NULL};
#define AT(field) offsetof(layer_config, field)
static const ls_option layer_options[] = {
    {.name = "units", .kind = LS_OPTION_INT, .offset = AT(units), .initial = "3"},
    {.name = "seed", .kind = LS_OPTION_INT, .offset = AT(seed), .initial = "null", .nullable = true},
    {.name = "rate", .kind = LS_OPTION_FLOAT, .offset = AT(rate), .initial = "1"},
    {.name = "decay", .kind = LS_OPTION_FLOAT, .offset = AT(decay), .initial = "null", .nullable = true},
    {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = AT(use_bias), .initial = "false"},
    {.name = "padding", .kind = LS_OPTION_CHOICE, .offset = AT(padding), .initial = "same", .choices = paddings},
    {.name = "kernel", .kind = LS_OPTION_INTS, .offset = AT(kernel), .initial = "3", .repeat = 2},
    {.name = "none", .kind = LS_OPTION_INTS, .offset = AT(none), .initial = "null", .nullable = true},
    {.name = "boundaries", .kind = LS_OPTION_FLOATS, .offset = AT(boundaries), .initial = "[1, 0.5]"},
    {.name = "activation",
     .kind = LS_OPTION_COMPONENT,
     .offset = AT(activation),
     .initial = "relu",
     .registry = &activations},
    {.name = "initializer",
     .kind = LS_OPTION_COMPONENT,
     .offset = AT(initializer),
     .initial = "constant",
     .registry = &initializers},
    {.name = "regularizer",
     .kind = LS_OPTION_COMPONENT,
     .offset = AT(regularizer),
     .initial = "null",
     .registry = &initializers},
    {.name = NULL},
};
static const ls_ops layer_ops = {
    .name = "layer", .keras_name = "Layer", .options = layer_options, .config_bytes = sizeof(layer_config)};
static const ls_registry layers = {.what = "layer", .entries = (const ls_ops *const[]){&layer_ops, NULL}};

#define LAYER_CONFIG                                                                                              \
    "{\"units\": 3, \"seed\": null, \"rate\": 1.0, \"decay\": null, \"use_bias\": false, \"padding\": \"same\", " \
    "\"kernel\": [3, 3], \"none\": null, \"boundaries\": [1.0, 0.5], \"activation\": \"relu\", "                  \
    "\"initializer\": {\"class_name\": \"Constant\", \"config\": {\"value\": 0.0}}, \"regularizer\": null}"

static void check_json(json_t *json, const char *expected)
{
    ls_text out = {0};

    assert_true(ok(ls_json_write(json, &out)));
    assert_string_equal(out.data, expected);
    json_decref(json);
    ls_text_reset(&out);
}

static void components_are_written_as_keras_s(void **state)
{
    ls_component layer, ours;

    (void)state;
    assert_true(ok(ls_component_default(&layers, "layer", &layer)));
    assert_true(ok(ls_component_default(&initializers, "ours", &ours)));
    check_json(ls_component_config_to_json(&layer), LAYER_CONFIG);
    check_json(ls_component_to_json(&layer), "{\"class_name\": \"Layer\", \"config\": " LAYER_CONFIG "}");
    check_json(ls_component_to_json(&(ls_component){0}), "null");
    check_json(ls_component_to_json(&(ls_component){.ops = &relu_ops}), "\"relu\"");
    check_json(ls_component_config_to_json(&(ls_component){.ops = &relu_ops}), "{}");
    check_json(ls_component_to_json(&ours), "\"ours\"");
    ls_component_reset(&layer);
    ls_component_reset(&ours);
}

/* What is written for Keras can be read as a component again, with the same values. */
static void components_read_back(void **state)
{
    ls_component layer, back;
    json_t *json;
    ls_text out = {0};
    ls_config *tree;
    layer_config *c;

    (void)state;
    assert_true(ok(ls_component_default(&layers, "layer", &layer)));
    c = layer.config;
    c->units = 77;
    c->seed = 5;
    c->rate = 1.0 / 3;
    c->boundaries.value[1] = 4;
    c->padding = 0;
    ((inner_config *)c->initializer.config)->value = -2;
    assert_non_null(json = ls_component_to_json(&layer));
    assert_true(ok(ls_json_write(json, &out)));
    json_decref(json);
    tree = parsed(out.data);
    assert_true(ok(ls_component_parse(&layers, tree, "model", &back)));
    c = back.config;
    assert_true(c->units == 77 && c->seed == 5 && c->rate == 1.0 / 3 && isnan(c->decay) && c->padding == 0);
    assert_true(c->kernel.count == 2 && c->none.count == 0 && c->boundaries.count == 2 && c->boundaries.value[1] == 4);
    assert_ptr_equal(c->activation.ops, &relu_ops);
    assert_true(((inner_config *)c->initializer.config)->value == -2);
    assert_null(c->regularizer.ops);
    ls_component_reset(&layer);
    ls_component_reset(&back);
    ls_config_free(tree);
    ls_text_reset(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_types),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(text_is_written_as_python_does),
        cmocka_unit_test(floats_read_back_as_floats),
        cmocka_unit_test(components_are_written_as_keras_s),
        cmocka_unit_test(components_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
