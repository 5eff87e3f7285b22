/*
 * libyaml says what its grammar wanted next ("did not find expected key"), at the place where nothing else could
 * follow. The mistake is mostly before that: a tab, a colon without a blank behind it, a bracket that is never closed.
 * This file looks at the lines around the place and says what people can change.
 */
#include "formats/yaml_mistakes.h"

#include <stdint.h>
#include <string.h>

typedef struct line {
    const char *text; /* NULL: there is no such line */
    size_t length;    /* without blanks and comments at its end */
    size_t indent;    /* blanks and tabs at its beginning */
} line;

typedef struct place {
    const yaml_parser_t *parser;
    const char *text;
    size_t bytes;
    size_t number; /* of the line where libyaml stopped, from 0 */
    size_t column; /* in it, in bytes, at most its length */
    line here;
    yaml_mark_t *at;
    ls_text *out;
} place;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The line that begins there. */
static line line_at(const char *text, const char *end)
{
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    line out = {.text = text, .length = (size_t)((newline ? newline : end) - text)};

    for (size_t i = 1; i < out.length; i++)
        if (text[i] == '#' && is_blank(text[i - 1]))
            out.length = i;
    while (out.length && is_blank(text[out.length - 1]))
        out.length--;
    while (out.indent < out.length && is_blank(text[out.indent]))
        out.indent++;
    return out;
}

static line get_line(const char *text, size_t bytes, size_t number)
{
    const char *end = text + bytes, *newline;

    for (; number && (newline = memchr(text, '\n', (size_t)(end - text))) != NULL; number--)
        text = newline + 1;
    if (number || text == end)
        return (line){0};
    return line_at(text, end);
}

/* The nearest line above with something in it; *number becomes its own. */
static line line_above(const place *p, size_t *number)
{
    const char *begin = p->here.text;

    while (begin > p->text) {
        line l;

        for (begin--; begin > p->text && begin[-1] != '\n';)
            begin--;
        --*number;
        l = line_at(begin, p->here.text);
        if (l.indent < l.length && l.text[l.indent] != '#')
            return l;
    }
    return (line){0};
}

/* How much of a text a message shows: whole characters. */
static int shown(const char *text, size_t length)
{
    size_t n = length > 60 ? 60 : length;

    while (n && n < length && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    return (int)n;
}

static bool says(const char *text, const char *part)
{
    return text && strstr(text, part);
}

static void move_to(const place *p, size_t number, size_t column)
{
    p->at->line = number;
    p->at->column = column;
}

/* The first ':' that ends a key; SIZE_MAX: none. */
static size_t key_end(const line *l)
{
    for (size_t i = l->indent; i < l->length; i++)
        if (l->text[i] == ':' && (i + 1 == l->length || is_blank(l->text[i + 1])))
            return i;
    return SIZE_MAX;
}

/* A line without a key: for want of a blank, or of the colon. */
static void explain_keyless(const place *p, size_t number, const line *l)
{
    const char *begin = l->text + l->indent;
    const int length = shown(begin, l->length - l->indent);
    const char *colon = memchr(begin, ':', (size_t)length);

    if (colon) {
        move_to(p, number, (size_t)(colon - l->text));
        ls_text_add(p->out, "a blank is missing behind the colon: write '%.*s: %.*s'", (int)(colon - begin), begin,
                    length - (int)(colon - begin) - 1, colon + 1);
    } else {
        move_to(p, number, l->length);
        ls_text_add(p->out, "a colon is missing behind '%.*s': write '%.*s:'", length, begin, length, begin);
    }
}

/* "mapping values are not allowed in this context": at a colon. */
static void explain_colon(const place *p)
{
    size_t number = p->number;
    const line above = line_above(p, &number);
    const size_t first = key_end(&p->here);

    if (first != SIZE_MAX && first < p->column) {
        const char *value = p->here.text + first + 1, *end = p->here.text + p->here.length;

        while (value < end && is_blank(*value))
            value++;
        ls_text_add(p->out,
                    "a second colon in one line: a text with ': ' in it stands in quotes, '%.*s: \"%.*s\"', and a map "
                    "within a map on lines of its own or in braces",
                    shown(p->here.text + p->here.indent, first - p->here.indent), p->here.text + p->here.indent,
                    shown(value, (size_t)(end - value)), value);
    } else if (above.text && key_end(&above) == SIZE_MAX) {
        explain_keyless(p, number, &above);
    } else {
        move_to(p, p->number, p->here.indent);
        ls_text_add(p->out,
                    "this line is indented by %zu, the one above it (line %zu) by %zu, and that has a value already: "
                    "keys of one map begin in the same column",
                    p->here.indent, number + 1, above.indent);
    }
}

/* "did not find expected key", "... '-' indicator": in a map or a list of blocks. */
static void explain_block(const place *p)
{
    const bool list = says(p->parser->problem, "'-'");
    const size_t began = p->parser->context_mark.line, column = p->parser->context_mark.column;
    const char *begin = p->here.text + p->here.indent;
    const bool dash = p->here.length > p->here.indent && *begin == '-';
    size_t number = p->number;
    line above;

    if (p->column > p->here.indent && !(list && dash)) {
        ls_text_add(p->out,
                    "'%.*s' does not belong behind the value before it: put all of the value in quotes, and "
                    "quotes within it in the other kind",
                    shown(p->here.text + p->column, p->here.length - p->column), p->here.text + p->column);
        return;
    }
    above = line_above(p, &number);
    if (!list && above.text && above.indent == p->here.indent && key_end(&above) == SIZE_MAX &&
        memchr(above.text, ':', above.length)) {
        explain_keyless(p, number, &above);
        return;
    }
    move_to(p, p->number, p->here.indent);
    if (list && dash)
        ls_text_add(
            p->out,
            "this '-' is indented by %zu, those of its list (from line %zu) by %zu: entries of one list begin in "
            "the same column",
            p->here.indent, began + 1, column);
    else if (list)
        ls_text_add(p->out,
                    "a list began in line %zu, and this is no entry of it: begin it with '- ', or indent it as the key "
                    "that the list belongs to",
                    began + 1);
    else if (dash)
        ls_text_add(
            p->out,
            "an entry of a list ('- ') among the keys of a map (from line %zu): indent it as the entries of its "
            "list, below the key that it belongs to",
            began + 1);
    else
        ls_text_add(
            p->out,
            "this line is indented by %zu, as no key above it is; those of the map that began in line %zu are by "
            "%zu: keys of one map begin in the same column",
            p->here.indent, began + 1, column);
}

/* "did not find expected ',' or ']'" (or '}'). */
static void explain_brackets(const place *p)
{
    const bool list = says(p->parser->problem, "']'");
    const char open = list ? '[' : '{', close = list ? ']' : '}';
    const char found = p->column < p->here.length ? p->here.text[p->column] : '\0';
    const size_t began = p->parser->context_mark.line;

    if (found == (list ? '}' : ']')) {
        ls_text_add(p->out, "'%c' cannot close the '%c' of line %zu: write '%c'", found, open, began + 1, close);
    } else if (p->number == began && found) {
        ls_text_add(p->out, "a ',' is missing before '%.*s', or a '%c'",
                    shown(p->here.text + p->column, p->here.length - p->column), p->here.text + p->column, close);
    } else {
        *p->at = p->parser->context_mark;
        ls_text_add(
            p->out,
            "the '%c' that opens here is not closed when line %zu begins: write '%c' behind its last value, or the "
            "',' that is missing",
            open, p->number + 1, close);
    }
}

/* A value that begins with what YAML keeps for itself. */
static void explain_start(const place *p)
{
    const int length = shown(p->here.text + p->column, p->here.length - p->column);

    if (p->column >= p->here.length || p->here.text[p->column] == '\t')
        ls_text_add(p->out, "a tab where YAML wants blanks: write blanks in its place");
    else
        ls_text_add(p->out, "a value cannot begin with '%c': put it in quotes, \"%.*s\"", p->here.text[p->column],
                    length, p->here.text + p->column);
}

static void explain_missing(const place *p)
{
    const char found = p->column < p->here.length ? p->here.text[p->column] : '\0';

    if (found == ']' || found == '}')
        ls_text_add(p->out, "'%c' closes nothing: no '%c' is open here; take it out, or write the other one", found,
                    found == ']' ? '[' : '{');
    else if (found == ',')
        ls_text_add(p->out, "a value is missing before this ',': take the ',' out, or write the value");
    else
        ls_text_add(p->out, "a value is missing here");
}

static void explain_quotes(const place *p)
{
    if (says(p->parser->problem, "escape")) {
        ls_text_add(p->out,
                    "within \"double quotes\" a backslash begins an escape, and this one is none: write it twice, or "
                    "use 'single quotes'");
        return;
    }
    *p->at = p->parser->context_mark;
    ls_text_add(p->out, "the quote that opens here is never closed: write the same quote behind the text");
}

void ls_yaml_explain(const yaml_parser_t *parser, const char *text, size_t bytes, yaml_mark_t *at, ls_text *out)
{
    const char *problem = parser->problem ? parser->problem : "not readable", *context = parser->context;
    place p = {
        .parser = parser, .text = text, .bytes = bytes, .number = parser->problem_mark.line, .at = at, .out = out};
    const char *tab;
    line l;

    *at = parser->problem_mark;
    p.here = get_line(text, bytes, p.number);
    /* libyaml counts characters; beyond them are only bytes that were no mistake. */
    for (size_t i = 0; i < at->column && p.column < p.here.length; i++)
        do
            p.column++;
        while (p.column < p.here.length && ((unsigned char)p.here.text[p.column] & 0xC0) == 0x80);
    if (p.here.text && (tab = memchr(p.here.text, '\t', p.here.indent)) != NULL) {
        move_to(&p, p.number, (size_t)(tab - p.here.text));
        ls_text_add(out,
                    "a tab at the beginning of the line: YAML is indented by blanks; write two blanks for each tab");
    } else if (says(context, "quoted scalar")) {
        explain_quotes(&p);
    } else if (says(problem, "mapping values") && p.here.text) {
        explain_colon(&p);
    } else if (says(problem, "find expected ':'") && (l = get_line(text, bytes, parser->context_mark.line)).text) {
        explain_keyless(&p, parser->context_mark.line, &l);
    } else if (says(problem, "expected ','") && parser->context_mark.line <= p.number) {
        explain_brackets(&p);
    } else if ((says(problem, "expected key") || says(problem, "'-' indicator")) && p.here.text) {
        explain_block(&p);
    } else if (says(problem, "cannot start any token") && p.here.text) {
        explain_start(&p);
    } else if (says(problem, "node content")) {
        explain_missing(&p);
    } else if (says(context, "an anchor") || says(context, "an alias")) {
        ls_text_add(out, "a value cannot begin with '*' or '&': put it in quotes");
    } else if (context) {
        ls_text_add(out, "%s (%s, from line %zu): this is not YAML", problem, context, parser->context_mark.line + 1);
    } else {
        ls_text_add(out, "%s: this is not YAML", problem);
    }
}
