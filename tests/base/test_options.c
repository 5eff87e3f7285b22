/* Option tables: every kind of option, defaults, bounds, nested components, and messages that help. */
#include "ls_test.h"

#include "base/memory.h"
#include "base/options.h"
#include "formats/yaml.h"

/* ---- a small world of things to choose from ---- */

typedef struct stddev_config {
    double mean, stddev;
} stddev_config;

static const ls_option normal_options[] = {
    {.name = "mean", .kind = LS_OPTION_FLOAT, .offset = offsetof(stddev_config, mean), .initial = "0.0"},
    {.name = "stddev",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(stddev_config, stddev),
     .initial = "0.05",
     .open_min = true},
    {.name = NULL},
};
static const ls_ops zeros_ops = {.name = "zeros", .keras_name = "Zeros"};
static const ls_ops normal_ops = {.name = "random_normal",
                                  .keras_name = "RandomNormal",
                                  .aliases = (const char *const[]){"normal", NULL},
                                  .options = normal_options,
                                  .config_bytes = sizeof(stddev_config)};
static const ls_registry initializers = {.what = "initializer",
                                         .entries = (const ls_ops *const[]){&zeros_ops, &normal_ops, NULL}};

typedef struct dense_config {
    int64_t units;
    bool use_bias;
    int padding;
    ls_ints kernel;
    ls_floats values;
    double rate, decay;
    int64_t seed, level;
    ls_ints target;
    ls_component initializer, extra;
} dense_config;

static ls_status check_dense(const void *config, const ls_config *at)
{
    const dense_config *c = config;

    return c->units == 13 ? ls_config_fail(at, "13 units bring bad luck") : LS_OK;
}

static const char *const paddings[] = {"valid", "same", NULL};
#define AT(field) offsetof(dense_config, field)
static const ls_option dense_options[] = {
    {.name = "units", .kind = LS_OPTION_INT, .offset = AT(units), .min = 1, .max = 1000},
    {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = AT(use_bias), .initial = "true"},
    {.name = "padding", .kind = LS_OPTION_CHOICE, .offset = AT(padding), .initial = "same", .choices = paddings},
    {.name = "kernel", .kind = LS_OPTION_INTS, .offset = AT(kernel), .initial = "[3, 5]", .repeat = 2, .min = 1},
    {.name = "values", .kind = LS_OPTION_FLOATS, .offset = AT(values), .initial = "0.5", .min = -1, .max = 1},
    {.name = "rate",
     .kind = LS_OPTION_FLOAT,
     .offset = AT(rate),
     .initial = "0.5",
     .min = 0,
     .max = 1,
     .open_max = true},
    {.name = "decay", .kind = LS_OPTION_FLOAT, .offset = AT(decay), .initial = "null", .nullable = true},
    {.name = "seed",
     .kind = LS_OPTION_INT,
     .offset = AT(seed),
     .initial = "null",
     .nullable = true,
     .min = -10,
     .max = 1e9},
    {.name = "level",
     .kind = LS_OPTION_INT,
     .offset = AT(level),
     .initial = "1",
     .max = 4,
     .open_min = true,
     .open_max = true},
    {.name = "target", .kind = LS_OPTION_INTS, .offset = AT(target), .initial = "null", .nullable = true},
    {.name = "initializer",
     .kind = LS_OPTION_COMPONENT,
     .offset = AT(initializer),
     .initial = "random_normal",
     .registry = &initializers},
    {.name = "extra", .kind = LS_OPTION_COMPONENT, .offset = AT(extra), .initial = "null", .registry = &initializers},
    {.name = NULL},
};
static const ls_ops dense_ops = {.name = "dense",
                                 .keras_name = "Dense",
                                 .options = dense_options,
                                 .config_bytes = sizeof(dense_config),
                                 .check = check_dense};

/* A component that must be given, inside a component: three levels in all. */
typedef struct wrapper_config {
    ls_component inner, optional;
} wrapper_config;

static const ls_ops flatten_ops = {.name = "flatten", .keras_name = "Flatten"};
static const ls_ops wrapper_ops;
static const ls_registry layers = {.what = "layer",
                                   .entries = (const ls_ops *const[]){&dense_ops, &flatten_ops, &wrapper_ops, NULL}};
static const ls_option wrapper_options[] = {
    {.name = "inner", .kind = LS_OPTION_COMPONENT, .offset = offsetof(wrapper_config, inner), .registry = &layers},
    {.name = "optional",
     .kind = LS_OPTION_COMPONENT,
     .offset = offsetof(wrapper_config, optional),
     .registry = &layers,
     .initial = "flatten"},
    {.name = NULL},
};
static const ls_ops wrapper_ops = {
    .name = "wrapper", .options = wrapper_options, .config_bytes = sizeof(wrapper_config)};

/* Read YAML as a layer. */
static ls_status parse(const char *yaml, ls_component *out)
{
    ls_config *tree;
    ls_status st;

    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "e.yaml", &tree)));
    st = ls_component_parse(&layers, tree, "model", out);
    ls_config_free(tree);
    return st;
}

/* The YAML is refused with exactly this message. */
static void refuse(const char *yaml, const char *message)
{
    ls_component component;

    FAILS(parse(yaml, &component), LS_ERR_CONFIG, "e.yaml");
    assert_string_equal(ls_error_message(), message);
    assert_null(component.ops);
    assert_null(component.config);
}

/* ---- tests ---- */

static void entries_are_found_by_all_their_names(void **state)
{
    (void)state;
    assert_ptr_equal(ls_registry_find(&initializers, "random_normal"), &normal_ops);
    assert_ptr_equal(ls_registry_find(&initializers, "RandomNormal"), &normal_ops);
    assert_ptr_equal(ls_registry_find(&initializers, "normal"), &normal_ops);
    assert_null(ls_registry_find(&initializers, "Normal"));
    assert_null(ls_registry_find(&initializers, ""));
}

static void check_defaults(const dense_config *c)
{
    const stddev_config *normal = c->initializer.config;

    assert_true(c->use_bias);
    assert_int_equal(c->padding, 1);
    assert_int_equal(c->kernel.count, 2);
    assert_int_equal(c->kernel.value[0], 3);
    assert_int_equal(c->kernel.value[1], 5);
    assert_int_equal(c->values.count, 1);
    assert_true(c->values.value[0] == 0.5);
    assert_true(c->rate == 0.5);
    assert_true(isnan(c->decay));
    assert_true(c->seed == -11);
    assert_int_equal(c->target.count, 0);
    assert_ptr_equal(c->initializer.ops, &normal_ops);
    assert_true(normal->mean == 0 && normal->stddev == 0.05);
    assert_null(c->extra.ops);
}

static void options_left_out_have_their_defaults(void **state)
{
    ls_component layer;

    (void)state;
    assert_true(ok(parse("dense: {units: 512}", &layer)));
    assert_ptr_equal(layer.ops, &dense_ops);
    assert_int_equal(((dense_config *)layer.config)->units, 512);
    check_defaults(layer.config);
    ls_component_reset(&layer);
    assert_null(layer.ops);
    ls_component_reset(&layer);
}

static void every_option_can_be_given(void **state)
{
    ls_component layer;
    const dense_config *c;

    (void)state;
    assert_true(ok(parse("Dense:\n"
                         "  units: 7\n"
                         "  use_bias: no\n"
                         "  padding: 'valid'\n"
                         "  kernel: 4\n"
                         "  values: [-1, 0.25, 1]\n"
                         "  rate: 0\n"
                         "  decay: 1e-2\n"
                         "  seed: -5\n"
                         "  target: [1, -2, 3]\n"
                         "  initializer: {normal: {stddev: 2}}\n"
                         "  extra: zeros\n",
                         &layer)));
    c = layer.config;
    assert_int_equal(c->units, 7);
    assert_false(c->use_bias);
    assert_int_equal(c->padding, 0);
    assert_int_equal(c->kernel.count, 2);
    assert_true(c->kernel.value[0] == 4 && c->kernel.value[1] == 4);
    assert_int_equal(c->values.count, 3);
    assert_true(c->values.value[0] == -1 && c->values.value[1] == 0.25 && c->values.value[2] == 1);
    assert_true(c->rate == 0 && c->decay == 0.01 && c->seed == -5);
    assert_int_equal(c->target.count, 3);
    assert_true(c->target.value[0] == 1 && c->target.value[1] == -2 && c->target.value[2] == 3);
    assert_true(((stddev_config *)c->initializer.config)->stddev == 2);
    assert_ptr_equal(c->extra.ops, &zeros_ops);
    assert_null(c->extra.config);
    ls_component_reset(&layer);
}

static void a_component_can_be_named_in_several_ways(void **state)
{
    static const char *const same[] = {"flatten",
                                       "Flatten",
                                       "'flatten'",
                                       "flatten:",
                                       "{flatten: null}",
                                       "flatten: {}",
                                       "{class_name: Flatten, config: {}}",
                                       "{module: keras.layers, class_name: Flatten, registered_name: null}"};
    ls_component layer;

    (void)state;
    for (size_t i = 0; i < count_of(same); i++) {
        assert_true(ok(parse(same[i], &layer)));
        assert_ptr_equal(layer.ops, &flatten_ops);
        assert_null(layer.config);
        ls_component_reset(&layer);
    }
    assert_true(ok(parse("null", &layer)));
    assert_null(layer.ops);
    assert_true(
        ok(parse("{class_name: Dense, config: {units: 3, initializer: {class_name: Zeros, config: {}}}}", &layer)));
    assert_int_equal(((dense_config *)layer.config)->units, 3);
    assert_ptr_equal(((dense_config *)layer.config)->initializer.ops, &zeros_ops);
    ls_component_reset(&layer);
}

static void messages_say_where_and_what_is_known(void **state)
{
    (void)state;
    refuse("densee", "e.yaml:1:1: unknown layer 'densee'; did you mean 'dense'? known layers: dense, flatten, wrapper");
    refuse("  zzz: {}", "e.yaml:1:3: unknown layer 'zzz'; known layers: dense, flatten, wrapper");
    refuse("{class_name: Denze}",
           "e.yaml:1:14: unknown layer 'Denze'; did you mean 'Dense'? known layers: dense, flatten, wrapper");
    refuse("dense", "e.yaml:1:1: model.dense needs 'units'");
    refuse("dense: {use_bias: true}", "e.yaml:1:8: model.dense needs 'units'");
    refuse("dense: {units: 0}", "e.yaml:1:16: model.dense.units must be an integer from 1 to 1000, not '0'");
    refuse("dense: {units: 13}", "e.yaml:1:8: 13 units bring bad luck");
    refuse("dense: 512", "e.yaml:1:8: model.dense must be a map of keys and values, not '512'");
    refuse("dense: {unit: 5}", "e.yaml:1:9: unknown key 'unit' in model.dense; did you mean 'units'?");
    refuse("flatten: {units: 5}", "e.yaml:1:11: unknown key 'units' in model.flatten");
    refuse("[dense]", "e.yaml:1:1: model must be the name of one layer, or {NAME: {ARGUMENT: VALUE}}, not a list of 1");
    refuse("{dense: {}, flatten: {}}",
           "e.yaml:1:1: model must be the name of one layer, or {NAME: {ARGUMENT: VALUE}}, not a map of 2");
    refuse("{class_name: Dense, configs: {}}",
           "e.yaml:1:21: unknown key 'configs' in model; did you mean 'config'? "
           "(known: class_name, config, module, registered_name, build_config, shared_object_id)");
    refuse("dense: {units: 5, padding: samee}",
           "e.yaml:1:28: model.dense.padding must be one of valid, same, not 'samee'; did you mean 'same'?");
    refuse("dense: {units: 5, padding: [same]}", "e.yaml:1:28: model.dense.padding must be one of valid, same");
    refuse("dense: {units: 5, use_bias: 1}", "e.yaml:1:29: model.dense.use_bias must be true or false, not '1'");
    refuse("dense: {units: 5, initializer: {random_normal: {stddev: 0}}}",
           "e.yaml:1:57: model.dense.initializer.random_normal.stddev must be a finite number above 0, not '0'");
    refuse("dense: {units: 5, extra: nul}",
           "e.yaml:1:26: unknown initializer 'nul'; known initializers: zeros, random_normal");
}

static void bounds_are_kept(void **state)
{
    (void)state;
    refuse("dense: {units: 5, rate: 1}",
           "e.yaml:1:25: model.dense.rate must be a finite number of at least 0 and below 1, not '1'");
    refuse("dense: {units: 5, rate: null}",
           "e.yaml:1:25: model.dense.rate must be a finite number of at least 0 and below 1, not null");
    refuse("dense: {units: 5, level: 0}", "e.yaml:1:26: model.dense.level must be an integer from 1 to 3, not '0'");
    refuse("dense: {units: 5, level: 4}", "e.yaml:1:26: model.dense.level must be an integer from 1 to 3, not '4'");
    refuse("dense: {units: 5, kernel: 0}", "e.yaml:1:27: model.dense.kernel must be an integer of at least 1, not '0'");
    refuse("dense: {units: 5, kernel: [1, 2, 3]}",
           "e.yaml:1:27: model.dense.kernel takes one number or a list of 2, not a list of 3");
    refuse("dense: {units: 5, kernel: [1, 2.5]}",
           "e.yaml:1:31: model.dense.kernel must be an integer of at least 1, not '2.5'");
    refuse("dense: {units: 5, values: [0, 1.5]}",
           "e.yaml:1:31: model.dense.values must be a finite number from -1 to 1, not '1.5'");
}

static void lists_may_be_long_to_a_limit(void **state)
{
    ls_component layer;
    ls_text text = {0};

    (void)state;
    ls_text_add(&text, "dense: {units: 5, target: [0");
    for (int i = 1; i < LS_OPTION_LIST_MAX; i++)
        ls_text_add(&text, ", %d", i);
    ls_text_add(&text, "]}");
    assert_true(ok(parse(text.data, &layer)));
    assert_int_equal(((dense_config *)layer.config)->target.count, LS_OPTION_LIST_MAX);
    assert_int_equal(((dense_config *)layer.config)->target.value[LS_OPTION_LIST_MAX - 1], LS_OPTION_LIST_MAX - 1);
    ls_component_reset(&layer);
    text.length -= 2;
    ls_text_add(&text, ", 64]}");
    FAILS(parse(text.data, &layer), LS_ERR_CONFIG, "model.dense.target holds 65 numbers; at most 64");
    ls_text_reset(&text);
}

static void a_component_that_is_needed_is_asked_for(void **state)
{
    ls_component layer;

    (void)state;
    refuse("wrapper: {}", "e.yaml:1:10: model.wrapper needs 'inner'");
    refuse("wrapper: {inner: null}", "e.yaml:1:10: model.wrapper needs 'inner'");
    assert_true(ok(parse("wrapper: {inner: flatten, optional: null}", &layer)));
    assert_null(((wrapper_config *)layer.config)->optional.ops);
    ls_component_reset(&layer);
}

static void extra_keys_are_left_alone(void **state)
{
    static const char *const extra[] = {"name", "inputs", NULL};
    const char yaml[] = "{units: 5, name: h1, inputs: [a]}";
    ls_component layer;
    ls_config *tree;

    (void)state;
    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "e.yaml", &tree)));
    assert_true(ok(ls_component_parse_args(&dense_ops, tree, "model.0", extra, &layer)));
    assert_int_equal(((dense_config *)layer.config)->units, 5);
    ls_component_reset(&layer);
    FAILS(ls_component_parse_args(&dense_ops, tree, "model.0", NULL, &layer), LS_ERR_CONFIG, "unknown key 'name'");
    FAILS(ls_component_parse_args(&dense_ops, NULL, "model.0", extra, &layer), LS_ERR_CONFIG, "model.0 needs 'units'");
    assert_true(ok(ls_component_parse_args(&flatten_ops, NULL, "model.0", NULL, &layer)));
    ls_config_free(tree);
}

static void a_name_alone_gives_the_defaults(void **state)
{
    ls_component made;

    (void)state;
    assert_true(ok(ls_component_default(&initializers, "normal", &made)));
    assert_true(((stddev_config *)made.config)->stddev == 0.05);
    ls_component_reset(&made);
    FAILS(ls_component_default(&layers, "dense", &made), LS_ERR_ARG, "'dense'", "'units'");
    FAILS(ls_component_default(&layers, "nothing", &made), LS_ERR_CONFIG, "unknown layer 'nothing'");
}

static void copies_are_deep(void **state)
{
    ls_component layer, copy;
    wrapper_config *wrapper;
    dense_config *dense, *twin;

    (void)state;
    assert_true(ok(parse("wrapper: {inner: {dense: {units: 9, initializer: {normal: {mean: 3}}}}}", &layer)));
    assert_true(ok(ls_component_copy(&layer, &copy)));
    wrapper = layer.config;
    dense = wrapper->inner.config;
    twin = ((wrapper_config *)copy.config)->inner.config;
    assert_ptr_not_equal(dense, twin);
    assert_ptr_not_equal(dense->initializer.config, twin->initializer.config);
    ((stddev_config *)dense->initializer.config)->mean = 4;
    dense->units = 10;
    ls_component_reset(&layer);

    assert_int_equal(twin->units, 9);
    assert_true(((stddev_config *)twin->initializer.config)->mean == 3);
    assert_ptr_equal(((wrapper_config *)copy.config)->optional.ops, &flatten_ops);
    ls_component_reset(&copy);

    assert_true(ok(ls_component_copy(&(ls_component){.ops = &flatten_ops}, &copy)));
    assert_ptr_equal(copy.ops, &flatten_ops);
    assert_true(ok(ls_component_copy(&(ls_component){0}, &copy)));
    assert_null(copy.ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_all_their_names),
        cmocka_unit_test(options_left_out_have_their_defaults),
        cmocka_unit_test(every_option_can_be_given),
        cmocka_unit_test(a_component_can_be_named_in_several_ways),
        cmocka_unit_test(messages_say_where_and_what_is_known),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(lists_may_be_long_to_a_limit),
        cmocka_unit_test(a_component_that_is_needed_is_asked_for),
        cmocka_unit_test(extra_keys_are_left_alone),
        cmocka_unit_test(a_name_alone_gives_the_defaults),
        cmocka_unit_test(copies_are_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
