/* The configuration tree: building, errors with positions, typed values. YAML: formats/yaml.h. */
#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/failures.h"
#include "base/locale.h"
#include "base/memory.h"

#define SHORT_LIST 6 /* so few known keys are listed even when one of them is near */

/* ---- the tree ---- */

ls_config *ls_config_create(ls_config_kind kind, const char *file)
{
    ls_config *root = ls_calloc(1, sizeof *root, "a configuration value");

    if (!root)
        return NULL;
    root->kind = kind;
    if (file && !(root->owned_file = ls_strdup(file))) {
        ls_free(root);
        return NULL;
    }
    root->file = root->owned_file;
    return root;
}

void ls_config_free(ls_config *root)
{
    ls_config *child, *next;

    if (!root)
        return;
    for (child = root->first; child; child = next) {
        next = child->next;
        ls_config_free(child);
    }
    ls_free(root->key);
    ls_free(root->text);
    ls_free(root->owned_file);
    ls_free(root);
}

static void append(ls_config *parent, ls_config *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

ls_config *ls_config_add(ls_config *parent, const char *key, ls_config_kind kind, const char *text)
{
    ls_config *child = ls_config_create(kind, NULL);

    if (!child)
        return NULL;
    if ((key && !(child->key = ls_strdup(key))) || (text && !(child->text = ls_strdup(text)))) {
        ls_config_free(child);
        return NULL;
    }
    child->file = parent->file;
    append(parent, child);
    return child;
}

static bool copy_contents(const ls_config *from, ls_config *to)
{
    to->quoted = from->quoted;
    to->line = from->line;
    to->column = from->column;
    to->key_line = from->key_line;
    to->key_column = from->key_column;
    for (const ls_config *child = from->first; child; child = child->next) {
        ls_config *twin = ls_config_add(to, child->key, child->kind, child->text);

        if (!twin || (child->owned_file && !(twin->owned_file = ls_strdup(child->owned_file))))
            return false;
        if (twin->owned_file)
            twin->file = twin->owned_file;
        if (!copy_contents(child, twin))
            return false;
    }
    return true;
}

ls_config *ls_config_copy(const ls_config *source)
{
    ls_config *copy = ls_config_create(source->kind, source->file);

    if (!copy)
        return NULL;
    if ((source->key && !(copy->key = ls_strdup(source->key))) ||
        (source->text && !(copy->text = ls_strdup(source->text))) || !copy_contents(source, copy)) {
        ls_config_free(copy);
        return NULL;
    }
    return copy;
}

/* A copy of source under this key (NULL: none) as a root, so that it names its own file. */
static ls_config *copy_as(const ls_config *source, const char *key)
{
    ls_config *copy = ls_config_copy(source);

    if (!copy)
        return NULL;
    ls_free(copy->key);
    copy->key = NULL;
    if (key && !(copy->key = ls_strdup(key))) {
        ls_config_free(copy);
        return NULL;
    }
    return copy;
}

ls_status ls_config_replace(ls_config *parent, ls_config *old, const ls_config *source)
{
    ls_config *copy = copy_as(source, old->key), **link = &parent->first;

    if (!copy)
        return LS_ERR_MEMORY;
    while (*link != old)
        link = &(*link)->next;
    *link = copy;
    copy->next = old->next;
    if (parent->last == old)
        parent->last = copy;
    old->next = NULL;
    ls_config_free(old);
    return LS_OK;
}

void ls_config_remove(ls_config *parent, ls_config *child)
{
    ls_config **link = &parent->first, *before = NULL;

    for (; *link != child; link = &(*link)->next)
        before = *link;
    *link = child->next;
    if (parent->last == child)
        parent->last = before;
    parent->count--;
    child->next = NULL;
    ls_config_free(child);
}

ls_status ls_config_put(ls_config *parent, const char *key, const ls_config *source)
{
    ls_config *old = key ? ls_config_get(parent, key) : NULL, *copy;

    if (old)
        return ls_config_replace(parent, old, source);
    if (!(copy = copy_as(source, key)))
        return LS_ERR_MEMORY;
    append(parent, copy);
    return LS_OK;
}

/* ---- errors ---- */

static ls_status fail_at(const char *file, int line, int column, const char *format, va_list args)
{
    const locale_t before = ls_locale_enter();
    char message[1024];

    vsnprintf(message, sizeof message, format, args);
    ls_locale_leave(before);
    if (file && line > 0)
        return ls_fail(LS_ERR_CONFIG, "%s:%d:%d: %s", file, line, column, message);
    if (file)
        return ls_fail(LS_ERR_CONFIG, "%s: %s", file, message);
    return ls_fail(LS_ERR_CONFIG, "%s", message);
}

ls_status(ls_config_fail)(const ls_config *at, const char *format, ...)
{
    ls_status st;
    va_list args;

    va_start(args, format);
    st = at ? fail_at(at->file, at->line, at->column, format, args) : fail_at(NULL, 0, 0, format, args);
    va_end(args);
    return st;
}

ls_status(ls_config_fail_key)(const ls_config *at, const char *format, ...)
{
    ls_status st;
    va_list args;

    va_start(args, format);
    st = at ? fail_at(at->file, at->key_line, at->key_column, format, args) : fail_at(NULL, 0, 0, format, args);
    va_end(args);
    return st;
}

/* What stands there, for "… must be X, not Y". */
static void describe(const ls_config *node, char *out, size_t bytes)
{
    if (ls_config_is_null(node))
        snprintf(out, bytes, "null");
    else if (node->kind == LS_CONFIG_LIST)
        snprintf(out, bytes, "a list");
    else if (node->kind == LS_CONFIG_MAP)
        snprintf(out, bytes, "a map");
    else
        snprintf(out, bytes, "'%.80s'%s", node->text, node->quoted ? " in quotes" : "");
}

/* "WHERE must be WANTED, not 'abc'", HINT appended. */
static ls_status fail_value(const ls_config *node, const char *where, const char *wanted, const char *hint)
{
    char found[128];

    describe(node, found, sizeof found);
    return ls_config_fail(node, "%s must be %s, not %s%s", where, wanted, found, hint);
}

/* ---- looking things up ---- */

bool ls_config_is_null(const ls_config *node)
{
    if (!node || node->kind == LS_CONFIG_NULL || (node->kind == LS_CONFIG_SCALAR && !node->text))
        return true;
    return node->kind == LS_CONFIG_SCALAR && !node->quoted &&
           (!strcmp(node->text, "null") || !strcmp(node->text, "Null") || !strcmp(node->text, "NULL") ||
            !strcmp(node->text, "~"));
}

ls_config *ls_config_get(const ls_config *map, const char *key)
{
    if (!map || map->kind != LS_CONFIG_MAP)
        return NULL;
    for (ls_config *child = map->first; child; child = child->next)
        if (!strcmp(child->key, key))
            return child;
    return NULL;
}

ls_status ls_config_need(const ls_config *map, const char *key, const char *where, ls_config **out)
{
    *out = NULL;
    if (!ls_config_is_null(map) && map->kind != LS_CONFIG_MAP)
        return ls_config_expect(map, LS_CONFIG_MAP, where);
    *out = ls_config_get(map, key);
    if (!ls_config_is_null(*out))
        return LS_OK;
    if (*out)
        return ls_config_fail(*out, "%s needs a value for '%s'", where, key);
    return ls_config_fail(map, "%s needs the key '%s'", where, key);
}

ls_status ls_config_expect(const ls_config *node, ls_config_kind kind, const char *where)
{
    static const char *const wanted[] = {[LS_CONFIG_NULL] = "null",
                                         [LS_CONFIG_SCALAR] = "a single value",
                                         [LS_CONFIG_LIST] = "a list",
                                         [LS_CONFIG_MAP] = "a map of keys and values"};
    const ls_config_kind found = ls_config_is_null(node) ? LS_CONFIG_NULL : node->kind;

    return found == kind ? LS_OK : fail_value(node, where, wanted[kind], "");
}

static ls_status fail_unknown_key(const ls_config *entry, const char *const *known, size_t n, const char *where)
{
    char hint[LS_HINT_BYTES];
    ls_text message = {0};
    ls_status st;

    ls_text_add(&message, "unknown key '%.80s' in %s%s", entry->key, where, ls_hint(entry->key, known, n, hint));
    if (n && (!*hint || n <= SHORT_LIST)) {
        ls_text_add(&message, " (known: ");
        ls_text_add_list(&message, known, n);
        ls_text_add(&message, ")");
    }
    st = message.status == LS_OK ? ls_config_fail_key(entry, "%s", message.data) : message.status;
    ls_text_reset(&message);
    return st;
}

ls_status ls_config_check_keys(const ls_config *map, const char *const *known, size_t n, const char *where)
{
    ls_failures all = {0};

    if (ls_config_is_null(map))
        return LS_OK;
    LS_TRY(ls_config_expect(map, LS_CONFIG_MAP, where));
    for (const ls_config *entry = map->first; entry; entry = entry->next) {
        size_t i = 0;

        while (i < n && strcmp(entry->key, known[i]) != 0)
            i++;
        if (i == n)
            LS_GATHER(&all, fail_unknown_key(entry, known, n, where));
        for (const ls_config *before = map->first; before != entry; before = before->next)
            if (!strcmp(before->key, entry->key))
                LS_GATHER(&all, ls_config_fail_key(entry, "key '%s' stands twice in %s, first in line %d", entry->key,
                                                   where, before->key_line));
    }
    return ls_failures_end(&all);
}

/* ---- typed values ---- */

/* The scalar's text when it may be a number or a bool, else NULL. */
static const char *plain_text(const ls_config *node)
{
    return !ls_config_is_null(node) && node->kind == LS_CONFIG_SCALAR && !node->quoted ? node->text : NULL;
}

/* YAML core schema: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_number(const char *c)
{
    size_t digits = 0;

    c += *c == '-' || *c == '+';
    for (; isdigit((unsigned char)*c); c++)
        digits++;
    if (*c == '.')
        for (c++; isdigit((unsigned char)*c); c++)
            digits++;
    if (!digits)
        return false;
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '-' || *c == '+';
        if (!isdigit((unsigned char)*c))
            return false;
        while (isdigit((unsigned char)*c))
            c++;
    }
    return *c == '\0';
}

/* "a number above 0 and at most 1" */
static void describe_range(char *out, size_t bytes, const char *noun, const char *min, bool open_min, const char *max,
                           bool open_max)
{
    if (min && max && !open_min && !open_max)
        snprintf(out, bytes, "%s from %s to %s", noun, min, max);
    else
        snprintf(out, bytes, "%s%s%s%s%s%s", noun, min ? (open_min ? " above " : " of at least ") : "", min ? min : "",
                 min && max ? " and" : "", max ? (open_max ? " below " : " of at most ") : "", max ? max : "");
}

static ls_status fail_int(const ls_config *node, const char *where, int64_t min, int64_t max)
{
    const char *text = plain_text(node);
    char low[32], high[32], wanted[128], hint[64] = "";

    snprintf(low, sizeof low, "%" PRId64, min);
    snprintf(high, sizeof high, "%" PRId64, max);
    describe_range(wanted, sizeof wanted, "an integer", min == INT64_MIN ? NULL : low, false,
                   max == INT64_MAX ? NULL : high, false);
    if (text && is_number(text) && strpbrk(text, ".eE")) {
        const double value = ls_parse_double(text, NULL);

        if (value == floor(value) && value >= (double)min && value <= (double)max && fabs(value) < 0x1p53)
            snprintf(hint, sizeof hint, "; write %.0f", value);
    }
    return fail_value(node, where, wanted, hint);
}

ls_status ls_config_int(const ls_config *node, const char *where, int64_t min, int64_t max, int64_t *out)
{
    const char *text = plain_text(node);
    long long value;

    if (!text || !is_number(text) || strpbrk(text, ".eE"))
        return fail_int(node, where, min, max);
    errno = 0;
    value = strtoll(text, NULL, 10);
    if (errno == ERANGE || value < min || value > max)
        return fail_int(node, where, min, max);
    *out = value;
    return LS_OK;
}

ls_status ls_config_float_open(const ls_config *node, const char *where, double min, bool open_min, double max,
                               bool open_max, double *out)
{
    const char *text = plain_text(node);
    char low[32], high[32], wanted[128];

    if (text && is_number(text)) {
        char *end;
        const double value = ls_parse_double(text, &end);

        if (*end == '\0' && isfinite(value) && (open_min ? value > min : value >= min) &&
            (open_max ? value < max : value <= max)) {
            *out = value;
            return LS_OK;
        }
    }
    ls_format_double(min, low, sizeof low);
    ls_format_double(max, high, sizeof high);
    describe_range(wanted, sizeof wanted, "a finite number", isfinite(min) ? low : NULL, open_min,
                   isfinite(max) ? high : NULL, open_max);
    return fail_value(node, where, wanted, "");
}

ls_status ls_config_float(const ls_config *node, const char *where, double min, double max, double *out)
{
    return ls_config_float_open(node, where, min, false, max, false, out);
}

ls_status ls_config_bool(const ls_config *node, const char *where, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    const char *text = plain_text(node);

    for (size_t i = 0; text && i < 3; i++)
        if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
            *out = !strcasecmp(text, yes[i]);
            return LS_OK;
        }
    return fail_value(node, where, "true or false", "");
}

ls_status ls_config_text(const ls_config *node, const char *where, const char **out)
{
    if (ls_config_is_null(node) || node->kind != LS_CONFIG_SCALAR)
        return fail_value(node, where, "text", "");
    *out = node->text;
    return LS_OK;
}

ls_status ls_config_copy_text(const ls_config *node, const char *where, char **out)
{
    const char *text = NULL;

    if (ls_config_is_null(node))
        return LS_OK;
    LS_TRY(ls_config_text(node, where, &text));
    return (*out = ls_strdup(text)) ? LS_OK : LS_ERR_MEMORY;
}
