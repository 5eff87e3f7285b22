/*
 * The JSON Schemas that editors check by, without an editor: a small validator (what of draft 7 they use) walks the
 * trees that the YAML reader makes. What the readers take the schemas take, and what they refuse of one experiment the
 * schemas refuse, too. tests/parity/schema.py does the same with Python's jsonschema.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "experiment/experiment.h"
#include "formats/yaml.h"
#include "ls_test.h"
#include "run/fit.h"
#include "run/schema.h"
#include "source_dir.h"
#include "sweep/schema.h"

/* ---- the validator ---- */

static const json_t *root; /* for $ref */

static bool valid(const json_t *schema, const ls_config *node);

static bool is_number(const ls_config *node, double *value)
{
    char *end;

    if (node->kind != LS_CONFIG_SCALAR || node->quoted)
        return false;
    *value = ls_parse_double(node->text, &end);
    return end != node->text && *end == '\0';
}

static bool is_type(const char *type, const ls_config *node)
{
    double value;
    const bool number = is_number(node, &value), null = ls_config_is_null(node);
    const bool boolean = node->kind == LS_CONFIG_SCALAR && !node->quoted &&
                         (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);

    if (strcmp(type, "null") == 0)
        return null;
    if (strcmp(type, "object") == 0)
        return node->kind == LS_CONFIG_MAP;
    if (strcmp(type, "array") == 0)
        return node->kind == LS_CONFIG_LIST;
    if (strcmp(type, "boolean") == 0)
        return boolean;
    if (strcmp(type, "integer") == 0)
        return number && !strpbrk(node->text, ".eE");
    if (strcmp(type, "number") == 0)
        return number;
    return strcmp(type, "string") == 0 && node->kind == LS_CONFIG_SCALAR && !number && !null && !boolean;
}

static bool has_type(const json_t *type, const ls_config *node)
{
    json_t *one;
    size_t i;

    if (!type)
        return true;
    if (json_is_string(type))
        return is_type(json_string_value(type), node);
    json_array_foreach(type, i, one) if (is_type(json_string_value(one), node)) return true;
    return false;
}

static bool within(const json_t *schema, const ls_config *node)
{
    const json_t *min = json_object_get(schema, "minimum"), *max = json_object_get(schema, "maximum");
    const json_t *above = json_object_get(schema, "exclusiveMinimum"),
                 *below = json_object_get(schema, "exclusiveMaximum");
    double value;

    if (!is_number(node, &value))
        return true;
    return (!min || value >= json_number_value(min)) && (!max || value <= json_number_value(max)) &&
           (!above || value > json_number_value(above)) && (!below || value < json_number_value(below));
}

static bool valid_map(const json_t *schema, const ls_config *node)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *others = json_object_get(schema, "additionalProperties");
    const json_t *least = json_object_get(schema, "minProperties"), *most = json_object_get(schema, "maxProperties");
    json_t *key;
    size_t i;

    if ((least && node->count < (size_t)json_integer_value(least)) ||
        (most && node->count > (size_t)json_integer_value(most)))
        return false;
    json_array_foreach(json_object_get(schema, "required"), i,
                       key) if (!ls_config_get(node, json_string_value(key))) return false;
    for (const ls_config *c = node->first; c; c = c->next) {
        const json_t *one = json_object_get(properties, c->key);

        if (one ? !valid(one, c) : json_is_false(others) || (json_is_object(others) && !valid(others, c)))
            return false;
    }
    return true;
}

static bool valid_list(const json_t *schema, const ls_config *node)
{
    const json_t *items = json_object_get(schema, "items");
    const json_t *least = json_object_get(schema, "minItems"), *most = json_object_get(schema, "maxItems");

    if ((least && node->count < (size_t)json_integer_value(least)) ||
        (most && node->count > (size_t)json_integer_value(most)))
        return false;
    for (const ls_config *c = node->first; c && items; c = c->next)
        if (!valid(items, c))
            return false;
    return true;
}

static bool valid(const json_t *schema, const ls_config *node)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const json_t *any = json_object_get(schema, "anyOf"), *values = json_object_get(schema, "enum");
    const json_t *there =
        ref ? json_object_get(json_object_get(root, "definitions"), ref + strlen("#/definitions/")) : NULL;
    bool found = !any;
    json_t *one;
    size_t i;

    if (ref && !there)
        fail_msg("%s leads nowhere", ref);
    if (ref)
        return valid(there, node);
    json_array_foreach(any, i, one) found = found || valid(one, node);
    if (!found || !has_type(json_object_get(schema, "type"), node) || !within(schema, node))
        return false;
    found = !values;
    json_array_foreach(values, i, one) found =
        found || (node->kind == LS_CONFIG_SCALAR && strcmp(node->text, json_string_value(one)) == 0);
    return found && (node->kind != LS_CONFIG_MAP || valid_map(schema, node)) &&
           (node->kind != LS_CONFIG_LIST || valid_list(schema, node));
}

/* ---- the schemas ---- */

static json_t *load(ls_status (*write)(ls_text *))
{
    ls_text text = {0};
    json_t *schema;

    assert_true(ok(write(&text)));
    schema = json_loads(text.data, 0, NULL);
    assert_non_null(schema);
    ls_text_reset(&text);
    return schema;
}

static size_t takes_files(const json_t *schema, const char *folder)
{
    char path[1024];
    DIR *d;
    size_t n = 0;

    snprintf(path, sizeof path, "%s/%s", source_dir, folder);
    d = opendir(path);
    assert_non_null(d);
    root = schema;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        ls_config *tree;

        if (!ls_ends_with(entry->d_name, ".yaml"))
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", source_dir, folder, entry->d_name);
        assert_true(ok(ls_yaml_read(path, &tree)));
        if (!valid(schema, tree))
            fail_msg("%s: the schema refuses what lockstep takes", path);
        ls_config_free(tree);
        n++;
    }
    closedir(d);
    return n;
}

static void take_all_files_of_launch(void **state)
{
    json_t *experiment = load(ls_experiment_schema), *sweep = load(ls_sweep_schema);

    (void)state;
    assert_true(takes_files(experiment, "launch/experiments") > 10);
    assert_true(takes_files(sweep, "launch/sweeps") > 2);
    json_decref(experiment);
    json_decref(sweep);
}

#define MODEL "model: [{dense: {units: 3}}]\n"

/* What holds for one experiment: does lockstep take it? */
static const struct {
    const char *text;
    bool right;
} experiments[] = {
    {MODEL, true},
    {"model: [dense: 64, conv2d: [32, 3], reshape: [28, 28, 1], flatten, Dense: {units: 3}]\n", true},
    {"model: [{name: a, dense: 3, trainable: false}, {dropout: 0.5}, {activation: relu}]\n", true},
    {"model: [{input: {shape: [4]}}, {bidirectional: {layer: {lstm: {units: 3}}}}]\n", true},
    {"model:\n  inputs: {a: {shape: [3]}}\n  layers: [{name: p, dense: 3, inputs: [a]}]\n  outputs: [p]\n", true},
    {MODEL "optimizer: {adam: {lr: 0.1, clipnorm: 1}}\nloss: mse\nmetrics: [mae, {auc: {name: area}}]\n", true},
    {MODEL
     "compile: {optimizer: {sgd: {learning_rate: {exponential_decay: {initial_learning_rate: 0.1, decay_steps: 9, "
     "decay_rate: 0.5}}}}, loss: {huber: {delta: 2, reduction: sum}}}\n",
     true},
    {MODEL "fit: {microbatch: auto, shuffle: {window: 3}, noise_scale: true, class_weight: {0: 2.5}, steps_per_epoch: "
           "null}\n",
     true},
    {MODEL
     "callbacks: [terminate_on_nan, {early_stopping: {patience: 3, monitor: loss}}]\ndistributed: {wire_bits: 40}\n",
     true},
    {MODEL "data: {file: d.h5, memory: 1GB, a: {x: /x, y: {p: /p, q: {path: /q, one_hot: 3}}, rows: [0, 5]}}\n", true},
    {"seed: 1\n", false},
    {"model: [{dence: 3}]\n", false},
    {"model: [dense]\n", false},
    {"model: [{dense: {unitz: 3}}]\n", false},
    {"model: [{dense: 0}]\n", false},
    {"model: [{dense: {units: 3, activation: rellu}}]\n", false},
    {"model: [{dense: {units: 3, use_bias: 7}}]\n", false},
    {"model: [{dropout: 1.5}]\n", false},
    {"model: [{conv2d: {filters: 3}}]\n", false},
    {"model: [{conv2d: {filters: 3, kernel_size: 3, padding: samee}}]\n", false},
    {MODEL "epochs: 3\n", false},
    {MODEL "seed: one\n", false},
    {MODEL "fit: {epoch: 3}\n", false},
    {MODEL "fit: {epochs: 0}\n", false},
    {MODEL "fit: {validation_split: 1}\n", false},
    {MODEL "fit: {shuffle: {windows: 3}}\n", false},
    {MODEL "compile: {optimizer: adamm}\n", false},
    {MODEL "compile: {optimizer: {sgd: {momentun: 0.9}}}\n", false},
    {MODEL "compile: {loss: {sparse: {from_logits: true}}}\n", false},
    {MODEL "compile: {metrics: [acuracy]}\n", false},
    {MODEL "callbacks: [{early_stop: {patience: 3}}]\n", false},
    {MODEL "callbacks: [{early_stopping: {patience: -3}}]\n", false},
    {MODEL "distributed: {reduction: exakt}\n", false},
    {MODEL "distributed: {timeout: -1}\n", false},
    {MODEL "data: {file: d.h5, train: {y: /y}}\n", false},
    {MODEL "data: {file: d.h5, train: {x: /x, rows: [1]}}\n", false},
    {MODEL "data: {file: d.h5, train: {x: {path: /x, onehot: 3}}}\n", false},
};

static void agree_with_the_reader_about_experiments(void **state)
{
    json_t *schema = load(ls_experiment_schema);

    (void)state;
    root = schema;
    for (size_t i = 0; i < sizeof experiments / sizeof experiments[0]; i++) {
        ls_config *tree;
        ls_experiment *experiment = NULL;

        assert_true(ok(ls_yaml_parse(experiments[i].text, strlen(experiments[i].text), "e.yaml", &tree)));
        if (valid(schema, tree) != experiments[i].right)
            fail_msg("the schema %s:\n%s", experiments[i].right ? "refuses" : "takes", experiments[i].text);
        if ((ls_fit_experiment(tree, "e.yaml", &experiment) == LS_OK) != experiments[i].right)
            fail_msg("the reader %s:\n%s%s", experiments[i].right ? "refuses" : "takes", experiments[i].text,
                     ls_error_message());
        ls_experiment_free(experiment);
    }
    json_decref(schema);
}

static void know_every_key_of_fit(void **state)
{
    json_t *schema = load(ls_experiment_schema);
    const json_t *fit = json_object_get(json_object_get(schema, "properties"), "fit"), *keys;

    (void)state;
    keys = json_object_get(json_array_get(json_object_get(fit, "anyOf"), 0), "properties");
    for (const char *const *key = ls_fit_extra_keys; *key; key++)
        if (!json_object_get(keys, *key))
            fail_msg("fit.%s has no schema: add it to fit_schema, src/run/schema.c", *key);
    json_decref(schema);
}

static void refuse_wrong_sweeps(void **state)
{
    static const char *const wrong[] = {
        "grid: {fit.batch_size: [1]}\n", "base: e.yaml\ngrids: {}\n", "base: e.yaml\ngrid: {fit.batch_size: 32}\n",
        "base: e.yaml\nbudget: {epoch: 3}\n", "base: e.yaml\nlearning_rate: {rule: linaer}\n"};
    json_t *schema = load(ls_sweep_schema);

    (void)state;
    root = schema;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ls_config *tree;

        assert_true(ok(ls_yaml_parse(wrong[i], strlen(wrong[i]), "s.yaml", &tree)));
        if (valid(schema, tree))
            fail_msg("the schema takes:\n%s", wrong[i]);
        ls_config_free(tree);
    }
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take_all_files_of_launch),
        cmocka_unit_test(agree_with_the_reader_about_experiments),
        cmocka_unit_test(know_every_key_of_fit),
        cmocka_unit_test(refuse_wrong_sweeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
