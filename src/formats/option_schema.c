#include "formats/option_schema.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 128

json_t *ls_schema_type(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

json_t *ls_schema_either(json_t *a, json_t *b)
{
    if (a && b)
        return json_pack("{s:[o,o]}", "anyOf", a, b);
    json_decref(a);
    json_decref(b);
    return NULL;
}

/* ---- one option ---- */

static bool set_bound(json_t *schema, const char *key, double bound, bool whole)
{
    json_t *value = whole && fabs(bound) < 0x1p53 ? json_integer((json_int_t)bound) : json_real(bound);

    return json_object_set_new(schema, key, value) == 0;
}

/* As the option reader takes the table's bounds: 0,0 means none, and max below min means min alone. */
static json_t *number(const ls_option *option, const char *type)
{
    const bool whole = strcmp(type, "integer") == 0, none = option->min == 0 && option->max == 0;
    const bool has_min = (!none || option->open_min) && option->min > -DBL_MAX && !(none && option->open_max);
    const bool has_max = ((!none && option->max >= option->min) || (none && option->open_max)) && option->max < DBL_MAX;
    json_t *schema = ls_schema_type(type);
    bool good = schema != NULL;

    if (good && has_min)
        good = set_bound(schema, option->open_min ? "exclusiveMinimum" : "minimum", option->min, whole);
    if (good && has_max)
        good = set_bound(schema, option->open_max ? "exclusiveMaximum" : "maximum", option->max, whole);
    if (good)
        return schema;
    json_decref(schema);
    return NULL;
}

/* A number for all, or a list of them; with pairs, also of pairs. */
static json_t *numbers(const ls_option *option, const char *type)
{
    json_t *one = number(option, type), *item = number(option, type), *list, *schema = NULL;

    if (option->nulls)
        item = ls_schema_either(item, ls_schema_type("null"));
    if (option->pairs)
        item = ls_schema_either(item, json_pack("{s:s,s:o}", "type", "array", "items", number(option, type)));
    list = item ? json_pack("{s:s,s:o}", "type", "array", "items", item) : NULL;
    schema = ls_schema_either(one, list);
    return schema;
}

static json_t *choices(const char *const *choice)
{
    json_t *list = json_array();
    bool good = list != NULL;

    for (; good && *choice; choice++)
        good = json_array_append_new(list, json_string(*choice)) == 0;
    if (good)
        return json_pack("{s:o}", "enum", list);
    json_decref(list);
    return NULL;
}

static json_t *bare_option(ls_schema *schema, const ls_option *option)
{
    switch (option->kind) {
    case LS_OPTION_INT:
        return number(option, "integer");
    case LS_OPTION_FLOAT:
        return number(option, "number");
    case LS_OPTION_BOOL:
        return ls_schema_type("boolean");
    case LS_OPTION_CHOICE:
        return choices(option->choices);
    case LS_OPTION_INTS:
        return numbers(option, "integer");
    case LS_OPTION_FLOATS:
        return numbers(option, "number");
    case LS_OPTION_TEXT:
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    case LS_OPTION_COMPONENT:
        return ls_schema_component(schema, option->registry, true);
    }
    return NULL;
}

json_t *ls_schema_option(ls_schema *schema, const ls_option *option)
{
    json_t *bare = bare_option(schema, option);
    const bool nullable = option->nullable || (option->initial && strcmp(option->initial, "null") == 0);

    if (!bare || option->kind == LS_OPTION_COMPONENT || !nullable)
        return bare;
    return ls_schema_either(bare, ls_schema_type("null"));
}

/* ---- arguments ---- */

size_t ls_schema_required(const ls_ops *ops)
{
    size_t n = 0;

    while (ops->options && ops->options[n].name && !ops->options[n].initial && !ops->options[n].nullable)
        n++;
    return n;
}

/* {"type": "object", "properties": {…}, "required": […], "additionalProperties": false} */
static json_t *arguments_map(ls_schema *schema, const ls_registry *registry, const ls_ops *ops)
{
    json_t *properties = json_object(), *required = json_array();
    bool good = properties && required;

    for (const ls_option *o = ops->options; good && o && o->name; o++) {
        good = json_object_set_new(properties, o->name, ls_schema_option(schema, o)) == 0;
        if (good && !o->initial && !o->nullable)
            good = json_array_append_new(required, json_string(o->name)) == 0;
    }
    if (good && schema->extra)
        good = schema->extra(schema, registry, ops, properties);
    if (good)
        return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties, "required", required,
                         "additionalProperties", 0);
    json_decref(properties);
    json_decref(required);
    return NULL;
}

json_t *ls_schema_arguments(ls_schema *schema, const ls_registry *registry, const ls_ops *ops)
{
    json_t *map = arguments_map(schema, registry, ops);

    return ls_schema_required(ops) > 0 ? map : ls_schema_either(map, ls_schema_type("null"));
}

/* ---- components ---- */

bool ls_schema_add_names(const ls_ops *ops, json_t *list)
{
    bool good = json_array_append_new(list, json_string(ops->name)) == 0;

    if (good && ops->keras_name && strcmp(ops->keras_name, ops->name) != 0)
        good = json_array_append_new(list, json_string(ops->keras_name)) == 0;
    for (const char *const *alias = ops->aliases; good && alias && *alias; alias++)
        good = json_array_append_new(list, json_string(*alias)) == 0;
    return good;
}

static json_t *reference(const char *name)
{
    char path[2 * NAME_BYTES + 32];

    snprintf(path, sizeof path, "#/definitions/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

/* "loss", "learning-rate_schedule", "layer_2": the name of a registry's definition. */
static void name_registry(const ls_schema *schema, size_t index, char out[NAME_BYTES])
{
    size_t before = 0;

    for (size_t i = 0; i < index; i++)
        before += strcmp(schema->registry[i]->what, schema->registry[index]->what) == 0;
    if (before)
        snprintf(out, NAME_BYTES, "%s_%zu", schema->registry[index]->what, before + 1);
    else
        snprintf(out, NAME_BYTES, "%s", schema->registry[index]->what);
    for (char *c = out; *c; c++)
        *c = *c == ' ' ? '_' : *c;
}

/* Its arguments become a definition of their own; all its names lead there. */
static bool add_entry(ls_schema *schema, const ls_registry *registry, const char *kind, const ls_ops *ops,
                      json_t *names, json_t *properties)
{
    json_t *spelled = json_array(), *name;
    char path[2 * NAME_BYTES];
    size_t i;
    bool good = spelled && ls_schema_add_names(ops, spelled);

    snprintf(path, sizeof path, "%s.%.100s", kind, ops->name);
    if (good)
        good = json_object_set_new(schema->definitions, path, ls_schema_arguments(schema, registry, ops)) == 0;
    json_array_foreach(spelled, i, name)
    {
        good = good && json_object_set_new(properties, json_string_value(name), reference(path)) == 0;
        if (good && ls_schema_required(ops) == 0)
            good = json_array_append(names, name) == 0;
    }
    json_decref(spelled);
    return good;
}

static json_t *define(ls_schema *schema, const ls_registry *registry, const char *kind)
{
    json_t *names = json_array(), *properties = json_object(), *classes = json_array();
    bool good = names && properties && classes;

    for (const ls_ops *const *entry = registry->entries; good && *entry; entry++)
        good = add_entry(schema, registry, kind, *entry, names, properties) && ls_schema_add_names(*entry, classes);
    if (good)
        return json_pack("{s:[{s:o},{s:s,s:o,s:i,s:i,s:b},{s:s,s:{s:{s:o},s:{s:[s,s]}},s:[s]}]}", "anyOf", "enum",
                         names, "type", "object", "properties", properties, "minProperties", 1, "maxProperties", 1,
                         "additionalProperties", 0, "type", "object", "properties", "class_name", "enum", classes,
                         "config", "type", "object", "null", "required", "class_name");
    json_decref(names);
    json_decref(properties);
    json_decref(classes);
    return NULL;
}

json_t *ls_schema_component(ls_schema *schema, const ls_registry *registry, bool or_null)
{
    char name[NAME_BYTES];
    size_t i = 0;

    while (i < schema->registries && schema->registry[i] != registry)
        i++;
    if (i == LS_SCHEMA_REGISTRIES_MAX)
        return NULL;
    if (i == schema->registries) { /* before its entries, which may name it themselves */
        schema->registry[schema->registries++] = registry;
        name_registry(schema, i, name);
        if (json_object_set_new(schema->definitions, name, define(schema, registry, name)) != 0)
            return NULL;
    }
    name_registry(schema, i, name);
    return or_null ? ls_schema_either(reference(name), ls_schema_type("null")) : reference(name);
}
