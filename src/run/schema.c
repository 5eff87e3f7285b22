#include "run/schema.h"

#include <string.h>

#include "experiment/distributed_options.h"
#include "experiment/experiment.h"
#include "experiment/fit_options.h"
#include "formats/json.h"
#include "formats/option_schema.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/model_description.h"
#include "run/callback_spec.h"

json_t *ls_schema_of_keys(const char *const *keys, json_t *const *schemas, size_t n)
{
    json_t *properties = json_object();
    bool good = properties != NULL;

    for (size_t i = 0; i < n; i++)
        good = json_object_set_new(properties, keys[i], schemas[i]) == 0 && good;
    if (good)
        return json_pack("{s:s,s:o,s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    json_decref(properties);
    return NULL;
}

ls_status ls_schema_write(const char *title, json_t *definitions, json_t *schema, ls_text *out)
{
    json_t *whole = schema && definitions
                        ? json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", title)
                        : NULL;
    ls_status st;

    if (whole && (json_object_update(whole, schema) != 0 || json_object_set(whole, "definitions", definitions) != 0)) {
        json_decref(whole);
        whole = NULL;
    }
    st = ls_json_write(whole, out);
    ls_text_add(out, "\n");
    json_decref(whole);
    json_decref(schema);
    json_decref(definitions);
    return st == LS_OK ? out->status : st;
}

/* ---- small pieces ---- */

static json_t *text(void)
{
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *whole_number(json_int_t least)
{
    return json_pack("{s:s,s:I}", "type", "integer", "minimum", least);
}

static json_t *list_of(json_t *item)
{
    return item ? json_pack("{s:s,s:o}", "type", "array", "items", item) : NULL;
}

static json_t *map_of(json_t *value)
{
    return value ? json_pack("{s:s,s:o}", "type", "object", "additionalProperties", value) : NULL;
}

static json_t *or_null(json_t *schema)
{
    return ls_schema_either(schema, ls_schema_type("null"));
}

static json_t *define(ls_schema *s, const char *name, json_t *schema)
{
    char path[96] = "#/definitions/";

    if (json_object_set_new(s->definitions, name, schema) != 0)
        return NULL;
    strncat(path, name, sizeof path - strlen(path) - 1);
    return json_pack("{s:s}", "$ref", path);
}

/* ---- what arguments are besides those of a table ---- */

static bool put(json_t *properties, const char *key, json_t *schema)
{
    return json_object_set_new(properties, key, schema) == 0;
}

static bool add_optimizer_arguments(ls_schema *s, json_t *properties)
{
    bool good = true;

    for (const ls_option *o = ls_optimizer_common_options; good && o->name; o++)
        good = put(properties, o->name, ls_schema_option(s, o));
    for (int i = 0; good && i < 2; i++)
        good = put(properties, i ? "lr" : "learning_rate",
                   ls_schema_either(json_pack("{s:s,s:i}", "type", "number", "minimum", 0),
                                    ls_schema_component(s, &ls_schedules, true)));
    return good;
}

static bool add_arguments(ls_schema *s, const ls_registry *registry, const ls_ops *ops, json_t *properties)
{
    bool good = true;

    if (registry == &ls_optimizers)
        return add_optimizer_arguments(s, properties);
    if (registry == &ls_losses)
        return put(properties, "reduction",
                   json_pack("{s:[s,s,s,s]}", "enum", "sum", "sum_over_batch_size", "mean", "auto"));
    if (registry == &ls_metrics)
        return put(properties, "name", text());
    if (registry == &ls_callback_registry)
        for (const char *const *name = ((const ls_callback_ops *)ops)->texts; good && name && *name; name++)
            good = put(properties, *name, json_object());
    if (registry && strcmp(registry->what, "layer") == 0)
        good = put(properties, "name", text()) && put(properties, "trainable", ls_schema_type("boolean"));
    return good;
}

/* ---- data ---- */

static json_t *array_schema(ls_schema *s)
{
    static const char *const keys[] = {"path", "file", "one_hot", "scale", "offset", "channels_first"};
    json_t *values[] = {ls_schema_type("string"), ls_schema_type("string"), whole_number(2),
                        ls_schema_type("number"), ls_schema_type("number"), ls_schema_type("boolean")};
    json_t *map = ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]);

    if (map && json_object_set_new(map, "required", json_pack("[s]", "path")) != 0)
        return NULL;
    return define(s, "array", ls_schema_either(ls_schema_type("string"), map));
}

/* A path, or {path: …}, or a map of those by input or output. */
static json_t *arrays_schema(ls_schema *s)
{
    json_t *array = array_schema(s);

    return array ? define(s, "arrays", ls_schema_either(json_incref(array), map_of(array))) : NULL;
}

static json_t *split_schema(ls_schema *s)
{
    static const char *const keys[] = {"x", "y", "sample_weight", "rows", "file"};
    json_t *arrays = arrays_schema(s), *map;
    json_t *values[] = {
        arrays, json_incref(arrays), json_incref(arrays),
        json_pack("{s:s,s:i,s:i,s:o}", "type", "array", "minItems", 2, "maxItems", 2, "items", whole_number(0)),
        text()};

    map = ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]);
    if (map && json_object_set_new(map, "required", json_pack("[s]", "x")) != 0)
        return NULL;
    return define(s, "split", map);
}

static json_t *data_schema(ls_schema *s)
{
    static const char *const keys[] = {"file", "memory", "links", "unwritten"};
    json_t *split = split_schema(s);
    json_t *values[] = {text(), text(), json_pack("{s:[s,s]}", "enum", "below", "any"),
                        json_pack("{s:[s,s]}", "enum", "error", "fill")};
    json_t *map = ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]);

    if (!map || !split || json_object_set_new(map, "additionalProperties", split) != 0)
        return NULL;
    return ls_schema_either(ls_schema_type("string"), map);
}

/* ---- the model ---- */

/* TYPE: ARGUMENTS, or what must be written, by its place. */
static json_t *layer_arguments(ls_schema *s, const ls_ops *ops)
{
    const size_t n = ls_schema_required(ops);
    const ls_option *first = ops->options;
    json_t *map = ls_schema_arguments(s, &ls_layers, ops), *list;

    if (n == 0)
        return map;
    map = ls_schema_either(map, ls_schema_option(s, first));
    if (n == 1 || first->kind == LS_OPTION_INTS || first->kind == LS_OPTION_FLOATS)
        return map;
    list = json_pack("{s:s,s:i,s:I}", "type", "array", "minItems", 1, "maxItems", (json_int_t)n);
    return ls_schema_either(map, list);
}

/* A model in the place of a layer: its own layers, those of a file, or a named block. */
static json_t *inner_model_schema(ls_schema *s)
{
    static const char *const keys[] = {"name",   "trainable", "inputs", "layers", "outputs",
                                       "repeat", "until",     "file",   "block",  "weights"};
    json_t *values[] = {text(),
                        ls_schema_type("boolean"),
                        map_of(ls_schema_arguments(s, NULL, &ls_input_layer.ops)),
                        list_of(json_pack("{s:s}", "$ref", "#/definitions/entry")),
                        ls_schema_either(text(), list_of(text())),
                        whole_number(1),
                        text(),
                        text(),
                        text(),
                        ls_schema_type("boolean")};

    return ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]);
}

/* An entry of a list of layers. */
static json_t *entry_schema(ls_schema *s)
{
    json_t *properties = json_object(), *names = json_array(), *map;
    bool good = properties && names && put(properties, "name", text()) &&
                put(properties, "trainable", ls_schema_type("boolean")) && put(properties, "shares", text()) &&
                put(properties, "inputs", ls_schema_either(text(), list_of(text()))) &&
                put(properties, "input", ls_schema_arguments(s, NULL, &ls_input_layer.ops)) &&
                put(properties, "model", inner_model_schema(s));

    for (const ls_ops *const *entry = ls_layers.entries; good && *entry; entry++) {
        json_t *spelled = json_array(), *name;
        size_t i;

        good = spelled && ls_schema_add_names(*entry, spelled);
        json_array_foreach(spelled, i, name)
        {
            good = good && put(properties, json_string_value(name), layer_arguments(s, *entry));
            if (good && ls_schema_required(*entry) == 0)
                good = json_array_append(names, name) == 0;
        }
        json_decref(spelled);
    }
    map = good ? json_pack("{s:s,s:o,s:i,s:b}", "type", "object", "properties", properties, "minProperties", 1,
                           "additionalProperties", 0)
               : NULL;
    return map ? define(s, "entry", ls_schema_either(json_pack("{s:o}", "enum", names), map)) : NULL;
}

/* Named models: lists of layers, or graphs whose inputs need no shape. */
static json_t *blocks_schema(ls_schema *s)
{
    static const char *const keys[] = {"inputs", "layers", "outputs"};
    json_t *list = list_of(json_pack("{s:s}", "$ref", "#/definitions/entry"));
    json_t *values[] = {map_of(ls_schema_arguments(s, NULL, &ls_input_layer.ops)), list ? json_incref(list) : NULL,
                        ls_schema_either(text(), list_of(text()))};

    return or_null(map_of(ls_schema_either(list, ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]))));
}

static json_t *model_schema(ls_schema *s)
{
    static const char *const file_keys[] = {"file"}, *const keys[] = {"inputs", "layers", "outputs"};
    json_t *entry = entry_schema(s), *list = list_of(entry), *file, *graph;
    json_t *values[] = {map_of(ls_schema_arguments(s, NULL, &ls_input_layer.ops)), list_of(json_incref(entry)),
                        ls_schema_either(text(), list_of(text()))};

    file = ls_schema_of_keys(file_keys, (json_t *[]){text()}, 1);
    graph = ls_schema_of_keys(keys, values, 3);
    if (!file || !graph || json_object_set_new(file, "required", json_pack("[s]", "file")) != 0 ||
        json_object_set_new(graph, "required", json_pack("[s,s,s]", "inputs", "layers", "outputs")) != 0)
        return NULL;
    return ls_schema_either(list, ls_schema_either(file, graph));
}

/* ---- compile and fit ---- */

/* One for all outputs, a list in their order, or a map of their names. */
static json_t *by_output(json_t *one)
{
    json_t *several =
        one ? ls_schema_either(list_of(or_null(json_incref(one))), map_of(or_null(json_incref(one)))) : NULL;

    return ls_schema_either(one, several);
}

static json_t *metrics_schema(ls_schema *s)
{
    json_t *one = ls_schema_component(s, &ls_metrics, true), *list;

    list = one ? ls_schema_either(one, list_of(json_incref(one))) : NULL;
    return by_output(list);
}

/* Of the keys of compile, in their order. */
static bool add_compile(ls_schema *s, json_t *properties)
{
    return put(properties, "optimizer", ls_schema_component(s, &ls_optimizers, true)) &&
           put(properties, "loss", or_null(by_output(ls_schema_component(s, &ls_losses, false)))) &&
           put(properties, "loss_weights", or_null(by_output(ls_schema_type("number")))) &&
           put(properties, "metrics", metrics_schema(s)) && put(properties, "weighted_metrics", metrics_schema(s));
}

static json_t *compile_schema(ls_schema *s)
{
    json_t *map = ls_schema_of_keys(NULL, NULL, 0);

    return map && add_compile(s, json_object_get(map, "properties")) ? or_null(map) : NULL;
}

static json_t *callbacks_schema(ls_schema *s)
{
    return or_null(list_of(ls_schema_component(s, &ls_callback_registry, false)));
}

static json_t *auto_or(json_t *schema)
{
    return or_null(ls_schema_either(json_pack("{s:[s]}", "enum", "auto"), schema));
}

static json_t *map_or_bool(const char *a, json_t *of_a, const char *b, json_t *of_b)
{
    const char *const keys[] = {a, b};
    json_t *values[] = {of_a, of_b};

    return or_null(ls_schema_either(ls_schema_type("boolean"), ls_schema_of_keys(keys, values, b ? 2 : 1)));
}

/* The table, ls_fit_extra_keys, and callbacks, which are put where they belong. */
static json_t *fit_schema(ls_schema *s)
{
    json_t *map = ls_schema_arguments(s, NULL, &ls_fit_ops);
    json_t *properties = json_object_get(json_array_get(json_object_get(map, "anyOf"), 0), "properties");
    const struct {
        const char *key;
        json_t *schema;
    } extra[] = {
        {"microbatch", auto_or(whole_number(1))},
        {"validation_data", or_null(text())},
        {"class_weight",
         ls_schema_either(json_pack("{s:[s]}", "enum", "balanced"), or_null(map_of(ls_schema_type("number"))))},
        {"noise_scale",
         map_or_bool("decay",
                     json_pack("{s:s,s:i,s:i}", "type", "number", "exclusiveMinimum", 0, "exclusiveMaximum", 1), NULL,
                     NULL)},
        {"shuffle", map_or_bool("window", whole_number(1), "chunk", or_null(whole_number(1)))},
        {"checkpoint_seconds", auto_or(json_pack("{s:s,s:i}", "type", "number", "minimum", 0))},
        {"callbacks", callbacks_schema(s)},
    };

    for (size_t i = 0; properties && i < sizeof extra / sizeof extra[0]; i++)
        if (!put(properties, extra[i].key, extra[i].schema))
            return NULL;
    return properties ? map : NULL;
}

static json_t *distributed_schema(ls_schema *s)
{
    json_t *map = ls_schema_arguments(s, NULL, &ls_distributed_ops);
    json_t *properties = json_object_get(json_array_get(json_object_get(map, "anyOf"), 0), "properties");

    return properties && put(properties, "blas_kernel", or_null(text())) ? map : NULL;
}

static json_t *initial_weights_schema(void)
{
    const char *const keys[] = {"file", "optimizer"};
    json_t *values[] = {text(), ls_schema_type("boolean")};
    json_t *map = ls_schema_of_keys(keys, values, sizeof keys / sizeof keys[0]);

    return or_null(ls_schema_either(text(), map));
}

ls_status ls_experiment_schema(ls_text *out)
{
    ls_schema s = {.definitions = json_object(), .extra = add_arguments};
    json_t *root = s.definitions ? ls_schema_of_keys(NULL, NULL, 0) : NULL;
    json_t *properties = json_object_get(root, "properties");
    const bool good =
        properties && put(properties, "name", or_null(text())) && put(properties, "seed", whole_number(0)) &&
        put(properties, "initial_weights", initial_weights_schema()) &&
        put(properties, "data", or_null(data_schema(&s))) && put(properties, "model", model_schema(&s)) &&
        put(properties, "blocks", blocks_schema(&s)) && put(properties, "compile", compile_schema(&s)) &&
        add_compile(&s, properties) && put(properties, "fit", fit_schema(&s)) &&
        put(properties, "callbacks", callbacks_schema(&s)) && put(properties, "distributed", distributed_schema(&s)) &&
        put(properties, "output", or_null(text())) &&
        json_object_set_new(root, "required", json_pack("[s]", "model")) == 0;

    return ls_schema_write("an experiment of lockstep", s.definitions, good ? root : NULL, out);
}
