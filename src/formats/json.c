#include "formats/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- reading ---- */

/* The text of a float keeps a point or an exponent, so that it stays a float. */
static void format_float(double value, char *out, size_t bytes)
{
    size_t length;

    ls_format_double(value, out, bytes);
    length = strlen(out);
    if (!strpbrk(out, ".eE") && length + 3 <= bytes)
        memcpy(out + length, ".0", 3);
}

static ls_config_kind kind_of(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return LS_CONFIG_MAP;
    case JSON_ARRAY:
        return LS_CONFIG_LIST;
    case JSON_NULL:
        return LS_CONFIG_NULL;
    default:
        return LS_CONFIG_SCALAR;
    }
}

/* Contents into a node that already has its kind. */
static ls_status take_value(const json_t *json, ls_config *node)
{
    char number[32];
    const char *key, *text = NULL;
    json_t *value;
    size_t i;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)json, key, value)
        {
            ls_config *child = ls_config_add(node, key, kind_of(value), NULL);

            LS_TRY(child ? take_value(value, child) : LS_ERR_MEMORY);
        }
        return LS_OK;
    case JSON_ARRAY:
        json_array_foreach(json, i, value)
        {
            ls_config *child = ls_config_add(node, NULL, kind_of(value), NULL);

            LS_TRY(child ? take_value(value, child) : LS_ERR_MEMORY);
        }
        return LS_OK;
    case JSON_NULL:
        return LS_OK;
    case JSON_STRING:
        text = json_string_value(json);
        node->quoted = true;
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        text = number;
        break;
    case JSON_REAL:
        format_float(json_real_value(json), number, sizeof number);
        text = number;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        text = json_is_true(json) ? "true" : "false";
        break;
    }
    return (node->text = ls_strdup(text)) ? LS_OK : LS_ERR_MEMORY;
}

ls_status ls_json_parse(const char *text, size_t bytes, const char *name, ls_config **out)
{
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    ls_config *root = NULL;
    ls_status st;

    *out = NULL;
    if (!json)
        return ls_fail(LS_ERR_FORMAT, "%s:%d:%d: not valid JSON: %s", name, error.line, error.column, error.text);
    root = ls_config_create(kind_of(json), name);
    st = root ? take_value(json, root) : LS_ERR_MEMORY;
    if (st == LS_OK) {
        *out = root;
        root = NULL;
    }
    ls_config_free(root);
    json_decref(json);
    return st;
}

/* ---- components ---- */

static json_t *float_to_json(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

/* nulls: 0 stands for null. */
static json_t *list_to_json(const ls_ints *ints, const ls_floats *floats, bool nulls)
{
    const size_t n = ints ? ints->count : floats->count;
    json_t *list = json_array();

    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, ints && nulls && !ints->value[i] ? json_null()
                                        : ints                           ? json_integer(ints->value[i])
                                                                         : float_to_json(floats->value[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* [[1, 2], [0, 1]]; one pair alone is [1, 2]. */
static json_t *pairs_to_json(const ls_ints *ints)
{
    json_t *list = json_array();

    if (ints->count == 2) {
        json_decref(list);
        return list_to_json(ints, NULL, false);
    }
    for (size_t i = 0; list && i + 1 < ints->count; i += 2)
        if (json_array_append_new(list,
                                  json_pack("[I, I]", (json_int_t)ints->value[i], (json_int_t)ints->value[i + 1]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *option_to_json(const ls_option *option, const void *at)
{
    switch (option->kind) {
    case LS_OPTION_INT:
        return option->nullable && *(const int64_t *)at < (int64_t)option->min ? json_null()
                                                                               : json_integer(*(const int64_t *)at);
    case LS_OPTION_FLOAT:
        return float_to_json(*(const double *)at);
    case LS_OPTION_BOOL:
        return json_boolean(*(const bool *)at);
    case LS_OPTION_CHOICE:
        return json_string(option->choices[*(const int *)at]);
    case LS_OPTION_INTS:
        if (option->pairs)
            return pairs_to_json(at);
        return option->nullable && !((const ls_ints *)at)->count ? json_null() : list_to_json(at, NULL, option->nulls);
    case LS_OPTION_FLOATS:
        return option->nullable && !((const ls_floats *)at)->count ? json_null() : list_to_json(NULL, at, false);
    case LS_OPTION_TEXT:
        return option->nullable && !*(const char *)at ? json_null() : json_string(at);
    case LS_OPTION_COMPONENT:
        return ls_component_to_json(at);
    }
    return NULL;
}

json_t *ls_component_config_to_json(const ls_component *component)
{
    json_t *config = json_object();

    for (const ls_option *option = component->ops->options; config && option && option->name; option++) {
        const void *at = (const char *)component->config + option->offset;

        if (json_object_set_new(config, option->name, option_to_json(option, at))) {
            json_decref(config);
            return NULL;
        }
    }
    return config;
}

json_t *ls_component_to_json(const ls_component *component)
{
    const ls_ops *ops = component->ops;

    if (!ops)
        return json_null();
    if (!ops->keras_name || !ops->options || !ops->options->name)
        return json_string(ops->name);
    return json_pack("{s:s, s:o}", "class_name", ops->keras_name, "config", ls_component_config_to_json(component));
}

/* ---- writing ---- */

static void write_string(const char *string, ls_text *out)
{
    json_t *json = json_string(string);
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    if (text)
        ls_text_add(out, "%s", text);
    else if (out->status == LS_OK)
        out->status = ls_fail(LS_ERR_MEMORY, "out of memory writing JSON");
    free(text);
    json_decref(json);
}

static void write_value(const json_t *json, ls_text *out)
{
    char number[32];
    const char *key;
    json_t *value;
    size_t i, n = 0;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        ls_text_add(out, "{");
        json_object_foreach((json_t *)json, key, value)
        {
            ls_text_add(out, n++ ? ", " : "");
            write_string(key, out);
            ls_text_add(out, ": ");
            write_value(value, out);
        }
        ls_text_add(out, "}");
        return;
    case JSON_ARRAY:
        ls_text_add(out, "[");
        json_array_foreach(json, i, value)
        {
            ls_text_add(out, i ? ", " : "");
            write_value(value, out);
        }
        ls_text_add(out, "]");
        return;
    case JSON_STRING:
        write_string(json_string_value(json), out);
        return;
    case JSON_INTEGER:
        ls_text_add(out, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        return;
    case JSON_REAL:
        format_float(json_real_value(json), number, sizeof number);
        ls_text_add(out, "%s", number);
        return;
    case JSON_TRUE:
        ls_text_add(out, "true");
        return;
    case JSON_FALSE:
        ls_text_add(out, "false");
        return;
    case JSON_NULL:
        ls_text_add(out, "null");
        return;
    }
}

ls_status ls_json_write(const json_t *json, ls_text *out)
{
    if (!json)
        return ls_fail(LS_ERR_MEMORY, "out of memory building JSON");
    write_value(json, out);
    return out->status;
}
