/* A configuration tree as YAML in block style. Whatever libyaml read comes back from it as the same tree. */
#include "base/config.h"
#include "formats/yaml.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define INDENT 2

/*
 * May it stand without quotes? A narrow set of characters that never means anything in YAML; what looks like the dash
 * of a list is quoted.
 */
static bool is_plain(const char *text)
{
    if (!*text || (text[0] == '-' && !isdigit((unsigned char)text[1]) && text[1] != '.'))
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_./+-", *c))
            return false;
    return true;
}

/* The code point at *c (UTF-8) and its length; a stray byte stands for itself. */
static uint32_t decode(const unsigned char *c, size_t *length)
{
    const size_t n = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc2 ? 2 : 0;
    uint32_t point = n < 2 ? c[0] : c[0] & (0x7fu >> n);

    *length = 1;
    for (size_t i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return c[0];
        point = point << 6 | (c[i] & 0x3fu);
    }
    *length = n ? n : 1;
    return point;
}

/* Double quotes; what YAML takes for a line break or refuses as not printable is escaped. */
static void write_quoted(const char *text, ls_text *out)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t length;

    ls_text_add(out, "\"");
    for (; *c; c += length) {
        const uint32_t point = decode(c, &length);

        if (point == '"' || point == '\\')
            ls_text_add(out, "\\%c", (int)point);
        else if (point == '\n')
            ls_text_add(out, "\\n");
        else if (point == '\t')
            ls_text_add(out, "\\t");
        else if (point < 0x20 || (point >= 0x7f && point <= 0xa0) || (point < 0x100 && length == 1 && point >= 0x80))
            ls_text_add(out, "\\x%02X", point);
        else if (point == 0x2028 || point == 0x2029 || point == 0xfeff || point == 0xfffe || point == 0xffff)
            ls_text_add(out, "\\u%04X", point);
        else
            ls_text_add_bytes(out, c, length);
    }
    ls_text_add(out, "\"");
}

static void write_text(const char *text, bool quoted, ls_text *out)
{
    if (!quoted && is_plain(text))
        ls_text_add(out, "%s", text);
    else
        write_quoted(text, out);
}

/* Keys are only ever compared as text, so it does not matter that "12" or "null" stand bare. */
static void write_key(const char *key, ls_text *out)
{
    write_text(key, false, out);
    ls_text_add(out, ":");
}

/*
 * The children of a map or list, each on its own line at `column`. The cursor already stands there for the first one.
 *
 *     epochs: 5
 *     callbacks:
 *       - early_stopping:
 *           patience: 3
 */
static void write_children(const ls_config *node, int column, ls_text *out);

/* What follows "key:" or "-": a short value on the same line, or the children below. */
static void write_value(const ls_config *node, int column, ls_text *out)
{
    if (ls_config_is_null(node)) {
        ls_text_add(out, " null\n");
    } else if (node->kind == LS_CONFIG_SCALAR) {
        ls_text_add(out, " ");
        write_text(node->text, node->quoted, out);
        ls_text_add(out, "\n");
    } else if (!node->count) {
        ls_text_add(out, node->kind == LS_CONFIG_MAP ? " {}\n" : " []\n");
    } else if (node->key) {
        ls_text_add(out, "\n%*s", column + INDENT, "");
        write_children(node, column + INDENT, out);
    } else { /* an entry of a list: its first line shares the dash's */
        ls_text_add(out, " ");
        write_children(node, column + INDENT, out);
    }
}

static void write_children(const ls_config *node, int column, ls_text *out)
{
    for (const ls_config *child = node->first; child; child = child->next) {
        if (child != node->first)
            ls_text_add(out, "%*s", column, "");
        if (node->kind == LS_CONFIG_MAP)
            write_key(child->key, out);
        else
            ls_text_add(out, "-");
        write_value(child, column, out);
    }
}

void ls_yaml_write(const ls_config *root, ls_text *out)
{
    if (root && root->count) {
        write_children(root, 0, out);
        return;
    }
    if (ls_config_is_null(root))
        ls_text_add(out, "null");
    else if (root->kind == LS_CONFIG_SCALAR)
        write_text(root->text, root->quoted, out);
    else
        ls_text_add(out, root->kind == LS_CONFIG_MAP ? "{}" : "[]");
    ls_text_add(out, "\n");
}

void ls_yaml_write_line(const ls_config *node, ls_text *out)
{
    const bool map = node->kind == LS_CONFIG_MAP;

    if (node->kind == LS_CONFIG_NULL || node->kind == LS_CONFIG_SCALAR) {
        ls_text_add(out, "%s", ls_config_is_null(node) ? "null" : node->text);
        return;
    }
    ls_text_add(out, map ? "{" : "[");
    for (const ls_config *c = node->first; c; c = c->next) {
        if (map)
            ls_text_add(out, "%s: ", c->key);
        ls_yaml_write_line(c, out);
        ls_text_add(out, c->next ? ", " : "");
    }
    ls_text_add(out, map ? "}" : "]");
}
