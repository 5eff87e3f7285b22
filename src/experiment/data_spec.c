#include "experiment/data_spec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/failures.h"
#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"

/* The numbers of {path: …, one_hot: 10, scale: 2, …}. */
static ls_status read_numbers(const ls_config *node, ls_array_spec *out)
{
    const ls_config *one_hot = ls_config_get(node, "one_hot"), *scale = ls_config_get(node, "scale");
    const ls_config *offset = ls_config_get(node, "offset"), *first = ls_config_get(node, "channels_first");
    ls_failures all = {0};

    if (one_hot)
        LS_GATHER(&all, ls_config_int(one_hot, "one_hot", 2, 1 << 24, &out->one_hot));
    if (scale)
        LS_GATHER(&all, ls_config_float(scale, "scale", -1e30, 1e30, &out->scale));
    if (offset)
        LS_GATHER(&all, ls_config_float(offset, "offset", -1e30, 1e30, &out->offset));
    if (first)
        LS_GATHER(&all, ls_config_bool(first, "channels_first", &out->channels_first));
    return ls_failures_end(&all);
}

static ls_status read_path(const ls_config *node, const char *where, ls_array_spec *out)
{
    const char *text;

    LS_TRY(ls_config_text(node, where, &text));
    return (out->path = ls_strdup(text)) ? LS_OK : LS_ERR_MEMORY;
}

/* file: of the split or of all data, if this array names none of its own. */
static ls_status read_file(const char *base, const ls_config *node, const char *file, const char *where,
                           ls_array_spec *out)
{
    const ls_config *own = ls_config_get(node, "file");
    const char *text;

    if (own) {
        LS_TRY(ls_config_text(own, where, &text));
        out->file = ls_path_beside(base, text);
    } else if (file) {
        out->file = ls_strdup(file);
    } else {
        return ls_config_fail(node, "%s: no file is named: add 'file: ...' to data", where);
    }
    return out->file ? LS_OK : LS_ERR_MEMORY;
}

static ls_status read_array(const char *base, const ls_config *node, const char *file, const char *where,
                            ls_array_spec *out)
{
    static const char *const keys[] = {"path", "file", "one_hot", "scale", "offset", "channels_first"};
    ls_config *path = NULL;
    ls_failures all = {0};

    *out = (ls_array_spec){.scale = NAN, .offset = NAN, .at = node};
    if (node->kind == LS_CONFIG_MAP) {
        LS_GATHER(&all, ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], where));
        LS_GATHER(&all, ls_config_need(node, "path", where, &path));
        LS_GATHER(&all, read_numbers(node, out));
    }
    if (path || node->kind != LS_CONFIG_MAP)
        LS_GATHER(&all, read_path(path ? path : node, where, out));
    LS_GATHER(&all, read_file(base, node, file, where, out));
    return ls_failures_end(&all);
}

/* A path, an array ({path: ...}), or a map from input or output names to those. */
static ls_status read_arrays(const char *base, const ls_config *node, const char *file, const char *where,
                             ls_array_spec **out, size_t *n)
{
    const bool named = node->kind == LS_CONFIG_MAP && !ls_config_get(node, "path");
    const ls_config *c = named ? node->first : node;
    ls_failures all = {0};

    if (named && !node->count)
        return ls_config_fail(node, "%s names no arrays", where);
    if (!(*out = ls_calloc(named ? node->count : 1, sizeof **out, "the arrays of a split")))
        return LS_ERR_MEMORY;
    for (; c; c = named ? c->next : NULL) {
        ls_array_spec *spec = &(*out)[(*n)++];

        LS_GATHER(&all, read_array(base, c, file, where, spec));
        if (named && !(spec->name = ls_strdup(c->key)))
            LS_GATHER(&all, LS_ERR_MEMORY);
    }
    return ls_failures_end(&all);
}

/* rows: [begin, end) */
static ls_status read_rows(const ls_config *node, const char *where, ls_split_spec *split)
{
    int64_t value[2] = {0, 0};
    size_t i = 0;

    if (node->kind != LS_CONFIG_LIST || node->count != 2)
        return ls_config_fail(node, "%s: rows is a pair, [begin, end)", where);
    for (const ls_config *c = node->first; c; c = c->next)
        LS_TRY(ls_config_int(c, "rows", 0, INT64_MAX, &value[i++]));
    if (value[0] >= value[1])
        return ls_config_fail(node, "%s: rows [%lld, %lld) holds no sample", where, (long long)value[0],
                              (long long)value[1]);
    split->has_rows = true;
    split->rows[0] = (uint64_t)value[0];
    split->rows[1] = (uint64_t)value[1];
    return LS_OK;
}

static ls_status read_parts(const char *base, const ls_config *node, const char *file, const char *where,
                            ls_split_spec *split)
{
    static const char *const keys[] = {"x", "y", "sample_weight", "rows", "file"};
    const ls_config *rows = ls_config_get(node, "rows"), *y = ls_config_get(node, "y");
    const ls_config *weight = ls_config_get(node, "sample_weight");
    ls_failures all = {0};
    ls_config *x;

    LS_GATHER(&all, ls_config_check_keys(node, keys, sizeof keys / sizeof keys[0], where));
    if (rows)
        LS_GATHER(&all, read_rows(rows, where, split));
    LS_GATHER(&all, ls_config_need(node, "x", where, &x));
    if (!ls_config_is_null(x))
        LS_GATHER(&all, read_arrays(base, x, file, where, &split->x, &split->xs));
    if (y)
        LS_GATHER(&all, read_arrays(base, y, file, where, &split->y, &split->ys));
    if (weight)
        LS_GATHER(&all, read_arrays(base, weight, file, where, &split->sample_weight, &split->weights));
    return ls_failures_end(&all);
}

static ls_status read_split(const char *base, const ls_config *node, const char *file, ls_split_spec *split)
{
    const ls_config *own_file = ls_config_get(node, "file");
    char *path = NULL, where[96];
    const char *text;
    ls_status st;

    split->at = node;
    snprintf(where, sizeof where, "data.%.80s", node->key);
    if (!(split->name = ls_strdup(node->key)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, where));
    if (own_file) {
        LS_TRY(ls_config_text(own_file, where, &text));
        if (!(path = ls_path_beside(base, text)))
            return LS_ERR_MEMORY;
    }
    st = read_parts(base, node, path ? path : file, where, split);
    ls_free(path);
    return st;
}

ls_status ls_bytes_parse(const char *text, const char *where, uint64_t *out)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                 {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    char *unit;
    double value = ls_parse_double(text, &unit);

    if (unit == text || !(value > 0))
        return ls_fail(LS_ERR_CONFIG, "%s is a size like 512MB or 1.5GiB, not '%s'", where, text);
    unit += strspn(unit, " ");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            value *= units[i].bytes;
            if (!(value >= 1 && value < 0x1p62))
                return ls_fail(LS_ERR_CONFIG, "%s: '%s' is no size of memory", where, text);
            *out = (uint64_t)value;
            return LS_OK;
        }
    return ls_fail(LS_ERR_CONFIG, "%s: '%s' has no known unit; there are B, KB, MB, GB, TB, KiB, MiB, GiB and TiB",
                   where, text);
}

static ls_status read_memory(const ls_config *node, uint64_t *out)
{
    const char *text;

    LS_TRY(ls_config_text(node, "data.memory", &text));
    return ls_bytes_parse(text, "data.memory", out) == LS_OK ? LS_OK : ls_config_fail(node, "%s", ls_error_message());
}

static ls_status parse_word(const char *text, const char *where, const char *no, const char *yes, bool *out)
{
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0
               ? LS_OK
               : ls_fail(LS_ERR_USAGE, "%s is '%.40s'; it must be %s or %s", where, text, no, yes);
}

ls_status ls_links_parse(const char *text, const char *where, bool *any)
{
    return parse_word(text, where, "below", "any", any);
}

ls_status ls_unwritten_parse(const char *text, const char *where, bool *fill)
{
    return parse_word(text, where, "error", "fill", fill);
}

static ls_status read_word(const ls_config *node, const char *where,
                           ls_status (*parse)(const char *, const char *, bool *), bool *out)
{
    const char *text;

    if (ls_config_is_null(node))
        return LS_OK;
    LS_TRY(ls_config_text(node, where, &text));
    return parse(text, where, out) == LS_OK ? LS_OK : ls_config_fail(node, "%s", ls_error_message());
}

/* Of all arrays, once all are known. */
static void set_rules(ls_data_spec *out)
{
    for (size_t i = 0; i < out->splits; i++) {
        ls_split_spec *const s = &out->split[i];

        for (size_t k = 0; k < s->xs; k++)
            s->x[k].rules = out->rules;
        for (size_t k = 0; k < s->ys; k++)
            s->y[k].rules = out->rules;
        for (size_t k = 0; k < s->weights; k++)
            s->sample_weight[k].rules = out->rules;
    }
}

ls_status ls_data_spec_read(const ls_config *data, const char *base, ls_data_spec *out)
{
    const ls_config *file_node = ls_config_get(data, "file"), *memory = ls_config_get(data, "memory");
    const ls_config *links = ls_config_get(data, "links"), *unwritten = ls_config_get(data, "unwritten");
    ls_failures all = {0};
    char *file = NULL;

    LS_TRY(ls_config_expect(data, LS_CONFIG_MAP, "data"));
    if (!(out->split = ls_calloc(data->count, sizeof *out->split, "the splits")))
        return LS_ERR_MEMORY;
    if (file_node) {
        const char *text;

        LS_TRY(ls_config_text(file_node, "data.file", &text));
        if (!(file = ls_path_beside(base, text)))
            return LS_ERR_MEMORY;
    }
    if (!ls_config_is_null(memory))
        ls_failures_add(&all, read_memory(memory, &out->memory_bytes));
    ls_failures_add(&all, read_word(links, "data.links", ls_links_parse, &out->rules.any_links));
    ls_failures_add(&all, read_word(unwritten, "data.unwritten", ls_unwritten_parse, &out->rules.unwritten));
    for (const ls_config *c = data->first; c; c = c->next)
        if (c != file_node && c != memory && c != links && c != unwritten)
            ls_failures_add(&all, read_split(base, c, file, &out->split[out->splits++]));
    set_rules(out);
    ls_free(file);
    return ls_failures_end(&all);
}

void ls_array_specs_free(ls_array_spec *spec, size_t n)
{
    for (size_t i = 0; spec && i < n; i++) {
        ls_free(spec[i].name);
        ls_free(spec[i].file);
        ls_free(spec[i].path);
    }
    ls_free(spec);
}

void ls_data_spec_reset(ls_data_spec *spec)
{
    for (size_t i = 0; spec->split && i < spec->splits; i++) {
        ls_array_specs_free(spec->split[i].x, spec->split[i].xs);
        ls_array_specs_free(spec->split[i].y, spec->split[i].ys);
        ls_array_specs_free(spec->split[i].sample_weight, spec->split[i].weights);
        ls_free(spec->split[i].name);
    }
    ls_free(spec->split);
    *spec = (ls_data_spec){0};
}
