/*
 * YAML to a configuration tree. libyaml's event parser does the grammar; this file keeps the subset that an experiment
 * needs and refuses the rest by name, with line and column.
 */
#include "formats/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/memory.h"
#include "formats/yaml_mistakes.h"

#define FILE_BYTES_MAX ((size_t)16 << 20)
#define DEPTH_MAX 64
#define VALUES_MAX 100000 /* keeps a hostile file from becoming gigabytes of tree */
#define KEY_BYTES_MAX 256

typedef struct reader {
    yaml_parser_t parser;
    const char *name; /* for messages; borrowed */
    const char *text; /* all of it; borrowed */
    size_t bytes, values;
} reader;

/* libyaml counts lines and columns from 0. */
static ls_status fail_at(const reader *r, yaml_mark_t mark, const char *what)
{
    return ls_fail(LS_ERR_CONFIG, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1, what);
}

static ls_status fail_parser(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "not readable";
    ls_text sentence = {0};
    yaml_mark_t at;
    ls_status st;

    if (p->error == YAML_MEMORY_ERROR)
        return ls_fail(LS_ERR_MEMORY, "out of memory reading %s", r->name);
    if (p->error == YAML_READER_ERROR)
        return ls_fail(LS_ERR_CONFIG, "%s: byte %zu: %s; the file must be UTF-8 text", r->name, p->problem_offset,
                       problem);
    ls_yaml_explain(p, r->text, r->bytes, &at, &sentence);
    st = sentence.status == LS_OK ? fail_at(r, at, sentence.data) : sentence.status;
    ls_text_reset(&sentence);
    return st;
}

/* The caller deletes the event when this succeeds. */
static ls_status next_event(reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? LS_OK : fail_parser(r);
}

/* No anchor, alias or tag may come. */
static ls_status check_event(const reader *r, const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(r, e->start_mark, "aliases (*name) are not supported; write the value out");
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return fail_at(r, e->start_mark, "anchors (&name) are not supported; write the value out where it is needed");
    if (tag)
        return fail_at(r, e->start_mark, "tags (!name) are not supported");
    return LS_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const ls_config *left = *(const ls_config *const *)a, *right = *(const ls_config *const *)b;
    const int order = strcmp(left->key, right->key);

    if (order)
        return order;
    if (left->key_line != right->key_line)
        return left->key_line < right->key_line ? -1 : 1;
    return left->key_column < right->key_column ? -1 : left->key_column > right->key_column;
}

/* Sorted, so that even a very long map costs little. */
static ls_status check_unique(const ls_config *map)
{
    const ls_config **entries = ls_calloc(map->count, sizeof *entries, "map entries");
    ls_status st = LS_OK;
    size_t n = 0;

    if (!entries)
        return LS_ERR_MEMORY;
    for (const ls_config *child = map->first; child; child = child->next)
        entries[n++] = child;
    qsort(entries, n, sizeof *entries, compare_keys);
    for (size_t i = 1; i < n && st == LS_OK; i++)
        if (!strcmp(entries[i - 1]->key, entries[i]->key))
            st = ls_config_fail_key(entries[i], "key '%s' stands twice in one map, first in line %d", entries[i]->key,
                                    entries[i - 1]->key_line);
    ls_free(entries);
    return st;
}

static void set_position(ls_config *node, yaml_mark_t mark)
{
    node->line = (int)mark.line + 1;
    node->column = (int)mark.column + 1;
}

static ls_status take_scalar(reader *r, const yaml_event_t *e, ls_config *node)
{
    const char *text = (const char *)e->data.scalar.value;

    if (memchr(text, '\0', e->data.scalar.length))
        return fail_at(r, e->start_mark, "text must not hold a zero byte");
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->kind = LS_CONFIG_SCALAR;
    if (!(node->text = ls_strdup(text)))
        return LS_ERR_MEMORY;
    if (!node->quoted && (!*text || ls_config_is_null(node))) {
        node->kind = LS_CONFIG_NULL;
        ls_free(node->text);
        node->text = NULL;
    }
    return LS_OK;
}

static ls_status take_children(reader *r, ls_config *node, int depth);

/* The value that begins with this event, into a node without contents. */
static ls_status take_value(reader *r, const yaml_event_t *e, ls_config *node, int depth)
{
    LS_TRY(check_event(r, e));
    set_position(node, e->start_mark);
    if (++r->values > VALUES_MAX)
        return fail_at(r, e->start_mark, "too many values; an experiment may hold 100000");
    if (e->type == YAML_SCALAR_EVENT)
        return take_scalar(r, e, node);
    if (depth >= DEPTH_MAX)
        return fail_at(r, e->start_mark, "nested more than 64 levels deep");
    node->kind = e->type == YAML_MAPPING_START_EVENT ? LS_CONFIG_MAP : LS_CONFIG_LIST;
    LS_TRY(take_children(r, node, depth + 1));
    return node->kind == LS_CONFIG_MAP ? check_unique(node) : LS_OK;
}

/* A new child of a list, or of a map under this key. */
static ls_status add_child(reader *r, ls_config *parent, const yaml_event_t *key, ls_config **out)
{
    const char *name = NULL;

    if (key) {
        LS_TRY(check_event(r, key));
        if (key->type != YAML_SCALAR_EVENT)
            return fail_at(r, key->start_mark, "a key must be a plain word, not a list or map");
        name = (const char *)key->data.scalar.value;
        if (key->data.scalar.length > KEY_BYTES_MAX || memchr(name, '\0', key->data.scalar.length))
            return fail_at(r, key->start_mark, "a key must be at most 256 bytes without a zero byte");
        if (!strcmp(name, "<<"))
            return fail_at(r, key->start_mark, "merge keys (<<) are not supported; write the entries out");
        if (key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && name[0] == '-' && isalpha((unsigned char)name[1]))
            return fail_at(r, key->start_mark,
                           "a blank is missing behind the '-' of a list: write '- ' before the name");
    }
    if (!(*out = ls_config_add(parent, name, LS_CONFIG_NULL, NULL)))
        return LS_ERR_MEMORY;
    if (key) {
        (*out)->key_line = (int)key->start_mark.line + 1;
        (*out)->key_column = (int)key->start_mark.column + 1;
    }
    return LS_OK;
}

/* Up to the end of this list or map. */
static ls_status take_children(reader *r, ls_config *node, int depth)
{
    const bool map = node->kind == LS_CONFIG_MAP;
    const yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;

    for (;;) {
        yaml_event_t event;
        ls_config *child = NULL;
        ls_status st;

        LS_TRY(next_event(r, &event));
        if (event.type == end) {
            yaml_event_delete(&event);
            return LS_OK;
        }
        st = add_child(r, node, map ? &event : NULL, &child);
        if (st == LS_OK && map) {
            yaml_event_delete(&event);
            LS_TRY(next_event(r, &event));
        }
        if (st == LS_OK)
            st = take_value(r, &event, child, depth);
        yaml_event_delete(&event);
        LS_TRY(st);
    }
}

/* STREAM-START, DOCUMENT-START, value, DOCUMENT-END, STREAM-END; an empty stream is null. */
static ls_status take_stream(reader *r, ls_config *root)
{
    yaml_event_t event;
    ls_status st = LS_OK;
    bool have_document = false;

    for (;;) {
        bool done = false;

        LS_TRY(next_event(r, &event));
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
            if (event.data.stream_start.encoding != YAML_UTF8_ENCODING)
                st = ls_fail(LS_ERR_CONFIG, "%s: the text is UTF-16; it must be UTF-8", r->name);
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (have_document)
                st = fail_at(r, event.start_mark, "a second document begins here; one file holds one document");
            have_document = true;
            break;
        case YAML_DOCUMENT_END_EVENT:
            break;
        default:
            st = take_value(r, &event, root, 0);
            break;
        }
        yaml_event_delete(&event);
        if (st != LS_OK || done)
            return st;
    }
}

ls_status ls_yaml_parse(const char *text, size_t bytes, const char *name, ls_config **out)
{
    reader r = {.name = name, .text = text, .bytes = bytes};
    ls_config *root = NULL;
    ls_status st;

    *out = NULL;
    if (bytes > FILE_BYTES_MAX)
        return ls_fail(LS_ERR_CONFIG, "%s: %zu bytes; YAML of more than 16 MiB is refused", name, bytes);
    if (!yaml_parser_initialize(&r.parser))
        return ls_fail(LS_ERR_MEMORY, "out of memory reading %s", name);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    root = ls_config_create(LS_CONFIG_NULL, name);
    st = root ? take_stream(&r, root) : LS_ERR_MEMORY;
    yaml_parser_delete(&r.parser);
    if (st == LS_OK) {
        *out = root;
        root = NULL;
    }
    ls_config_free(root);
    return st;
}

ls_status ls_yaml_read(const char *path, ls_config **out)
{
    ls_status st = LS_OK;
    char *text = NULL;
    size_t n = 0, room = 1 << 16;
    FILE *file;

    *out = NULL;
    if (!(file = fopen(path, "rb")))
        return ls_fail(LS_ERR_CONFIG, "cannot open '%s': %s", path, strerror(errno));
    do { /* not by the size of the file: pipes have none */
        char *grown = ls_realloc(text, room, 1, path);

        if (!grown) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        text = grown;
        n += fread(text + n, 1, room - n, file);
        room *= 2;
    } while (n == room / 2 && n <= FILE_BYTES_MAX);
    if (ferror(file))
        st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    else
        st = ls_yaml_parse(text, n, path, out);

cleanup:
    ls_free(text);
    fclose(file);
    return st;
}

/* ---- --set a.b.c=VALUE ---- */

/* A child of a list by its number: "1". NULL: no such. */
static ls_config *list_entry(const ls_config *list, const char *index)
{
    char *end;
    const unsigned long i = strtoul(index, &end, 10);
    ls_config *child = list->first;

    if (!*index || *end || index[0] < '0' || index[0] > '9')
        return NULL;
    for (unsigned long k = 0; child && k < i; k++)
        child = child->next;
    return child;
}

/* Make a null into an empty map, so that "fit.epochs=3" works where nothing is written yet. */
static void become_map(ls_config *node)
{
    ls_free(node->text);
    node->text = NULL;
    node->kind = LS_CONFIG_MAP;
}

/* The child of this name or number; in a map a missing one is made, an empty map that names --set as its source. */
static ls_status find_child(ls_config *node, const char *step, const char *name, ls_config **out)
{
    ls_config *empty;
    ls_status st;

    if (ls_config_is_null(node))
        become_map(node);
    if (node->kind == LS_CONFIG_SCALAR)
        return ls_fail(LS_ERR_CONFIG, "%s: '%s' would lie below the single value '%s'", name, step, node->text);
    if (node->kind == LS_CONFIG_LIST) {
        *out = list_entry(node, step);
        return *out ? LS_OK
                    : ls_fail(LS_ERR_CONFIG, "%s: '%s' is no entry of a list of %zu; entries count from 0", name, step,
                              node->count);
    }
    if (ls_config_get(node, step)) {
        *out = ls_config_get(node, step);
        return LS_OK;
    }
    empty = ls_config_create(LS_CONFIG_MAP, name);
    st = empty ? ls_config_put(node, step, empty) : LS_ERR_MEMORY;
    ls_config_free(empty);
    *out = node->last;
    return st;
}

static bool is_deeper(const ls_config *node, int levels)
{
    if (node->kind != LS_CONFIG_LIST && node->kind != LS_CONFIG_MAP)
        return false;
    for (const ls_config *child = node->first; levels > 0 && child; child = child->next)
        if (is_deeper(child, levels - 1))
            return true;
    return levels == 0;
}

/* path is cut up in place. The tree stays one that ls_yaml_parse can have read. */
static ls_status set_path(ls_config *root, char *path, size_t steps, const ls_config *value, const char *name)
{
    ls_config *parent = NULL, *node = root;

    for (char *step = path, *dot; step; step = dot) {
        if ((dot = --steps ? strchr(step, '.') : NULL) != NULL)
            *dot++ = '\0';
        if (!*step)
            return ls_fail(LS_ERR_CONFIG, "%s: the path has an empty part", name);
        if (strlen(step) > KEY_BYTES_MAX || !strcmp(step, "<<"))
            return ls_fail(LS_ERR_CONFIG, "%s: '%s' can be no key", name, step);
        parent = node;
        LS_TRY(find_child(parent, step, name, &node));
    }
    LS_TRY(ls_config_replace(parent, node, value));
    return is_deeper(root, DEPTH_MAX) ? ls_fail(LS_ERR_CONFIG, "%s: nested deeper than %d levels", name, DEPTH_MAX)
                                      : LS_OK;
}

ls_status ls_yaml_put(ls_config *root, const char *path, const ls_config *value, const char *name)
{
    char *steps = ls_strdup(path);
    ls_status st = steps ? set_path(root, steps, SIZE_MAX, value, name) : LS_ERR_MEMORY;

    ls_free(steps);
    return st;
}

/* A line and a column mean nothing on the command line. */
static void forget_positions(ls_config *node)
{
    node->line = node->key_line = 0;
    for (ls_config *child = node->first; child; child = child->next)
        forget_positions(child);
}

ls_status ls_yaml_set(ls_config *root, const char *assignment)
{
    return ls_yaml_set_steps(root, assignment, SIZE_MAX);
}

ls_status ls_yaml_set_steps(ls_config *root, const char *assignment, size_t steps)
{
    const char *equals = strchr(assignment, '=');
    ls_config *value = NULL;
    ls_text name = {0};
    char *path = NULL;
    ls_status st;

    if (!ls_is_utf8(assignment))
        return ls_fail(LS_ERR_CONFIG, "setting %s: this is not UTF-8 text", assignment);
    if (!equals || equals == assignment)
        return ls_fail(LS_ERR_CONFIG, "setting %s: write it as KEY.KEY=VALUE, like fit.epochs=3", assignment);
    ls_text_add(&name, "setting %s", assignment);
    LS_TRY_CLEANUP(name.status);
    if (!(path = ls_strdup(assignment))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    path[equals - assignment] = '\0';
    LS_TRY_CLEANUP(ls_yaml_parse(equals + 1, strlen(equals + 1), name.data, &value));
    forget_positions(value);
    st = set_path(root, path, steps, value, name.data);

cleanup:
    ls_config_free(value);
    ls_free(path);
    ls_text_reset(&name);
    return st;
}
